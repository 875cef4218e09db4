//! What an administrator sets up: webhooks, dashboard apps, labels, attribute definitions and teams (contract 2).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::call::{Answer, Body, Call, Outcome, is_true};
use super::happenings::Happening;
use super::messages::id_of;
use super::show_people as people;
use super::world::{Label, Object, Team, Webhook, World, iso};

/// The events a webhook may subscribe to.
const EVENTS: [&str; 12] = [
    "conversation_status_changed",
    "conversation_updated",
    "conversation_created",
    "contact_created",
    "contact_updated",
    "message_created",
    "message_updated",
    "webwidget_triggered",
    "inbox_created",
    "inbox_updated",
    "conversation_typing_on",
    "conversation_typing_off",
];

/// Attribute keys that are taken (contract 11.5).
const RESERVED_FOR_CONVERSATIONS: &str = "status priority assignee_id inbox_id team_id display_id campaign_id labels \
    browser_language country_code referer created_at last_activity_at";
const RESERVED_FOR_CONTACTS: &str = "name email phone_number identifier country_code city company_name created_at \
    last_activity_at referer blocked";

/// A text of a wrapped body.
fn word<'a>(body: &'a Object, key: &str) -> Option<&'a str> {
    body.get(key).and_then(Value::as_str)
}

/// The events of the recording's default list, in its order.
fn default_events() -> Vec<String> {
    EVENTS
        .iter()
        .take(8)
        .map(|event| (*event).to_owned())
        .collect()
}

fn subscriptions(body: &Object) -> Result<Option<Vec<String>>, Answer> {
    let Some(listed) = body.get("subscriptions") else {
        return Ok(None);
    };
    let listed: Vec<String> = listed
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if listed.is_empty() || listed.iter().any(|event| !EVENTS.contains(&event.as_str())) {
        return Err(Answer::invalid(
            "subscriptions",
            "Subscriptions Invalid events",
        ));
    }
    Ok(Some(listed))
}

fn url(world: &World, body: &Object, own: Option<i64>) -> Result<Option<String>, Answer> {
    let Some(url) = word(body, "url") else {
        return Ok(None);
    };
    let is_url = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !is_url {
        return Err(Answer::invalid("url", "Url is invalid"));
    }
    if world
        .webhooks
        .values()
        .any(|hook| hook.url == url && Some(hook.id) != own)
    {
        return Err(Answer::invalid("url", "Url has already been taken"));
    }
    Ok(Some(url.to_owned()))
}

/// `GET webhooks`.
pub(super) fn webhooks(world: &mut World, _call: &Call) -> Outcome {
    let listed: Vec<Value> = world
        .webhooks
        .values()
        .map(|hook| people::webhook(world, hook))
        .collect();
    Ok(Answer::json(json!({ "payload": { "webhooks": listed } })))
}

fn shown_webhook(world: &World, id: i64) -> Outcome {
    let hook = world.webhooks.get(&id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(
        json!({ "payload": { "webhook": people::webhook(world, hook) } }),
    ))
}

/// `POST webhooks`.
pub(super) fn create_webhook(world: &mut World, call: &Call) -> Outcome {
    let body = call.wrapped("webhook")?;
    let url = url(world, &body, None)?.ok_or_else(|| Answer::invalid("url", "Url is invalid"))?;
    let subscriptions = subscriptions(&body)?.unwrap_or_else(default_events);
    let id = world.next_id("webhooks");
    let name = word(&body, "name").map(str::to_owned);
    let hook = Webhook {
        id,
        name,
        url,
        subscriptions,
        secret: world.draw_token(),
    };
    world.webhooks.insert(id, hook);
    shown_webhook(world, id)
}

/// `PATCH webhooks/:id`.
pub(super) fn update_webhook(world: &mut World, call: &Call) -> Outcome {
    let (id, body) = (call.id(0)?, call.wrapped("webhook")?);
    let (url, subscriptions) = (url(world, &body, Some(id))?, subscriptions(&body)?);
    let hook = world.webhooks.get_mut(&id).ok_or_else(Answer::not_found)?;
    hook.url = url.unwrap_or_else(|| hook.url.clone());
    hook.subscriptions = subscriptions.unwrap_or_else(|| hook.subscriptions.clone());
    if let Some(name) = word(&body, "name") {
        hook.name = Some(name.to_owned());
    }
    shown_webhook(world, id)
}

/// `DELETE webhooks/:id`.
pub(super) fn delete_webhook(world: &mut World, call: &Call) -> Outcome {
    world
        .webhooks
        .remove(&call.id(0)?)
        .map(|_| Answer::empty())
        .ok_or_else(Answer::not_found)
}

/// The content of a dashboard app: frames with a web address, of which only two keys are kept.
fn frames(body: &Object) -> Result<Option<Value>, Answer> {
    let Some(content) = body.get("content") else {
        return Ok(None);
    };
    let frame = |one: &Value| {
        let url = one.get("url")?.as_str()?;
        let is_frame = one.get("type")?.as_str()? == "frame"
            && (url.starts_with("http://") || url.starts_with("https://"));
        is_frame.then(|| json!({ "url": url, "type": "frame" }))
    };
    let frames: Option<Vec<Value>> = content
        .as_array()
        .and_then(|content| content.iter().map(frame).collect());
    let frames = frames.filter(|frames| !frames.is_empty());
    frames
        .map(|frames| Some(Value::Array(frames)))
        .ok_or_else(|| Answer::invalid("content", "Content : Invalid data"))
}

/// `GET dashboard_apps`: no policy asks anything (contract 1.2).
pub(super) fn apps(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::json(
        world
            .dashboard_apps
            .values()
            .cloned()
            .map(Value::Object)
            .collect(),
    ))
}

fn shown_app(world: &World, id: i64) -> Outcome {
    world
        .dashboard_apps
        .get(&id)
        .map(|app| Answer::json(json!(app)))
        .ok_or_else(Answer::not_found)
}

/// `GET dashboard_apps/:id`.
pub(super) fn show_app(world: &mut World, call: &Call) -> Outcome {
    shown_app(world, call.id(0)?)
}

/// `POST dashboard_apps`: the same twice is two tabs.
pub(super) fn create_app(world: &mut World, call: &Call) -> Outcome {
    let body = call.wrapped("dashboard_app")?;
    let content =
        frames(&body)?.ok_or_else(|| Answer::invalid("content", "Content : Invalid data"))?;
    let id = world.next_id("dashboard_apps");
    let app = json!({ "id": id, "title": word(&body, "title"), "content": content, "created_at": iso(world.now()) });
    world
        .dashboard_apps
        .insert(id, app.as_object().cloned().unwrap_or_default());
    shown_app(world, id)
}

/// `PATCH dashboard_apps/:id`.
pub(super) fn update_app(world: &mut World, call: &Call) -> Outcome {
    let (id, body) = (call.id(0)?, call.wrapped("dashboard_app")?);
    let content = frames(&body)?;
    let app = world
        .dashboard_apps
        .get_mut(&id)
        .ok_or_else(Answer::not_found)?;
    if let Some(content) = content {
        app.insert("content".to_owned(), content);
    }
    if let Some(title) = body.get("title") {
        app.insert("title".to_owned(), title.clone());
    }
    shown_app(world, id)
}

/// `DELETE dashboard_apps/:id`: 204.
pub(super) fn delete_app(world: &mut World, call: &Call) -> Outcome {
    world
        .dashboard_apps
        .remove(&call.id(0)?)
        .ok_or_else(Answer::not_found)?;
    Ok(Answer::new(204, Body::None))
}

/// Notes that labels or teams changed, which browsers must reload.
fn told(world: &mut World, key: &'static str) {
    let now = world.now().timestamp();
    world.cache_keys.insert(key, now);
    world.tell(Happening::CachesInvalidated);
}

/// Checks a label's title and folds it (contract 11.4).
fn title(world: &World, body: &Object, own: Option<i64>) -> Result<Option<String>, Answer> {
    let Some(title) = word(body, "title").map(str::to_lowercase) else {
        return Ok(None);
    };
    let starts = title.starts_with(char::is_alphanumeric);
    let fits = title
        .chars()
        .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'));
    if title.trim().is_empty() {
        return Err(Answer::invalid(
            "title",
            "Title must not be blank, Title is invalid",
        ));
    }
    if !starts || !fits || title.chars().count() < 2 {
        return Err(Answer::invalid("title", "Title is invalid"));
    }
    if world
        .labels
        .values()
        .any(|label| label.title == title && Some(label.id) != own)
    {
        return Err(Answer::invalid("title", "Title has already been taken"));
    }
    Ok(Some(title))
}

/// `GET labels`.
pub(super) fn labels(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::json(
        json!({ "payload": world.labels.values().map(people::label).collect::<Vec<_>>() }),
    ))
}

fn shown_label(world: &World, id: i64) -> Outcome {
    world
        .labels
        .get(&id)
        .map(|label| Answer::json(people::label(label)))
        .ok_or_else(Answer::not_found)
}

/// `GET labels/:id`.
pub(super) fn show_label(world: &mut World, call: &Call) -> Outcome {
    shown_label(world, call.id(0)?)
}

/// `POST labels`.
pub(super) fn create_label(world: &mut World, call: &Call) -> Outcome {
    let body = call.wrapped("label")?;
    let blank = || Answer::invalid("title", "Title must not be blank, Title is invalid");
    let title = title(world, &body, None)?.ok_or_else(blank)?;
    let id = world.next_id("labels");
    let label = Label {
        id,
        title,
        description: body.get("description").cloned().unwrap_or(Value::Null),
        color: word(&body, "color").unwrap_or("#1f93ff").to_owned(),
        show_on_sidebar: body.get("show_on_sidebar").cloned().unwrap_or(Value::Null),
    };
    world.labels.insert(id, label);
    told(world, "label");
    shown_label(world, id)
}

/// `PATCH labels/:id`: a new title is written to the conversations too.
pub(super) fn update_label(world: &mut World, call: &Call) -> Outcome {
    let (id, body) = (call.id(0)?, call.wrapped("label")?);
    let title = title(world, &body, Some(id))?;
    let label = world.labels.get_mut(&id).ok_or_else(Answer::not_found)?;
    if let Some(color) = word(&body, "color") {
        color.clone_into(&mut label.color);
    }
    if let Some(description) = body.get("description") {
        label.description = description.clone();
    }
    if let Some(shown) = body.get("show_on_sidebar") {
        label.show_on_sidebar = shown.clone();
    }
    if let Some(title) = title {
        let was = std::mem::replace(&mut label.title, title.clone());
        for own in world
            .conversations
            .values_mut()
            .flat_map(|one| one.labels.iter_mut())
            .filter(|own| **own == was)
        {
            own.clone_from(&title);
        }
    }
    told(world, "label");
    shown_label(world, id)
}

/// `DELETE labels/:id`: untags without conversation events.
pub(super) fn delete_label(world: &mut World, call: &Call) -> Outcome {
    let label = world
        .labels
        .remove(&call.id(0)?)
        .ok_or_else(Answer::not_found)?;
    for one in world.conversations.values_mut() {
        one.labels.retain(|own| *own != label.title);
    }
    told(world, "label");
    Ok(Answer::empty())
}

/// `GET custom_attribute_definitions`.
pub(super) fn definitions(world: &mut World, call: &Call) -> Outcome {
    let model = call.query("attribute_model");
    let is_wanted =
        |one: &&Object| model.is_none_or(|model| word(one, "attribute_model") == Some(model));
    Ok(Answer::json(
        world
            .definitions
            .values()
            .filter(is_wanted)
            .cloned()
            .map(Value::Object)
            .collect(),
    ))
}

/// `POST custom_attribute_definitions`.
pub(super) fn define(world: &mut World, call: &Call) -> Outcome {
    let body = call.wrapped("custom_attribute_definition")?;
    let (key, model) = (
        word(&body, "attribute_key").unwrap_or_default().trim(),
        word(&body, "attribute_model").unwrap_or("conversation_attribute"),
    );
    let refused = |text: &str| Answer::invalid("attribute_key", &format!("Attribute key {text}"));
    let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-');
    if key.is_empty() || !key.chars().all(fits) {
        return Err(refused(
            "must only contain letters, numbers, underscores, hyphens, and dots",
        ));
    }
    let reserved = if model == "contact_attribute" {
        RESERVED_FOR_CONTACTS
    } else {
        RESERVED_FOR_CONVERSATIONS
    };
    if reserved.split_whitespace().any(|taken| taken == key) {
        return Err(refused(
            "The provided key is not allowed as it might conflict with default attributes.",
        ));
    }
    let is_same = |one: &Object| {
        word(one, "attribute_key") == Some(key) && word(one, "attribute_model") == Some(model)
    };
    if world.definitions.values().any(is_same) {
        return Err(refused("has already been taken"));
    }
    let kind = word(&body, "attribute_display_type").unwrap_or("text");
    if !matches!(
        kind,
        "text" | "number" | "currency" | "percent" | "link" | "date" | "list" | "checkbox"
    ) {
        return Err(Answer::broken());
    }
    let (id, now) = (world.next_id("definitions"), iso(world.now()));
    let definition = json!({
        "id": id, "attribute_display_name": body.get("attribute_display_name"), "attribute_display_type": kind,
        "attribute_description": body.get("attribute_description"), "attribute_key": key,
        "regex_pattern": body.get("regex_pattern"), "regex_cue": body.get("regex_cue"),
        "attribute_values": body.get("attribute_values").cloned().unwrap_or_else(|| json!([])),
        "attribute_model": model, "default_value": null, "created_at": now, "updated_at": now,
    });
    world
        .definitions
        .insert(id, definition.as_object().cloned().unwrap_or_default());
    Ok(Answer::json(definition))
}

/// `DELETE custom_attribute_definitions/:id`: 204.
pub(super) fn undefine(world: &mut World, call: &Call) -> Outcome {
    world
        .definitions
        .remove(&call.id(0)?)
        .ok_or_else(Answer::not_found)?;
    Ok(Answer::new(204, Body::None))
}

/// `GET teams`.
pub(super) fn teams(world: &mut World, _call: &Call) -> Outcome {
    let shown = world
        .teams
        .values()
        .map(|team| people::team(world, team))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Answer::json(Value::Array(shown)))
}

/// `POST teams`.
pub(super) fn create_team(world: &mut World, call: &Call) -> Outcome {
    let body = call.wrapped("team")?;
    let name = word(&body, "name")
        .unwrap_or_default()
        .trim()
        .to_lowercase();
    if name.is_empty() {
        return Err(Answer::invalid("name", "Name must not be blank"));
    }
    if world.teams.values().any(|team| team.name == name) {
        return Err(Answer::invalid("name", "Name has already been taken"));
    }
    let id = world.next_id("teams");
    let team = Team {
        id,
        name,
        description: body.get("description").cloned().unwrap_or(Value::Null),
        allow_auto_assign: body
            .get("allow_auto_assign")
            .is_none_or(|value| is_true(Some(value))),
        members: BTreeSet::new(),
        created_at: world.now(),
    };
    world.teams.insert(id, team.clone());
    told(world, "team");
    Ok(Answer::json(people::team(world, &team)?))
}

/// `DELETE teams/:id`.
pub(super) fn delete_team(world: &mut World, call: &Call) -> Outcome {
    let id = call.id(0)?;
    world.teams.remove(&id).ok_or_else(Answer::not_found)?;
    for one in world
        .conversations
        .values_mut()
        .filter(|one| one.team_id == Some(id))
    {
        one.team_id = None;
    }
    told(world, "team");
    Ok(Answer::empty())
}

/// `GET teams/:id/team_members`.
pub(super) fn team_members(world: &mut World, call: &Call) -> Outcome {
    let team = world
        .teams
        .get(&call.id(0)?)
        .ok_or_else(Answer::not_found)?;
    Ok(Answer::json(Value::Array(people::agents(
        world,
        &team.members,
    ))))
}

fn named_members(world: &World, call: &Call) -> Result<BTreeSet<i64>, Answer> {
    let named: BTreeSet<i64> = call.numbers("user_ids").into_iter().collect();
    let is_known = named.iter().all(|id| world.users.contains_key(id));
    is_known
        .then_some(named)
        .ok_or_else(|| Answer::error(401, "Invalid User IDs"))
}

/// `POST teams/:id/team_members`: adds, and answers the new ones.
pub(super) fn add_team_members(world: &mut World, call: &Call) -> Outcome {
    let (id, named) = (call.id(0)?, named_members(world, call)?);
    let team = world.teams.get_mut(&id).ok_or_else(Answer::not_found)?;
    let added: Vec<i64> = named
        .into_iter()
        .filter(|user| team.members.insert(*user))
        .collect();
    told(world, "team");
    Ok(Answer::json(Value::Array(people::agents(world, &added))))
}

/// `PATCH teams/:id/team_members`: replaces.
pub(super) fn replace_team_members(world: &mut World, call: &Call) -> Outcome {
    let (id, named) = (call.id(0)?, named_members(world, call)?);
    world
        .teams
        .get_mut(&id)
        .ok_or_else(Answer::not_found)?
        .members = named;
    told(world, "team");
    team_members(world, call)
}

/// `DELETE teams/:id/team_members`: removes.
pub(super) fn remove_team_members(world: &mut World, call: &Call) -> Outcome {
    let (id, named) = (call.id(0)?, named_members(world, call)?);
    let team = world.teams.get_mut(&id).ok_or_else(Answer::not_found)?;
    team.members.retain(|user| !named.contains(user));
    told(world, "team");
    Ok(Answer::empty())
}

/// `GET accounts/:id/cache_keys`.
pub(super) fn cache_keys(world: &mut World, _call: &Call) -> Outcome {
    let keys: Object = world
        .cache_keys
        .iter()
        .map(|(key, at)| ((*key).to_owned(), json!(format!("{at:010}"))))
        .collect();
    Ok(Answer::json(json!({ "cache_keys": keys })))
}

/// `GET accounts/:id`.
pub(super) fn account(world: &mut World, call: &Call) -> Outcome {
    let cache_keys = cache_keys(world, call)?;
    let Body::Json(Value::Object(keys)) = cache_keys.body else {
        return Err(Answer::broken());
    };
    Ok(Answer::json(json!({
        "domain": null, "features": {
            "macros": true, "agent_bots": true, "agent_management": true, "labels": true, "custom_attributes": true,
            "automations": true, "integrations": true, "assignment_v2": true, "chatwoot_v4": true,
        },
        "id": world.account_id, "locale": "en", "name": world.account_name, "support_email": "support@example.com",
        "status": "active", "cache_keys": keys.get("cache_keys"),
        "settings": { "auto_resolve_after": null, "auto_resolve_message": null, "auto_resolve_ignore_waiting": false },
        "created_at": iso(world.users.values().next().map_or_else(|| world.now(), |user| user.created_at)),
        "latest_chatwoot_version": "4.13.0", "subscribed_features": [],
    })))
}

/// An automation rule or macro names things by id: reads one such id.
pub(super) fn first_id(params: Option<&Value>) -> Option<i64> {
    let object = json!({ "id": params?.as_array()?.first()? });
    id_of(object.as_object()?, "id")
}
