//! Where a signal meets its call: load, decide, save, reply, in one transaction.
//!
//! It refuses to know what a webhook or a queue is. A door hands it a signal and a way to write the reply down; it gives
//! back what was written, which was saved together with everything the decision changed. Example: `agent-accept` hands
//! over `LegPressed { leg: 2, key: '1' }` and gets the document that lets the agent into the room.

pub mod about;
pub mod answer_rate;
pub mod circuit;
pub mod codes;
pub mod deadlines;
pub mod locks;
pub mod reading;
pub mod rulebook;
mod sparing;
mod stumbles;
mod switches;
mod taken;
mod withdrawals;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, watch};

use crate::call::effect::Neighbour;
use crate::call::event::Event;
use crate::call::reply::Reply;
use crate::call::signal::Signal;
use crate::call::state::{Call, NewCall};
use crate::call::{CarrierFacts, Decision, Facts};
use crate::clock::Clock;
use crate::crash_point;
use crate::ids::CallId;
use crate::phone_number::Caller;
use crate::rules::{Brand, DestinationPolicy, DialStopsAt, RingMethod, Rules};
use crate::shortlist::facts::LoadedFacts;
use crate::shortlist::{InForce, members};
use crate::store::{Arrival, ArrivalQuestion, Conflict, NewEffect, Save, Store, StoreError, StoredAnswer};
use crate::telemetry::{Chain, metric};
use about::{About, count_refusals, warn_of_missing_line};
use circuit::Circuit;
use locks::CallLocks;
use rulebook::Rulebook;
use stumbles::Stumbles;
use taken::Taken;
use withdrawals::Withdrawals;

/// A refused save is decided again so often. Source: STYLE.md section 3.
const DECISIONS_MAX: u32 = 4;

/// Most waiting calls that are told of a freed phone at one time.
const WAITING_CALLS_MAX: u32 = 200;

/// Why a signal came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SwitchboardError {
    /// There is no such call here.
    #[error("no call is known by that name")]
    UnknownCall,
    /// No rules were ever published, or the call's are gone.
    #[error("there are no rules to decide by")]
    NoRules,
    /// Others kept changing the call.
    #[error("the call kept changing while it was decided on")]
    Contended,
    /// The store failed.
    #[error("the call could not be loaded or saved")]
    Store(#[from] StoreError),
}

/// The account's side of the facts, from the configuration.
#[derive(Debug, Clone, Copy)]
pub struct AccountLimits {
    /// How phones are rung unless a brand says otherwise.
    pub method: RingMethod,
    /// What a live test found out.
    pub dial_stops_at: DialStopsAt,
    /// One outbound call in so long.
    pub pace: TimeDelta,
    /// Most legs at one time.
    pub legs_live_max: u32,
    /// Most legs a minute.
    pub legs_per_minute_max: u32,
}

impl AccountLimits {
    /// What the carrier's side of the facts is while its REST API answers, or does not.
    #[must_use]
    pub fn facts(&self, rest_is_up: bool) -> CarrierFacts {
        CarrierFacts {
            rest_is_up,
            method: self.method,
            dial_stops_at: self.dial_stops_at,
            pace: self.pace,
            legs_live_max: self.legs_live_max,
            legs_per_minute_max: self.legs_per_minute_max,
        }
    }
}

/// How a reply is written down for the one who listens.
pub type Write<'a> = &'a (dyn Fn(&Call, &Brand, &Reply) -> String + Send + Sync);

/// A request that wants an answer.
#[derive(Clone, Copy)]
pub struct Listener<'a> {
    /// What makes the request the same request; none where every request is answered afresh.
    pub key: Option<&'a str>,
    /// How the reply is written down.
    pub write: Write<'a>,
}

/// Brings signals to their calls.
pub struct Switchboard {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    rulebook: Arc<Rulebook>,
    destinations: Arc<DestinationPolicy>,
    limits: AccountLimits,
    carrier_circuit: Arc<Circuit>,
    locks: CallLocks,
    withdrawals: Withdrawals,
    stumbles: Stumbles,
    /// Changes when effects were saved. Every worker sees every change, also one that came while it was busy.
    pub effects_saved: watch::Sender<()>,
    /// Told when a phone came free or a call wants waking.
    pub calls_stirred: Arc<Notify>,
}

/// What came of a signal.
#[derive(Debug, Clone)]
pub struct Handled {
    /// The call, as saved.
    pub call: Call,
    /// The answer, as written down; empty if nobody listens.
    pub body: String,
    /// Whether it is an earlier answer, repeated.
    pub is_repeat: bool,
    /// What happened.
    pub events: Vec<Event>,
}

impl Switchboard {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        rulebook: Arc<Rulebook>,
        destinations: Arc<DestinationPolicy>,
        limits: AccountLimits,
        carrier_circuit: Arc<Circuit>,
    ) -> Self {
        // Other rules may free a phone, or take one away.
        let calls_stirred = rulebook.changed();
        Self {
            store,
            clock,
            rulebook,
            destinations,
            limits,
            carrier_circuit,
            locks: CallLocks::default(),
            effects_saved: watch::Sender::new(()),
            calls_stirred,
            withdrawals: Withdrawals::default(),
            stumbles: Stumbles::default(),
        }
    }

    /// A new caller is on the line.
    ///
    /// # Errors
    /// `NoRules` if the number's brand is in no rules, `Store` if nothing could be saved.
    pub async fn arrive(&self, new: NewCall, listener: Listener<'_>) -> Result<Handled, SwitchboardError> {
        self.arrive_by(new, &Signal::Arrived, listener).await
    }

    /// A call of an agent's own, who keys a supervisor's code in; no phone rings for it.
    ///
    /// # Errors
    /// As [`Self::arrive`].
    pub async fn arrive_for_code(&self, new: NewCall, listener: Listener<'_>) -> Result<Handled, SwitchboardError> {
        self.arrive_by(new, &Signal::AgentAsksForCode, listener).await
    }

    async fn arrive_by(
        &self,
        mut new: NewCall,
        signal: &Signal,
        listener: Listener<'_>,
    ) -> Result<Handled, SwitchboardError> {
        let arrival = self.load_arrival(&new, listener).await?;
        if let Some(body) = arrival.answer {
            let call =
                self.store.find_call_by_caller_ref(&new.caller_ref).await?.ok_or(SwitchboardError::UnknownCall)?;
            return Ok(Handled { call, body, is_repeat: true, events: Vec::new() });
        }
        let about = About::of(&new.caller, &arrival, new.at);
        new.caller_name = arrival.contact.and_then(|contact| contact.name).or(new.caller_name);
        let caller_ref = new.caller_ref.clone();
        let call = Call::new(new);
        let _held = self.locks.hold(call.id).await;
        match self.decide_and_save(call, signal, about, Some(listener)).await {
            Err(SwitchboardError::Store(StoreError::Conflict(Conflict::CallExists))) => {
                // Another replica was first: the state knows what this caller hears.
                let call =
                    self.store.find_call_by_caller_ref(&caller_ref).await?.ok_or(SwitchboardError::UnknownCall)?;
                self.decide_until_saved(call.id, signal, Some(listener)).await
            }
            other => other,
        }
    }

    /// A call that the store missed: a safe reply took its caller to the recorder.
    ///
    /// # Errors
    /// As [`Self::arrive`].
    pub async fn adopt(&self, new: NewCall) -> Result<Call, SwitchboardError> {
        let caller_ref = new.caller_ref.clone();
        let call = Call::new(new);
        let _held = self.locks.hold(call.id).await;
        match self.decide_and_save(call, &Signal::Adopted, About::default(), None).await {
            Err(SwitchboardError::Store(StoreError::Conflict(Conflict::CallExists))) => {
                self.store.find_call_by_caller_ref(&caller_ref).await?.ok_or(SwitchboardError::UnknownCall)
            }
            other => Ok(other?.call),
        }
    }

    /// Something happened to a call, and somebody listens.
    ///
    /// # Errors
    /// `UnknownCall`, `Contended` after four refused saves, `Store` if the store fails.
    pub async fn answer(
        &self,
        call: CallId,
        signal: &Signal,
        listener: Listener<'_>,
    ) -> Result<Handled, SwitchboardError> {
        if let Some(body) = self.find_answer(listener).await? {
            let call = self.store.find_call(call).await?.ok_or(SwitchboardError::UnknownCall)?;
            return Ok(Handled { call, body, is_repeat: true, events: Vec::new() });
        }
        let _held = self.locks.hold(call).await;
        self.decide_until_saved(call, signal, Some(listener)).await
    }

    /// Something happened to a call; nobody listens.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn take_note(&self, call: CallId, signal: &Signal) -> Result<Handled, SwitchboardError> {
        let _held = self.locks.hold(call).await;
        self.decide_until_saved(call, signal, None).await
    }

    async fn load_arrival(&self, new: &NewCall, listener: Listener<'_>) -> Result<Arrival, SwitchboardError> {
        let rules = self.rulebook.load(new.rules_version).await?.ok_or(SwitchboardError::NoRules)?;
        let window = TimeDelta::from_std(rules.floods.window).unwrap_or(TimeDelta::MAX);
        let question = ArrivalQuestion {
            key: listener.key.map(str::to_owned),
            caller: if let Caller::Known(phone) = &new.caller { Some(phone.clone()) } else { None },
            brand: new.brand.clone(),
            since: new.at - window,
            now: new.at,
        };
        Ok(self.store.load_arrival(&question).await?)
    }

    async fn find_answer(&self, listener: Listener<'_>) -> Result<Option<String>, SwitchboardError> {
        match listener.key {
            Some(key) => Ok(self.store.find_answer(key).await?),
            None => Ok(None),
        }
    }

    async fn decide_until_saved(
        &self,
        id: CallId,
        signal: &Signal,
        listener: Option<Listener<'_>>,
    ) -> Result<Handled, SwitchboardError> {
        for _ in 0..DECISIONS_MAX {
            let call = self.store.find_call(id).await?.ok_or(SwitchboardError::UnknownCall)?;
            match self.decide_and_save(call, signal, About::default(), listener).await {
                Err(SwitchboardError::Store(StoreError::Conflict(_))) => {}
                other => return other,
            }
        }
        Err(SwitchboardError::Contended)
    }

    async fn decide_and_save(
        &self,
        call: Call,
        signal: &Signal,
        about: About,
        listener: Option<Listener<'_>>,
    ) -> Result<Handled, SwitchboardError> {
        let rules = self.rulebook.load(call.rules_version).await?.ok_or(SwitchboardError::NoRules)?;
        let brand = rules.find_brand(&call.brand).ok_or(SwitchboardError::NoRules)?;
        let newer = self.find_newer_rules(&call, signal).await;
        let in_force = newer.as_ref().map(|(version, rules)| InForce { version: *version, rules });
        let mut taken = Taken::default();
        for left in (0..DECISIONS_MAX).rev() {
            let now = self.clock.now();
            let mut facts = self.load_facts(brand, in_force, signal, about, now).await?;
            let leaves_some = taken.apply(&mut facts.loaded, left == 0);
            let wanted_phones = call.wants_phones();
            let decision = self.decide_sparing(&call, &rules, &facts, signal).await?;
            let body =
                listener.map_or_else(String::new, |listener| (listener.write)(&decision.call, brand, &decision.reply));
            if decision.events.is_empty() && decision.effects.is_empty() {
                return Ok(Handled { call: decision.call, body, is_repeat: false, events: Vec::new() });
            }
            crash_point!("switchboard.before_save");
            let answer = listener
                .and_then(|listener| listener.key)
                .map(|key| StoredAnswer { key: key.to_owned(), body: body.clone() });
            match self.save(decision, signal, answer, now).await {
                Ok((call, events)) => {
                    crash_point!("switchboard.after_save");
                    self.stir(&events, (wanted_phones && !call.wants_phones()) || leaves_some);
                    warn_of_missing_line(brand, &events);
                    count_refusals(brand, &events);
                    return Ok(Handled { call, body, is_repeat: false, events });
                }
                // A phone went to another call between the facts and the save: look again, and leave it to that call.
                Err(StoreError::Conflict(Conflict::PhoneTaken(held))) => taken.note(held),
                Err(StoreError::Conflict(Conflict::AgentNeeded)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(SwitchboardError::Contended)
    }

    async fn save(
        &self,
        decision: Decision,
        signal: &Signal,
        answer: Option<StoredAnswer>,
        now: DateTime<Utc>,
    ) -> Result<(Call, Vec<Event>), StoreError> {
        let effects = decision
            .effects
            .iter()
            .map(|effect| NewEffect { effect: effect.clone(), lane: effect.lane(&decision.call), due_at: now })
            .collect();
        let mut saved = decision.call.clone();
        saved.version += 1;
        let events = decision.events.clone();
        let save = Save {
            call: decision.call,
            at: now,
            signal: signal.clone(),
            events: decision.events,
            effects,
            marks: decision.marks,
            switches: decision.switches,
            tasks: decision.tasks,
            answer,
        };
        match self.store.save(save).await {
            Ok(()) => {
                count_endings(&saved, &events);
                Ok((saved, events))
            }
            Err(error @ StoreError::Unavailable { may_have_happened: true, .. }) => {
                // Unknown: read back before anything is said.
                match self.store.find_call(saved.id).await {
                    Ok(Some(stored)) if stored == saved => Ok((saved, events)),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn load_facts<'a>(
        &'a self,
        brand: &Brand,
        in_force: Option<InForce<'a>>,
        signal: &Signal,
        about: About,
        now: DateTime<Utc>,
    ) -> Result<Facts<'a>, StoreError> {
        let loaded = if signal.may_offer() {
            self.store.load_facts(&brand.id, &members(brand, in_force), now).await?
        } else {
            LoadedFacts::none()
        };
        let carrier = self.carrier_facts();
        let About { caller, brand } = about;
        Ok(Facts { at: now, loaded, caller, carrier, brand, destinations: &self.destinations, in_force, needed: &[] })
    }

    /// The rules in force, if they are not the call's own: rosters and phones are read from them at each offer.
    async fn find_newer_rules(&self, call: &Call, signal: &Signal) -> Option<(u32, Arc<Rules>)> {
        if !signal.may_offer() {
            return None;
        }
        // With the store out of reach the call goes on by what it knows.
        let current = self.rulebook.load_current().await.ok().flatten()?;
        (current.0 != call.rules_version).then_some(current)
    }

    /// Wakes whoever has something to do after a save. A call that wants no more phones leaves its share to others, and one
    /// that left free phones alone is offered them now.
    fn stir(&self, events: &[Event], shares_anew: bool) {
        self.effects_saved.send_replace(());
        if shares_anew || events.iter().any(|event| matches!(event, Event::LegReleased { .. })) {
            self.calls_stirred.notify_one();
        }
    }

    /// Tells every waiting call, the longest waiting first, that a phone may have come free.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn offer_freed_phones(&self) -> Result<u32, SwitchboardError> {
        let mut told = 0;
        for call in self.store.find_waiting_calls(WAITING_CALLS_MAX).await? {
            match self.take_note(call, &Signal::PhonesFreed).await {
                Ok(_) => told += 1,
                Err(error) => {
                    tracing::warn!(call.id = %call, error = %Chain(&error), "a waiting call could not be offered a freed phone");
                }
            }
        }
        Ok(told)
    }

    /// How the carrier and the account there stand.
    #[must_use]
    pub fn carrier_facts(&self) -> CarrierFacts {
        self.limits.facts(self.carrier_circuit.is_closed())
    }

    /// The rules in force.
    #[must_use]
    pub fn rulebook(&self) -> &Rulebook {
        &self.rulebook
    }

    /// Where outbound legs may go.
    #[must_use]
    pub fn destinations(&self) -> &DestinationPolicy {
        &self.destinations
    }

    /// Whether effects for this neighbour should be tried now.
    #[must_use]
    pub fn circuit(&self, neighbour: Neighbour) -> Option<&Circuit> {
        match neighbour {
            Neighbour::Carrier | Neighbour::Recordings => Some(&self.carrier_circuit),
            Neighbour::Inbox => None,
        }
    }
}

fn count_endings(call: &Call, events: &[Event]) {
    for event in events {
        if let Event::CallEnded { ending } = event {
            let (brand, ending) = (call.brand.to_string(), ending.as_str());
            metrics::counter!(metric::CALLS_ENDED, "brand" => brand, "ending" => ending).increment(1);
        }
    }
}
