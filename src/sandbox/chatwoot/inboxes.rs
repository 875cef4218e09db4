//! API inboxes, their members, and the bot attached to them (contract 2.4 to 2.6).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome, is_true};
use super::conversations;
use super::happenings::Happening;
use super::show_people as people;
use super::world::{Actor, Inbox, Object, World};

/// The settings of a new inbox.
fn defaults() -> Object {
    let settings = json!({
        "greeting_enabled": false, "greeting_message": null, "working_hours_enabled": false,
        "enable_email_collect": true, "csat_survey_enabled": false, "csat_config": {}, "enable_auto_assignment": true,
        "auto_assignment_config": {}, "out_of_office_message": null, "timezone": "UTC",
        "allow_messages_after_resolved": true, "lock_to_single_conversation": false, "sender_name_type": "friendly",
        "business_name": null, "portal_id": null,
    });
    settings.as_object().cloned().unwrap_or_default()
}

/// Whether whoever asks may see an inbox.
pub(super) fn may_see(world: &World, inbox: &Inbox) -> bool {
    let Some(Actor::User(id)) = world.current else {
        return true;
    };
    inbox.members.contains(&id) || world.users.get(&id).is_some_and(|user| user.is_administrator)
}

/// An inbox by id, if whoever asks may see it.
pub(super) fn visible(world: &World, id: i64) -> Result<i64, Answer> {
    let inbox = world.inboxes.get(&id).ok_or_else(Answer::not_found)?;
    if may_see(world, inbox) { Ok(id) } else { Err(Answer::denied()) }
}

fn shows_secrets(world: &World) -> bool {
    world.current_user().is_some_and(|user| user.is_administrator)
}

fn shown(world: &World, id: i64) -> Outcome {
    let inbox = world.inboxes.get(&id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(people::inbox(inbox, shows_secrets(world))))
}

/// Notes that inboxes or their members changed, which browsers must reload.
fn told(world: &mut World) {
    let now = world.now().timestamp();
    world.cache_keys.insert("inbox", now);
    world.tell(Happening::CachesInvalidated);
}

/// Makes an API inbox.
pub(super) fn insert(world: &mut World, name: &str) -> i64 {
    let (id, now) = (world.next_id("inboxes"), world.now());
    let inbox = Inbox {
        id,
        name: name.to_owned(),
        settings: defaults(),
        webhook_url: String::new(),
        hmac_mandatory: false,
        additional_attributes: json!({}),
        identifier: world.draw_token(),
        hmac_token: world.draw_token(),
        secret: world.draw_token(),
        members: BTreeSet::new(),
        bot: None,
        created_at: now,
        updated_at: now,
    };
    world.inboxes.insert(id, inbox);
    told(world);
    id
}

/// `POST inboxes`; only API channels can be made here.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    if call.object("channel").get("type").and_then(Value::as_str) != Some("api") {
        return Err(Answer::error(422, "the stand-in has API channels only"));
    }
    let name = call.text("name").unwrap_or_default();
    if name.is_empty() {
        return Err(Answer::invalid("name", "Name can't be blank"));
    }
    let id = insert(world, name);
    write(world, id, call);
    shown(world, id)
}

/// Writes the settings a request names.
fn write(world: &mut World, id: i64, call: &Call) {
    let now = world.now();
    let Some(inbox) = world.inboxes.get_mut(&id) else {
        return;
    };
    if let Some(name) = call.text("name").filter(|name| !name.is_empty()) {
        name.clone_into(&mut inbox.name);
    }
    for (key, value) in &mut inbox.settings {
        if let Some(wanted) = call.body.get(key) {
            *value = if value.is_boolean() { json!(is_true(Some(wanted))) } else { wanted.clone() };
        }
    }
    let channel = call.object("channel");
    if let Some(url) = channel.get("webhook_url") {
        inbox.webhook_url = url.as_str().unwrap_or_default().to_owned();
    }
    if let Some(wanted) = channel.get("hmac_mandatory") {
        inbox.hmac_mandatory = is_true(Some(wanted));
    }
    if let Some(attributes) = channel.get("additional_attributes") {
        inbox.additional_attributes = attributes.clone();
    }
    inbox.updated_at = now;
    told(world);
}

/// `GET inboxes`: by name, unpaginated; agents see their own.
pub(super) fn list(world: &mut World, _call: &Call) -> Outcome {
    let mut found: Vec<&Inbox> = world.inboxes.values().filter(|inbox| may_see(world, inbox)).collect();
    found.sort_by_key(|inbox| inbox.name.to_lowercase());
    let payload: Vec<Value> = found.into_iter().map(|inbox| people::inbox(inbox, shows_secrets(world))).collect();
    Ok(Answer::json(json!({ "payload": payload })))
}

/// `GET inboxes/:id`.
pub(super) fn show(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call.id(0)?)?;
    shown(world, id)
}

/// `PATCH inboxes/:id`.
pub(super) fn update(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call.id(0)?)?;
    write(world, id, call);
    shown(world, id)
}

/// `DELETE inboxes/:id`: with its conversations.
pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call.id(0)?)?;
    world.inboxes.remove(&id);
    world.contact_inboxes.retain(|_, place| place.inbox_id != id);
    let inside = world.conversations.values().filter(|one| one.inbox_id == id).map(|one| one.id);
    for conversation in inside.collect::<Vec<_>>() {
        conversations::remove(world, conversation);
    }
    told(world);
    Ok(Answer::json(json!({ "message": "Your inbox deletion request will be processed in some time." })))
}

/// `POST inboxes/:id/reset_secret`.
pub(super) fn reset_secret(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call.id(0)?)?;
    let secret = world.draw_token();
    world.inboxes.get_mut(&id).ok_or_else(Answer::not_found)?.secret = secret;
    shown(world, id)
}

/// `POST inboxes/:id/set_agent_bot`.
pub(super) fn set_bot(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call.id(0)?)?;
    let bot = call.number("agent_bot");
    if bot.is_some_and(|bot| !world.bots.contains_key(&bot)) {
        return Err(Answer::not_found());
    }
    world.inboxes.get_mut(&id).ok_or_else(Answer::not_found)?.bot = bot;
    Ok(Answer::empty())
}

/// `GET inboxes/:id/agent_bot`.
pub(super) fn bot(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call.id(0)?)?;
    let bot = world.inboxes.get(&id).and_then(|inbox| inbox.bot).and_then(|bot| world.bots.get(&bot));
    let with_secret = shows_secrets(world);
    let shown = bot.map(|bot| json!({ "agent_bot": people::bot_of_inbox(world, bot, with_secret) }));
    Ok(Answer::json(shown.unwrap_or_else(|| json!({}))))
}

/// The inbox a request about members names in its body.
fn of_members(world: &World, call: &Call) -> Result<i64, Answer> {
    let id = call.number("inbox_id").ok_or_else(Answer::not_found)?;
    world.inboxes.contains_key(&id).then_some(id).ok_or_else(Answer::not_found)
}

fn members(world: &World, id: i64) -> Outcome {
    let inbox = world.inboxes.get(&id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(json!({ "payload": people::agents(world, &inbox.members) })))
}

/// `GET inbox_members/:id`.
pub(super) fn list_members(world: &mut World, call: &Call) -> Outcome {
    let id = visible(world, call.id(0)?)?;
    members(world, id)
}

/// The users a request adds: ids as text do not match those that are there, and fail as doubles (contract 2.6).
fn wanted_members(world: &World, inbox: i64, call: &Call) -> Result<BTreeSet<i64>, Answer> {
    let listed = call.value("user_ids").and_then(Value::as_array).cloned().unwrap_or_default();
    let present = world.inboxes.get(&inbox).map(|inbox| inbox.members.clone()).unwrap_or_default();
    let mut wanted = BTreeSet::new();
    for value in &listed {
        let id = super::call::number(value).ok_or_else(Answer::not_found)?;
        if value.is_string() && present.contains(&id) {
            return Err(Answer::invalid("user_id", "User has already been taken"));
        }
        if !world.users.contains_key(&id) {
            return Err(Answer::invalid("user", "User must exist"));
        }
        wanted.insert(id);
    }
    Ok(wanted)
}

fn set_members(world: &mut World, id: i64, members: BTreeSet<i64>) {
    if let Some(inbox) = world.inboxes.get_mut(&id) {
        inbox.members = members;
    }
    told(world);
}

/// `POST inbox_members`: adds.
pub(super) fn add_members(world: &mut World, call: &Call) -> Outcome {
    let id = of_members(world, call)?;
    let mut wanted = wanted_members(world, id, call)?;
    wanted.extend(world.inboxes.get(&id).into_iter().flat_map(|inbox| inbox.members.iter().copied()));
    set_members(world, id, wanted);
    members(world, id)
}

/// `PATCH inbox_members`: replaces.
pub(super) fn replace_members(world: &mut World, call: &Call) -> Outcome {
    let id = of_members(world, call)?;
    let wanted = wanted_members(world, id, call)?;
    set_members(world, id, wanted);
    members(world, id)
}

/// `DELETE inbox_members`: removes.
pub(super) fn remove_members(world: &mut World, call: &Call) -> Outcome {
    let id = of_members(world, call)?;
    let named = call.numbers("user_ids");
    let present = world.inboxes.get(&id).map(|inbox| inbox.members.clone()).unwrap_or_default();
    set_members(world, id, present.into_iter().filter(|user| !named.contains(user)).collect());
    Ok(Answer::empty())
}

/// `GET assignable_agents?inbox_ids[]=`: members of all of them, and every administrator.
pub(super) fn assignable(world: &mut World, call: &Call) -> Outcome {
    let ids = call.query.iter().filter(|(key, _)| key == "inbox_ids[]").map(|(_, id)| id.parse::<i64>().ok());
    let mut wanted: Option<BTreeSet<i64>> = None;
    for id in ids {
        let inbox =
            world.inboxes.get(&visible(world, id.ok_or_else(Answer::not_found)?)?).ok_or_else(Answer::not_found)?;
        wanted = Some(wanted.map_or_else(|| inbox.members.clone(), |others| &others & &inbox.members));
    }
    let mut wanted = wanted.unwrap_or_default().into_iter().collect::<Vec<_>>();
    wanted.extend(world.users.values().filter(|user| user.is_administrator).map(|user| user.id));
    let mut seen = BTreeSet::new();
    wanted.retain(|id| seen.insert(*id));
    Ok(Answer::json(json!({ "payload": people::agents(world, &wanted) })))
}
