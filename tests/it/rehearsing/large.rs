//! Rosters of which the record of a call only counts the far agents.

use std::fmt::Write as _;
use std::sync::Arc;

use actix_web::test::{TestRequest, init_service};
use chrono::TimeDelta;
use offhook::store::Store;
use offhook::store::open::{OpenOptions, open};

use super::caller::Caller;
use super::{Post, Service, Wire, wire};
use crate::exchange::postgres;

const AGENTS: usize = 320;

/// Every third agent's phone is unverified, every other third's are off shift; of the rest two ring at a time.
fn write_rules() -> String {
    let roster: Vec<String> = (0..AGENTS).map(|agent| format!("\"a{agent}\"")).collect();
    let mut text = format!(
        "[[brand]]\nid = \"acme\"\nname = \"Acme\"\ninbox = \"Acme\"\ntime_zone = \"Europe/London\"\nring_width = 2\nring_method = \"legs\"\nroster = [{}]\n\
         [[number]]\nnumber = \"+15550100201\"\nbrand = \"acme\"\n",
        roster.join(", ")
    );
    for agent in 0..AGENTS {
        let _ = writeln!(
            text,
            "[[agent]]\nid = \"a{agent}\"\nname = \"Agent {agent}\"\nemail = \"a{agent}@example.com\"\nphone = \"+1555010{:04}\"\nphone_verified = {}\n{}",
            1000 + agent,
            agent % 3 != 0,
            if agent % 3 == 1 { "time_zone = \"Europe/London\"\nshift = { sun = [\"01:00-02:00\"] }" } else { "" },
        );
    }
    text
}

async fn everybody_is_explained(store: Arc<dyn Store>) {
    let service = Service::start(store);
    let post = wire!(service);
    service.publish(&write_rules()).await;
    let mut caller = Caller::new(
        &service,
        &post,
        "CA00000000000000000000000000000001".to_owned(),
        "+15550100301",
        "+15550100201",
        Vec::new(),
    );
    caller.play(TimeDelta::seconds(5)).await;
    assert_eq!(caller.rang.len(), 2);

    let call = post.read("/api/v1/calls?limit=1").await[0]["id"].as_str().unwrap().to_owned();
    // What stands in the history lists two hundred and counts the others.
    let detail = post.read(&format!("/api/v1/calls/{call}")).await;
    let mut events = detail["history"].as_array().unwrap().iter().flat_map(|line| line["events"].as_array().unwrap());
    let record = events.rfind(|event| event["event"] == "shortlist_taken").unwrap()["record"].clone();
    assert_eq!(record["agents"].as_array().unwrap().len(), 200);
    assert!(!record["counted"].as_array().unwrap().is_empty());
    assert!(record.to_string().len() < 64_000);

    // And yet everybody has a reason of their own.
    let explained = post.read(&format!("/api/v1/calls/{call}/explanation")).await;
    let agents = explained["agents"].as_array().unwrap();
    assert_eq!(agents.len(), AGENTS);
    for (number, agent) in agents.iter().enumerate() {
        let sentence = agent["sentence"].as_str().unwrap();
        let expected = match number % 3 {
            0 => "nobody has verified the phone",
            1 => "off shift when the call arrived",
            _ => "in line",
        };
        assert!(sentence.contains(expected), "{number}: {sentence}");
    }
    caller.hang_up().await;
}

#[actix_web::test]
async fn every_agent_of_a_large_roster_is_explained() {
    let options = || OpenOptions { migrate: true, connections: 1 };
    everybody_is_explained(open("sqlite::memory:", options()).await.unwrap()).await;
    everybody_is_explained(open(&postgres::fresh_database(), options()).await.unwrap()).await;
    everybody_is_explained(Arc::new(offhook::store::model::ModelStore::new())).await;
}
