//! Large documents: nobody else waits while they are read and looked at.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::{Database, Office, clock, path_of};

/// A company of so many agents on shifts, each on the rosters of ten of forty brands.
fn routing(agents: usize) -> String {
    let mut text = String::new();
    for brand in 0..40 {
        let roster: Vec<String> =
            (0..agents).filter(|agent| (agent + brand) % 4 == 0).map(|agent| format!("\"a{agent}\"")).collect();
        write!(
            text,
            "[[brand]]\nid = \"b{brand}\"\nname = \"B {brand}\"\ninbox = \"B {brand}\"\ntime_zone = \"America/New_York\"\n\
             roster = [{}]\n[[number]]\nnumber = \"+1555020{brand:04}\"\nbrand = \"b{brand}\"\n",
            roster.join(", ")
        )
        .unwrap();
    }
    for agent in 0..agents {
        write!(
            text,
            "[[agent]]\nid = \"a{agent}\"\nname = \"A {agent}\"\nemail = \"a{agent}@example.com\"\nphone = \"+1555010{agent:04}\"\n\
             phone_verified = true\ntime_zone = \"America/Chicago\"\nshift = {{ mon = [\"06:00-23:00\"], tue = [\"06:00-23:00\"] }}\n"
        )
        .unwrap();
    }
    text
}

/// Longest time for which the thread that answers did nothing else, and how long it all took.
async fn longest_hold(work: impl Future<Output = ()>) -> (Duration, Duration) {
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    tokio::pin!(work);
    loop {
        let before = Instant::now();
        let is_done = tokio::select! {
            biased;
            () = &mut work => true,
            () = tokio::time::sleep(Duration::from_millis(1)) => false,
        };
        longest = longest.max(before.elapsed());
        if is_done {
            return (longest, began.elapsed());
        }
    }
}

#[actix_web::test]
async fn callers_do_not_wait_while_a_large_document_is_looked_at() {
    let office = Office::open(&Database::sqlite(), clock()).await;
    let text = routing(1_200);
    let (longest, all) = longest_hold(async {
        let draft = office.create_toml(&text).await.expect(201);
        assert!(draft.json()["findings_total"].as_u64().unwrap() > 0);
        office.get(&format!("{}/coverage", path_of(&draft))).await.expect(200);
    })
    .await;
    // Reading and looking are nearly all of it, and were two long holds of half a second and more.
    assert!(longest * 4 < all, "the thread was held for {longest:?} of {all:?}");
}
