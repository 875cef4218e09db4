//! A past to measure in: calls that were answered long ago, with legs, history, answers and effects that are done.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::try_join_all;

use super::line::Dialler;
use super::service::{NUMBER, open_store};
use super::{AT_A_TIME, PAST_CALLERS};
use crate::call::effect::{Effect, Neighbour};
use crate::call::event::{Ending, Event, LegEnd, RingMethod};
use crate::call::signal::{LegOutcome, Signal};
use crate::call::state::{Call, NewCall};
use crate::clock::{Clock, IdSource, RandomIds, SystemClock};
use crate::ids::{AgentId, BrandId, CallId, CarrierRef};
use crate::phone_number::{Caller, parse_phone_number};
use crate::store::{NewEffect, Save, Settled, Store, StoredAnswer};

/// One call in so long, up to an hour ago.
const EVERY: TimeDelta = TimeDelta::seconds(60);

/// Effects leased at one time.
const LEASED_AT_ONCE: u32 = 500;

/// Numbers of callers that no other part of the bench uses.
const FIRST_DIALLER: u32 = 5_000_000;

/// Fills the file at `path` with `calls` past calls, and closes it.
pub(super) async fn fill(path: &Path, calls: u32) -> anyhow::Result<()> {
    let store = open_store(path, 1).await?;
    let last = SystemClock.now() - TimeDelta::hours(1);
    let mut number = 0;
    while number < calls {
        let until = (number + 2_000).min(calls);
        let saves = (number..until)
            .map(|number| {
                let before = i32::try_from(calls - number).unwrap_or(i32::MAX);
                past_call(number, last - EVERY * before)
            })
            .collect::<anyhow::Result<_>>()?;
        super::load::save(&store, AT_A_TIME, saves).await?;
        number = until;
    }
    finish_effects(&store).await
}

/// Delivers everything, as far as the outbox can tell.
async fn finish_effects(store: &Arc<dyn Store>) -> anyhow::Result<()> {
    let now = SystemClock.now();
    loop {
        let leased = store.lease_effects(Neighbour::Inbox, now, TimeDelta::minutes(10), LEASED_AT_ONCE).await?;
        if leased.is_empty() {
            return Ok(());
        }
        try_join_all(leased.iter().map(|effect| store.settle_effect(effect.id, effect.lease, Settled::Done, now)))
            .await?;
    }
}

/// A call that rang five phones, was answered by the third and is settled: nothing will ever look at it again.
fn past_call(number: u32, at: DateTime<Utc>) -> anyhow::Result<Save> {
    let dialler = Dialler::new(FIRST_DIALLER + number);
    let caller = Dialler::new(FIRST_DIALLER + number % PAST_CALLERS).phone;
    let mut call = Call::new(NewCall {
        id: CallId(RandomIds.draw(at)),
        brand: BrandId::new("acme-movers"),
        number: parse_phone_number(NUMBER)?,
        caller: Caller::Known(parse_phone_number(&caller)?),
        caller_name: Some("Dana Whitfield".to_owned()),
        caller_ref: CarrierRef::new(&dialler.call_sid),
        rules_version: 1,
        at,
    });
    let mut events = vec![Event::WaitBegan { method: RingMethod::Legs, deadline_at: at + TimeDelta::seconds(25) }];
    for (leg, agent) in (1_u32..).zip(["sam", "priya", "luis", "mei", "tom"]) {
        let phone = parse_phone_number(&format!("+1202555011{leg}")).context("an agent's phone")?;
        let give_up_at = at + TimeDelta::seconds(25);
        events.push(Event::LegOffered {
            leg,
            agent: AgentId::new(agent),
            phone,
            round: 0,
            give_up_at,
            called_in: false,
        });
        let name = format!("CA{leg}{}", dialler.call_sid.get(3..).unwrap_or_default());
        events.push(Event::LegPlaced { leg, carrier_ref: CarrierRef::new(&name) });
        events.push(Event::LegRang { leg });
    }
    events.push(Event::LegAnswered { leg: 3 });
    events.push(Event::CallClaimed { leg: 3, deadline_at: at + TimeDelta::seconds(20) });
    events.push(Event::CallOwned { leg: 3, agent: AgentId::new("luis") });
    for leg in 1..=5 {
        let how = if leg == 3 { LegEnd::Accepted } else { LegEnd::LostRace };
        events.push(Event::LegClosed { leg, how });
        events.push(Event::LegReleased { leg });
    }
    events.push(Event::CallerLeft);
    events.push(Event::CallEnded { ending: Ending::Answered });
    // After every call the carrier is asked once for messages; here it had none.
    events.push(Event::RecordingSought);
    events.push(Event::RecordingAbsent);
    for event in &events {
        call.apply(event, at);
    }
    ensure!(call.is_settled() && call.wake_at().is_none(), "a past call still waits for something");
    let effects = [Effect::NoteArrival, Effect::AssignOwner, Effect::NoteEnd];
    let effects = effects.map(|effect| NewEffect { lane: effect.lane(&call), effect, due_at: at }).into();
    let body =
        format!("<Response>{}</Response>", "<!-- as long as the document that makes a caller wait -->".repeat(10));
    Ok(Save {
        call,
        at,
        signal: Signal::LegFinished { leg: 3, outcome: LegOutcome::Completed },
        events,
        effects,
        marks: Vec::new(),
        switches: Vec::new(),
        tasks: Vec::new(),
        answer: Some(StoredAnswer { key: format!("token:{}", dialler.token), body }),
    })
}
