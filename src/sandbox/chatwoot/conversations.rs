//! Finding, making and removing conversations (contract 4.1, 4.2).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome, number};
use super::changes;
use super::contact_inboxes;
use super::drafts;
use super::filter::{self, Standard};
use super::happenings::Happening;
use super::messages;
use super::show_conversations as show;
use super::world::{Actor, Conversation, Kind, World};

/// The four states.
pub(super) const STATUSES: [&str; 4] = ["open", "resolved", "pending", "snoozed"];

/// How many a page lists.
const PER_PAGE: usize = 25;

/// The keys `conversations/filter` knows of itself, and their operators.
pub(super) const FILTERS: &[Standard] = &[
    ("status", &["equal_to", "not_equal_to"]),
    ("assignee_id", &["equal_to", "not_equal_to", "is_present", "is_not_present"]),
    ("inbox_id", &["equal_to", "not_equal_to", "is_present", "is_not_present"]),
    ("team_id", &["equal_to", "not_equal_to", "is_present", "is_not_present"]),
    ("priority", &["equal_to", "not_equal_to"]),
    ("display_id", &["equal_to", "not_equal_to", "contains", "does_not_contain"]),
    ("campaign_id", &["equal_to", "not_equal_to", "is_present", "is_not_present"]),
    ("labels", &["equal_to", "not_equal_to", "is_present", "is_not_present"]),
    ("browser_language", &["equal_to", "not_equal_to"]),
    ("conversation_language", &["equal_to", "not_equal_to"]),
    ("referer", &["equal_to", "not_equal_to", "contains", "does_not_contain"]),
    ("created_at", &["is_greater_than", "is_less_than", "days_before"]),
    ("last_activity_at", &["is_greater_than", "is_less_than", "days_before"]),
    ("mail_subject", &["equal_to", "not_equal_to", "contains", "does_not_contain"]),
];

/// Whether whoever asks may see a conversation (contract 1.2).
pub(super) fn may_see(world: &World, one: &Conversation) -> bool {
    let Some(Actor::User(id)) = world.current else {
        return true;
    };
    let is_administrator = world.users.get(&id).is_some_and(|user| user.is_administrator);
    let in_inbox = world.inboxes.get(&one.inbox_id).is_some_and(|inbox| inbox.members.contains(&id));
    let team = one.team_id.and_then(|team| world.teams.get(&team));
    is_administrator || in_inbox || team.is_some_and(|team| team.members.contains(&id))
}

/// The conversation a path names first, if whoever asks may see it.
pub(super) fn visible(world: &World, call: &Call) -> Result<i64, Answer> {
    let id = call.id(0)?;
    let one = world.conversations.get(&id).ok_or_else(Answer::not_found)?;
    if may_see(world, one) { Ok(id) } else { Err(Answer::denied()) }
}

/// The REST form of a conversation by id.
pub(super) fn shown(world: &World, id: i64) -> Outcome {
    let one = world.conversations.get(&id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(show::conversation(world, one)?))
}

/// `GET conversations/:id`.
pub(super) fn show(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    shown(world, id)
}

/// Seconds since 1970 as text or number.
pub(super) fn instant(value: Option<&Value>) -> Option<DateTime<Utc>> {
    let value = value?;
    let parsed = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|at| at.to_utc());
    parsed.or_else(|| DateTime::from_timestamp(number(value)?, 0))
}

/// `POST conversations`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let contact_inbox = place(world, call)?;
    let status = call.text("status").unwrap_or("open");
    if !STATUSES.contains(&status) {
        return Err(Answer::broken());
    }
    super::actions::check_attributes("Custom attributes", "custom_attributes", &call.object("custom_attributes"))?;
    super::actions::check_attributes(
        "Additional attributes",
        "additional_attributes",
        &call.object("additional_attributes"),
    )?;
    let note = drafts::nested(call);
    let id = open(world, contact_inbox, status, call)?;
    if let Some(note) = note {
        let draft = drafts::read(world, id, &note)?;
        messages::add(world, id, draft);
    }
    let answer = shown(world, id);
    changes::assign_automatically(world, id); // a job, after the answer
    answer
}

/// The contact inbox a new conversation hangs off: the three parameters find or make it.
fn place(world: &mut World, call: &Call) -> Result<i64, Answer> {
    let inbox = match call.number("inbox_id") {
        Some(id) => Some(super::inboxes::visible(world, id)?),
        None => None,
    };
    let contact = match call.number("contact_id") {
        Some(id) if world.contacts.contains_key(&id) => Some(id),
        Some(_) => return Err(Answer::not_found()),
        None => None,
    };
    let source = call.text("source_id");
    if let (Some(inbox), Some(contact)) = (inbox, contact) {
        let taken = source.and_then(|source| contact_inboxes::owner(world, inbox, source));
        if taken.is_some_and(|owner| owner != contact) {
            return Err(Answer::error(422, "source_id should be unique"));
        }
        return contact_inboxes::find_or_make(world, contact, inbox, source);
    }
    let found = world.contact_inboxes.values().find(|one| Some(one.source_id.as_str()) == source);
    let found = found.ok_or_else(Answer::not_found)?;
    super::inboxes::visible(world, found.inbox_id)?;
    Ok(found.id)
}

/// Opens a conversation, or returns the last one where the inbox allows only one.
pub(super) fn open(world: &mut World, contact_inbox: i64, status: &str, call: &Call) -> Result<i64, Answer> {
    let place = world.contact_inboxes.get(&contact_inbox).cloned().ok_or_else(Answer::not_found)?;
    let inbox = world.inboxes.get(&place.inbox_id).cloned().ok_or_else(Answer::not_found)?;
    if inbox.is_on("lock_to_single_conversation") {
        let last = world.conversations.values().rfind(|one| one.contact_inbox_id == contact_inbox);
        if let Some(last) = last {
            return Ok(last.id);
        }
    }
    let is_blocked = world.contacts.get(&place.contact_id).is_some_and(|contact| contact.blocked);
    let status = match (is_blocked, inbox.bot) {
        (true, _) => "resolved",
        (false, Some(_)) => "pending",
        (false, None) => status,
    };
    let (id, now) = (world.next_id("conversations"), world.now());
    let assignee_id = call.number("assignee_id");
    let conversation = Conversation {
        id,
        uuid: world.draw_uuid(),
        inbox_id: inbox.id,
        contact_id: place.contact_id,
        contact_inbox_id: contact_inbox,
        status: status.to_owned(),
        assignee_id,
        assignee_bot_id: None,
        team_id: call.number("team_id").filter(|team| world.teams.contains_key(team)),
        priority: None,
        snoozed_until: if status == "snoozed" { instant(call.value("snoozed_until")) } else { None },
        labels: Vec::new(),
        labels_cached: false,
        custom_attributes: call.object("custom_attributes"),
        additional_attributes: call.object("additional_attributes"),
        participants: assignee_id.into_iter().collect(),
        waiting_since: Some(now),
        first_reply_created_at: None,
        agent_last_seen_at: None,
        assignee_last_seen_at: None,
        contact_last_seen_at: None,
        last_activity_at: now,
        created_at: now,
        updated_at: now,
    };
    world.conversations.insert(id, conversation);
    world.tell(Happening::ConversationCreated(id));
    Ok(id)
}

/// `DELETE conversations/:id`.
pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call)?;
    remove(world, id);
    Ok(Answer::empty())
}

/// Removes a conversation with its messages; nobody is told (contract 6.3).
pub(super) fn remove(world: &mut World, id: i64) {
    world.conversations.remove(&id);
    world.messages.retain(|_, message| message.conversation_id != id);
}

/// `GET conversations`.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let now = world.now();
    let user = world.current_user().map(|user| user.id);
    let mut found: Vec<&Conversation> =
        world.conversations.values().filter(|one| is_wanted(world, one, call)).collect();
    let meta = json!({
        "mine_count": found.iter().filter(|one| one.assignee_id.is_some() && one.assignee_id == user).count(),
        "assigned_count": found.iter().filter(|one| one.assignee_id.is_some()).count(),
        "unassigned_count": found.iter().filter(|one| one.assignee_id.is_none()).count(),
        "all_count": found.len(),
    });
    found.retain(|one| match call.query("assignee_type") {
        Some("me") => one.assignee_id.is_some() && one.assignee_id == user,
        Some("unassigned") => one.assignee_id.is_none(),
        Some("assigned") => one.assignee_id.is_some(),
        _ => true,
    });
    match call.query("sort_by") {
        Some("created_at_asc") => found.sort_by_key(|one| one.created_at),
        Some("created_at_desc") => {
            found.sort_by_key(|one| std::cmp::Reverse((one.created_at, one.id)));
        }
        Some("last_activity_at_asc") => found.sort_by_key(|one| one.last_activity_at),
        _ => found.sort_by_key(|one| std::cmp::Reverse((one.last_activity_at, one.id))),
    }
    if let Some(seconds) = call.query_number("updated_within") {
        let since = now - TimeDelta::seconds(seconds);
        found.retain(|one| one.updated_at > since);
    } else {
        found = paged(found, call);
    }
    let payload = found.into_iter().map(|one| show::conversation(world, one)).collect::<Result<Vec<_>, _>>()?;
    Ok(Answer::json(json!({ "data": { "meta": meta, "payload": payload } })))
}

fn paged<'a>(found: Vec<&'a Conversation>, call: &Call) -> Vec<&'a Conversation> {
    let page = usize::try_from(call.query_number("page").unwrap_or(1).max(1)).unwrap_or(1);
    found.into_iter().skip((page - 1).saturating_mul(PER_PAGE)).take(PER_PAGE).collect()
}

/// Whether the list parameters take in a conversation.
fn is_wanted(world: &World, one: &Conversation, call: &Call) -> bool {
    let source = || world.contact_inboxes.get(&one.contact_inbox_id).map(|place| place.source_id.as_str());
    let labels: Vec<&str> =
        call.query.iter().filter(|(key, _)| key == "labels[]").map(|(_, label)| label.as_str()).collect();
    let says = |text: &str| {
        let text = text.to_lowercase();
        let holds =
            |content: &Option<String>| content.as_ref().is_some_and(|content| content.to_lowercase().contains(&text));
        world.messages_of(one.id).any(|message| message.kind != Kind::Activity && holds(&message.content))
    };
    may_see(world, one)
        && call.query("status").map_or(one.status == "open", |status| status == "all" || one.status == status)
        && call.query_number("inbox_id").is_none_or(|id| one.inbox_id == id)
        && call.query_number("team_id").is_none_or(|id| one.team_id == Some(id))
        && call.query("source_id").is_none_or(|wanted| source() == Some(wanted))
        && labels.iter().all(|label| one.labels.iter().any(|own| own.eq_ignore_ascii_case(label)))
        && call.query("q").is_none_or(says)
}

/// `GET contacts/:id/conversations`: the last twenty.
pub(super) fn of_contact(world: &mut World, call: &Call) -> Outcome {
    let contact = call.id(0)?;
    if !world.contacts.contains_key(&contact) {
        return Err(Answer::not_found());
    }
    let mut found: Vec<&Conversation> = world.conversations.values().filter(|one| one.contact_id == contact).collect();
    found.retain(|one| may_see(world, one));
    found.sort_by_key(|one| std::cmp::Reverse((one.last_activity_at, one.id)));
    let payload = found.into_iter().take(20).map(|one| show::conversation(world, one));
    Ok(Answer::json(json!({ "payload": payload.collect::<Result<Vec<_>, _>>()? })))
}

/// `POST conversations/filter`.
pub(super) fn filter(world: &mut World, call: &Call) -> Outcome {
    let defined = filter::defined_keys(world, "conversation_attribute");
    let rules = filter::read(call, FILTERS, &defined)?;
    let user = world.current_user().map(|user| user.id);
    let mut found: Vec<&Conversation> = world.conversations.values().filter(|one| may_see(world, one)).collect();
    found.retain(|one| filter::holds(&rules, |key| values(one, key)));
    found.sort_by_key(|one| std::cmp::Reverse((one.last_activity_at, one.id)));
    let meta = json!({
        "mine_count": found.iter().filter(|one| one.assignee_id.is_some() && one.assignee_id == user).count(),
        "unassigned_count": found.iter().filter(|one| one.assignee_id.is_none()).count(),
        "all_count": found.len(),
    });
    let payload = paged(found, call).into_iter().map(|one| show::conversation(world, one));
    Ok(Answer::json(json!({ "meta": meta, "payload": payload.collect::<Result<Vec<_>, _>>()? })))
}

/// What a conversation has under a filter key, as text.
pub(super) fn values(one: &Conversation, key: &str) -> Vec<String> {
    let number = |id: Option<i64>| id.map(|id| id.to_string()).into_iter().collect();
    match key {
        "status" => vec![one.status.clone()],
        "assignee_id" => number(one.assignee_id),
        "inbox_id" => vec![one.inbox_id.to_string()],
        "team_id" => number(one.team_id),
        "priority" => one.priority.clone().into_iter().collect(),
        "display_id" => vec![one.id.to_string()],
        "labels" => one.labels.clone(),
        "created_at" => vec![one.created_at.date_naive().to_string()],
        "last_activity_at" => vec![one.last_activity_at.date_naive().to_string()],
        "browser_language" | "conversation_language" | "referer" | "mail_subject" => {
            one.additional_attributes.get(key).map(filter::text).into_iter().collect()
        }
        _ => one.custom_attributes.get(key).map(filter::text).into_iter().collect(),
    }
}
