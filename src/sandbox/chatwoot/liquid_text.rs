//! Outgoing text is a Liquid template (contract 5.6): what is stored may not be what was posted.

use liquid::model::{DisplayCow, KStringCow, State, Value as Liquid, ValueView};
use liquid::{ObjectView, ParserBuilder};

use super::world::{Conversation, Sender, World};

/// Renders `content` the way Chatwoot does before it stores an outgoing message; broken templates stay as they are.
pub(super) fn render(world: &World, conversation: &Conversation, sender: Sender, content: &str) -> String {
    if !content.contains("{{") && !content.contains("{%") {
        return content.to_owned();
    }
    let parsed = ParserBuilder::with_stdlib().build().and_then(|parser| parser.parse(&protect_code(content)));
    let Ok(template) = parsed else {
        return content.to_owned();
    };
    template.render(&names(world, conversation, sender)).unwrap_or_else(|_| content.to_owned())
}

/// Wraps what stands between backticks in `raw`, as Chatwoot does.
fn protect_code(content: &str) -> String {
    let mut protected = String::new();
    let mut rest = content;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, behind)) = after.split_once('`') else {
            break;
        };
        protected.push_str(before);
        protected.push_str(&format!("{{% raw %}}`{code}`{{% endraw %}}"));
        rest = behind;
    }
    protected + rest
}

/// The objects a template may name.
fn names(world: &World, conversation: &Conversation, sender: Sender) -> Drop {
    let contact = world.contacts.get(&conversation.contact_id);
    let contact_name = capitalized(contact.map_or("", |contact| &contact.name));
    let agent_name = match sender {
        Sender::User(id) => world.users.get(&id).map(|user| user.name.as_str()),
        Sender::Bot(id) => world.bots.get(&id).map(|bot| bot.name.as_str()),
        Sender::Contact(_) | Sender::Nobody => None,
    };
    let inbox = world.inboxes.get(&conversation.inbox_id);
    Drop::of([
        (
            "contact",
            Drop::of([
                ("name", Drop::text(&contact_name)),
                ("first_name", Drop::text(first_word(&contact_name))),
                ("last_name", Drop::text(last_word(&contact_name))),
                ("email", Drop::optional(contact.and_then(|contact| contact.email.as_deref()))),
                ("phone_number", Drop::optional(contact.and_then(|contact| contact.phone_number.as_deref()))),
                ("custom_attribute", Drop::attributes(contact.map(|contact| &contact.custom_attributes))),
            ]),
        ),
        (
            "agent",
            Drop::of([
                ("name", Drop::text(&capitalized(agent_name.unwrap_or("")))),
                ("available_name", Drop::text(agent_name.unwrap_or(""))),
                ("first_name", Drop::text(first_word(&capitalized(agent_name.unwrap_or(""))))),
                ("last_name", Drop::text(last_word(&capitalized(agent_name.unwrap_or(""))))),
            ]),
        ),
        (
            "conversation",
            Drop::of([
                ("display_id", Drop::text(&conversation.id.to_string())),
                ("contact_name", Drop::text(&contact_name)),
                ("custom_attribute", Drop::attributes(Some(&conversation.custom_attributes))),
            ]),
        ),
        ("inbox", Drop::of([("name", Drop::optional(inbox.map(|inbox| inbox.name.as_str())))])),
        ("account", Drop::of([("name", Drop::text(&world.account_name))])),
    ])
}

/// Each word with a capital first and small letters after it, as Chatwoot's drops give names.
fn capitalized(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        first + &letters.as_str().to_lowercase()
    };
    name.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

fn first_word(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or("")
}

fn last_word(name: &str) -> &str {
    if name.contains(' ') { name.split_whitespace().next_back().unwrap_or("") } else { "" }
}

/// A Liquid value that takes every name asked of it for an empty one, as Ruby's Liquid does and Rust's does not.
#[derive(Debug)]
struct Drop {
    text: Option<Liquid>,
    named: Vec<(String, Self)>,
}

/// What an unknown name is.
static NOTHING: Drop = Drop { text: None, named: Vec::new() };

impl Drop {
    fn of<const N: usize>(named: [(&str, Self); N]) -> Self {
        Self { text: None, named: named.into_iter().map(|(key, value)| (key.to_owned(), value)).collect() }
    }

    fn text(text: &str) -> Self {
        Self { text: Some(Liquid::scalar(text.to_owned())), named: Vec::new() }
    }

    fn optional(text: Option<&str>) -> Self {
        text.map_or(Self { text: None, named: Vec::new() }, Self::text)
    }

    fn attributes(attributes: Option<&super::world::Object>) -> Self {
        let word = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let one = |(key, value): (&String, &serde_json::Value)| (key.clone(), Self::text(&word(value)));
        Self { text: None, named: attributes.into_iter().flatten().map(one).collect() }
    }

    fn inner(&self) -> &dyn ValueView {
        match &self.text {
            Some(text) => text,
            None => &Liquid::Nil,
        }
    }
}

impl ValueView for Drop {
    fn as_debug(&self) -> &dyn std::fmt::Debug {
        self
    }
    fn render(&self) -> DisplayCow<'_> {
        self.inner().render()
    }
    fn source(&self) -> DisplayCow<'_> {
        self.inner().source()
    }
    fn type_name(&self) -> &'static str {
        "object"
    }
    fn query_state(&self, state: State) -> bool {
        if self.named.is_empty() { self.inner().query_state(state) } else { matches!(state, State::Truthy) }
    }
    fn to_kstr(&self) -> KStringCow<'_> {
        self.inner().to_kstr()
    }
    fn to_value(&self) -> Liquid {
        self.inner().to_value()
    }
    fn as_scalar(&self) -> Option<liquid::model::ScalarCow<'_>> {
        self.text.as_ref().and_then(ValueView::as_scalar)
    }
    fn is_nil(&self) -> bool {
        self.text.is_none() && self.named.is_empty()
    }
    fn as_object(&self) -> Option<&dyn ObjectView> {
        if self.text.is_some() { None } else { Some(self) }
    }
}

impl ObjectView for Drop {
    fn as_value(&self) -> &dyn ValueView {
        self
    }
    fn size(&self) -> i64 {
        i64::try_from(self.named.len()).unwrap_or(0)
    }
    fn keys<'k>(&'k self) -> Box<dyn Iterator<Item = KStringCow<'k>> + 'k> {
        Box::new(self.named.iter().map(|(key, _)| KStringCow::from_ref(key)))
    }
    fn values<'k>(&'k self) -> Box<dyn Iterator<Item = &'k dyn ValueView> + 'k> {
        Box::new(self.named.iter().map(|(_, value)| -> &dyn ValueView { value }))
    }
    fn iter<'k>(&'k self) -> Box<dyn Iterator<Item = (KStringCow<'k>, &'k dyn ValueView)> + 'k> {
        Box::new(
            self.named
                .iter()
                .map(|(key, value)| -> (KStringCow<'k>, &dyn ValueView) { (KStringCow::from_ref(key), value) }),
        )
    }
    fn contains_key(&self, _index: &str) -> bool {
        true
    }
    fn get<'s>(&'s self, index: &str) -> Option<&'s dyn ValueView> {
        let found = self.named.iter().find(|(key, _)| key == index).map(|(_, value)| value);
        Some(found.unwrap_or(&NOTHING))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::super::call::Call;
    use super::super::world::{Actor, Sender, World};
    use super::super::{contact_inboxes, contacts, conversations, inboxes, users};
    use super::render;
    use crate::clock::{CountedIds, SystemClock};

    /// What a real Chatwoot stored of 120 texts posted as notes.
    #[test]
    fn notes_are_stored_as_recorded() {
        let mut world = World::new(Arc::new(SystemClock), Arc::new(CountedIds::new(1)), "Lab".to_owned());
        let user = users::insert(&mut world, "Offhook", "service@example.com", true);
        world.current = Some(Actor::User(user));
        let inbox = inboxes::insert(&mut world, "Acme Movers");
        let body = json!({ "name": "Vec note3 1795354734.3587997" }).as_object().cloned().unwrap();
        let contact = contacts::make(&mut world, &Call { body, ..Call::default() }).unwrap();
        let place = contact_inboxes::find_or_make(&mut world, contact, inbox, Some("a")).unwrap();
        let id = conversations::open(&mut world, place, "open", &Call::default()).unwrap();

        let recorded = include_str!("../../../tests/fixtures/chatwoot/chatwoot-4.13.0-rendering.json");
        let recorded: Vec<Value> = serde_json::from_str(recorded).unwrap();
        let mut judged = 0;
        for one in &recorded {
            let text = one["text"].as_str().unwrap();
            for (posted, stored) in [
                (text, &one["note"]["stored"]),
                (one["escaped"]["posted"].as_str().unwrap_or(text), &one["escaped"]["stored"]),
            ] {
                if let Some(stored) = stored.as_str() {
                    let rendered = render(&world, &world.conversations[&id], Sender::User(user), posted);
                    assert_eq!(rendered, stored, "of {posted:?}");
                    judged += 1;
                }
            }
        }
        assert!(judged >= 230, "{judged} texts judged");
    }
}
