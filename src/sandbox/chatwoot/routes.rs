//! The routes there are, who may take them, and the way of a request through them.

use super::call::{Answer, Body, Call, Outcome};
use super::world::{Actor, World};
use super::{
    actions, automation, contact_inboxes, contacts, conversations, files, inboxes, messages,
    public_api, settings, users,
};

/// Who may take a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Anyone, without a token.
    Open,
    /// A person with a token or a session.
    User,
    /// A person or an agent bot: the eight endpoints of contract 1.3.
    Bot,
    /// An administrator of the account.
    Administrator,
}

use Access::{Administrator, Bot, Open, User};

type Handler = fn(&mut World, &Call) -> Outcome;

/// A route: method, pattern, access, handler. `~` stands for `/api/v1/accounts/:account`, `!` for
/// `/public/api/v1/inboxes/:inbox/contacts`; parts that begin with a colon are open.
type Route = (&'static str, &'static str, Access, Handler);

const PEOPLE: &[Route] = &[
    ("GET", "/api", Open, version),
    ("GET", "/health", Open, health),
    ("POST", "/auth/sign_in", Open, users::sign_in),
    ("GET", "/auth/validate_token", Open, users::validate),
    ("GET", "/api/v1/profile", User, users::profile),
    ("PUT", "/api/v1/profile", User, users::update_profile),
    (
        "POST",
        "/api/v1/profile/availability",
        User,
        users::set_own_presence,
    ),
    (
        "POST",
        "/api/v1/profile/auto_offline",
        User,
        users::set_own_presence,
    ),
    ("GET", "~", User, settings::account),
    ("GET", "~/cache_keys", User, settings::cache_keys),
    ("GET", "~/agents", User, users::agents),
    ("POST", "~/agents", Administrator, users::create_agent),
    ("PATCH", "~/agents/:id", Administrator, users::update_agent),
    ("DELETE", "~/agents/:id", Administrator, users::delete_agent),
    ("GET", "~/agent_bots", User, users::bots),
    ("POST", "~/agent_bots", Administrator, users::create_bot),
    ("GET", "~/agent_bots/:id", User, users::show_bot),
    (
        "PATCH",
        "~/agent_bots/:id",
        Administrator,
        users::update_bot,
    ),
    (
        "DELETE",
        "~/agent_bots/:id",
        Administrator,
        users::delete_bot,
    ),
    (
        "POST",
        "~/agent_bots/:id/reset_access_token",
        Administrator,
        users::reset_bot_token,
    ),
    (
        "POST",
        "~/agent_bots/:id/reset_secret",
        Administrator,
        users::reset_bot_secret,
    ),
];

const SETTINGS: &[Route] = &[
    ("GET", "~/webhooks", Administrator, settings::webhooks),
    (
        "POST",
        "~/webhooks",
        Administrator,
        settings::create_webhook,
    ),
    (
        "PATCH",
        "~/webhooks/:id",
        Administrator,
        settings::update_webhook,
    ),
    (
        "DELETE",
        "~/webhooks/:id",
        Administrator,
        settings::delete_webhook,
    ),
    ("GET", "~/dashboard_apps", User, settings::apps),
    ("POST", "~/dashboard_apps", User, settings::create_app),
    ("GET", "~/dashboard_apps/:id", User, settings::show_app),
    ("PATCH", "~/dashboard_apps/:id", User, settings::update_app),
    ("DELETE", "~/dashboard_apps/:id", User, settings::delete_app),
    ("GET", "~/labels", User, settings::labels),
    ("POST", "~/labels", Administrator, settings::create_label),
    ("GET", "~/labels/:id", User, settings::show_label),
    (
        "PATCH",
        "~/labels/:id",
        Administrator,
        settings::update_label,
    ),
    (
        "DELETE",
        "~/labels/:id",
        Administrator,
        settings::delete_label,
    ),
    (
        "GET",
        "~/custom_attribute_definitions",
        User,
        settings::definitions,
    ),
    (
        "POST",
        "~/custom_attribute_definitions",
        Administrator,
        settings::define,
    ),
    (
        "DELETE",
        "~/custom_attribute_definitions/:id",
        Administrator,
        settings::undefine,
    ),
    ("GET", "~/teams", User, settings::teams),
    ("POST", "~/teams", Administrator, settings::create_team),
    (
        "DELETE",
        "~/teams/:id",
        Administrator,
        settings::delete_team,
    ),
    (
        "GET",
        "~/teams/:id/team_members",
        User,
        settings::team_members,
    ),
    (
        "POST",
        "~/teams/:id/team_members",
        Administrator,
        settings::add_team_members,
    ),
    (
        "PATCH",
        "~/teams/:id/team_members",
        Administrator,
        settings::replace_team_members,
    ),
    (
        "DELETE",
        "~/teams/:id/team_members",
        Administrator,
        settings::remove_team_members,
    ),
    ("GET", "~/macros", User, automation::macros),
    ("POST", "~/macros", User, automation::create_macro),
    ("GET", "~/macros/:id", User, automation::show_macro),
    ("DELETE", "~/macros/:id", User, automation::delete_macro),
    ("POST", "~/macros/:id/execute", User, automation::execute),
    (
        "GET",
        "~/automation_rules",
        Administrator,
        automation::rules,
    ),
    (
        "POST",
        "~/automation_rules",
        Administrator,
        automation::create_rule,
    ),
    (
        "DELETE",
        "~/automation_rules/:id",
        Administrator,
        automation::delete_rule,
    ),
    ("GET", "~/inboxes", User, inboxes::list),
    ("POST", "~/inboxes", Administrator, inboxes::create),
    ("GET", "~/inboxes/:id", User, inboxes::show),
    ("PATCH", "~/inboxes/:id", Administrator, inboxes::update),
    ("DELETE", "~/inboxes/:id", Administrator, inboxes::delete),
    (
        "POST",
        "~/inboxes/:id/reset_secret",
        Administrator,
        inboxes::reset_secret,
    ),
    (
        "POST",
        "~/inboxes/:id/set_agent_bot",
        Administrator,
        inboxes::set_bot,
    ),
    ("GET", "~/inboxes/:id/agent_bot", User, inboxes::bot),
    (
        "POST",
        "~/inbox_members",
        Administrator,
        inboxes::add_members,
    ),
    (
        "PATCH",
        "~/inbox_members",
        Administrator,
        inboxes::replace_members,
    ),
    (
        "DELETE",
        "~/inbox_members",
        Administrator,
        inboxes::remove_members,
    ),
    ("GET", "~/inbox_members/:id", User, inboxes::list_members),
    ("GET", "~/assignable_agents", User, inboxes::assignable),
];

const CONTACTS: &[Route] = &[
    ("GET", "~/contacts", User, contacts::list),
    ("POST", "~/contacts", User, contacts::create),
    ("GET", "~/contacts/search", User, contacts::search),
    ("POST", "~/contacts/filter", User, contacts::filter),
    ("GET", "~/contacts/:id", User, contacts::show),
    ("PUT", "~/contacts/:id", User, contacts::update),
    ("PATCH", "~/contacts/:id", User, contacts::update),
    ("DELETE", "~/contacts/:id", Administrator, contacts::delete),
    (
        "POST",
        "~/contacts/:id/destroy_custom_attributes",
        User,
        contacts::destroy_attributes,
    ),
    (
        "POST",
        "~/contacts/:id/contact_inboxes",
        User,
        contact_inboxes::create,
    ),
    (
        "GET",
        "~/contacts/:id/contactable_inboxes",
        User,
        contact_inboxes::contactable,
    ),
    (
        "GET",
        "~/contacts/:id/conversations",
        User,
        conversations::of_contact,
    ),
    (
        "POST",
        "~/contact_inboxes/filter",
        User,
        contact_inboxes::filter,
    ),
    ("POST", "~/actions/contact_merge", User, contacts::merge),
    ("POST", "!", Open, public_api::create_contact),
    ("GET", "!/:source", Open, public_api::show_contact),
    (
        "POST",
        "!/:source/conversations",
        Open,
        public_api::create_conversation,
    ),
    (
        "GET",
        "!/:source/conversations",
        Open,
        public_api::list_conversations,
    ),
    (
        "GET",
        "!/:source/conversations/:id",
        Open,
        public_api::show_conversation,
    ),
    (
        "POST",
        "!/:source/conversations/:id/messages",
        Open,
        public_api::create_message,
    ),
    (
        "GET",
        "!/:source/conversations/:id/messages",
        Open,
        public_api::list_messages,
    ),
    (
        "POST",
        "!/:source/conversations/:id/toggle_status",
        Open,
        public_api::resolve,
    ),
    (
        "POST",
        "!/:source/conversations/:id/toggle_typing",
        Open,
        public_api::typing,
    ),
    (
        "POST",
        "!/:source/conversations/:id/update_last_seen",
        Open,
        public_api::seen,
    ),
];

const CONVERSATIONS: &[Route] = &[
    ("GET", "~/conversations", User, conversations::list),
    ("POST", "~/conversations", Bot, conversations::create),
    (
        "POST",
        "~/conversations/filter",
        User,
        conversations::filter,
    ),
    ("GET", "~/conversations/:id", User, conversations::show),
    ("PATCH", "~/conversations/:id", Bot, actions::update),
    (
        "DELETE",
        "~/conversations/:id",
        Administrator,
        conversations::delete,
    ),
    (
        "POST",
        "~/conversations/:id/assignments",
        Bot,
        actions::assign,
    ),
    (
        "POST",
        "~/conversations/:id/toggle_status",
        Bot,
        actions::toggle_status,
    ),
    (
        "POST",
        "~/conversations/:id/toggle_priority",
        Bot,
        actions::toggle_priority,
    ),
    (
        "POST",
        "~/conversations/:id/toggle_typing_status",
        Bot,
        actions::typing,
    ),
    (
        "POST",
        "~/conversations/:id/custom_attributes",
        Bot,
        actions::set_attributes,
    ),
    ("GET", "~/conversations/:id/labels", User, actions::labels),
    (
        "POST",
        "~/conversations/:id/labels",
        User,
        actions::set_labels,
    ),
    (
        "GET",
        "~/conversations/:id/participants",
        User,
        actions::participants,
    ),
    (
        "POST",
        "~/conversations/:id/participants",
        User,
        actions::add_participants,
    ),
    (
        "PATCH",
        "~/conversations/:id/participants",
        User,
        actions::replace_participants,
    ),
    (
        "DELETE",
        "~/conversations/:id/participants",
        User,
        actions::remove_participants,
    ),
    (
        "POST",
        "~/conversations/:id/update_last_seen",
        User,
        actions::seen,
    ),
    ("POST", "~/conversations/:id/unread", User, actions::unread),
    ("POST", "~/conversations/:id/mute", User, actions::mute),
    ("POST", "~/conversations/:id/unmute", User, actions::unmute),
    ("POST", "~/bulk_actions", User, actions::bulk),
    (
        "GET",
        "~/conversations/:id/attachments",
        User,
        messages::list_attachments,
    ),
    ("GET", "~/conversations/:id/messages", User, messages::list),
    (
        "POST",
        "~/conversations/:id/messages",
        Bot,
        messages::create,
    ),
    (
        "PATCH",
        "~/conversations/:id/messages/:id",
        User,
        messages::update,
    ),
    (
        "DELETE",
        "~/conversations/:id/messages/:id",
        User,
        messages::delete,
    ),
    ("POST", "~/upload", User, files::upload),
    (
        "GET",
        "/rails/active_storage/blobs/redirect/:id/:name",
        Open,
        files::redirect,
    ),
    (
        "GET",
        "/rails/active_storage/disk/:id/:name",
        Open,
        files::bytes,
    ),
];

/// A route that fits a request.
pub(super) struct Found {
    access: Access,
    handler: Handler,
    /// The account in the path, if there is one.
    account: Option<String>,
    /// Its method and pattern, such as `POST conversations/:id/messages`: the name that faults are set for.
    pub(super) name: String,
    /// The open parts of the path.
    pub(super) parts: Vec<String>,
}

/// The route for a method and a path, decoded part by part.
pub(super) fn find(method: &str, path: &[String]) -> Option<Found> {
    let all = [PEOPLE, SETTINGS, CONTACTS, CONVERSATIONS];
    all.iter()
        .flat_map(|routes| routes.iter())
        .find_map(|route| fit(route, method, path))
}

fn fit((verb, pattern, access, handler): &Route, method: &str, path: &[String]) -> Option<Found> {
    if *verb != method {
        return None;
    }
    let full = pattern
        .replace('~', "/api/v1/accounts/:account")
        .replace('!', "/public/api/v1/inboxes/:inbox/contacts");
    let wanted: Vec<&str> = full.split('/').filter(|part| !part.is_empty()).collect();
    let fits = |(wanted, part): (&&str, &String)| wanted.starts_with(':') || *wanted == part;
    if wanted.len() != path.len() || !wanted.iter().zip(path).all(fits) {
        return None;
    }
    let open = |(wanted, part): (&&str, &String)| {
        wanted
            .starts_with(':')
            .then(|| ((*wanted).to_owned(), part.clone()))
    };
    let open: Vec<(String, String)> = wanted.iter().zip(path).filter_map(open).collect();
    let account = open
        .iter()
        .find(|(name, _)| name == ":account")
        .map(|(_, part)| part.clone());
    let parts = open
        .into_iter()
        .filter(|(name, _)| name != ":account")
        .map(|(_, part)| part)
        .collect();
    let name = format!("{verb} {}", pattern.trim_start_matches(['~', '/']));
    Some(Found {
        access: *access,
        handler: *handler,
        account,
        name,
        parts,
    })
}

/// Takes a request down its route.
pub(super) fn take(world: &mut World, found: &Found, call: &Call) -> Answer {
    world.current = None;
    let mut client = None;
    let outcome =
        admit(world, found, call, &mut client).and_then(|()| (found.handler)(world, call));
    let mut answer = outcome.unwrap_or_else(|refusal| refusal);
    if let Some(client) = client.filter(|_| answer.status < 400) {
        answer
            .headers
            .extend(users::session_headers(world, &client));
    }
    answer
}

/// Finds out who asks, and whether they may.
fn admit(
    world: &mut World,
    found: &Found,
    call: &Call,
    client: &mut Option<String>,
) -> Result<(), Answer> {
    if found.access == Open {
        return Ok(());
    }
    if let Some(token) = call.headers.get("api_access_token") {
        let actor = users::of_token(world, token)
            .ok_or_else(|| Answer::error(401, "Invalid Access Token"))?;
        if matches!(actor, Actor::Bot(_)) && found.access != Bot {
            return Err(Answer::error(
                401,
                "Access to this endpoint is not authorized for bots",
            ));
        }
        world.current = Some(actor);
    } else {
        let (user, device) = users::of_session(world, call).ok_or_else(Answer::not_signed_in)?;
        world.current = Some(Actor::User(user));
        *client = Some(device);
    }
    if found
        .account
        .as_ref()
        .is_some_and(|account| *account != world.account_id.to_string())
    {
        return Err(Answer::not_found());
    }
    let is_administrator = world
        .current_user()
        .is_some_and(|user| user.is_administrator);
    if found.access == Administrator && !is_administrator {
        return Err(Answer::denied());
    }
    Ok(())
}

/// `GET /api`.
fn version(world: &mut World, _call: &Call) -> Outcome {
    let now = world.now().format("%Y-%m-%d %H:%M:%S").to_string();
    let body = serde_json::json!({ "version": "4.13.0", "timestamp": now, "queue_services": "ok", "data_services": "ok" });
    Ok(Answer::new(200, Body::Json(body)))
}

/// `GET /health`.
fn health(_world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::json(serde_json::json!({ "status": "woot" })))
}
