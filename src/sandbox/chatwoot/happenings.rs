//! What changed, and whom Chatwoot tells of it: account webhooks, API inboxes, bots, automation rules and the cable.

use serde_json::{Value, json};

use super::automation;
use super::presence;
use super::show_conversations as conversations;
use super::show_people as people;
use super::world::{Actor, Conversation, Kind, Object, World};

/// One thing that changed.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    ConversationCreated(i64),
    ConversationUpdated {
        id: i64,
        changes: Vec<Value>,
    },
    StatusChanged(i64),
    AssigneeChanged(i64),
    TeamChanged(i64),
    ConversationRead(i64),
    MessageCreated(i64),
    MessageUpdated {
        id: i64,
        previous_changes: Value,
    },
    FirstReply(i64),
    ContactCreated(i64),
    ContactUpdated {
        id: i64,
        changes: Vec<Value>,
    },
    ContactDeleted(Value),
    ContactMerged(i64),
    Typing {
        conversation: i64,
        is_on: bool,
        is_private: bool,
    },
    CachesInvalidated,
    /// An unsigned post by a macro or an automation rule.
    Posted {
        url: String,
        body: Object,
    },
}

/// A webhook to send once.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) url: String,
    /// Signed with this, and numbered, when there is one.
    pub(super) secret: Option<String>,
    pub(super) body: String,
    pub(super) event: String,
}

/// A frame for the cable.
#[derive(Debug, Clone)]
pub(super) struct Broadcast {
    /// The users whose streams carry it; none means the stream of the account.
    pub(super) users: Option<Vec<i64>>,
    pub(super) message: Value,
}

/// Everything to send after a request.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) posts: Vec<Post>,
    pub(super) broadcasts: Vec<Broadcast>,
}

/// Takes what happened and words it, as the world stands now (contract 6.5: bodies are snapshots at job time).
pub(super) fn word(world: &mut World) -> Outgoing {
    automation::react(world);
    let mut outgoing = Outgoing::default();
    for happening in std::mem::take(&mut world.happenings) {
        word_one(world, &happening, &mut outgoing);
    }
    outgoing
}

fn word_one(world: &World, happening: &Happening, out: &mut Outgoing) {
    match happening {
        Happening::ConversationCreated(id)
        | Happening::ConversationUpdated { id, .. }
        | Happening::StatusChanged(id)
        | Happening::AssigneeChanged(id)
        | Happening::TeamChanged(id)
        | Happening::ConversationRead(id) => {
            if let Some(one) = world.conversations.get(id) {
                of_conversation(world, out, one, happening);
            }
        }
        Happening::MessageCreated(id) => of_message(world, out, *id, "message.created", None),
        Happening::MessageUpdated { id, previous_changes } => {
            of_message(world, out, *id, "message.updated", Some(previous_changes));
        }
        Happening::FirstReply(id) => of_message(world, out, *id, "first.reply.created", None),
        Happening::Typing { conversation, is_on, is_private } => {
            typing(world, out, *conversation, *is_on, *is_private);
        }
        Happening::CachesInvalidated => caches_invalidated(world, out),
        Happening::Posted { url, body } => post(out, url, None, body),
        Happening::ContactCreated(_)
        | Happening::ContactUpdated { .. }
        | Happening::ContactDeleted(_)
        | Happening::ContactMerged(_) => of_contact(world, out, happening),
    }
}

/// Tells of a conversation: webhooks first, then the cable.
fn of_conversation(world: &World, out: &mut Outgoing, one: &Conversation, happening: &Happening) {
    let mut body = conversations::conversation_event(world, one);
    let data = body.clone();
    let event = match happening {
        Happening::ConversationCreated(_) => {
            to_account(world, out, "conversation_created", body.clone());
            to_inbox(world, out, one.inbox_id, "conversation_created", body);
            "conversation.created"
        }
        Happening::ConversationUpdated { changes, .. } => {
            body.insert("changed_attributes".to_owned(), json!(changes));
            to_everyone(world, out, one, "conversation_updated", &body);
            "conversation.updated"
        }
        Happening::StatusChanged(_) => {
            if one.status == "resolved" {
                to_bots(world, out, one, "conversation_resolved", &body);
            } else if one.status == "open" {
                to_bots(world, out, one, "conversation_opened", &body);
            }
            body.insert("changed_attributes".to_owned(), Value::Null);
            to_everyone(world, out, one, "conversation_status_changed", &body);
            "conversation.status_changed"
        }
        Happening::AssigneeChanged(_) => "assignee.changed",
        Happening::TeamChanged(_) => "team.changed",
        _ => "conversation.read",
    };
    let with_performer = matches!(happening, Happening::ConversationCreated(_));
    let users = Some(audience(world, one));
    broadcast(world, out, users, event, data, with_performer);
}

/// Tells every browser to load labels, inboxes and teams again.
fn caches_invalidated(world: &World, out: &mut Outgoing) {
    let keys = world.cache_keys.iter();
    let keys: Object = keys.map(|(key, at)| ((*key).to_owned(), json!(format!("{at:010}")))).collect();
    let data = Object::from_iter([("cache_keys".to_owned(), Value::Object(keys))]);
    let everyone = world.users.keys().copied().collect();
    broadcast(world, out, Some(everyone), "account.cache_invalidated", data, true);
}

/// Tells of a message: the cable hears everything, webhooks no activity lines.
fn of_message(world: &World, out: &mut Outgoing, id: i64, event: &str, previous_changes: Option<&Value>) {
    let Some(message) = world.messages.get(&id) else {
        return;
    };
    let Some(one) = world.conversations.get(&message.conversation_id) else {
        return;
    };
    if message.kind != Kind::Activity && event != "first.reply.created" {
        let word = event.replace('.', "_");
        to_everyone(world, out, one, &word, &conversations::message_webhook(world, message));
    }
    let mut data = conversations::message_event(world, message, true).as_object().cloned().unwrap_or_default();
    if let Some(changes) = previous_changes {
        data.insert("previous_changes".to_owned(), changes.clone());
    }
    broadcast(world, out, Some(audience(world, one)), event, data, previous_changes.is_none());
}

fn of_contact(world: &World, out: &mut Outgoing, happening: &Happening) {
    let (id, event) = match happening {
        Happening::ContactCreated(id) => (*id, "contact.created"),
        Happening::ContactUpdated { id, .. } => (*id, "contact.updated"),
        Happening::ContactMerged(id) => (*id, "contact.merged"),
        Happening::ContactDeleted(contact) => {
            let data = contact.as_object().cloned().unwrap_or_default();
            return broadcast(world, out, None, "contact.deleted", data, true);
        }
        _ => return,
    };
    let Some(contact) = world.contacts.get(&id) else {
        return;
    };
    let mut body = people::contact_webhook(world, contact);
    if let Happening::ContactUpdated { changes, .. } = happening {
        body.insert("changed_attributes".to_owned(), json!(changes));
    }
    if event != "contact.merged" {
        to_account(world, out, &event.replace('.', "_"), body);
    }
    let data = people::contact_event(contact).as_object().cloned().unwrap_or_default();
    broadcast(world, out, None, event, data, true);
}

fn typing(world: &World, out: &mut Outgoing, conversation: i64, is_on: bool, is_private: bool) {
    let Some(one) = world.conversations.get(&conversation) else {
        return;
    };
    let user = match world.current {
        Some(Actor::User(id)) => world
            .users
            .get(&id)
            .map(|user| json!({ "id": user.id, "name": user.name, "email": user.email, "type": "user" })),
        Some(Actor::Bot(id)) => {
            world.bots.get(&id).map(|bot| json!({ "id": bot.id, "name": bot.name, "type": "agent_bot" }))
        }
        None => world.contacts.get(&one.contact_id).map(people::contact_event),
    };
    let event = if is_on { "conversation_typing_on" } else { "conversation_typing_off" };
    let shown = conversations::conversation_event(world, one);
    let body = json!({ "user": user, "conversation": shown, "is_private": is_private });
    let body = body.as_object().cloned().unwrap_or_default();
    to_account(world, out, event, body.clone());
    to_inbox(world, out, one.inbox_id, event, body.clone());
    let event = if is_on { "conversation.typing_on" } else { "conversation.typing_off" };
    broadcast(world, out, Some(audience(world, one)), event, body, false);
}

/// Who hears of a conversation on the cable: the members of its inbox, and every administrator.
fn audience(world: &World, one: &Conversation) -> Vec<i64> {
    let inbox = world.inboxes.get(&one.inbox_id);
    let hears =
        |id: i64, is_administrator: bool| is_administrator || inbox.is_some_and(|inbox| inbox.members.contains(&id));
    world.users.values().filter(|user| hears(user.id, user.is_administrator)).map(|user| user.id).collect()
}

fn to_everyone(world: &World, out: &mut Outgoing, one: &Conversation, event: &str, body: &Object) {
    to_account(world, out, event, body.clone());
    to_inbox(world, out, one.inbox_id, event, body.clone());
    to_bots(world, out, one, event, body);
}

/// Every account webhook that subscribed to the event, whatever inbox it names (contract 2.1).
fn to_account(world: &World, out: &mut Outgoing, event: &str, mut body: Object) {
    body.insert("event".to_owned(), json!(event));
    for hook in world.webhooks.values().filter(|hook| hook.subscriptions.iter().any(|one| one == event)) {
        post(out, &hook.url, Some(&hook.secret), &body);
    }
}

/// The inbox's own webhook, if it has one.
fn to_inbox(world: &World, out: &mut Outgoing, inbox: i64, event: &str, mut body: Object) {
    body.insert("event".to_owned(), json!(event));
    if let Some(inbox) = world.inboxes.get(&inbox).filter(|inbox| !inbox.webhook_url.is_empty()) {
        post(out, &inbox.webhook_url, Some(&inbox.secret), &body);
    }
}

/// The bot attached to the inbox, and the one the conversation is assigned to.
fn to_bots(world: &World, out: &mut Outgoing, one: &Conversation, event: &str, body: &Object) {
    let attached = world.inboxes.get(&one.inbox_id).and_then(|inbox| inbox.bot);
    let mut ids: Vec<i64> = attached.into_iter().chain(one.assignee_bot_id).collect();
    ids.dedup();
    let mut body = body.clone();
    body.insert("event".to_owned(), json!(event));
    for bot in ids.iter().filter_map(|id| world.bots.get(id)).filter(|bot| !bot.outgoing_url.is_empty()) {
        post(out, &bot.outgoing_url, Some(&bot.secret), &body);
    }
}

/// Writes a body the way Rails does, which escapes what HTML gives a meaning.
fn post(out: &mut Outgoing, url: &str, secret: Option<&String>, body: &Object) {
    let mut text = String::new();
    for letter in Value::Object(body.clone()).to_string().chars() {
        match letter {
            '&' | '<' | '>' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            _ => text.push(letter),
        }
    }
    let event = body.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
    out.posts.push(Post { url: url.to_owned(), secret: secret.cloned(), body: text, event });
}

fn broadcast(
    world: &World,
    out: &mut Outgoing,
    users: Option<Vec<i64>>,
    event: &str,
    mut data: Object,
    with_performer: bool,
) {
    data.insert("account_id".to_owned(), json!(world.account_id));
    if with_performer {
        let performer = match world.current {
            Some(Actor::User(id)) => {
                world.users.get(&id).map(|user| people::user_event(user, Some(presence::listed(world, user))))
            }
            Some(Actor::Bot(id)) => world.bots.get(&id).map(people::bot_event),
            None => None,
        };
        if let Some(performer) = performer {
            data.insert("performer".to_owned(), performer);
        }
    }
    out.broadcasts.push(Broadcast { users, message: json!({ "event": event, "data": data }) });
}
