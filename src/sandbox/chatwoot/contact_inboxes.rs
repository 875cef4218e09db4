//! Contact inboxes: the source id by which a contact is known in an inbox (contract 3.4).

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::inboxes;
use super::show_people as people;
use super::world::{ContactInbox, World};

/// The contact that owns a source id of an inbox.
pub(super) fn owner(world: &World, inbox: i64, source_id: &str) -> Option<i64> {
    let found = world.contact_inboxes.values().find(|place| place.inbox_id == inbox && place.source_id == source_id);
    found.map(|place| place.contact_id)
}

/// The contact inbox of these three, made if need be; without a source id always a new one. Fails when the source id
/// is another contact's.
pub(super) fn find_or_make(
    world: &mut World,
    contact: i64,
    inbox: i64,
    source_id: Option<&str>,
) -> Result<i64, Answer> {
    let source_id = source_id.filter(|source| !source.is_empty());
    if let Some(source) = source_id {
        let found = world.contact_inboxes.values().find(|place| place.inbox_id == inbox && place.source_id == source);
        match found {
            Some(place) if place.contact_id == contact => return Ok(place.id),
            Some(_) => return Err(Answer::broken()),
            None => {}
        }
    }
    let place = ContactInbox {
        id: world.next_id("contact_inboxes"),
        contact_id: contact,
        inbox_id: inbox,
        source_id: source_id.map_or_else(|| world.draw_uuid(), str::to_owned),
        pubsub_token: world.draw_token(),
        created_at: world.now(),
    };
    let id = place.id;
    world.contact_inboxes.insert(id, place);
    Ok(id)
}

/// `POST contacts/:id/contact_inboxes`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let contact = call.id(0)?;
    if !world.contacts.contains_key(&contact) {
        return Err(Answer::not_found());
    }
    let inbox = inboxes::visible(world, call.number("inbox_id").ok_or_else(Answer::not_found)?)?;
    let id = find_or_make(world, contact, inbox, call.text("source_id"))?;
    let place = world.contact_inboxes.get(&id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(people::contact_inbox(world, place)))
}

/// `POST contact_inboxes/filter`: the owner of a source id, or 404 without a body.
pub(super) fn filter(world: &mut World, call: &Call) -> Outcome {
    let inbox = inboxes::visible(world, call.number("inbox_id").ok_or_else(Answer::not_found)?)?;
    let contact = call.text("source_id").and_then(|source| owner(world, inbox, source));
    let contact = contact.and_then(|contact| world.contacts.get(&contact));
    let contact = contact.ok_or_else(|| Answer::new(404, super::call::Body::Empty))?;
    Ok(Answer::json(people::contact(world, contact, true)))
}

/// `GET contacts/:id/contactable_inboxes`: the latest source id in each inbox, or one made up.
pub(super) fn contactable(world: &mut World, call: &Call) -> Outcome {
    let contact = call.id(0)?;
    if !world.contacts.contains_key(&contact) {
        return Err(Answer::not_found());
    }
    let latest = |inbox: i64| {
        let own = world.contact_inboxes.values().rfind(|place| place.contact_id == contact && place.inbox_id == inbox);
        own.map_or_else(|| world.draw_uuid(), |place| place.source_id.clone())
    };
    let visible = world.inboxes.values().filter(|inbox| inboxes::may_see(world, inbox));
    let entry = |inbox| json!({ "inbox": people::inbox_brief(inbox), "source_id": latest(inbox.id) });
    let payload: Vec<Value> = visible.map(entry).collect();
    Ok(Answer::json(json!({ "payload": payload })))
}
