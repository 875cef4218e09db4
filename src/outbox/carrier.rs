//! Effects for the carrier. What comes of each goes back to the call as a signal.

use std::sync::Arc;

use chrono::TimeDelta;

use super::Delivery;
use crate::call::effect::Effect;
use crate::call::signal::Signal;
use crate::call::state::{Call, CallerAt};
use crate::clock::Clock;
use crate::crash_point;
use crate::ids::{CallId, CarrierRef};
use crate::store::{Leased, Store, StoreError};
use crate::switchboard::circuit::Circuit;
use crate::switchboard::{Switchboard, SwitchboardError};
use crate::telemetry::Chain;
use crate::twilio::error::TwilioError;
use crate::twilio::rest::{EndAs, TwilioClient};
use crate::twilio::twiml::room_name;
use crate::twilio::urls::{Addresses, Door, Minted};

/// No room has this name.
const PROBE_ROOM: &str = "probe";
/// A fetch that failed is tried again after so long while it still matters.
pub(super) const FETCH_AGAIN: TimeDelta = TimeDelta::milliseconds(500);

/// A fetch is tried so long; the queue's own way is there all the while.
const FETCH_TRIED: TimeDelta = TimeDelta::seconds(120);

/// A stop that failed is tried again after so long, at first.
const STOP_AGAIN: TimeDelta = TimeDelta::seconds(1);

/// No phone rings for longer than this, and hardly anybody listens to nothing for so long.
const SUFFERED_AT_MOST: TimeDelta = TimeDelta::seconds(120);

/// A question is worth asking so long; the call asks anew by itself.
const QUESTION_TRIED: TimeDelta = TimeDelta::seconds(60);

/// Carries out effects for the carrier.
pub struct CarrierDesk {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) switchboard: Arc<Switchboard>,
    pub(super) twilio: TwilioClient,
    pub(super) addresses: Arc<Addresses>,
    circuit: Arc<Circuit>,
    pub(super) pace: TimeDelta,
}

/// Why an effect could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
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
        let why = Chain(error).to_string();
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
        // A phone rings for nobody, or somebody listens to nothing: tried again soon, and later as any other effect. A ring
        // comes here only where the carrier could not say what came of its request.
        let somebody_suffers = matches!(
            leased.effect,
            Effect::RingAgent { .. }
                | Effect::CancelLeg { .. }
                | Effect::DropLeg { .. }
                | Effect::TellCallerGone { .. }
        );
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
            | Effect::RemoveTwins { .. }
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
            Err(error) if error.is_refusing_us() => {
                metrics::counter!("offhook_twilio_refused_us_total").increment(1);
                tracing::error!(
                    error = %Chain(&error),
                    "Twilio refuses every request: look at twilio.account_sid and the API key, and whether the account is active"
                );
                self.circuit.note_failure(self.clock.now());
            }
            Err(_) => self.circuit.note_success(),
        }
        answer
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
        let Some(claimed) = call.stage.holder() else { return Ok(Delivery::Done) };
        let room = self.note(self.twilio.find_room(&room_name(call, claimed)).await)?;
        let inside = match room {
            Some(room) => self.note(self.twilio.list_participants(&CarrierRef::new(&room.sid)).await)?,
            None => Vec::new(),
        };
        let is_in = |who: &CarrierRef| inside.iter().any(|participant| participant.call_sid == who.as_str());
        let leg = call.find_leg(claimed).and_then(|leg| leg.carrier_ref.clone());
        let signal =
            Signal::RoomChecked { caller_in: is_in(&call.caller_ref), leg_in: leg.is_some_and(|leg| is_in(&leg)) };
        self.tell(call.id, signal).await
    }
}

pub(super) fn retry_after(error: &TwilioError) -> Option<TimeDelta> {
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
