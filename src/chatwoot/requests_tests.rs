//! What is asked of Chatwoot for a call, and how its answers are taken: contacts, conversations, messages.

use bytes::Bytes;
use chrono::DateTime;
use serde_json::{Map, json};

use super::fake::{Answer, Asked, Fake};
use super::{Attachment, ChatwootError, ChatwootText, ConversationStatus, NewContact, NewMessage, Priority, note};

fn message(source_id: &str) -> NewMessage {
    NewMessage::note(note().bold("Missed call").plain(" from ").text("[x](y)").finish(), source_id)
}

fn only(fake: &Fake) -> Asked {
    let asked = fake.asked();
    assert_eq!(asked.len(), 1, "{:?}", fake.lines());
    asked.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_caller_is_found_by_source_id_by_number_and_otherwise_created() {
    let fake = Fake::answering([
        Answer::status(404, ""),
        Answer::sample("api.contacts.filter"),
        Answer::sample("api.contacts.filter"),
        Answer::sample("api.contacts.create"),
    ])
    .await;
    let chatwoot = fake.client();
    assert_eq!(chatwoot.find_contact_by_source(4, "+15555550123").await.unwrap(), None);
    let found = chatwoot.find_contact_by_phone("+15555550123").await.unwrap().unwrap();
    assert_eq!((found.id, found.is_blocked), (501, false));
    assert_eq!(chatwoot.find_contact_by_phone("+15555550199").await.unwrap(), None, "not the number asked for");
    let withheld = NewContact {
        inbox_id: 4,
        source_id: "withheld-7".into(),
        phone: None,
        name: "Withheld".into(),
        identifier: Some("withheld-7".into()),
    };
    assert_eq!(chatwoot.create_contact(&withheld).await.unwrap().id, 501);
    let asked = fake.asked();
    assert_eq!(asked[0].json(), json!({"inbox_id": 4, "source_id": "+15555550123"}));
    assert_eq!(asked[1].json()["payload"][0]["values"], json!(["+15555550123"]));
    let created = json!({"inbox_id": 4, "source_id": "withheld-7", "name": "Withheld", "identifier": "withheld-7"});
    assert_eq!(asked[3].json(), created);
}

#[tokio::test]
async fn a_conversation_is_looked_for_open_then_pending_then_snoozed() {
    let none = Answer::json(r#"{"data":{"payload":[]}}"#);
    let snoozed = |id: i64, at: i64| json!({"id": id, "inbox_id": 4, "status": "snoozed", "last_activity_at": at});
    let several = json!({"data": {"payload": [snoozed(40, 7), snoozed(41, 9), snoozed(43, 8)]}});
    let fake = Fake::answering([none.clone(), none, Answer::json(&several.to_string())]).await;
    let found = fake.client().find_open_conversation(4, "+15550100001").await.unwrap().unwrap();
    assert_eq!((found.id, found.status), (41, ConversationStatus::Snoozed));
    let wanted = ["open", "pending", "snoozed"].map(|status| {
        format!("GET /api/v1/accounts/1/conversations?inbox_id=4&source_id=%2B15550100001&status={status}")
    });
    assert_eq!(fake.lines(), wanted);
}

#[tokio::test]
async fn a_conversation_of_a_call_is_found_by_its_call_id() {
    let fake = Fake::answering([Answer::sample("api.contacts.conversations")]).await;
    let chatwoot = fake.client();
    let found = chatwoot.find_conversation_by_call(501, "call_01J0EXAMPLE").await.unwrap().unwrap();
    assert_eq!((found.id, found.account_id, found.assignee_id, found.contact_id), (42, Some(1), Some(12), Some(501)));
    assert_eq!(chatwoot.find_conversation_by_call(501, "another").await.unwrap(), None);
}

#[tokio::test]
async fn an_assignment_is_believed_only_when_the_answer_names_the_agent() {
    let fake = Fake::answering([Answer::sample("api.conversations.assignments.user"), Answer::json("null")]).await;
    let chatwoot = fake.client();
    chatwoot.assign(42, 12).await.unwrap();
    let error = chatwoot.assign(42, 99).await.unwrap_err();
    assert!(matches!(error, ChatwootError::NotAssigned { wanted: 99, got: None }));
    assert!(!error.is_transient() && error.may_have_happened());
    assert_eq!(fake.asked()[0].json(), json!({"assignee_id": 12}));
}

#[tokio::test]
async fn attributes_are_merged_and_not_written_when_nothing_changes() {
    let fake = Fake::answering([Answer::sample("api.conversations.show")]).await;
    let chatwoot = fake.client();
    let mut known = chatwoot.load_conversation(42).await.unwrap().custom_attributes;
    assert!(!known.is_empty());
    chatwoot.merge_custom_attributes(42, &known).await.unwrap();
    assert_eq!(fake.asked().len(), 2, "one reading each");
    let new = Map::from_iter([("offhook_ending".to_owned(), json!("answered"))]);
    chatwoot.merge_custom_attributes(42, &new).await.unwrap();
    let written = fake.asked().pop().unwrap();
    assert_eq!(written.line, "POST /api/v1/accounts/1/conversations/42/custom_attributes");
    known.extend(new);
    assert_eq!(written.json(), json!({"custom_attributes": known}));
}

#[tokio::test]
async fn answers_without_a_body_are_answers() {
    let fake = Fake::answering([Answer::status(200, "")]).await;
    let chatwoot = fake.client();
    chatwoot.add_labels(42, &["voice", "brand-acme-movers"]).await.unwrap();
    chatwoot.add_labels(42, &[]).await.unwrap();
    chatwoot.set_priority(42, Some(Priority::High)).await.unwrap();
    chatwoot.toggle_status(42, ConversationStatus::Open).await.unwrap();
    let bodies: Vec<_> = fake.asked().iter().map(Asked::json).collect();
    let labels = json!({"type": "Conversation", "ids": [42], "labels": {"add": ["voice", "brand-acme-movers"]}});
    assert_eq!(bodies, [labels, json!({"priority": "high"}), json!({"status": "open"})]);
}

#[tokio::test]
async fn a_note_is_posted_as_the_bot_and_an_incoming_message_is_not() {
    let fake = Fake::answering([Answer::sample("api.messages.create.private_note")]).await;
    let chatwoot = fake.client();
    let posted = chatwoot.create_message(42, message("offhook:c:ring").as_bot(3)).await.unwrap();
    assert_eq!(posted.conversation_id, 42);
    let incoming = NewMessage::incoming(ChatwootText::escaped("Hi {{x}}"), "offhook:c:vm").as_bot(3);
    chatwoot.create_message(42, incoming).await.unwrap();
    let asked = fake.asked();
    let wanted = json!({"content": "**Missed call** from \\[x\\](y)", "message_type": "outgoing", "private": true,
        "source_id": "offhook:c:ring", "sender_type": "AgentBot", "sender_id": 3});
    assert_eq!(asked[0].json(), wanted);
    let wanted = json!({"content": "Hi {\u{200b}{x}}", "message_type": "incoming", "private": false,
        "source_id": "offhook:c:vm"});
    assert_eq!(asked[1].json(), wanted);
}

#[tokio::test]
async fn a_voicemail_is_posted_as_a_file_of_its_type() {
    let fake = Fake::answering([Answer::sample("api.messages.create.voicemail")]).await;
    let audio = Attachment {
        file_name: "voicemail.mp3".into(),
        content_type: "audio/mpeg".into(),
        bytes: Bytes::from_static(b"ID3-not-really"),
    };
    let voicemail = NewMessage::incoming(ChatwootText::escaped("Voicemail"), "offhook:c:vm").with(audio.clone());
    let posted = fake.client().create_message(42, voicemail).await.unwrap();
    assert_eq!(posted.source_id.as_deref(), Some("offhook:call_01J0EXAMPLE:voicemail"));
    let asked = only(&fake);
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    for part in [
        "name=\"attachments[]\"; filename=\"voicemail.mp3\"\r\nContent-Type: audio/mpeg\r\n",
        "ID3-not-really",
        "name=\"message_type\"\r\n\r\nincoming",
        "name=\"content\"\r\n\r\nVoicemail",
        "name=\"source_id\"\r\n\r\noffhook:c:vm",
    ] {
        assert!(body.contains(part), "{part:?} in {body:?}");
    }
    let nonsense = Attachment { content_type: "no type".into(), ..audio };
    let error = fake.client().create_message(42, message("s").with(nonsense)).await.unwrap_err();
    assert!(matches!(error, ChatwootError::Unsendable { .. }) && !error.may_have_happened());
}

/// Messages `from..=to`, each named after its id.
fn page(from: i64, to: i64) -> Answer {
    let messages: Vec<_> = (from..=to)
        .map(|id| json!({"id": id, "conversation_id": 42, "message_type": 1, "source_id": format!("m{id}")}))
        .collect();
    Answer::json(&json!({"payload": messages}).to_string())
}

#[tokio::test]
async fn a_message_is_looked_for_page_by_page_and_not_for_ever() {
    let fake = Fake::answering([page(81, 100), page(61, 80)]).await;
    let found = fake.client().find_message_by_source_id(42, "m65").await.unwrap().unwrap();
    assert_eq!(found.id, 65);
    let path = "GET /api/v1/accounts/1/conversations/42/messages";
    assert_eq!(fake.lines(), [path.to_owned(), format!("{path}?before=81")]);

    let ends = Fake::answering([page(11, 30), page(1, 10)]).await;
    assert_eq!(ends.client().find_message_by_source_id(42, "none").await.unwrap(), None);
    assert_eq!(ends.asked().len(), 2);

    let stuck = Fake::answering([page(11, 30)]).await;
    assert_eq!(stuck.client().find_message_by_source_id(42, "none").await.unwrap(), None);
    assert_eq!(stuck.asked().len(), 2, "the same page again is the end");
}

#[tokio::test]
async fn twins_are_looked_for_back_to_an_instant_and_no_further() {
    let message = |id: i64| {
        json!({"id": id, "conversation_id": 42, "message_type": 0, "source_id": format!("m{}", id % 10), "created_at": id,
            "content_attributes": {"deleted": id == 55}})
    };
    let pages = [(81, 100), (61, 80), (41, 60), (21, 40)].map(|(from, to)| {
        let messages: Vec<_> = (from..=to).map(message).collect();
        Answer::json(&json!({ "payload": messages }).to_string())
    });
    let fake = Fake::answering(pages).await;
    let since = DateTime::from_timestamp(55, 0).unwrap();
    let found = fake.client().list_messages_by_source_id(42, "m5", since).await.unwrap();
    let found: Vec<_> = found.iter().map(|message| (message.id, message.is_deleted())).collect();
    assert_eq!(found, [(45, false), (55, true), (65, false), (75, false), (85, false), (95, false)]);
    assert_eq!(fake.asked().len(), 3, "older pages are not asked for");
}

#[tokio::test]
async fn what_is_gone_already_is_deleted() {
    let fake = Fake::answering([Answer::status(404, "")]).await;
    let chatwoot = fake.client();
    chatwoot.delete_message(42, 9001).await.unwrap();
    chatwoot.delete_webhook(8).await.unwrap();
    assert!(chatwoot.mark_message_failed(42, 9001, "phone only").await.unwrap_err().is_gone());
}

#[tokio::test]
async fn contacts_are_read_back_to_the_last_reading_and_no_further() {
    let contacts = |range: std::ops::Range<i64>| {
        let all: Vec<_> = range.map(|at| json!({"id": at, "last_activity_at": 1_000 - at})).collect();
        Answer::json(&json!({"payload": all}).to_string())
    };
    let fake = Fake::answering([contacts(0..15), contacts(15..30), contacts(30..45)]).await;
    let found = fake.client().list_contacts_updated(980, 10).await.unwrap();
    assert!(!found.has_more);
    assert_eq!((found.contacts.len(), fake.asked().len()), (21, 2));
    let fake = Fake::answering([contacts(0..15)]).await;
    let bounded = fake.client().list_contacts_updated(0, 3).await.unwrap();
    assert_eq!((bounded.contacts.len(), bounded.has_more), (45, true));
    assert_eq!(fake.asked().len(), 3, "the bound holds");
}
