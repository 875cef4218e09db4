//! Macros and automation rules: actions that Chatwoot does by itself (contract 2.8, 2.9).

use serde_json::{Value, json};

use super::actions;
use super::call::{Answer, Body, Call, Outcome, number};
use super::changes;
use super::conversations;
use super::drafts::Draft;
use super::filter;
use super::happenings::Happening;
use super::messages;
use super::settings::first_id;
use super::show_conversations as show;
use super::show_people as people;
use super::world::{Actor, Kind, Macro, Object, Sender, World};

/// The actions both may name.
const ACTIONS: [&str; 17] = [
    "assign_agent",
    "assign_team",
    "add_label",
    "remove_label",
    "remove_assigned_team",
    "send_email_transcript",
    "mute_conversation",
    "change_status",
    "resolve_conversation",
    "snooze_conversation",
    "change_priority",
    "send_message",
    "send_attachment",
    "add_private_note",
    "send_webhook_event",
    "open_conversation",
    "pending_conversation",
];

/// The events a rule may wait for.
const EVENTS: [&str; 5] =
    ["conversation_created", "conversation_updated", "conversation_opened", "conversation_resolved", "message_created"];

fn unknown_action(actions: &[Value], prefix: &str) -> Option<Answer> {
    let name = |action: &Value| action.get("action_name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let odd: Vec<String> = actions.iter().map(name).filter(|name| !ACTIONS.contains(&name.as_str())).collect();
    let text = format!("{prefix} actions {} not supported.", odd.join(","));
    (!odd.is_empty()).then(|| Answer::new(422, Body::Json(json!({ "error": { "actions": [text] } }))))
}

fn listed(body: &Call, key: &str) -> Vec<Value> {
    body.value(key).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn shown_macro(world: &World, one: &Macro) -> Value {
    let user = |id: i64| world.users.get(&id).map(|user| people::agent(world, user));
    json!({
        "id": one.id, "name": one.name, "visibility": if one.is_global { "global" } else { "personal" },
        "created_by": user(one.created_by), "updated_by": user(one.updated_by), "account_id": world.account_id,
        "actions": one.actions,
    })
}

/// `POST macros`: an agent's is personal whatever it asks for.
pub(super) fn create_macro(world: &mut World, call: &Call) -> Outcome {
    let user = world.current_user().ok_or_else(Answer::not_signed_in)?;
    let (user, is_global) = (user.id, user.is_administrator && call.text("visibility") == Some("global"));
    let actions = listed(call, "actions");
    if let Some(refusal) = unknown_action(&actions, "Macro execution") {
        return Err(refusal);
    }
    let name = call.text("name").unwrap_or_default().to_owned();
    let id = world.next_id("macros");
    let one = Macro { id, name, is_global, created_by: user, updated_by: user, actions };
    world.macros.insert(id, one.clone());
    Ok(Answer::json(json!({ "payload": shown_macro(world, &one) })))
}

/// `GET macros`: the global ones and one's own.
pub(super) fn macros(world: &mut World, _call: &Call) -> Outcome {
    let user = world.current_user().map(|user| user.id);
    let seen = world.macros.values().filter(|one| one.is_global || Some(one.created_by) == user);
    Ok(Answer::json(json!({ "payload": seen.map(|one| shown_macro(world, one)).collect::<Vec<_>>() })))
}

/// `GET macros/:id`: none is 404 without a body.
pub(super) fn show_macro(world: &mut World, call: &Call) -> Outcome {
    let one = call.id(0).ok().and_then(|id| world.macros.get(&id));
    let one = one.ok_or_else(|| Answer::new(404, Body::Empty))?;
    Ok(Answer::json(json!({ "payload": shown_macro(world, one) })))
}

/// `PATCH macros/:id`: by its maker or an administrator.
pub(super) fn update_macro(world: &mut World, call: &Call) -> Outcome {
    let none = || Answer::new(404, Body::Empty);
    let user = world.current_user().ok_or_else(Answer::not_signed_in)?;
    let (user, is_administrator) = (user.id, user.is_administrator);
    let actions = call.value("actions").and_then(Value::as_array).cloned();
    if let Some(refusal) = unknown_action(actions.as_deref().unwrap_or_default(), "Macro execution") {
        return Err(refusal);
    }
    let one = call.id(0).ok().and_then(|id| world.macros.get_mut(&id)).ok_or_else(none)?;
    if !is_administrator && one.created_by != user {
        return Err(Answer::denied());
    }
    if let Some(name) = call.text("name") {
        name.clone_into(&mut one.name);
    }
    if let Some(visibility) = call.text("visibility") {
        one.is_global = is_administrator && visibility == "global";
    }
    one.actions = actions.unwrap_or_else(|| one.actions.clone());
    one.updated_by = user;
    show_macro(world, call)
}

/// `DELETE macros/:id`.
pub(super) fn delete_macro(world: &mut World, call: &Call) -> Outcome {
    let removed = call.id(0).ok().and_then(|id| world.macros.remove(&id));
    removed.map(|_| Answer::empty()).ok_or_else(|| Answer::new(404, Body::Empty))
}

/// `POST macros/:id/execute`: always 200, since a job does it as whoever clicked.
pub(super) fn execute(world: &mut World, call: &Call) -> Outcome {
    let found = call.id(0).ok().and_then(|id| world.macros.get(&id)).cloned();
    let ids: Vec<i64> = listed(call, "conversation_ids").iter().filter_map(number).collect();
    for (one, id) in found.iter().flat_map(|one| ids.iter().map(move |id| (one, *id))) {
        if world.conversations.contains_key(&id) {
            for action in &one.actions {
                perform(world, id, action, "macro.executed");
            }
        }
    }
    Ok(Answer::empty())
}

/// Does one action to a conversation, as whoever is current.
fn perform(world: &mut World, id: i64, action: &Value, event: &str) {
    let params = action.get("action_params");
    let first = params.and_then(|params| params.get(0));
    let words = actions::tags(params);
    match action.get("action_name").and_then(Value::as_str).unwrap_or_default() {
        "assign_agent" => assign(world, id, first),
        "assign_team" => {
            actions::assign_team(world, id, first_id(params).filter(|team| *team != 0));
        }
        "remove_assigned_team" => actions::assign_team(world, id, None),
        "add_label" => actions::add_labels(world, id, &words),
        "remove_label" => changes::change(world, id, |one| {
            one.labels.retain(|label| !words.contains(label));
        }),
        "resolve_conversation" => set_status(world, id, "resolved"),
        "open_conversation" => set_status(world, id, "open"),
        "pending_conversation" => set_status(world, id, "pending"),
        "snooze_conversation" => set_status(world, id, "snoozed"),
        "change_status" => set_status(world, id, first.and_then(Value::as_str).unwrap_or_default()),
        "change_priority" => {
            let priority = first.and_then(Value::as_str).filter(|word| *word != "nil").map(str::to_owned);
            changes::change(world, id, |one| one.priority = priority);
        }
        "add_private_note" | "send_message" => {
            let is_private = action.get("action_name").and_then(Value::as_str) == Some("add_private_note");
            let sender = match world.current {
                Some(Actor::User(user)) => Sender::User(user),
                Some(Actor::Bot(bot)) => Sender::Bot(bot),
                None => Sender::Nobody,
            };
            let content = first.and_then(Value::as_str).map(str::to_owned);
            messages::add(world, id, Draft { is_private, sender, ..Draft::new(content) });
        }
        "send_webhook_event" => {
            let Some(one) = world.conversations.get(&id) else {
                return;
            };
            let mut body = show::conversation_event(world, one);
            body.insert("event".to_owned(), json!(event));
            if let Some(url) = first.and_then(Value::as_str) {
                world.tell(Happening::Posted { url: url.to_owned(), body });
            }
        }
        _ => {}
    }
}

fn set_status(world: &mut World, id: i64, status: &str) {
    if conversations::STATUSES.contains(&status) {
        changes::change(world, id, |one| status.clone_into(&mut one.status));
    }
}

/// Assigns, unless the agent is neither member nor administrator: then nothing happens (contract 2.9).
fn assign(world: &mut World, id: i64, wanted: Option<&Value>) {
    let user = match wanted.and_then(Value::as_str) {
        Some("self") => world.current_user().map(|user| user.id),
        Some("nil") => return changes::change(world, id, |one| one.assignee_id = None),
        _ => wanted.and_then(number),
    };
    let inbox = world.conversations.get(&id).and_then(|one| world.inboxes.get(&one.inbox_id));
    let may = |user: &i64| {
        world
            .users
            .get(user)
            .is_some_and(|user| user.is_administrator || inbox.is_some_and(|inbox| inbox.members.contains(&user.id)))
    };
    if let Some(user) = user.filter(may) {
        changes::change(world, id, |one| {
            (one.assignee_id, one.assignee_bot_id) = (Some(user), None);
        });
    }
}

/// `POST automation_rules`.
pub(super) fn create_rule(world: &mut World, call: &Call) -> Outcome {
    let (conditions, actions) = (listed(call, "conditions"), listed(call, "actions"));
    let has_operator = |condition: &Value| condition.get("query_operator").is_some_and(|value| !value.is_null());
    let all_but_last = conditions.split_last().map_or(&[][..], |(_, others)| others);
    if let Some(refusal) = unknown_action(&actions, "Automation") {
        return Err(refusal);
    }
    if !all_but_last.iter().all(has_operator) {
        let text = "Automation conditions should have query operator.";
        return Err(Answer::new(422, Body::Json(json!({ "error": { "conditions": [text] } }))));
    }
    let event = call.text("event_name").unwrap_or_default();
    if !EVENTS.contains(&event) {
        return Err(Answer::new(
            422,
            Body::Json(json!({ "error": { "event_name": ["is not included in the list"] } })),
        ));
    }
    let id = world.next_id("automation_rules");
    let rule = json!({
        "id": id, "account_id": world.account_id, "name": call.text("name"), "description": call.body.get("description"),
        "event_name": event, "conditions": conditions, "actions": actions, "created_on": world.now().timestamp(),
        "active": call.value("active").is_none_or(|value| super::call::is_true(Some(value))),
    });
    world.automations.insert(id, rule.as_object().cloned().unwrap_or_default());
    Ok(Answer::json(rule))
}

/// `GET automation_rules`.
pub(super) fn rules(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::json(json!({ "payload": world.automations.values().collect::<Vec<_>>() })))
}

/// `DELETE automation_rules/:id`.
pub(super) fn delete_rule(world: &mut World, call: &Call) -> Outcome {
    world.automations.remove(&call.id(0)?).map(|_| Answer::empty()).ok_or_else(Answer::not_found)
}

/// Lets the rules act on what has just happened; what they do themselves sets off no further rule.
pub(super) fn react(world: &mut World) {
    let asked_by = world.current.take();
    for happening in world.happenings.clone() {
        let (event, id) = match &happening {
            Happening::ConversationCreated(id) => ("conversation_created", *id),
            Happening::ConversationUpdated { id, .. } => ("conversation_updated", *id),
            Happening::StatusChanged(id) => match world.conversations.get(id).map(|one| one.status.as_str()) {
                Some("open") => ("conversation_opened", *id),
                Some("resolved") => ("conversation_resolved", *id),
                _ => continue,
            },
            Happening::MessageCreated(id) => match world.messages.get(id) {
                Some(message) if message.kind != Kind::Activity => ("message_created", message.conversation_id),
                _ => continue,
            },
            _ => continue,
        };
        let is_waiting = |rule: &&Object| {
            rule.get("event_name") == Some(&json!(event))
                && rule.get("active") == Some(&json!(true))
                && applies(world, rule, id)
        };
        let actions =
            world.automations.values().filter(is_waiting).filter_map(|rule| rule.get("actions")?.as_array().cloned());
        for action in actions.flatten().collect::<Vec<_>>() {
            perform(world, id, &action, &format!("automation_event.{event}"));
        }
    }
    world.current = asked_by;
}

fn applies(world: &World, rule: &Object, id: i64) -> bool {
    let conditions = rule.get("conditions").cloned().unwrap_or_default();
    let call = Call { body: Object::from_iter([("payload".to_owned(), conditions)]), ..Call::default() };
    let defined = filter::defined_keys(world, "conversation_attribute");
    let Some(one) = world.conversations.get(&id) else {
        return false;
    };
    let rules = filter::read(&call, conversations::FILTERS, &defined);
    rules.is_ok_and(|rules| filter::holds(&rules, |key| conversations::values(one, key)))
}
