//! A year of guessing supervisors' codes, through the real limiter on a virtual clock: it gets nowhere, and the switch on
//! the screen works all the time. Source: THREATS.md T-28.

use chrono::{DateTime, TimeDelta, Utc};
use offhook::call::switch::{NewSwitch, SwitchKind, SwitchedBy, SwitchedHow};
use offhook::ids::{BrandId, CallId};
use offhook::phone_number::Caller;
use offhook::store::model::ModelStore;
use offhook::store::{CodeTry, Codes, Store, Switches, TRIES_PER_ACCOUNT};

/// What THREATS.md T-28 reckons with: 20 an hour for a year.
const BUDGET: u64 = 175_200;

fn year() -> (DateTime<Utc>, DateTime<Utc>) {
    let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    (start, start + TimeDelta::days(365))
}

/// Somebody with as many numbers as they like and ten calls a second, each with three tries.
struct Attacker {
    store: ModelStore,
    call: u64,
    taken: u64,
    asked: u64,
    /// When the account's tries of the last hour were.
    recent: std::collections::VecDeque<DateTime<Utc>>,
}

impl Attacker {
    fn new() -> Self {
        Self { store: ModelStore::new(), call: 0, taken: 0, asked: 0, recent: std::collections::VecDeque::new() }
    }

    /// One call from a number of its own; until when the limiter refuses, if it says so.
    fn dial(&mut self, now: DateTime<Utc>, tries: u32) -> Option<DateTime<Utc>> {
        self.call += 1;
        let id = CallId(uuid::Uuid::from_u64_pair(7, self.call));
        let caller = Caller::Known(format!("+1555{:07}", self.call % 10_000_000).parse().unwrap());
        for _ in 0..tries {
            self.asked += 1;
            match self.store.take_code_try_sync(id, &caller, now).unwrap() {
                CodeTry::Taken => self.count(now),
                CodeTry::Refused { until, .. } => return until,
            }
        }
        None
    }

    fn count(&mut self, now: DateTime<Utc>) {
        self.taken += 1;
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|at| now - *at >= TimeDelta::hours(1)) {
            self.recent.pop_front();
        }
        assert!(self.recent.len() <= usize::try_from(TRIES_PER_ACCOUNT).unwrap(), "more than 20 in an hour at {now}");
    }
}

/// The switch on the screen.
async fn turn_on_the_screen(store: &ModelStore, now: DateTime<Utc>) {
    let brand = BrandId::new("acme-movers");
    let by = SwitchedBy::Operator("operator 3f9a01".to_owned());
    let (kind, how, reason) = (SwitchKind::Override, SwitchedHow::Api, "a drill".to_owned());
    let until = now + TimeDelta::hours(4);
    let new = NewSwitch { brand: brand.clone(), kind, until, by: by.clone(), how, reason, include_waiting: false };
    store.begin_switch(&new, now).await.unwrap();
    assert!(store.find_switch(&brand, kind, now).await.unwrap().is_some(), "{now}");
    assert!(store.end_switch(&brand, kind, &by, now).await.unwrap().is_some(), "{now}");
}

#[tokio::test]
async fn a_year_of_ten_calls_a_second_gets_nowhere() {
    let (start, end) = year();
    let mut attacker = Attacker::new();
    let (mut now, mut lockouts) = (start, 0_u32);
    while now < end {
        match attacker.dial(now, 3) {
            // While it is locked every call is refused and changes nothing: one a minute stands for six hundred.
            Some(until) => {
                lockouts += 1;
                let before = attacker.taken;
                while now < until - TimeDelta::minutes(1) {
                    now += TimeDelta::minutes(1);
                    assert_eq!(attacker.dial(now, 3), Some(until), "a call got through the lock at {now}");
                }
                assert_eq!(attacker.taken, before);
                if lockouts % 50 == 0 {
                    turn_on_the_screen(&attacker.store, now).await;
                }
                attacker.store.forget_before(now - TimeDelta::days(2)).await.unwrap();
                // The last minute again at full speed.
                while now < until {
                    now += TimeDelta::milliseconds(100);
                    if now < until {
                        assert_eq!(attacker.dial(now, 3), Some(until));
                    }
                }
            }
            None => now += TimeDelta::milliseconds(100),
        }
    }
    println!("ten calls a second for a year: {} tries looked at, {lockouts} lockouts", attacker.taken);
    assert!(attacker.taken <= BUDGET / 5, "{} tries", attacker.taken);
    assert!(attacker.store.find_code_guard(now).await.unwrap().lockouts > 0);
}

#[tokio::test]
async fn a_year_of_patience_stays_within_the_budget() {
    let (start, end) = year();
    let mut attacker = Attacker::new();
    let mut now = start;
    // As fast as never locks: nineteen tries an hour, one a call.
    while now < end {
        for _ in 0..TRIES_PER_ACCOUNT - 1 {
            assert_eq!(attacker.dial(now, 1), None);
        }
        now += TimeDelta::hours(1);
        attacker.store.forget_before(now - TimeDelta::days(2)).await.unwrap();
    }
    turn_on_the_screen(&attacker.store, now).await;
    println!("nineteen an hour for a year: {} tries looked at", attacker.taken);
    assert!(attacker.taken <= BUDGET, "{} tries", attacker.taken);
}

#[tokio::test]
async fn one_number_and_all_withheld_ones_have_five_an_hour() {
    let store = ModelStore::new();
    let (start, _) = year();
    for (n, caller) in [Caller::Known("+15550100001".parse().unwrap()), Caller::Withheld].into_iter().enumerate() {
        let mut taken = 0;
        for call in 0..10_u64 {
            let id = CallId(uuid::Uuid::from_u64_pair(u64::try_from(n).unwrap(), call));
            taken += u32::from(store.take_code_try(id, &caller, start).await.unwrap() == CodeTry::Taken);
        }
        assert_eq!(taken, 5, "{caller:?}");
    }
}
