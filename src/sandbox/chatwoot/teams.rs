//! Teams and their members (contract 2.7).

use std::collections::BTreeSet;

use serde_json::Value;

use super::call::{Answer, Call, Outcome, is_true};
use super::settings::{told, word};
use super::show_people as people;
use super::world::{Team, World};

/// `GET teams`.
pub(super) fn teams(world: &mut World, _call: &Call) -> Outcome {
    let shown = world.teams.values().map(|team| people::team(world, team)).collect::<Result<Vec<_>, _>>()?;
    Ok(Answer::json(Value::Array(shown)))
}

/// `POST teams`.
pub(super) fn create_team(world: &mut World, call: &Call) -> Outcome {
    let body = call.wrapped("team")?;
    let name = word(&body, "name").unwrap_or_default().trim().to_lowercase();
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
        allow_auto_assign: body.get("allow_auto_assign").is_none_or(|value| is_true(Some(value))),
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
    for one in world.conversations.values_mut().filter(|one| one.team_id == Some(id)) {
        one.team_id = None;
    }
    told(world, "team");
    Ok(Answer::empty())
}

/// `GET teams/:id/team_members`.
pub(super) fn team_members(world: &mut World, call: &Call) -> Outcome {
    let team = world.teams.get(&call.id(0)?).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(Value::Array(people::agents(world, &team.members))))
}

fn named_members(world: &World, call: &Call) -> Result<BTreeSet<i64>, Answer> {
    let named: BTreeSet<i64> = call.numbers("user_ids").into_iter().collect();
    let is_known = named.iter().all(|id| world.users.contains_key(id));
    is_known.then_some(named).ok_or_else(|| Answer::error(401, "Invalid User IDs"))
}

/// `POST teams/:id/team_members`: adds, and answers the new ones.
pub(super) fn add_team_members(world: &mut World, call: &Call) -> Outcome {
    let (id, named) = (call.id(0)?, named_members(world, call)?);
    let team = world.teams.get_mut(&id).ok_or_else(Answer::not_found)?;
    let added: Vec<i64> = named.into_iter().filter(|user| team.members.insert(*user)).collect();
    told(world, "team");
    Ok(Answer::json(Value::Array(people::agents(world, &added))))
}

/// `PATCH teams/:id/team_members`: replaces.
pub(super) fn replace_team_members(world: &mut World, call: &Call) -> Outcome {
    let (id, named) = (call.id(0)?, named_members(world, call)?);
    world.teams.get_mut(&id).ok_or_else(Answer::not_found)?.members = named;
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
