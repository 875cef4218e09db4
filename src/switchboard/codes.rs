//! Supervisors' codes: drawn here, told once, kept as keyed slow hashes, and looked at behind a limit.
//!
//! What was typed comes in as a secret and goes no further than the hash: the core, the history and the log hear the
//! verdict. Source: THREATS.md T-28.
//!
//! One salt, drawn from the key, serves all codes of the account: so one hash answers for every supervisor, in the same
//! time however many there are, and two supervisors never have one code. Without the key, which is not in the database,
//! neither salt nor hash can be computed.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::SwitchboardError;
use super::rulebook::Rulebook;
use crate::call::state::Call;
use crate::call::supervisor::CodeVerdict;
use crate::clock::{Clock, IdSource};
use crate::ids::SupervisorId;
use crate::rules::Rules;
use crate::store::{CodeTry, Conflict, NewAuditLine, Store, StoreError, StoredCode};

/// Digits of a code. At the limits of the account a year of guessing finds one of 8 digits with a chance of 1 in 570 at
/// most. Source: THREATS.md T-28.
pub const CODE_DIGITS: u32 = 8;

/// How the audit calls a code that was wrong.
pub const CODE_WRONG: &str = "supervisor_code_wrong";
/// How it calls one that was not looked at.
pub const CODE_REFUSED: &str = "supervisor_code_refused";

/// A code that is older should be drawn again.
pub const ROTATE_AFTER: TimeDelta = TimeDelta::days(90);

/// Memory of one hash, in KiB, and how often it is gone through: the second choice of OWASP's password cheat sheet for
/// argon2id. About 25 ms on one core, so that a caller is answered in time.
const MEMORY_KIB: u32 = 19_456;
/// See [`MEMORY_KIB`].
const PASSES: u32 = 2;

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// A code that another supervisor has is drawn again so often.
const DRAWS_MAX: u32 = 5;

/// A code as it is told, once.
pub struct GivenCode {
    /// The digits.
    pub code: SecretString,
    /// Since when it holds.
    pub set_at: DateTime<Utc>,
}

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// There is no key to hash with.
    #[error("server.code_secret is not set")]
    NoKey,
    /// The rules in force name no such supervisor.
    #[error("the rules name no such supervisor")]
    NoSuchSupervisor,
    /// The hash could not be computed.
    #[error("the code could not be hashed")]
    Hash,
    /// The rules or the store failed.
    #[error("the code could not be saved")]
    Switchboard(#[from] SwitchboardError),
}

impl From<StoreError> for CodeError {
    fn from(error: StoreError) -> Self {
        Self::Switchboard(error.into())
    }
}

/// Draws and looks at codes.
pub struct CodeDesk {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    rulebook: Arc<Rulebook>,
    key: Option<SecretString>,
}

impl CodeDesk {
    /// Puts the parts together; without a key there are no codes.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        rulebook: Arc<Rulebook>,
        key: Option<SecretString>,
    ) -> Self {
        Self { store, clock, ids, rulebook, key }
    }

    /// Whether there can be codes.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Draws a new code for a supervisor in place of the old one. It is told here and never again.
    ///
    /// # Errors
    /// [`CodeError`].
    pub async fn give(&self, supervisor: &SupervisorId, by: &str) -> Result<GivenCode, CodeError> {
        let key = self.key.as_ref().ok_or(CodeError::NoKey)?;
        let rules = self.current_rules().await?;
        if !rules.supervisors.iter().any(|known| known.id == *supervisor) {
            return Err(CodeError::NoSuchSupervisor);
        }
        let set_at = self.clock.now();
        for _ in 0..DRAWS_MAX {
            let code = draw(key, self.ids.draw(set_at));
            let hash = hash(key.clone(), code.clone()).await.ok_or(CodeError::Hash)?;
            let stored = StoredCode { supervisor: supervisor.clone(), hash, set_at, set_by: by.to_owned() };
            match self.store.set_code(&stored).await {
                Ok(()) => {
                    tracing::info!(%supervisor, by, "a supervisor's code was drawn");
                    return Ok(GivenCode { code, set_at });
                }
                Err(StoreError::Conflict(Conflict::CodeTaken)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CodeError::Hash)
    }

    /// Whose code was typed. The try is counted before anybody looks, so that no race lets one more through.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look(&self, call: &Call, typed: &SecretString) -> Result<CodeVerdict, SwitchboardError> {
        let now = self.clock.now();
        let verdict = match &self.key {
            _ if !call.awaits_code(now) => return Ok(CodeVerdict::NotAsked),
            _ if typed.expose_secret().is_empty() => return Ok(CodeVerdict::Nothing),
            None => CodeVerdict::Wrong,
            Some(key) => match self.store.take_code_try(call.id, &call.caller, now).await? {
                CodeTry::Refused { why, .. } => {
                    let detail = serde_json::json!({ "limit": why });
                    self.note_failure(call, CODE_REFUSED, detail).await?;
                    tracing::warn!(call.id = %call.id, limit = ?why, "a supervisor's code was not looked at: too many tries");
                    CodeVerdict::Refused
                }
                CodeTry::Taken => {
                    let verdict = self.compare(key, call, typed).await?;
                    if verdict == CodeVerdict::Wrong {
                        self.note_failure(call, CODE_WRONG, serde_json::json!({})).await?;
                    }
                    verdict
                }
            },
        };
        metrics::counter!("offhook_supervisor_codes_total", "verdict" => verdict.as_str()).increment(1);
        tracing::warn!(call.id = %call.id, brand = %call.brand, verdict = verdict.as_str(), "a supervisor's code was keyed in");
        Ok(verdict)
    }

    /// A failure is told like a success, and not only when it locks the keypad. Source: THREATS.md T-28.
    async fn note_failure(
        &self,
        call: &Call,
        action: &'static str,
        detail: serde_json::Value,
    ) -> Result<(), SwitchboardError> {
        let subject = format!("calls/{}", call.id);
        let line = NewAuditLine { by: "caller".to_owned(), action, subject, detail };
        Ok(self.store.note_audit(line, self.clock.now()).await?)
    }

    async fn compare(
        &self,
        key: &SecretString,
        call: &Call,
        typed: &SecretString,
    ) -> Result<CodeVerdict, SwitchboardError> {
        let codes = self.store.list_codes().await?;
        let Some(given) = hash(key.clone(), typed.clone()).await else { return Ok(CodeVerdict::Wrong) };
        // Every code is compared, in constant time, whichever it is.
        let mut found = None;
        for code in &codes {
            let is_it: Choice = code.hash.as_bytes().ct_eq(given.as_bytes());
            if bool::from(is_it) {
                found = Some(code.supervisor.clone());
            }
        }
        let Some(supervisor) = found else { return Ok(CodeVerdict::Wrong) };
        // Who may override is read from the rules in force: a right that was taken away is gone at once.
        let rules = self.rulebook.load_current().await?.ok_or(SwitchboardError::NoRules)?.1;
        if !rules.may_override(&supervisor, &call.brand) {
            return Ok(CodeVerdict::Wrong);
        }
        self.store.note_good_code(call.id, &supervisor, self.clock.now()).await?;
        Ok(CodeVerdict::Good { supervisor })
    }

    /// Takes a supervisor's code away; false if there was none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_away(&self, supervisor: &SupervisorId, by: &str) -> Result<bool, SwitchboardError> {
        Ok(self.store.remove_code(supervisor, by, self.clock.now()).await?)
    }

    async fn current_rules(&self) -> Result<Arc<Rules>, SwitchboardError> {
        Ok(self.rulebook.load_current().await?.ok_or(SwitchboardError::NoRules)?.1)
    }
}

/// Digits out of a fresh identifier, whose chance nobody can guess, each code as likely as any other.
fn draw(key: &SecretString, fresh: uuid::Uuid) -> SecretString {
    const CODES: u64 = 10_u64.pow(CODE_DIGITS);
    let digest = keyed(key, &[b"code", fresh.as_bytes()]);
    let eight: [u8; 8] = std::array::from_fn(|at| digest.get(at).copied().unwrap_or(0));
    // Of 64 bits the remainder is even to within 1 in 10^11.
    let number = u64::from_be_bytes(eight) % CODES;
    SecretString::from(format!("{number:0width$}", width = usize::try_from(CODE_DIGITS).unwrap_or(8)))
}

fn keyed(key: &SecretString, parts: &[&[u8]]) -> [u8; 32] {
    let mut out = [0_u8; 32];
    // HMAC takes a key of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) {
        mac.update(b"offhook supervisor codes ");
        for part in parts {
            mac.update(part);
        }
        out = mac.finalize().into_bytes().into();
    }
    out
}

/// The hash in hexadecimal, computed aside, since it takes a while. None if it cannot be.
async fn hash(key: SecretString, code: SecretString) -> Option<String> {
    tokio::task::spawn_blocking(move || hash_now(&key, &code)).await.ok()?
}

fn hash_now(key: &SecretString, code: &SecretString) -> Option<String> {
    let salt = keyed(key, &[b"salt"]);
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(HASH_BYTES)).ok()?;
    let secret = key.expose_secret().as_bytes();
    let argon = Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params).ok()?;
    let mut out = [0_u8; HASH_BYTES];
    argon.hash_password_into(code.expose_secret().as_bytes(), &salt, &mut out).ok()?;
    Some(hex::encode(out))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Instant;

    use super::*;
    use crate::clock::RandomIds;

    fn key(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    #[test]
    fn a_code_has_eight_digits_and_is_never_the_same() {
        let at = DateTime::UNIX_EPOCH;
        let codes: HashSet<String> =
            (0..2_000).map(|_| draw(&key("one"), RandomIds.draw(at)).expose_secret().to_owned()).collect();
        assert!(codes.len() > 1_990, "{}", codes.len());
        assert!(codes.iter().all(|code| code.len() == 8 && code.bytes().all(|digit| digit.is_ascii_digit())));
    }

    #[test]
    fn a_hash_belongs_to_one_code_and_one_key_and_takes_a_while() {
        let began = Instant::now();
        let first = hash_now(&key("one"), &key("12345678")).unwrap();
        let took = began.elapsed();
        assert_eq!(first.len(), 64);
        assert_eq!(hash_now(&key("one"), &key("12345678")).unwrap(), first);
        assert_ne!(hash_now(&key("one"), &key("12345679")).unwrap(), first);
        assert_ne!(hash_now(&key("two"), &key("12345678")).unwrap(), first);
        // Long enough to make guessing dear.
        assert!(took.as_millis() >= 2, "{took:?}");
    }
}
