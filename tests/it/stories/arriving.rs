//! How a call begins: who is refused, what is closed, who is known.

use offhook::sandbox::stories::AGENTS;
use offhook::sandbox::twilio::PhoneAction;
use offhook::store::KnownContact;

use super::stage::{
    ACME, BOTH, JANE, OMAR, PRIYA, SAM, Setting, accept, all_ring, hang_up, leave_message, reach_recorder,
};

/// A Tuesday at 11:00 in New York, outside these hours.
const CLOSED: (&str, &str) = ("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]");

#[actix_web::test]
async fn a_closed_brand_says_so_and_records() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .routing(CLOSED.0, CLOSED.1)
            .play(async |scene| {
                scene.dial(JANE).await?;
                reach_recorder(scene, JANE, 15).await?;
                anyhow::ensure!(
                    scene.heard(JANE, "Acme Movers is closed right now"),
                    "the closed greeting was not heard"
                );
                leave_message(scene, JANE, "Are you open tomorrow?").await?;
                anyhow::ensure!(AGENTS.iter().all(|agent| scene.rings(agent) == 0), "a phone rang after hours");
                anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn a_blocked_contact_is_rejected_and_nobody_rings() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .play(async |scene| {
                let blocked = KnownContact {
                    phone: JANE.parse()?,
                    name: Some("Jane Doe".to_owned()),
                    blocked: true,
                    contact_id: 501,
                };
                scene.exchange.app()?.store.note_contacts(&[blocked]).await?;
                scene.dial(JANE).await?;
                scene.wait(5.0).await?;
                anyhow::ensure!(
                    AGENTS.iter().all(|agent| scene.rings(agent) == 0),
                    "a phone rang for a blocked contact"
                );
                anyhow::ensure!(scene.exchange.twilio.live_calls().is_empty(), "the call was not refused");
                anyhow::ensure!(scene.conversations(JANE).is_empty(), "a blocked contact's call is in the inbox");
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn a_number_of_no_brand_is_spoken_to() {
    Setting::sqlite()
        .routing("[[number]]\nnumber = \"+441632960002\"\nbrand = \"harbour-storage\"\n", "")
        .play(async |scene| {
            // The carrier's settings outlive the routing file's.
            let base = format!("http://{}", scene.exchange.address);
            let twilio = &scene.exchange.twilio;
            anyhow::ensure!(
                twilio.configure_number("+441632960002", "", "", "").is_err(),
                "the number is there after all"
            );
            let params: Vec<(String, String)> = [
                ("CallSid", "CA00000000000000000000000000000001"),
                ("AccountSid", &twilio.account_sid()),
                ("From", JANE),
                ("To", "+441632960002"),
                ("CallStatus", "ringing"),
                ("Direction", "inbound"),
                ("ApiVersion", "2010-04-01"),
            ]
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
            let url = format!("{base}/twilio/voice");
            let signature = offhook::sandbox::twilio::sign(&twilio.auth_token(), &url, &params);
            let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
            let reply = reqwest::Client::new()
                .post(&url)
                .header("X-Twilio-Signature", signature)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(body)
                .send()
                .await?;
            anyhow::ensure!(reply.status() == 200, "the reply is {}", reply.status());
            let document = reply.text().await?;
            anyhow::ensure!(document.contains("not in use") && document.contains("<Hangup"), "{document}");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_withheld_caller_is_handled_and_merged_with_nobody() {
    Setting::sqlite()
        .play(async |scene| {
            for _ in 0..2 {
                scene.act(JANE, PhoneAction::DialWithheld { to: ACME.to_owned() }).await?;
                scene.wait_for("Sam's phone rings", 8, |scene| scene.is_ringing(SAM)).await?;
                scene.answer(SAM).await?;
                anyhow::ensure!(
                    scene.heard(SAM, "a withheld number"),
                    "the prompt does not say that the number is withheld"
                );
                scene.press(SAM, "1").await?;
                super::stage::meet(scene, SAM, JANE).await?;
                hang_up(scene, JANE).await?;
                scene.wait(20.0).await?;
            }
            let conversations = scene.exchange.chatwoot.conversations();
            anyhow::ensure!(conversations.len() == 2, "two strangers share {} conversations", conversations.len());
            anyhow::ensure!(
                conversations.iter().all(|it| it.contact_phone.is_none()),
                "a withheld caller has a number"
            );
            anyhow::ensure!(
                conversations[0].contact_id != conversations[1].contact_id,
                "two strangers are one contact"
            );
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_caller_who_calls_again_joins_the_open_conversation() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(20.0).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            accept(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(20.0).await?;
            anyhow::ensure!(scene.conversations(JANE).len() == 1, "{} conversations", scene.conversations(JANE).len());
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
async fn the_third_call_within_ten_minutes_goes_to_the_recorder() {
    Setting::sqlite()
        .play(async |scene| {
            for _ in 0..2 {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                hang_up(scene, JANE).await?;
                scene.wait(5.0).await?;
            }
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 10).await?;
            anyhow::ensure!(AGENTS.iter().all(|agent| scene.rings(agent) == 2), "phones rang for a flood");
            leave_message(scene, JANE, "Why does nobody answer?").await?;
            // Another caller is not held back by it.
            scene.dial(OMAR).await?;
            all_ring(scene).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(5.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_name_full_of_markup_stays_text_in_the_inbox_and_on_the_phone() {
    let name = "[x](http://evil.example) {{7*7}} <b>&";
    Setting::sqlite()
        .play(async |scene| {
            let known =
                KnownContact { phone: JANE.parse()?, name: Some(name.to_owned()), blocked: false, contact_id: 501 };
            scene.exchange.app()?.store.note_contacts(&[known]).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await?;
            let notes: Vec<String> = scene.messages(JANE).into_iter().filter_map(|message| message.content).collect();
            let arrival = notes.iter().find(|note| note.contains("Incoming call")).unwrap();
            anyhow::ensure!(
                !arrival.contains("[x](http") && !arrival.contains(" 49 "),
                "the name is at work in {arrival:?}"
            );
            anyhow::ensure!(arrival.contains("\\<b>"), "markup in {notes:?}");
            Ok(())
        })
        .await;
}
