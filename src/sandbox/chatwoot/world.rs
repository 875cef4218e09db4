//! Everything the stand-in remembers: the tables of one Chatwoot account, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::happenings::Happening;
use crate::clock::{Clock, IdSource};

/// A JSON object: custom attributes, settings, bodies.
pub(super) type Object = Map<String, Value>;

/// Who asks, as Chatwoot's `Current.user`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    /// A person, by id.
    User(i64),
    /// An agent bot, by id.
    Bot(i64),
}

/// A member of the account.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) password: String,
    pub(super) is_administrator: bool,
    pub(super) availability: String,
    pub(super) auto_offline: bool,
    pub(super) custom_attributes: Object,
    pub(super) token: String,
    pub(super) pubsub_token: String,
    pub(super) created_at: DateTime<Utc>,
}

/// An agent bot of the account.
#[derive(Debug, Clone)]
pub(super) struct Bot {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) description: Value,
    pub(super) outgoing_url: String,
    pub(super) bot_config: Value,
    pub(super) token_id: i64,
    pub(super) token: String,
    pub(super) secret: String,
    pub(super) created_at: DateTime<Utc>,
}

/// An API channel inbox with its channel.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    pub(super) id: i64,
    pub(super) name: String,
    /// The settings that requests change and answers repeat, by their own names.
    pub(super) settings: Object,
    pub(super) webhook_url: String,
    pub(super) hmac_mandatory: bool,
    pub(super) additional_attributes: Value,
    pub(super) identifier: String,
    pub(super) hmac_token: String,
    pub(super) secret: String,
    pub(super) members: BTreeSet<i64>,
    pub(super) bot: Option<i64>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Inbox {
    /// Whether a yes-or-no setting is on.
    pub(super) fn is_on(&self, setting: &str) -> bool {
        self.settings.get(setting).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// A person outside.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contact {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) phone_number: Option<String>,
    pub(super) identifier: Option<String>,
    pub(super) blocked: bool,
    pub(super) custom_attributes: Object,
    pub(super) additional_attributes: Object,
    pub(super) last_activity_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// How a contact is known in one inbox.
#[derive(Debug, Clone)]
pub(super) struct ContactInbox {
    pub(super) id: i64,
    pub(super) contact_id: i64,
    pub(super) inbox_id: i64,
    pub(super) source_id: String,
    pub(super) pubsub_token: String,
    pub(super) created_at: DateTime<Utc>,
}

/// A conversation; its id is the display id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conversation {
    pub(super) id: i64,
    pub(super) uuid: String,
    pub(super) inbox_id: i64,
    pub(super) contact_id: i64,
    pub(super) contact_inbox_id: i64,
    pub(super) status: String,
    pub(super) assignee_id: Option<i64>,
    pub(super) assignee_bot_id: Option<i64>,
    pub(super) team_id: Option<i64>,
    pub(super) priority: Option<String>,
    pub(super) snoozed_until: Option<DateTime<Utc>>,
    pub(super) labels: Vec<String>,
    /// Whether labels were ever written: until then Chatwoot's cached list is null.
    pub(super) labels_cached: bool,
    pub(super) custom_attributes: Object,
    pub(super) additional_attributes: Object,
    pub(super) participants: BTreeSet<i64>,
    pub(super) waiting_since: Option<DateTime<Utc>>,
    pub(super) first_reply_created_at: Option<DateTime<Utc>>,
    pub(super) agent_last_seen_at: Option<DateTime<Utc>>,
    pub(super) assignee_last_seen_at: Option<DateTime<Utc>>,
    pub(super) contact_last_seen_at: Option<DateTime<Utc>>,
    pub(super) last_activity_at: DateTime<Utc>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// Who a message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// An agent or administrator.
    User(i64),
    /// An agent bot.
    Bot(i64),
    /// The contact.
    Contact(i64),
    /// Nobody: a line Chatwoot wrote itself.
    Nobody,
}

/// What a message is, as Chatwoot numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// From the contact.
    Incoming,
    /// To the contact, or a private note.
    Outgoing,
    /// A grey line about what happened.
    Activity,
    /// Written by Chatwoot itself.
    Template,
}

impl Kind {
    /// The number in REST and cable bodies.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Incoming => 0,
            Self::Outgoing => 1,
            Self::Activity => 2,
            Self::Template => 3,
        }
    }

    /// The word in webhook bodies and requests.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
            Self::Activity => "activity",
            Self::Template => "template",
        }
    }
}

/// A file of a message.
#[derive(Debug, Clone)]
pub(super) struct Attachment {
    pub(super) id: i64,
    pub(super) file_type: String,
    pub(super) blob: String,
}

/// A message of a conversation.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: i64,
    pub(super) conversation_id: i64,
    pub(super) kind: Kind,
    pub(super) is_private: bool,
    pub(super) content: Option<String>,
    pub(super) content_type: String,
    pub(super) content_attributes: Object,
    pub(super) status: String,
    pub(super) source_id: Option<String>,
    pub(super) sender: Sender,
    pub(super) attachments: Vec<Attachment>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// The bytes of an uploaded file.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    pub(super) filename: String,
    pub(super) content_type: String,
    pub(super) bytes: Bytes,
}

/// An account webhook.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    pub(super) id: i64,
    pub(super) name: Option<String>,
    pub(super) url: String,
    pub(super) subscriptions: Vec<String>,
    pub(super) secret: String,
}

/// A label of the account.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) description: Value,
    pub(super) color: String,
    pub(super) show_on_sidebar: Value,
}

/// A team with its members.
#[derive(Debug, Clone)]
pub(super) struct Team {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) description: Value,
    pub(super) allow_auto_assign: bool,
    pub(super) members: BTreeSet<i64>,
    pub(super) created_at: DateTime<Utc>,
}

/// A macro: actions an agent runs with one click.
#[derive(Debug, Clone)]
pub(super) struct Macro {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) is_global: bool,
    pub(super) created_by: i64,
    pub(super) updated_by: i64,
    pub(super) actions: Vec<Value>,
}

/// A device somebody signed in on.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) user: i64,
    pub(super) access_token: String,
    pub(super) expiry: i64,
}

/// The whole account.
pub(super) struct World {
    pub(super) clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    pub(super) base_url: String,
    pub(super) account_id: i64,
    pub(super) account_name: String,
    /// Who the request at hand is from.
    pub(super) current: Option<Actor>,
    pub(super) users: BTreeMap<i64, User>,
    pub(super) bots: BTreeMap<i64, Bot>,
    pub(super) inboxes: BTreeMap<i64, Inbox>,
    pub(super) contacts: BTreeMap<i64, Contact>,
    pub(super) contact_inboxes: BTreeMap<i64, ContactInbox>,
    pub(super) conversations: BTreeMap<i64, Conversation>,
    pub(super) messages: BTreeMap<i64, Message>,
    pub(super) blobs: BTreeMap<String, Blob>,
    pub(super) webhooks: BTreeMap<i64, Webhook>,
    pub(super) labels: BTreeMap<i64, Label>,
    pub(super) teams: BTreeMap<i64, Team>,
    pub(super) macros: BTreeMap<i64, Macro>,
    /// Dashboard apps, attribute definitions and automation rules: kept as they are answered.
    pub(super) dashboard_apps: BTreeMap<i64, Object>,
    pub(super) definitions: BTreeMap<i64, Object>,
    pub(super) automations: BTreeMap<i64, Object>,
    /// By the `client` header.
    pub(super) sessions: BTreeMap<String, Session>,
    /// When each user last said to be there, in whole Unix seconds.
    pub(super) pings: BTreeMap<i64, i64>,
    /// Simulated browser tabs: when each was opened.
    pub(super) tabs: BTreeMap<i64, DateTime<Utc>>,
    /// What changed and nobody has been told of yet.
    pub(super) happenings: Vec<Happening>,
    /// When labels, inboxes and teams last changed, for `account.cache_invalidated`.
    pub(super) cache_keys: BTreeMap<&'static str, i64>,
    last_ids: BTreeMap<&'static str, i64>,
}

impl World {
    /// An account without anything in it.
    pub(super) fn new(clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>, account_name: String) -> Self {
        Self {
            clock,
            ids,
            base_url: String::new(),
            account_id: 1,
            account_name,
            current: None,
            users: BTreeMap::new(),
            bots: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            contacts: BTreeMap::new(),
            contact_inboxes: BTreeMap::new(),
            conversations: BTreeMap::new(),
            messages: BTreeMap::new(),
            blobs: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            labels: BTreeMap::new(),
            teams: BTreeMap::new(),
            macros: BTreeMap::new(),
            dashboard_apps: BTreeMap::new(),
            definitions: BTreeMap::new(),
            automations: BTreeMap::new(),
            sessions: BTreeMap::new(),
            pings: BTreeMap::new(),
            tabs: BTreeMap::new(),
            happenings: Vec::new(),
            cache_keys: BTreeMap::from([("label", 0), ("inbox", 0), ("team", 0)]),
            last_ids: BTreeMap::new(),
        }
    }

    /// The present instant.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The next id of a table.
    pub(super) fn next_id(&mut self, table: &'static str) -> i64 {
        let last = self.last_ids.entry(table).or_insert(0);
        *last += 1;
        *last
    }

    /// A fresh UUID.
    pub(super) fn draw_uuid(&self) -> String {
        self.ids.draw(self.now()).to_string()
    }

    /// A fresh secret of 24 letters and digits, as Chatwoot's tokens are.
    pub(super) fn draw_token(&self) -> String {
        const LETTERS: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let digest = Sha256::digest(self.ids.draw(self.now()).as_bytes());
        let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).copied().map_or('1', char::from);
        digest.iter().take(24).map(letter).collect()
    }

    /// Notes that something happened, to be told when the request is done.
    pub(super) fn tell(&mut self, happening: Happening) {
        self.happenings.push(happening);
    }

    /// The name that activity lines give to whoever asks.
    pub(super) fn current_name(&self) -> Option<String> {
        match self.current? {
            Actor::User(id) => self.users.get(&id).map(|user| user.name.clone()),
            Actor::Bot(id) => self.bots.get(&id).map(|bot| bot.name.clone()),
        }
    }

    /// The person who asks, if it is one.
    pub(super) fn current_user(&self) -> Option<&User> {
        match self.current? {
            Actor::User(id) => self.users.get(&id),
            Actor::Bot(_) => None,
        }
    }

    /// The messages of a conversation, oldest first.
    pub(super) fn messages_of(&self, conversation: i64) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.values().filter(move |message| message.conversation_id == conversation)
    }
}

/// Unix seconds as a JSON number, 0 for never.
pub(super) fn seconds_or_zero(at: Option<DateTime<Utc>>) -> i64 {
    at.map_or(0, |at| at.timestamp())
}

/// ISO-8601 with milliseconds, as Rails writes times.
pub(super) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Unix seconds with microseconds, as `updated_at` is written.
pub(super) fn fractional(at: DateTime<Utc>) -> Value {
    let text = format!("{}.{:06}", at.timestamp(), at.timestamp_subsec_micros());
    text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number)
}
