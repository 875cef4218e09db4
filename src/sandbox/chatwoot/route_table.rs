//! The table of routes: every path the stand-in knows, who may take it, and what does it.

use super::call::{Answer, Body, Call, Outcome};
use super::world::World;
use super::{
    actions, automation, contact_inboxes, contacts, conversations, files, inboxes, labels, messages, public_api,
    settings, teams, users,
};

/// Who may take a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
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

pub(super) type Handler = fn(&mut World, &Call) -> Outcome;

/// A route: method, pattern, access, handler. `~` stands for `/api/v1/accounts/:account`, `!` for
/// `/public/api/v1/inboxes/:inbox/contacts`; parts that begin with a colon are open.
pub(super) type Route = (&'static str, &'static str, Access, Handler);

#[rustfmt::skip] // a table is read by line
const PEOPLE: &[Route] = &[
    ("GET", "/api", Open, version),
    ("GET", "/health", Open, health),
    ("POST", "/auth/sign_in", Open, users::sign_in),
    ("GET", "/auth/validate_token", Open, users::validate),
    ("GET", "/api/v1/profile", User, users::profile),
    ("PUT", "/api/v1/profile", User, users::update_profile),
    ("POST", "/api/v1/profile/availability", User, users::set_own_presence),
    ("POST", "/api/v1/profile/auto_offline", User, users::set_own_presence),
    ("GET", "~", User, settings::account),
    ("GET", "~/cache_keys", User, settings::cache_keys),
    ("GET", "~/agents", User, users::agents),
    ("POST", "~/agents", Administrator, users::create_agent),
    ("PATCH", "~/agents/:id", Administrator, users::update_agent),
    ("DELETE", "~/agents/:id", Administrator, users::delete_agent),
    ("GET", "~/agent_bots", User, users::bots),
    ("POST", "~/agent_bots", Administrator, users::create_bot),
    ("GET", "~/agent_bots/:id", User, users::show_bot),
    ("PATCH", "~/agent_bots/:id", Administrator, users::update_bot),
    ("DELETE", "~/agent_bots/:id", Administrator, users::delete_bot),
    ("POST", "~/agent_bots/:id/reset_access_token", Administrator, users::reset_bot_token),
    ("POST", "~/agent_bots/:id/reset_secret", Administrator, users::reset_bot_secret),
];

#[rustfmt::skip] // a table is read by line
const SETTINGS: &[Route] = &[
    ("GET", "~/webhooks", Administrator, settings::webhooks),
    ("POST", "~/webhooks", Administrator, settings::create_webhook),
    ("PATCH", "~/webhooks/:id", Administrator, settings::update_webhook),
    ("DELETE", "~/webhooks/:id", Administrator, settings::delete_webhook),
    ("GET", "~/dashboard_apps", User, settings::apps),
    ("POST", "~/dashboard_apps", User, settings::create_app),
    ("GET", "~/dashboard_apps/:id", User, settings::show_app),
    ("PATCH", "~/dashboard_apps/:id", User, settings::update_app),
    ("DELETE", "~/dashboard_apps/:id", User, settings::delete_app),
    ("GET", "~/labels", User, labels::labels),
    ("POST", "~/labels", Administrator, labels::create_label),
    ("GET", "~/labels/:id", User, labels::show_label),
    ("PATCH", "~/labels/:id", Administrator, labels::update_label),
    ("DELETE", "~/labels/:id", Administrator, labels::delete_label),
    ("GET", "~/custom_attribute_definitions", User, labels::definitions),
    ("POST", "~/custom_attribute_definitions", Administrator, labels::define),
    ("PATCH", "~/custom_attribute_definitions/:id", Administrator, labels::redefine),
    ("DELETE", "~/custom_attribute_definitions/:id", Administrator, labels::undefine),
    ("GET", "~/teams", User, teams::teams),
    ("POST", "~/teams", Administrator, teams::create_team),
    ("DELETE", "~/teams/:id", Administrator, teams::delete_team),
    ("GET", "~/teams/:id/team_members", User, teams::team_members),
    ("POST", "~/teams/:id/team_members", Administrator, teams::add_team_members),
    ("PATCH", "~/teams/:id/team_members", Administrator, teams::replace_team_members),
    ("DELETE", "~/teams/:id/team_members", Administrator, teams::remove_team_members),
    ("GET", "~/macros", User, automation::macros),
    ("POST", "~/macros", User, automation::create_macro),
    ("GET", "~/macros/:id", User, automation::show_macro),
    ("PATCH", "~/macros/:id", User, automation::update_macro),
    ("DELETE", "~/macros/:id", User, automation::delete_macro),
    ("POST", "~/macros/:id/execute", User, automation::execute),
    ("GET", "~/automation_rules", Administrator, automation::rules),
    ("POST", "~/automation_rules", Administrator, automation::create_rule),
    ("DELETE", "~/automation_rules/:id", Administrator, automation::delete_rule),
    ("GET", "~/inboxes", User, inboxes::list),
    ("POST", "~/inboxes", Administrator, inboxes::create),
    ("GET", "~/inboxes/:id", User, inboxes::show),
    ("PATCH", "~/inboxes/:id", Administrator, inboxes::update),
    ("DELETE", "~/inboxes/:id", Administrator, inboxes::delete),
    ("POST", "~/inboxes/:id/reset_secret", Administrator, inboxes::reset_secret),
    ("POST", "~/inboxes/:id/set_agent_bot", Administrator, inboxes::set_bot),
    ("GET", "~/inboxes/:id/agent_bot", User, inboxes::bot),
    ("POST", "~/inbox_members", Administrator, inboxes::add_members),
    ("PATCH", "~/inbox_members", Administrator, inboxes::replace_members),
    ("DELETE", "~/inbox_members", Administrator, inboxes::remove_members),
    ("GET", "~/inbox_members/:id", User, inboxes::list_members),
    ("GET", "~/assignable_agents", User, inboxes::assignable),
];

#[rustfmt::skip] // a table is read by line
const CONTACTS: &[Route] = &[
    ("GET", "~/contacts", User, contacts::list),
    ("POST", "~/contacts", User, contacts::create),
    ("GET", "~/contacts/search", User, contacts::search),
    ("POST", "~/contacts/filter", User, contacts::filter),
    ("GET", "~/contacts/:id", User, contacts::show),
    ("PUT", "~/contacts/:id", User, contacts::update),
    ("PATCH", "~/contacts/:id", User, contacts::update),
    ("DELETE", "~/contacts/:id", Administrator, contacts::delete),
    ("POST", "~/contacts/:id/destroy_custom_attributes", User, contacts::destroy_attributes),
    ("POST", "~/contacts/:id/contact_inboxes", User, contact_inboxes::create),
    ("GET", "~/contacts/:id/contactable_inboxes", User, contact_inboxes::contactable),
    ("GET", "~/contacts/:id/conversations", User, conversations::of_contact),
    ("POST", "~/contact_inboxes/filter", User, contact_inboxes::filter),
    ("POST", "~/actions/contact_merge", User, contacts::merge),
    ("POST", "!", Open, public_api::create_contact),
    ("GET", "!/:source", Open, public_api::show_contact),
    ("POST", "!/:source/conversations", Open, public_api::create_conversation),
    ("GET", "!/:source/conversations", Open, public_api::list_conversations),
    ("GET", "!/:source/conversations/:id", Open, public_api::show_conversation),
    ("POST", "!/:source/conversations/:id/messages", Open, public_api::create_message),
    ("GET", "!/:source/conversations/:id/messages", Open, public_api::list_messages),
    ("POST", "!/:source/conversations/:id/toggle_status", Open, public_api::resolve),
    ("POST", "!/:source/conversations/:id/toggle_typing", Open, public_api::typing),
    ("POST", "!/:source/conversations/:id/update_last_seen", Open, public_api::seen),
];

#[rustfmt::skip] // a table is read by line
const CONVERSATIONS: &[Route] = &[
    ("GET", "~/conversations", User, conversations::list),
    ("POST", "~/conversations", Bot, conversations::create),
    ("POST", "~/conversations/filter", User, conversations::filter),
    ("GET", "~/conversations/:id", User, conversations::show),
    ("PATCH", "~/conversations/:id", Bot, actions::update),
    ("DELETE", "~/conversations/:id", Administrator, conversations::delete),
    ("POST", "~/conversations/:id/assignments", Bot, actions::assign),
    ("POST", "~/conversations/:id/toggle_status", Bot, actions::toggle_status),
    ("POST", "~/conversations/:id/toggle_priority", Bot, actions::toggle_priority),
    ("POST", "~/conversations/:id/toggle_typing_status", Bot, actions::typing),
    ("POST", "~/conversations/:id/custom_attributes", Bot, actions::set_attributes),
    ("GET", "~/conversations/:id/labels", User, actions::labels),
    ("POST", "~/conversations/:id/labels", User, actions::set_labels),
    ("GET", "~/conversations/:id/participants", User, actions::participants),
    ("POST", "~/conversations/:id/participants", User, actions::add_participants),
    ("PATCH", "~/conversations/:id/participants", User, actions::replace_participants),
    ("DELETE", "~/conversations/:id/participants", User, actions::remove_participants),
    ("POST", "~/conversations/:id/update_last_seen", User, actions::seen),
    ("POST", "~/conversations/:id/unread", User, actions::unread),
    ("POST", "~/conversations/:id/mute", User, actions::mute),
    ("POST", "~/conversations/:id/unmute", User, actions::unmute),
    ("POST", "~/bulk_actions", User, actions::bulk),
    ("GET", "~/conversations/:id/attachments", User, messages::list_attachments),
    ("GET", "~/conversations/:id/messages", User, messages::list),
    ("POST", "~/conversations/:id/messages", Bot, messages::create),
    ("PATCH", "~/conversations/:id/messages/:id", User, messages::update),
    ("DELETE", "~/conversations/:id/messages/:id", User, messages::delete),
    ("POST", "~/upload", User, files::upload),
    ("GET", "/rails/active_storage/blobs/redirect/:id/:name", Open, files::redirect),
    ("GET", "/rails/active_storage/disk/:id/:name", Open, files::bytes),
];

/// All routes.
pub(super) fn all() -> impl Iterator<Item = &'static Route> {
    [PEOPLE, SETTINGS, CONTACTS, CONVERSATIONS].into_iter().flatten()
}

/// `GET /api`.
fn version(world: &mut World, _call: &Call) -> Outcome {
    let now = world.now().format("%Y-%m-%d %H:%M:%S").to_string();
    let body =
        serde_json::json!({ "version": "4.13.0", "timestamp": now, "queue_services": "ok", "data_services": "ok" });
    Ok(Answer::new(200, Body::Json(body)))
}

/// `GET /health`.
fn health(_world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::json(serde_json::json!({ "status": "woot" })))
}
