//! Who is there: configured availability, and pings that count for twenty seconds (contract 7.2).

use std::collections::BTreeMap;

use super::world::{User, World};

/// How long a ping counts, in seconds: Chatwoot's default `PRESENCE_DURATION`.
const DURATION_S: i64 = 20;

/// How often a dashboard tab pings, in seconds.
const TAB_PING_S: i64 = 20;

/// When this user last said to be there, in whole Unix seconds.
pub(super) fn last_ping(world: &World, user: i64) -> Option<i64> {
    let of_tab = world.tabs.get(&user).map(|opened| {
        let pings = (world.now() - opened).num_seconds().max(0) / TAB_PING_S;
        opened.timestamp() + pings * TAB_PING_S
    });
    of_tab.max(world.pings.get(&user).copied())
}

/// The status in `GET /agents`: strictly less than the duration ago.
pub(super) fn listed<'a>(world: &World, user: &'a User) -> &'a str {
    let since = world.now().timestamp() - DURATION_S;
    let is_there = !user.auto_offline || last_ping(world, user.id).is_some_and(|ping| ping > since);
    if is_there { &user.availability } else { "offline" }
}

/// The users of a `presence.update`: the bound is included, those without `auto_offline` are always there.
pub(super) fn on_cable(world: &World) -> BTreeMap<String, String> {
    let since = world.now().timestamp() - DURATION_S;
    let is_there = |user: &&User| !user.auto_offline || last_ping(world, user.id).is_some_and(|ping| ping >= since);
    world.users.values().filter(is_there).map(|user| (user.id.to_string(), user.availability.clone())).collect()
}

/// Notes that a user is there now.
pub(super) fn ping(world: &mut World, user: i64) {
    let now = world.now().timestamp();
    world.pings.insert(user, now);
}
