//! What can go wrong between us and Chatwoot, and what that means for whoever asked.

use std::time::Duration;

use super::nonsense::Nonsense;

/// Why a request to Chatwoot did not do what was asked.
///
/// Each says what was being attempted. The outbox asks [`is_transient`](Self::is_transient) and
/// [`may_have_happened`](Self::may_have_happened); it does not read messages.
/// Source: contracts/chatwoot.md 1.6; STYLE.md section 3.
#[derive(Debug, thiserror::Error)]
pub enum ChatwootError {
    /// Chatwoot understood and said no: 4xx, or a redirect, which we never follow. Asking again changes nothing.
    #[error("Chatwoot refused to {attempt}: status {status}, {detail}")]
    Refused {
        /// What was asked, as a verb: "create a contact".
        attempt: &'static str,
        /// HTTP status.
        status: u16,
        /// Chatwoot's own sentence, cut to 200 characters, for people only: it comes in the account's language.
        detail: String,
        /// Names of the fields it objects to, such as `phone_number`; empty when it names none.
        attributes: Vec<String>,
    },
    /// The answer to a wrong token and to a missing permission alike: status 401.
    ///
    /// [`ChatwootClient::find_standing`](super::ChatwootClient::find_standing) tells which. Only when our profile is
    /// refused too is the token gone.
    #[error("Chatwoot did not permit us to {attempt}")]
    Unauthorised {
        /// What was asked.
        attempt: &'static str,
    },
    /// 404. The contact, conversation or inbox is gone, merged or never was ours: resolve it afresh.
    #[error("Chatwoot has nothing to {attempt} with")]
    NotFound {
        /// What was asked.
        attempt: &'static str,
    },
    /// 429. Nothing was done.
    #[error("Chatwoot asked us to slow down when we tried to {attempt}")]
    SlowDown {
        /// What was asked.
        attempt: &'static str,
        /// How long to leave it alone; Chatwoot's own limiter names no time and counts by the minute.
        retry_after: Duration,
    },
    /// 5xx: Chatwoot or a proxy before it fell over, sometimes after the change was kept (contract 13, point 1).
    #[error("Chatwoot failed with status {status} while asked to {attempt}")]
    Failing {
        /// What was asked.
        attempt: &'static str,
        /// HTTP status.
        status: u16,
    },
    /// The request went out and no whole answer came back in time.
    #[error("no answer from Chatwoot when asked to {attempt}")]
    UnknownResult {
        /// What was asked.
        attempt: &'static str,
        /// What ended the wait.
        #[source]
        source: reqwest::Error,
    },
    /// No connection was made, so nothing can have happened.
    #[error("could not reach Chatwoot to {attempt}")]
    Unreachable {
        /// What was asked.
        attempt: &'static str,
        /// Why there was no connection.
        #[source]
        source: reqwest::Error,
    },
    /// A success whose body is not what the contract says: a proxy's page, or another version of Chatwoot.
    #[error("Chatwoot's answer makes no sense when asked to {attempt}")]
    Malformed {
        /// What was asked.
        attempt: &'static str,
        /// Where in the body.
        #[source]
        source: Nonsense,
    },
    /// A reply longer than we read.
    #[error("Chatwoot's answer is over {limit} bytes when asked to {attempt}")]
    TooLarge {
        /// What was asked.
        attempt: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A reply about an object of another account.
    #[error("Chatwoot answered for account {got} when asked to {attempt}")]
    WrongAccount {
        /// What was asked.
        attempt: &'static str,
        /// The account the object claims.
        got: i64,
    },
    /// Chatwoot answered 200 and gave the conversation to somebody else or, for an unknown agent, to nobody.
    /// Read the list of agents before asking again. Source: contract 4.5.
    #[error("Chatwoot did not assign the conversation to agent {wanted}")]
    NotAssigned {
        /// Whom we named.
        wanted: i64,
        /// Whom it names now.
        got: Option<i64>,
    },
    /// Our own request could not be put together: a base address without a host, a file name that is no header.
    #[error("could not put together the request to {attempt}")]
    Unsendable {
        /// What was asked.
        attempt: &'static str,
        /// What was wrong with it.
        #[source]
        source: reqwest::Error,
    },
}

impl ChatwootError {
    /// Whether the same request may succeed later. The caller still bounds its attempts.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::SlowDown { .. }
            | Self::Failing { .. }
            | Self::UnknownResult { .. }
            | Self::Unreachable { .. }
            // A page of a proxy under maintenance comes with status 200 as often as not.
            | Self::Malformed { .. } => true,
            // The limit of messages a minute and conversation is a plain 422 (contract 1.7); its text is localised,
            // so a refused message cannot be told from a flooded one here.
            Self::Refused { .. }
            | Self::Unauthorised { .. }
            | Self::NotFound { .. }
            | Self::TooLarge { .. }
            | Self::WrongAccount { .. }
            | Self::NotAssigned { .. }
            | Self::Unsendable { .. } => false,
        }
    }

    /// Whether what was asked may have been done all the same. If so, look before asking again.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Failing { .. }
            | Self::UnknownResult { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::WrongAccount { .. }
            | Self::NotAssigned { .. } => true,
            Self::Refused { .. }
            | Self::Unauthorised { .. }
            | Self::NotFound { .. }
            | Self::SlowDown { .. }
            | Self::Unreachable { .. }
            | Self::Unsendable { .. } => false,
        }
    }

    /// Whether the object is gone: find or create it afresh rather than ask again. Source: contract 11.6.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether Chatwoot objected to this field, for instance a `phone_number` that is taken. Source: contract 1.6.
    #[must_use]
    pub fn objects_to(&self, field: &str) -> bool {
        matches!(self, Self::Refused { attributes, .. } if attributes.iter().any(|name| name == field))
    }

    /// The wait Chatwoot asked for, when it asked for one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::SlowDown { retry_after, .. } => Some(*retry_after),
            Self::Refused { .. }
            | Self::Unauthorised { .. }
            | Self::NotFound { .. }
            | Self::Failing { .. }
            | Self::UnknownResult { .. }
            | Self::Unreachable { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::WrongAccount { .. }
            | Self::NotAssigned { .. }
            | Self::Unsendable { .. } => None,
        }
    }
}
