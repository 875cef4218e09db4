//! How a request to Twilio fails. The outbox asks these questions and reads no messages. Source: contract sections 5.1, 5.6.

use std::time::Duration;

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum TwilioError {
    /// Twilio said no.
    #[error("Twilio refused to {attempt}: HTTP {status}, code {code:?}")]
    Refused {
        /// What was attempted.
        attempt: &'static str,
        /// Twilio's code, which edge failures lack.
        code: Option<u32>,
        /// The HTTP status.
        status: u16,
    },
    /// Too many requests; nothing was done.
    #[error("Twilio asks for fewer requests while trying to {attempt}")]
    SlowDown {
        /// What was attempted.
        attempt: &'static str,
        /// How long to wait at least, if Twilio said so.
        retry_after: Option<Duration>,
    },
    /// The request was sent; whether it was carried out is unknown.
    #[error("whether Twilio did {attempt} is unknown")]
    UnknownResult {
        /// What was attempted.
        attempt: &'static str,
    },
    /// No connection; nothing was done.
    #[error("Twilio could not be reached to {attempt}")]
    Unreachable {
        /// What was attempted.
        attempt: &'static str,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Twilio accepted the request and answered something that is not understood.
    #[error("the answer to {attempt} is not understood")]
    Malformed {
        /// What was attempted.
        attempt: &'static str,
    },
}

impl TwilioError {
    /// Whether the API failed to answer, so that the same request may succeed later. A full account is not that: the API
    /// answers, and says that there is no room.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::SlowDown { .. } | Self::UnknownResult { .. } | Self::Unreachable { .. } => true,
            Self::Refused { .. } | Self::Malformed { .. } => false,
        }
    }

    /// Whether the request may have been carried out, so that one must look before repeating it.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::UnknownResult { .. } | Self::Malformed { .. })
    }

    /// Twilio's code, if it gave one.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => *code,
            Self::SlowDown { .. } | Self::UnknownResult { .. } | Self::Unreachable { .. } | Self::Malformed { .. } => {
                None
            }
        }
    }

    /// Whether the number itself is at fault: no ring to it again.
    #[must_use]
    pub fn is_unreachable_number(&self) -> bool {
        matches!(self.code(), Some(21211 | 21214..=21217 | 21219 | 13223..=13227))
    }

    /// Whether the leg is not in a state for this; an expected race.
    #[must_use]
    pub fn is_wrong_state(&self) -> bool {
        self.code() == Some(21220)
    }

    /// Whether Twilio knows no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(20404) || matches!(self, Self::Refused { status: 404, code: None, .. })
    }

    /// Whether Twilio refuses us, whatever is asked: the key was revoked, or the account is not active. It may be mended at
    /// any time, and nothing was done. Source: contract section 5.6, codes 10001, 20003 and 20403.
    #[must_use]
    pub fn is_refusing_us(&self) -> bool {
        matches!(self, Self::Refused { status: 401 | 403, .. }) && !self.is_unreachable_number()
            || self.code() == Some(10001)
    }

    /// Whether the account carries no more legs at once. Source: contract section 5.6, code 10004.
    #[must_use]
    pub fn is_concurrency_limit(&self) -> bool {
        self.code() == Some(10004)
    }
}
