//! Whom we owe a call back, and by when: one open task a caller and brand. The index decides which; two replicas that
//! open one at once make one.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::calls::call_id;
use super::entity::TaskRow;
use super::session::{Session, corrupt, count, instant, instant_or_none, job, micros, parse, print, values};
use super::sql::{SqlStore, ask};
use super::{NewAuditLine, Save, StoreError, audit};
use crate::call::task::{MissedCall, TaskChange};
use crate::ids::{BrandId, CallId};
use crate::phone_number::PhoneNumber;

/// A duty to call somebody back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackTask {
    /// The call that opened it.
    pub id: CallId,
    /// Whom the caller dialled.
    pub brand: BrandId,
    /// Whom to call; none cannot be called back.
    pub caller: Option<PhoneNumber>,
    /// The caller's name, if any of the calls knew one.
    pub caller_name: Option<String>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it is due; none if the brand promises nothing. The earliest of what its calls were promised.
    pub due_at: Option<DateTime<Utc>>,
    /// How many calls were missed, from 1.
    pub missed: u32,
    /// The last of them.
    pub last_call: CallId,
    /// When that was.
    pub last_missed_at: DateTime<Utc>,
    /// How often somebody tried to call back and did not reach them.
    pub attempts: u32,
    /// When that was last tried.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// When and why it was closed; none while it is open.
    pub closed: Option<(DateTime<Utc>, TaskEnd)>,
}

/// Why a task is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum TaskEnd {
    /// The caller called again and met an agent.
    Answered { call: CallId },
    /// A call back reached them.
    Reached,
    /// An outcome was given that settles it.
    Outcome,
    /// A person said so, and why. `by`: in the words of the door that let them in.
    ByHand {
        reason: String,
        #[serde(default)]
        by: String,
    },
}

impl TaskEnd {
    /// What the audit says of it, where a person did it.
    pub(super) fn audit_line(&self, task: CallId) -> Option<NewAuditLine> {
        let Self::ByHand { by, .. } = self else { return None };
        Some(NewAuditLine {
            by: by.clone(),
            action: "callback_task_closed",
            subject: format!("callback-tasks/{task}"),
            // The reason stands in the task; it may name a caller.
            detail: serde_json::json!({}),
        })
    }
}

/// Whether a task is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// It is.
    Open,
    /// It is not.
    Closed,
}

impl TaskState {
    /// The word that stands in SQL and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// Where tasks are kept. Decisions open and close them through [`Save::tasks`].
#[async_trait]
pub trait CallbackTasks: Send + Sync {
    /// Tasks in one state, of one brand or all, in the order in which they are due (those without a promise last), behind
    /// `after`, at most `limit`.
    async fn list_callback_tasks(
        &self,
        brand: Option<&BrandId>,
        state: TaskState,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<Vec<CallbackTask>, StoreError>;
    /// One task.
    async fn find_callback_task(&self, id: CallId) -> Result<Option<CallbackTask>, StoreError>;
    /// The open task of a caller at a brand.
    async fn find_open_callback_task(
        &self,
        brand: &BrandId,
        caller: &PhoneNumber,
    ) -> Result<Option<CallbackTask>, StoreError>;
    /// Closes a task; whether it was open.
    async fn close_callback_task(&self, id: CallId, why: &TaskEnd, now: DateTime<Utc>) -> Result<bool, StoreError>;
    /// Takes note of a call back that did not reach them; whether the task is open.
    async fn note_callback_attempt(&self, id: CallId, now: DateTime<Utc>) -> Result<bool, StoreError>;
}

#[async_trait]
impl CallbackTasks for SqlStore {
    async fn list_callback_tasks(
        &self,
        brand: Option<&BrandId>,
        state: TaskState,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<Vec<CallbackTask>, StoreError> {
        self.read(ask!(session, brand = brand.cloned() => list(session, (*brand).as_ref(), state, after, limit))).await
    }

    async fn find_callback_task(&self, id: CallId) -> Result<Option<CallbackTask>, StoreError> {
        self.read(ask!(session => find(session, id))).await
    }

    async fn find_open_callback_task(
        &self,
        brand: &BrandId,
        caller: &PhoneNumber,
    ) -> Result<Option<CallbackTask>, StoreError> {
        self.read(ask!(session, brand = brand.clone(), caller = caller.clone() => find_open(session, &brand, &caller)))
            .await
    }

    async fn close_callback_task(&self, id: CallId, why: &TaskEnd, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(ask!(session, why = why.clone() => close(session, id, &why, now))).await
    }

    async fn note_callback_attempt(&self, id: CallId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(ask!(session => note_attempt(session, id, now))).await
    }
}

/// No promise: later than every instant, on both engines alike.
const NEVER: i64 = i64::MAX;

const COLUMNS: &str = "id, brand, caller, caller_name, state, opened_at, due_at, missed, last_call, last_missed_at, \
    attempts, last_attempt_at, closed_at, closed_by";

/// Carries out what a decision changes about tasks.
pub(super) async fn write(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    for change in &save.tasks {
        match change {
            TaskChange::Missed(missed) => open_or_join(session, missed, save.at).await?,
            TaskChange::Answered { brand, caller, call } => {
                let sql = "UPDATE callback_tasks SET state = 'closed', closed_at = $3, closed_by = $4 \
                    WHERE brand = $1 AND caller = $2 AND state = 'open'";
                let why = print("task", &TaskEnd::Answered { call: *call })?;
                let values = values![brand.as_str(), caller.as_e164(), micros(save.at), why];
                session.run("close the task", sql, values).await?;
            }
        }
    }
    Ok(())
}

async fn open_or_join(session: &Session<'_>, missed: &MissedCall, now: DateTime<Utc>) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO callback_tasks (id, brand, caller, caller_name, state, opened_at, due_at, missed, \
        last_call, last_missed_at) VALUES ($1, $2, $3, $4, 'open', $5, $6, 1, $1, $5) \
        ON CONFLICT (brand, caller) WHERE state = 'open' AND caller IS NOT NULL DO UPDATE SET \
        caller_name = COALESCE(excluded.caller_name, callback_tasks.caller_name), \
        due_at = CASE WHEN excluded.due_at < callback_tasks.due_at THEN excluded.due_at ELSE callback_tasks.due_at END, \
        missed = callback_tasks.missed + 1, last_call = excluded.last_call, last_missed_at = excluded.last_missed_at";
    let values = values![
        missed.call.to_string(),
        missed.brand.as_str(),
        missed.caller.as_ref().map(|caller| caller.as_e164().to_owned()),
        missed.caller_name.clone(),
        micros(now),
        missed.due_at.map_or(NEVER, micros),
    ];
    session.run("open the task", SQL, values).await?;
    Ok(())
}

async fn list(
    session: &Session<'_>,
    brand: Option<&BrandId>,
    state: TaskState,
    after: Option<CallId>,
    limit: u32,
) -> Result<Vec<CallbackTask>, StoreError> {
    let behind = match after {
        Some(after) => find_row(session, after).await?.map(|row| (row.due_at, row.id)),
        None => None,
    };
    let (due_at, id) = behind.unwrap_or((i64::MIN, String::new()));
    let mut values = values![state.as_str(), due_at, id, i64::from(limit)];
    let of_brand = match brand {
        Some(brand) => {
            values.extend(values![brand.as_str()]);
            "brand = $5 AND "
        }
        None => "",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM callback_tasks WHERE {of_brand}state = $1 AND (due_at, id) > ($2, $3) \
         ORDER BY due_at, id LIMIT $4"
    );
    let rows: Vec<TaskRow> = session.rows("list the tasks", sql, values).await?;
    rows.into_iter().map(read).collect()
}

async fn find_row(session: &Session<'_>, id: CallId) -> Result<Option<TaskRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM callback_tasks WHERE id = $1");
    session.row("read the task", sql, values![id.to_string()]).await
}

async fn find(session: &Session<'_>, id: CallId) -> Result<Option<CallbackTask>, StoreError> {
    find_row(session, id).await?.map(read).transpose()
}

async fn find_open(
    session: &Session<'_>,
    brand: &BrandId,
    caller: &PhoneNumber,
) -> Result<Option<CallbackTask>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM callback_tasks WHERE brand = $1 AND caller = $2 AND state = 'open'");
    let row: Option<TaskRow> = session.row("read the task", sql, values![brand.as_str(), caller.as_e164()]).await?;
    row.map(read).transpose()
}

async fn close(session: &Session<'_>, id: CallId, why: &TaskEnd, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let sql =
        "UPDATE callback_tasks SET state = 'closed', closed_at = $2, closed_by = $3 WHERE id = $1 AND state = 'open'";
    let is_closed_now =
        session.run("close the task", sql, values![id.to_string(), micros(now), print("task", why)?]).await? == 1;
    if is_closed_now && let Some(line) = why.audit_line(id) {
        audit::write(session, &line, now).await?;
    }
    Ok(is_closed_now)
}

async fn note_attempt(session: &Session<'_>, id: CallId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let sql =
        "UPDATE callback_tasks SET attempts = attempts + 1, last_attempt_at = $2 WHERE id = $1 AND state = 'open'";
    Ok(session.run("note the attempt", sql, values![id.to_string(), micros(now)]).await? == 1)
}

fn read(row: TaskRow) -> Result<CallbackTask, StoreError> {
    let closed = match (row.state.as_str(), row.closed_at, row.closed_by) {
        ("open", None, None) => None,
        ("closed", Some(at), Some(why)) => Some((instant(at)?, parse("task", &why)?)),
        (state, _, _) => return Err(corrupt("task", format!("half an end, and the state is {state}"))),
    };
    let caller = row.caller.map(|caller| caller.parse::<PhoneNumber>());
    Ok(CallbackTask {
        id: call_id(&row.id)?,
        brand: BrandId::new(&row.brand),
        caller: caller.transpose().map_err(|cause| corrupt("task", cause))?,
        caller_name: row.caller_name,
        opened_at: instant(row.opened_at)?,
        due_at: instant_or_none(Some(row.due_at).filter(|due_at| *due_at != NEVER))?,
        missed: count(row.missed)?,
        last_call: call_id(&row.last_call)?,
        last_missed_at: instant(row.last_missed_at)?,
        attempts: count(row.attempts)?,
        last_attempt_at: instant_or_none(row.last_attempt_at)?,
        closed,
    })
}
