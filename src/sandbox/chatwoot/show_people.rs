//! How users, bots, teams, inboxes and contacts are written in answers and events.

use serde_json::{Value, json};

use super::call::Answer;
use super::presence;
use super::world::{Bot, Contact, ContactInbox, Inbox, Label, Object, Team, User, Webhook, World, iso};

/// A user in lists of agents, and as assignee in REST.
pub(super) fn agent(world: &World, user: &User) -> Value {
    let mut shown = json!({
        "id": user.id, "account_id": world.account_id, "availability_status": presence::listed(world, user),
        "auto_offline": user.auto_offline, "confirmed": true, "email": user.email, "provider": "email",
        "available_name": user.name, "name": user.name, "role": role(user), "thumbnail": "", "custom_role_id": null,
    });
    if let (false, Some(shown)) = (user.custom_attributes.is_empty(), shown.as_object_mut()) {
        shown.insert("custom_attributes".to_owned(), Value::Object(user.custom_attributes.clone()));
    }
    shown
}

/// Agents by id, in the order given; unknown ones are left out.
pub(super) fn agents<'a>(world: &World, ids: impl IntoIterator<Item = &'a i64>) -> Vec<Value> {
    ids.into_iter().filter_map(|id| world.users.get(id)).map(|user| agent(world, user)).collect()
}

/// The word for a role.
pub(super) const fn role(user: &User) -> &'static str {
    if user.is_administrator { "administrator" } else { "agent" }
}

/// The own profile (contract 1.4).
pub(super) fn profile(world: &World, user: &User) -> Value {
    let membership = json!({
        "id": world.account_id, "name": world.account_name, "status": "active", "onboarding_step": null,
        "active_at": null, "role": role(user), "permissions": [role(user)], "availability": user.availability,
        "availability_status": presence::listed(world, user), "auto_offline": user.auto_offline,
        "custom_role_id": null, "custom_role": null,
    });
    json!({
        "access_token": user.token, "account_id": world.account_id, "available_name": user.name, "avatar_url": "",
        "confirmed": true, "display_name": null, "message_signature": null, "email": user.email, "id": user.id,
        "inviter_id": null, "name": user.name, "provider": "email", "pubsub_token": user.pubsub_token,
        "role": role(user), "ui_settings": {}, "uid": user.email, "type": null, "accounts": [membership],
    })
}

/// A user as sender or assignee in messages and events. The cable knows the availability; webhooks are worded by jobs,
/// which mostly do not.
pub(super) fn user_event(user: &User, availability: Option<&str>) -> Value {
    json!({
        "id": user.id, "name": user.name, "available_name": user.name, "avatar_url": "", "type": "user",
        "availability_status": availability, "thumbnail": "",
    })
}

/// A bot as sender in messages and events.
pub(super) fn bot_event(bot: &Bot) -> Value {
    json!({ "id": bot.id, "name": bot.name, "avatar_url": "", "type": "agent_bot" })
}

/// A bot as assignee in REST.
pub(super) fn bot_assignee(bot: &Bot) -> Value {
    json!({
        "id": bot.id, "name": bot.name, "description": bot.description, "thumbnail": "",
        "outgoing_url": bot.outgoing_url, "bot_type": "webhook",
    })
}

/// A bot in its own answers; the secret is for administrators.
pub(super) fn bot(world: &World, bot: &Bot, with_secret: bool) -> Value {
    let mut shown = json!({
        "id": bot.id, "name": bot.name, "description": bot.description, "thumbnail": "",
        "outgoing_url": bot.outgoing_url, "bot_type": "webhook", "bot_config": bot.bot_config,
        "account_id": world.account_id, "access_token": bot.token, "system_bot": false,
    });
    if let (true, Some(shown)) = (with_secret, shown.as_object_mut()) {
        shown.insert("secret".to_owned(), json!(bot.secret));
    }
    shown
}

/// A bot as its inbox shows it: the token is the whole record.
pub(super) fn bot_of_inbox(world: &World, shown_bot: &Bot, with_secret: bool) -> Value {
    let mut shown = bot(world, shown_bot, with_secret);
    let token = json!({
        "id": shown_bot.token_id, "owner_type": "AgentBot", "owner_id": shown_bot.id, "token": shown_bot.token,
        "created_at": iso(shown_bot.created_at), "updated_at": iso(shown_bot.created_at),
    });
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("access_token".to_owned(), token);
    }
    shown
}

/// A team in REST; `is_member` is about whoever asks, and a bot that asks breaks it (contract 1.3).
pub(super) fn team(world: &World, team: &Team) -> Result<Value, Answer> {
    let user = world.current_user().ok_or_else(Answer::broken)?;
    Ok(json!({
        "id": team.id, "name": team.name, "description": team.description,
        "allow_auto_assign": team.allow_auto_assign, "account_id": world.account_id,
        "is_member": team.members.contains(&user.id),
    }))
}

/// A team as the assignment answer has it: the raw record.
pub(super) fn team_record(world: &World, team: &Team) -> Value {
    json!({
        "id": team.id, "name": team.name, "description": team.description,
        "allow_auto_assign": team.allow_auto_assign, "account_id": world.account_id,
        "created_at": iso(team.created_at), "updated_at": iso(team.created_at),
    })
}

/// An inbox in REST; administrators see its secrets too.
pub(super) fn inbox(inbox: &Inbox, with_secrets: bool) -> Value {
    let hours = |day: i64| {
        let is_closed = day == 0 || day == 6;
        let at = |hour: i64| if is_closed { Value::Null } else { json!(hour) };
        json!({
            "day_of_week": day, "closed_all_day": is_closed, "open_hour": at(9), "open_minutes": at(0),
            "close_hour": at(17), "close_minutes": at(0), "open_all_day": false,
        })
    };
    let mut shown = inbox.settings.clone();
    let mut put = |key: &str, value: Value| shown.insert(key.to_owned(), value);
    put("id", json!(inbox.id));
    put("channel_id", json!(inbox.id));
    put("name", json!(inbox.name));
    put("avatar_url", json!(""));
    put("channel_type", json!("Channel::Api"));
    put("working_hours", (0..7).map(hours).collect());
    put("hmac_mandatory", json!(inbox.hmac_mandatory));
    put("webhook_url", json!(inbox.webhook_url));
    put("inbox_identifier", json!(inbox.identifier));
    put("additional_attributes", inbox.additional_attributes.clone());
    if with_secrets {
        put("hmac_token", json!(inbox.hmac_token));
        put("secret", json!(inbox.secret));
    }
    for absent in [
        "callback_webhook_url",
        "allowed_domains",
        "widget_color",
        "website_url",
        "welcome_title",
        "welcome_tagline",
        "web_widget_script",
        "website_token",
        "selected_feature_flags",
        "reply_time",
        "messaging_service_sid",
        "phone_number",
        "provider",
    ] {
        put(absent, Value::Null);
    }
    shown.remove("portal_id");
    Value::Object(shown)
}

/// An inbox as contact inboxes name it.
pub(super) fn inbox_brief(inbox: &Inbox) -> Value {
    json!({
        "id": inbox.id, "avatar_url": "", "channel_id": inbox.id, "name": inbox.name,
        "channel_type": "Channel::Api", "provider": null,
    })
}

/// An inbox as a raw record, which the answer to a new contact holds.
pub(super) fn inbox_record(world: &World, inbox: &Inbox) -> Value {
    let mut shown = inbox.settings.clone();
    let mut put = |key: &str, value: Value| shown.insert(key.to_owned(), value);
    put("id", json!(inbox.id));
    put("channel_id", json!(inbox.id));
    put("account_id", json!(world.account_id));
    put("name", json!(inbox.name));
    put("created_at", json!(iso(inbox.created_at)));
    put("updated_at", json!(iso(inbox.updated_at)));
    put("channel_type", json!("Channel::Api"));
    put("email_address", Value::Null);
    Value::Object(shown)
}

/// The contact inboxes of a contact.
pub(super) fn contact_inboxes<'a>(world: &'a World, contact: &Contact) -> impl Iterator<Item = &'a ContactInbox> {
    let id = contact.id;
    world.contact_inboxes.values().filter(move |one| one.contact_id == id)
}

/// A source id with its inbox.
pub(super) fn contact_inbox(world: &World, shown: &ContactInbox) -> Value {
    let inbox = world.inboxes.get(&shown.inbox_id).map(inbox_brief);
    json!({ "source_id": shown.source_id, "inbox": inbox })
}

/// A contact in REST, with or without its contact inboxes.
pub(super) fn contact(world: &World, contact: &Contact, with_inboxes: bool) -> Value {
    let mut shown = json!({
        "additional_attributes": contact.additional_attributes, "availability_status": "offline",
        "email": contact.email, "id": contact.id, "name": contact.name, "phone_number": contact.phone_number,
        "blocked": contact.blocked, "identifier": contact.identifier, "thumbnail": "",
        "custom_attributes": contact.custom_attributes, "created_at": contact.created_at.timestamp(),
    });
    if let Some(shown) = shown.as_object_mut() {
        if let Some(at) = contact.last_activity_at {
            shown.insert("last_activity_at".to_owned(), json!(at.timestamp()));
        }
        if with_inboxes {
            let inboxes = contact_inboxes(world, contact).map(|one| contact_inbox(world, one)).collect();
            shown.insert("contact_inboxes".to_owned(), inboxes);
        }
    }
    shown
}

/// A contact as sender in messages and events.
pub(super) fn contact_event(contact: &Contact) -> Value {
    json!({
        "additional_attributes": contact.additional_attributes, "custom_attributes": contact.custom_attributes,
        "email": contact.email, "id": contact.id, "identifier": contact.identifier, "name": contact.name,
        "phone_number": contact.phone_number, "thumbnail": "", "blocked": contact.blocked, "type": "contact",
    })
}

/// A contact in its own webhooks, and as sender in those of messages: without a type.
pub(super) fn contact_webhook(world: &World, contact: &Contact) -> Object {
    let mut shown = contact_event(contact).as_object().cloned().unwrap_or_default();
    shown.remove("type");
    shown.insert("account".to_owned(), account(world));
    shown.insert("avatar".to_owned(), json!(""));
    shown
}

/// The account, as webhooks name it.
pub(super) fn account(world: &World) -> Value {
    json!({ "id": world.account_id, "name": world.account_name })
}

/// A label.
pub(super) fn label(label: &Label) -> Value {
    json!({
        "id": label.id, "title": label.title, "description": label.description, "color": label.color,
        "show_on_sidebar": label.show_on_sidebar,
    })
}

/// An account webhook, its secret in clear (contract 2.1).
pub(super) fn webhook(world: &World, hook: &Webhook) -> Value {
    json!({
        "id": hook.id, "name": hook.name, "url": hook.url, "account_id": world.account_id,
        "subscriptions": hook.subscriptions, "secret": hook.secret,
    })
}
