//! Which phones are offered the call now, and when to look again.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::dialling::NUMBERS_PER_DIAL_MAX;
use super::effect::Effect;
use super::event::{Event, FallbackReason, LegEnd, RingMethod};
use super::mark::AgentMark;
use super::state::{Leg, LegProgress, Stage};
use super::turn::Turn;
use crate::ids::AgentId;
use crate::shortlist::facts::AgentFacts;
use crate::shortlist::{
    Earlier, Question, Shortlist, ShortlistRecord, is_explicitly_off, snapshot, take_shortlist, waves_begun, width_at,
};

/// Most decision records of a call that have nobody ring. A record is at most 64 kB.
const IDLE_RECORDS_MAX: u32 = 12;

/// What the account was found to carry is believed for so long; then more is tried again.
const CARRIED_HOLDS: TimeDelta = TimeDelta::seconds(20);

impl<'a> Turn<'a> {
    /// What a shortlist is taken from at this instant. `agents`: what is known of them, [`Turn::agents_now`].
    pub(super) fn question<'q>(&'q self, agents: &'q [AgentFacts]) -> Question<'q> {
        let ringing = u32::try_from(self.call.open_legs().count()).unwrap_or(u32::MAX);
        Question {
            rules: self.rules,
            rules_version: self.call.rules_version,
            in_force: self.facts.in_force,
            destinations: self.facts.destinations,
            brand: self.brand,
            intent: self.find_intent(),
            facts: agents,
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
        let first = self.take(false);
        if self.asks_last(&first) { self.take(true) } else { first }
    }

    fn take(&self, asks_last: bool) -> Shortlist {
        let earlier = self.earlier(asks_last);
        let past = |agent: &AgentId| earlier.get(agent).copied().unwrap_or(Earlier::Nothing);
        take_shortlist(&self.question(&self.agents_now()), past)
    }

    /// Whether it is the turn of phones that answered a simultaneous dial without accepting: no other may ring.
    fn asks_last(&self, others: &Shortlist) -> bool {
        others.ring.is_empty() && self.call.method == RingMethod::Dial && self.call.legs.iter().any(is_last)
    }

    /// What agents had to do with this call; those who are not named had nothing. `asks_last`: phones that answered
    /// without accepting are rung again.
    fn earlier(&self, asks_last: bool) -> HashMap<&AgentId, Earlier> {
        let mut earlier = HashMap::new();
        for leg in &self.call.legs {
            let known = earlier.entry(&leg.agent).or_insert(Earlier::Nothing);
            if leg.end.is_none() {
                *known = Earlier::Rings;
                continue;
            }
            let asked_again = leg.may_be_asked_again(self.call.method) || (asks_last && is_last(leg));
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

    /// How many phones may ring by now.
    fn width_now(&self) -> u32 {
        width_at(self.brand, self.first_offered_at(), self.now)
    }

    fn first_offered_at(&self) -> Option<DateTime<Utc>> {
        self.call.legs.first().map(|first| first.offered_at)
    }

    /// When the next wave joins.
    fn next_wave_at(&self) -> DateTime<Utc> {
        let first = self.first_offered_at();
        let waves = i32::try_from(waves_begun(self.brand, first, self.now)).unwrap_or(i32::MAX);
        let first = first.unwrap_or(self.now);
        self.brand.wave_interval().checked_mul(waves).map_or(self.now, |later| first + later)
    }

    /// How many more legs may be: by our caps, by what the carrier's account carries, and under a simultaneous dial by the
    /// document.
    pub(super) fn legs_allowed(&self) -> u32 {
        self.legs_within_caps().min(self.room_left())
    }

    /// How many more legs the carrier's account has room for, as far as is known. What it was found to carry is believed
    /// for a while: calls end that are not ours to count.
    fn room_left(&self) -> u32 {
        let known = self.facts.loaded.carried.filter(|carried| self.now - carried.at < CARRIED_HOLDS);
        known.map_or(u32::MAX, |carried| carried.legs.saturating_sub(self.legs_live()))
    }

    /// Whether there will be room for one more leg soon though there is none now: the account is full, or one of this
    /// call's own legs is over and about to be let go of.
    fn is_room_soon(&self) -> bool {
        let is_full = self.room_left() == 0 && self.legs_within_caps() > 0;
        is_full || self.call.live_legs().any(|leg| leg.end.is_some())
    }

    /// How many more legs the account's caps allow, and under a simultaneous dial the document.
    pub(super) fn legs_within_caps(&self) -> u32 {
        let carrier = &self.facts.carrier;
        let live = carrier.legs_live_max.saturating_sub(self.legs_live());
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
            self.record_if_other(shortlist.record);
        } else {
            self.record_shortlist(shortlist.record);
            self.set_deadline_at_first_offer(TimeDelta::zero());
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

    /// Keeps a record that has nobody ring, if it tells of anybody what the last one did not.
    pub(super) fn record_if_other(&mut self, record: ShortlistRecord) {
        let is_other = self.call.places_told != Some(record.fingerprint());
        if is_other && !self.has_recorded_shortlist() && self.call.idle_records < IDLE_RECORDS_MAX {
            self.record_shortlist(record);
        }
    }

    /// The ring is over: why nobody else rang for it stands in the record.
    pub(super) fn record_last_look(&mut self) {
        let shortlist = self.take_shortlist();
        if shortlist.ring.is_empty() {
            self.record_if_other(shortlist.record);
        }
    }

    /// Keeps a decision record; of a large roster also what it was taken from.
    pub(super) fn record_shortlist(&mut self, mut record: ShortlistRecord) {
        if !record.counted.is_empty() {
            let earlier = self.earlier(self.asks_last(&self.take(false)));
            let past = |agent: &AgentId| earlier.get(agent).copied().unwrap_or(Earlier::Nothing);
            record.snapshot = snapshot::keep(&self.question(&self.agents_now()), past);
        }
        self.record(Event::ShortlistTaken { record });
    }

    /// The offer went to others.
    pub(super) fn pass_over(&mut self, agents: Vec<AgentId>) {
        for agent in agents {
            self.mark(AgentMark::PassedOver { agent });
        }
    }

    pub(super) fn set_deadline_at_first_offer(&mut self, said: TimeDelta) {
        if !self.call.offered {
            // Phones under a simultaneous dial ring when the words before it are over.
            let deadline_at = (self.now + said + self.brand.max_wait()).min(self.latest_answer());
            self.record(Event::DeadlineSet { deadline_at });
        }
    }

    /// Promises the agent's phone to this call; the number of the leg.
    pub(super) fn offer(&mut self, agent: &AgentId, round: u32, give_up_at: DateTime<Utc>) -> Option<u32> {
        self.begin_leg(agent, round, give_up_at, false)
    }

    /// A leg of the agent's own making: they dialled the brand.
    pub(super) fn take_in(&mut self, agent: &AgentId, give_up_at: DateTime<Utc>) -> Option<u32> {
        self.begin_leg(agent, 0, give_up_at, true)
    }

    fn begin_leg(&mut self, agent: &AgentId, round: u32, give_up_at: DateTime<Utc>, called_in: bool) -> Option<u32> {
        let phone = self.find_agent(agent)?.phone.clone();
        let leg = u32::try_from(self.call.legs.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.record(Event::LegOffered { leg, agent: agent.clone(), phone, round, give_up_at, called_in });
        self.mark(AgentMark::Offered { agent: agent.clone() });
        Some(leg)
    }

    /// A phone stops that rings for somebody who was taken off the roster, or has said that they take no calls. Whoever said
    /// so is told to the call, too; this is for a word that got lost. Source: DESIGN.md section 3.
    pub(super) fn withdraw_gone(&mut self) {
        let ringing = self.call.open_legs().filter(|leg| leg.progress < LegProgress::Prompted && leg.round == 0);
        let gone: Vec<Leg> = ringing.filter(|leg| self.is_gone(&leg.agent)).cloned().collect();
        for leg in gone {
            self.close_leg(&leg, LegEnd::Failed);
            self.stop_ringing(&leg);
        }
    }

    fn is_gone(&self, agent: &AgentId) -> bool {
        let roster =
            self.facts.in_force.map(|now| now.rules.brand(&self.call.brand).map_or(&[][..], |brand| &brand.roster));
        let is_removed = roster.is_some_and(|roster| !roster.contains(agent));
        let known = self.facts_of(agent).zip(self.find_agent(agent));
        is_removed || known.is_some_and(|(facts, agent)| is_explicitly_off(agent.availability, facts, self.now))
    }

    /// Whether somebody's phone may ring now, or soon.
    pub(super) fn may_anybody_ring(&self) -> bool {
        let shortlist = self.take_shortlist();
        // Whom the caps leave out is `later`, and not among those who ring.
        let may_help = !shortlist.ring.is_empty() || shortlist.is_hopeful;
        may_help && (self.legs_allowed() > 0 || self.is_room_soon())
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
        if may_help && (!is_capped || self.is_room_soon()) {
            if shortlist.ring.is_empty() {
                self.record_if_other(shortlist.record);
            }
            return;
        }
        let why = if may_help {
            FallbackReason::Caps
        } else if self.call.legs.is_empty() {
            FallbackReason::NobodyEligible
        } else {
            FallbackReason::NobodyLeft
        };
        if self.call.places_told.is_none() {
            self.record_shortlist(shortlist.record);
        } else {
            self.record_if_other(shortlist.record);
        }
        self.fall_back(why);
        self.fetch_caller_unless_soon_back();
    }
}

/// Whether the phone is rung again when no other may: it answered a simultaneous dial and did not accept.
fn is_last(leg: &Leg) -> bool {
    leg.round > 0 && matches!(leg.end, Some(LegEnd::NoConfirm | LegEnd::VoicemailSuspected))
}
