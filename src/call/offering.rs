//! Which phones are offered the call now, and when to look again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::dialling::NUMBERS_PER_DIAL_MAX;
use super::effect::Effect;
use super::event::{Event, FallbackReason, LegEnd, RingMethod};
use super::mark::AgentMark;
use super::state::{Leg, LegProgress, Stage};
use super::turn::Turn;
use crate::ids::AgentId;
use crate::shortlist::{Earlier, Question, Shortlist, ShortlistRecord, snapshot, take_shortlist};

impl<'a> Turn<'a> {
    /// What a shortlist is taken from at this instant.
    pub(super) fn question(&self) -> Question<'a> {
        let ringing = u32::try_from(self.call.open_legs().count()).unwrap_or(u32::MAX);
        Question {
            rules: self.rules,
            rules_version: self.call.rules_version,
            in_force: self.facts.in_force,
            destinations: self.facts.destinations,
            brand: self.brand,
            intent: self.find_intent(),
            facts: &self.facts.loaded.agents,
            arrived_at: self.call.arrived_at,
            at: self.now,
            // Whoever the account's caps leave out waits, and the record says so.
            width: self.width_now().min(ringing.saturating_add(self.legs_allowed())),
            ringing,
            call: Some(self.call.id),
            waiting: &self.facts.loaded.waiting,
        }
    }

    pub(super) fn take_shortlist(&self) -> Shortlist {
        let earlier = self.earlier();
        take_shortlist(&self.question(), |agent| earlier.get(agent).copied().unwrap_or(Earlier::Nothing))
    }

    /// What agents had to do with this call; those who are not named had nothing.
    fn earlier(&self) -> HashMap<&AgentId, Earlier> {
        let mut earlier = HashMap::new();
        for leg in &self.call.legs {
            let asked_again = match leg.end {
                None => false,
                Some(LegEnd::LostRace | LegEnd::CallerLeft) => true,
                // Never reached the carrier; the other method may still reach the phone.
                Some(LegEnd::Failed) => {
                    leg.carrier_ref.is_none() && leg.rang_at.is_none() && self.call.method == RingMethod::Dial
                }
                // Under a simultaneous dial a phone may stop since another was picked up.
                Some(LegEnd::NoAnswer) => leg.round > 0 && self.call.method == RingMethod::Dial,
                Some(
                    LegEnd::Accepted | LegEnd::Declined | LegEnd::NoConfirm | LegEnd::VoicemailSuspected | LegEnd::Busy,
                ) => false,
            };
            let known = earlier.entry(&leg.agent).or_insert(Earlier::Nothing);
            if !asked_again {
                *known = Earlier::Offered;
            } else if leg.live && *known == Earlier::Nothing {
                *known = Earlier::StillHeld;
            }
        }
        // One handset cannot be rung for the call that it makes.
        let callers_own = self.call.caller.number().and_then(|phone| self.find_agent_of(phone));
        if let Some(agent) = callers_own {
            earlier.insert(&agent.id, Earlier::Offered);
        }
        earlier
    }

    /// Waves that have begun: one at the first offer, and one more every `wave_interval`.
    fn waves_begun(&self) -> i64 {
        self.call.legs.first().map_or(1, |first| {
            let interval = self.brand.wave_interval().num_milliseconds().max(1);
            1 + (self.now - first.offered_at).num_milliseconds().max(0) / interval
        })
    }

    /// How many phones may ring by now.
    fn width_now(&self) -> u32 {
        self.brand.width().saturating_mul(u32::try_from(self.waves_begun()).unwrap_or(u32::MAX))
    }

    /// When the next wave joins.
    fn next_wave_at(&self) -> DateTime<Utc> {
        let first = self.call.legs.first().map_or(self.now, |first| first.offered_at);
        let waves = i32::try_from(self.waves_begun()).unwrap_or(i32::MAX);
        self.brand.wave_interval().checked_mul(waves).map_or(self.now, |later| first + later)
    }

    /// How many more legs the account's caps allow, and under a simultaneous dial the document.
    pub(super) fn legs_allowed(&self) -> u32 {
        let carrier = &self.facts.carrier;
        let live = carrier.legs_live_max.saturating_sub(self.facts.loaded.legs_live);
        let fresh = carrier.legs_per_minute_max.saturating_sub(self.facts.loaded.legs_last_minute);
        let document = match self.call.method {
            RingMethod::Legs => u32::MAX,
            RingMethod::Dial => NUMBERS_PER_DIAL_MAX,
        };
        live.min(fresh).min(document)
    }

    /// Offers the call to every phone that may ring now; under `legs`.
    pub(super) fn offer_phones(&mut self) {
        if self.call.stage != Stage::Waiting || self.call.grace_until.is_some() || self.call.caller_left_at.is_some() {
            return;
        }
        let shortlist = self.take_shortlist();
        if shortlist.ring.is_empty() {
            if self.call.legs.is_empty() && self.is_beginning_to_wait() {
                self.record_shortlist(shortlist.record);
            }
        } else {
            self.record_shortlist(shortlist.record);
            self.set_deadline_at_first_offer();
            for agent in &shortlist.ring {
                if let Some(leg) = self.offer(agent, 0, self.call.deadline_at.unwrap_or(self.now)) {
                    self.ask(Effect::RingAgent { leg });
                }
            }
            self.pass_over(shortlist.passed_over);
        }
        // Whoever comes free by the clock alone joins then, and not when the caller happens to ask.
        let wave_at = (!shortlist.later.is_empty()).then(|| self.next_wave_at());
        let next_at = [wave_at, shortlist.next_free_at].into_iter().flatten().min();
        if next_at != self.call.next_wave_at || !shortlist.ring.is_empty() {
            self.record(Event::WaveBegan { next_at });
        }
    }

    /// Keeps a decision record; of a large roster also what it was taken from.
    pub(super) fn record_shortlist(&mut self, mut record: ShortlistRecord) {
        if !record.counted.is_empty() {
            let earlier = self.earlier();
            let past = |agent: &AgentId| earlier.get(agent).copied().unwrap_or(Earlier::Nothing);
            record.snapshot = snapshot::keep(&self.question(), past);
        }
        self.record(Event::ShortlistTaken { record });
    }

    /// The offer went to others.
    pub(super) fn pass_over(&mut self, agents: Vec<AgentId>) {
        for agent in agents {
            self.mark(AgentMark::PassedOver { agent });
        }
    }

    pub(super) fn set_deadline_at_first_offer(&mut self) {
        if !self.call.offered {
            let deadline_at = (self.now + self.brand.max_wait()).min(self.latest_answer());
            self.record(Event::DeadlineSet { deadline_at });
        }
    }

    /// Promises the agent's phone to this call; the number of the leg.
    pub(super) fn offer(&mut self, agent: &AgentId, round: u32, give_up_at: DateTime<Utc>) -> Option<u32> {
        let phone = self.find_agent(agent)?.phone.clone();
        let leg = u32::try_from(self.call.legs.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.record(Event::LegOffered { leg, agent: agent.clone(), phone, round, give_up_at });
        self.mark(AgentMark::Offered { agent: agent.clone() });
        Some(leg)
    }

    /// A phone that rings for somebody who was taken off the roster stops. Source: DESIGN.md section 3.
    pub(super) fn withdraw_removed(&mut self) {
        let Some(now) = self.facts.in_force else { return };
        let roster = now.rules.brand(&self.call.brand).map_or(&[][..], |brand| &brand.roster);
        let removed: Vec<Leg> = self
            .call
            .open_legs()
            .filter(|leg| leg.progress < LegProgress::Prompted && leg.round == 0 && !roster.contains(&leg.agent))
            .cloned()
            .collect();
        for leg in removed {
            self.close_leg(&leg, LegEnd::Failed);
            self.stop_ringing(&leg);
        }
    }

    /// Whether somebody's phone may ring now, or soon.
    pub(super) fn may_anybody_ring(&self) -> bool {
        let shortlist = self.take_shortlist();
        self.legs_allowed() > 0 && (!shortlist.ring.is_empty() || shortlist.is_hopeful)
    }

    /// Nobody rings and nobody may come free: the caller need not wait for that.
    pub(super) fn fall_back_if_hopeless(&mut self) {
        // Whoever types a code is not torn away from it.
        if self.call.stage != Stage::Waiting || self.has_open_legs() || self.is_code_typed() {
            return;
        }
        if self.call.method == RingMethod::Legs && self.should_dial_instead() {
            // The requests failed, which says nothing about the phones: a document can still ring them.
            self.record(Event::MethodChanged { method: RingMethod::Dial });
        }
        if self.call.method == RingMethod::Dial && self.should_dial_instead() {
            return;
        }
        let shortlist = self.take_shortlist();
        let is_capped = self.legs_allowed() == 0;
        let may_help = !shortlist.ring.is_empty() || shortlist.is_hopeful;
        if may_help && !is_capped {
            return;
        }
        let why = if may_help {
            FallbackReason::Caps
        } else if self.call.legs.is_empty() {
            FallbackReason::NobodyEligible
        } else {
            FallbackReason::NobodyLeft
        };
        if !self.has_recorded_shortlist() {
            self.record_shortlist(shortlist.record);
        }
        self.fall_back(why);
        self.fetch_caller_unless_soon_back();
    }
}
