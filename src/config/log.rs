//! `[log]`: how events are printed.

use serde::Deserialize;

use super::checks::Checks;

/// Structured logs, on standard error.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// The least important level printed.
    pub level: LogLevel,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line, for collectors.
    #[default]
    Json,
    /// For eyes.
    Text,
}

/// The least important level printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Only what somebody must look at.
    Error,
    /// And what went wrong but was handled.
    Warn,
    /// And the life of each call.
    #[default]
    Info,
    /// And each decision.
    Debug,
    /// And each step.
    Trace,
}

impl LogLevel {
    /// As the filter spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Log {
    /// Nothing to see: both keys are closed lists.
    pub(super) fn check(&self, _: &mut Checks) {}
}
