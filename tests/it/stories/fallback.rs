//! Calls that nobody takes: who could not be rung and why, and where the caller goes then.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::Scene;
use offhook::sandbox::twilio::{Behaviour, PhoneAction};

use super::chatwoot_people::{open_conversations, webhooks_arrive, write_note};
use super::paths::{
    MENU, choose, has_ended, has_labels, is_over, is_told, line_takes, nobody_was_rung, only_these_were_rung, publish,
};
use super::stage::{
    BOTH, JANE, LUIS, MEI, OMAR, PRIYA, RUTH, SAM, Setting, TOM, accept, accept_and_talk, all_ring, hang_up,
    inbox_says, leave_message, none_rings, reach_recorder,
};
use super::supervised::{OPERATOR, place_operator};

const OPERATOR_LINE: &str = "[brand.operator]\nnumber = \"+15550100098\"\nring_s = 20";

const MESSAGE: &str = "[brand.fallback]\npath = \"message\"\nwords = \"Everybody is on the road. Please write to us.\"";

/// These agents write that their phones are off, in a conversation that is not the caller's.
async fn switch_off(scene: &Scene, names: &[&str]) -> anyhow::Result<()> {
    let opened = open_conversations(scene, "Acme Movers", Some("Tom Becker"), 1).await?;
    webhooks_arrive(scene, &opened).await?;
    for name in names {
        write_note(scene, opened[0], name, "/phone off").await?;
    }
    scene.wait(2.0).await
}

/// One agent for each of five reasons that last, for callers who want a quote.
fn five_reasons() -> Setting {
    let phone = |number: &str| format!("phone = \"{number}\"\nphone_verified = true");
    Setting::sqlite()
        .tables(MENU)
        // Fraud's brake allows no calls to France.
        .routing(&phone(SAM), &phone("+33199000011"))
        .routing(&phone(LUIS), &phone(LUIS).replace("true", "false"))
        .routing(&phone(TOM), &format!("{}\nskills = [\"sales\"]", phone(TOM)))
        .routing("tue = [\"08:00-16:00\"]", "tue = [\"12:00-16:00\"]")
}

#[actix_web::test]
async fn reasons_that_last_lead_to_the_fallback_at_once_and_each_agent_is_told_theirs() {
    for method in [RingMethod::Legs, RingMethod::Dial] {
        five_reasons()
            .method(method)
            .play(async |scene| {
                switch_off(scene, &["Priya Nair"]).await?;
                scene.dial(JANE).await?;
                choose(scene, JANE, "1").await?;
                let chose_at = scene.exchange.now();
                scene.wait_for("the words", 5, |scene| scene.heard(JANE, "All our estimators")).await?;
                let took = (scene.exchange.now() - chose_at).num_seconds();
                anyhow::ensure!(took <= 2, "the caller waited {took} s for nobody");
                scene.wait(12.0).await?;
                is_over(scene)?;
                nobody_was_rung(scene)?;
                has_ended(scene, "missed").await?;
                is_told(scene, "sam", "there is no phone that may be dialled").await?;
                is_told(scene, "luis", "nobody has verified the phone").await?;
                is_told(scene, "mei", "lacks the skill that `sales` asks for").await?;
                is_told(scene, "priya", "switched off").await?;
                is_told(scene, "tom", "off shift when the call arrived at 11:00:").await?;
                has_labels(scene, JANE, &["intent-sales", "missed-call"])
            })
            .await;
    }
}

/// Jane is at the menu while Sam leaves the roster and Mei joins it; then Luis and Mei ring.
async fn roster_changes_at_the_menu(scene: &Scene, rings_within_s: u32) -> anyhow::Result<()> {
    scene.dial(JANE).await?;
    scene.wait(1.0).await?;
    publish(scene, |rules| rules["brand"][0]["roster"] = serde_json::json!(["luis", "mei"])).await?;
    scene.wait(1.5).await?;
    choose(scene, JANE, "2").await?;
    let both_ring = |scene: &Scene| scene.is_ringing(LUIS) && scene.is_ringing(MEI);
    scene.wait_for("phones ring", rings_within_s, both_ring).await?;
    is_told(scene, "sam", "no longer on the brand's roster").await
}

#[actix_web::test]
async fn who_leaves_the_roster_before_the_ring_is_not_rung_and_who_joins_is() {
    Setting::sqlite()
        .tables(MENU)
        .roster(&["sam", "luis"])
        .play(async |scene| {
            roster_changes_at_the_menu(scene, 8).await?;
            publish(scene, |rules| rules["brand"][0]["roster"] = serde_json::json!([])).await?;
            // Taken off, a phone stops ringing, and nobody is left.
            none_rings(scene, 8).await?;
            reach_recorder(scene, JANE, 15).await?;
            leave_message(scene, JANE, "Hello?").await?;
            only_these_were_rung(scene, &[LUIS, MEI])?;
            has_ended(scene, "voicemail").await?;
            is_told(scene, "luis", "called off").await?;
            // Now that the roster is empty the next caller is not kept.
            scene.dial(OMAR).await?;
            choose(scene, OMAR, "2").await?;
            reach_recorder(scene, OMAR, 8).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(150.0).await
        })
        .await;
}

#[actix_web::test]
async fn by_dial_who_left_the_roster_before_the_ring_is_told_so_and_who_joined_is_rung() {
    Setting::sqlite()
        .method(RingMethod::Dial)
        .tables(MENU)
        .roster(&["sam", "luis"])
        .play(async |scene| {
            roster_changes_at_the_menu(scene, 10).await?;
            accept_and_talk(scene, MEI, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await?;
            only_these_were_rung(scene, &[LUIS, MEI])?;
            has_ended(scene, "answered").await
        })
        .await;
}

#[actix_web::test]
async fn a_phone_stops_within_three_seconds_of_its_agents_leaving_the_roster() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            publish(scene, |rules| rules["brand"][0]["roster"] = serde_json::json!(["priya", "luis", "mei", "tom"]))
                .await?;
            scene.wait_for("Sam's phone stops", 3, |scene| !scene.is_ringing(SAM)).await?;
            anyhow::ensure!(scene.is_ringing(PRIYA), "Priya's phone stopped too");
            is_told(scene, "sam", "called off").await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn paused_agents_are_no_reason_to_wait() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .top("[pausing]\nafter_misses = 1")
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                reach_recorder(scene, JANE, 45).await?;
                hang_up(scene, JANE).await?;
                scene.wait(150.0).await?;
                // Of five the last two of the brand are spared.
                let paused: Vec<&str> = ["luis", "mei", "priya", "sam", "tom"]
                    .into_iter()
                    .zip(["Luis Ortega", "Mei Tanaka", "Priya Nair", "Sam Carter", "Tom Becker"])
                    .filter(|(_, name)| is_paused(scene, name))
                    .map(|(id, _)| id)
                    .collect();
                anyhow::ensure!(paused.len() == 3, "{paused:?} are paused");
                let spared = ["Luis Ortega", "Mei Tanaka", "Priya Nair", "Sam Carter", "Tom Becker"];
                let spared: Vec<&str> = spared.into_iter().filter(|name| !is_paused(scene, name)).collect();
                switch_off(scene, &spared).await?;
                scene.dial(OMAR).await?;
                reach_recorder(scene, OMAR, 8).await?;
                for agent in paused {
                    is_told(scene, agent, "paused until 11:").await?;
                }
                hang_up(scene, OMAR).await?;
                scene.wait(150.0).await?;
                let again = [SAM, PRIYA, LUIS, MEI, TOM].iter().any(|agent| scene.rings(agent) != 1);
                anyhow::ensure!(!again, "a paused phone rang");
                Ok(())
            })
            .await;
    }
}

fn is_paused(scene: &Scene, name: &str) -> bool {
    let texts = scene.messages(JANE).into_iter().filter_map(|message| message.content);
    let first = name.split(' ').next().unwrap_or(name);
    texts.filter(|text| text.contains("their phone is not rung until")).any(|text| text.contains(first))
}

#[actix_web::test]
async fn nobody_takes_it_and_the_brands_message_ends_the_call() {
    for (method, reading) in [(RingMethod::Legs, "accept"), (RingMethod::Dial, "accept"), (RingMethod::Dial, "answer")]
    {
        Setting::sqlite()
            .method(method)
            .dial_stops_at(reading)
            .tables(MESSAGE)
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                scene.wait_for("the message", 60, |scene| scene.heard(JANE, "Everybody is on the road.")).await?;
                none_rings(scene, 2).await?;
                scene.wait(12.0).await?;
                is_over(scene)?;
                anyhow::ensure!(!scene.heard(JANE, "after the tone"), "there is no tone");
                has_ended(scene, "missed").await?;
                anyhow::ensure!(inbox_says(scene, JANE, "Missed call, no message"), "the inbox shows no missed call");
                anyhow::ensure!(inbox_says(scene, JANE, "Sam Carter: no answer"), "the note does not say who did not");
                has_labels(scene, JANE, &["missed-call"])
            })
            .await;
    }
}

#[actix_web::test]
async fn everybody_declines_and_the_operator_line_takes_the_call() {
    for method in [RingMethod::Legs, RingMethod::Dial] {
        Setting::sqlite()
            .method(method)
            .tables(&format!("{OPERATOR_LINE}\n\n[brand.fallback]\npath = \"operator\"\nwords = \"One moment.\""))
            .play(async |scene| {
                place_operator(scene);
                for agent in [SAM, PRIYA, LUIS, MEI, TOM] {
                    scene.behave(agent, Behaviour::Declines);
                }
                scene.dial(JANE).await?;
                scene.wait_for("the words", 30, |scene| scene.heard(JANE, "One moment.")).await?;
                line_takes(scene, OPERATOR, JANE).await?;
                scene.wait(10.0).await?;
                hang_up(scene, OPERATOR).await?;
                scene.wait(10.0).await?;
                is_over(scene)?;
                has_ended(scene, "redirected").await?;
                anyhow::ensure!(inbox_says(scene, JANE, "The operator line took it."), "the note does not say who");
                anyhow::ensure!(scene.voicemails(JANE) == 0, "a voicemail after a conversation");
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn the_operators_voicemail_does_not_take_a_call_that_nobody_took() {
    Setting::sqlite()
        .tables(&format!("{OPERATOR_LINE}\n\n[brand.fallback]\npath = \"operator\""))
        .play(async |scene| {
            place_operator(scene);
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.wait_for("the operator's phone rings", 60, |scene| scene.is_ringing(OPERATOR)).await?;
            none_rings(scene, 2).await?;
            scene.act(OPERATOR, PhoneAction::Voicemail).await?;
            reach_recorder(scene, JANE, 40).await?;
            anyhow::ensure!(scene.exchange.twilio.bridges().is_empty(), "the voicemail met the caller");
            scene.act(JANE, PhoneAction::SpeakFor { text: "Please call me.".to_owned(), secs: 5 }).await?;
            scene.wait(6.0).await?;
            scene.press(JANE, "#").await?;
            scene.wait_for("the promise", 20, |scene| scene.heard(JANE, "We call back by noon")).await?;
            scene.wait(30.0).await?;
            is_over(scene)?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            has_ended(scene, "voicemail").await
        })
        .await;
}

#[actix_web::test]
async fn an_outside_line_without_an_answer_does_not_keep_a_caller_beyond_two_minutes() {
    Setting::sqlite()
        .routing("max_wait_s = 25", "max_wait_s = 90")
        .tables(&format!("{OPERATOR_LINE}\n\n[brand.fallback]\npath = \"operator\""))
        .play(async |scene| {
            place_operator(scene);
            scene.dial(JANE).await?;
            let began = scene.exchange.now();
            all_ring(scene).await?;
            scene.wait_for("the operator's phone rings", 100, |scene| scene.is_ringing(OPERATOR)).await?;
            reach_recorder(scene, JANE, 60).await?;
            let took = (scene.exchange.now() - began).num_seconds();
            anyhow::ensure!(took <= 120 + 6, "the recorder was reached after {took} s");
            hang_up(scene, JANE).await?;
            scene.wait(150.0).await
        })
        .await;
}

#[actix_web::test]
async fn nobody_on_the_roster_can_be_rung_and_a_message_is_left_at_once() {
    for method in BOTH {
        for setting in [Setting::sqlite().method(method), Setting::postgres()] {
            setting
                .roster(&["sam", "tom"])
                .routing(&format!("phone = \"{SAM}\"\nphone_verified = true"), &format!("phone = \"{SAM}\""))
                .routing("tue = [\"08:00-16:00\"]", "tue = [\"12:00-16:00\"]")
                .play(async |scene| {
                    scene.dial(JANE).await?;
                    reach_recorder(scene, JANE, 8).await?;
                    anyhow::ensure!(scene.heard(JANE, "Nobody can take your call right now."), "no greeting");
                    anyhow::ensure!(!scene.heard(JANE, "instead of waiting"), "nobody waits");
                    leave_message(scene, JANE, "Is anybody there?").await?;
                    nobody_was_rung(scene)?;
                    anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
                    anyhow::ensure!(!inbox_says(scene, JANE, "Nobody answered"), "nobody was asked");
                    has_labels(scene, JANE, &["voice", "brand-acme-movers", "voicemail"])?;
                    is_told(scene, "sam", "nobody has verified the phone").await?;
                    is_told(scene, "tom", "off shift when the call arrived").await?;
                    has_ended(scene, "voicemail").await
                })
                .await;
        }
    }
}

#[actix_web::test]
async fn a_shift_that_ends_while_the_call_waits_counts_to_its_end() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .roster(&["tom", "sam"])
            .routing(&format!("phone = \"{SAM}\"\nphone_verified = true"), &format!("phone = \"{SAM}\""))
            .routing("tue = [\"08:00-16:00\"]", "tue = [\"08:00-11:01\"]")
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for("Tom's phone rings", 8, |scene| scene.is_ringing(TOM)).await?;
                hang_up(scene, JANE).await?;
                scene.wait(45.0).await?;
                scene.dial(OMAR).await?;
                scene.wait_for("Tom's phone rings again", 12, |scene| scene.is_ringing(TOM)).await?;
                scene.wait(16.0).await?;
                anyhow::ensure!(scene.is_ringing(TOM), "the end of the shift took the phone away");
                accept(scene, TOM, OMAR).await?;
                scene.wait(5.0).await?;
                hang_up(scene, OMAR).await?;
                scene.wait(30.0).await?;
                // Arrived after the shift.
                scene.dial(RUTH).await?;
                reach_recorder(scene, RUTH, 8).await?;
                is_told(scene, "tom", "off shift when the call arrived at 11:0").await?;
                hang_up(scene, RUTH).await?;
                scene.wait(150.0).await
            })
            .await;
    }
}
