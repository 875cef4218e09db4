//! The public API of an API inbox: no token, the inbox identifier is the key (contract 5.3).

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::call::{Answer, Call, Outcome};
use super::changes;
use super::contact_inboxes;
use super::contacts;
use super::conversations;
use super::drafts;
use super::happenings::Happening;
use super::messages;
use super::show_conversations as show;
use super::world::{Contact, ContactInbox, Conversation, Kind, Message, Object, World, iso, seconds_or_zero};

/// The inbox an identifier names; none is Rails' own 404.
fn inbox(world: &World, call: &Call) -> Result<i64, Answer> {
    let found = world.inboxes.values().find(|inbox| inbox.identifier == call.part(0));
    found.map(|inbox| inbox.id).ok_or_else(Answer::no_page)
}

/// The contact inbox a path names.
fn place(world: &World, call: &Call) -> Result<ContactInbox, Answer> {
    let inbox = inbox(world, call)?;
    let found = world.contact_inboxes.values().find(|one| one.inbox_id == inbox && one.source_id == call.part(1));
    found.cloned().ok_or_else(Answer::no_page)
}

/// The conversation a path names, of this contact.
fn conversation(world: &World, call: &Call) -> Result<i64, Answer> {
    let (place, id) = (place(world, call)?, call.id(2).map_err(|_| Answer::no_page())?);
    let found = world.conversations.get(&id).filter(|one| one.contact_inbox_id == place.id);
    found.map(|one| one.id).ok_or_else(Answer::no_page)
}

fn shown_contact(world: &World, place: &ContactInbox) -> Outcome {
    let contact = world.contacts.get(&place.contact_id).ok_or_else(Answer::no_page)?;
    Ok(Answer::json(json!({
        "source_id": place.source_id, "pubsub_token": place.pubsub_token, "id": contact.id, "name": contact.name,
        "email": contact.email, "phone_number": contact.phone_number,
    })))
}

/// Whether a body proves its identifier, where the inbox asks for that.
fn is_proven(world: &World, inbox: i64, call: &Call) -> bool {
    let Some(inbox) = world.inboxes.get(&inbox).filter(|inbox| inbox.hmac_mandatory) else {
        return true;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(inbox.hmac_token.as_bytes()) else {
        return false;
    };
    mac.update(call.text("identifier").unwrap_or_default().as_bytes());
    call.text("identifier_hash") == Some(hex::encode(mac.finalize().into_bytes()).as_str())
}

/// `POST contacts`: by source id, else identifier, address or number, else new.
pub(super) fn create_contact(world: &mut World, call: &Call) -> Outcome {
    let inbox = inbox(world, call)?;
    if !is_proven(world, inbox, call) {
        return Err(Answer::broken());
    }
    let source = call.text("source_id").map(str::to_owned);
    let owner = source.as_deref().and_then(|source| contact_inboxes::owner(world, inbox, source));
    let by = |key: &str, of: fn(&Contact) -> Option<&String>| {
        let wanted = call.text(key).filter(|wanted| !wanted.is_empty())?;
        world.contacts.values().find(|contact| of(contact).is_some_and(|own| own == wanted)).map(|contact| contact.id)
    };
    let known = owner
        .or_else(|| by("identifier", |contact| contact.identifier.as_ref()))
        .or_else(|| by("email", |contact| contact.email.as_ref()))
        .or_else(|| by("phone_number", |contact| contact.phone_number.as_ref()));
    let contact = match known {
        Some(contact) => contact,
        None => contacts::make(world, call)?,
    };
    let place = contact_inboxes::find_or_make(world, contact, inbox, source.as_deref())?;
    let place = world.contact_inboxes.get(&place).cloned().ok_or_else(Answer::no_page)?;
    shown_contact(world, &place)
}

/// `GET contacts/:source_id`.
pub(super) fn show_contact(world: &mut World, call: &Call) -> Outcome {
    let place = place(world, call)?;
    shown_contact(world, &place)
}

fn shown_message(world: &World, message: &Message) -> Value {
    let mut shown = json!({
        "id": message.id, "content": message.content, "message_type": message.kind.number(),
        "content_type": message.content_type, "content_attributes": message.content_attributes,
        "created_at": message.created_at.timestamp(), "conversation_id": message.conversation_id,
    });
    if let Some(shown) = shown.as_object_mut() {
        if !message.attachments.is_empty() {
            shown.insert("attachments".to_owned(), show::attachments(world, message));
        }
        if let Some(sender) = show::sender(world, message, true) {
            shown.insert("sender".to_owned(), sender);
        }
    }
    shown
}

/// What the contact may read.
fn public_messages(world: &World, id: i64) -> Vec<Value> {
    let public = world.messages_of(id).filter(|message| !message.is_private && message.kind != Kind::Activity);
    public.map(|message| shown_message(world, message)).collect()
}

fn shown_conversation(world: &World, one: &Conversation) -> Value {
    let contact = world.contacts.get(&one.contact_id).map(|contact| json!({
        "id": contact.id, "name": contact.name, "email": contact.email, "phone_number": contact.phone_number,
        "account_id": world.account_id, "created_at": iso(contact.created_at), "updated_at": iso(contact.updated_at),
        "additional_attributes": contact.additional_attributes, "identifier": contact.identifier,
        "custom_attributes": contact.custom_attributes, "last_activity_at": contact.last_activity_at.map(iso),
        "contact_type": "lead", "middle_name": "", "last_name": "",
        "location": contact.additional_attributes.get("city"), "country_code": null, "blocked": contact.blocked,
        "company_id": null, "label_list": [],
    }));
    json!({
        "id": one.id, "uuid": one.uuid, "inbox_id": one.inbox_id,
        "contact_last_seen_at": seconds_or_zero(one.contact_last_seen_at), "status": one.status,
        "agent_last_seen_at": seconds_or_zero(one.agent_last_seen_at), "messages": public_messages(world, one.id),
        "contact": contact,
    })
}

fn shown(world: &World, id: i64) -> Outcome {
    let one = world.conversations.get(&id).ok_or_else(Answer::no_page)?;
    Ok(Answer::json(shown_conversation(world, one)))
}

/// `POST contacts/:source_id/conversations`.
pub(super) fn create_conversation(world: &mut World, call: &Call) -> Outcome {
    let place = place(world, call)?;
    let attributes = Value::Object(call.object("custom_attributes"));
    let body = Object::from_iter([("custom_attributes".to_owned(), attributes)]);
    let id = conversations::open(world, place.id, "open", &Call { body, ..Call::default() })?;
    let answer = shown(world, id);
    changes::assign_automatically(world, id); // a job, after the answer
    answer
}

/// `GET contacts/:source_id/conversations`.
pub(super) fn list_conversations(world: &mut World, call: &Call) -> Outcome {
    let place = place(world, call)?;
    let own = world.conversations.values().filter(|one| one.contact_inbox_id == place.id);
    Ok(Answer::json(own.map(|one| shown_conversation(world, one)).collect()))
}

/// `GET contacts/:source_id/conversations/:id`.
pub(super) fn show_conversation(world: &mut World, call: &Call) -> Outcome {
    shown(world, conversation(world, call)?)
}

/// `POST …/messages`: always incoming.
pub(super) fn create_message(world: &mut World, call: &Call) -> Outcome {
    let id = conversation(world, call)?;
    let mut body = Object::from_iter([("message_type".to_owned(), json!("incoming"))]);
    if let Some(content) = call.body.get("content") {
        body.insert("content".to_owned(), content.clone());
    }
    let inner = Call { body, uploads: call.uploads.clone(), ..Call::default() };
    let draft = drafts::read(world, id, &inner)?;
    let message = messages::add(world, id, draft);
    let message = world.messages.get(&message).ok_or_else(Answer::no_page)?;
    Ok(Answer::json(shown_message(world, message)))
}

/// `GET …/messages`.
pub(super) fn list_messages(world: &mut World, call: &Call) -> Outcome {
    let id = conversation(world, call)?;
    Ok(Answer::json(Value::Array(public_messages(world, id))))
}

/// `POST …/toggle_status`: resolves.
pub(super) fn resolve(world: &mut World, call: &Call) -> Outcome {
    let id = conversation(world, call)?;
    let was_resolved = world.conversations.get(&id).is_some_and(|one| one.status == "resolved");
    changes::change_as(world, id, None, |one| {
        "resolved".clone_into(&mut one.status);
    });
    let name = world
        .conversations
        .get(&id)
        .and_then(|one| world.contacts.get(&one.contact_id))
        .map(|contact| contact.name.clone());
    if let (Some(name), false) = (name, was_resolved) {
        changes::add_line(world, id, format!("Conversation was resolved by {}", capitalized(&name)));
    }
    shown(world, id)
}

/// The first letter large and all others small, as Ruby's `capitalize`.
fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + &letters.as_str().to_lowercase()
}

/// `POST …/toggle_typing`.
pub(super) fn typing(world: &mut World, call: &Call) -> Outcome {
    let conversation = conversation(world, call)?;
    let is_on = call.text("typing_status") == Some("on");
    world.tell(Happening::Typing { conversation, is_on, is_private: false });
    Ok(Answer::empty())
}

/// `POST …/update_last_seen`.
pub(super) fn seen(world: &mut World, call: &Call) -> Outcome {
    let (id, now) = (conversation(world, call)?, world.now());
    world.conversations.get_mut(&id).ok_or_else(Answer::no_page)?.contact_last_seen_at = Some(now);
    Ok(Answer::empty())
}
