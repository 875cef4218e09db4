//! Random traces on two stores at once: the model says what the answer is.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use offhook::store::Store;
use offhook::store::model::ModelStore;
use offhook::store::open::{OpenOptions, open};

use super::subject::{Session, Subject, call_id, start};
use super::trace::{Change, Dice, Op};
use crate::exchange::postgres;

const TRACES: u64 = 300;
const STEPS: u32 = 60;

fn options(migrate: bool) -> OpenOptions {
    OpenOptions { migrate, connections: 2 }
}

#[tokio::test]
async fn sqlite_gives_the_answers_of_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.db");
    drop(open(&format!("sqlite://{}", empty.display()), options(true)).await.unwrap());
    let mut tally = Tally::default();
    for seed in 0..TRACES {
        let file = folder.path().join(format!("{seed}.db"));
        std::fs::copy(&empty, &file).unwrap();
        // The tables may still stand in the log beside the file.
        if folder.path().join("empty.db-wal").exists() {
            std::fs::copy(folder.path().join("empty.db-wal"), folder.path().join(format!("{seed}.db-wal"))).unwrap();
        }
        let store = open(&format!("sqlite://{}", file.display()), options(false)).await.unwrap();
        run(&mut tally, seed, None, |_| Arc::clone(&store)).await;
        drop(store);
        std::fs::remove_file(&file).unwrap();
    }
    tally.check();
}

#[tokio::test]
async fn sqlite_in_memory_gives_the_answers_of_the_model() {
    let mut tally = Tally::default();
    for seed in 1_000..1_030 {
        let store = open("sqlite::memory:", options(true)).await.unwrap();
        run(&mut tally, seed, None, |_| Arc::clone(&store)).await;
    }
}

#[tokio::test]
async fn postgresql_gives_the_answers_of_the_model() {
    let url = postgres::fresh_database();
    // Four replicas, each with a pool of its own.
    let mut replicas = Vec::new();
    for _ in 0..4 {
        replicas.push(open(&url, options(true)).await.unwrap());
    }
    let admin = sea_orm::Database::connect(&url).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let quiet = tasks_alive();
    let mut tally = Tally::default();
    for seed in 0..TRACES {
        let tables = "calls, legs, history, answers, outbox, agents, contacts, inbox_links, recordings, rules_versions, \
            deliveries, pacing, leases, rules_drafts, audit, brand_switches, supervisor_codes, code_tries, code_guard, \
            made_contacts, conversations, inboxes_reconciled, callback_tasks, phone_words, \
            carried, served";
        sea_orm::ConnectionTrait::execute_unprepared(&admin, &format!("TRUNCATE {tables} CASCADE")).await.unwrap();
        run(&mut tally, seed, Some(quiet), |n| Arc::clone(&replicas[n])).await;
    }
    tally.check();
}

/// What came about in the traces: a suite in which nothing is refused proves nothing.
#[derive(Default)]
struct Tally(BTreeMap<String, u32>);

impl Tally {
    const WANTED: [&str; 19] = [
        "cancelled, happened",
        "cancelled, did not happen",
        "saved",
        "save, conflict: Version",
        "save, conflict: CallExists",
        "save, conflict: PhoneTaken by another",
        "leased",
        "nothing to lease",
        "leased again",
        "settled",
        "settle, conflict: Version",
        "added",
        "revived",
        "published",
        "publish, conflict: RulesPublished",
        "publish, conflict: DraftChanged",
        "draft saved",
        "draft, conflict: DraftChanged",
        "draft, not found: draft",
    ];

    fn add(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    fn note(&mut self, op: &Op, found: &str) {
        match op {
            Op::Save { .. } if found == "()" => self.add("saved"),
            Op::Save { .. } if found.starts_with("conflict: PhoneTaken([HeldPhone") => {
                self.add("save, conflict: PhoneTaken by another");
            }
            Op::Save { .. } => self.add(&format!("save, {found}")),
            Op::Lease { .. } if found.is_empty() => self.add("nothing to lease"),
            Op::Lease { .. } => {
                self.add("leased");
                // The last number of a row is its lease.
                if found.split(", ").any(|row| !row.ends_with(" 1")) {
                    self.add("leased again");
                }
            }
            Op::Settle { .. } if found == "()" => self.add("settled"),
            Op::Settle { .. } => self.add(&format!("settle, {found}")),
            Op::Add { .. } if found == "()" => self.add("added"),
            Op::Revive if found.ends_with("()") => self.add("revived"),
            Op::Publish { .. } if found.starts_with("()") => self.add("published"),
            Op::Publish { .. } => self.add(&format!("publish, {}", first_line(found))),
            Op::Draft { .. } if found.starts_with("Draft") => self.add("draft saved"),
            Op::Draft { .. } => self.add(&format!("draft, {}", first_line(found))),
            _ => {}
        }
    }

    fn check(&self) {
        for wanted in Self::WANTED {
            assert!(self.0.get(wanted).is_some_and(|often| *often >= 5), "{wanted} is rare: {:?}", self.0);
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Tasks that the stores have under way.
fn tasks_alive() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Runs a trace of one to four sessions on the model and on another store.
async fn run(tally: &mut Tally, seed: u64, quiet: Option<usize>, store: impl Fn(usize) -> Arc<dyn Store>) {
    let mut dice = Dice::new(seed);
    let count = usize::try_from(dice.below(4) + 1).unwrap();
    let model: Arc<dyn Store> = Arc::new(ModelStore::new());
    let mut expected = Subject::new(vec![model; count]);
    let mut subject = Subject::new((0..count).map(store).collect());
    let mut now = start();
    let mut done = Vec::new();
    for step in 0..STEPS {
        let n = usize::try_from(dice.below(u32::try_from(count).unwrap())).unwrap();
        let op = dice.op();
        done.push(format!("{step}: session {n}: {op:?}"));
        let (model, other) = (&mut expected.sessions[n], &mut subject.sessions[n]);
        if let Op::Advance { ms } = op {
            now += TimeDelta::milliseconds(ms);
        } else if let Op::Cancel { call, changes, polls } = &op {
            let happened = cancel(other, *call, changes, *polls, now, quiet).await;
            tally.add(if happened { "cancelled, happened" } else { "cancelled, did not happen" });
            if happened {
                assert_eq!(model.step(&op, now).await, "()", "seed {seed}\n{}", done.join("\n"));
            }
        } else {
            let (wanted, found) = (model.step(&op, now).await, other.step(&op, now).await);
            assert_eq!(wanted, found, "seed {seed}\n{}", done.join("\n"));
            tally.note(&op, &found);
        }
    }
    for n in 0..8 {
        let load = Op::Load { call: n };
        let (wanted, found) = (expected.sessions[0].step(&load, now).await, subject.sessions[0].step(&load, now).await);
        assert_eq!(wanted, found, "seed {seed}\n{}", done.join("\n"));
    }
    for op in [Op::Queues, Op::Facts, Op::Revive, Op::Queues] {
        let (wanted, found) = (expected.sessions[0].step(&op, now).await, subject.sessions[0].step(&op, now).await);
        assert_eq!(wanted, found, "seed {seed}\n{}", done.join("\n"));
    }
}

/// Begins a save and stops waiting for it; says whether it happened. That it did not happen by half is what the steps
/// after it show.
async fn cancel(
    session: &mut Session,
    call: u32,
    changes: &[Change],
    polls: u32,
    now: DateTime<Utc>,
    quiet: Option<usize>,
) -> bool {
    let save = session.decide(call, changes, now);
    let version = session.store.find_call(call_id(call)).await.unwrap().map(|call| call.version);
    let mut saving = session.store.save(save.clone());
    for _ in 0..=polls {
        if (&mut saving).now_or_never().is_some() {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(saving);
    // What was begun goes on by itself: on SQLite ahead of the next job, elsewhere as a task of its own.
    session.store.ping().await.unwrap();
    while quiet.is_some_and(|quiet| tasks_alive() > quiet) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    // Nobody else is at work, so a new version is ours.
    let happened = session.store.find_call(call_id(call)).await.unwrap().map(|call| call.version) != version;
    if happened {
        session.saved(call, &save);
    }
    happened
}
