//! Every answer a real Chatwoot 4.13.0 gave to a request of ours, read by the type that reads it in service.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::rest::Payload;
use super::{
    Agent, AgentBot, AttributeDefinition, Contact, Conversation, DashboardApp, Inbox, Label, Message, Profile,
};

/// What the answer to a request is read as; `id` stands for any number in a path.
fn read(request: &str, body: &Value) -> Option<Result<(), String>> {
    Some(match request {
        "GET /api/v1/profile" => as_type::<Profile>(body),
        "GET agents" => as_type::<Vec<Agent>>(body),
        "GET inbox_members/id" => as_type::<Payload<Vec<Agent>>>(body),
        "GET inboxes" => as_type::<Payload<Vec<Inbox>>>(body),
        "POST inboxes" => as_type::<Inbox>(body),
        "GET labels" => as_type::<Payload<Vec<Label>>>(body),
        "GET agent_bots" => as_type::<Vec<AgentBot>>(body),
        "POST agent_bots" => as_type::<AgentBot>(body),
        "GET dashboard_apps" => as_type::<Vec<DashboardApp>>(body),
        "GET custom_attribute_definitions" => as_type::<Vec<AttributeDefinition>>(body),
        "POST contacts/filter" => as_type::<Payload<Vec<Contact>>>(body),
        "POST contact_inboxes/filter" => as_type::<Contact>(body),
        "GET contacts/id" => as_type::<Payload<Contact>>(body),
        "POST contacts" => as_type::<Contact>(&body["payload"]["contact"]),
        "GET conversations" => as_type::<Vec<Conversation>>(&body["data"]["payload"]),
        "GET conversations/id" | "POST conversations" => as_type::<Conversation>(body),
        "GET contacts/id/conversations" => as_type::<Payload<Vec<Conversation>>>(body),
        "GET conversations/id/labels" => as_type::<Payload<Vec<String>>>(body),
        "GET conversations/id/messages" => as_type::<Payload<Vec<Message>>>(body),
        "POST conversations/id/messages" => as_type::<Message>(body),
        _ => return None,
    })
}

fn as_type<T: DeserializeOwned>(body: &Value) -> Result<(), String> {
    serde_path_to_error::deserialize::<_, T>(body).map(drop).map_err(|error| error.to_string())
}

/// `GET conversations/id` for `GET /api/v1/accounts/1/conversations/42`.
fn shape_of(request: &Value) -> String {
    let path = request["path"].as_str().unwrap_or_default();
    let within = path.strip_prefix("/api/v1/accounts/1/").unwrap_or(path);
    let parts: Vec<_> = within.split('/').map(|part| if part.parse::<i64>().is_ok() { "id" } else { part }).collect();
    format!("{} {}", request["method"].as_str().unwrap_or_default(), parts.join("/"))
}

#[test]
fn every_recorded_answer_is_understood() {
    let folder = format!("{}/tests/fixtures/chatwoot/chatwoot-4.13.0", env!("CARGO_MANIFEST_DIR"));
    let mut understood: BTreeMap<String, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let step: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for exchange in step["exchanges"].as_array().into_iter().flatten() {
            let answer = &exchange["response"];
            if answer["status"] != 200 {
                continue;
            }
            let shape = shape_of(&exchange["request"]);
            if let Some(outcome) = read(&shape, &answer["body"]) {
                outcome.unwrap_or_else(|error| panic!("{shape} in {}: {error}", path.display()));
                *understood.entry(shape).or_default() += 1;
            }
        }
    }
    assert!(understood.len() >= 21, "{understood:#?}");
}
