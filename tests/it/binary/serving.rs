//! `offhook serve`: health, figures, signals, sockets.

use std::collections::HashMap;
use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;

use crate::exchange::postgres;
use crate::exchange::process::{Running, offhook, serve_on};
use crate::exchange::town::{OPERATOR_TOKEN, Plan, Town};

async fn town() -> Town {
    let town = Town::open(Plan::manual()).await;
    town.import();
    town
}

fn json(body: &str) -> Value {
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_tells_how_it_is() {
    let town = town().await;
    let _service = Running::start(serve_on(&town.listener, town.folder()));
    assert_eq!(town.get("/healthz").await.0, 200);
    let (status, ready) = town.get("/readyz").await;
    assert_eq!(status, 200, "{ready}");
    assert_eq!(json(&ready)["dependencies"]["database"]["ok"], true);
    assert_eq!(json(&ready)["dependencies"]["rules"]["version"], 1);
    let (_, version) = town.get("/version").await;
    assert_eq!(json(&version)["version"], env!("CARGO_PKG_VERSION"));
    let unsigned = town.http.post(format!("http://{}/twilio/voice", town.address)).body("To=1").send().await.unwrap();
    assert_eq!(unsigned.status(), 403);
    assert!(unsigned.bytes().await.unwrap().is_empty());
    let (status, figures) = town.get("/metrics").await;
    assert_eq!(status, 200);
    let refused = "offhook_signatures_refused_total{door=\"/twilio/voice\"} 1";
    for figure in ["offhook_request_seconds", refused, "offhook_outbox_waiting"] {
        assert!(figures.contains(figure), "{figure} is not in {figures}");
    }
    let nobody = town.http.get(format!("http://{}/api/v1/calls", town.address)).send().await.unwrap();
    assert_eq!(nobody.status(), 401);
    town.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rules_a_service_lives_and_is_not_ready() {
    let town = Town::open(Plan::manual()).await;
    let _service = Running::start(serve_on(&town.listener, town.folder()));
    assert_eq!(town.get("/healthz").await.0, 200);
    let (status, ready) = town.get("/readyz").await;
    assert_eq!(status, 503, "{ready}");
    assert_eq!(json(&ready)["dependencies"]["rules"]["ok"], false);
    assert_eq!(json(&ready)["dependencies"]["database"]["ok"], true);
    town.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_database_gone_a_service_lives_and_is_not_ready() {
    let url = postgres::fresh_database();
    let town = Town::open(Plan { database: Some(url.clone()), ..Plan::manual() }).await;
    town.import();
    let _service = Running::start(serve_on(&town.listener, town.folder()));
    assert_eq!(town.get("/readyz").await.0, 200);
    postgres::take_away(&url);
    assert_eq!(town.get("/healthz").await.0, 200);
    let (status, ready) = town.get("/readyz").await;
    assert_eq!(status, 503, "{ready}");
    assert_eq!(json(&ready)["dependencies"]["database"]["ok"], false);
    postgres::give_back(&url);
    assert_eq!(town.get("/readyz").await.0, 200, "it does not come back");
    town.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_and_port_zero_is_printed() {
    let town = town().await;
    let taken = offhook(town.folder(), &["serve"]).output().unwrap();
    let told = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert_eq!(taken.status.code(), Some(1), "{told}");
    assert!(told.contains(&town.address.to_string()), "{told}");
    let mut command = offhook(town.folder(), &["serve"]);
    command.env("OFFHOOK_SERVER__BIND", "127.0.0.1:0");
    let service = Running::start(command);
    let address = service.line["listening"].as_str().expect("an address");
    assert!(!address.ends_with(":0"), "{address}");
    let reply = town.http.get(format!("http://{address}/healthz")).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    town.close().await;
}

/// A request whose body arrives only after the signal to stop is answered all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_finished_before_the_end() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let town = town().await;
    let mut service = Running::start(serve_on(&town.listener, town.folder()));
    assert_eq!(town.get("/healthz").await.0, 200);
    let mut line = tokio::net::TcpStream::connect(town.address).await.unwrap();
    let head = "POST /twilio/voice HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
    line.write_all(head.as_bytes()).await.unwrap();
    // The service says by itself that it has begun and wants the body.
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    line.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&go_on));
    service.terminate();
    let ended = std::thread::spawn(move || service.wait());
    line.write_all(b"To=1").await.unwrap();
    let mut reply = String::new();
    tokio::time::timeout(Duration::from_secs(10), line.read_to_string(&mut reply)).await.unwrap().unwrap();
    assert!(reply.starts_with("HTTP/1.1 403"), "{reply}");
    assert!(ended.join().unwrap().success());
    town.close().await;
}

/// Whoever sends a head and then nothing, before anybody knows who it is, does not hold a connection. Source: T-34.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_whose_body_does_not_come_is_not_waited_for() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let town = town().await;
    let service = Running::start(serve_on(&town.listener, town.folder()));
    assert_eq!(town.get("/healthz").await.0, 200);
    let slow = |path: &'static str| {
        let address = town.address;
        async move {
            let mut line = tokio::net::TcpStream::connect(address).await.unwrap();
            let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\nFrom=");
            line.write_all(head.as_bytes()).await.unwrap();
            let mut reply = String::new();
            // To the end of the connection.
            tokio::time::timeout(Duration::from_secs(60), line.read_to_string(&mut reply)).await.unwrap().unwrap();
            assert!(reply.starts_with("HTTP/1.1 408"), "{path}: {reply}");
        }
    };
    tokio::join!(slow("/twilio/voice"), slow("/twilio/wait"), slow("/chatwoot/webhook"));
    drop(service);
    town.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_tells_stays_in_no_cache() {
    let town = town().await;
    let service = Running::start(serve_on(&town.listener, town.folder()));
    for (path, status) in [("/api/v1/calls", 200), ("/api/v1/callback-tasks", 200), ("/api/v1/nothing", 404)] {
        let asked = town.http.get(format!("http://{}{path}", town.address)).bearer_auth(OPERATOR_TOKEN);
        let reply = asked.send().await.unwrap();
        assert_eq!(reply.status(), status, "{path}");
        assert_eq!(reply.headers()["cache-control"], "no-store", "{path}");
        assert_eq!(reply.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    drop(service);
    town.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_made_between_two_processes_wait_and_are_answered() {
    let town = town().await;
    let mut first = Running::start(serve_on(&town.listener, town.folder()));
    assert_eq!(town.get("/healthz").await.0, 200);
    first.terminate();
    assert!(first.wait().success());
    // Nobody is there now: connections are taken by the system and wait.
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let asked: Vec<_> =
        (0..20).map(|_| tokio::spawn(client.get(format!("http://{}/readyz", town.address)).send())).collect();
    let _second = Running::start(serve_on(&town.listener, town.folder()));
    for asked in asked {
        assert_eq!(asked.await.unwrap().expect("no connection is refused").status(), 200);
    }
    town.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_an_inherited_socket_opens_its_own() {
    let town = town().await;
    let address = town.address;
    drop(town.listener.try_clone());
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = other.local_addr().unwrap();
    drop(other);
    let settings = HashMap::from([("OFFHOOK_SERVER__BIND", free.to_string())]);
    let mut command = offhook(town.folder(), &["serve"]);
    command.envs(settings);
    let service = Running::start(command);
    assert_eq!(service.line["listening"], free.to_string());
    assert_ne!(free, address);
    town.close().await;
}

/// What the person quotes is what the operator finds.
#[tokio::test(flavor = "multi_thread")]
async fn a_problem_names_its_request_and_its_type_leads_to_a_page() {
    let town = town().await;
    let _service = Running::start(serve_on(&town.listener, town.folder()));
    let url = |path: &str| format!("http://{}{path}", town.address);
    let refused = town.http.get(url("/api/v1/calls")).send().await.unwrap();
    let header = refused.headers()["x-request-id"].to_str().unwrap().to_owned();
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["request_id"], header.as_str());
    let again = town.http.get(url("/api/v1/calls")).send().await.unwrap();
    assert_ne!(again.headers()["x-request-id"].to_str().unwrap(), header, "two requests have two names");
    let kind = problem["type"].as_str().unwrap();
    let (page, section) = kind.split_once('#').unwrap();
    let page = town.http.get(url(page)).send().await.unwrap().text().await.unwrap();
    assert!(page.contains(&format!("\n## {section}\n")), "{kind} leads nowhere");
    town.close().await;
}
