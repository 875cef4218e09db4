//! The stories, one function each.

use anyhow::ensure;

use super::Play;
use super::scene::{AGENTS, JANE, OMAR, PRIYA, Played, RUTH, SAM, Scene};
use crate::sandbox::chatwoot::State;
use crate::sandbox::twilio::{Behaviour, PhoneAction};

/// Every story, in the order `all` plays them.
pub(super) const PLAYS: &[Play] = &[
    ("answered", |scene| answered(scene)),
    ("two-press-at-once", |scene| two_press_at_once(scene)),
    ("nobody-answers", |scene| nobody_answers(scene)),
    ("voicemail-picks-up-first", |scene| voicemail_picks_up_first(scene)),
    ("caller-hangs-up", |scene| caller_hangs_up(scene)),
    ("winner-drops-before-the-bridge", |scene| winner_drops_before_the_bridge(scene)),
    ("second-caller-while-all-ring", |scene| second_caller_while_all_ring(scene)),
    ("restart-while-three-wait", |scene| restart_while_three_wait(scene)),
    ("chatwoot-down", |scene| chatwoot_down(scene)),
];

/// All phones have stopped by then: a cancel takes one request.
const STOPS_WITHIN_S: u32 = 2;
/// A phone rings so soon after the call arrived: the carrier takes two seconds.
const RINGS_WITHIN_S: u32 = 6;
/// Two meet so soon after the press.
const MEETS_WITHIN_S: u32 = 8;
/// The recorder is reached so soon after the deadline of 25 s.
const RECORDER_WITHIN_S: u32 = 40;

async fn all_ring(scene: &Scene) -> anyhow::Result<()> {
    scene
        .wait_for("every phone rings", RINGS_WITHIN_S, |scene| AGENTS.iter().all(|agent| scene.is_ringing(agent)))
        .await
}

async fn accept(scene: &Scene, agent: &str, caller: &str) -> anyhow::Result<()> {
    scene.answer(agent).await?;
    scene.press(agent, "1").await?;
    scene.wait_for("agent and caller meet", MEETS_WITHIN_S, |scene| scene.talk(agent, caller)).await
}

async fn leave_message(scene: &Scene, caller: &str, words: &str) -> anyhow::Result<()> {
    scene
        .wait_for("the recorder's tone", RECORDER_WITHIN_S, |scene| {
            scene.exchange.twilio.phones_state().as_array().is_some_and(|phones| {
                phones.iter().any(|phone| phone["number"] == caller && phone["wants"] == "speech")
            })
        })
        .await?;
    scene.act(caller, PhoneAction::SpeakFor { text: words.to_owned(), secs: 5 }).await?;
    scene.wait(6.0).await?;
    scene.act(caller, PhoneAction::HangUp).await?;
    scene.wait(20.0).await
}

fn answered(scene: &mut Scene) -> Played<'_> {
    Box::pin(async move {
        scene.dial(JANE).await?;
        all_ring(scene).await?;
        accept(scene, PRIYA, JANE).await?;
        scene
            .wait_for("the other phones stop", STOPS_WITHIN_S, |scene| {
                !AGENTS.iter().any(|agent| scene.is_ringing(agent))
            })
            .await?;
        scene.wait(42.0).await?;
        scene.act(JANE, PhoneAction::HangUp).await?;
        scene.wait(5.0).await?;
        ensure!(
            scene.assignee(JANE).as_deref() == Some("Priya Nair"),
            "the conversation is {:?}'s",
            scene.assignee(JANE)
        );
        let labels = scene.conversations(JANE).first().map(|it| it.labels.clone()).unwrap_or_default();
        ensure!(labels.contains(&"brand-acme-movers".to_owned()), "the labels are {labels:?}");
        ensure!(
            scene.messages(JANE).iter().any(|it| it.content.as_deref().is_some_and(|text| text.contains("Call ended"))),
            "no note at the end"
        );
        Ok(())
    })
}

fn two_press_at_once(scene: &mut Scene) -> Played<'_> {
    Box::pin(async move {
        scene.dial(JANE).await?;
        all_ring(scene).await?;
        scene.act(SAM, PhoneAction::Answer).await?;
        scene.act(PRIYA, PhoneAction::Answer).await?;
        scene.wait(1.0).await?;
        let press = |agent: &str| (agent.to_owned(), PhoneAction::Keys("1".to_owned()));
        let both = vec![press(SAM), press(PRIYA)];
        scene.exchange.twilio.act_together(both).await.map_err(anyhow::Error::msg)?;
        scene
            .wait_for("one of them meets the caller", MEETS_WITHIN_S, |scene| {
                scene.talk(SAM, JANE) || scene.talk(PRIYA, JANE)
            })
            .await?;
        scene.wait(4.0).await?;
        let (sam, priya) = (scene.talk(SAM, JANE), scene.talk(PRIYA, JANE));
        ensure!(sam != priya, "Sam talks: {sam}, Priya talks: {priya}");
        let (winner, loser, name) = if sam { (SAM, PRIYA, "Sam Carter") } else { (PRIYA, SAM, "Priya Nair") };
        ensure!(scene.heard(loser, "took this call"), "the loser was not told who took the call");
        scene.act(winner, PhoneAction::HangUp).await?;
        scene.wait(5.0).await?;
        ensure!(
            scene.assignee(JANE).as_deref() == Some(name),
            "the conversation is {:?}'s, not {name}'s",
            scene.assignee(JANE)
        );
        Ok(())
    })
}

fn nobody_answers(scene: &mut Scene) -> Played<'_> {
    Box::pin(async move {
        scene.dial(JANE).await?;
        all_ring(scene).await?;
        leave_message(scene, JANE, "Hi, this is Jane. Please call me back about Friday.").await?;
        ensure!(!AGENTS.iter().any(|agent| scene.is_ringing(agent)), "a phone still rings");
        ensure!(scene.voicemails(JANE) == 1, "{} voicemails are in the inbox", scene.voicemails(JANE));
        let transcript = scene
            .messages(JANE)
            .iter()
            .any(|it| it.content.as_deref().is_some_and(|text| text.contains("about Friday")));
        ensure!(transcript, "the transcript is not in the inbox");
        Ok(())
    })
}

fn voicemail_picks_up_first(scene: &mut Scene) -> Played<'_> {
    Box::pin(async move {
        scene.behave(SAM, Behaviour::CarrierVoicemail { after_secs: 1 });
        scene.dial(JANE).await?;
        scene.wait_for("Priya's phone rings", RINGS_WITHIN_S, |scene| scene.is_ringing(PRIYA)).await?;
        scene.wait(4.0).await?;
        ensure!(scene.is_ringing(PRIYA), "the voicemail stopped the other phones");
        accept(scene, PRIYA, JANE).await?;
        scene.wait(20.0).await?;
        scene.act(PRIYA, PhoneAction::HangUp).await?;
        scene.wait(5.0).await?;
        ensure!(
            scene.assignee(JANE).as_deref() == Some("Priya Nair"),
            "the conversation is {:?}'s",
            scene.assignee(JANE)
        );
        Ok(())
    })
}

fn caller_hangs_up(scene: &mut Scene) -> Played<'_> {
    Box::pin(async move {
        scene.dial(JANE).await?;
        all_ring(scene).await?;
        scene.act(JANE, PhoneAction::HangUp).await?;
        scene
            .wait_for("every phone stops", STOPS_WITHIN_S, |scene| !AGENTS.iter().any(|agent| scene.is_ringing(agent)))
            .await?;
        scene.wait(5.0).await?;
        let missed = scene
            .messages(JANE)
            .iter()
            .any(|it| it.content.as_deref().is_some_and(|text| text.contains("Missed call")));
        ensure!(missed, "the inbox does not show the missed call");
        Ok(())
    })
}

fn winner_drops_before_the_bridge(scene: &mut Scene) -> Played<'_> {
    Box::pin(async move {
        scene.dial(JANE).await?;
        all_ring(scene).await?;
        scene.answer(SAM).await?;
        // The press and the hang-up in one breath: the two never meet.
        for action in [PhoneAction::Keys("1".to_owned()), PhoneAction::HangUp] {
            scene.exchange.twilio.act(SAM, action).await.map_err(anyhow::Error::msg)?;
        }
        scene.exchange.settle().await?;
        scene.wait_for("Priya's phone rings", 15, |scene| scene.is_ringing(PRIYA)).await?;
        accept(scene, PRIYA, JANE).await?;
        scene.wait(10.0).await?;
        scene.act(JANE, PhoneAction::HangUp).await?;
        scene.wait(5.0).await?;
        ensure!(
            scene.assignee(JANE).as_deref() == Some("Priya Nair"),
            "the conversation is {:?}'s",
            scene.assignee(JANE)
        );
        Ok(())
    })
}

fn second_caller_while_all_ring(scene: &mut Scene) -> Played<'_> {
    Box::pin(async move {
        scene.dial(JANE).await?;
        all_ring(scene).await?;
        scene.dial(OMAR).await?;
        scene.wait(3.0).await?;
        accept(scene, PRIYA, JANE).await?;
        // The phones that Jane's call held are Omar's now.
        scene.wait_for("Sam's phone rings for Omar", 12, |scene| scene.is_ringing(SAM)).await?;
        accept(scene, SAM, OMAR).await?;
        ensure!(scene.talk(PRIYA, JANE), "Jane lost her agent");
        scene.wait(10.0).await?;
        scene.act(JANE, PhoneAction::HangUp).await?;
        scene.act(OMAR, PhoneAction::HangUp).await?;
        scene.wait(5.0).await?;
        ensure!(
            scene.assignee(OMAR).as_deref() == Some("Sam Carter"),
            "Omar's conversation is {:?}'s",
            scene.assignee(OMAR)
        );
        Ok(())
    })
}

fn restart_while_three_wait(scene: &mut Scene) -> Played<'_> {
    Box::pin(async move {
        scene.dial(JANE).await?;
        scene.dial(OMAR).await?;
        scene.dial(RUTH).await?;
        all_ring(scene).await?;
        scene.exchange.restart_service().await?;
        scene.wait(2.0).await?;
        accept(scene, PRIYA, JANE).await?;
        scene.wait_for("another phone rings for the next", 14, |scene| scene.is_ringing(SAM)).await?;
        scene.answer(SAM).await?;
        scene.press(SAM, "1").await?;
        scene
            .wait_for("Sam meets one who waited", MEETS_WITHIN_S, |scene| {
                scene.talk(SAM, OMAR) || scene.talk(SAM, RUTH)
            })
            .await?;
        let third = if scene.talk(SAM, OMAR) { RUTH } else { OMAR };
        let rings = |scene: &Scene| AGENTS.into_iter().find(|agent| scene.is_ringing(agent));
        scene.wait_for("a phone rings for the third", 14, |scene| rings(scene).is_some()).await?;
        accept(scene, rings(scene).unwrap_or(SAM), third).await?;
        ensure!(scene.talk(PRIYA, JANE) && !scene.talk(SAM, third), "somebody lost whom they talked with");
        for customer in [JANE, OMAR, RUTH] {
            scene.act(customer, PhoneAction::HangUp).await?;
        }
        scene.wait(20.0).await?;
        for customer in [JANE, OMAR, RUTH] {
            ensure!(
                scene.conversations(customer).len() == 1,
                "{} conversations for one call",
                scene.conversations(customer).len()
            );
        }
        Ok(())
    })
}

fn chatwoot_down(scene: &mut Scene) -> Played<'_> {
    Box::pin(async move {
        scene.exchange.chatwoot.set_state(State::Down);
        scene.dial(JANE).await?;
        all_ring(scene).await?;
        accept(scene, PRIYA, JANE).await?;
        scene.wait(30.0).await?;
        scene.act(JANE, PhoneAction::HangUp).await?;
        scene.dial(OMAR).await?;
        leave_message(scene, OMAR, "Chatwoot is down and nobody notices.").await?;
        ensure!(scene.conversations(JANE).is_empty(), "a conversation appeared in a Chatwoot that is down");
        scene.exchange.chatwoot.set_state(State::Ok);
        scene.wait(700.0).await?;
        ensure!(
            scene.assignee(JANE).as_deref() == Some("Priya Nair"),
            "the conversation is {:?}'s",
            scene.assignee(JANE)
        );
        ensure!(scene.voicemails(OMAR) == 1, "{} voicemails are in the inbox", scene.voicemails(OMAR));
        Ok(())
    })
}
