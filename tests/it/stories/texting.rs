//! A text to a caller who heard a message: once, with the brand's words, from its number; or a reason why not.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::Scene;
use offhook::sandbox::twilio::{PhoneAction, Text};
use serde_json::json;

use super::paths::is_over;
use super::stage::{ACME, BEN, JANE, Setting, inbox_says, turn};

const WORDS: &str = "Sorry we missed you. Book a move at example.com/book.";

fn closed() -> Setting {
    texting(Setting::sqlite())
}

fn texting(setting: Setting) -> Setting {
    setting.routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]").tables(&format!(
        "[brand.after_hours]\npath = \"message\"\nwords = \"We are out of hours. Goodbye.\"\ntext_back = \"{WORDS}\""
    ))
}

async fn hear_message(scene: &Scene, caller: &str) -> anyhow::Result<()> {
    scene.dial(caller).await?;
    scene.wait_for("the message", 5, |scene| scene.heard(caller, "We are out of hours")).await?;
    scene.wait(15.0).await?;
    is_over(scene)
}

fn to_jane() -> Text {
    Text { from: ACME.to_owned(), to: JANE.to_owned(), body: WORDS.to_owned() }
}

#[actix_web::test]
async fn a_caller_who_heard_the_message_gets_one_text_and_the_conversation_says_so() {
    for setting in [closed(), closed().method(RingMethod::Dial), texting(Setting::postgres())] {
        setting
            .play(async |scene| {
                hear_message(scene, JANE).await?;
                assert_eq!(scene.exchange.twilio.texts(), [to_jane()]);
                anyhow::ensure!(inbox_says(scene, JANE, "Text sent to the caller"), "colleagues do not know");
                anyhow::ensure!(inbox_says(scene, JANE, "Book a move"), "colleagues do not know the words");
                let notes = scene.messages(JANE);
                let told =
                    notes.iter().find(|one| one.content.as_deref().is_some_and(|text| text.contains("Text sent")));
                anyhow::ensure!(told.is_some_and(|note| note.private), "the note is not for colleagues alone");
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn whoever_opted_out_gets_none_and_the_conversation_says_why() {
    closed()
        .play(async |scene| {
            scene.exchange.twilio.refuse_number(JANE, Some(21_610));
            hear_message(scene, JANE).await?;
            assert_eq!(scene.exchange.twilio.texts(), []);
            anyhow::ensure!(inbox_says(scene, JANE, "they have opted out of texts"), "colleagues do not know why");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn while_twilio_refuses_requests_the_text_waits_and_is_sent_once() {
    closed()
        .play(async |scene| {
            turn(scene, &json!({ "rest": "429" }));
            hear_message(scene, JANE).await?;
            assert_eq!(scene.exchange.twilio.texts(), []);
            turn(scene, &json!({ "rest": "ok" }));
            scene.wait_for("the text", 300, |scene| !scene.exchange.twilio.texts().is_empty()).await?;
            scene.wait(120.0).await?;
            assert_eq!(scene.exchange.twilio.texts(), [to_jane()]);
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_text_of_which_nobody_knows_whether_it_was_sent_is_not_sent_again() {
    closed()
        .play(async |scene| {
            turn(scene, &json!({ "rest": "down" }));
            hear_message(scene, JANE).await?;
            turn(scene, &json!({ "rest": "ok" }));
            scene.wait(300.0).await?;
            anyhow::ensure!(scene.exchange.twilio.texts().len() <= 1, "the caller was texted twice");
            anyhow::ensure!(inbox_says(scene, JANE, "whether it was sent is not known"), "colleagues are not told");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn nobody_is_texted_without_a_number_or_for_another_path() {
    closed()
        .play(async |scene| {
            scene.act(JANE, PhoneAction::DialWithheld { to: ACME.to_owned() }).await?;
            scene.wait(20.0).await?;
            assert_eq!(scene.exchange.twilio.texts(), []);
            Ok(())
        })
        .await;
    // The same words on the fallback of an open brand: whoever hangs up before it is not texted.
    Setting::sqlite()
        .tables(&format!("[brand.fallback]\npath = \"message\"\ntext_back = \"{WORDS}\""))
        .play(async |scene| {
            scene.dial(BEN).await?;
            scene.wait(5.0).await?;
            super::stage::hang_up(scene, BEN).await?;
            scene.wait(20.0).await?;
            assert_eq!(scene.exchange.twilio.texts(), []);
            scene.dial(JANE).await?;
            scene.wait(45.0).await?;
            assert_eq!(scene.exchange.twilio.texts(), [to_jane()]);
            Ok(())
        })
        .await;
}
