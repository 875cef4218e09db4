//! SIGKILL at random instants, under a stream of calls, on real time.

use std::fs::File;
use std::time::Duration;

use chrono::TimeDelta;
use offhook::sandbox::exchange::{CUSTOMERS, ROUTING};
use offhook::sandbox::stories::{AGENTS, PRIYA, SAM};
use offhook::sandbox::twilio::Switches;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::judge::judge;
use super::people::{Agent, Customer, Pace, Wish};
use crate::exchange::process::{Kept, serve_on};
use crate::exchange::town::{Plan, Town};

/// How often the process is killed, unless the environment says otherwise. RELIABILITY.md P-D1 asks for 1,000 in all.
const KILLS: usize = 60;
const KILLS_NAME: &str = "SOAK_KILLS";
/// After so many kills the agents leave their desks, and after as many come back: callers then leave messages.
const SHIFT_KILLS: usize = 15;
/// One kill in so many leaves a message at the least, or the run proves nothing about messages.
const KILLS_PER_MESSAGE: usize = 15;
/// It lives so long between two kills, in milliseconds.
const LIVES_MS: std::ops::Range<u64> = 0..1_500;
/// People look at their phones so often.
const GLANCE: Duration = Duration::from_millis(100);
/// Everything that is owed is there so long after the last kill at the latest; looked at all the while.
const OWED_WITHIN: TimeDelta = TimeDelta::seconds(120);
/// Draws what a run with that seed drew; without it, each run draws something else.
const SEED: &str = "SOAK_SEED";

const PACE: Pace = Pace {
    talks: TimeDelta::milliseconds(1_500),
    speaks_s: 2,
    patience: TimeDelta::milliseconds(2_500),
    stays_max: TimeDelta::seconds(45),
};

/// The seed of the run that is to be played again, or a new one.
#[expect(clippy::disallowed_methods, reason = "a test has no settings")]
fn chosen_seed() -> u64 {
    match std::env::var(SEED) {
        Ok(seed) => seed.parse().expect("a seed is a whole number"),
        Err(_) => rand::random(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no settings")]
fn chosen_kills() -> usize {
    std::env::var(KILLS_NAME).map_or(KILLS, |kills| kills.parse().expect("a count of kills is a whole number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one story, told from the first kill to the last")]
async fn killed_again_and_again_under_load_the_service_loses_nothing() {
    let routing = ROUTING.replace("max_wait_s = 25", "max_wait_s = 5").replace("cooldown_s = 15", "cooldown_s = 0");
    // The same few customers call again and again; as a flood most of their calls would ring nobody.
    let routing = in_few_words(&always_open(&routing)) + "\n[floods]\ncalls_per_caller = 100\nwindow_s = 60\n";
    let town = Town::open(Plan { is_manual: false, routing, database: None }).await;
    quicken(&town);
    town.import();
    let (folder, listener) = (town.folder().to_owned(), town.listener.try_clone().expect("a socket can be handed on"));
    let kept = Kept::start(move |deaths| {
        let mut command = serve_on(&listener, &folder);
        command.stderr(File::create(folder.join(format!("log-{deaths}"))).expect("can be written"));
        command
    });
    let (seed, kills_wanted) = (chosen_seed(), chosen_kills());
    println!("seed {seed}");
    let mut chance = SmallRng::seed_from_u64(seed);
    let mut agents = [PRIYA, SAM].map(|phone| Agent::new(phone, TimeDelta::milliseconds(400)));
    let mut customers: Vec<Customer> = Vec::new();
    let (mut kill_at, mut last_kill_at) = (town.now(), town.now());
    loop {
        let now = town.now();
        let kills = kept.deaths().len();
        if kills < kills_wanted && now >= kill_at {
            kept.kill();
            last_kill_at = now;
            if chance.random_bool(0.8) {
                // Else it dies again while it starts.
                town.wait_until_up().await;
            }
            kill_at = town.now() + TimeDelta::milliseconds(chance.random_range(LIVES_MS).try_into().expect("small"));
        }
        let at_desk = kills >= kills_wanted || (kills / SHIFT_KILLS).is_multiple_of(2);
        for agent in &mut agents {
            // Now and then a phone lies on the table.
            if chance.random_bool(0.7) && at_desk {
                agent.live(&town).await;
            }
        }
        for customer in &mut customers {
            customer.live(&town, &AGENTS).await;
        }
        if kills < kills_wanted {
            call(&town, &mut customers, &mut chance);
        } else if customers.iter().all(|customer| customer.is_done(&town)) && town.twilio.live_calls().is_empty() {
            let phones: Vec<&str> = phones_of(&customers);
            if judge(&town, &phones).is_empty() || now - last_kill_at > OWED_WITHIN {
                break;
            }
        } else if now - last_kill_at > OWED_WITHIN {
            break;
        }
        tokio::time::sleep(GLANCE).await;
    }
    let phones = phones_of(&customers);
    let mut faults = judge(&town, &phones);
    // While it is killed again and again nothing is promised but safety; afterwards nobody waits in vain.
    let in_vain = |it: &&Customer| it.gave_up_at.is_some_and(|at| at - last_kill_at > PACE.stays_max);
    faults.extend(customers.iter().filter(in_vain).map(|it| format!("{} held the line in vain", it.phone)));
    let messages = town.twilio.recordings().len();
    println!("{} kills, {} calls, {messages} recordings", kept.deaths().len(), customers.len());
    let deaths = kept.deaths().len();
    drop(kept);
    if !faults.is_empty() && std::env::args().any(|argument| argument == "--nocapture") {
        for entry in town.twilio.log() {
            println!("{} {} {} {:?}", entry.at.format("%T%.3f"), entry.call_sid, entry.phone, entry.what);
        }
        for conversation in town.chatwoot.conversations() {
            println!("{conversation:#?}");
        }
        let _ = std::process::Command::new("cp")
            .arg("-r")
            .arg(town.folder())
            .arg(std::env::temp_dir().join("offhook-random"))
            .status();
    }
    town.close().await;
    assert_eq!(deaths, kills_wanted, "it died of something else, too");
    assert!(messages >= kills_wanted / KILLS_PER_MESSAGE, "seed {seed}: only {messages} messages were left");
    assert!(faults.is_empty(), "seed {seed}: {}", faults.join("\n"));
}

/// Who has no call begins one.
fn call(town: &Town, customers: &mut Vec<Customer>, chance: &mut SmallRng) {
    for (phone, _) in CUSTOMERS {
        let is_busy = customers.iter().any(|it| it.phone == phone && !it.is_done(town));
        if !is_busy && chance.random_bool(0.1) {
            let wish = if chance.random_bool(0.25) { Wish::GiveUp } else { Wish::Stay };
            customers.push(Customer::new(phone, wish, PACE));
        }
    }
}

fn phones_of(customers: &[Customer]) -> Vec<&'static str> {
    let mut phones: Vec<&str> = customers.iter().map(|customer| customer.phone).collect();
    phones.sort_unstable();
    phones.dedup();
    phones
}

/// The first brand without its opening hours.
fn always_open(routing: &str) -> String {
    let (before, rest) = routing.split_once("[brand.hours]").expect("the example has hours");
    let (_, after) = rest.split_once("[brand.texts]").expect("the example has texts");
    format!("{before}[brand.texts]{after}")
}

/// What callers of the first brand hear takes no time: more calls come to a message between two kills.
fn in_few_words(routing: &str) -> String {
    let (before, rest) = routing.split_once("[brand.texts]").expect("the example has texts");
    let (_, after) = rest.split_once("[brand.voicemail]").expect("the example has a voicemail");
    format!("{before}[brand.texts]\nvoicemail_greeting = \"Speak.\"\n\n[brand.voicemail]{after}")
}

/// Phones that ring and recordings that are ready sooner than real ones, so that much happens in little time.
fn quicken(town: &Town) {
    let quick =
        Switches { ring_after_ms: 300, recording_ready_ms: 300, transcript_ready_ms: 500, ..town.twilio.switches() };
    let part = serde_json::to_value(quick).expect("switches are JSON");
    town.twilio.set_switches(&part).expect("the switches are known");
}
