//! What is done to a conversation: assignment, status, priority, labels, attributes and the rest of contract section 4.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome, is_true, number};
use super::changes::change;
use super::contacts;
use super::conversations::{STATUSES, instant, shown, visible};
use super::happenings::Happening;
use super::presence;
use super::show_people as people;
use super::world::{Actor, Kind, Object, World, iso};

/// The four priorities.
const PRIORITIES: [&str; 4] = ["low", "medium", "high", "urgent"];

/// `POST conversations/:id/assignments` (contract 4.5).
pub(super) fn assign(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    if call.body.contains_key("assignee_id") {
        let assignee = call.number("assignee_id");
        if call.text("assignee_type") == Some("AgentBot") {
            return Ok(assign_bot(world, id, assignee));
        }
        let user = assignee.filter(|user| world.users.contains_key(user));
        change(world, id, |one| {
            (one.assignee_id, one.assignee_bot_id) = (user, None);
        });
        let user = user.and_then(|user| world.users.get(&user));
        return Ok(Answer::json(user.map_or(Value::Null, |user| people::agent(world, user))));
    }
    if call.body.contains_key("team_id") {
        let team = call.number("team_id").filter(|team| world.teams.contains_key(team));
        assign_team(world, id, team);
        let team = team.and_then(|team| world.teams.get(&team));
        return Ok(Answer::json(team.map_or(Value::Null, |team| people::team_record(world, team))));
    }
    Ok(Answer::json(Value::Null))
}

fn assign_bot(world: &mut World, id: i64, bot: Option<i64>) -> Answer {
    let Some(bot) = bot.filter(|bot| world.bots.contains_key(bot)) else {
        return Answer::json(Value::Null);
    };
    change(world, id, |one| {
        (one.assignee_id, one.assignee_bot_id) = (None, Some(bot));
    });
    Answer::json(world.bots.get(&bot).map_or(Value::Null, people::bot_assignee))
}

/// Gives a conversation to a team: an assignee who is not in it goes, an online member may come.
pub(super) fn assign_team(world: &mut World, id: i64, team: Option<i64>) {
    let found = team.and_then(|team| world.teams.get(&team)).cloned();
    let Some(one) = world.conversations.get(&id) else {
        return;
    };
    let kept = one.assignee_id.filter(|user| found.as_ref().is_none_or(|team| team.members.contains(user)));
    let inbox = world.inboxes.get(&one.inbox_id);
    let is_free = |user: &&i64| {
        let is_member = inbox.is_some_and(|inbox| inbox.members.contains(user));
        is_member && world.users.get(user).is_some_and(|user| presence::listed(world, user) == "online")
    };
    let picking = found.as_ref().filter(|team| team.allow_auto_assign && kept.is_none());
    let picked = picking.and_then(|team| team.members.iter().find(is_free).copied());
    change(world, id, |one| {
        (one.team_id, one.assignee_id) = (team, kept.or(picked));
    });
}

/// `POST conversations/:id/toggle_status` (contract 4.3).
pub(super) fn toggle_status(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    let Some(was) = world.conversations.get(&id).map(|one| one.status.clone()) else {
        return Err(Answer::not_found());
    };
    let wanted = match call.text("status") {
        Some(status) if !STATUSES.contains(&status) => return Err(Answer::broken()),
        Some(status) => status.to_owned(),
        None if was == "open" => "resolved".to_owned(),
        None => "open".to_owned(),
    };
    let hands_over = matches!(world.current, Some(Actor::Bot(_))) && was == "pending" && wanted == "open";
    let until = instant(call.value("snoozed_until"));
    let taker = world.current_user().filter(|user| !user.is_administrator && call.text("status") == Some("open"));
    let taker = taker.map(|user| user.id);
    change(world, id, |one| {
        one.status = wanted;
        one.snoozed_until = until.or(one.snoozed_until);
    });
    if let Some(taker) = taker {
        change(world, id, |one| {
            (one.assignee_id, one.assignee_bot_id) = (Some(taker), None);
        });
    }
    let one = world.conversations.get(&id).ok_or_else(Answer::not_found)?;
    let success = if hands_over { Value::Null } else { json!(true) };
    Ok(Answer::json(json!({ "payload": {
        "success": success, "conversation_id": id, "current_status": one.status,
        "snoozed_until": one.snoozed_until.map(iso),
    } })))
}

/// Reads a priority; a word that is none breaks Chatwoot.
fn priority(call: &Call) -> Result<Option<String>, Answer> {
    match call.text("priority") {
        Some(word) if !PRIORITIES.contains(&word) => Err(Answer::broken()),
        word => Ok(word.map(str::to_owned)),
    }
}

/// `POST conversations/:id/toggle_priority`.
pub(super) fn toggle_priority(world: &mut World, call: &Call) -> Outcome {
    let (id, priority) = (visible(world, call)?, priority(call)?);
    change(world, id, |one| one.priority = priority);
    Ok(Answer::empty())
}

/// `PATCH conversations/:id`: only the priority.
pub(super) fn update(world: &mut World, call: &Call) -> Outcome {
    let (id, priority) = (visible(world, call)?, priority(call)?);
    if call.body.contains_key("priority") {
        change(world, id, |one| one.priority = priority);
    }
    shown(world, id)
}

/// `POST conversations/:id/custom_attributes`: replaces all (contract 4.4).
pub(super) fn set_attributes(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    let attributes = call.body.get("custom_attributes").and_then(Value::as_object).ok_or_else(Answer::broken)?.clone();
    check_attributes("Custom attributes", "custom_attributes", &attributes)?;
    change(world, id, |one| {
        one.custom_attributes.clone_from(&attributes);
    });
    Ok(Answer::json(json!({ "custom_attributes": attributes })))
}

/// The limits of attribute values.
pub(super) fn check_attributes(title: &str, name: &str, attributes: &Object) -> Result<(), Answer> {
    for (key, value) in attributes {
        if value.as_str().is_some_and(|text| text.chars().count() > 1500) {
            return Err(Answer::invalid(name, &format!("{title} {key} length should be < 1500")));
        }
        if value.as_f64().is_some_and(|number| number > 9_999_999_999.0) {
            return Err(Answer::invalid(name, &format!("{title} {key} value should be < 9999999999")));
        }
    }
    Ok(())
}

/// Titles as a tag list: split at commas, trimmed, each once.
pub(super) fn tags(value: Option<&Value>) -> Vec<String> {
    let texts = match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => vec![text.as_str()],
        _ => Vec::new(),
    };
    let mut tags: Vec<String> = Vec::new();
    for tag in texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|tag| !tag.is_empty()) {
        if !tags.iter().any(|known| known.eq_ignore_ascii_case(tag)) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

/// `GET conversations/:id/labels`.
pub(super) fn labels(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    Ok(Answer::json(json!({ "payload": world.conversations.get(&id).map(|one| one.labels.clone()) })))
}

/// `POST conversations/:id/labels`: replaces the list (contract 4.6).
pub(super) fn set_labels(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    let wanted = tags(call.value("labels"));
    change(world, id, |one| {
        (one.labels, one.labels_cached) = (wanted, true);
    });
    labels(world, call)
}

/// `POST bulk_actions`: labels without replacing, and fields; no permission is asked (contract 4.6).
pub(super) fn bulk(world: &mut World, call: &Call) -> Outcome {
    if call.text("type") != Some("Conversation") {
        return Ok(Answer::new(422, super::call::Body::Json(json!({ "success": false }))));
    }
    let change_of = |key: &str| tags(call.object("labels").get(key));
    let (added, removed, fields) = (change_of("add"), change_of("remove"), call.object("fields"));
    let ids = call.value("ids").and_then(Value::as_array).into_iter().flatten().filter_map(number);
    for id in ids.collect::<Vec<_>>() {
        add_labels(world, id, &added);
        if !removed.is_empty() {
            let is_removed = |label: &String| removed.iter().any(|one| one.eq_ignore_ascii_case(label));
            change(world, id, |one| {
                one.labels.retain(|label| !is_removed(label));
            });
        }
        if let Some(status) = fields.get("status").and_then(Value::as_str).filter(|word| STATUSES.contains(word)) {
            let until = instant(call.value("snoozed_until"));
            change(world, id, |one| {
                (one.status, one.snoozed_until) = (status.to_owned(), until);
            });
        }
        if let Some(assignee) = fields.get("assignee_id") {
            let user = number(assignee).filter(|user| world.users.contains_key(user));
            change(world, id, |one| {
                (one.assignee_id, one.assignee_bot_id) = (user, None);
            });
        }
        if let Some(team) = fields.get("team_id") {
            let team = number(team).filter(|team| world.teams.contains_key(team));
            assign_team(world, id, team);
        }
    }
    Ok(Answer::empty())
}

/// Adds labels to those a conversation has.
pub(super) fn add_labels(world: &mut World, id: i64, added: &[String]) {
    change(world, id, |one| {
        for label in added {
            if !one.labels.iter().any(|own| own.eq_ignore_ascii_case(label)) {
                one.labels.push(label.clone());
                one.labels_cached = true;
            }
        }
    });
}

/// `GET conversations/:id/participants`.
pub(super) fn participants(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    let ids = world.conversations.get(&id).map(|one| one.participants.clone()).unwrap_or_default();
    Ok(Answer::json(Value::Array(people::agents(world, &ids))))
}

/// The users a request names; Chatwoot breaks on one it does not know.
fn named_users(world: &World, call: &Call) -> Result<BTreeSet<i64>, Answer> {
    let ids: BTreeSet<i64> = call.numbers("user_ids").into_iter().collect();
    if ids.iter().all(|id| world.users.contains_key(id)) { Ok(ids) } else { Err(Answer::broken()) }
}

/// `POST conversations/:id/participants`: answers the new ones.
pub(super) fn add_participants(world: &mut World, call: &Call) -> Outcome {
    let (id, named) = (visible(world, call)?, named_users(world, call)?);
    let one = world.conversations.get_mut(&id).ok_or_else(Answer::not_found)?;
    let added: Vec<i64> = named.into_iter().filter(|user| one.participants.insert(*user)).collect();
    Ok(Answer::json(Value::Array(people::agents(world, &added))))
}

/// `PATCH conversations/:id/participants`: replaces them.
pub(super) fn replace_participants(world: &mut World, call: &Call) -> Outcome {
    let (id, named) = (visible(world, call)?, named_users(world, call)?);
    world.conversations.get_mut(&id).ok_or_else(Answer::not_found)?.participants = named;
    participants(world, call)
}

/// `DELETE conversations/:id/participants`.
pub(super) fn remove_participants(world: &mut World, call: &Call) -> Outcome {
    let (id, named) = (visible(world, call)?, call.numbers("user_ids"));
    let one = world.conversations.get_mut(&id).ok_or_else(Answer::not_found)?;
    one.participants.retain(|user| !named.contains(user));
    Ok(Answer::empty())
}

/// `POST conversations/:id/toggle_typing_status`.
pub(super) fn typing(world: &mut World, call: &Call) -> Outcome {
    let conversation = visible(world, call)?;
    let is_private = is_true(call.value("is_private"));
    match call.text("typing_status") {
        Some("on") => world.tell(Happening::Typing { conversation, is_on: true, is_private }),
        Some("off") => world.tell(Happening::Typing { conversation, is_on: false, is_private }),
        _ => {}
    }
    Ok(Answer::empty())
}

/// `POST conversations/:id/update_last_seen`.
pub(super) fn seen(world: &mut World, call: &Call) -> Outcome {
    let (id, now) = (visible(world, call)?, world.now());
    let user = world.current_user().map(|user| user.id);
    let one = world.conversations.get_mut(&id).ok_or_else(Answer::not_found)?;
    one.agent_last_seen_at = Some(now);
    if user.is_some() && one.assignee_id == user {
        one.assignee_last_seen_at = Some(now);
    }
    world.tell(Happening::ConversationRead(id));
    shown(world, id)
}

/// `POST conversations/:id/unread`: unread from the last incoming message on.
pub(super) fn unread(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    let last = world.messages_of(id).rfind(|message| message.kind == Kind::Incoming);
    let before = last.map(|message| message.created_at - chrono::TimeDelta::seconds(1));
    let one = world.conversations.get_mut(&id).ok_or_else(Answer::not_found)?;
    (one.agent_last_seen_at, one.assignee_last_seen_at) = (before, before);
    shown(world, id)
}

/// `POST conversations/:id/mute`: resolves, and blocks the contact.
pub(super) fn mute(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    change(world, id, |one| "resolved".clone_into(&mut one.status));
    Ok(block(world, id, true))
}

/// `POST conversations/:id/unmute`.
pub(super) fn unmute(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    Ok(block(world, id, false))
}

fn block(world: &mut World, id: i64, is_blocked: bool) -> Answer {
    if let Some(contact) = world.conversations.get(&id).map(|one| one.contact_id) {
        contacts::change(world, contact, |contact| contact.blocked = is_blocked);
    }
    if let Some(name) = world.current_name() {
        let verb = if is_blocked { "muted" } else { "unmuted" };
        super::changes::add_line(world, id, format!("{name} has {verb} the conversation"));
    }
    Answer::empty()
}
