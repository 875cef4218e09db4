//! Phones that went to other calls while a call was decided on.

use crate::ids::AgentId;
use crate::shortlist::facts::{LiveLeg, LoadedFacts};
use crate::store::HeldPhone;

/// What refused saves of one decision have told. Where many callers want few phones, each new look finds phones free that
/// are gone at the save; a caller must not be refused for that, and waits instead.
#[derive(Debug, Default)]
pub(super) struct Taken {
    held: Vec<HeldPhone>,
}

impl Taken {
    /// A save was refused for these.
    pub(super) fn note(&mut self, held: Vec<HeldPhone>) {
        self.held.extend(held);
    }

    /// Has the facts show those phones as held, if they seem free again. The last time all that seem free count as rung by the
    /// latest of those calls, so that nothing is left to be refused. Whether the facts know less than the store then: the call
    /// has to be offered what is free once it is saved.
    pub(super) fn apply(&self, facts: &mut LoadedFacts, is_last: bool) -> bool {
        let Some(latest) = self.held.last() else { return false };
        let by = |agent: &AgentId| self.held.iter().find(|held| held.agent == *agent).map(|held| held.leg);
        let any = facts.hold(by);
        let all = is_last && facts.hold(|_| Some(LiveLeg { talking: false, ..latest.leg }));
        any || all
    }
}
