use proptest::prelude::*;

use super::*;

fn contract(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/contracts/chatwoot/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn an_agents_note_names_the_agent() {
    let ChatwootEvent::MessageCreated(note) = parse_webhook(&contract("webhook.message_created.agent_note")).unwrap()
    else {
        panic!("another event")
    };
    assert_eq!((note.account_id, note.inbox_id, note.conversation_id, note.id), (1, 4, 42, 9002));
    assert_eq!((note.kind, note.is_private), (MessageKind::Outgoing, true));
    assert_eq!(note.content, "/offhook 7Q4K-91XZ");
    assert_eq!(note.written_by_agent(), Some(12));
    assert!(!format!("{note:?}").contains("7Q4K"), "a code is not for logs");
}

#[test]
fn a_contacts_message_is_no_agents() {
    let ChatwootEvent::MessageCreated(message) =
        parse_webhook(&contract("webhook.message_created.incoming_voicemail")).unwrap()
    else {
        panic!("another event")
    };
    assert_eq!(message.sender.as_ref().map(|s| (s.kind, s.id)), Some((SenderKind::Contact, 501)));
    assert_eq!(message.written_by_agent(), None);
    assert_eq!(message.source_id.as_deref(), Some("offhook:call_01J0EXAMPLE:voicemail"));
}

#[test]
fn a_conversation_tells_its_state_and_who_has_it() {
    let ChatwootEvent::ConversationUpdated(conversation) =
        parse_webhook(&contract("webhook.conversation_updated.assignee")).unwrap()
    else {
        panic!("another event")
    };
    assert_eq!((conversation.id, conversation.inbox_id, conversation.account_id), (42, 4, None));
    assert_eq!(conversation.status, ConversationStatus::Open);
    assert_eq!((conversation.assignee_id, conversation.contact_id), (Some(12), Some(501)));
    assert_eq!(conversation.custom_attributes["offhook_call_id"], "call_01J0EXAMPLE");
    assert_eq!(conversation.updated_at.unwrap().timestamp_millis(), 1_780_322_409_512);
}

#[test]
fn a_contact_tells_its_number_and_whether_it_is_blocked() {
    let ChatwootEvent::ContactUpdated(contact) = parse_webhook(&contract("webhook.contact_updated")).unwrap() else {
        panic!("another event")
    };
    assert_eq!((contact.account_id, contact.id, contact.is_blocked), (Some(1), 501, false));
    assert_eq!((contact.name.as_str(), contact.phone.as_deref()), ("Jordan Blake", Some("+15555550123")));
}

#[test]
fn the_websocket_tells_the_same() {
    for (name, wanted) in [
        ("cable.message_created", "MessageCreated"),
        ("cable.message_updated", "MessageUpdated"),
        ("cable.conversation_created", "ConversationCreated"),
        ("cable.conversation_status_changed", "ConversationStatusChanged"),
        ("cable.assignee_changed", "ConversationUpdated"),
        ("cable.contact_updated", "ContactUpdated"),
        ("cable.account_cache_invalidated", "Other"),
    ] {
        let frame: Value = serde_json::from_slice(&contract(name)).unwrap();
        let event = parse_cable(frame["event"].as_str().unwrap(), &frame["data"]).unwrap();
        assert!(format!("{event:?}").starts_with(wanted), "{name}: {event:?}");
        if wanted != "Other" {
            assert_eq!(event.account_id(), Some(1), "{name}");
        }
    }
}

#[test]
fn every_delivery_of_a_real_server_is_read() {
    let folder = format!("{}/tests/fixtures/chatwoot/chatwoot-4.13.0", env!("CARGO_MANIFEST_DIR"));
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("webhook.") {
            continue;
        }
        let delivery: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let event =
            parse_webhook(&serde_json::to_vec(&delivery["body"]).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let is_ours = ["message_", "conversation_created", "conversation_updated", "conversation_status", "contact_"]
            .iter()
            .any(|kind| name.starts_with(&format!("webhook.{kind}")));
        assert_eq!(!matches!(event, ChatwootEvent::Other(_)), is_ours, "{name}: {event:?}");
        read += 1;
    }
    let all = include_str!("../../tests/fixtures/chatwoot/chatwoot-4.13.0/_deliveries.jsonl");
    for line in all.lines() {
        let delivery: Value = serde_json::from_str(line).unwrap();
        parse_webhook(&serde_json::to_vec(&delivery["body"]).unwrap()).unwrap_or_else(|e| panic!("{e}: {line}"));
    }
    assert_eq!(read, 27);
}

#[test]
fn a_field_of_another_type_is_an_error_that_says_where() {
    let mut body: Value = serde_json::from_slice(&contract("webhook.message_created.agent_note")).unwrap();
    body["sender"]["id"] = "12".into();
    let refused = parse_webhook(&serde_json::to_vec(&body).unwrap()).unwrap_err();
    assert_eq!(refused.path().to_string(), "sender.id");
}

/// Any JSON, a few levels deep, with the keys that matter.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_.]{0,12}".prop_map(Value::from),
    ];
    let keys =
        ["id", "account", "inbox", "conversation", "meta", "sender", "type", "status", "message_type", "updated_at"];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(proptest::sample::select(keys.to_vec()), inner, 0..8)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_payload_panics(mut body in any_json(), event in 0_usize..7, bytes in any::<Vec<u8>>()) {
        let _ = parse_webhook(&bytes);
        let name = crate::chatwoot::SUBSCRIPTIONS[event];
        if let Value::Object(fields) = &mut body {
            fields.insert("event".to_owned(), name.into());
        }
        let _ = parse_webhook(&serde_json::to_vec(&body).unwrap());
        let _ = parse_cable(&name.replacen('_', ".", 1), &body);
    }
}
