//! What only tests may turn: the clock over HTTP, and a tick.
//!
//! Compiled in with the feature `test-seams`, reachable only with `OFFHOOK_TEST_CLOCK=1`, and refused where a real provider
//! or a public socket is configured (THREATS.md T-30).

use std::sync::OnceLock;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::clock::ManualClock;

static TEST_CLOCK: OnceLock<ManualClock> = OnceLock::new();

/// The instant at which the environment asks a clock that tests turn to stand; none without one.
///
/// `OFFHOOK_TEST_CLOCK=1` means the present instant, an RFC 3339 instant means itself, so that a restarted process answers its first request
/// at the right time.
#[must_use]
pub fn find_test_clock_start(now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    #[expect(clippy::disallowed_methods, reason = "a seam of tests, not a setting")]
    let asked = std::env::var("OFFHOOK_TEST_CLOCK").ok()?;
    if asked == "1" { Some(now) } else { asked.parse().ok() }
}

/// The clock that tests turn; stands at `start` when first asked for.
pub fn test_clock(start: DateTime<Utc>) -> ManualClock {
    TEST_CLOCK.get_or_init(|| ManualClock::new(start)).clone()
}

/// Whether tests turn the clock of this process.
#[must_use]
pub fn has_test_clock() -> bool {
    TEST_CLOCK.get().is_some()
}

/// How the clock is turned.
#[derive(Debug, Deserialize)]
struct Turn {
    set: Option<DateTime<Utc>>,
    advance_ms: Option<i64>,
}

/// `GET` and `POST /test/clock`, `POST /test/tick`.
pub fn routes(config: &mut web::ServiceConfig) {
    if TEST_CLOCK.get().is_some() {
        config
            .route("/test/clock", web::get().to(read_clock))
            .route("/test/clock", web::post().to(turn_clock))
            .route("/test/tick", web::post().to(tick));
    }
}

async fn read_clock(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "now": app.clock.now() }))
}

async fn turn_clock(app: web::Data<App>, turn: web::Json<Turn>) -> HttpResponse {
    if let Some(clock) = TEST_CLOCK.get() {
        if let Some(instant) = turn.set {
            clock.set(instant);
        }
        clock.advance(TimeDelta::milliseconds(turn.advance_ms.unwrap_or(0)));
    }
    read_clock(app).await
}

async fn tick(app: web::Data<App>) -> HttpResponse {
    match app.tick().await {
        Ok(done) => HttpResponse::Ok().json(json!({ "done": done })),
        Err(error) => HttpResponse::InternalServerError().json(json!({ "error": format!("{error:#}") })),
    }
}
