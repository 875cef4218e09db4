//! Messages: writing, listing, deleting, and telling their delivery status (contract section 5).

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::changes;
use super::contacts;
use super::conversations;
use super::drafts::{self, Draft};
use super::happenings::Happening;
use super::liquid_text;
use super::show_conversations as show;
use super::show_people as people;
use super::world::{Actor, Attachment, Kind, Message, Object, Sender, World, iso};

/// Writes a message with all that follows from it: the table in contract 5.2.
pub(super) fn add(world: &mut World, conversation: i64, draft: Draft) -> i64 {
    let (id, now) = (world.next_id("messages"), world.now());
    let mut content = draft.content;
    if let (Kind::Outgoing | Kind::Template, Some(one), Some(text)) =
        (draft.kind, world.conversations.get(&conversation), &content)
    {
        content = Some(liquid_text::render(world, one, draft.sender, text));
    }
    let attachments = draft.attachments.into_iter();
    let attachments =
        attachments.map(|(blob, file_type)| Attachment { id: world.next_id("attachments"), file_type, blob });
    let attachments = attachments.collect();
    let message = Message {
        id,
        conversation_id: conversation,
        kind: draft.kind,
        is_private: draft.is_private,
        content,
        content_type: draft.content_type,
        content_attributes: draft.content_attributes,
        status: "sent".to_owned(),
        source_id: draft.source_id,
        sender: draft.sender,
        attachments,
        created_at: now,
        updated_at: now,
    };
    let (kind, is_private, sender) = (message.kind, message.is_private, message.sender);
    world.messages.insert(id, message);
    world.tell(Happening::MessageCreated(id));
    if let Some(one) = world.conversations.get_mut(&conversation) {
        one.last_activity_at = now;
        // Seen in the recorded deliveries: each message touches its conversation, without news of that.
        one.updated_at = now;
    }
    if let Sender::Contact(contact) = sender {
        contacts::change(world, contact, |contact| {
            contact.last_activity_at = Some(now);
        });
    }
    match kind {
        Kind::Incoming => follow_incoming(world, conversation),
        Kind::Outgoing if is_private => mention(world, conversation, id),
        Kind::Outgoing => follow_reply(world, conversation, id, matches!(sender, Sender::User(_))),
        Kind::Activity | Kind::Template => {}
    }
    id
}

/// An incoming message reopens the conversation and lets the caller wait.
fn follow_incoming(world: &mut World, conversation: i64) {
    let now = world.now();
    let Some(one) = world.conversations.get(&conversation).cloned() else {
        return;
    };
    let is_blocked = world.contacts.get(&one.contact_id).is_some_and(|contact| contact.blocked);
    let has_bot = world.inboxes.get(&one.inbox_id).is_some_and(|inbox| inbox.bot.is_some());
    if matches!(one.status.as_str(), "resolved" | "snoozed") && !is_blocked {
        let status = if has_bot && one.status == "resolved" { "pending" } else { "open" };
        let by = if status == "open" { None } else { world.current_name() };
        changes::change_as(world, conversation, by.as_deref(), |one| {
            status.clone_into(&mut one.status);
        });
    }
    changes::change_as(world, conversation, None, |one| {
        one.waiting_since.get_or_insert(now);
    });
}

/// A public reply ends the waiting; the first by a person is noted.
fn follow_reply(world: &mut World, conversation: i64, message: i64, is_user: bool) {
    let now = world.now();
    let is_first = world.conversations.get(&conversation).is_some_and(|one| one.first_reply_created_at.is_none());
    changes::change_as(world, conversation, None, |one| {
        one.waiting_since = None;
        if is_user {
            one.first_reply_created_at.get_or_insert(now);
        }
    });
    if is_first && is_user {
        world.tell(Happening::FirstReply(message));
    }
}

/// Makes those mentioned in a note participants, if they may see the conversation (contract 4.7).
fn mention(world: &mut World, conversation: i64, message: i64) {
    let content = world.messages.get(&message).and_then(|message| message.content.clone()).unwrap_or_default();
    let Some(one) = world.conversations.get(&conversation) else {
        return;
    };
    let Some(inbox) = world.inboxes.get(&one.inbox_id) else {
        return;
    };
    let ids = content.split("(mention://user/").skip(1);
    let ids = ids.filter_map(|rest| rest.split('/').next()?.parse::<i64>().ok());
    let may_see =
        |id: &i64| world.users.get(id).is_some_and(|user| user.is_administrator || inbox.members.contains(id));
    let ids: Vec<i64> = ids.filter(may_see).collect();
    if let Some(one) = world.conversations.get_mut(&conversation) {
        one.participants.extend(ids);
    }
}

/// `POST conversations/:id/messages`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let conversation = conversations::visible(world, call)?;
    let draft = drafts::read(world, conversation, call)?;
    let id = add(world, conversation, draft);
    let mut shown = world.messages.get(&id).map(|message| show::message(world, message)).unwrap_or_default();
    if let (Some(echo), Some(shown)) = (call.value("echo_id"), shown.as_object_mut()) {
        shown.insert("echo_id".to_owned(), echo.clone());
    }
    Ok(Answer::json(shown))
}

/// `GET conversations/:id/messages`.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let conversation = conversations::visible(world, call)?;
    let hides = call.query("filter_internal_messages").is_some();
    let shown =
        world.messages_of(conversation).filter(|one| !(hides && (one.is_private || one.kind == Kind::Activity)));
    let (before, after) = (call.query_number("before"), call.query_number("after"));
    let page: Vec<&Message> = match (before, after) {
        (Some(before), Some(after)) => shown.filter(|one| one.id >= after && one.id < before).take(1000).collect(),
        (None, Some(after)) => shown.filter(|one| one.id > after).take(100).collect(),
        (before, None) => {
            let mut latest: Vec<&Message> =
                shown.rev().filter(|one| before.is_none_or(|id| one.id < id)).take(20).collect();
            latest.reverse();
            latest
        }
    };
    let payload: Vec<Value> = page.into_iter().map(|message| show::message(world, message)).collect();
    let Some(one) = world.conversations.get(&conversation) else {
        return Err(Answer::not_found());
    };
    let mut meta = json!({
        "labels": one.labels, "additional_attributes": one.additional_attributes,
        "contact": world.contacts.get(&one.contact_id).map(people::contact_event),
        "agent_last_seen_at": one.agent_last_seen_at.map(iso),
        "assignee_last_seen_at": one.assignee_last_seen_at.map(iso),
    });
    let assignee = one.assignee_id.and_then(|id| world.users.get(&id));
    if let (Some(user), Some(meta)) = (assignee, meta.as_object_mut()) {
        let status = super::presence::listed(world, user);
        meta.insert("assignee".to_owned(), people::user_event(user, Some(status)));
    }
    Ok(Answer::json(json!({ "meta": meta, "payload": payload })))
}

/// The message a path names, within its conversation.
fn find(world: &World, call: &Call) -> Result<i64, Answer> {
    let (conversation, id) = (conversations::visible(world, call)?, call.id(1)?);
    let found = world.messages.get(&id).filter(|message| message.conversation_id == conversation);
    found.map(|message| message.id).ok_or_else(Answer::not_found)
}

/// `DELETE conversations/:id/messages/:id`: the row stays, the words go (contract 5.7).
pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let id = find(world, call)?;
    change(world, id, |message| {
        message.content = Some("This message was deleted".to_owned());
        message.content_attributes = Object::from_iter([("deleted".to_owned(), json!(true))]);
        message.attachments.clear();
    });
    shown(world, id)
}

/// `PATCH conversations/:id/messages/:id`: the delivery status and its reason, nothing else.
pub(super) fn update(world: &mut World, call: &Call) -> Outcome {
    let id = find(world, call)?;
    let status = call.text("status").filter(|word| matches!(*word, "sent" | "delivered" | "read" | "failed"));
    if let Some(status) = status {
        change(world, id, |message| {
            status.clone_into(&mut message.status);
            match call.value("external_error").filter(|_| status == "failed") {
                Some(error) => message.content_attributes.insert("external_error".to_owned(), error.clone()),
                None => message.content_attributes.remove("external_error"),
            };
        });
    }
    shown(world, id)
}

fn shown(world: &World, id: i64) -> Outcome {
    let message = world.messages.get(&id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(show::message(world, message)))
}

/// Changes a message and tells of it, with what was before.
fn change(world: &mut World, id: i64, alter: impl FnOnce(&mut Message)) {
    let now = world.now();
    let Some(message) = world.messages.get_mut(&id) else {
        return;
    };
    let before = message.clone();
    alter(message);
    message.updated_at = now;
    let mut previous_changes = json!({ "updated_at": [iso(before.updated_at), iso(now)] });
    if let Some(changes) = previous_changes.as_object_mut() {
        if before.content != message.content {
            changes.insert("content".to_owned(), json!([before.content, message.content]));
        }
        if before.content_attributes != message.content_attributes {
            let both = json!([before.content_attributes, message.content_attributes]);
            changes.insert("content_attributes".to_owned(), both);
        }
        if before.status != message.status {
            changes.insert("status".to_owned(), json!([before.status, message.status]));
        }
    }
    world.tell(Happening::MessageUpdated { id, previous_changes });
}

/// `GET conversations/:id/attachments`.
pub(super) fn list_attachments(world: &mut World, call: &Call) -> Outcome {
    let conversation = conversations::visible(world, call)?;
    let pairs =
        world.messages_of(conversation).flat_map(|message| message.attachments.iter().map(move |one| (message, one)));
    let payload: Vec<Value> = pairs.map(|(message, one)| show::listed_attachment(world, message, one)).collect();
    let page = call.query_number("page").map_or(1, |page| page.max(1));
    let start = usize::try_from(page - 1).unwrap_or(0).saturating_mul(100);
    let total = payload.len();
    let payload: Vec<Value> = payload.into_iter().skip(start).take(100).collect();
    Ok(Answer::json(json!({ "meta": { "total_count": total }, "payload": payload })))
}

/// Writes a text as a user, as from the browser.
pub(super) fn write_as(
    world: &mut World,
    conversation: i64,
    user: i64,
    content: &str,
    private: bool,
) -> Result<(), String> {
    if !world.conversations.contains_key(&conversation) {
        return Err(format!("no conversation {conversation}"));
    }
    if !world.users.contains_key(&user) {
        return Err(format!("no user {user}"));
    }
    world.current = Some(Actor::User(user));
    let draft = Draft { is_private: private, sender: Sender::User(user), ..Draft::new(Some(content.to_owned())) };
    add(world, conversation, draft);
    Ok(())
}
