//! What a person switches on for a whole brand until an instant: an override, a declared flood.
//!
//! Both end by themselves, by their instant alone. Source: DESIGN.md section 8, THREATS.md T-04.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{BrandId, SupervisorId};

/// How long a switch is on unless somebody says otherwise. Source: DESIGN.md section 8, THREATS.md T-28.
pub const SWITCH_SPAN: TimeDelta = TimeDelta::hours(4);

/// The shortest switch.
pub const SWITCH_SPAN_MIN: TimeDelta = TimeDelta::minutes(5);

/// The longest switch: a forgotten one is over the next day.
pub const SWITCH_SPAN_MAX: TimeDelta = TimeDelta::hours(24);

/// Longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 200;

/// What a switch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchKind {
    /// Calls go to the operator line.
    Override,
    /// A flood is declared: strangers are challenged, and their limit is lower.
    Flood,
}

impl SwitchKind {
    /// The word that stands in SQL, JSON and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Flood => "flood",
        }
    }
}

/// Who turned a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum SwitchedBy {
    /// Whoever holds an operator token, by the name under which the audit knows them: `operator 3f9a01`.
    Operator(String),
    /// A supervisor named in the rules.
    Supervisor(SupervisorId),
    /// Its instant came.
    Time,
}

impl fmt::Display for SwitchedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(name) => f.write_str(name),
            Self::Supervisor(id) => write!(f, "supervisor:{id}"),
            Self::Time => f.write_str("time"),
        }
    }
}

/// Text that names nobody who turns switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `time`, `operator` and a mark, or `supervisor:` and an id")]
pub struct NotASwitcher;

impl FromStr for SwitchedBy {
    type Err = NotASwitcher;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("supervisor:")) {
            ("time", _) => Ok(Self::Time),
            (_, None) if text.starts_with("operator ") => Ok(Self::Operator(text.to_owned())),
            (_, Some(id)) if !id.is_empty() => Ok(Self::Supervisor(SupervisorId::new(id))),
            _ => Err(NotASwitcher),
        }
    }
}

impl From<SwitchedBy> for String {
    fn from(by: SwitchedBy) -> Self {
        by.to_string()
    }
}

impl TryFrom<String> for SwitchedBy {
    type Error = NotASwitcher;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// By which way a switch was turned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchedHow {
    /// A request of the API, such as a button on a screen.
    Api,
    /// The code, keyed in on a call.
    Keypad,
}

impl SwitchedHow {
    /// The word that stands in SQL and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Keypad => "keypad",
        }
    }
}

/// A switch that is to be turned on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSwitch {
    /// For whom.
    pub brand: BrandId,
    /// What it does.
    pub kind: SwitchKind,
    /// It ends then.
    pub until: DateTime<Utc>,
    /// Who turns it on.
    pub by: SwitchedBy,
    /// By which way.
    pub how: SwitchedHow,
    /// Why, for people; 1 to 200 characters.
    pub reason: String,
    /// Whether callers who wait are taken along.
    pub include_waiting: bool,
}

/// What a decision changes about a brand's switches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum SwitchChange {
    /// Turned on; one that is on already ends now.
    Begin { switch: NewSwitch },
    /// Turned off, if it is on.
    End { brand: BrandId, kind: SwitchKind, by: SwitchedBy },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_turned_a_switch_is_read_back_from_its_word() {
        for by in [
            SwitchedBy::Operator("operator 3f9a01".to_owned()),
            SwitchedBy::Time,
            SwitchedBy::Supervisor(SupervisorId::new("dana")),
        ] {
            assert_eq!(by.to_string().parse(), Ok(by));
        }
        for text in ["", "supervisor:", "Operator", "dana"] {
            assert_eq!(text.parse::<SwitchedBy>(), Err(NotASwitcher), "{text}");
        }
    }
}
