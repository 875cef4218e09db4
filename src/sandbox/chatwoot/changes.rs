//! Changing a conversation: what is noticed, the grey lines it leaves, and who takes it by itself.

use serde_json::{Value, json};

use super::drafts::Draft;
use super::happenings::Happening;
use super::messages;
use super::presence;
use super::world::{Conversation, Kind, Sender, World, iso};

/// The name an activity line gives when Chatwoot's own assignment policy acted.
const POLICY: &str = "Default Policy";

/// Changes a conversation and saves it: tells what changed, and writes activity lines as `by`.
pub(super) fn change(world: &mut World, id: i64, alter: impl FnOnce(&mut Conversation)) {
    let by = world.current_name();
    change_as(world, id, by.as_deref(), alter);
}

/// Like [`change`], for somebody who is not the one who asks.
pub(super) fn change_as(world: &mut World, id: i64, by: Option<&str>, alter: impl FnOnce(&mut Conversation)) {
    let now = world.now();
    let Some(one) = world.conversations.get_mut(&id) else {
        return;
    };
    let before = one.clone();
    alter(one);
    if one.status != "snoozed" {
        one.snoozed_until = None;
    }
    if one.status == "resolved" && before.status != "resolved" {
        one.waiting_since = None;
    }
    let after = one.clone();
    let mut changes = differences(&before, &after);
    if changes.is_empty() && before == after {
        return;
    }
    one.updated_at = now;
    if changes.is_empty() {
        return;
    }
    let (was, is) = (json!(iso(before.updated_at)), json!(iso(now)));
    changes.push(entry("updated_at", &was, &is));
    if before.status != after.status {
        world.tell(Happening::StatusChanged(id));
    }
    world.tell(Happening::ConversationUpdated { id, changes });
    if (before.assignee_id, before.assignee_bot_id) != (after.assignee_id, after.assignee_bot_id) {
        if let (Some(user), Some(one)) = (after.assignee_id, world.conversations.get_mut(&id)) {
            one.participants.insert(user);
        }
        world.tell(Happening::AssigneeChanged(id));
    }
    if before.team_id != after.team_id {
        world.tell(Happening::TeamChanged(id));
    }
    for line in activity_lines(world, &before, &after, by) {
        add_line(world, id, line);
    }
    if before.status != "open" && after.status == "open" {
        assign_automatically(world, id);
    }
}

/// Writes a grey line that nobody sent.
pub(super) fn add_line(world: &mut World, conversation: i64, content: String) {
    let draft = Draft { kind: Kind::Activity, sender: Sender::Nobody, ..Draft::new(Some(content)) };
    messages::add(world, conversation, draft);
}

fn entry(key: &str, previous: &Value, current: &Value) -> Value {
    json!({ key: { "previous_value": previous, "current_value": current } })
}

/// The changed attributes that `conversation_updated` lists (contract 6.3).
fn differences(before: &Conversation, after: &Conversation) -> Vec<Value> {
    let mut found = Vec::new();
    let mut compare = |key: &str, previous: Value, current: Value| {
        if previous != current {
            found.push(entry(key, &previous, &current));
        }
    };
    compare("status", json!(before.status), json!(after.status));
    compare("assignee_id", json!(before.assignee_id), json!(after.assignee_id));
    compare("assignee_agent_bot_id", json!(before.assignee_bot_id), json!(after.assignee_bot_id));
    compare("team_id", json!(before.team_id), json!(after.team_id));
    compare("priority", json!(before.priority), json!(after.priority));
    compare("snoozed_until", json!(before.snoozed_until.map(iso)), json!(after.snoozed_until.map(iso)));
    compare("custom_attributes", json!(before.custom_attributes), json!(after.custom_attributes));
    compare(
        "first_reply_created_at",
        json!(before.first_reply_created_at.map(iso)),
        json!(after.first_reply_created_at.map(iso)),
    );
    if after.status == before.status {
        compare("waiting_since", json!(before.waiting_since.map(iso)), json!(after.waiting_since.map(iso)));
    }
    if before.labels != after.labels {
        compare("label_list", json!(before.labels), json!(after.labels));
        let cached = |one: &Conversation| one.labels_cached.then(|| one.labels.join(", "));
        compare("cached_label_list", json!(cached(before)), json!(cached(after)));
    }
    found
}

/// The grey lines of a change, in Chatwoot's order.
fn activity_lines(world: &World, before: &Conversation, after: &Conversation, by: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    if before.status != after.status {
        lines.extend(status_line(after, by));
    }
    let Some(by) = by else { return lines };
    if before.priority != after.priority {
        lines.push(match (&before.priority, &after.priority) {
            (None, Some(now)) => format!("{by} set the priority to {now}"),
            (Some(was), Some(now)) => format!("{by} changed the priority from {was} to {now}"),
            (_, None) => format!("{by} removed the priority"),
        });
    }
    let (added, removed) = (missing_from(&after.labels, &before.labels), missing_from(&before.labels, &after.labels));
    for (verb, labels) in [("added", added), ("removed", removed)] {
        if !labels.is_empty() {
            lines.push(format!("{by} {verb} {}", labels.join(", ")));
        }
    }
    if before.team_id != after.team_id {
        let name = |id: Option<i64>| id.and_then(|id| world.teams.get(&id)).map(|team| team.name.clone());
        lines.extend(match (name(before.team_id), name(after.team_id)) {
            (_, Some(team)) => Some(format!("Assigned to {team} by {by}")),
            (Some(team), None) => Some(format!("Unassigned from {team} by {by}")),
            (None, None) => None,
        });
    } else if before.assignee_id != after.assignee_id {
        lines.push(match after.assignee_id.and_then(|id| world.users.get(&id)) {
            Some(user) if user.name == by => format!("{by} self-assigned this conversation"),
            Some(user) => format!("Assigned to {} by {by}", user.name),
            None => format!("Conversation unassigned by {by}"),
        });
    }
    lines
}

fn status_line(after: &Conversation, by: Option<&str>) -> Option<String> {
    let Some(by) = by else {
        return (after.status == "open")
            .then(|| "System reopened the conversation due to a new incoming message.".to_owned());
    };
    match after.status.as_str() {
        "resolved" => Some(format!("Conversation was marked resolved by {by}")),
        "open" => Some(format!("Conversation was reopened by {by}")),
        "pending" => Some(format!("Conversation was marked as pending by {by}")),
        "snoozed" => Some(format!("Conversation was snoozed by {by}")),
        _ => None,
    }
}

fn missing_from<'a>(these: &'a [String], others: &[String]) -> Vec<&'a str> {
    these.iter().filter(|one| !others.contains(one)).map(String::as_str).collect()
}

/// Assigns an open, unassigned conversation to an online member, where the inbox wants that (contract 11.8).
pub(super) fn assign_automatically(world: &mut World, id: i64) {
    let Some(one) = world.conversations.get(&id) else {
        return;
    };
    if one.status != "open" || one.assignee_id.is_some() || one.assignee_bot_id.is_some() {
        return;
    }
    let Some(inbox) = world.inboxes.get(&one.inbox_id).filter(|inbox| inbox.is_on("enable_auto_assignment")) else {
        return;
    };
    let is_free = |user: &&i64| world.users.get(user).is_some_and(|user| presence::listed(world, user) == "online");
    let load = |user: &&i64| {
        world.conversations.values().filter(|one| one.assignee_id == Some(**user) && one.status == "open").count()
    };
    if let Some(user) = inbox.members.iter().filter(is_free).min_by_key(load).copied() {
        change_as(world, id, Some(POLICY), |one| one.assignee_id = Some(user));
    }
}
