//! Effects for the carrier. What comes of each goes back to the call as a signal.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Delivery;
use crate::call::effect::Effect;
use crate::call::signal::{LegOutcome, Signal};
use crate::call::state::{Call, CallerAt, Leg, LegProgress};
use crate::call::supervisor::spare_ring;
use crate::clock::Clock;
use crate::crash_point;
use crate::ids::{CallId, CarrierRef};
use crate::store::{Leased, PacingSlot, Store, StoreError};
use crate::switchboard::circuit::Circuit;
use crate::switchboard::{Switchboard, SwitchboardError};
use crate::twilio::error::TwilioError;
use crate::twilio::rest::{EndAs, NewLeg, TwilioClient};
use crate::twilio::rest_replies::CallResource;
use crate::twilio::twiml::room_name;
use crate::twilio::urls::{Addresses, Door, Minted};

/// With the carrier's API failing a leg is given back after so long, so that the call can go on by the other method.
const GIVE_BACK_AFTER: TimeDelta = TimeDelta::seconds(2);

/// A leg whose request had no answer and of which the carrier knows nothing is given back after so long: until then the
/// request may still turn up. Source: RELIABILITY.md P-L4, 90 s.
const UNKNOWN_UNTIL: TimeDelta = TimeDelta::seconds(60);

/// So long after a request without an answer the carrier is asked what came of it.
const LOOK_AFTER: TimeDelta = TimeDelta::seconds(3);

/// No room has this name.
const PROBE_ROOM: &str = "probe";
/// The carrier lists a call at the latest so long after it was asked for it, with a wide margin: a leg that is not listed
/// then was never asked for.
const LISTED_WITHIN: TimeDelta = TimeDelta::seconds(3);

/// A cancel waits so long for the carrier's name of the leg.
const NAME_AWAITED: TimeDelta = TimeDelta::seconds(30);

/// A leg rings at least and at most so long, in seconds. Contract twilio.md 3.4 and 5.2.
const RING_S: (i64, i64) = (10, 120);

/// A fetch that failed is tried again after so long while it still matters.
const FETCH_AGAIN: TimeDelta = TimeDelta::milliseconds(500);

/// A fetch is tried so long; the queue's own way is there all the while.
const FETCH_TRIED: TimeDelta = TimeDelta::seconds(120);

/// A stop that failed is tried again after so long, at first.
const STOP_AGAIN: TimeDelta = TimeDelta::seconds(1);

/// No phone rings for longer than this, and hardly anybody listens to nothing for so long.
const SUFFERED_AT_MOST: TimeDelta = TimeDelta::seconds(120);

/// A question is worth asking so long; the call asks anew by itself.
const QUESTION_TRIED: TimeDelta = TimeDelta::seconds(60);

/// The longest talk of one leg, in seconds. Contract twilio.md 2.4.
const TALK_LIMIT_S: u32 = 14_400;

/// Carries out effects for the carrier.
pub struct CarrierDesk {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) switchboard: Arc<Switchboard>,
    pub(super) twilio: TwilioClient,
    addresses: Arc<Addresses>,
    circuit: Arc<Circuit>,
    pace: TimeDelta,
}

/// Why an effect could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Twilio(#[from] TwilioError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Switchboard(#[from] SwitchboardError),
}

impl CarrierDesk {
    /// Puts the parts together. `pace`: at most one outbound call in so long.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        switchboard: Arc<Switchboard>,
        twilio: TwilioClient,
        addresses: Arc<Addresses>,
        circuit: Arc<Circuit>,
        pace: TimeDelta,
    ) -> Self {
        Self { store, clock, switchboard, twilio, addresses, circuit, pace }
    }

    pub(super) async fn carry_out(&self, leased: &Leased) -> Delivery {
        match self.try_to(leased).await {
            Ok(delivery) => delivery,
            Err(Trouble::Twilio(error)) => self.judge(leased, &error),
            Err(trouble) => Delivery::Failed { why: trouble.to_string(), after: None },
        }
    }

    /// What a failure of the carrier's means for an effect that has no rule of its own.
    fn judge(&self, leased: &Leased, error: &TwilioError) -> Delivery {
        let why = crate::telemetry::Chain(error).to_string();
        let is_question = matches!(
            leased.effect,
            Effect::CheckLeg { .. }
                | Effect::CheckCaller { .. }
                | Effect::CheckRoom { .. }
                | Effect::FindRecordings { .. }
        );
        if is_question && self.clock.now() - leased.created_at > QUESTION_TRIED {
            return Delivery::Hopeless { why };
        }
        // A phone rings for nobody, or somebody listens to nothing: tried again soon, and later as any other effect.
        let somebody_suffers =
            matches!(leased.effect, Effect::CancelLeg { .. } | Effect::DropLeg { .. } | Effect::TellCallerGone { .. });
        let is_young = self.clock.now() - leased.created_at < SUFFERED_AT_MOST;
        let soon = (somebody_suffers && is_young).then_some(STOP_AGAIN);
        Delivery::Failed { why, after: retry_after(error).or(soon) }
    }

    async fn try_to(&self, leased: &Leased) -> Result<Delivery, Trouble> {
        let Some(call) = self.store.find_call(leased.call).await? else {
            return Ok(Delivery::Hopeless { why: "the call is not there".to_owned() });
        };
        match &leased.effect {
            Effect::RingAgent { leg } => self.ring(&call, *leg, leased).await,
            Effect::CancelLeg { leg } => self.stop_leg(&call, *leg, leased, EndAs::Canceled).await,
            Effect::DropLeg { leg } => self.stop_leg(&call, *leg, leased, EndAs::Completed).await,
            Effect::TellCallerGone { leg } => self.tell_caller_gone(&call, *leg).await,
            Effect::FetchCaller { .. } => self.fetch_caller(&call, leased).await,
            Effect::DropCaller => self.drop_caller(&call).await,
            Effect::CheckLeg { leg, .. } => self.check_leg(&call, *leg).await,
            Effect::CheckCaller { .. } => self.check_caller(&call).await,
            Effect::CheckRoom { .. } => self.check_room(&call).await,
            Effect::FindRecordings { .. } => self.find_recordings(&call).await,
            Effect::FetchRecording { recording } => self.fetch_recording(&call, recording).await,
            Effect::TextCaller => self.text_caller(&call, leased).await,
            Effect::NoteArrival
            | Effect::AssignOwner
            | Effect::NoteEnd
            | Effect::NoteMissed
            | Effect::NoteText
            | Effect::NotePaused { .. }
            | Effect::NoteSpared { .. }
            | Effect::PostVoicemail { .. }
            | Effect::PostTranscript { .. } => Ok(Delivery::Done),
        }
    }

    /// Asks the carrier something harmless while its API is believed to fail, so that it is believed in again as soon as
    /// it answers, and not before.
    pub(super) async fn probe_if_down(&self) {
        if self.circuit.wants_probe(self.clock.now()) {
            let answered = self.note(self.twilio.find_room(PROBE_ROOM).await).is_ok();
            tracing::info!(answered, "the carrier was asked whether it answers again");
        }
    }

    pub(super) async fn tell(&self, call: CallId, signal: Signal) -> Result<Delivery, Trouble> {
        self.switchboard.take_note(call, &signal).await?;
        Ok(Delivery::Done)
    }

    /// Notes how the API behaves, for `auto` and for the health page.
    pub(super) fn note<T>(&self, answer: Result<T, TwilioError>) -> Result<T, TwilioError> {
        match &answer {
            Ok(_) => self.circuit.note_success(),
            Err(error) if error.is_transient() => self.circuit.note_failure(self.clock.now()),
            Err(_) => self.circuit.note_success(),
        }
        answer
    }

    // Ringing.

    /// The carrier is told once how long a leg may ring, and a supervisor's code may make the ring longer.
    async fn find_spare_ring(&self, call: &Call) -> Result<TimeDelta, Trouble> {
        let rules = self.switchboard.rulebook().load(call.rules_version).await?;
        let spare = rules.as_ref().and_then(|rules| Some(spare_ring(rules, rules.find_brand(&call.brand)?)));
        Ok(spare.unwrap_or_default())
    }

    async fn ring(&self, call: &Call, number: u32, leased: &Leased) -> Result<Delivery, Trouble> {
        let now = self.clock.now();
        let Some(leg) = call.find_leg(number) else { return Ok(Delivery::Done) };
        if leg.carrier_ref.is_some() || !leg.live {
            return Ok(Delivery::Done);
        }
        let refused = |unreachable| Signal::LegRefused { leg: number, unreachable };
        if leg.end.is_some() {
            // Nobody waits for this phone any more, and it was never rung.
            return self.tell(call.id, refused(false)).await;
        }
        if leased.is_taken_over {
            // An earlier holder of the lease may have asked and died before it could say so: look, never ring twice.
            if let Some(resource) = self.find_unnamed_leg(call, leg).await? {
                return self.name_leg(call, leg, &resource).await;
            }
            if now - leg.offered_at < LISTED_WITHIN {
                return Ok(Delivery::Later(leg.offered_at + LISTED_WITHIN));
            }
        } else if leased.lease > i64::from(leased.attempts) + 1 {
            // Given back without a word of the pace: the request was made, and its result is not known.
            return self.look_for_leg(call, leg).await;
        }
        let Ok(target) = self.switchboard.destinations().approve(&leg.phone) else {
            return self.tell(call.id, refused(true)).await;
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
                self.tell(call.id, Signal::LegPlaced { leg: number, carrier_ref }).await
            }
            Err(error) if error.may_have_happened() => {
                // The phone stays reserved until the carrier, asked, says whether it rings. Never created twice.
                tracing::warn!(call.id = %call.id, leg = number, error = %error, "it is not known whether a phone rings");
                // After a take-over a look cannot tell this request from the earlier one: the call's own sweep decides.
                Ok(if leased.is_taken_over { Delivery::Done } else { Delivery::Later(now + LOOK_AFTER) })
            }
            Err(error) if error.is_transient() => {
                if now - leased.created_at >= GIVE_BACK_AFTER {
                    return self.tell(call.id, refused(false)).await;
                }
                Ok(Delivery::Failed { why: error.to_string(), after: retry_after(&error).or(Some(FETCH_AGAIN)) })
            }
            Err(error) => {
                if error.is_concurrency_limit() {
                    tracing::error!(call.id = %call.id, "the account carries no more calls at once; its profile has to be approved");
                }
                self.tell(call.id, refused(error.is_unreachable_number())).await
            }
        }
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
                && began_at(resource).is_none_or(|at| at >= leg.offered_at - TimeDelta::seconds(2))
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
        match self.find_unnamed_leg(call, leg).await? {
            Some(resource) => self.name_leg(call, leg, &resource).await,
            None if self.clock.now() - leg.offered_at < UNKNOWN_UNTIL => {
                Ok(Delivery::Later(self.clock.now() + TimeDelta::seconds(10)))
            }
            None => self.tell(call.id, Signal::LegRefused { leg: leg.number, unreachable: false }).await,
        }
    }

    async fn check_leg(&self, call: &Call, number: u32) -> Result<Delivery, Trouble> {
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

    async fn stop_leg(&self, call: &Call, number: u32, leased: &Leased, how: EndAs) -> Result<Delivery, Trouble> {
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

    async fn tell_caller_gone(&self, call: &Call, number: u32) -> Result<Delivery, Trouble> {
        let Some(leg) = call.find_leg(number).filter(|leg| leg.live) else { return Ok(Delivery::Done) };
        let Some(carrier_ref) = &leg.carrier_ref else { return Ok(Delivery::Done) };
        let url = self.addresses.mint(Door::AgentGone, Minted::of(call.id).leg(number), self.clock.now());
        match self.note(self.twilio.redirect_call(carrier_ref, &url).await) {
            Ok(_) => Ok(Delivery::Done),
            Err(error) if error.is_wrong_state() || error.is_not_found() => self.check_leg(call, number).await,
            Err(error) => Err(error.into()),
        }
    }

    // The caller.

    async fn fetch_caller(&self, call: &Call, leased: &Leased) -> Result<Delivery, Trouble> {
        if call.caller_left_at.is_some() || call.has_ended() {
            return Ok(Delivery::Done);
        }
        let handled = self.switchboard.take_note(call.id, &Signal::FetchBegins).await?;
        let begun = handled.events.contains(&crate::call::event::Event::FetchBegan);
        if !begun || !matches!(handled.call.caller_at, CallerAt::BeingFetched { .. }) {
            return Ok(Delivery::Done);
        }
        crash_point!("carrier.before_fetch");
        let now = self.clock.now();
        let url = self.addresses.mint(Door::Join, Minted::of(call.id).step(handled.call.version), now);
        match self.note(self.twilio.redirect_call(&call.caller_ref, &url).await) {
            Ok(_) => {
                crash_point!("carrier.after_fetch");
                Ok(Delivery::Done)
            }
            Err(error) => {
                self.switchboard.take_note(call.id, &Signal::FetchFailed).await?;
                if error.is_wrong_state() || error.is_not_found() {
                    return self.check_caller(call).await;
                }
                if now - leased.created_at > FETCH_TRIED {
                    return Ok(Delivery::Hopeless { why: error.to_string() });
                }
                Ok(Delivery::Failed { why: error.to_string(), after: retry_after(&error).or(Some(FETCH_AGAIN)) })
            }
        }
    }

    async fn drop_caller(&self, call: &Call) -> Result<Delivery, Trouble> {
        match self.note(self.twilio.end_call(&call.caller_ref, EndAs::Completed).await) {
            Err(error) if !(error.is_wrong_state() || error.is_not_found()) => Err(error.into()),
            _ => Ok(Delivery::Done),
        }
    }

    async fn check_caller(&self, call: &Call) -> Result<Delivery, Trouble> {
        let connected = match self.note(self.twilio.fetch_call(&call.caller_ref).await) {
            Ok(resource) => !resource.is_over(),
            Err(error) if error.is_not_found() => false,
            Err(error) => return Err(error.into()),
        };
        self.tell(call.id, Signal::CallerChecked { connected }).await
    }

    async fn check_room(&self, call: &Call) -> Result<Delivery, Trouble> {
        let room = self.note(self.twilio.find_room(&room_name(call)).await)?;
        let inside = match room {
            Some(room) => self.note(self.twilio.list_participants(&CarrierRef::new(&room.sid)).await)?,
            None => Vec::new(),
        };
        let is_in = |who: &CarrierRef| inside.iter().any(|participant| participant.call_sid == who.as_str());
        let leg = match call.stage {
            crate::call::state::Stage::Claimed { leg, .. } => {
                call.find_leg(leg).and_then(|leg| leg.carrier_ref.clone())
            }
            crate::call::state::Stage::New
            | crate::call::state::Stage::Hold
            | crate::call::state::Stage::Challenge { .. }
            | crate::call::state::Stage::Supervisor
            | crate::call::state::Stage::Menu { .. }
            | crate::call::state::Stage::Notice { .. }
            | crate::call::state::Stage::Line
            | crate::call::state::Stage::Message
            | crate::call::state::Stage::Waiting
            | crate::call::state::Stage::Talking { .. }
            | crate::call::state::Stage::Voicemail
            | crate::call::state::Stage::Ended => None,
        };
        let signal =
            Signal::RoomChecked { caller_in: is_in(&call.caller_ref), leg_in: leg.is_some_and(|leg| is_in(&leg)) };
        self.tell(call.id, signal).await
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

fn began_at(resource: &CallResource) -> Option<DateTime<Utc>> {
    let text = resource.date_created.as_deref()?;
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.with_timezone(&Utc))
}

fn retry_after(error: &TwilioError) -> Option<TimeDelta> {
    match error {
        TwilioError::SlowDown { retry_after, .. } => {
            retry_after.as_ref().and_then(|after| TimeDelta::from_std(*after).ok())
        }
        TwilioError::Refused { .. }
        | TwilioError::UnknownResult { .. }
        | TwilioError::Unreachable { .. }
        | TwilioError::Malformed { .. } => None,
    }
}
