//! A closed brand: each kind of closure with a path of its own, what opens it all the same, and what callers are told.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::Scene;
use offhook::sandbox::twilio::PhoneAction;

use super::paths::{ELSEWHERE, has_ended, has_labels, is_over, line_takes, nobody_was_rung, place_phone};
use super::stage::{
    BEN, JANE, OMAR, PRIYA, Setting, accept, all_ring, hang_up, inbox_says, is_recorded, leave_message, reach_recorder,
};
use super::supervised::{OPERATOR, place_operator};

/// Another path for each kind of closure. It is Tuesday, 24 November 2026, 11:00 in New York.
const PATHS: &str = r#"
[brand.operator]
number = "+15550100098"
ring_s = 20

[brand.after_hours]
path = "message"
words = "We are out of hours. Goodbye."

[brand.after_hours.holiday]
path = "number"
number = "+15550100090"
words = "Our sister company answers today."

[brand.after_hours.special_day]
path = "ring_anyway"

[brand.after_hours.closed_until]
path = "operator"
"#;

const OUT_OF_HOURS: (&str, &str) = ("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]");

const SPECIAL_DAY: &str = "[[brand.calendar.day]]\non = \"2026-11-24\"\nhours = [\"14:00-16:00\"]\nname = \"Fair\"";

const CLOSED_UNTIL: &str =
    "[brand.calendar]\nclosed_until = { until = \"2026-11-24T11:10:00-05:00\", reason = \"Fire drill\" }";

fn with(closure: &str) -> Setting {
    Setting::sqlite().tables(&format!("{PATHS}\n{closure}"))
}

fn on_holiday() -> Setting {
    with("[brand.calendar]\nholidays = [\"ours\"]")
        .top("[[holidays]]\nid = \"ours\"\nname = \"Our days\"\n\n[holidays.dates]\n2026-11-24 = \"Inventory\"")
}

async fn message_is_heard(scene: &Scene, words: &str) -> anyhow::Result<()> {
    scene.dial(JANE).await?;
    scene.wait_for("the message", 5, |scene| scene.heard(JANE, words)).await?;
    scene.wait(15.0).await?;
    is_over(scene)?;
    anyhow::ensure!(!is_recorded(scene, JANE) && !scene.heard(JANE, "beep"), "the caller was recorded");
    nobody_was_rung(scene)?;
    has_ended(scene, "after_hours_message").await?;
    anyhow::ensure!(inbox_says(scene, JANE, "the caller heard the closed message"), "the inbox does not show the call");
    let has_missed = has_labels(scene, JANE, &["missed-call"]).is_ok();
    anyhow::ensure!(!has_missed, "who heard the message has missed nothing");
    has_labels(scene, JANE, &["voice", "brand-acme-movers"])
}

#[actix_web::test]
async fn outside_its_hours_the_message_is_said_and_the_call_is_over() {
    for (base, method) in [
        (Setting::sqlite(), RingMethod::Legs),
        (Setting::postgres(), RingMethod::Legs),
        (Setting::sqlite(), RingMethod::Dial),
    ] {
        base.tables(PATHS)
            .method(method)
            .routing(OUT_OF_HOURS.0, OUT_OF_HOURS.1)
            .play(async |scene| message_is_heard(scene, "We are out of hours.").await)
            .await;
    }
}

#[actix_web::test]
async fn a_caller_who_hangs_up_in_the_message_heard_it_or_not() {
    Setting::sqlite()
        .tables(PATHS)
        .routing(OUT_OF_HOURS.0, OUT_OF_HOURS.1)
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait(0.5).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            nobody_was_rung(scene)?;
            anyhow::ensure!(inbox_says(scene, JANE, "Call out of hours") || inbox_says(scene, JANE, "Missed call"));
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_message_without_words_of_its_own_says_when_the_brand_opens_and_asks_for_no_message() {
    Setting::sqlite()
        .tables("[brand.after_hours]\npath = \"message\"")
        .routing(OUT_OF_HOURS.0, OUT_OF_HOURS.1)
        .play(async |scene| {
            message_is_heard(scene, "We open today at 2 in the afternoon, Eastern time.").await?;
            anyhow::ensure!(!scene.heard(JANE, "after the tone"), "there is no tone");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn without_words_of_its_own_a_closed_brand_says_when_it_opens_before_the_tone() {
    for (hours, opens) in [
        ("tue = [\"14:00-18:00\"]", "We open today at 2 in the afternoon, Eastern time."),
        ("tue = [\"08:00-10:30\"]", "We open tomorrow at 8 in the morning, Eastern time."),
    ] {
        Setting::sqlite()
            .routing("closed = \"Acme Movers is closed right now. Please leave a message after the tone.\"\n", "")
            .routing(OUT_OF_HOURS.0, hours)
            .play(async |scene| {
                scene.dial(JANE).await?;
                reach_recorder(scene, JANE, 15).await?;
                let said = format!("We are closed right now. {opens} Please leave a message after the tone.");
                anyhow::ensure!(scene.heard(JANE, &said), "the caller heard {:?}", scene.exchange.twilio.heard(JANE));
                leave_message(scene, JANE, "Are you open tomorrow?").await?;
                has_ended(scene, "voicemail").await
            })
            .await;
    }
}

#[actix_web::test]
async fn words_of_its_own_do_not_keep_from_callers_when_a_closed_brand_opens() {
    let opens = "We open today at 2 in the afternoon, Eastern time.";
    let closed =
        ("closed = \"Acme Movers is closed right now. Please leave a message after the tone.\"", "closed = \"");
    let tables = |path: &str| Setting::sqlite().tables(&format!("[brand.after_hours]\n{path}"));
    let own = |words: &str| Setting::sqlite().routing(closed.0, &format!("{}{words}\"", closed.1));
    let cases = [
        (Setting::sqlite(), format!("Please leave a message after the tone. {opens}")),
        (
            own("Acme is closed. {opens} Speak after the tone."),
            format!("Acme is closed. {opens} Speak after the tone."),
        ),
        (tables("words = \"We sleep. Speak after the tone.\""), format!("We sleep. Speak after the tone. {opens}")),
        (
            tables("words = \"We sleep. {opens} Speak after the tone.\""),
            format!("We sleep. {opens} Speak after the tone."),
        ),
        (tables("path = \"message\"\nwords = \"We sleep.\""), format!("We sleep. {opens}")),
        (tables("path = \"message\"\nwords = \"{opens} Good night.\""), format!("{opens} Good night.")),
    ];
    for (setting, said) in cases {
        setting
            .routing(OUT_OF_HOURS.0, OUT_OF_HOURS.1)
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for(&said, 20, |scene| scene.heard(JANE, &said)).await?;
                anyhow::ensure!(times(scene, opens) == 1, "the caller heard {:?}", scene.exchange.twilio.heard(JANE));
                hang_up(scene, JANE).await.ok();
                scene.wait(150.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn whom_nobody_answers_at_a_closed_brand_that_rings_anyway_hears_when_it_opens() {
    let opens = "We open today at 2 in the afternoon, Eastern time.";
    for method in [RingMethod::Legs, RingMethod::Dial] {
        Setting::sqlite()
            .method(method)
            .tables("[brand.after_hours]\npath = \"ring_anyway\"")
            .routing(OUT_OF_HOURS.0, OUT_OF_HOURS.1)
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                reach_recorder(scene, JANE, 60).await?;
                let said = format!("Please leave a message after the tone. {opens}");
                anyhow::ensure!(scene.heard(JANE, &said), "the caller heard {:?}", scene.exchange.twilio.heard(JANE));
                leave_message(scene, JANE, "Are you there?").await?;
                has_ended(scene, "voicemail").await
            })
            .await;
    }
}

#[actix_web::test]
async fn on_a_holiday_the_other_number_is_rung_and_takes_the_call_with_a_key() {
    for method in [RingMethod::Legs, RingMethod::Dial] {
        on_holiday()
            .method(method)
            .play(async |scene| {
                place_phone(scene, ELSEWHERE);
                scene.dial(JANE).await?;
                line_takes(scene, ELSEWHERE, JANE).await?;
                anyhow::ensure!(scene.heard(JANE, "Our sister company answers today."), "the words were not said");
                anyhow::ensure!(scene.heard(ELSEWHERE, "Acme Movers, call from"), "nobody there knows what it is");
                anyhow::ensure!(!scene.heard(JANE, "We are out of hours"), "another closure's path");
                scene.wait(20.0).await?;
                anyhow::ensure!(scene.talk(ELSEWHERE, JANE), "the conversation was cut off");
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await?;
                nobody_was_rung(scene)?;
                has_ended(scene, "redirected").await?;
                anyhow::ensure!(
                    inbox_says(scene, JANE, "Another number took it."),
                    "the note does not say who took it"
                );
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn nobody_at_the_other_number_presses_the_key_and_the_caller_leaves_a_message() {
    for act in [Some(PhoneAction::Voicemail), Some(PhoneAction::Answer), Some(PhoneAction::Decline), None] {
        on_holiday()
            .play(async |scene| {
                place_phone(scene, ELSEWHERE);
                scene.dial(JANE).await?;
                scene.wait_for("the other number rings", 12, |scene| scene.is_ringing(ELSEWHERE)).await?;
                if let Some(act) = act {
                    scene.act(ELSEWHERE, act).await?;
                }
                reach_recorder(scene, JANE, 60).await?;
                anyhow::ensure!(!scene.is_ringing(ELSEWHERE), "the other number rings on");
                anyhow::ensure!(scene.exchange.twilio.bridges().is_empty(), "they met without a key");
                let said = times(scene, "Our sister company answers today.");
                anyhow::ensure!(said == 1, "the words before the ring were said {said} times");
                anyhow::ensure!(scene.heard(JANE, "Acme Movers is closed right now."), "nothing was said at the tone");
                leave_message(scene, JANE, "Happy holiday.").await?;
                anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
                nobody_was_rung(scene)?;
                has_ended(scene, "voicemail").await
            })
            .await;
    }
}

fn times(scene: &Scene, words: &str) -> usize {
    super::paths::times_heard(scene, JANE, words)
}

#[actix_web::test]
async fn a_caller_who_hangs_up_while_the_other_number_rings_is_in_the_inbox() {
    on_holiday()
        .play(async |scene| {
            place_phone(scene, ELSEWHERE);
            scene.dial(JANE).await?;
            scene.wait_for("the other number rings", 12, |scene| scene.is_ringing(ELSEWHERE)).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            anyhow::ensure!(!scene.is_ringing(ELSEWHERE), "it rings on");
            has_ended(scene, "abandoned").await?;
            anyhow::ensure!(inbox_says(scene, JANE, "Missed call"), "the inbox does not show the call");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn on_a_special_day_the_phones_ring_all_the_same() {
    for method in [RingMethod::Legs, RingMethod::Dial] {
        with(SPECIAL_DAY)
            .method(method)
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                accept(scene, PRIYA, JANE).await?;
                scene.wait(5.0).await?;
                hang_up(scene, JANE).await?;
                scene.wait(60.0).await?;
                has_ended(scene, "answered").await?;
                // Nobody takes it, which is no longer about the hours.
                scene.dial(OMAR).await?;
                all_ring(scene).await?;
                reach_recorder(scene, OMAR, 60).await?;
                anyhow::ensure!(scene.heard(OMAR, "Nobody can take your call right now."), "another greeting");
                leave_message(scene, OMAR, "Are you there?").await?;
                has_ended(scene, "voicemail").await
            })
            .await;
    }
}

#[actix_web::test]
async fn closed_until_an_instant_goes_to_the_operator_and_then_rings_again() {
    with(CLOSED_UNTIL)
        .play(async |scene| {
            place_operator(scene);
            scene.dial(JANE).await?;
            line_takes(scene, OPERATOR, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            nobody_was_rung(scene)?;
            has_ended(scene, "redirected").await?;
            anyhow::ensure!(inbox_says(scene, JANE, "The operator line took it."), "the note does not say who took it");
            // Over by itself.
            scene.wait(600.0).await?;
            scene.dial(OMAR).await?;
            all_ring(scene).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_voicemail_path_of_one_closure_has_words_of_its_own() {
    let own = "[brand.after_hours.closed_until]\npath = \"voicemail\"\nwords = \"We are at a fire drill. Speak after the tone.\"";
    Setting::sqlite()
        .tables(&format!("{own}\n\n{CLOSED_UNTIL}"))
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 15).await?;
            anyhow::ensure!(scene.heard(JANE, "We are at a fire drill."), "the words were not said");
            anyhow::ensure!(!scene.heard(JANE, "Acme Movers is closed"), "the brand's words came besides");
            leave_message(scene, JANE, "Is it a drill?").await?;
            nobody_was_rung(scene)?;
            has_ended(scene, "voicemail").await?;
            has_labels(scene, JANE, &["voicemail"])
        })
        .await;
}

#[actix_web::test]
async fn open_until_an_instant_opens_and_a_call_keeps_the_hours_it_arrived_in() {
    let open = "[brand.calendar]\nopen_until = { until = \"2026-11-24T11:05:00-05:00\", reason = \"Fair\" }";
    with(open)
        .routing(OUT_OF_HOURS.0, OUT_OF_HOURS.1)
        .play(async |scene| {
            scene.wait(295.0).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.wait(8.0).await?;
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            scene.dial(BEN).await?;
            scene.wait_for("the message", 5, |scene| scene.heard(BEN, "We are out of hours.")).await?;
            scene.wait(15.0).await?;
            is_over(scene)?;
            has_ended(scene, "after_hours_message").await
        })
        .await;
}
