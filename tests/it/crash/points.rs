//! Every crash point between webhook and delivery, in three stories.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;

use chrono::TimeDelta;
use futures_util::StreamExt;
use offhook::clock::Clock;
use offhook::crash::CRASH_POINTS;
use offhook::sandbox::stories::{JANE, PRIYA};

use super::judge::judge;
use super::people::{Agent, Customer, Pace, Wish};
use crate::exchange::postgres;
use crate::exchange::process::{Kept, serve_on};
use crate::exchange::town::{Plan, Town};

/// The process dies at the first, second, … visit of a point in a story.
const VISITS: [u32; 4] = [1, 2, 4, 10];

/// Stories played side by side: more would only wait for the processor.
const SIDE_BY_SIDE: usize = 3;

/// Long enough for every lease and retry after a crash.
const AFTERMATH: TimeDelta = TimeDelta::seconds(420);

const PACE: Pace = Pace {
    talks: TimeDelta::seconds(10),
    speaks_s: 4,
    patience: TimeDelta::seconds(6),
    // Source: DESIGN.md section 11, 4: everybody is somewhere within 120 s.
    stays_max: TimeDelta::seconds(120),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Story {
    Answered,
    Voicemail,
    Missed,
}

const STORIES: [Story; 3] = [Story::Answered, Story::Voicemail, Story::Missed];

#[derive(Debug, Clone)]
struct Case {
    story: Story,
    point: &'static str,
    visit: u32,
    database: Option<String>,
}

struct Outcome {
    case: Case,
    was_reached: bool,
    faults: Vec<String>,
}

/// Plays one story with the process dying once, or not at all if the point is not visited so often.
async fn play(case: Case) -> Outcome {
    let town = Town::open(Plan { database: case.database.clone(), ..Plan::manual() }).await;
    if case.database.is_some() {
        town.import();
    } else {
        town.import_example();
    }
    let (folder, clock) = (town.folder().to_owned(), town.clock());
    let listener = town.listener.try_clone().expect("a socket can be handed on");
    let crash_at = format!("{}@{}", case.point, case.visit);
    let kept = Kept::start(move |deaths| {
        let mut command = serve_on(&listener, &folder);
        command.env("OFFHOOK_TEST_CLOCK", clock.now().to_rfc3339());
        if deaths == 0 {
            command.env("OFFHOOK_TEST_CRASH_AT", &crash_at);
        }
        command.stderr(File::create(folder.join(format!("log-{deaths}"))).expect("can be written"));
        command
    });
    let wish = if case.story == Story::Missed { Wish::GiveUp } else { Wish::Stay };
    let mut jane = Customer::new(JANE, wish, PACE);
    let mut priya = Agent::new(PRIYA, TimeDelta::seconds(1));
    while !jane.is_done(&town) {
        jane.live(&town, &[PRIYA]).await;
        if case.story == Story::Answered {
            priya.live(&town).await;
        }
        town.advance(TimeDelta::milliseconds(500), TimeDelta::milliseconds(500)).await;
    }
    town.advance(AFTERMATH, TimeDelta::seconds(10)).await;
    let mut faults = judge(&town, &[JANE]);
    if jane.gave_up_at.is_some() {
        faults.push("the caller held the line in vain".to_owned());
    }
    let deaths = kept.deaths();
    let was_reached = deaths.first().is_some_and(|death| death.signal() == Some(6));
    if deaths.len() > usize::from(was_reached) {
        faults.push(format!("the service died of something else: {deaths:?}"));
    }
    drop(kept);
    if !faults.is_empty() && std::env::args().any(|argument| argument == "--nocapture") {
        for entry in town.twilio.log() {
            println!("{} {} {:?}", entry.at.format("%T%.3f"), entry.phone, entry.what);
        }
        for conversation in town.chatwoot.conversations() {
            println!("{conversation:#?}");
        }
        for number in 0..2 {
            println!("{}", std::fs::read_to_string(town.path(&format!("log-{number}"))).unwrap_or_default());
        }
    }
    town.close().await;
    Outcome { case, was_reached, faults }
}

async fn play_all(cases: Vec<Case>) -> Vec<Outcome> {
    let plays = cases.into_iter().map(|case| async {
        // Each on a task of its own, so that they use both cores.
        tokio::spawn(play(case)).await.expect("a story does not panic")
    });
    futures_util::stream::iter(plays).buffer_unordered(SIDE_BY_SIDE).collect().await
}

fn complain(outcomes: &[Outcome]) -> String {
    let bad = outcomes.iter().filter(|outcome| !outcome.faults.is_empty());
    bad.map(|outcome| format!("{:?}: {}\n", outcome.case, outcome.faults.join("; "))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_point_of_a_call_the_service_loses_nothing_and_shows_nothing_twice() {
    let mut reached: BTreeMap<&str, u32> = CRASH_POINTS.iter().map(|point| (*point, 0)).collect();
    let mut open: Vec<(Story, &'static str)> =
        STORIES.iter().flat_map(|story| CRASH_POINTS.iter().map(|point| (*story, *point))).collect();
    let mut complaints = String::new();
    for visit in VISITS {
        let cases = open.iter().map(|(story, point)| Case { story: *story, point, visit, database: None }).collect();
        let outcomes = play_all(cases).await;
        complaints.push_str(&complain(&outcomes));
        // A point that was not visited so often is not visited more often either.
        open.retain(|(story, point)| {
            outcomes.iter().any(|it| it.was_reached && it.case.story == *story && it.case.point == *point)
        });
        for outcome in outcomes.iter().filter(|outcome| outcome.was_reached) {
            *reached.entry(outcome.case.point).or_default() += 1;
        }
    }
    println!("deaths by point: {reached:?}");
    assert!(complaints.is_empty(), "{complaints}");
    let never: Vec<_> = reached.iter().filter(|(_, times)| **times == 0).collect();
    assert!(never.is_empty(), "no story comes to {never:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_postgresql_the_service_loses_nothing_either() {
    let points = [
        (Story::Voicemail, "switchboard.after_save"),
        (Story::Voicemail, "recording.after_store"),
        (Story::Voicemail, "inbox.after_voicemail"),
        (Story::Answered, "outbox.after_request"),
    ];
    let case = |(story, point)| Case { story, point, visit: 1, database: Some(postgres::fresh_database()) };
    let outcomes = play_all(points.map(case).to_vec()).await;
    assert_eq!(complain(&outcomes), "");
    assert!(outcomes.iter().all(|outcome| outcome.was_reached), "a point was not reached");
}
