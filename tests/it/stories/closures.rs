//! Every kind of closure against every path, by both ways of ringing.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::Scene;

use super::paths::{ELSEWHERE, has_ended, is_over, line_takes, nobody_was_rung, place_phone};
use super::stage::{JANE, PRIYA, Setting, accept, all_ring, hang_up, is_recorded, leave_message, reach_recorder};
use super::supervised::{OPERATOR, place_operator};

const OPERATOR_LINE: &str = "[brand.operator]\nnumber = \"+15550100098\"\nring_s = 20";

/// Said if the path of another kind is taken.
const ANOTHER: &str = "path = \"message\"\nwords = \"The path of another closure.\"";

const PATHS: [(&str, &str); 5] = [
    ("voicemail", "path = \"voicemail\"\nwords = \"We are closed, and listen.\""),
    ("message", "path = \"message\"\nwords = \"We are closed. Goodbye.\""),
    ("number", "path = \"number\"\nnumber = \"+15550100090\""),
    ("operator", "path = \"operator\""),
    ("ring_anyway", "path = \"ring_anyway\""),
];

/// It is Tuesday, 24 November 2026, 11:00 in New York.
fn closed(kind: &str, path: &str) -> Setting {
    let of_kind = format!("[brand.after_hours]\n{ANOTHER}\n\n[brand.after_hours.{kind}]\n{path}");
    match kind {
        "outside_hours" => Setting::sqlite()
            .tables(&format!("{OPERATOR_LINE}\n\n[brand.after_hours]\n{path}"))
            .routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]"),
        "holiday" => Setting::sqlite()
            .tables(&format!("{OPERATOR_LINE}\n\n{of_kind}\n\n[brand.calendar]\nholidays = [\"ours\"]"))
            .top("[[holidays]]\nid = \"ours\"\nname = \"Our days\"\n\n[holidays.dates]\n2026-11-24 = \"Inventory\""),
        "special_day" => Setting::sqlite().tables(&format!(
            "{OPERATOR_LINE}\n\n{of_kind}\n\n[[brand.calendar.day]]\non = \"2026-11-24\"\nhours = [\"14:00-16:00\"]\n\
             name = \"Fair\""
        )),
        _ => Setting::sqlite().tables(&format!(
            "{OPERATOR_LINE}\n\n{of_kind}\n\n[brand.calendar]\n\
             closed_until = {{ until = \"2026-11-24T11:30:00-05:00\", reason = \"Fire drill\" }}"
        )),
    }
}

async fn line_answers(scene: &Scene, line: &str) -> anyhow::Result<()> {
    line_takes(scene, line, JANE).await?;
    hang_up(scene, JANE).await?;
    scene.wait(10.0).await?;
    nobody_was_rung(scene)?;
    has_ended(scene, "redirected").await
}

async fn path_is_taken(scene: &Scene, path: &str) -> anyhow::Result<()> {
    place_operator(scene);
    place_phone(scene, ELSEWHERE);
    scene.dial(JANE).await?;
    match path {
        "voicemail" => {
            reach_recorder(scene, JANE, 10).await?;
            anyhow::ensure!(scene.heard(JANE, "We are closed, and listen."), "the words are missing");
            leave_message(scene, JANE, "Are you open tomorrow?").await?;
            nobody_was_rung(scene)?;
            has_ended(scene, "voicemail").await?;
        }
        "message" => {
            scene.wait_for("the message", 8, |scene| scene.heard(JANE, "We are closed. Goodbye.")).await?;
            scene.wait(15.0).await?;
            is_over(scene)?;
            anyhow::ensure!(!is_recorded(scene, JANE), "the caller was recorded");
            nobody_was_rung(scene)?;
            has_ended(scene, "after_hours_message").await?;
        }
        "number" => line_answers(scene, ELSEWHERE).await?,
        "operator" => line_answers(scene, OPERATOR).await?,
        _ => {
            all_ring(scene).await?;
            accept(scene, PRIYA, JANE).await?;
            scene.wait(5.0).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            has_ended(scene, "answered").await?;
        }
    }
    anyhow::ensure!(!scene.heard(JANE, "The path of another closure."), "the path of another closure was taken");
    Ok(())
}

async fn every_path(kind: &str) {
    for (name, path) in PATHS {
        for method in [RingMethod::Legs, RingMethod::Dial] {
            closed(kind, path)
                .method(method)
                .play(async |scene| {
                    path_is_taken(scene, name)
                        .await
                        .map_err(|error| error.context(format!("{kind}, {name}, {method:?}")))
                })
                .await;
        }
    }
}

#[actix_web::test]
async fn outside_hours_each_path_leads_where_it_says() {
    every_path("outside_hours").await;
}

#[actix_web::test]
async fn on_a_holiday_each_path_leads_where_it_says() {
    every_path("holiday").await;
}

#[actix_web::test]
async fn on_a_special_day_each_path_leads_where_it_says() {
    every_path("special_day").await;
}

#[actix_web::test]
async fn closed_until_an_instant_each_path_leads_where_it_says() {
    every_path("closed_until").await;
}
