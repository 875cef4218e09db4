//! One type for each kind of identifier, so that one cannot stand where another is meant.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0.simple())
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    )+};
}

macro_rules! slugs {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub std::sync::Arc<str>);

        /// Names are mostly compared with copies of themselves, and then the text need not be looked at.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                std::sync::Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
            }
        }

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }

        impl $name {
            /// Takes the text as it is; the routing file's reader has checked its form.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

uuid_ids! {
    /// One call: all that happens between one caller and us, first ring to last hang-up.
    CallId,
    /// Rules that somebody works on and has not published.
    DraftId,
}

slugs! {
    /// A brand, by the short name that stands in its Chatwoot label: `acme-movers`.
    BrandId,
    /// An agent, by the short name that stands in the routing file: `priya`.
    AgentId,
    /// What a caller calls about, by the short name that stands in the label `intent-<id>`: `sales`.
    IntentId,
    /// A list of holidays, by the name brands refer to it by: `us-public`.
    HolidayListId,
    /// Somebody who may override: `dana`.
    SupervisorId,
}

/// A leg, numbered by its call from 1 upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId {
    /// The call it belongs to.
    pub call: CallId,
    /// Its number within the call, from 1.
    pub number: u32,
}

impl std::fmt::Display for LegId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.call, self.number)
    }
}

/// Text that is not `<call>-<number>`.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a leg: expected a call, a dash and a number")]
pub struct NotALeg(String);

impl std::str::FromStr for LegId {
    type Err = NotALeg;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.rsplit_once('-')
            .and_then(|(call, number)| Some(Self { call: call.parse().ok()?, number: number.parse().ok()? }))
            .ok_or_else(|| NotALeg(text.chars().take(80).collect()))
    }
}

/// What the carrier calls a leg, a recording or a room; opaque here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CarrierRef(pub std::sync::Arc<str>);

impl CarrierRef {
    /// Takes the carrier's word as it is.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The carrier's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
