//! Signing in, the own profile, agents and agent bots (contract sections 1, 2.3 and 7).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::call::{Answer, Body, Call, Outcome, is_true, number};
use super::show_people as people;
use super::world::{Actor, Bot, Object, Session, User, World, iso};

/// How long a session lasts: two months.
const SESSION_S: i64 = 61 * 24 * 3600;

/// The three availabilities; another breaks Chatwoot.
const AVAILABILITIES: [&str; 3] = ["online", "busy", "offline"];

/// Adds a member to the account.
pub(super) fn insert(world: &mut World, name: &str, email: &str, is_administrator: bool) -> i64 {
    let id = world.next_id("users");
    let user = User {
        id,
        name: name.to_owned(),
        email: email.to_owned(),
        password: format!("Pass-{}!", world.draw_token()),
        is_administrator,
        availability: "online".to_owned(),
        auto_offline: true,
        custom_attributes: Object::new(),
        token: world.draw_token(),
        pubsub_token: world.draw_token(),
        created_at: world.now(),
    };
    world.users.insert(id, user);
    id
}

/// `POST /auth/sign_in`.
pub(super) fn sign_in(world: &mut World, call: &Call) -> Outcome {
    let (email, password) = (call.text("email").unwrap_or_default(), call.text("password").unwrap_or_default());
    let user = world.users.values().find(|user| user.email.eq_ignore_ascii_case(email) && user.password == password);
    let user = user.map(|user| user.id).ok_or_else(|| {
        let text = "Invalid login credentials. Please try again.";
        Answer::new(401, Body::Json(json!({ "success": false, "errors": [text] })))
    })?;
    let (client, expiry) = (world.draw_token(), world.now().timestamp() + SESSION_S);
    let session = Session { user, access_token: world.draw_token(), expiry };
    world.sessions.insert(client.clone(), session);
    let shown = world.users.get(&user).map(|user| people::profile(world, user));
    let mut answer = Answer::json(json!({ "data": shown }));
    answer.headers = session_headers(world, &client);
    Ok(answer)
}

/// The headers that carry a session on.
pub(super) fn session_headers(world: &World, client: &str) -> Vec<(&'static str, String)> {
    let Some(session) = world.sessions.get(client) else {
        return Vec::new();
    };
    let uid = world.users.get(&session.user).map(|user| user.email.clone()).unwrap_or_default();
    let all = json!({
        "access-token": session.access_token, "token-type": "Bearer", "client": client,
        "expiry": session.expiry.to_string(), "uid": uid,
    });
    vec![
        ("access-token", session.access_token.clone()),
        ("token-type", "Bearer".to_owned()),
        ("client", client.to_owned()),
        ("expiry", session.expiry.to_string()),
        ("uid", uid),
        ("authorization", format!("Bearer {}", STANDARD.encode(all.to_string()))),
    ]
}

/// The user and client of a session whose headers a request carries.
pub(super) fn of_session(world: &World, call: &Call) -> Option<(i64, String)> {
    let client = call.headers.get("client")?;
    let session = world.sessions.get(client)?;
    let user = world.users.get(&session.user)?;
    let is_right = call.headers.get("access_token") == Some(&session.access_token)
        && call.headers.get("uid").is_some_and(|uid| uid.eq_ignore_ascii_case(&user.email));
    (is_right && session.expiry > world.now().timestamp()).then(|| (user.id, client.clone()))
}

/// `GET /auth/validate_token`.
pub(super) fn validate(world: &mut World, call: &Call) -> Outcome {
    let (user, client) = of_session(world, call).ok_or_else(|| {
        Answer::new(401, Body::Json(json!({ "success": false, "errors": ["Invalid login credentials"] })))
    })?;
    let user = world.users.get(&user).ok_or_else(Answer::not_found)?;
    let mut shown = people::profile(world, user);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("created_at".to_owned(), json!(iso(user.created_at)));
    }
    let mut answer = Answer::json(json!({ "payload": { "success": true, "data": shown } }));
    answer.headers = session_headers(world, &client);
    Ok(answer)
}

/// `GET /api/v1/profile`.
pub(super) fn profile(world: &mut World, _call: &Call) -> Outcome {
    let user = world.current_user().ok_or_else(Answer::not_signed_in)?;
    Ok(Answer::json(people::profile(world, user)))
}

/// The settings in the body of a profile request, after asking that the account is ours.
fn own_settings(world: &World, call: &Call) -> Result<(i64, Object), Answer> {
    let user = world.current_user().map(|user| user.id).ok_or_else(Answer::not_signed_in)?;
    let settings = call.wrapped("profile")?;
    if settings.get("account_id").and_then(number) != Some(world.account_id) {
        return Err(Answer::not_found());
    }
    Ok((user, settings))
}

/// Sets availability and `auto_offline` where a body names them.
fn set_presence(world: &mut World, user: i64, settings: &Object) -> Result<(), Answer> {
    let availability = settings.get("availability").filter(|value| !value.is_null());
    if availability.is_some_and(|value| !value.as_str().is_some_and(|word| AVAILABILITIES.contains(&word))) {
        return Err(Answer::broken());
    }
    let user = world.users.get_mut(&user).ok_or_else(Answer::not_found)?;
    if let Some(word) = availability.and_then(Value::as_str) {
        word.clone_into(&mut user.availability);
    }
    if let Some(flag) = settings.get("auto_offline") {
        user.auto_offline = is_true(Some(flag));
    }
    Ok(())
}

/// `POST /api/v1/profile/availability` and `…/auto_offline`.
pub(super) fn set_own_presence(world: &mut World, call: &Call) -> Outcome {
    let (user, settings) = own_settings(world, call)?;
    set_presence(world, user, &settings)?;
    profile(world, call)
}

/// `PUT /api/v1/profile`: the telephone number and the name.
pub(super) fn update_profile(world: &mut World, call: &Call) -> Outcome {
    let user = world.current_user().map(|user| user.id).ok_or_else(Answer::not_signed_in)?;
    let settings = call.wrapped("profile")?;
    if let Some(user) = world.users.get_mut(&user) {
        if let Some(phone) = settings.get("phone_number") {
            user.custom_attributes.insert("phone_number".to_owned(), phone.clone());
        }
        if let Some(name) = settings.get("name").and_then(Value::as_str) {
            name.clone_into(&mut user.name);
        }
    }
    profile(world, call)
}

/// `GET agents`: by lower-case name.
pub(super) fn agents(world: &mut World, _call: &Call) -> Outcome {
    let mut users: Vec<&User> = world.users.values().collect();
    users.sort_by_key(|user| user.name.to_lowercase());
    Ok(Answer::json(users.into_iter().map(|user| people::agent(world, user)).collect()))
}

fn shown_agent(world: &World, id: i64) -> Outcome {
    let user = world.users.get(&id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(people::agent(world, user)))
}

/// `POST agents`: starts online, by presence.
pub(super) fn create_agent(world: &mut World, call: &Call) -> Outcome {
    let settings = call.wrapped("agent")?;
    let word = |name: &str| settings.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, email) = (word("name"), word("email").to_lowercase());
    if email.is_empty() || !email.contains('@') {
        return Err(Answer::invalid("email", "Email is invalid"));
    }
    if world.users.values().any(|user| user.email == email) {
        return Err(Answer::invalid("user_id", "User has already been taken"));
    }
    let id = insert(world, &name, &email, word("role") == "administrator");
    set_presence(world, id, &settings)?;
    shown_agent(world, id)
}

/// `PATCH agents/:id`.
pub(super) fn update_agent(world: &mut World, call: &Call) -> Outcome {
    let id = call.id(0)?;
    if !world.users.contains_key(&id) {
        return Err(Answer::not_found());
    }
    let settings = call.wrapped("agent")?;
    set_presence(world, id, &settings)?;
    if let Some(user) = world.users.get_mut(&id) {
        if let Some(name) = settings.get("name").and_then(Value::as_str) {
            name.clone_into(&mut user.name);
        }
        if let Some(role) = settings.get("role").and_then(Value::as_str) {
            user.is_administrator = role == "administrator";
        }
    }
    shown_agent(world, id)
}

/// `DELETE agents/:id`: unassigns and drops memberships without events (contract 11.6).
pub(super) fn delete_agent(world: &mut World, call: &Call) -> Outcome {
    let id = call.id(0)?;
    world.users.remove(&id).ok_or_else(Answer::not_found)?;
    for inbox in world.inboxes.values_mut() {
        inbox.members.remove(&id);
    }
    for team in world.teams.values_mut() {
        team.members.remove(&id);
    }
    for one in world.conversations.values_mut().filter(|one| one.assignee_id == Some(id)) {
        one.assignee_id = None;
    }
    Ok(Answer::empty())
}

fn is_administrator(world: &World) -> bool {
    world.current_user().is_some_and(|user| user.is_administrator)
}

/// The bot a path names.
fn bot(world: &World, call: &Call) -> Result<i64, Answer> {
    let id = call.id(0)?;
    world.bots.contains_key(&id).then_some(id).ok_or_else(Answer::not_found)
}

fn shown_bot(world: &World, id: i64) -> Outcome {
    let bot = world.bots.get(&id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(people::bot(world, bot, is_administrator(world))))
}

/// `GET agent_bots`: agents see the access token, administrators the secret too.
pub(super) fn bots(world: &mut World, _call: &Call) -> Outcome {
    let with_secret = is_administrator(world);
    Ok(Answer::json(world.bots.values().map(|bot| people::bot(world, bot, with_secret)).collect()))
}

/// `GET agent_bots/:id`.
pub(super) fn show_bot(world: &mut World, call: &Call) -> Outcome {
    shown_bot(world, bot(world, call)?)
}

/// `POST agent_bots`.
pub(super) fn create_bot(world: &mut World, call: &Call) -> Outcome {
    let name = call.text("name").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Answer::invalid("name", "Name can't be blank"))?.to_owned();
    let id = world.next_id("bots");
    let bot = Bot {
        id,
        name,
        description: call.value("description").cloned().unwrap_or(Value::Null),
        outgoing_url: call.text("outgoing_url").unwrap_or_default().to_owned(),
        bot_config: call.value("bot_config").cloned().unwrap_or_else(|| json!({})),
        token_id: world.next_id("access_tokens"),
        token: world.draw_token(),
        secret: world.draw_token(),
        created_at: world.now(),
    };
    world.bots.insert(id, bot);
    shown_bot(world, id)
}

/// `PATCH agent_bots/:id`.
pub(super) fn update_bot(world: &mut World, call: &Call) -> Outcome {
    let id = bot(world, call)?;
    if let Some(bot) = world.bots.get_mut(&id) {
        if let Some(name) = call.text("name") {
            name.clone_into(&mut bot.name);
        }
        if let Some(description) = call.body.get("description") {
            bot.description = description.clone();
        }
        if let Some(url) = call.text("outgoing_url") {
            url.clone_into(&mut bot.outgoing_url);
        }
    }
    shown_bot(world, id)
}

/// `DELETE agent_bots/:id`.
pub(super) fn delete_bot(world: &mut World, call: &Call) -> Outcome {
    let id = bot(world, call)?;
    world.bots.remove(&id);
    for inbox in world.inboxes.values_mut().filter(|inbox| inbox.bot == Some(id)) {
        inbox.bot = None;
    }
    Ok(Answer::empty())
}

/// `POST agent_bots/:id/reset_access_token`: the old one stops at once.
pub(super) fn reset_bot_token(world: &mut World, call: &Call) -> Outcome {
    let (id, token) = (bot(world, call)?, world.draw_token());
    world.bots.get_mut(&id).ok_or_else(Answer::not_found)?.token = token;
    shown_bot(world, id)
}

/// `POST agent_bots/:id/reset_secret`.
pub(super) fn reset_bot_secret(world: &mut World, call: &Call) -> Outcome {
    let (id, secret) = (bot(world, call)?, world.draw_token());
    world.bots.get_mut(&id).ok_or_else(Answer::not_found)?.secret = secret;
    shown_bot(world, id)
}

/// Who a token belongs to.
pub(super) fn of_token(world: &World, token: &str) -> Option<Actor> {
    let user = world.users.values().find(|user| user.token == token).map(|user| Actor::User(user.id));
    user.or_else(|| world.bots.values().find(|bot| bot.token == token).map(|bot| Actor::Bot(bot.id)))
}
