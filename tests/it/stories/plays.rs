//! The plays that `offhook demo --script` knows, on both databases, by both methods and under both readings of dial.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::PLAYS;

use super::stage::Setting;

async fn play_all(setting: impl Fn() -> Setting, suits: impl Fn(&str) -> bool) {
    for (name, play) in PLAYS.iter().filter(|(name, _)| suits(name)) {
        println!("play {name}");
        setting().play(async |scene| play(scene).await).await;
    }
}

/// The play ends as it does only where legs are rung one by one.
pub fn suits_dial(name: &str) -> bool {
    // Under a simultaneous dial the second caller's phones are all held until the first one's dial is over, and the
    // loser of a race is cut off by the carrier, who can be told nothing.
    // A winner who drops after the key has met the caller, since the dial connects the two at once.
    !matches!(name, "two-press-at-once" | "winner-drops-before-the-bridge")
}

#[actix_web::test]
async fn every_play_on_sqlite_by_legs() {
    play_all(|| Setting::sqlite().method(RingMethod::Legs), |_| true).await;
}

#[actix_web::test]
async fn every_play_on_postgres_by_legs() {
    play_all(|| Setting::postgres().method(RingMethod::Legs), |_| true).await;
}

#[actix_web::test]
async fn every_play_on_sqlite_by_dial_that_stops_at_the_accept() {
    play_all(|| Setting::sqlite().method(RingMethod::Dial).dial_stops_at("accept"), suits_dial).await;
}

#[actix_web::test]
async fn every_play_on_sqlite_by_dial_that_stops_at_the_answer() {
    // Under this reading a voicemail does stop the other phones; what follows has its own story.
    let suits = |name: &str| suits_dial(name) && name != "voicemail-picks-up-first";
    play_all(|| Setting::sqlite().method(RingMethod::Dial).dial_stops_at("answer"), suits).await;
}

#[actix_web::test]
async fn every_play_on_postgres_by_dial() {
    play_all(|| Setting::postgres().method(RingMethod::Dial).dial_stops_at("accept"), suits_dial).await;
}
