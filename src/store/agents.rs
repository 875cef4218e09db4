//! What is known of each agent apart from the rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::Value;

use super::calls::{self, call_id};
use super::entity::{AccountRow, AgentRow, PauseRow, PresenceRow};
use super::session::{ROWS_MAX, Session, corrupt, count, instant, instant_or_none, micros, tuples, values};
use super::{
    AgentFacts, AgentMark, Carried, Conflict, LiveLeg, LoadedFacts, Presence, PresenceChange, Save, StoreError,
    WaitingCall,
};
use crate::ids::{AgentId, BrandId};
use crate::phone_number::PhoneNumber;

/// How far back legs count towards the account's limit for a minute.
pub(super) const MINUTE: TimeDelta = TimeDelta::seconds(60);

/// What the marks of one decision mean for one agent, taken together.
#[derive(Debug, Default, Clone)]
struct Change {
    offered_at: Option<DateTime<Utc>>,
    rests_until: Option<DateTime<Utc>>,
    passed_over: Counter,
    misses: Counter,
    keyless: Counter,
    paused_until: Option<DateTime<Utc>>,
    refused_phone: Option<PhoneNumber>,
}

/// A count that perhaps starts again, and then grows.
#[derive(Debug, Default, Clone, Copy)]
struct Counter {
    again: bool,
    more: i64,
}

impl Counter {
    const RESET: Self = Self { again: true, more: 0 };
}

impl Change {
    fn add(&mut self, mark: &AgentMark, at: DateTime<Utc>) {
        match mark {
            AgentMark::Offered { .. } => {
                self.offered_at = Some(at);
                self.passed_over = Counter::RESET;
            }
            AgentMark::RestsUntil { until, .. } => {
                self.rests_until = self.rests_until.max(Some(*until));
            }
            AgentMark::Missed { .. } => self.misses.more += 1,
            AgentMark::Responded { .. } => {
                self.misses = Counter::RESET;
                self.keyless = Counter::RESET;
            }
            AgentMark::PhoneUnreachable { phone, .. } => self.refused_phone = Some(phone.clone()),
            AgentMark::PassedOver { .. } => self.passed_over.more += 1,
            AgentMark::Keyless { .. } => self.keyless.more += 1,
            AgentMark::Paused { until, .. } => {
                self.paused_until = self.paused_until.max(Some(*until));
                self.misses = Counter::RESET;
            }
        }
    }
}

/// Writes the marks: one statement for all agents whose counts start again in the same way.
pub(super) async fn write_marks(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    check_pauses(session, save).await?;
    let mut changes: BTreeMap<&AgentId, Change> = BTreeMap::new();
    for mark in &save.marks {
        changes.entry(mark.agent()).or_default().add(mark, save.at);
    }
    let mut alike: BTreeMap<[bool; 3], Vec<(&AgentId, Change)>> = BTreeMap::new();
    for (agent, change) in changes {
        let again = [change.passed_over.again, change.misses.again, change.keyless.again];
        alike.entry(again).or_default().push((agent, change));
    }
    if alike.len() > 1 {
        lock_in_order(session, alike.values().flatten().map(|(agent, _)| *agent).collect()).await?;
    }
    for (again, group) in &alike {
        for part in group.chunks(ROWS_MAX) {
            write_alike(session, *again, part).await?;
        }
    }
    Ok(())
}

async fn write_alike(session: &Session<'_>, again: [bool; 3], group: &[(&AgentId, Change)]) -> Result<(), StoreError> {
    let mut values: Vec<Value> = Vec::with_capacity(group.len() * MARK_COLUMNS);
    for (agent, change) in group {
        values.extend(values![
            agent.as_str(),
            change.offered_at.map(micros),
            change.rests_until.map(micros),
            change.passed_over.more,
            change.misses.more,
            change.keyless.more,
            change.paused_until.map(micros),
            change.refused_phone.as_ref().map(|phone| phone.as_e164().to_owned()),
        ]);
    }
    let from = |again: bool, column: &str| if again { "0".to_owned() } else { format!("agents.{column}") };
    let [passed_over, misses, keyless] = again;
    let (passed_over, misses, keyless) =
        (from(passed_over, "passed_over"), from(misses, "misses"), from(keyless, "keyless"));
    let later = |column: &str| {
        format!(
            "{column} = CASE WHEN excluded.{column} IS NULL OR agents.{column} > excluded.{column} \
             THEN agents.{column} ELSE excluded.{column} END"
        )
    };
    let sql = format!(
        "INSERT INTO agents (agent, last_offered_at, rests_until, passed_over, misses, keyless, paused_until, \
         refused_phone) VALUES {} ON CONFLICT (agent) DO UPDATE SET \
         last_offered_at = COALESCE(excluded.last_offered_at, agents.last_offered_at), {}, {}, \
         passed_over = {passed_over} + excluded.passed_over, misses = {misses} + excluded.misses, \
         keyless = {keyless} + excluded.keyless, \
         refused_phone = COALESCE(excluded.refused_phone, agents.refused_phone)",
        tuples(group.len(), MARK_COLUMNS),
        later("rests_until"),
        later("paused_until"),
    );
    session.run("save the marks", sql, values).await?;
    Ok(())
}

const MARK_COLUMNS: usize = 8;

/// Locks the rows in the order of their names, as everybody does: of two decisions that concern the same agents one waits
/// for the other, instead of each for the other.
async fn lock_in_order(session: &Session<'_>, agents: BTreeSet<&AgentId>) -> Result<(), StoreError> {
    if !session.is_shared() {
        return Ok(());
    }
    let places = tuples(1, agents.len());
    let sql = format!("SELECT agent, paused_until FROM agents WHERE agent IN {places} ORDER BY agent FOR UPDATE");
    let agents = agents.iter().map(|agent| Value::from(agent.as_str())).collect();
    session.rows::<PauseRow>("lock the agents", sql, agents).await?;
    Ok(())
}

/// Those whom a pause relies on must not have been put aside meanwhile. Locked in the order of their names together with
/// everybody whom the decision marks, so that of two such decisions one sees the other.
async fn check_pauses(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    let mut staying: BTreeSet<&AgentId> = BTreeSet::new();
    for mark in &save.marks {
        if let AgentMark::Paused { stay, .. } = mark {
            staying.extend(stay);
        }
    }
    if staying.is_empty() {
        return Ok(());
    }
    let asked: BTreeSet<&AgentId> = save.marks.iter().map(AgentMark::agent).chain(staying.iter().copied()).collect();
    let lock = if session.is_shared() { " FOR UPDATE" } else { "" };
    let places = tuples(1, asked.len());
    let sql = format!("SELECT agent, paused_until FROM agents WHERE agent IN {places} ORDER BY agent{lock}");
    let asked = asked.iter().map(|agent| Value::from(agent.as_str())).collect();
    let rows: Vec<PauseRow> = session.rows("read the pauses", sql, asked).await?;
    let is_aside = |row: &PauseRow| {
        row.paused_until.is_some_and(|until| until > micros(save.at))
            && staying.iter().any(|agent| agent.as_str() == row.agent)
    };
    if rows.iter().any(is_aside) { Err(StoreError::Conflict(Conflict::AgentNeeded)) } else { Ok(()) }
}

/// The account's legs and rings, and what it carries; `$1` is a minute ago.
const ACCOUNT: &str = "(SELECT count(*) FROM legs WHERE live = 1) AS legs_live, \
    (SELECT count(*) FROM legs WHERE offered_at > $1) AS legs_last_minute, \
    (SELECT count(*) FROM outbox WHERE state = 'due' AND kind = 'ring_agent') AS rings_pending, \
    (SELECT legs FROM carried WHERE name = 'carrier') AS carried_legs, \
    (SELECT at FROM carried WHERE name = 'carrier') AS carried_at";

/// What the agent has open in the brand's inbox, and when that was last read as a whole; `$2` is the brand.
const QUEUE: &str = "(SELECT count(*) FROM conversations WHERE conversations.brand = $2 AND conversations.open = 1 \
    AND conversations.agent = asked.agent) AS open_conversations, \
    (SELECT at FROM inboxes_reconciled WHERE inboxes_reconciled.brand = $2) AS open_conversations_at";

/// Two questions, since a caller waits for each.
pub(super) async fn load_facts(
    session: &Session<'_>,
    brand: &BrandId,
    agents: &[AgentId],
    now: DateTime<Utc>,
) -> Result<LoadedFacts, StoreError> {
    let since = Value::from(micros(now - MINUTE));
    if agents.is_empty() {
        let sql = format!("SELECT {ACCOUNT}");
        let account: Option<AccountRow> = session.row("count the account's legs", sql, vec![since]).await?;
        let account = account.ok_or_else(|| corrupt("count", "there is no row"))?;
        return loaded(Vec::new(), &account, Vec::new());
    }
    let places: Vec<String> = (3..agents.len() + 3).map(|place| format!("(CAST(${place} AS TEXT))")).collect();
    let sql = format!(
        "WITH asked (agent) AS (VALUES {}) SELECT asked.agent AS asked, agents.presence, agents.presence_at, \
         agents.switched_off_until, agents.rests_until, agents.paused_until, agents.last_offered_at, agents.passed_over, \
         agents.misses, agents.keyless, agents.refused_phone, legs.call_id, legs.talking, \
         legs.offered_at AS leg_offered_at, {QUEUE}, {ACCOUNT} \
         FROM asked LEFT JOIN agents ON agents.agent = asked.agent LEFT JOIN legs ON legs.agent = asked.agent AND legs.live = 1",
        places.join(", ")
    );
    let values =
        [since, Value::from(brand.as_str())].into_iter().chain(agents.iter().map(|agent| Value::from(agent.as_str())));
    let rows: Vec<AgentRow> = session.rows("load the agents", sql, values.collect()).await?;
    let account = rows.first().map(AgentRow::account);
    let account = account.ok_or_else(|| corrupt("count", "there is no row"))?;
    let rows: HashMap<&str, &AgentRow> = rows.iter().map(|row| (row.asked.as_str(), row)).collect();
    let facts = agents.iter().map(|agent| match rows.get(agent.as_str()) {
        Some(row) => read(agent, row),
        None => Ok(AgentFacts::unknown(agent.clone())),
    });
    let facts: Vec<AgentFacts> = facts.collect::<Result<_, _>>()?;
    // In a surge hundreds wait while every phone rings: they are read only if there is something to share.
    let waiting =
        if LoadedFacts::has_phones_to_share(&facts) { calls::find_sharing(session).await? } else { Vec::new() };
    loaded(facts, &account, waiting)
}

fn loaded(agents: Vec<AgentFacts>, account: &AccountRow, waiting: Vec<WaitingCall>) -> Result<LoadedFacts, StoreError> {
    let carried = match (account.carried_legs, account.carried_at) {
        (Some(legs), Some(at)) => Some(Carried { legs: count(legs)?, at: instant(at)? }),
        (None, _) | (_, None) => None,
    };
    Ok(LoadedFacts {
        agents,
        legs_live: count(account.legs_live)?,
        legs_last_minute: count(account.legs_last_minute)?,
        rings_pending: count(account.rings_pending)?,
        carried,
        waiting,
    })
}

fn read(agent: &AgentId, row: &AgentRow) -> Result<AgentFacts, StoreError> {
    let live_leg = match (&row.call_id, row.leg_offered_at) {
        (Some(call), Some(since)) => {
            Some(LiveLeg { call: call_id(call)?, since: instant(since)?, talking: row.talking == Some(1) })
        }
        (None, _) | (_, None) => None,
    };
    let open_conversations = count(row.open_conversations)?;
    let open_conversations_at = instant_or_none(row.open_conversations_at)?;
    let Some(known) = &row.presence else {
        return Ok(AgentFacts {
            live_leg,
            open_conversations,
            open_conversations_at,
            ..AgentFacts::unknown(agent.clone())
        });
    };
    Ok(AgentFacts {
        agent: agent.clone(),
        presence: presence(known)?,
        presence_at: instant_or_none(row.presence_at)?,
        switched_off_until: instant_or_none(row.switched_off_until)?,
        live_leg,
        rests_until: instant_or_none(row.rests_until)?,
        paused_until: instant_or_none(row.paused_until)?,
        last_offered_at: instant_or_none(row.last_offered_at)?,
        passed_over: count(row.passed_over.unwrap_or(0))?,
        misses: count(row.misses.unwrap_or(0))?,
        keyless: count(row.keyless.unwrap_or(0))?,
        refused_phone: refused_phone(row)?,
        open_conversations,
        open_conversations_at,
    })
}

/// Takes note; a report older than the last one on the same agent says nothing.
pub(super) async fn note_presence(
    session: &Session<'_>,
    changes: &[PresenceChange],
) -> Result<Vec<AgentId>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut newest: BTreeMap<&AgentId, &PresenceChange> = BTreeMap::new();
    for change in changes {
        let kept = newest.entry(&change.agent).or_insert(change);
        if change.at >= kept.at {
            *kept = change;
        }
    }
    // Locked, so that of two replicas with the same news one reports the change.
    let lock = if session.is_shared() { " FOR UPDATE" } else { "" };
    let asked: Vec<Value> = newest.keys().map(|agent| Value::from(agent.as_str())).collect();
    let places = tuples(1, asked.len());
    let sql = format!("SELECT agent, presence, presence_at FROM agents WHERE agent IN {places} ORDER BY agent{lock}");
    let rows: Vec<PresenceRow> = session.rows("read the presences", sql, asked).await?;
    let before: HashMap<&str, &PresenceRow> = rows.iter().map(|row| (row.agent.as_str(), row)).collect();
    let mut changed = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut written = 0;
    for (agent, change) in newest {
        let row = before.get(agent.as_str());
        if row.is_some_and(|row| row.presence_at.is_some_and(|at| at > micros(change.at))) {
            continue;
        }
        let was = row.map_or(Ok(Presence::Unknown), |row| presence(&row.presence))?;
        if was != change.presence {
            changed.push(agent.clone());
        }
        values.extend(values![agent.as_str(), word(change.presence), micros(change.at)]);
        written += 1;
    }
    if written > 0 {
        let sql = format!(
            "INSERT INTO agents (agent, presence, presence_at) VALUES {} ON CONFLICT (agent) DO UPDATE SET \
             presence = excluded.presence, presence_at = excluded.presence_at",
            tuples(written, 3)
        );
        session.run("save the presences", sql, values).await?;
    }
    Ok(changed)
}

pub(super) async fn switch_phone(
    session: &Session<'_>,
    agent: &AgentId,
    off_until: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO agents (agent, switched_off_until) VALUES ($1, $2) \
        ON CONFLICT (agent) DO UPDATE SET switched_off_until = excluded.switched_off_until";
    session.run("switch the phone", sql, values![agent.as_str(), off_until.map(micros)]).await?;
    Ok(())
}

fn refused_phone(row: &AgentRow) -> Result<Option<PhoneNumber>, StoreError> {
    let phone = row.refused_phone.as_deref().map(str::parse).transpose();
    phone.map_err(|cause| corrupt("refused phone", cause))
}

fn word(presence: Presence) -> &'static str {
    match presence {
        Presence::Online => "online",
        Presence::Busy => "busy",
        Presence::Offline => "offline",
        Presence::Unknown => "unknown",
    }
}

fn presence(word: &str) -> Result<Presence, StoreError> {
    match word {
        "online" => Ok(Presence::Online),
        "busy" => Ok(Presence::Busy),
        "offline" => Ok(Presence::Offline),
        "unknown" => Ok(Presence::Unknown),
        other => Err(corrupt("presence", format!("`{other}`"))),
    }
}
