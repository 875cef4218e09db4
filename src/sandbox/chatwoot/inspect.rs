//! What a test or the demo page sees of the stand-in from inside.

use serde_json::{Value, json};

use super::presence;
use super::show_conversations as show;
use super::stand_in::ChatwootStandIn;
use super::world::{Conversation, Message, Object, Sender, World};

/// A user of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentView {
    /// The user's id.
    pub id: i64,
    /// The user's name.
    pub name: String,
    /// The status in `GET /agents`: online, busy or offline.
    pub availability_status: String,
    /// Whether the user is an administrator.
    pub is_administrator: bool,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentView {
    /// audio, image, video or file.
    pub file_type: String,
    /// The name it was uploaded with.
    pub filename: String,
    /// Its size in bytes.
    pub bytes: usize,
    /// Where anybody can fetch it.
    pub data_url: String,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// Its id.
    pub id: i64,
    /// incoming, outgoing, activity or template.
    pub message_type: String,
    /// Whether it is a note.
    pub private: bool,
    /// The content as stored, after Liquid.
    pub content: Option<String>,
    /// The source id it was written with.
    pub source_id: Option<String>,
    /// Whether somebody deleted it: the row stays, its words and files are gone.
    pub deleted: bool,
    /// sent, delivered, read or failed.
    pub status: String,
    /// The name of its sender, and user, `agent_bot` or contact; none for Chatwoot's own lines.
    pub sender: Option<(String, String)>,
    /// Its files.
    pub attachments: Vec<AttachmentView>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationView {
    /// Its display id.
    pub id: i64,
    /// The id of its inbox.
    pub inbox_id: i64,
    /// The name of its inbox.
    pub inbox: String,
    /// open, resolved, pending or snoozed.
    pub status: String,
    /// The user it is assigned to.
    pub assignee_id: Option<i64>,
    /// Its labels.
    pub labels: Vec<String>,
    /// The id of its contact.
    pub contact_id: i64,
    /// The contact's telephone number.
    pub contact_phone: Option<String>,
    /// The contact's name.
    pub contact_name: String,
    /// Its custom attributes.
    pub custom_attributes: Object,
    /// Its messages, oldest first.
    pub messages: Vec<MessageView>,
}

impl ChatwootStandIn {
    /// Every conversation, oldest first.
    #[must_use]
    pub fn conversations(&self) -> Vec<ConversationView> {
        self.shared.look(|world| world.conversations.values().map(|one| conversation(world, one)).collect())
    }

    /// Every user, by id.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentView> {
        self.shared.look(|world| {
            let view = |user: &super::world::User| AgentView {
                id: user.id,
                name: user.name.clone(),
                availability_status: presence::listed(world, user).to_owned(),
                is_administrator: user.is_administrator,
            };
            world.users.values().map(view).collect()
        })
    }

    /// The `inbox` object of the demo page's state.
    #[must_use]
    pub fn inbox_state(&self) -> Value {
        self.shared.look(|world| {
            let agents = world.users.values().filter(|user| !user.is_administrator);
            let agent =
                |user| json!({ "id": id_of(user), "name": user.name, "availability": presence::listed(world, user) });
            let label = |label: &super::world::Label| json!({ "title": label.title, "color": label.color });
            json!({
                "account_id": world.account_id, "agents": agents.map(agent).collect::<Vec<_>>(),
                "labels": world.labels.values().map(label).collect::<Vec<_>>(),
                "conversations": world.conversations.values().map(|one| on_page(world, one)).collect::<Vec<_>>(),
            })
        })
    }
}

const fn id_of(user: &super::world::User) -> i64 {
    user.id
}

fn conversation(world: &World, one: &Conversation) -> ConversationView {
    let contact = world.contacts.get(&one.contact_id);
    ConversationView {
        id: one.id,
        inbox_id: one.inbox_id,
        inbox: world.inboxes.get(&one.inbox_id).map(|inbox| inbox.name.clone()).unwrap_or_default(),
        status: one.status.clone(),
        assignee_id: one.assignee_id,
        labels: one.labels.clone(),
        contact_id: one.contact_id,
        contact_phone: contact.and_then(|contact| contact.phone_number.clone()),
        contact_name: contact.map(|contact| contact.name.clone()).unwrap_or_default(),
        custom_attributes: one.custom_attributes.clone(),
        messages: world.messages_of(one.id).map(|message| view(world, message)).collect(),
    }
}

fn sender(world: &World, message: &Message) -> Option<(String, String)> {
    let (name, kind) = match message.sender {
        Sender::User(id) => (world.users.get(&id)?.name.clone(), "user"),
        Sender::Bot(id) => (world.bots.get(&id)?.name.clone(), "agent_bot"),
        Sender::Contact(id) => (world.contacts.get(&id)?.name.clone(), "contact"),
        Sender::Nobody => return None,
    };
    Some((name, kind.to_owned()))
}

fn view(world: &World, message: &Message) -> MessageView {
    let attachments = message.attachments.iter().filter_map(|one| {
        let blob = world.blobs.get(&one.blob)?;
        Some(AttachmentView {
            file_type: one.file_type.clone(),
            filename: blob.filename.clone(),
            bytes: blob.bytes.len(),
            data_url: show::data_url(world, &one.blob),
        })
    });
    MessageView {
        id: message.id,
        message_type: message.kind.word().to_owned(),
        private: message.is_private,
        content: message.content.clone(),
        source_id: message.source_id.clone(),
        deleted: message.content_attributes.get("deleted") == Some(&json!(true)),
        status: message.status.clone(),
        sender: sender(world, message),
        attachments: attachments.collect(),
    }
}

/// A conversation as the demo page draws it.
fn on_page(world: &World, one: &Conversation) -> Value {
    let contact = world.contacts.get(&one.contact_id);
    let assignee = one.assignee_id.and_then(|id| world.users.get(&id));
    let message = |message: &Message| {
        let sender = sender(world, message).map(|(name, kind)| json!({ "name": name, "type": kind }));
        let file = |file: AttachmentView| json!({ "file_type": file.file_type, "data_url": file.data_url, "transcribed_text": "" });
        json!({
            "id": message.id, "message_type": message.kind.number(), "private": message.is_private,
            "content": message.content, "created_at": message.created_at.timestamp(), "sender": sender,
            "status": message.status,
            "attachments": view(world, message).attachments.into_iter().map(file).collect::<Vec<_>>(),
        })
    };
    json!({
        "id": one.id, "inbox": world.inboxes.get(&one.inbox_id).map(|inbox| inbox.name.clone()), "status": one.status,
        "assignee": assignee.map(|user| json!({ "id": user.id, "name": user.name })),
        "contact": contact.map(|contact| {
            json!({ "id": contact.id, "name": contact.name, "phone_number": contact.phone_number })
        }),
        "labels": one.labels, "custom_attributes": one.custom_attributes, "unread": show::unread_count(world, one),
        "priority": one.priority, "last_activity_at": one.last_activity_at.timestamp(),
        "messages": world.messages_of(one.id).map(message).collect::<Vec<_>>(),
    })
}
