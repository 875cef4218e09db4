//! Who wins and who does not: declines, silence, voicemails, wrong keys, late presses, waves.

use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::{Behaviour, PhoneAction};

use super::stage::{
    BEN, JANE, LUIS, MEI, PRIYA, SAM, Setting, TOM, accept, all_ring, hang_up, inbox_says, is_recorded, leave_message,
    none_rings, reach_recorder, watch,
};

const HARBOUR: &str = "+441632960002";

async fn decline(scene: &Scene, agent: &str) -> anyhow::Result<()> {
    scene.answer(agent).await?;
    scene.press(agent, "5").await
}

#[actix_web::test]
async fn everybody_declines_and_the_caller_reaches_the_recorder_at_once() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            for agent in AGENTS {
                decline(scene, agent).await?;
            }
            reach_recorder(scene, JANE, 15).await?;
            anyhow::ensure!(!scene.talk(SAM, JANE) && !scene.talk(TOM, JANE), "a decline was taken for an accept");
            leave_message(scene, JANE, "Please call me.").await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            anyhow::ensure!(inbox_says(scene, JANE, "Sam Carter: declined"), "the note does not say who declined");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn everybody_turns_the_call_away_on_the_handset() {
    Setting::sqlite()
        .play(async |scene| {
            for agent in AGENTS {
                scene.behave(agent, Behaviour::Declines);
            }
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 20).await?;
            leave_message(scene, JANE, "Please call me.").await
        })
        .await;
}

#[actix_web::test]
async fn only_the_one_key_accepts() {
    for key in ["0", "2", "9", "*", "#"] {
        Setting::sqlite()
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                scene.answer(SAM).await?;
                scene.press(SAM, key).await?;
                scene.wait(2.0).await?;
                anyhow::ensure!(!scene.talk(SAM, JANE), "key {key} accepted");
                anyhow::ensure!(scene.is_ringing(PRIYA), "key {key} stopped the others");
                accept(scene, PRIYA, JANE).await?;
                hang_up(scene, JANE).await?;
                scene.wait(5.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn silence_never_accepts() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.act(SAM, PhoneAction::Answer).await?;
            scene.wait(14.0).await?;
            anyhow::ensure!(!scene.talk(SAM, JANE), "silence accepted");
            anyhow::ensure!(scene.is_ringing(PRIYA), "silence stopped the others");
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await
        })
        .await;
}

#[actix_web::test]
async fn five_voicemails_never_accept_and_the_caller_is_recorded_once() {
    Setting::sqlite()
        .play(async |scene| {
            for (place, agent) in AGENTS.iter().enumerate() {
                scene.behave(agent, Behaviour::CarrierVoicemail { after_secs: u32::try_from(place).unwrap() * 3 });
            }
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 50).await?;
            leave_message(scene, JANE, "Please call me.").await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            let bridged = scene.exchange.twilio.bridges();
            anyhow::ensure!(bridged.is_empty(), "a voicemail met the caller: {bridged:?}");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn one_inside_the_prompt_at_the_deadline_still_wins() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            // The deadline is 25 s after the offer; two of them have passed.
            scene.wait(21.0).await?;
            scene.act(SAM, PhoneAction::Answer).await?;
            scene.wait(4.0).await?;
            none_rings(scene, 2).await?;
            anyhow::ensure!(!is_recorded(scene, JANE), "the caller was sent to the recorder within the grace");
            scene.press(SAM, "1").await?;
            super::stage::meet(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await?;
            anyhow::ensure!(
                scene.assignee(JANE).as_deref() == Some("Sam Carter"),
                "the owner is {:?}",
                scene.assignee(JANE)
            );
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn one_who_presses_after_the_grace_hears_that_a_message_is_being_left() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.wait(21.5).await?;
            scene.act(SAM, PhoneAction::Answer).await?;
            scene.wait_for("the greeting", 14, |scene| scene.heard(JANE, "Nobody can take your call")).await?;
            scene.press(SAM, "1").await?;
            scene.wait_for("Sam is told", 3, |scene| scene.heard(SAM, "The caller is leaving a message")).await?;
            anyhow::ensure!(!scene.talk(SAM, JANE), "a press after the grace won");
            reach_recorder(scene, JANE, 14).await?;
            leave_message(scene, JANE, "Please call me.").await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn one_who_picks_up_after_the_caller_chose_the_recorder_is_told() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.answer(SAM).await?;
            // A key is heard in the last second of each wait document.
            for _ in 0..20 {
                scene.press(JANE, "1").await?;
                if !scene.is_ringing(PRIYA) {
                    break;
                }
                scene.wait(0.5).await?;
            }
            scene.press(SAM, "1").await?;
            scene.wait_for("Sam is told", 3, |scene| scene.heard(SAM, "The caller is leaving a message")).await?;
            reach_recorder(scene, JANE, 20).await?;
            leave_message(scene, JANE, "I cannot wait.").await?;
            none_rings(scene, 1).await
        })
        .await;
}

#[actix_web::test]
async fn the_deadline_holds_to_the_recorder() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            let began = scene.exchange.now();
            reach_recorder(scene, JANE, 60).await?;
            // The greeting takes its time, too; the tone comes after it.
            let took = (scene.exchange.now() - began).num_seconds();
            anyhow::ensure!(took <= 25 + 8 + 6, "the caller reached the recorder after {took} s");
            none_rings(scene, 2).await?;
            leave_message(scene, JANE, "Hello?").await
        })
        .await;
}

#[actix_web::test]
async fn a_busy_phone_and_an_unreachable_one_do_not_keep_the_others_from_ringing() {
    Setting::sqlite()
        .play(async |scene| {
            scene.behave(SAM, Behaviour::Busy);
            scene.behave(LUIS, Behaviour::Unreachable);
            scene.dial(JANE).await?;
            scene
                .wait_for("the others ring", 8, |scene| [PRIYA, MEI, TOM].iter().all(|agent| scene.is_ringing(agent)))
                .await?;
            scene.wait(8.0).await?;
            let attempts = scene.exchange.twilio.log();
            let to_sam = attempts.iter().filter(|entry| {
                entry.phone == SAM && matches!(entry.what, offhook::sandbox::twilio::What::Ended { .. })
            });
            anyhow::ensure!(to_sam.count() == 1, "a busy phone was tried again for the same call");
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await
        })
        .await;
}

#[actix_web::test]
async fn waves_join_and_earlier_phones_keep_ringing() {
    Setting::sqlite()
        .routing("max_wait_s = 25", "max_wait_s = 40\nring_width = 2\nwave_interval_s = 8")
        .play(async |scene| {
            scene.dial(JANE).await?;
            let ringing = |scene: &Scene| AGENTS.iter().filter(|agent| scene.is_ringing(agent)).count();
            scene.wait_for("the first two ring", 6, |scene| ringing(scene) == 2).await?;
            scene.wait(3.0).await?;
            anyhow::ensure!(ringing(scene) == 2, "{} phones ring in the first wave", ringing(scene));
            scene.wait_for("the next two join", 10, |scene| ringing(scene) == 4).await?;
            scene.wait_for("the last joins", 10, |scene| ringing(scene) == 5).await?;
            let last = AGENTS.iter().find(|agent| scene.is_ringing(agent)).unwrap();
            accept(scene, last, JANE).await?;
            none_rings(scene, 2).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await
        })
        .await;
}

#[actix_web::test]
async fn the_second_brand_rings_its_own_roster_alone() {
    Setting::sqlite()
        .play(async |scene| {
            scene.act(BEN, PhoneAction::Dial { to: HARBOUR.to_owned() }).await?;
            scene.wait_for("Mei and Tom ring", 8, |scene| scene.is_ringing(MEI) && scene.is_ringing(TOM)).await?;
            anyhow::ensure!(
                [SAM, PRIYA, LUIS].iter().all(|agent| scene.rings(agent) == 0),
                "another brand's phone rang"
            );
            accept(scene, MEI, BEN).await?;
            anyhow::ensure!(scene.heard(MEI, "Harbour Storage"), "the prompt does not name the brand");
            hang_up(scene, MEI).await?;
            scene.wait(5.0).await?;
            let inbox = scene.conversations(BEN).first().map(|it| it.inbox.clone());
            anyhow::ensure!(inbox.as_deref() == Some("Harbour Storage"), "the call is in {inbox:?}");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn an_agent_who_goes_busy_in_the_inbox_stops_ringing() {
    use offhook::ids::AgentId;
    use offhook::store::{Presence, PresenceChange};
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            let agent = AgentId::new("sam");
            let change = PresenceChange { agent: agent.clone(), presence: Presence::Busy, at: scene.exchange.now() };
            scene.exchange.app()?.store.note_presence(&[change]).await?;
            scene.exchange.app()?.switchboard.withdraw_agent(&agent).await?;
            scene.wait_for("Sam's phone stops", 2, |scene| !scene.is_ringing(SAM)).await?;
            anyhow::ensure!(scene.is_ringing(PRIYA), "Priya's phone stopped, too");
            scene.wait(6.0).await?;
            anyhow::ensure!(scene.rings(SAM) == 1, "a busy agent was rung again");
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            watch(scene, 5).await
        })
        .await;
}
