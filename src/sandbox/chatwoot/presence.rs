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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, TimeDelta};

    use super::super::users;
    use super::super::world::World;
    use super::{listed, on_cable, ping};
    use crate::clock::{CountedIds, ManualClock};

    fn world() -> (World, ManualClock, i64) {
        let clock = ManualClock::new(DateTime::from_timestamp_millis(1_780_000_000_700).unwrap());
        let mut world = World::new(Arc::new(clock.clone()), Arc::new(CountedIds::new(1)), "Lab".to_owned());
        let user = users::insert(&mut world, "Sam Carter", "sam@example.com", false);
        (world, clock, user)
    }

    #[test]
    fn a_ping_counts_twenty_seconds_in_rest_and_one_more_on_the_cable() {
        let (mut world, clock, user) = world();
        ping(&mut world, user);
        clock.advance(TimeDelta::milliseconds(19_200));
        assert_eq!(listed(&world, &world.users[&user]), "online");
        clock.advance(TimeDelta::milliseconds(200));
        assert_eq!(listed(&world, &world.users[&user]), "offline");
        assert!(on_cable(&world).contains_key(&user.to_string()));
        clock.advance(TimeDelta::milliseconds(1000));
        assert!(!on_cable(&world).contains_key(&user.to_string()));
    }

    /// The recorded step `presence/flapping`, which takes two minutes of real time, on a clock turned by hand.
    #[test]
    fn a_healthy_tab_flaps_about_as_often_as_recorded() {
        let (mut world, clock, user) = world();
        world.tabs.insert(user, world.now());
        let mut offline = 0;
        for _ in 0..260 {
            offline += u32::from(listed(&world, &world.users[&user]) == "offline");
            assert!(on_cable(&world).contains_key(&user.to_string()));
            clock.advance(TimeDelta::milliseconds(500));
        }
        let fraction = f64::from(offline) / 260.0;
        assert!((fraction - 0.023).abs() < 0.05 && offline > 0, "offline in {fraction} of all samples");
    }

    #[test]
    fn without_auto_offline_the_configured_availability_counts() {
        let (mut world, _clock, user) = world();
        let own = world.users.get_mut(&user).unwrap();
        (own.auto_offline, own.availability) = (false, "busy".to_owned());
        assert_eq!(listed(&world, &world.users[&user]), "busy");
        assert_eq!(on_cable(&world)[&user.to_string()], "busy");
    }
}
