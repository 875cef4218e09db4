//! How conversations and messages are written in answers and events.

use serde_json::{Value, json};

use super::call::Answer;
use super::presence;
use super::show_people as people;
use super::world::{
    Attachment, ContactInbox, Conversation, Kind, Message, Object, Sender, World, fractional, iso, seconds_or_zero,
};

/// How many incoming messages no agent has seen.
pub(super) fn unread_count(world: &World, conversation: &Conversation) -> usize {
    let is_new = |message: &&Message| conversation.agent_last_seen_at.is_none_or(|seen| message.created_at > seen);
    world.messages_of(conversation.id).filter(|message| message.kind == Kind::Incoming).filter(is_new).count()
}

/// A conversation in REST. Fails as Chatwoot does when a bot asks for one with a team (contract 1.3).
pub(super) fn conversation(world: &World, shown: &Conversation) -> Result<Value, Answer> {
    let contact = world.contacts.get(&shown.contact_id);
    let last = world.messages_of(shown.id).next_back().map(|message| message_event(world, message, true));
    let last_said = world.messages_of(shown.id).rfind(|message| message.kind != Kind::Activity);
    Ok(json!({
        "meta": meta(world, shown)?, "id": shown.id, "messages": last.into_iter().collect::<Vec<_>>(),
        "account_id": world.account_id, "uuid": shown.uuid, "additional_attributes": shown.additional_attributes,
        "agent_last_seen_at": seconds_or_zero(shown.agent_last_seen_at),
        "assignee_last_seen_at": seconds_or_zero(shown.assignee_last_seen_at), "can_reply": true,
        "contact_last_seen_at": seconds_or_zero(shown.contact_last_seen_at),
        "custom_attributes": shown.custom_attributes, "inbox_id": shown.inbox_id, "labels": shown.labels,
        "muted": contact.is_some_and(|contact| contact.blocked), "snoozed_until": shown.snoozed_until.map(iso),
        "status": shown.status, "created_at": shown.created_at.timestamp(),
        "updated_at": fractional(shown.updated_at), "timestamp": shown.last_activity_at.timestamp(),
        "first_reply_created_at": seconds_or_zero(shown.first_reply_created_at),
        "unread_count": unread_count(world, shown),
        "last_non_activity_message": last_said.map(|message| message_event(world, message, true)),
        "last_activity_at": shown.last_activity_at.timestamp(), "priority": shown.priority,
        "waiting_since": seconds_or_zero(shown.waiting_since), "sla_policy_id": null,
    }))
}

/// The `meta` of a conversation in REST: absent people are absent keys.
fn meta(world: &World, shown: &Conversation) -> Result<Value, Answer> {
    let mut meta = Object::new();
    let sender = world.contacts.get(&shown.contact_id).map(|contact| people::contact(world, contact, false));
    meta.insert("sender".to_owned(), json!(sender));
    meta.insert("channel".to_owned(), json!("Channel::Api"));
    if let Some(bot) = shown.assignee_bot_id.and_then(|id| world.bots.get(&id)) {
        meta.insert("assignee".to_owned(), people::bot_assignee(bot));
        meta.insert("assignee_type".to_owned(), json!("AgentBot"));
    } else if let Some(user) = shown.assignee_id.and_then(|id| world.users.get(&id)) {
        meta.insert("assignee".to_owned(), people::agent(world, user));
        meta.insert("assignee_type".to_owned(), json!("User"));
    }
    if let Some(team) = shown.team_id.and_then(|id| world.teams.get(&id)) {
        meta.insert("team".to_owned(), people::team(world, team)?);
    }
    meta.insert("hmac_verified".to_owned(), json!(false));
    Ok(Value::Object(meta))
}

/// A conversation in webhooks and on the cable (contract 6.3).
pub(super) fn conversation_event(world: &World, shown: &Conversation) -> Object {
    let last_public =
        world.messages_of(shown.id).rfind(|message| message.kind != Kind::Activity && !message.is_private);
    let messages: Vec<Value> = last_public.map(|message| message_event(world, message, false)).into_iter().collect();
    let contact_inbox = world.contact_inboxes.get(&shown.contact_inbox_id).map(contact_inbox_record);
    let body = json!({
        "additional_attributes": shown.additional_attributes, "can_reply": true, "channel": "Channel::Api",
        "contact_inbox": contact_inbox, "id": shown.id, "inbox_id": shown.inbox_id, "messages": messages,
        "labels": shown.labels, "meta": meta_event(world, shown), "status": shown.status,
        "custom_attributes": shown.custom_attributes, "snoozed_until": shown.snoozed_until.map(iso),
        "unread_count": unread_count(world, shown),
        "first_reply_created_at": shown.first_reply_created_at.map(iso), "priority": shown.priority,
        "waiting_since": seconds_or_zero(shown.waiting_since),
        "agent_last_seen_at": seconds_or_zero(shown.agent_last_seen_at),
        "contact_last_seen_at": seconds_or_zero(shown.contact_last_seen_at),
        "last_activity_at": shown.last_activity_at.timestamp(), "timestamp": shown.last_activity_at.timestamp(),
        "created_at": shown.created_at.timestamp(), "updated_at": fractional(shown.updated_at),
    });
    body.as_object().cloned().unwrap_or_default()
}

/// The `meta` of a conversation in events: absent people are null.
fn meta_event(world: &World, shown: &Conversation) -> Value {
    let bot = shown.assignee_bot_id.and_then(|id| world.bots.get(&id));
    let user = shown.assignee_id.and_then(|id| world.users.get(&id));
    let (assignee, kind) = match (bot, user) {
        (Some(bot), _) => (people::bot_event(bot), json!("AgentBot")),
        (None, Some(user)) => (people::user_event(user, None), json!("User")),
        (None, None) => (Value::Null, Value::Null),
    };
    let team = shown.team_id.and_then(|id| world.teams.get(&id));
    json!({
        "sender": world.contacts.get(&shown.contact_id).map(people::contact_event), "assignee": assignee,
        "assignee_type": kind, "team": team.map(|team| json!({ "id": team.id, "name": team.name })),
        "hmac_verified": false,
    })
}

/// A contact inbox as a raw record.
fn contact_inbox_record(shown: &ContactInbox) -> Value {
    json!({
        "id": shown.id, "contact_id": shown.contact_id, "inbox_id": shown.inbox_id, "source_id": shown.source_id,
        "created_at": iso(shown.created_at), "updated_at": iso(shown.created_at), "hmac_verified": false,
        "pubsub_token": shown.pubsub_token,
    })
}

/// The sender of a message, if it has one.
pub(super) fn sender(world: &World, message: &Message, with_availability: bool) -> Option<Value> {
    match message.sender {
        Sender::User(id) => {
            let user = world.users.get(&id)?;
            Some(people::user_event(user, with_availability.then(|| presence::listed(world, user))))
        }
        Sender::Bot(id) => world.bots.get(&id).map(people::bot_event),
        Sender::Contact(id) => world.contacts.get(&id).map(people::contact_event),
        Sender::Nobody => None,
    }
}

/// A message in REST.
pub(super) fn message(world: &World, shown: &Message) -> Value {
    let inbox = world.conversations.get(&shown.conversation_id).map(|one| one.inbox_id);
    let body = json!({
        "id": shown.id, "content": shown.content, "inbox_id": inbox, "conversation_id": shown.conversation_id,
        "message_type": shown.kind.number(), "content_type": shown.content_type, "status": shown.status,
        "content_attributes": shown.content_attributes, "created_at": shown.created_at.timestamp(),
        "private": shown.is_private, "source_id": shown.source_id,
    });
    with_extras(world, shown, body, true)
}

/// A message in conversations, on the cable, and within webhooks.
pub(super) fn message_event(world: &World, shown: &Message, with_availability: bool) -> Value {
    let conversation = world.conversations.get(&shown.conversation_id);
    let source = conversation.and_then(|one| world.contact_inboxes.get(&one.contact_inbox_id));
    let (sender_type, sender_id) = match shown.sender {
        Sender::User(id) => (json!("User"), json!(id)),
        Sender::Bot(id) => (json!("AgentBot"), json!(id)),
        Sender::Contact(id) => (json!("Contact"), json!(id)),
        Sender::Nobody => (Value::Null, Value::Null),
    };
    let body = json!({
        "id": shown.id, "content": shown.content, "account_id": world.account_id,
        "inbox_id": conversation.map(|one| one.inbox_id), "conversation_id": shown.conversation_id,
        "message_type": shown.kind.number(), "created_at": shown.created_at.timestamp(),
        "updated_at": iso(shown.updated_at), "private": shown.is_private, "status": shown.status,
        "source_id": shown.source_id, "content_type": shown.content_type,
        "content_attributes": shown.content_attributes, "sender_type": sender_type, "sender_id": sender_id,
        "external_source_ids": {}, "additional_attributes": {}, "processed_message_content": shown.content,
        "sentiment": {},
        "conversation": {
            "assignee_id": conversation.and_then(|one| one.assignee_id),
            "unread_count": conversation.map_or(0, |one| unread_count(world, one)),
            "last_activity_at": conversation.map(|one| one.last_activity_at.timestamp()),
            "contact_inbox": { "source_id": source.map(|one| one.source_id.clone()) },
        },
    });
    with_extras(world, shown, body, with_availability)
}

/// Adds the sender and the attachments, where there are any.
fn with_extras(world: &World, shown: &Message, mut body: Value, with_availability: bool) -> Value {
    if let Some(body) = body.as_object_mut() {
        if let Some(sender) = sender(world, shown, with_availability) {
            body.insert("sender".to_owned(), sender);
        }
        if !shown.attachments.is_empty() {
            body.insert("attachments".to_owned(), attachments(world, shown));
        }
    }
    body
}

/// The attachments of a message.
pub(super) fn attachments(world: &World, shown: &Message) -> Value {
    shown.attachments.iter().map(|one| attachment(world, shown, one)).collect()
}

/// Where the bytes of a file are, for anyone and for good (contract 5.4).
pub(super) fn data_url(world: &World, blob: &str) -> String {
    let name = world.blobs.get(blob).map_or("", |blob| blob.filename.as_str());
    format!("{}/rails/active_storage/blobs/redirect/{blob}/{name}", world.base_url)
}

/// The ending of a file's name.
pub(super) fn extension(filename: &str) -> Option<&str> {
    filename.rsplit_once('.').map(|(_, extension)| extension)
}

fn attachment(world: &World, message: &Message, shown: &Attachment) -> Value {
    let blob = world.blobs.get(&shown.blob);
    let mut body = json!({
        "id": shown.id, "message_id": message.id, "file_type": shown.file_type, "account_id": world.account_id,
        "extension": blob.and_then(|blob| extension(&blob.filename)),
        "content_type": blob.map(|blob| blob.content_type.clone()), "data_url": data_url(world, &shown.blob),
        "thumb_url": "", "file_size": blob.map_or(0, |blob| blob.bytes.len()), "width": null, "height": null,
    });
    if let (true, Some(body)) = (shown.file_type == "audio", body.as_object_mut()) {
        body.insert("transcribed_text".to_owned(), json!(""));
    }
    body
}

/// One entry of `GET conversations/:id/attachments`.
pub(super) fn listed_attachment(world: &World, message: &Message, shown: &Attachment) -> Value {
    let blob = world.blobs.get(&shown.blob);
    json!({
        "id": shown.id, "message_id": message.id, "thumb_url": "", "data_url": data_url(world, &shown.blob),
        "file_size": blob.map_or(0, |blob| blob.bytes.len()), "file_type": shown.file_type,
        "extension": blob.and_then(|blob| extension(&blob.filename)), "width": null, "height": null,
        "created_at": message.created_at.timestamp(), "sender": sender(world, message, true),
    })
}

/// A message in its own webhooks (contract 6.3).
pub(super) fn message_webhook(world: &World, shown: &Message) -> Object {
    let conversation = world.conversations.get(&shown.conversation_id);
    let inbox = conversation.and_then(|one| world.inboxes.get(&one.inbox_id));
    let sender = match shown.sender {
        Sender::User(id) => world
            .users
            .get(&id)
            .map(|user| json!({ "id": user.id, "name": user.name, "email": user.email, "type": "user" })),
        Sender::Bot(id) => {
            world.bots.get(&id).map(|bot| json!({ "id": bot.id, "name": bot.name, "type": "agent_bot" }))
        }
        Sender::Contact(id) => {
            world.contacts.get(&id).map(|contact| Value::Object(people::contact_webhook(world, contact)))
        }
        Sender::Nobody => None,
    };
    let mut body = json!({
        "account": people::account(world), "additional_attributes": {},
        "content_attributes": shown.content_attributes, "content_type": shown.content_type,
        "content": shown.content.as_ref().map(|content| content.replace("\\\n", "\n")),
        "conversation": conversation.map(|one| conversation_event(world, one)), "created_at": iso(shown.created_at),
        "id": shown.id, "inbox": inbox.map(|inbox| json!({ "id": inbox.id, "name": inbox.name })),
        "message_type": shown.kind.word(), "private": shown.is_private, "sender": sender,
        "source_id": shown.source_id,
    });
    if let (false, Some(body)) = (shown.attachments.is_empty(), body.as_object_mut()) {
        body.insert("attachments".to_owned(), attachments(world, shown));
    }
    body.as_object().cloned().unwrap_or_default()
}
