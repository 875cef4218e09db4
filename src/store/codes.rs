//! Supervisors' codes and the tries at them.
//!
//! A try is counted, in one transaction under the lock of one row, before anybody looks whether the code is right: no
//! race between replicas lets one more through. A refused try changes nothing. Source: THREATS.md T-28.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::entity::{CodeRow, GuardRow};
use super::session::{Session, count, instant, instant_or_none, job, micros, values};
use super::sql::{SqlStore, ask};
use super::{Conflict, NewAuditLine, StoreError, audit};
use crate::ids::{CallId, SupervisorId};
use crate::phone_number::{Caller, PhoneNumber};

/// Tries of one call.
pub const TRIES_PER_CALL: u32 = 3;
/// Tries of one caller number within [`TRIES_WINDOW`]; all withheld numbers are one.
pub const TRIES_PER_CALLER: u32 = 5;
/// Tries of the account within [`TRIES_WINDOW`], whatever the caller, since numbers can be made up.
pub const TRIES_PER_ACCOUNT: u32 = 20;
/// Tries are counted over so long.
pub const TRIES_WINDOW: TimeDelta = TimeDelta::hours(1);
/// After the account's last try no more are taken for so long; twice as long each further time.
pub const LOCKOUT_FIRST: TimeDelta = TimeDelta::hours(1);
/// Never longer than this, since whoever guesses must not be able to take the keypad away for days.
pub const LOCKOUT_MAX: TimeDelta = TimeDelta::hours(8);
/// After so long without a lockout the next one is short again.
pub const LOCKOUT_FORGOTTEN: TimeDelta = TimeDelta::hours(24);

/// The one row of the guard: codes are the account's.
const ACCOUNT: &str = "account";

/// A code as it is kept: a keyed slow hash, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCode {
    /// Whose.
    pub supervisor: SupervisorId,
    /// The hash.
    pub hash: String,
    /// Since when.
    pub set_at: DateTime<Utc>,
    /// By whom it was made.
    pub set_by: String,
}

/// Whether a code may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeTry {
    /// It is counted; look.
    Taken,
    /// Nothing was counted; do not look.
    Refused { why: TryRefusal, until: Option<DateTime<Utc>> },
}

/// Which limit refused a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TryRefusal {
    /// The call's.
    Call,
    /// The caller number's.
    Caller,
    /// The account's.
    Account,
}

/// How the account stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CodeGuard {
    /// No try is taken until then.
    pub locked_until: Option<DateTime<Utc>>,
    /// Lockouts in a row.
    pub lockouts: u32,
    /// Tries within the last [`TRIES_WINDOW`].
    pub tries: u32,
}

impl CodeGuard {
    /// Whether no try is taken now.
    #[must_use]
    pub fn is_locked(&self, now: DateTime<Utc>) -> bool {
        self.locked_until.is_some_and(|until| until > now)
    }

    /// How the account stands after one more try, or which limit refuses it. `of_call` and `of_caller` are tries so far.
    pub(super) fn take(
        self,
        of_call: u32,
        of_caller: u32,
        now: DateTime<Utc>,
    ) -> Result<Self, (TryRefusal, Option<DateTime<Utc>>)> {
        if self.is_locked(now) {
            return Err((TryRefusal::Account, self.locked_until));
        }
        if self.tries >= TRIES_PER_ACCOUNT {
            return Err((TryRefusal::Account, None));
        }
        if of_call >= TRIES_PER_CALL {
            return Err((TryRefusal::Call, None));
        }
        if of_caller >= TRIES_PER_CALLER {
            return Err((TryRefusal::Caller, None));
        }
        let tries = self.tries + 1;
        if tries < TRIES_PER_ACCOUNT {
            return Ok(Self { tries, ..self });
        }
        let is_forgotten = self.locked_until.is_none_or(|until| now - until >= LOCKOUT_FORGOTTEN);
        let before = if is_forgotten { 0 } else { self.lockouts };
        let pause = (LOCKOUT_FIRST * (1_i32 << before.min(10))).min(LOCKOUT_MAX);
        Ok(Self { tries, locked_until: Some(now + pause), lockouts: before + 1 })
    }
}

/// Under which name a caller's tries are counted.
pub(super) fn caller_key(caller: &Caller) -> &str {
    match caller {
        Caller::Known(phone) => PhoneNumber::as_e164(phone),
        Caller::Withheld | Caller::Other(_) => "withheld",
    }
}

/// Where supervisors' codes and the tries at them are kept.
#[async_trait]
pub trait Codes: Send + Sync {
    /// Keeps a supervisor's code in place of the old one.
    ///
    /// # Errors
    /// `Conflict(CodeTaken)` when another supervisor has that code; draw again.
    async fn set_code(&self, code: &StoredCode) -> Result<(), StoreError>;
    /// Forgets a supervisor's code; false if there was none.
    async fn remove_code(&self, supervisor: &SupervisorId, by: &str, now: DateTime<Utc>) -> Result<bool, StoreError>;
    /// All codes, in order of supervisor; as many as there are supervisors.
    async fn list_codes(&self) -> Result<Vec<StoredCode>, StoreError>;
    /// Counts one try, or refuses it. To be asked before anybody looks at the code.
    async fn take_code_try(&self, call: CallId, caller: &Caller, now: DateTime<Utc>) -> Result<CodeTry, StoreError>;
    /// A code was right: the next lockout is short again.
    async fn note_good_code(
        &self,
        call: CallId,
        supervisor: &SupervisorId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// How the account stands.
    async fn find_code_guard(&self, now: DateTime<Utc>) -> Result<CodeGuard, StoreError>;
}

#[async_trait]
impl Codes for SqlStore {
    async fn set_code(&self, code: &StoredCode) -> Result<(), StoreError> {
        self.write(ask!(session, code = code.clone() => set(session, &code))).await
    }

    async fn remove_code(&self, supervisor: &SupervisorId, by: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(ask!(session, supervisor = supervisor.clone(), by = by.to_owned() => {
            remove(session, &supervisor, &by, now)
        }))
        .await
    }

    async fn list_codes(&self) -> Result<Vec<StoredCode>, StoreError> {
        self.read(ask!(session => list(session))).await
    }

    async fn take_code_try(&self, call: CallId, caller: &Caller, now: DateTime<Utc>) -> Result<CodeTry, StoreError> {
        self.write(ask!(session, caller = caller.clone() => take(session, call, &caller, now))).await
    }

    async fn note_good_code(
        &self,
        call: CallId,
        supervisor: &SupervisorId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write(ask!(session, supervisor = supervisor.clone() => note_good(session, call, &supervisor, now))).await
    }

    async fn find_code_guard(&self, now: DateTime<Utc>) -> Result<CodeGuard, StoreError> {
        self.read(ask!(session => find_guard(session, now))).await
    }
}

async fn set(session: &Session<'_>, code: &StoredCode) -> Result<(), StoreError> {
    let taken = "SELECT count(*) FROM supervisor_codes WHERE hash = $1 AND supervisor <> $2";
    let values = values![code.hash.as_str(), code.supervisor.as_str()];
    if session.number("look for the code", taken, values).await?.unwrap_or(0) > 0 {
        return Err(StoreError::Conflict(Conflict::CodeTaken));
    }
    let sql = "INSERT INTO supervisor_codes (supervisor, hash, set_at, set_by) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (supervisor) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at, set_by = excluded.set_by";
    let values = values![code.supervisor.as_str(), code.hash.as_str(), micros(code.set_at), code.set_by.as_str()];
    session.run("save the code", sql, values).await?;
    audit::write(session, &set_line(code), code.set_at).await
}

async fn remove(
    session: &Session<'_>,
    supervisor: &SupervisorId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM supervisor_codes WHERE supervisor = $1";
    let is_gone = session.run("remove the code", sql, values![supervisor.as_str()]).await? == 1;
    if is_gone {
        audit::write(session, &removed_line(supervisor, by), now).await?;
    }
    Ok(is_gone)
}

async fn list(session: &Session<'_>) -> Result<Vec<StoredCode>, StoreError> {
    let sql = "SELECT supervisor, hash, set_at, set_by FROM supervisor_codes ORDER BY supervisor";
    let rows: Vec<CodeRow> = session.rows("list the codes", sql, Vec::new()).await?;
    rows.into_iter()
        .map(|row| {
            Ok(StoredCode {
                supervisor: SupervisorId::new(&row.supervisor),
                hash: row.hash,
                set_at: instant(row.set_at)?,
                set_by: row.set_by,
            })
        })
        .collect()
}

async fn take(session: &Session<'_>, call: CallId, caller: &Caller, now: DateTime<Utc>) -> Result<CodeTry, StoreError> {
    // Writing the row first takes its lock, so that replicas count one after the other.
    let lock = "INSERT INTO code_guard (name, locked_until, lockouts) VALUES ($1, NULL, 0) ON CONFLICT (name) DO UPDATE \
        SET lockouts = code_guard.lockouts";
    session.run("lock the tries", lock, values![ACCOUNT]).await?;
    let guard = find_guard(session, now).await?;
    let key = caller_key(caller);
    let of_call = "SELECT count(*) FROM code_tries WHERE call_id = $1";
    let of_call = count(session.number("count the tries", of_call, values![call.to_string()]).await?.unwrap_or(0))?;
    let of_caller = "SELECT count(*) FROM code_tries WHERE caller = $1 AND at > $2";
    let of_caller = session.number("count the tries", of_caller, values![key, micros(now - TRIES_WINDOW)]).await?;
    let after = match guard.take(of_call, count(of_caller.unwrap_or(0))?, now) {
        Ok(after) => after,
        Err((why, until)) => return Ok(CodeTry::Refused { why, until }),
    };
    let sql = "INSERT INTO code_tries (call_id, caller, at) VALUES ($1, $2, $3)";
    session.run("count the try", sql, values![call.to_string(), key, micros(now)]).await?;
    let sql = "UPDATE code_guard SET locked_until = $2, lockouts = $3 WHERE name = $1";
    let values = values![ACCOUNT, after.locked_until.map(micros), i64::from(after.lockouts)];
    session.run("count the try", sql, values).await?;
    audit::write(session, &tried_line(call, &after), now).await?;
    Ok(CodeTry::Taken)
}

async fn note_good(
    session: &Session<'_>,
    call: CallId,
    supervisor: &SupervisorId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    session.run("note the good code", "UPDATE code_guard SET lockouts = 0 WHERE name = $1", values![ACCOUNT]).await?;
    audit::write(session, &good_line(call, supervisor), now).await
}

/// What the audit says of a new code. The code is nowhere.
pub(super) fn set_line(code: &StoredCode) -> NewAuditLine {
    let subject = format!("supervisors/{}/code", code.supervisor);
    NewAuditLine { by: code.set_by.clone(), action: "supervisor_code_set", subject, detail: json!({}) }
}

/// What it says of one that was taken away.
pub(super) fn removed_line(supervisor: &SupervisorId, by: &str) -> NewAuditLine {
    let subject = format!("supervisors/{supervisor}/code");
    NewAuditLine { by: by.to_owned(), action: "supervisor_code_removed", subject, detail: json!({}) }
}

/// What it says of a try, before anybody knows whether it is right.
pub(super) fn tried_line(call: CallId, after: &CodeGuard) -> NewAuditLine {
    let is_last = after.tries >= TRIES_PER_ACCOUNT;
    let detail = json!({ "tries": after.tries, "locked_until": after.locked_until.filter(|_| is_last) });
    NewAuditLine { by: "caller".to_owned(), action: "supervisor_code_tried", subject: format!("calls/{call}"), detail }
}

/// What it says of a right one.
pub(super) fn good_line(call: CallId, supervisor: &SupervisorId) -> NewAuditLine {
    let (by, subject) = (format!("supervisor:{supervisor}"), format!("calls/{call}"));
    NewAuditLine { by, action: "supervisor_code_accepted", subject, detail: json!({}) }
}

async fn find_guard(session: &Session<'_>, now: DateTime<Utc>) -> Result<CodeGuard, StoreError> {
    let sql = "SELECT code_guard.locked_until AS locked_until, code_guard.lockouts AS lockouts, \
        (SELECT count(*) FROM code_tries WHERE at > $2) AS tries \
        FROM (SELECT 1 AS one) AS always LEFT JOIN code_guard ON code_guard.name = $1";
    let values = values![ACCOUNT, micros(now - TRIES_WINDOW)];
    let row: Option<GuardRow> = session.row("read the tries", sql, values).await?;
    let Some(row) = row else { return Ok(CodeGuard::default()) };
    Ok(CodeGuard {
        locked_until: instant_or_none(row.locked_until)?,
        lockouts: count(row.lockouts.unwrap_or(0))?,
        tries: count(row.tries)?,
    })
}

/// Forgets tries that no limit counts any more.
pub(super) async fn forget_before(session: &Session<'_>, before: DateTime<Utc>) -> Result<u64, StoreError> {
    session.run("forget tries", "DELETE FROM code_tries WHERE at < $1", values![micros(before)]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn the_last_try_of_the_hour_locks_and_each_lockout_is_twice_as_long() {
        let mut guard = CodeGuard { tries: TRIES_PER_ACCOUNT - 1, ..CodeGuard::default() };
        let mut now = at(0);
        for hours in [1, 2, 4, 8, 8, 8] {
            guard = guard.take(0, 0, now).unwrap();
            assert_eq!(guard.locked_until, Some(now + TimeDelta::hours(hours)));
            let last = now + TimeDelta::hours(hours) - TimeDelta::milliseconds(1);
            assert_eq!(guard.take(0, 0, last), Err((TryRefusal::Account, guard.locked_until)));
            now += TimeDelta::hours(hours);
            guard.tries = TRIES_PER_ACCOUNT - 1;
        }
        // A quiet day, and it begins anew.
        now += LOCKOUT_FORGOTTEN;
        assert_eq!(guard.take(0, 0, now).unwrap().locked_until, Some(now + LOCKOUT_FIRST));
    }

    #[test]
    fn a_call_and_a_caller_have_limits_of_their_own() {
        let guard = CodeGuard::default();
        assert_eq!(guard.take(TRIES_PER_CALL, 0, at(0)), Err((TryRefusal::Call, None)));
        assert_eq!(guard.take(0, TRIES_PER_CALLER, at(0)), Err((TryRefusal::Caller, None)));
        assert!(guard.take(TRIES_PER_CALL - 1, TRIES_PER_CALLER - 1, at(0)).is_ok());
    }
}
