//! Labels of the account, and definitions of custom attributes (contract 2.7, 11.4, 11.5).

use serde_json::{Value, json};

use super::call::{Answer, Body, Call, Outcome};
use super::settings::{told, word};
use super::show_people as people;
use super::world::{Label, Object, World, iso};

/// Attribute keys that are taken (contract 11.5).
const RESERVED_FOR_CONVERSATIONS: &str = "status priority assignee_id inbox_id team_id display_id campaign_id labels \
    browser_language country_code referer created_at last_activity_at";
const RESERVED_FOR_CONTACTS: &str = "name email phone_number identifier country_code city company_name created_at \
    last_activity_at referer blocked";

/// Checks a label's title and folds it (contract 11.4).
fn title(world: &World, body: &Object, own: Option<i64>) -> Result<Option<String>, Answer> {
    let Some(title) = word(body, "title").map(str::to_lowercase) else {
        return Ok(None);
    };
    let starts = title.starts_with(char::is_alphanumeric);
    let fits = title.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'));
    if title.trim().is_empty() {
        return Err(Answer::invalid("title", "Title must not be blank, Title is invalid"));
    }
    if !starts || !fits || title.chars().count() < 2 {
        return Err(Answer::invalid("title", "Title is invalid"));
    }
    if world.labels.values().any(|label| label.title == title && Some(label.id) != own) {
        return Err(Answer::invalid("title", "Title has already been taken"));
    }
    Ok(Some(title))
}

/// `GET labels`.
pub(super) fn labels(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::json(json!({ "payload": world.labels.values().map(people::label).collect::<Vec<_>>() })))
}

fn shown_label(world: &World, id: i64) -> Outcome {
    world.labels.get(&id).map(|label| Answer::json(people::label(label))).ok_or_else(Answer::not_found)
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
        for own in world.conversations.values_mut().flat_map(|one| one.labels.iter_mut()).filter(|own| **own == was) {
            own.clone_from(&title);
        }
    }
    told(world, "label");
    shown_label(world, id)
}

/// `DELETE labels/:id`: untags without conversation events.
pub(super) fn delete_label(world: &mut World, call: &Call) -> Outcome {
    let label = world.labels.remove(&call.id(0)?).ok_or_else(Answer::not_found)?;
    for one in world.conversations.values_mut() {
        one.labels.retain(|own| *own != label.title);
    }
    told(world, "label");
    Ok(Answer::empty())
}

/// `GET custom_attribute_definitions`.
pub(super) fn definitions(world: &mut World, call: &Call) -> Outcome {
    let model = call.query("attribute_model");
    let is_wanted = |one: &&Object| model.is_none_or(|model| word(one, "attribute_model") == Some(model));
    Ok(Answer::json(world.definitions.values().filter(is_wanted).cloned().map(Value::Object).collect()))
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
        return Err(refused("must only contain letters, numbers, underscores, hyphens, and dots"));
    }
    let reserved = if model == "contact_attribute" { RESERVED_FOR_CONTACTS } else { RESERVED_FOR_CONVERSATIONS };
    if reserved.split_whitespace().any(|taken| taken == key) {
        return Err(refused("The provided key is not allowed as it might conflict with default attributes."));
    }
    let is_same = |one: &Object| word(one, "attribute_key") == Some(key) && word(one, "attribute_model") == Some(model);
    if world.definitions.values().any(is_same) {
        return Err(refused("has already been taken"));
    }
    let kind = word(&body, "attribute_display_type").unwrap_or("text");
    if !matches!(kind, "text" | "number" | "currency" | "percent" | "link" | "date" | "list" | "checkbox") {
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
    world.definitions.insert(id, definition.as_object().cloned().unwrap_or_default());
    Ok(Answer::json(definition))
}

/// `PATCH custom_attribute_definitions/:id`: names, values and description; the key stays.
pub(super) fn redefine(world: &mut World, call: &Call) -> Outcome {
    let (id, body) = (call.id(0)?, call.wrapped("custom_attribute_definition")?);
    let now = iso(world.now());
    let definition = world.definitions.get_mut(&id).ok_or_else(Answer::not_found)?;
    for key in ["attribute_display_name", "attribute_description", "attribute_values", "regex_pattern", "regex_cue"] {
        if let Some(value) = body.get(key) {
            definition.insert(key.to_owned(), value.clone());
        }
    }
    definition.insert("updated_at".to_owned(), Value::String(now));
    Ok(Answer::json(Value::Object(definition.clone())))
}

/// `DELETE custom_attribute_definitions/:id`: 204.
pub(super) fn undefine(world: &mut World, call: &Call) -> Outcome {
    world.definitions.remove(&call.id(0)?).ok_or_else(Answer::not_found)?;
    Ok(Answer::new(204, Body::None))
}
