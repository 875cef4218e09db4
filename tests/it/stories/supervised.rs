//! What stories about supervisors and floods share: an operator line, a supervisor, and the API as a screen uses it.

use offhook::sandbox::stories::Scene;
use offhook::sandbox::twilio::{Behaviour, PhoneKind};
use reqwest::Method;
use serde_json::{Value, json};

use super::stage::Setting;

/// The operator line's phone.
pub const OPERATOR: &str = "+15550100098";

const TOKEN: &str = "operator-token-of-the-demonstration";

impl Setting {
    /// The first brand gets an operator line that has to confirm, and a supervisor named Dana.
    pub fn supervised(self) -> Self {
        let operator = format!("[brand.operator]\nnumber = \"{OPERATOR}\"\nring_s = 20\n\n[brand.hours]\nmon");
        self.routing("[brand.hours]\nmon", &operator).routing(
            "[[number]]\nnumber = \"+15550100002\"",
            "[[supervisor]]\nid = \"dana\"\nname = \"Dana Reyes\"\n\n[[number]]\nnumber = \"+15550100002\"",
        )
    }
}

/// Puts the operator's phone on its desk.
pub fn place_operator(scene: &Scene) {
    scene.exchange.twilio.add_phone(OPERATOR, "Operator", PhoneKind::Agent, Behaviour::Manual);
}

/// Asks the API; the status and the body.
pub async fn ask(scene: &Scene, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<(u16, Value)> {
    let url = format!("http://{}/api/v1{path}", scene.exchange.address);
    let mut request = reqwest::Client::new().request(method, url).header("Authorization", format!("Bearer {TOKEN}"));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let reply = request.send().await?;
    let status = reply.status().as_u16();
    let text = reply.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

pub async fn get(scene: &Scene, path: &str) -> anyhow::Result<Value> {
    let (status, body) = ask(scene, Method::GET, path, None).await?;
    anyhow::ensure!(status == 200, "{path}: {status} {body}");
    Ok(body)
}

pub async fn begin_override(scene: &Scene, more: Value) -> anyhow::Result<Value> {
    let mut body = json!({ "reason": "the team is at a fire drill" });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    let (status, on) = ask(scene, Method::POST, "/brands/acme-movers/override", Some(body)).await?;
    anyhow::ensure!(status == 201, "{status} {on}");
    Ok(on)
}

/// Draws a code for Dana.
pub async fn draw_code(scene: &Scene) -> anyhow::Result<String> {
    let (status, code) = ask(scene, Method::POST, "/supervisors/dana/code", None).await?;
    anyhow::ensure!(status == 201, "{status} {code}");
    Ok(code["code"].as_str().unwrap_or_default().to_owned())
}

/// The newest call with its history.
pub async fn newest_call(scene: &Scene) -> anyhow::Result<Value> {
    let calls = get(scene, "/calls?limit=1").await?;
    let id = calls[0]["id"].as_str().unwrap_or_default().to_owned();
    get(scene, &format!("/calls/{id}")).await
}

/// The events of the newest call that have this name.
pub async fn events(scene: &Scene, name: &str) -> anyhow::Result<Vec<Value>> {
    let call = newest_call(scene).await?;
    let lines = call["history"].as_array().cloned().unwrap_or_default();
    let all = lines.iter().flat_map(|line| line["events"].as_array().cloned().unwrap_or_default());
    Ok(all.filter(|event| event["event"] == name).collect())
}

/// The codes of the banners.
pub async fn banners(scene: &Scene) -> anyhow::Result<Vec<String>> {
    let banners = get(scene, "/banners").await?;
    let codes = banners.as_array().cloned().unwrap_or_default();
    Ok(codes.iter().filter_map(|banner| banner["code"].as_str().map(str::to_owned)).collect())
}
