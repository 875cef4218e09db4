//! A number that may be dialled.

use crate::phone_number::PhoneNumber;

/// A number the destination policy has approved; nothing else can be put into a document or a request that dials.
///
/// Stands in for the policy's own type, which its room makes. Source: threat T-05.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedNumber(PhoneNumber);

impl ApprovedNumber {
    /// To be called by the destination policy only.
    #[must_use]
    pub fn by_policy(number: PhoneNumber) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> &PhoneNumber {
        &self.0
    }
}
