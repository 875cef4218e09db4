//! How long it takes until another replica's next call begins under what was published.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use offhook::clock::SystemClock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Database, OPERATOR, Office, clock};

/// Promised. Source: RELIABILITY.md P-L6.
const PROMISED: Duration = Duration::from_secs(2);

/// A server on a busy machine has read its rules after so long, or never will.
const STARTED: Duration = Duration::from_secs(30);

#[actix_web::test]
async fn a_published_change_holds_for_the_next_call_on_every_replica_within_a_second() {
    for database in [Database::sqlite(), Database::postgres()] {
        let clock = clock();
        let (here, there) =
            (Office::with_example(&database, &clock).await, Office::open(&database, clock.clone()).await);
        for n in 0..5 {
            assert_eq!((here.call(10 * n + 1).await, there.call(10 * n + 2).await), (n + 1, n + 1));
            let (from, to) = if n % 2 == 0 { (&here, &there) } else { (&there, &here) };
            assert_eq!(from.publish_wait(30 + n).await, u64::from(n + 2));
            assert_eq!(from.call(10 * n + 3).await, n + 2, "at once where it was published");
            clock.advance(TimeDelta::milliseconds(999));
            assert_eq!(to.call(10 * n + 4).await, n + 1, "nobody asks the database for every call");
            clock.advance(TimeDelta::milliseconds(1));
            assert_eq!(to.call(10 * n + 5).await, n + 2);
        }
    }
}

#[actix_web::test]
async fn a_call_keeps_the_version_it_began_with_on_every_replica() {
    let (database, clock) = (Database::postgres(), clock());
    let (here, there) = (Office::with_example(&database, &clock).await, Office::open(&database, clock.clone()).await);
    assert_eq!(here.call(1).await, 1);
    here.publish_wait(80).await;
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(there.call(2).await, 2);
    let waits = |rules: &offhook::rules::Rules| rules.brands[0].max_wait.as_secs();
    for office in [&here, &there] {
        let rulebook = office.app.switchboard.rulebook();
        assert_eq!(waits(&rulebook.load(1).await.unwrap().unwrap()), 25);
        assert_eq!(waits(&rulebook.load(2).await.unwrap().unwrap()), 80);
    }
}

/// On real time, over real sockets, with the workers that look for newer rules: what an operator would measure.
#[actix_web::test]
async fn two_servers_on_one_database_agree_within_the_promised_time() {
    for (name, database) in [("SQLite", Database::sqlite()), ("PostgreSQL", Database::postgres())] {
        let offices = [Office::open(&database, SystemClock).await, Office::open(&database, SystemClock).await];
        let draft = offices[0].create_toml(offhook::sandbox::exchange::ROUTING).await.expect(201);
        offices[0].publish(&draft, &serde_json::json!({})).await.expect(200);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut servers = Vec::new();
        for office in &offices {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let metrics = offhook::telemetry::start_metrics().unwrap();
            let server = offhook::server::serve(&office.app, metrics, listener).unwrap();
            servers.push((server.handle(), address));
            tasks.spawn(server);
            office.app.start_workers(&tasks, &stop);
        }
        let http = reqwest::Client::builder().no_proxy().timeout(STARTED).build().unwrap();
        let see = |n: usize| {
            let request = http.get(format!("http://{}/readyz", servers[n].1)).bearer_auth(OPERATOR);
            async move {
                let told: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
                told["dependencies"]["rules"]["version"].as_u64()
            }
        };
        let began = Instant::now();
        while see(1).await != Some(1) {
            assert!(began.elapsed() < STARTED, "{name}: the other server went by no rules within {STARTED:?}");
        }
        let published = offices[0].publish_wait(33).await;
        let began = Instant::now();
        while see(1).await != Some(published) {
            assert!(began.elapsed() < PROMISED, "{name}: not within {PROMISED:?}");
        }
        println!("{name}: the other server went by version {published} after {:?}", began.elapsed());
        stop.cancel();
        for (handle, _) in servers {
            handle.stop(false).await;
        }
        tasks.close();
        tasks.wait().await;
    }
}
