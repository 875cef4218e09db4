//! What the door does when something broke after the signature: a safe reply, and what has to be known of it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;

use super::{Trouble, TwilioDoor, reply};
use crate::call::signal::Signal;
use crate::ids::{CallId, CarrierRef};
use crate::switchboard::SwitchboardError;
use crate::telemetry::{Chain, metric};
use crate::twilio::params::Form;
use crate::twilio::urls::{Door, DoorKind, Minted};

/// Pauses before a call is told, and told again, that an agent heard the safe reply. A claim holds for some 10 s.
const TURNED_AWAY_TOLD_AFTER: [Duration; 5] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(3), Duration::from_secs(4)];

/// A call is told that its caller was sent to the recorder without it: so soon, so that nobody fetches them out of their
/// message when the store is back, and for so long; after that Twilio's list of calls tells.
const SENT_AWAY_TOLD_EVERY: Duration = Duration::from_millis(250);
const SENT_AWAY_TOLD_TIMES: u32 = 1_200;

/// Callers whose wait fails are remembered for the third failure; more than these at once is an outage anyhow.
const FAILING_WAITS_MAX: usize = 10_000;

impl TwilioDoor {
    /// A caller is sent to the recorder by a safe reply, though the call may be known, and believed to wait: it is told as
    /// soon as the store can be reached.
    pub(super) fn tell_of_sent_away(&self, door: Door, body: &[u8], trouble: &Trouble) {
        if !trouble.loses_the_reply() || !self.safe.records(door) {
            return;
        }
        let Some(caller_ref) = Form::decode(body).find_unverified("CallSid").map(CarrierRef::new) else { return };
        let (store, switchboard) = (Arc::clone(&self.store), Arc::clone(&self.switchboard));
        tokio::spawn(async move {
            for _ in 0..SENT_AWAY_TOLD_TIMES {
                tokio::time::sleep(SENT_AWAY_TOLD_EVERY).await;
                let told = match store.find_call_by_caller_ref(&caller_ref).await {
                    // Never saved: it is adopted when the message is over.
                    Ok(None) => return,
                    Ok(Some(call)) => switchboard.take_note(call.id, &Signal::Adopted).await.map(drop),
                    Err(error) => Err(error.into()),
                };
                match told {
                    Ok(()) | Err(SwitchboardError::UnknownCall) => return,
                    Err(error) => tracing::debug!(error = %Chain(&error), "a call could not be told of a lost reply"),
                }
            }
        });
    }

    /// An agent hears the safe reply and hangs up, though a decision may be saved that has them accept. The call is told,
    /// as soon as the store can be reached; its own deadlines do the rest if that takes too long.
    pub(super) fn tell_of_turned_away(&self, door: Door, query: &str, trouble: &Trouble) {
        let is_lost = trouble.loses_the_reply();
        let is_asked = matches!(door, Door::AgentAnswer | Door::AgentAccept | Door::Screen | Door::ScreenKey);
        let minted = self.addresses.check(door, query, self.clock.now()).ok().filter(|_| is_lost && is_asked);
        let Some((call, leg)) = minted.and_then(|minted| Some((minted.call, minted.leg?))) else { return };
        let switchboard = Arc::clone(&self.switchboard);
        tokio::spawn(async move {
            for pause in TURNED_AWAY_TOLD_AFTER {
                tokio::time::sleep(pause).await;
                match switchboard.take_note(call, &Signal::LegTurnedAway { leg }).await {
                    Ok(_) | Err(SwitchboardError::UnknownCall) => return,
                    Err(error) => {
                        tracing::warn!(call.id = %call, leg, error = %Chain(&error), "a call could not be told of a lost reply");
                    }
                }
            }
        });
    }

    pub(super) fn reply_safely(&self, door: Door, query: &str, trouble: &Trouble) -> HttpResponse {
        metrics::counter!(metric::SAFE_REPLIES, "door" => door.path()).increment(1);
        tracing::error!(door = door.path(), error = %Chain(trouble), "a safe reply was given");
        if door.kind() == DoorKind::Status {
            // Nobody listens; Twilio asks again, and a repeat is harmless.
            return HttpResponse::ServiceUnavailable().finish();
        }
        let failures = self.note_failure(query);
        reply(door, self.safe.for_door(door, failures).to_owned())
    }

    fn call_in(&self, query: &str) -> Option<CallId> {
        let minted: Minted = self.addresses.check(Door::Wait, query, self.clock.now()).ok()?;
        Some(minted.call)
    }

    fn note_failure(&self, query: &str) -> u32 {
        let Some(call) = self.call_in(query) else { return 1 };
        let Ok(mut failing) = self.failing_waits.lock() else { return 1 };
        if failing.len() >= FAILING_WAITS_MAX {
            failing.clear();
        }
        let failures = failing.entry(call).or_insert(0);
        *failures = failures.saturating_add(1);
        *failures
    }

    pub(super) fn forget_failure(&self, query: &str) {
        let is_quiet = self.failing_waits.lock().is_ok_and(|failing| failing.is_empty());
        if !is_quiet
            && let Some(call) = self.call_in(query)
            && let Ok(mut failing) = self.failing_waits.lock()
        {
            failing.remove(&call);
        }
    }
}

impl Trouble {
    /// Whether a decision may have been saved that nobody heard.
    fn loses_the_reply(&self) -> bool {
        match self {
            Self::Switchboard(_) | Self::Store(_) | Self::TooSlow | Self::Panicked => true,
            Self::Address(_) | Self::Webhook(_) | Self::OtherLeg => false,
        }
    }
}
