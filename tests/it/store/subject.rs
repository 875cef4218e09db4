//! A store under test, with what each of its sessions holds in hand.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use offhook::call::event::{Ending, Event, RingMethod};
use offhook::call::signal::Signal;
use offhook::call::state::{Call, NewCall};
use offhook::call::switch::{NewSwitch, SwitchKind, SwitchedBy, SwitchedHow};
use offhook::ids::{AgentId, BrandId, CallId, CarrierRef, SupervisorId};
use offhook::phone_number::{Caller, PhoneNumber};
use offhook::store::{
    ArrivalQuestion, BrandSwitch, Carried, KnownContact, Leased, NewEffect, PresenceChange, Save, Settled, Store,
    StoreError, StoredAnswer, StoredCode, StoredRecording, SwitchChange,
};

use super::trace::{Change, Op};

pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

pub fn call_id(n: u32) -> CallId {
    CallId(uuid::Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | u64::from(n)))
}

pub fn phone(n: u32) -> PhoneNumber {
    serde_json::from_value(serde_json::json!(format!("+155501001{n:02}"))).unwrap()
}

pub fn agent(n: u32) -> AgentId {
    AgentId::new(["priya", "sam", "ines", "tomas"][usize::try_from(n).unwrap() % 4])
}

pub fn brand(n: u32) -> BrandId {
    BrandId::new(["acme-movers", "blue-taxi"][usize::try_from(n).unwrap() % 2])
}

pub fn new_call(n: u32, at: DateTime<Utc>) -> Call {
    Call::new(NewCall {
        id: call_id(n),
        brand: brand(n),
        number: phone(90),
        caller: if n % 5 == 4 { Caller::Withheld } else { Caller::Known(phone(50 + n % 3)) },
        caller_name: Some("Ines Okafor".to_owned()),
        // Two calls of the trace are one to the carrier, so that the second is refused.
        caller_ref: CarrierRef::new(&format!("CA{}", if n == 7 { 6 } else { n })),
        rules_version: 1,
        at,
    })
}

pub fn bare_save(call: Call, at: DateTime<Utc>) -> Save {
    Save {
        call,
        at,
        signal: Signal::Arrived,
        events: vec![],
        effects: vec![],
        marks: vec![],
        switches: vec![],
        tasks: vec![],
        answer: None,
    }
}

/// A store, once for each session: replicas of their own where the store allows it.
pub struct Subject {
    pub sessions: Vec<Session>,
}

pub struct Session {
    pub store: Arc<dyn Store>,
    pub held: HashMap<u32, Call>,
    leased: Vec<Leased>,
}

impl Subject {
    pub fn new(stores: Vec<Arc<dyn Store>>) -> Self {
        let session = |store| Session { store, held: HashMap::new(), leased: Vec::new() };
        Self { sessions: stores.into_iter().map(session).collect() }
    }
}

/// What an answer looks like when row numbers, which may differ, are left out.
pub fn show<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(StoreError::Conflict(conflict)) => format!("conflict: {conflict:?}"),
        Err(StoreError::NotFound { what }) => format!("not found: {what}"),
        Err(error) => panic!("no store of these may fail: {error:?}"),
    }
}

impl Session {
    /// What this session would save now: its copy of the call, which may be stale, with the changes applied.
    pub fn decide(&self, n: u32, changes: &[Change], now: DateTime<Utc>) -> Save {
        let call = self.held.get(&n).cloned().unwrap_or_else(|| new_call(n, now));
        let mut save = bare_save(call, now);
        for change in changes {
            apply(&mut save, change, now);
        }
        save
    }

    /// Takes note that a save went through.
    pub fn saved(&mut self, n: u32, save: &Save) {
        let mut call = save.call.clone();
        call.version += 1;
        self.held.insert(n, call);
    }
    pub async fn step(&mut self, op: &Op, now: DateTime<Utc>) -> String {
        let store = Arc::clone(&self.store);
        match op {
            Op::Save { call, changes } | Op::Cancel { call, changes, .. } => {
                let save = self.decide(*call, changes, now);
                let result = store.save(save.clone()).await;
                if result.is_ok() {
                    self.saved(*call, &save);
                }
                show(result)
            }
            Op::Load { call } => {
                let found = store.find_call(call_id(*call)).await.unwrap();
                if let Some(found) = &found {
                    self.held.insert(*call, found.clone());
                }
                // Which, is a matter of chance when two rang at one instant.
                let since = now - TimeDelta::seconds(3);
                let rang = store.find_call_offered_to(&agent(*call % 4), &brand(1), since).await.unwrap().is_some();
                format!("{found:?} {} {rang}", show(store.load_history(call_id(*call)).await))
            }
            Op::Lease { neighbour, limit, seconds } => {
                let leased = store.lease_effects(*neighbour, now, TimeDelta::seconds(*seconds), *limit).await.unwrap();
                let shown: Vec<_> = leased.iter().map(in_words).collect();
                self.leased.extend(leased);
                shown.join(", ")
            }
            Op::Add { call, effect, lane, delay } => {
                if !self.held.contains_key(call) {
                    return "not saved yet".to_owned();
                }
                let due_at = now + TimeDelta::seconds(*delay);
                let new = NewEffect { effect: effect.clone(), lane: format!("lane-{lane}"), due_at };
                show(store.add_effect(call_id(*call), new, now).await)
            }
            Op::Settle { nth, how } => self.settle(*nth, *how, now).await,
            Op::Revive => {
                let letters = store.list_dead_letters(5).await.unwrap();
                let shown: Vec<_> = letters
                    .iter()
                    .map(|row| format!("{} {} {} {}", row.call, row.kind, row.why, row.created_at))
                    .collect();
                let id = letters.last().map_or(i64::MAX, |row| row.id);
                format!("{} {}", shown.join(", "), show(store.revive_effect(id, "Sam Carter", now).await))
            }
            Op::Facts => {
                let mut agents: Vec<_> = (0..4).map(agent).collect();
                agents.push(AgentId::new("nobody"));
                let mut shown = show(store.load_facts(&brand(1), &agents, now).await);
                shown += &show(store.load_facts(&brand(1), &[], now).await);
                for agent in &agents {
                    shown += &show(store.find_calls_ringing(agent).await);
                }
                shown
            }
            Op::Queues => self.queues(now).await,
            Op::Inbox(op) => super::inbox::step(&store, op, now).await,
            Op::Advance { .. } => String::new(),
            other => self.fact(other, now).await,
        }
    }

    async fn settle(&self, nth: u32, how: u32, now: DateTime<Utc>) -> String {
        let Some(row) = self.leased.get(usize::try_from(nth).unwrap() % self.leased.len().max(1)) else {
            return "nothing leased".to_owned();
        };
        if how >= 9 {
            return show(self.store.renew_effect(row.id, row.lease, now + TimeDelta::seconds(4)).await);
        }
        let settled = match how {
            0..3 => Settled::Done,
            3..5 => Settled::Again {
                at: now + TimeDelta::seconds(3),
                why: "slow down".to_owned(),
                counts: how.is_multiple_of(2),
            },
            _ => Settled::Dead { why: "refused".to_owned() },
        };
        show(self.store.settle_effect(row.id, row.lease, settled, now).await)
    }

    async fn contacts(&self, pairs: &[(u32, i64)], now: DateTime<Utc>) -> String {
        let contact = |(number, id): &(u32, i64)| KnownContact {
            phone: phone(*number),
            name: (id % 2 == 0).then(|| format!("Contact {id}")),
            blocked: id % 3 == 0,
            contact_id: *id,
        };
        let mut shown = show(self.store.note_contacts(&pairs.iter().map(contact).collect::<Vec<_>>()).await);
        if pairs.len() == 1 {
            shown += &show(self.store.forget_contact(pairs[0].1).await);
        }
        shown += &show(self.store.list_contact_ids(0, 2).await);
        shown += &show(self.store.note_made_contact(pairs.len().try_into().unwrap(), now).await);
        for number in 0..5 {
            shown += &show(self.store.find_contact(&phone(number)).await);
        }
        shown
    }

    async fn queues(&self, now: DateTime<Utc>) -> String {
        let store = &self.store;
        [
            show(store.find_calls_to_wake(now, 3).await),
            show(store.find_next_wake().await),
            show(store.find_waiting_calls(3).await),
            show(store.list_calls(None, 3).await),
            show(store.list_calls(Some(now - TimeDelta::seconds(5)), 3).await),
            show(store.find_next_effect().await),
            show(store.count_effects_due().await),
            show(store.load_figures(now).await),
            show(store.count_answers(&brand(1), now - TimeDelta::seconds(20), now).await),
            show(store.find_call_by_caller_ref(&CarrierRef::new("CA6")).await),
        ]
        .join("\n")
    }
    async fn fact(&self, op: &Op, now: DateTime<Utc>) -> String {
        let store = &self.store;
        match op {
            Op::Presence { reports } => {
                let report = |(who, presence, ago): &(u32, _, i64)| PresenceChange {
                    agent: agent(*who),
                    presence: *presence,
                    at: now - TimeDelta::seconds(*ago),
                };
                show(store.note_presence(&reports.iter().map(report).collect::<Vec<_>>()).await)
            }
            Op::Switch { who, off } => {
                show(store.switch_phone(&agent(*who), off.then_some(now + TimeDelta::hours(1))).await)
            }
            Op::Contacts { pairs } => self.contacts(pairs, now).await,
            Op::Answer { key } => self.arrivals(*key, now).await,
            Op::Delivery { n } => show(store.note_delivery(&format!("delivery-{n}"), now).await),
            Op::Forget => show(store.forget_before(now - TimeDelta::seconds(10)).await),
            Op::Pacing => show(store.take_pacing_slot(now, TimeDelta::milliseconds(1_500)).await),
            Op::Carried { legs } => {
                let carried = show(store.note_carried(Carried { legs: *legs, at: now }).await);
                format!("{carried} {}", show(store.note_served(&phone(*legs % 5), now).await))
            }
            Op::Trust { who } => self.trust(*who, now).await,
            Op::Turn { name, holder } => show(
                store
                    .take_lease(&format!("turn-{name}"), &format!("replica-{holder}"), now, TimeDelta::seconds(4))
                    .await,
            ),
            Op::Rules { publish } => {
                let published =
                    if *publish { show(store.publish_rules("{}", "Sam Carter", now).await) } else { String::new() };
                format!("{published} {} {}", show(store.find_current_rules().await), show(store.find_rules(2).await))
            }
            Op::Publish { .. } | Op::Draft { .. } | Op::Mark { .. } => super::drafts::step(store, op, now).await,
            Op::Link { call, conversation } => {
                let link = offhook::store::InboxLink { contact_id: 501, conversation_id: *conversation };
                show(store.save_inbox_link(call_id(*call), link).await)
                    + &show(store.find_inbox_link(call_id(*call)).await)
            }
            Op::Recording { n, byte } => {
                let recording = CarrierRef::new(&format!("RE{n}"));
                let audio = vec![*byte; 5].into();
                let content_type = "audio/mpeg".to_owned();
                let kept = StoredRecording { recording: recording.clone(), call: call_id(1), content_type, audio };
                show(store.save_recording(kept, now).await) + &show(store.find_recording(&recording).await)
            }
            Op::Turned { brand: n, flood, on_for_s } => {
                let done = match switch_change(*n, *flood, *on_for_s, now) {
                    SwitchChange::Begin { switch } => show(store.begin_switch(&switch, now).await.map(|on| bare(&on))),
                    SwitchChange::End { brand, kind, by } => {
                        show(store.end_switch(&brand, kind, &by, now).await.map(|on| on.as_ref().map(bare)))
                    }
                };
                done + &self.switches(now).await
            }
            Op::Code { caller, what } => self.code(*caller, *what, now).await,
            _ => unreachable!("answered elsewhere"),
        }
    }

    async fn trust(&self, who: u32, now: DateTime<Utc>) -> String {
        let done = self.store.trust_phone(&agent(who), "operator 3f9a01", now).await;
        let audit = self.store.list_audit(None, 1).await;
        show(done) + &show(audit.map(|lines| lines.first().map(|line| line.action.clone())))
    }

    async fn arrivals(&self, key: u32, now: DateTime<Utc>) -> String {
        let store = &self.store;
        let key = format!("key-{key}");
        let mut shown = show(store.find_answer(&key).await);
        let numbers = [0, 1, 2, 3, 4, 50, 51, 52].map(|number| Some(phone(number)));
        for caller in numbers.into_iter().chain([None]) {
            let since = now - TimeDelta::seconds(20);
            let question = ArrivalQuestion { key: Some(key.clone()), caller, brand: brand(1), since, now };
            shown += &show(store.load_arrival(&question).await);
            // As it was a while ago: whoever called since is not counted.
            let question = ArrivalQuestion { now: now - TimeDelta::seconds(5), ..question };
            shown += &show(store.load_arrival(&question).await.map(|arrival| arrival.recent_calls));
        }
        shown
    }

    async fn switches(&self, now: DateTime<Utc>) -> String {
        let (store, mut shown) = (&self.store, String::new());
        let list = |found: Vec<BrandSwitch>| found.iter().map(bare).collect::<Vec<_>>();
        shown += &show(store.list_switches_on(now, 3).await.map(list));
        for kind in [SwitchKind::Override, SwitchKind::Flood] {
            shown += &show(store.find_switch(&brand(1), kind, now).await.map(|on| on.as_ref().map(bare)));
            let all = store.list_switches(&brand(1), kind, None, 4, now).await.unwrap();
            let older = store.list_switches(&brand(1), kind, all.first().map(|row| row.id), 4, now).await;
            shown += &format!("{:?} {}", list(all), show(older.map(list)));
        }
        shown
    }

    async fn code(&self, caller: u32, what: u32, now: DateTime<Utc>) -> String {
        let store = &self.store;
        let caller = if caller == 2 { Caller::Withheld } else { Caller::Known(phone(50 + caller)) };
        let supervisor = SupervisorId::new(if what.is_multiple_of(2) { "dana" } else { "lee" });
        let done = match what {
            0..3 => {
                let hash = format!("hash-{}", what / 2);
                let code = StoredCode { supervisor, hash, set_at: now, set_by: "operator".to_owned() };
                show(store.set_code(&code).await)
            }
            3 => show(store.remove_code(&supervisor, "operator 3f9a01", now).await),
            4 => show(store.note_good_code(call_id(1), &supervisor, now).await),
            // Some from one call, most from calls of their own.
            _ => show(store.take_code_try(call_id(what.min(6) * 7 + what % 3), &caller, now).await),
        };
        done + &show(store.list_codes().await) + &show(store.find_code_guard(now).await)
    }
}

/// A leased row; its lease comes last.
fn in_words(row: &Leased) -> String {
    let Leased { call, effect, attempts, created_at, broken_off, failing_since, lease, .. } = row;
    format!("{call} {effect:?} {attempts} {created_at} {broken_off} {failing_since:?} {lease}")
}

/// The switch without its row's number, which may differ.
fn bare(on: &BrandSwitch) -> BrandSwitch {
    BrandSwitch { id: 0, ..on.clone() }
}

fn switch_change(n: u32, flood: bool, on_for_s: Option<i64>, now: DateTime<Utc>) -> SwitchChange {
    let kind = if flood { SwitchKind::Flood } else { SwitchKind::Override };
    let by = if flood {
        SwitchedBy::Operator("operator 3f9a01".to_owned())
    } else {
        SwitchedBy::Supervisor(SupervisorId::new("dana"))
    };
    let Some(seconds) = on_for_s else { return SwitchChange::End { brand: brand(n), kind, by } };
    let until = now + TimeDelta::seconds(seconds);
    let (how, reason) = (SwitchedHow::Keypad, "a test".to_owned());
    SwitchChange::Begin { switch: NewSwitch { brand: brand(n), kind, until, by, how, reason, include_waiting: flood } }
}

fn apply(save: &mut Save, change: &Change, now: DateTime<Utc>) {
    let soon = now + TimeDelta::seconds(20);
    let next = u32::try_from(save.call.legs.len()).unwrap() + 1;
    let some_leg = |n: u32| if next == 1 { 1 } else { n % (next - 1) + 1 };
    let event = match change {
        Change::Wait { dial } => {
            let method = if *dial { RingMethod::Dial } else { RingMethod::Legs };
            Event::WaitBegan { method, deadline_at: soon }
        }
        Change::Close { leg, how } => Event::LegClosed { leg: some_leg(*leg), how: *how },
        Change::Round => Event::RoundBegan { round: save.call.round + 1 },
        Change::Poll => Event::CallerPolled { next_at: soon },
        Change::Offer { who, phone: number } => Event::LegOffered {
            leg: next,
            agent: agent(*who),
            phone: phone(*number),
            round: 1,
            give_up_at: soon,
            called_in: false,
        },
        Change::Release { leg } => Event::LegReleased { leg: some_leg(*leg) },
        Change::Place { leg } => Event::LegPlaced { leg: some_leg(*leg), carrier_ref: CarrierRef::new("CAleg") },
        Change::Own { leg } => Event::CallOwned { leg: some_leg(*leg), agent: agent(*leg) },
        Change::End => Event::CallEnded { ending: Ending::Missed },
        Change::Effect { effect, lane, delay } => {
            let lane = format!("lane-{lane}");
            save.effects.push(NewEffect { effect: effect.clone(), lane, due_at: now + TimeDelta::seconds(*delay) });
            return;
        }
        Change::Task(step) => {
            step.apply(save, now);
            return;
        }
        Change::Mark(mark) => {
            save.marks.push(mark(now));
            return;
        }
        Change::Turn { brand, flood, on_for_s } => {
            save.switches.push(switch_change(*brand, *flood, *on_for_s, now));
            return;
        }
        Change::Answer { key } => {
            save.answer =
                Some(StoredAnswer { key: format!("key-{key}"), body: format!("<Response/> {}", save.call.version) });
            return;
        }
    };
    save.call.apply(&event, now);
    save.events.push(event);
}
