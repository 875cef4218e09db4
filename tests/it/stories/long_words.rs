//! Words that take long to say are heard to their end, whoever misses the caller meanwhile.

use chrono::{DateTime, TimeDelta, Utc};
use offhook::rules::RingMethod;
use offhook::sandbox::stories::Scene;
use offhook::sandbox::twilio::What;

use super::paths::{has_ended, is_over, times_heard};
use super::stage::{JANE, OMAR, PRIYA, Setting, accept, all_ring, hang_up};

/// Almost as long as words may be: at 65 ms a letter some 30 s.
fn long(begin: &str) -> String {
    let mut words = begin.to_owned();
    while words.len() < 430 {
        words.push_str(" We move homes and offices all over the country.");
    }
    words
}

fn takes(words: &str) -> TimeDelta {
    TimeDelta::milliseconds(65 * i64::try_from(words.len()).unwrap_or(0))
}

/// When the carrier's log first has it for Jane.
fn first(scene: &Scene, is_it: impl Fn(&What) -> bool) -> anyhow::Result<DateTime<Utc>> {
    let log = scene.exchange.twilio.log();
    let found = log.iter().find(|entry| entry.phone == JANE && is_it(&entry.what)).map(|entry| entry.at);
    found.ok_or_else(|| anyhow::anyhow!("the carrier's log does not have it"))
}

fn began(scene: &Scene, words: &str) -> anyhow::Result<DateTime<Utc>> {
    first(scene, |what| matches!(what, What::Heard { text, .. } if text.contains(words)))
}

#[actix_web::test]
async fn a_long_message_is_heard_to_its_end() {
    let words = long("We are out of hours.");
    Setting::sqlite()
        .tables(&format!("[brand.after_hours]\npath = \"message\"\nwords = \"{words}\""))
        .routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]")
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait_for("the message", 5, |scene| scene.heard(JANE, "We are out of hours.")).await?;
            scene.wait(60.0).await?;
            is_over(scene)?;
            let heard =
                first(scene, |what| matches!(what, What::Ended { .. }))? - began(scene, "We are out of hours.")?;
            anyhow::ensure!(heard >= takes(&words), "the caller was hung up on after {heard}");
            anyhow::ensure!(times_heard(scene, JANE, "We are out of hours.") == 1, "it was said again");
            has_ended(scene, "after_hours_message").await
        })
        .await;
}

#[actix_web::test]
async fn long_words_before_the_queue_are_heard_to_their_end_while_phones_ring() {
    let words = long("Thank you for calling.");
    Setting::sqlite()
        .method(RingMethod::Legs)
        .routing("Thank you for calling Acme Movers.", &words)
        .routing("max_wait_s = 25", "max_wait_s = 60")
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.wait(45.0).await?;
            let heard =
                first(scene, |what| matches!(what, What::Queued { .. }))? - began(scene, "Thank you for calling.")?;
            anyhow::ensure!(heard >= takes(&words), "the caller was torn out of the words after {heard}");
            anyhow::ensure!(times_heard(scene, JANE, "To leave a message instead") == 1, "the end is missing");
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn whoever_hangs_up_during_the_words_before_a_dial_holds_nobodys_phone() {
    let words = long("Thank you for calling.");
    Setting::sqlite()
        .method(RingMethod::Dial)
        .routing("Thank you for calling Acme Movers.", &words)
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait(4.0).await?;
            hang_up(scene, JANE).await?;
            scene.wait(6.0).await?;
            scene.dial(OMAR).await?;
            let said = u32::try_from(takes(&words).num_seconds()).unwrap_or(0);
            scene.wait(f64::from(said)).await?;
            all_ring(scene).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(15.0).await
        })
        .await;
}
