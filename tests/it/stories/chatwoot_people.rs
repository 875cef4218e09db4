//! What people do in Chatwoot, and what scripts ask of the API.

use std::time::Duration;

use offhook::chatwoot::{ChatwootClient, ChatwootSettings, NewContact, http_client};
use offhook::sandbox::stories::Scene;
use serde_json::{Map, Value};

/// Chatwoot, as the service's own user.
pub fn client(scene: &Scene) -> anyhow::Result<ChatwootClient> {
    let chatwoot = &scene.exchange.settings.chatwoot;
    let settings = ChatwootSettings {
        base_url: chatwoot.base_url.clone().unwrap(),
        account_id: chatwoot.account_id.unwrap(),
        token: chatwoot.api_token.clone().unwrap(),
        timeout: Duration::from_secs(5),
    };
    Ok(ChatwootClient::new(settings, http_client()?))
}

/// Chatwoot's number of a person.
pub fn user(scene: &Scene, name: &str) -> i64 {
    scene.exchange.chatwoot.agents().into_iter().find(|agent| agent.name == name).unwrap().id
}

/// Opens conversations in an inbox, with other customers than those who call.
pub async fn open_conversations(
    scene: &Scene,
    inbox: &str,
    assignee: Option<&str>,
    count: u32,
) -> anyhow::Result<Vec<i64>> {
    let client = client(scene)?;
    let inbox = client.list_inboxes().await?.into_iter().find(|one| one.name == inbox).unwrap().id;
    let mut opened = Vec::new();
    for _ in 0..count {
        let phone = format!("+1555010{:04}", 2000 + scene.exchange.chatwoot.conversations().len());
        let source_id = phone.clone();
        let new = NewContact {
            inbox_id: inbox,
            source_id: source_id.clone(),
            identifier: None,
            name: format!("Customer {phone}"),
            phone: Some(phone),
        };
        let contact = client.create_contact(&new).await?;
        let one = client.create_conversation(inbox, contact.id, &source_id, &Map::new()).await?.id;
        opened.push(one);
    }
    if let Some(name) = assignee {
        // A later change has a later time, as on a real server.
        scene.wait(0.1).await?;
        for one in &opened {
            client.assign(*one, user(scene, name)).await?;
        }
    }
    Ok(opened)
}

/// Waits until the service has taken every webhook about these conversations, up to the last change.
pub async fn webhooks_arrive(scene: &Scene, conversations: &[i64]) -> anyhow::Result<()> {
    let now = scene.exchange.now().timestamp();
    for _ in 0..2_000 {
        let taken: Vec<Value> = scene
            .exchange
            .chatwoot
            .deliveries()
            .into_iter()
            .filter(|one| one.event == "conversation_updated" && one.status.is_some_and(|status| status < 300))
            .filter(|one| one.at.timestamp() >= now - 1)
            .filter_map(|one| serde_json::from_str(&one.body).ok())
            .collect();
        if conversations.iter().all(|number| taken.iter().any(|body| body["id"] == *number)) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    anyhow::bail!("the webhooks of {conversations:?} do not arrive")
}

/// A person writes a private note, and the service has heard of it.
pub async fn write_note(scene: &Scene, conversation: i64, name: &str, words: &str) -> anyhow::Result<()> {
    write(scene, conversation, name, words, true).await
}

/// A person writes; the service has heard of it.
pub async fn write(scene: &Scene, conversation: i64, name: &str, words: &str, is_private: bool) -> anyhow::Result<()> {
    let heard = |scene: &Scene| {
        let deliveries = scene.exchange.chatwoot.deliveries();
        let of_it = deliveries.iter().filter(|one| one.event == "message_created" && one.status.is_some());
        of_it.filter(|one| one.body.contains(words)).count()
    };
    let before = heard(scene);
    let chatwoot = &scene.exchange.chatwoot;
    chatwoot.reply(conversation, user(scene, name), words, is_private).map_err(anyhow::Error::msg)?;
    for _ in 0..2_000 {
        if heard(scene) > before {
            return scene.exchange.settle().await;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    anyhow::bail!("the service did not hear of {words:?}")
}

/// Asks the API as an operator; gives back status and body.
pub async fn ask(
    scene: &Scene,
    method: reqwest::Method,
    path: &str,
    body: Option<Value>,
) -> anyhow::Result<(u16, Value)> {
    let mut request = request(scene, method, path);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let reply = request.send().await?;
    Ok((reply.status().as_u16(), reply.json().await?))
}

/// As [`ask`], where the answer has no body.
pub async fn ask_status(scene: &Scene, method: reqwest::Method, path: &str) -> anyhow::Result<u16> {
    Ok(request(scene, method, path).send().await?.status().as_u16())
}

fn request(scene: &Scene, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
    use secrecy::ExposeSecret;
    let token = scene.exchange.settings.server.operator_tokens[0].expose_secret().to_owned();
    let url = format!("http://{}/api/v1{path}", scene.exchange.address);
    reqwest::Client::new().request(method, url).bearer_auth(token)
}
