//! Telephone numbers.

use serde::{Deserialize, Serialize};

/// A number in E.164.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(std::sync::Arc<str>);

impl PhoneNumber {
    /// The digits with their plus sign.
    #[must_use]
    pub fn as_e164(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("+…")
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Caller {
    /// A number.
    Known(PhoneNumber),
    /// Withheld.
    Withheld,
    /// Something else.
    Other(std::sync::Arc<str>),
}
