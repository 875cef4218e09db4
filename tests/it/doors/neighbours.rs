//! The doors that are not Twilio's: Chatwoot's webhook and the API.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service};
use hmac::{Hmac, KeyInit, Mac};
use offhook::store::Store;
use serde_json::{Value, json};

use super::{CHATWOOT_SECRET, House, OPERATOR, serve};

const FIXTURE: &str = include_str!("../../fixtures/contracts/chatwoot/webhook.contact_updated.json");

/// A contact's news, with another name and number.
fn contact(name: &str) -> String {
    let mut event: Value = serde_json::from_str(FIXTURE).unwrap();
    event["name"] = json!(name);
    event["phone_number"] = json!("+15550100001");
    event.to_string()
}

fn delivery(body: &str, secret: &str, timestamp: i64, id: &str) -> TestRequest {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{body}").as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    TestRequest::post()
        .uri("/chatwoot/webhook")
        .insert_header(("content-type", "application/json"))
        .insert_header(("x-chatwoot-timestamp", timestamp.to_string()))
        .insert_header(("x-chatwoot-signature", signature))
        .insert_header(("x-chatwoot-delivery", id.to_owned()))
        .set_payload(body.to_owned())
}

async fn known_name(house: &House) -> Option<String> {
    house.store.find_contact(&"+15550100001".parse().unwrap()).await.unwrap()?.name
}

#[actix_web::test]
async fn a_forged_or_old_delivery_of_chatwoots_is_refused_and_nothing_is_kept() {
    let house = House::new().await;
    let service = serve!(house);
    let now = house.now.timestamp();
    let forged = [
        ("a wrong secret", delivery(&contact("Mallory"), "another-secret", now, "d-1")),
        ("an old timestamp", delivery(&contact("Mallory"), CHATWOOT_SECRET, now - 301, "d-2")),
        ("a timestamp to come", delivery(&contact("Mallory"), CHATWOOT_SECRET, now + 301, "d-3")),
        ("another body", delivery(&contact("Jane"), CHATWOOT_SECRET, now, "d-4").set_payload(contact("Mallory"))),
        ("no headers", TestRequest::post().uri("/chatwoot/webhook").set_payload(contact("Mallory"))),
    ];
    for (what, request) in forged {
        let response = call_service(&service, request.to_request()).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{what}");
        assert_eq!(house.store.take_count(), 0, "{what} reached the store");
    }
    assert_eq!(known_name(&house).await, None);
}

#[actix_web::test]
async fn a_delivery_of_chatwoots_counts_once() {
    let house = House::new().await;
    let service = serve!(house);
    let now = house.now.timestamp();
    for (id, name, then_known) in
        [("d-1", "Jane Doe", "Jane Doe"), ("d-1", "Somebody Else", "Jane Doe"), ("d-2", "Jane Roe", "Jane Roe")]
    {
        let response = call_service(&service, delivery(&contact(name), CHATWOOT_SECRET, now, id).to_request()).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{id} {name}");
        assert_eq!(known_name(&house).await.as_deref(), Some(then_known), "{id} {name}");
    }
}

#[actix_web::test]
async fn the_api_wants_a_token_on_every_route() {
    let house = House::new().await;
    let service = serve!(house);
    let id = "00000000-0000-0000-0000-000000000007";
    for path in [
        "/api/v1/calls".to_owned(),
        format!("/api/v1/calls/{id}"),
        "/api/v1/session".to_owned(),
        "/api/v1/nothing".to_owned(),
    ] {
        for header in [None, Some("Bearer wrong"), Some("Bearer "), Some("Basic b2ZmaG9vaw==")] {
            let mut request = TestRequest::get().uri(&path);
            if let Some(header) = header {
                request = request.insert_header(("authorization", header));
            }
            let response = call_service(&service, request.to_request()).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path} with {header:?}");
        }
    }
    assert_eq!(house.store.take_count(), 0, "the store was asked by somebody unknown");
    let request =
        TestRequest::get().uri("/api/v1/calls").insert_header(("authorization", format!("Bearer {OPERATOR}")));
    assert_eq!(call_service(&service, request.to_request()).await.status(), StatusCode::OK);
}
