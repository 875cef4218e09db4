use super::super::fake::{Answer, Asked, Fake};
use super::super::{Availability, NewMessage, note};
use super::*;

fn message(source_id: &str) -> NewMessage {
    NewMessage::note(note().bold("Missed call").plain(" from ").text("[x](y)").finish(), source_id)
}

fn only(fake: &Fake) -> Asked {
    let asked = fake.asked();
    assert_eq!(asked.len(), 1, "{:?}", fake.lines());
    asked.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_request_carries_the_token_in_the_header_proxies_let_through() {
    let fake = Fake::answering([Answer::sample("api.agents.list")]).await;
    let agents = fake.client().list_agents().await.unwrap();
    let asked = only(&fake);
    assert_eq!(asked.line, "GET /api/v1/accounts/1/agents");
    assert_eq!(asked.header("api-access-token"), Some("USERTOKEN"));
    assert_eq!(agents.iter().map(|agent| agent.id).collect::<Vec<_>>(), [11, 10, 13, 12]);
    assert_eq!(agents[2].availability_status, Availability::Busy);
    assert!(agents[0].is_administrator() && !agents[3].is_administrator());
    assert!(!format!("{:?}", fake.client()).contains("USERTOKEN"));
}

#[tokio::test]
async fn every_answer_means_what_the_contract_says() {
    let cases = [
        (Answer::status(401, "{}"), false, false),
        (Answer::status(404, r#"{"error":"Resource could not be found"}"#), false, false),
        (Answer::status(422, r#"{"message":"taken","attributes":["phone_number"]}"#), false, false),
        (Answer::status(402, r#"{"error":"Account limit exceeded"}"#), false, false),
        (Answer::status(429, "Retry later\n"), true, false),
        (Answer::status(500, "{}"), true, true),
        (Answer::status(502, "<html>"), true, true),
        (Answer::json("<html>maintenance"), true, true),
        (Answer::json("{}"), true, true),
        (Answer::status(0, ""), true, true),
        (Answer { status: 302, headers: "location: http://169.254.169.254/\r\n", body: String::new() }, false, false),
    ];
    for (answer, is_transient, may_have_happened) in cases {
        let fake = Fake::answering([answer.clone()]).await;
        let error = fake.client().create_message(42, message("s")).await.unwrap_err();
        let judged = (error.is_transient(), error.may_have_happened());
        assert_eq!(judged, (is_transient, may_have_happened), "{answer:?}: {error}");
        assert_eq!(error.is_gone(), answer.status == 404);
        assert_eq!(fake.asked().len(), 1, "nothing is asked twice and no redirect followed");
    }
}

#[tokio::test]
async fn a_refusal_names_the_fields_and_a_limit_its_wait() {
    let taken = r#"{"message":"Phone number has already been taken","attributes":["phone_number"]}"#;
    let fake = Fake::answering([Answer::status(422, taken)]).await;
    let error = fake.client().create_label("x", "").await.unwrap_err();
    assert!(error.objects_to("phone_number") && !error.objects_to("title"));
    assert_eq!(
        error.to_string(),
        "Chatwoot refused to create a label: status 422, Phone number has already been taken"
    );
    for (headers, wait) in
        [("", 60), ("retry-after: 7\r\n", 7), ("retry-after: 999999\r\n", 3_600), ("retry-after: x\r\n", 60)]
    {
        let fake = Fake::answering([Answer { status: 429, headers, body: String::new() }]).await;
        let error = fake.client().list_inboxes().await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(wait)));
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_has_happened() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = Url::parse(&format!("http://{}/", gone.local_addr().unwrap())).unwrap();
    drop(gone);
    let mut fake = Fake::answering([Answer::status(500, "")]).await;
    fake.base_url = base_url;
    let error = fake.client().create_message(42, message("s")).await.unwrap_err();
    assert!(matches!(error, ChatwootError::Unreachable { .. }), "{error}");
    assert!(error.is_transient() && !error.may_have_happened());
    assert!(!format!("{error:?}").contains("accounts/1"), "addresses may hold numbers");
}

#[tokio::test]
async fn a_reply_without_end_is_not_read_to_the_end() {
    let fake = Fake::answering([Answer::json(&format!("[{}]", " ".repeat(REPLY_MAX_BYTES)))]).await;
    let error = fake.client().list_agents().await.unwrap_err();
    assert!(matches!(error, ChatwootError::TooLarge { .. }), "{error}");
    let fake = Fake::answering([Answer::json(&"[".repeat(100_000))]).await;
    assert!(matches!(fake.client().list_agents().await.unwrap_err(), ChatwootError::Malformed { .. }));
}

#[tokio::test]
async fn what_belongs_to_another_account_is_not_taken_for_ours() {
    let foreign = r#"[{"id":11,"account_id":2,"availability_status":"online"}]"#;
    let fake = Fake::answering([Answer::json(foreign)]).await;
    let error = fake.client().list_agents().await.unwrap_err();
    assert!(matches!(error, ChatwootError::WrongAccount { got: 2, .. }), "{error}");
}

#[tokio::test]
async fn a_chatwoot_below_a_path_keeps_its_path() {
    let mut fake = Fake::answering([Answer::json("[]")]).await;
    fake.base_url = fake.base_url.join("/chat/").unwrap();
    fake.client().list_agents().await.unwrap();
    assert_eq!(fake.lines(), ["GET /chat/api/v1/accounts/1/agents"]);
    assert!(fake.client().conversation_url(42).path().ends_with("/chat/app/accounts/1/conversations/42"));
}
