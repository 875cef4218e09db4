//! What an administrator sets up for the account: webhooks and dashboard apps (contract 2.1, 2.2).

use serde_json::{Value, json};

use super::call::{Answer, Body, Call, Outcome};
use super::drafts::id_of;
use super::happenings::Happening;
use super::show_people as people;
use super::world::{Object, Webhook, World, iso};

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

/// A text of a wrapped body.
pub(super) fn word<'a>(body: &'a Object, key: &str) -> Option<&'a str> {
    body.get(key).and_then(Value::as_str)
}

/// The events of the recording's default list, in its order.
fn default_events() -> Vec<String> {
    EVENTS.iter().take(8).map(|event| (*event).to_owned()).collect()
}

fn subscriptions(body: &Object) -> Result<Option<Vec<String>>, Answer> {
    let Some(listed) = body.get("subscriptions") else {
        return Ok(None);
    };
    let listed: Vec<String> =
        listed.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if listed.is_empty() || listed.iter().any(|event| !EVENTS.contains(&event.as_str())) {
        return Err(Answer::invalid("subscriptions", "Subscriptions Invalid events"));
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
    if world.webhooks.values().any(|hook| hook.url == url && Some(hook.id) != own) {
        return Err(Answer::invalid("url", "Url has already been taken"));
    }
    Ok(Some(url.to_owned()))
}

/// `GET webhooks`.
pub(super) fn webhooks(world: &mut World, _call: &Call) -> Outcome {
    let listed: Vec<Value> = world.webhooks.values().map(|hook| people::webhook(world, hook)).collect();
    Ok(Answer::json(json!({ "payload": { "webhooks": listed } })))
}

fn shown_webhook(world: &World, id: i64) -> Outcome {
    let hook = world.webhooks.get(&id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(json!({ "payload": { "webhook": people::webhook(world, hook) } })))
}

/// `POST webhooks`.
pub(super) fn create_webhook(world: &mut World, call: &Call) -> Outcome {
    let body = call.wrapped("webhook")?;
    let url = url(world, &body, None)?.ok_or_else(|| Answer::invalid("url", "Url is invalid"))?;
    let subscriptions = subscriptions(&body)?.unwrap_or_else(default_events);
    let id = world.next_id("webhooks");
    let name = word(&body, "name").map(str::to_owned);
    let hook = Webhook { id, name, url, subscriptions, secret: world.draw_token() };
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
    world.webhooks.remove(&call.id(0)?).map(|_| Answer::empty()).ok_or_else(Answer::not_found)
}

/// The content of a dashboard app: frames with a web address, of which only two keys are kept.
fn frames(body: &Object) -> Result<Option<Value>, Answer> {
    let Some(content) = body.get("content") else {
        return Ok(None);
    };
    let frame = |one: &Value| {
        let url = one.get("url")?.as_str()?;
        let is_frame =
            one.get("type")?.as_str()? == "frame" && (url.starts_with("http://") || url.starts_with("https://"));
        is_frame.then(|| json!({ "url": url, "type": "frame" }))
    };
    let frames: Option<Vec<Value>> = content.as_array().and_then(|content| content.iter().map(frame).collect());
    let frames = frames.filter(|frames| !frames.is_empty());
    frames.map(|frames| Some(Value::Array(frames))).ok_or_else(|| Answer::invalid("content", "Content : Invalid data"))
}

/// `GET dashboard_apps`: no policy asks anything (contract 1.2).
pub(super) fn apps(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::json(world.dashboard_apps.values().cloned().map(Value::Object).collect()))
}

fn shown_app(world: &World, id: i64) -> Outcome {
    world.dashboard_apps.get(&id).map(|app| Answer::json(json!(app))).ok_or_else(Answer::not_found)
}

/// `GET dashboard_apps/:id`.
pub(super) fn show_app(world: &mut World, call: &Call) -> Outcome {
    shown_app(world, call.id(0)?)
}

/// `POST dashboard_apps`: the same twice is two tabs.
pub(super) fn create_app(world: &mut World, call: &Call) -> Outcome {
    let body = call.wrapped("dashboard_app")?;
    let content = frames(&body)?.ok_or_else(|| Answer::invalid("content", "Content : Invalid data"))?;
    let id = world.next_id("dashboard_apps");
    let app = json!({ "id": id, "title": word(&body, "title"), "content": content, "created_at": iso(world.now()) });
    world.dashboard_apps.insert(id, app.as_object().cloned().unwrap_or_default());
    shown_app(world, id)
}

/// `PATCH dashboard_apps/:id`.
pub(super) fn update_app(world: &mut World, call: &Call) -> Outcome {
    let (id, body) = (call.id(0)?, call.wrapped("dashboard_app")?);
    let content = frames(&body)?;
    let app = world.dashboard_apps.get_mut(&id).ok_or_else(Answer::not_found)?;
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
    world.dashboard_apps.remove(&call.id(0)?).ok_or_else(Answer::not_found)?;
    Ok(Answer::new(204, Body::None))
}

/// Notes that labels or teams changed, which browsers must reload.
pub(super) fn told(world: &mut World, key: &'static str) {
    let now = world.now().timestamp();
    world.cache_keys.insert(key, now);
    world.tell(Happening::CachesInvalidated);
}

/// `GET accounts/:id/cache_keys`.
pub(super) fn cache_keys(world: &mut World, _call: &Call) -> Outcome {
    let keys: Object =
        world.cache_keys.iter().map(|(key, at)| ((*key).to_owned(), json!(format!("{at:010}")))).collect();
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
