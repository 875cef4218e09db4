//! Rows as the database gives them. They go no further than this room.

use sea_orm::FromQueryResult;

/// A call.
#[derive(Debug, FromQueryResult)]
pub(super) struct CallRow {
    pub version: i64,
    pub body: String,
}

/// A call that wants phones.
#[derive(Debug, FromQueryResult)]
pub(super) struct WaitingRow {
    pub id: String,
    pub brand: String,
    pub intent: Option<String>,
    pub arrived_at: i64,
    pub asked: Option<String>,
}

/// A leg.
#[derive(Debug, FromQueryResult)]
pub(super) struct LegRow {
    pub call_id: String,
    pub number: i64,
}

/// A live leg and whom it holds.
#[derive(Debug, FromQueryResult)]
pub(super) struct HeldRow {
    pub agent: String,
    pub phone: String,
    pub call_id: String,
    pub offered_at: i64,
    pub talking: i64,
}

/// What a shortlist was taken from.
#[derive(Debug, FromQueryResult)]
pub(super) struct FactsRow {
    pub facts: Vec<u8>,
}

/// A line of a call's history.
#[derive(Debug, FromQueryResult)]
pub(super) struct HistoryRow {
    pub version: i64,
    pub at: i64,
    pub signal: String,
    pub events: String,
}

/// What is asked at once when a caller arrives.
#[derive(Debug, FromQueryResult)]
pub(super) struct ArrivalRow {
    pub answer: Option<String>,
    pub overridden_until: Option<i64>,
    pub flood_until: Option<i64>,
    pub flood_since: Option<i64>,
    pub recent_calls: i64,
    pub talks: i64,
    pub name: Option<String>,
    pub blocked: Option<i64>,
    pub contact_id: Option<i64>,
    pub made_at: Option<i64>,
}

/// An agent who was asked for, the leg that holds the agent's phone, and the whole account's legs and rings. Without a
/// presence there is no such agent, without a call no such leg.
#[derive(Debug, FromQueryResult)]
pub(super) struct AgentRow {
    pub asked: String,
    pub presence: Option<String>,
    pub presence_at: Option<i64>,
    pub switched_off_until: Option<i64>,
    pub rests_until: Option<i64>,
    pub paused_until: Option<i64>,
    pub last_offered_at: Option<i64>,
    pub passed_over: Option<i64>,
    pub misses: Option<i64>,
    pub keyless: Option<i64>,
    pub refused_phone: Option<String>,
    pub open_conversations: i64,
    pub open_conversations_at: Option<i64>,
    pub call_id: Option<String>,
    pub talking: Option<i64>,
    pub leg_offered_at: Option<i64>,
    pub legs_live: i64,
    pub legs_last_minute: i64,
    pub rings_pending: i64,
    pub carried_legs: Option<i64>,
    pub carried_at: Option<i64>,
}

impl AgentRow {
    /// The part of the row that is the same in all.
    pub(super) fn account(&self) -> AccountRow {
        AccountRow {
            legs_live: self.legs_live,
            legs_last_minute: self.legs_last_minute,
            rings_pending: self.rings_pending,
            carried_legs: self.carried_legs,
            carried_at: self.carried_at,
        }
    }
}

/// Until when an agent is put aside.
#[derive(Debug, FromQueryResult)]
pub(super) struct PauseRow {
    pub agent: String,
    pub paused_until: Option<i64>,
}

/// What is believed of an agent's presence.
#[derive(Debug, FromQueryResult)]
pub(super) struct PresenceRow {
    pub agent: String,
    pub presence: String,
    pub presence_at: Option<i64>,
}

/// Legs and rings of the whole account, and what it carries.
#[derive(Debug, FromQueryResult)]
pub(super) struct AccountRow {
    pub legs_live: i64,
    pub legs_last_minute: i64,
    pub rings_pending: i64,
    pub carried_legs: Option<i64>,
    pub carried_at: Option<i64>,
}

/// The id of a contact.
#[derive(Debug, FromQueryResult)]
pub(super) struct ContactIdRow {
    pub contact_id: i64,
}

/// How much there is of everything.
#[derive(Debug, FromQueryResult)]
pub(super) struct FiguresRow {
    pub calls_live: i64,
    pub legs_live: i64,
    pub carrier: i64,
    pub carrier_oldest: Option<i64>,
    pub inbox: i64,
    pub inbox_oldest: Option<i64>,
    pub dead: i64,
    pub dead_oldest: Option<i64>,
}

/// A contact.
#[derive(Debug, FromQueryResult)]
pub(super) struct ContactRow {
    pub name: Option<String>,
    pub blocked: i64,
    pub contact_id: i64,
}

/// A duty to call somebody back.
#[derive(Debug, FromQueryResult)]
pub(super) struct TaskRow {
    pub id: String,
    pub brand: String,
    pub caller: Option<String>,
    pub caller_name: Option<String>,
    pub state: String,
    pub opened_at: i64,
    pub due_at: i64,
    pub missed: i64,
    pub last_call: String,
    pub last_missed_at: i64,
    pub attempts: i64,
    pub last_attempt_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub closed_by: Option<String>,
}

/// A note about a phone that was not answered yet.
#[derive(Debug, FromQueryResult)]
pub(super) struct PhoneWordRow {
    pub message: i64,
    pub conversation: i64,
    pub reply: String,
    pub said_at: i64,
}

/// A leased effect.
#[derive(Debug, FromQueryResult)]
pub(super) struct LeasedRow {
    pub id: i64,
    pub call_id: String,
    pub body: String,
    pub attempts: i64,
    pub created_at: i64,
    pub lease: i64,
    pub taken_over: i64,
    pub failed_at: Option<i64>,
}

/// An effect that was given up.
#[derive(Debug, FromQueryResult)]
pub(super) struct DeadRow {
    pub id: i64,
    pub call_id: String,
    pub kind: String,
    pub last_error: Option<String>,
    pub created_at: i64,
}

/// An effect that was put back.
#[derive(Debug, FromQueryResult)]
pub(super) struct RevivedRow {
    pub call_id: String,
    pub kind: String,
}

/// Where a call stands in Chatwoot.
#[derive(Debug, FromQueryResult)]
pub(super) struct LinkRow {
    pub contact_id: i64,
    pub conversation_id: i64,
}

/// Audio.
#[derive(Debug, FromQueryResult)]
pub(super) struct RecordingRow {
    pub call_id: String,
    pub content_type: String,
    pub audio: Vec<u8>,
}

/// A version of the rules.
#[derive(Debug, FromQueryResult)]
pub(super) struct RulesRow {
    #[sea_orm(nested)]
    pub head: VersionRow,
    pub body: String,
}

/// A version of the rules without its body.
#[derive(Debug, FromQueryResult)]
pub(super) struct VersionRow {
    pub version: i64,
    pub published_at: i64,
    pub published_by: String,
    pub note: Option<String>,
    pub base: Option<i64>,
    pub rolled_back_from: Option<i64>,
    pub broken: Option<String>,
    pub broken_at: Option<i64>,
    pub body_bytes: i64,
}

/// A draft of the rules.
#[derive(Debug, FromQueryResult)]
pub(super) struct DraftRow {
    #[sea_orm(nested)]
    pub head: DraftHeadRow,
    pub body: String,
}

/// A draft of the rules without its body.
#[derive(Debug, FromQueryResult)]
pub(super) struct DraftHeadRow {
    pub id: String,
    pub name: String,
    pub base: i64,
    pub revision: i64,
    pub created_by: String,
    pub created_at: i64,
    pub saved_by: String,
    pub saved_at: i64,
}

/// A line of the audit.
#[derive(Debug, FromQueryResult)]
pub(super) struct AuditRow {
    pub id: i64,
    pub at: i64,
    pub by_whom: String,
    pub action: String,
    pub subject: String,
    pub detail: String,
}

/// A switch of a brand.
#[derive(Debug, FromQueryResult)]
pub(super) struct SwitchRow {
    pub id: i64,
    pub brand: String,
    pub kind: String,
    pub began_at: i64,
    pub until: i64,
    pub began_by: String,
    pub how: String,
    pub reason: String,
    pub include_waiting: i64,
    pub ended_at: Option<i64>,
    pub ended_by: Option<String>,
}

/// A supervisor's code, hashed.
#[derive(Debug, FromQueryResult)]
pub(super) struct CodeRow {
    pub supervisor: String,
    pub hash: String,
    pub set_at: i64,
    pub set_by: String,
}

/// How the account stands with tries at codes; without a row nobody has tried.
#[derive(Debug, FromQueryResult)]
pub(super) struct GuardRow {
    pub locked_until: Option<i64>,
    pub lockouts: Option<i64>,
    pub tries: i64,
}

/// How calls ended.
#[derive(Debug, FromQueryResult)]
pub(super) struct EndingsRow {
    pub offered: i64,
    pub answered: i64,
}
