use secrecy::ExposeSecret;
use serde_json::Map;

use super::super::fake::{Answer, Fake};
use super::super::{NewInbox, Standing};
use super::*;

/// Answers everything `connect` asks with the contract's samples.
async fn sampled() -> Fake {
    Fake::start(|asked| match asked.line.strip_prefix("GET /api/v1/").unwrap_or(&asked.line) {
        "profile" => Answer::sample("api.profile.administrator"),
        "accounts/1/webhooks" => Answer::sample("api.webhooks.list"),
        "accounts/1/agent_bots" => Answer::sample("api.agent_bots.list"),
        "accounts/1/labels" => Answer::sample("api.labels.list"),
        "accounts/1/dashboard_apps" => Answer::sample("api.dashboard_apps.list"),
        "accounts/1/inboxes" => Answer::sample("api.inboxes.list.as_agent"),
        "accounts/1/inbox_members/4" => Answer::sample("api.inbox_members.list"),
        "accounts/1/custom_attribute_definitions?attribute_model=conversation_attribute" => {
            Answer::sample("api.custom_attribute_definitions.list")
        }
        "accounts/1/contacts/501?include_contact_inboxes=false" => Answer::sample("api.contacts.show"),
        "GET /api" => Answer::sample("api.root_version"),
        "POST /api/v1/accounts/1/webhooks" => Answer::sample("api.webhooks.create"),
        "POST /api/v1/accounts/1/agent_bots" => Answer::sample("api.agent_bots.create"),
        "POST /api/v1/accounts/1/inboxes" => Answer::sample("api.inboxes.create_api_channel"),
        "POST /api/v1/accounts/1/macros" => Answer::sample("api.macros.create"),
        "POST /api/v1/accounts/1/conversations" => Answer::sample("api.conversations.create"),
        other => panic!("unexpected {other}"),
    })
    .await
}

#[tokio::test]
async fn what_connect_reads_is_read_as_the_contract_shows_it() {
    let fake = sampled().await;
    let chatwoot = fake.client();
    let profile = chatwoot.profile().await.unwrap();
    assert!(profile.is_administrator_of(1) && !profile.is_administrator_of(2));
    assert_eq!(profile.pubsub_token.expose_secret(), "PUBSUBTOKENexample10000");
    let webhooks = chatwoot.list_webhooks().await.unwrap();
    assert!(webhooks[0].secret.is_some());
    assert_eq!(chatwoot.list_agent_bots().await.unwrap()[0].name, "Offhook");
    assert_eq!(chatwoot.list_labels().await.unwrap()[0].title, "brand-acme-movers");
    let app = chatwoot.list_dashboard_apps().await.unwrap().remove(0);
    assert_eq!(app.content[0].url, "https://offhook.example.com/chatwoot/panel");
    let inbox = chatwoot.list_inboxes().await.unwrap().remove(0);
    assert!(inbox.is_api() && !inbox.enable_auto_assignment);
    assert_eq!(chatwoot.list_inbox_members(4).await.unwrap().len(), 3);
    let attributes = chatwoot.list_attribute_definitions(AttributeOwner::ConversationAttribute).await.unwrap();
    assert_eq!(attributes[0].key, "offhook_call_status");
    assert_eq!(chatwoot.load_contact(501).await.unwrap().id, 501);
    assert_eq!(chatwoot.version().await.unwrap(), "4.13.0");
}

#[tokio::test]
async fn what_connect_creates_is_read_as_the_contract_shows_it() {
    let fake = sampled().await;
    let chatwoot = fake.client();
    let address = Url::parse("https://offhook.example.com/x").unwrap();
    assert_eq!(chatwoot.create_webhook("Offhook", &address).await.unwrap().id, 8);
    assert_eq!(chatwoot.create_agent_bot("Offhook", "Phone calls").await.unwrap().id, 3);
    let inbox = NewInbox { name: "Acme Movers".into() };
    assert_eq!(chatwoot.create_inbox(&inbox).await.unwrap().id, 4);
    assert_eq!(chatwoot.create_note_macro("Call back", "Offhook: call back requested").await.unwrap().id, 7);
    assert_eq!(chatwoot.create_conversation(4, 501, "+15550100001", &Map::new()).await.unwrap().id, 42);
}

#[tokio::test]
async fn after_a_401_the_profile_tells_what_is_wrong() {
    let profile = |accounts: &str| Answer::json(&format!(r#"{{"id":10,"pubsub_token":"P","accounts":[{accounts}]}}"#));
    for (answer, wanted) in [
        (profile(r#"{"id":2,"role":"administrator"},{"id":1,"role":"administrator"}"#), Standing::Administrator),
        (profile(r#"{"id":2,"role":"administrator"},{"id":1,"role":"agent"}"#), Standing::Demoted),
        (profile(r#"{"id":2,"role":"administrator"}"#), Standing::Removed),
        (Answer::status(401, r#"{"error":"Invalid Access Token"}"#), Standing::TokenGone),
    ] {
        let fake = Fake::answering([answer]).await;
        assert_eq!(fake.client().find_standing().await.unwrap(), wanted);
    }
}
