//! The way of a request: finding its route, finding out who asks, and whether they may.

use super::call::{Answer, Call};
use super::route_table::{self, Access, Handler, Route};
use super::users;
use super::world::{Actor, World};

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
    route_table::all().find_map(|route| fit(route, method, path))
}

fn fit((verb, pattern, access, handler): &Route, method: &str, path: &[String]) -> Option<Found> {
    let is_update = *verb == "PATCH" && method == "PUT" && pattern.ends_with("/:id"); // Rails takes either
    if *verb != method && !is_update {
        return None;
    }
    let full = pattern.replace('~', "/api/v1/accounts/:account").replace('!', "/public/api/v1/inboxes/:inbox/contacts");
    let wanted: Vec<&str> = full.split('/').filter(|part| !part.is_empty()).collect();
    let fits = |(wanted, part): (&&str, &String)| wanted.starts_with(':') || *wanted == part;
    if wanted.len() != path.len() || !wanted.iter().zip(path).all(fits) {
        return None;
    }
    let open = |(wanted, part): (&&str, &String)| wanted.starts_with(':').then(|| ((*wanted).to_owned(), part.clone()));
    let open: Vec<(String, String)> = wanted.iter().zip(path).filter_map(open).collect();
    let account = open.iter().find(|(name, _)| name == ":account").map(|(_, part)| part.clone());
    let parts = open.into_iter().filter(|(name, _)| name != ":account").map(|(_, part)| part).collect();
    let name = format!("{verb} {}", pattern.trim_start_matches(['~', '/']));
    Some(Found { access: *access, handler: *handler, account, name, parts })
}

/// Takes a request down its route.
pub(super) fn take(world: &mut World, found: &Found, call: &Call) -> Answer {
    world.current = None;
    let mut client = None;
    let outcome = admit(world, found, call, &mut client).and_then(|()| (found.handler)(world, call));
    let mut answer = outcome.unwrap_or_else(|refusal| refusal);
    if let Some(client) = client.filter(|_| answer.status < 400) {
        answer.headers.extend(users::session_headers(world, &client));
    }
    answer
}

/// Finds out who asks, and whether they may.
fn admit(world: &mut World, found: &Found, call: &Call, client: &mut Option<String>) -> Result<(), Answer> {
    if found.access == Access::Open {
        return Ok(());
    }
    if let Some(token) = call.headers.get("api_access_token") {
        let actor = users::of_token(world, token).ok_or_else(|| Answer::error(401, "Invalid Access Token"))?;
        if matches!(actor, Actor::Bot(_)) && found.access != Access::Bot {
            return Err(Answer::error(401, "Access to this endpoint is not authorized for bots"));
        }
        world.current = Some(actor);
    } else {
        let (user, device) = users::of_session(world, call).ok_or_else(Answer::not_signed_in)?;
        world.current = Some(Actor::User(user));
        *client = Some(device);
    }
    if found.account.as_ref().is_some_and(|account| *account != world.account_id.to_string()) {
        return Err(Answer::not_found());
    }
    let is_administrator = world.current_user().is_some_and(|user| user.is_administrator);
    if found.access == Access::Administrator && !is_administrator {
        return Err(Answer::denied());
    }
    Ok(())
}
