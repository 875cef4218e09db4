//! What stories about paths share: rules with more in them, and what the API tells of the newest call.

use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::{Behaviour, PhoneAction, PhoneKind, What};
use reqwest::Method;
use serde_json::{Value, json};

use super::stage::{Setting, meet};
use super::supervised::{ask, get, newest_call};

/// A phone outside the roster.
pub const ELSEWHERE: &str = "+15550100090";

impl Setting {
    /// Tables of the first brand.
    pub fn tables(self, tables: &str) -> Self {
        let anchor = "[brand.voicemail]\nmax_length_s = 120";
        self.routing(anchor, &format!("{tables}\n\n{anchor}"))
    }

    /// Fields of the first brand.
    pub fn fields(self, fields: &str) -> Self {
        self.routing("cooldown_s = 15", &format!("cooldown_s = 15\n{fields}"))
    }

    /// Tables that belong to no brand.
    pub fn top(self, tables: &str) -> Self {
        let anchor = "[[number]]\nnumber = \"+15550100002\"";
        self.routing(anchor, &format!("{tables}\n\n{anchor}"))
    }

    /// Who is on the first brand's roster.
    pub fn roster(self, agents: &[&str]) -> Self {
        self.routing("roster = [\"sam\", \"priya\", \"luis\", \"mei\", \"tom\"]", &format!("roster = {agents:?}"))
    }
}

/// A menu of two keys; only Priya has the skill of the first.
pub const MENU: &str = r#"
[brand.menu]
prompt = "For a quote press 1. For a move that is under way press 2."
default = "moves"
retries = 1
wait_s = 3

[[brand.menu.option]]
key = "1"
intent = "sales"

[[brand.menu.option]]
key = "2"
intent = "moves"

[[brand.intent]]
id = "sales"
name = "sales"
skill = "sales"
greeting = "A quote takes two minutes."

[brand.intent.fallback]
path = "message"
words = "All our estimators are on the road. Please call again after four."

[[brand.intent]]
id = "moves"
name = "active moves"
"#;

/// How often the phone heard exactly these words.
pub fn times_heard(scene: &Scene, phone: &str, words: &str) -> usize {
    scene.exchange.twilio.heard(phone).iter().filter(|heard| heard.contains(words)).count()
}

/// The caller hears the menu and presses a key.
pub async fn choose(scene: &Scene, caller: &str, key: &str) -> anyhow::Result<()> {
    scene.wait_for("the menu", 8, |scene| scene.heard(caller, "For a quote press 1")).await?;
    scene.wait(1.0).await?;
    scene.press(caller, key).await
}

/// What the newest call's explanation says of an agent.
pub async fn sentence(scene: &Scene, agent: &str) -> anyhow::Result<String> {
    let calls = get(scene, "/calls?limit=1").await?;
    let id = calls[0]["id"].as_str().unwrap_or_default().to_owned();
    let told = get(scene, &format!("/calls/{id}/explanation")).await?;
    let agents = told["agents"].as_array().cloned().unwrap_or_default();
    let one = agents.iter().find(|one| one["agent"] == agent);
    one.and_then(|one| one["sentence"].as_str().map(str::to_owned))
        .ok_or_else(|| anyhow::anyhow!("nothing is said of {agent}: {told:#}"))
}

/// Sees to it that the explanation says so of an agent.
pub async fn is_told(scene: &Scene, agent: &str, words: &str) -> anyhow::Result<()> {
    let said = sentence(scene, agent).await?;
    anyhow::ensure!(said.contains(words), "of {agent} it is said: {said}");
    Ok(())
}

/// Sees to it that the newest call has ended so.
pub async fn has_ended(scene: &Scene, ending: &str) -> anyhow::Result<()> {
    let call = newest_call(scene).await?;
    anyhow::ensure!(call["ending"] == ending, "the ending is {}, not {ending}", call["ending"]);
    Ok(())
}

pub fn labels(scene: &Scene, customer: &str) -> Vec<String> {
    scene.conversations(customer).into_iter().flat_map(|one| one.labels).collect()
}

pub fn has_labels(scene: &Scene, customer: &str, wanted: &[&str]) -> anyhow::Result<()> {
    let labels = labels(scene, customer);
    anyhow::ensure!(wanted.iter().all(|one| labels.iter().any(|label| label == one)), "the labels are {labels:?}");
    Ok(())
}

/// No agent's phone ever rang.
pub fn nobody_was_rung(scene: &Scene) -> anyhow::Result<()> {
    only_these_were_rung(scene, &[])
}

/// No other agent's phone ever rang.
pub fn only_these_were_rung(scene: &Scene, phones: &[&str]) -> anyhow::Result<()> {
    for agent in AGENTS {
        let may = phones.contains(&agent);
        anyhow::ensure!(may == (scene.rings(agent) > 0), "{agent} rang {} times", scene.rings(agent));
    }
    Ok(())
}

/// The line is free: we have hung up.
pub fn is_over(scene: &Scene) -> anyhow::Result<()> {
    let live = scene.exchange.twilio.live_calls();
    anyhow::ensure!(live.is_empty(), "the caller is still on the line: {live:?}");
    Ok(())
}

/// Puts a phone outside the roster on somebody's desk.
pub fn place_phone(scene: &Scene, number: &str) {
    scene.exchange.twilio.add_phone(number, "Somebody else", PhoneKind::Agent, Behaviour::Manual);
}

/// Whoever is there picks up, presses 1 and meets the caller.
pub async fn line_takes(scene: &Scene, line: &str, caller: &str) -> anyhow::Result<()> {
    scene.wait_for("the other number rings", 12, |scene| scene.is_ringing(line)).await?;
    scene.act(line, PhoneAction::Answer).await?;
    scene.wait(2.0).await?;
    anyhow::ensure!(!scene.talk(line, caller), "they met without a key");
    scene.press(line, "1").await?;
    meet(scene, line, caller).await
}

/// Whether the phone heard the words, and no agent's phone rang before that.
pub fn heard_before_any_ring(scene: &Scene, phone: &str, words: &str) -> bool {
    let log = scene.exchange.twilio.log();
    let is_heard = |what: &What| matches!(what, What::Heard { text, .. } if text.contains(words));
    let heard = log.iter().position(|entry| entry.phone == phone && is_heard(&entry.what));
    let rang =
        log.iter().position(|entry| AGENTS.contains(&entry.phone.as_str()) && matches!(entry.what, What::Ringing));
    heard.is_some_and(|heard| rang.is_none_or(|rang| heard < rang))
}

/// Publishes the rules with a change.
pub async fn publish(scene: &Scene, change: impl FnOnce(&mut Value)) -> anyhow::Result<()> {
    let mut document = get(scene, "/rules").await?["document"].take();
    change(&mut document);
    let draft = json!({ "name": "A change of the story", "document": document });
    let (status, draft) = ask(scene, Method::POST, "/rules/drafts", Some(draft)).await?;
    anyhow::ensure!(status == 201, "{status} {draft}");
    let path = format!("/rules/drafts/{}/publish", draft["id"].as_str().unwrap_or_default());
    let url = format!("http://{}/api/v1{path}", scene.exchange.address);
    let request = reqwest::Client::new().post(url).header("If-Match", format!("\"{}\"", draft["revision"]));
    let reply = request.bearer_auth("operator-token-of-the-demonstration").json(&json!({})).send().await?;
    anyhow::ensure!(reply.status() == 200, "{}", reply.text().await?);
    Ok(())
}
