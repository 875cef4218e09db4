//! Legs to agents: rung, named, looked for, stopped. A phone is never rung twice for one leg, and none rings on unseen.

use chrono::{DateTime, TimeDelta, Utc};

use super::Delivery;
use super::carrier::{CarrierDesk, FETCH_AGAIN, Trouble, retry_after};
use crate::call::signal::{LegOutcome, Signal};
use crate::call::state::{Call, Leg, LegProgress};
use crate::call::supervisor::spare_ring;
use crate::crash_point;
use crate::ids::CarrierRef;
use crate::store::{Carried, Leased, PacingSlot};
use crate::telemetry::Chain;
use crate::twilio::error::TwilioError;
use crate::twilio::rest::{EndAs, NewLeg};
use crate::twilio::rest_replies::CallResource;
use crate::twilio::urls::{Door, Minted};

/// With the carrier's API failing a leg is given back so long after its first failure, so that the call can go on by the
/// other method. What it waited for its turn before does not count.
const GIVE_BACK_AFTER: TimeDelta = TimeDelta::seconds(2);

/// A full account is asked once more after so long.
const ROOM_AGAIN: TimeDelta = TimeDelta::seconds(1);

/// A leg whose request had no answer and of which the carrier knows nothing is given back after so long: until then the
/// request may still turn up. Source: RELIABILITY.md P-L4, 90 s.
const UNKNOWN_UNTIL: TimeDelta = TimeDelta::seconds(60);

/// So long after a request without an answer the carrier is asked what came of it, and again after as long.
const LOOK_AFTER: TimeDelta = TimeDelta::seconds(3);

/// A request that turned up nowhere for so long is looked for less often.
const LOOKED_FOR_OFTEN: TimeDelta = TimeDelta::seconds(30);

/// How often then.
const LOOK_SELDOM: TimeDelta = TimeDelta::seconds(10);

/// The carrier lists a call at the latest so long after it was asked for it, with a wide margin: a leg that is not listed
/// then was never asked for.
const LISTED_WITHIN: TimeDelta = TimeDelta::seconds(3);

/// A cancel waits so long for the carrier's name of the leg.
const NAME_AWAITED: TimeDelta = TimeDelta::seconds(30);

/// A leg rings at least and at most so long, in seconds. Contract twilio.md 3.4 and 5.2.
const RING_S: (i64, i64) = (10, 120);

/// The longest talk of one leg, in seconds. Contract twilio.md 2.4.
const TALK_LIMIT_S: u32 = 14_400;

impl CarrierDesk {
    /// The carrier is told once how long a leg may ring, and a supervisor's code may make the ring longer.
    async fn find_spare_ring(&self, call: &Call) -> Result<TimeDelta, Trouble> {
        let rules = self.switchboard.rulebook().load(call.rules_version).await?;
        let spare = rules.as_ref().and_then(|rules| Some(spare_ring(rules, rules.find_brand(&call.brand)?)));
        Ok(spare.unwrap_or_default())
    }

    pub(super) async fn ring(&self, call: &Call, number: u32, leased: &Leased) -> Result<Delivery, Trouble> {
        let now = self.clock.now();
        let Some(leg) = call.find_leg(number) else { return Ok(Delivery::Done) };
        if leg.carrier_ref.is_some() || !leg.live {
            return Ok(Delivery::Done);
        }
        let refused = |unreachable| Signal::LegRefused { leg: number, unreachable };
        // Given back without a word of the pace: the request was made, and its result is not known.
        let is_unknown = leased.lease > i64::from(leased.attempts) + 1;
        if leg.end.is_some() && !leased.is_taken_over() && !is_unknown {
            // Nobody waits for this phone any more, and it was never rung.
            return self.tell(call.id, refused(false)).await;
        }
        if leased.is_taken_over() {
            // An earlier holder of the lease may have asked and died before it could say so: look, never ring twice.
            if let Some(resource) = self.find_unnamed_leg(call, leg).await? {
                return self.name_leg(call, leg, &resource).await;
            }
            if now - leg.offered_at < LISTED_WITHIN {
                return Ok(Delivery::Later(leg.offered_at + LISTED_WITHIN));
            }
            if leg.end.is_some() {
                return self.tell(call.id, refused(false)).await;
            }
        } else if is_unknown {
            return self.look_for_leg(call, leg).await;
        }
        let Ok(target) = self.switchboard.destinations().approve(&leg.phone) else {
            // Our own policy, and no fault of the phone's.
            return self.tell(call.id, refused(false)).await;
        };
        if let PacingSlot::NotBefore(at) = self.store.take_pacing_slot(now, self.pace).await? {
            return Ok(Delivery::Postponed(at));
        }
        let minted = Minted::of(call.id).leg(number);
        let ring = leg.give_up_at - now + self.find_spare_ring(call).await?;
        let ring_s = ring.num_seconds().clamp(RING_S.0, RING_S.1);
        let new = NewLeg {
            to: &target,
            from: &call.number,
            answer_url: &self.addresses.mint(Door::AgentAnswer, minted, now),
            status_url: &self.addresses.mint(Door::AgentStatus, minted, now),
            ring_s: u32::try_from(ring_s).unwrap_or(30),
            talk_limit_s: TALK_LIMIT_S,
        };
        match self.note(self.twilio.place_call(&new).await) {
            Ok(carrier_ref) => {
                crash_point!("carrier.after_placing");
                let placed = Signal::LegPlaced { leg: number, carrier_ref };
                let Err(error) = self.switchboard.take_note(call.id, &placed).await else { return Ok(Delivery::Done) };
                // The phone rings, and nobody but the carrier knows its name: as after a request without an answer.
                tracing::warn!(call.id = %call.id, leg = number, error = %Chain(&error), "the name of a leg could not be kept");
                Ok(Delivery::Later(self.clock.now() + LOOK_AFTER))
            }
            Err(error) if error.may_have_happened() => {
                // The phone stays reserved until the carrier, asked, says whether it rings. Never created twice.
                tracing::warn!(call.id = %call.id, leg = number, error = %Chain(&error), "it is not known whether a phone rings");
                // After a take-over a look cannot tell this request from the earlier one: the call's own sweep decides.
                Ok(if leased.is_taken_over() { Delivery::Done } else { Delivery::Later(now + LOOK_AFTER) })
            }
            Err(error) if error.is_transient() || error.is_refusing_us() => {
                if leased.failing_since.is_some_and(|since| now - since >= GIVE_BACK_AFTER) {
                    return self.tell(call.id, refused(false)).await;
                }
                Ok(Delivery::Failed { why: error.to_string(), after: retry_after(&error).or(Some(FETCH_AGAIN)) })
            }
            Err(error) if error.is_concurrency_limit() => self.on_full_account(call, number, leased, &error).await,
            Err(error) => {
                tracing::warn!(call.id = %call.id, leg = number, error = %Chain(&error), "the carrier does not ring a phone");
                self.tell(call.id, refused(error.is_unreachable_number())).await
            }
        }
    }

    /// The account carries no more legs. How many it carries can be told once the requests under way are answered, so the
    /// first refusal waits for them; what is found out then holds for all replicas, and whoever is left out is asked again
    /// when there is room.
    async fn on_full_account(
        &self,
        call: &Call,
        number: u32,
        leased: &Leased,
        error: &TwilioError,
    ) -> Result<Delivery, Trouble> {
        if leased.attempts == 0 {
            return Ok(Delivery::Failed { why: error.to_string(), after: Some(ROOM_AGAIN) });
        }
        let known = self.store.load_facts(&call.brand, &[], self.clock.now()).await?;
        // Legs that still wait for their request hold a phone and nothing at the carrier.
        let legs = known.legs_live.saturating_sub(known.rings_pending);
        self.store.note_carried(Carried { legs, at: self.clock.now() }).await?;
        metrics::counter!("offhook_twilio_account_full_total").increment(1);
        tracing::error!(
            call.id = %call.id,
            legs,
            "the account carries no more calls at once; fewer phones ring than should until its profile is approved"
        );
        self.tell(call.id, Signal::LegNotCarried { leg: number }).await
    }

    /// Finds a leg of which only the phone is known, among the carrier's recent calls.
    async fn find_unnamed_leg(&self, call: &Call, leg: &Leg) -> Result<Option<CallResource>, Trouble> {
        let found = if leg.round > 0 {
            self.note(self.twilio.list_child_calls(&call.caller_ref).await)?
        } else {
            let since = leg.offered_at.format("%Y-%m-%d").to_string();
            self.note(self.twilio.list_calls_to(&leg.phone, &since).await)?
        };
        let is_known = |resource: &CallResource| {
            call.legs.iter().any(|other| other.carrier_ref.as_ref().is_some_and(|known| known.as_str() == resource.sid))
        };
        let is_ours = |resource: &CallResource| {
            resource.to.as_deref() == Some(leg.phone.as_e164())
                && resource.began_at().is_none_or(|at| at >= leg.offered_at - TimeDelta::seconds(2))
                && !is_known(resource)
        };
        Ok(found.into_iter().find(is_ours))
    }

    /// Tells the call how the carrier names a leg that was found.
    async fn name_leg(&self, call: &Call, leg: &Leg, resource: &CallResource) -> Result<Delivery, Trouble> {
        let carrier_ref = CarrierRef::new(&resource.sid);
        let placed = Signal::LegPlaced { leg: leg.number, carrier_ref: carrier_ref.clone() };
        self.switchboard.take_note(call.id, &placed).await?;
        self.judge_leg(call, leg, &carrier_ref, resource).await
    }

    async fn look_for_leg(&self, call: &Call, leg: &Leg) -> Result<Delivery, Trouble> {
        let found = self.find_unnamed_leg(call, leg).await?;
        let now = self.clock.now();
        let since = now - leg.offered_at;
        match found {
            Some(resource) => self.name_leg(call, leg, &resource).await,
            None if is_past_dialling(call, leg, now) => {
                self.tell(call.id, Signal::LegRefused { leg: leg.number, unreachable: false }).await
            }
            // What stops the phone waits in the lane behind this.
            None if since < LOOKED_FOR_OFTEN => Ok(Delivery::Later(now + LOOK_AFTER)),
            None if since < UNKNOWN_UNTIL => Ok(Delivery::Later(now + LOOK_SELDOM)),
            None => self.tell(call.id, Signal::LegRefused { leg: leg.number, unreachable: false }).await,
        }
    }

    pub(super) async fn check_leg(&self, call: &Call, number: u32) -> Result<Delivery, Trouble> {
        let Some(leg) = call.find_leg(number).filter(|leg| leg.live) else { return Ok(Delivery::Done) };
        let Some(carrier_ref) = &leg.carrier_ref else { return self.look_for_leg(call, leg).await };
        match self.note(self.twilio.fetch_call(carrier_ref).await) {
            Ok(resource) => self.judge_leg(call, leg, carrier_ref, &resource).await,
            Err(error) if error.is_not_found() => {
                self.tell(call.id, Signal::LegFinished { leg: number, outcome: LegOutcome::Failed }).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What the carrier's word on a leg means: it is over, or it goes on although it should not.
    async fn judge_leg(
        &self,
        call: &Call,
        leg: &Leg,
        carrier_ref: &CarrierRef,
        resource: &CallResource,
    ) -> Result<Delivery, Trouble> {
        note_queue_time(resource);
        if let Some(outcome) = outcome_of(resource) {
            return self.tell(call.id, Signal::LegFinished { leg: leg.number, outcome }).await;
        }
        let is_unwanted = leg.end.is_some() || call.has_ended();
        if is_unwanted {
            let how =
                if resource.status.as_deref() == Some("in-progress") { EndAs::Completed } else { EndAs::Canceled };
            let ended = self.note(self.twilio.end_call(carrier_ref, how).await)?;
            if let Some(outcome) = outcome_of(&ended) {
                return self.tell(call.id, Signal::LegFinished { leg: leg.number, outcome }).await;
            }
        }
        Ok(Delivery::Done)
    }

    pub(super) async fn stop_leg(
        &self,
        call: &Call,
        number: u32,
        leased: &Leased,
        how: EndAs,
    ) -> Result<Delivery, Trouble> {
        let Some(leg) = call.find_leg(number).filter(|leg| leg.live) else { return Ok(Delivery::Done) };
        let Some(carrier_ref) = &leg.carrier_ref else {
            let now = self.clock.now();
            if now - leased.created_at > NAME_AWAITED {
                // The sweep over legs that should long have ended goes on from here.
                return Ok(Delivery::Done);
            }
            return Ok(Delivery::Later(now + TimeDelta::seconds(1)));
        };
        match self.note(self.twilio.end_call(carrier_ref, how).await) {
            Ok(resource) => {
                crash_point!("carrier.after_cancel");
                note_queue_time(&resource);
                match outcome_of(&resource) {
                    Some(outcome) => self.tell(call.id, Signal::LegFinished { leg: number, outcome }).await,
                    None => Ok(Delivery::Done),
                }
            }
            Err(error) if error.is_wrong_state() => self.stop_leg_in_other_state(call, leg, carrier_ref).await,
            Err(error) if error.is_not_found() => {
                self.tell(call.id, Signal::LegFinished { leg: number, outcome: LegOutcome::Failed }).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The leg is past what we thought: over already, or picked up in the same instant.
    async fn stop_leg_in_other_state(
        &self,
        call: &Call,
        leg: &Leg,
        carrier_ref: &CarrierRef,
    ) -> Result<Delivery, Trouble> {
        let resource = self.note(self.twilio.fetch_call(carrier_ref).await)?;
        if let Some(outcome) = outcome_of(&resource) {
            return self.tell(call.id, Signal::LegFinished { leg: leg.number, outcome }).await;
        }
        if leg.progress >= LegProgress::Claimed {
            return self.judge_leg(call, leg, carrier_ref, &resource).await;
        }
        // Picked up in this instant: the prompt tells that somebody else was first, and nobody is cut in mid-sentence.
        Ok(Delivery::Done)
    }

    pub(super) async fn tell_caller_gone(&self, call: &Call, number: u32) -> Result<Delivery, Trouble> {
        let Some(leg) = call.find_leg(number).filter(|leg| leg.live) else { return Ok(Delivery::Done) };
        let Some(carrier_ref) = &leg.carrier_ref else { return Ok(Delivery::Done) };
        let url = self.addresses.mint(Door::AgentGone, Minted::of(call.id).leg(number), self.clock.now());
        match self.note(self.twilio.redirect_call(carrier_ref, &url).await) {
            Ok(_) => Ok(Delivery::Done),
            Err(error) if error.is_wrong_state() || error.is_not_found() => self.check_leg(call, number).await,
            Err(error) => Err(error.into()),
        }
    }
}

fn outcome_of(resource: &CallResource) -> Option<LegOutcome> {
    match resource.status.as_deref()? {
        "completed" => Some(LegOutcome::Completed),
        "busy" => Some(LegOutcome::Busy),
        "no-answer" => Some(LegOutcome::NoAnswer),
        "failed" => Some(LegOutcome::Failed),
        "canceled" => Some(LegOutcome::Canceled),
        _ => None,
    }
}

/// How long the carrier kept a leg waiting for its second: more than nothing says that the account's calls per second are
/// fewer than the configuration says.
fn note_queue_time(resource: &CallResource) {
    if let Some(waited) = resource.queued_for() {
        metrics::histogram!("offhook_twilio_queued_seconds").record(waited.as_secs_f64());
    }
}

/// Whether the leg could only have been dialled by its caller's document, and the caller is gone long enough for the carrier
/// to list what that document began.
fn is_past_dialling(call: &Call, leg: &Leg, now: DateTime<Utc>) -> bool {
    leg.round > 0 && call.caller_left_at.is_some_and(|at| now - at >= LISTED_WITHIN)
}
