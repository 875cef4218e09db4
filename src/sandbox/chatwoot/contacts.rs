//! Contacts: making, finding, changing, merging and removing them (contract section 3).

use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome, is_true};
use super::contact_inboxes;
use super::conversations;
use super::filter::{self, Standard};
use super::happenings::Happening;
use super::show_people as people;
use super::world::{Contact, Object, Sender, World, iso};

/// How many a page lists.
const PER_PAGE: usize = 15;

/// The keys `contacts/filter` knows of itself, and their operators.
const FILTERS: &[Standard] = &[
    ("name", &["equal_to", "not_equal_to", "contains", "does_not_contain"]),
    ("phone_number", &["equal_to", "not_equal_to", "contains", "does_not_contain", "starts_with"]),
    ("email", &["equal_to", "not_equal_to", "contains", "does_not_contain"]),
    ("identifier", &["equal_to", "not_equal_to"]),
    ("country_code", &["equal_to", "not_equal_to", "contains", "does_not_contain"]),
    ("city", &["equal_to", "not_equal_to", "contains", "does_not_contain"]),
    ("company_name", &["equal_to", "not_equal_to", "contains", "does_not_contain"]),
    ("labels", &["equal_to", "not_equal_to", "is_present", "is_not_present"]),
    ("created_at", &["is_greater_than", "is_less_than", "days_before"]),
    ("last_activity_at", &["is_greater_than", "is_less_than", "days_before"]),
    ("blocked", &["equal_to", "not_equal_to"]),
];

/// Whether Chatwoot takes a telephone number: its pattern is anchored at the end only (contract 3.1).
fn is_phone(text: &str) -> bool {
    let digits = text.rsplit_once('+').map_or("", |(_, digits)| digits);
    (2..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// Changes a contact and tells of it, if anything changed.
pub(super) fn change(world: &mut World, id: i64, alter: impl FnOnce(&mut Contact)) {
    let now = world.now();
    let Some(contact) = world.contacts.get_mut(&id) else {
        return;
    };
    let before = contact.clone();
    alter(contact);
    if *contact == before {
        return;
    }
    contact.updated_at = now;
    let city = |one: &Contact| one.additional_attributes.get("city").cloned().unwrap_or(Value::Null);
    let pairs = [
        ("name", json!(before.name), json!(contact.name)),
        ("email", json!(before.email), json!(contact.email)),
        ("phone_number", json!(before.phone_number), json!(contact.phone_number)),
        ("identifier", json!(before.identifier), json!(contact.identifier)),
        ("blocked", json!(before.blocked), json!(contact.blocked)),
        ("custom_attributes", json!(before.custom_attributes), json!(contact.custom_attributes)),
        ("additional_attributes", json!(before.additional_attributes), json!(contact.additional_attributes)),
        ("location", city(&before), city(contact)),
        ("last_activity_at", json!(before.last_activity_at.map(iso)), json!(contact.last_activity_at.map(iso))),
        ("updated_at", json!(iso(before.updated_at)), json!(iso(now))),
    ];
    let changes = pairs.into_iter().filter(|(key, was, is)| was != is || *key == "updated_at");
    let changes = changes.map(|(key, was, is)| json!({ key: { "previous_value": was, "current_value": is } }));
    let changes = changes.collect();
    world.tell(Happening::ContactUpdated { id, changes });
}

/// Makes a contact without asking whether it may be.
fn insert(world: &mut World, name: &str) -> i64 {
    let (id, now) = (world.next_id("contacts"), world.now());
    let contact = Contact {
        id,
        name: name.to_owned(),
        email: None,
        phone_number: None,
        identifier: None,
        blocked: false,
        custom_attributes: Object::new(),
        additional_attributes: Object::new(),
        last_activity_at: None,
        created_at: now,
        updated_at: now,
    };
    world.contacts.insert(id, contact);
    id
}

/// Checks what a request says of a contact; `own` is the contact it is about, which may keep what it has.
fn check(world: &World, call: &Call, own: Option<i64>) -> Result<(), Answer> {
    let others = || world.contacts.values().filter(|contact| Some(contact.id) != own);
    if let Some(phone) = call.text("phone_number").filter(|phone| !phone.is_empty()) {
        if others().any(|contact| contact.phone_number.as_deref() == Some(phone)) {
            return Err(Answer::invalid("phone_number", "Phone number has already been taken"));
        }
        if !is_phone(phone) {
            return Err(Answer::invalid("phone_number", "Phone number should be in e164 format"));
        }
    }
    if let Some(email) = call.text("email").filter(|email| !email.is_empty()) {
        let (name, domain) = email.split_once('@').unwrap_or_default();
        if name.is_empty() || domain.is_empty() || email.contains(char::is_whitespace) {
            return Err(Answer::invalid("email", "Email Invalid email"));
        }
        if others().any(|contact| contact.email.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(email))) {
            return Err(Answer::invalid("email", "Email has already been taken"));
        }
    }
    let identifier = call.text("identifier").filter(|identifier| !identifier.is_empty());
    if identifier.is_some() && others().any(|contact| contact.identifier.as_deref() == identifier) {
        return Err(Answer::invalid("identifier", "Identifier has already been taken"));
    }
    super::actions::check_attributes("Custom attributes", "custom_attributes", &call.object("custom_attributes"))
}

/// Writes what a request says into a contact: attributes are merged, blanks are none.
fn write(contact: &mut Contact, call: &Call) {
    let blank_is_none = |name: &str| call.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    if call.body.contains_key("name") {
        contact.name = call.text("name").unwrap_or_default().to_owned();
    }
    if call.body.contains_key("phone_number") {
        contact.phone_number = blank_is_none("phone_number");
    }
    if call.body.contains_key("email") {
        contact.email = blank_is_none("email").map(|email| email.to_lowercase());
    }
    if call.body.contains_key("identifier") {
        contact.identifier = blank_is_none("identifier");
    }
    if call.body.contains_key("blocked") {
        contact.blocked = is_true(call.value("blocked"));
    }
    contact.custom_attributes.extend(call.object("custom_attributes"));
    contact.additional_attributes.extend(call.object("additional_attributes"));
}

/// Makes the contact a request describes, if it may be, and tells of it.
pub(super) fn make(world: &mut World, call: &Call) -> Result<i64, Answer> {
    check(world, call, None)?;
    let id = insert(world, "");
    if let Some(contact) = world.contacts.get_mut(&id) {
        write(contact, call);
    }
    world.tell(Happening::ContactCreated(id));
    Ok(id)
}

/// `POST contacts`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let inbox = match call.number("inbox_id") {
        Some(id) => Some(super::inboxes::visible(world, id)?),
        None => None,
    };
    check(world, call, None)?;
    let source = call.text("source_id");
    if let (Some(inbox), Some(source)) = (inbox, source)
        && contact_inboxes::owner(world, inbox, source).is_some()
    {
        return Err(Answer::broken()); // a duplicate key; everything is rolled back
    }
    let id = make(world, call)?;
    let place = match inbox {
        Some(inbox) => Some(contact_inboxes::find_or_make(world, id, inbox, source)?),
        None => None,
    };
    let place = place.and_then(|place| world.contact_inboxes.get(&place));
    let record =
        place.and_then(|place| world.inboxes.get(&place.inbox_id)).map(|inbox| people::inbox_record(world, inbox));
    let contact = world.contacts.get(&id).map(|contact| people::contact(world, contact, true));
    let place = json!({ "inbox": record, "source_id": place.map(|place| place.source_id.clone()) });
    Ok(Answer::json(json!({ "payload": { "contact": contact, "contact_inbox": place } })))
}

/// The contact a path names first.
fn find(world: &World, call: &Call) -> Result<i64, Answer> {
    let id = call.id(0)?;
    world.contacts.contains_key(&id).then_some(id).ok_or_else(Answer::not_found)
}

fn with_inboxes(call: &Call) -> bool {
    call.query("include_contact_inboxes") != Some("false")
}

fn payload(world: &World, call: &Call, id: i64) -> Outcome {
    let contact = world.contacts.get(&id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(json!({ "payload": people::contact(world, contact, with_inboxes(call)) })))
}

/// `GET contacts/:id`.
pub(super) fn show(world: &mut World, call: &Call) -> Outcome {
    payload(world, call, find(world, call)?)
}

/// `PUT|PATCH contacts/:id`.
pub(super) fn update(world: &mut World, call: &Call) -> Outcome {
    let id = find(world, call)?;
    check(world, call, Some(id))?;
    change(world, id, |contact| write(contact, call));
    payload(world, call, id)
}

/// `POST contacts/:id/destroy_custom_attributes`.
pub(super) fn destroy_attributes(world: &mut World, call: &Call) -> Outcome {
    let id = find(world, call)?;
    let keys = call.value("custom_attributes").and_then(Value::as_array).cloned().unwrap_or_default();
    change(world, id, |contact| {
        for key in keys.iter().filter_map(Value::as_str) {
            contact.custom_attributes.remove(key);
        }
    });
    payload(world, call, id)
}

/// `DELETE contacts/:id`: gone at once, with all that hangs off it.
pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let id = find(world, call)?;
    if let Some(contact) = world.contacts.remove(&id) {
        world.tell(Happening::ContactDeleted(people::contact_event(&contact)));
    }
    world.contact_inboxes.retain(|_, place| place.contact_id != id);
    let of_contact = world.conversations.values().filter(|one| one.contact_id == id).map(|one| one.id);
    for conversation in of_contact.collect::<Vec<_>>() {
        conversations::remove(world, conversation);
    }
    Ok(Answer::empty())
}

fn listed(world: &World, call: &Call, found: &[&Contact]) -> (i64, Vec<Value>) {
    let page = call.query_number("page").unwrap_or(1).max(1);
    let start = usize::try_from(page - 1).unwrap_or(0).saturating_mul(PER_PAGE);
    let shown = found.iter().skip(start).take(PER_PAGE);
    (page, shown.map(|contact| people::contact(world, contact, with_inboxes(call))).collect())
}

/// `GET contacts`.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let mut found: Vec<&Contact> = world.contacts.values().collect();
    match call.query("sort") {
        Some("phone_number") => {
            found.sort_by_key(|contact| (contact.phone_number.is_none(), contact.phone_number.clone()));
        }
        // Who never was active comes last.
        Some("-last_activity_at") => found.sort_by_key(|contact| std::cmp::Reverse(contact.last_activity_at)),
        _ => found.sort_by_key(|contact| contact.name.to_lowercase()),
    }
    let (page, payload) = listed(world, call, &found);
    let meta = json!({ "count": found.len(), "current_page": page });
    Ok(Answer::json(json!({ "meta": meta, "payload": payload })))
}

/// `GET contacts/search`: a part of name, address, number or identifier.
pub(super) fn search(world: &mut World, call: &Call) -> Outcome {
    let wanted = call.query("q").unwrap_or_default().trim().to_lowercase();
    if wanted.is_empty() {
        let meta = json!({ "count": null, "current_page": 1, "has_more": null });
        return Ok(Answer::json(json!({ "meta": meta, "payload": [] })));
    }
    let holds = |text: Option<&str>| text.is_some_and(|text| text.to_lowercase().contains(&wanted));
    let is_found = |contact: &&Contact| {
        let texts = [
            Some(contact.name.as_str()),
            contact.email.as_deref(),
            contact.phone_number.as_deref(),
            contact.identifier.as_deref(),
        ];
        texts.into_iter().any(holds)
    };
    let found: Vec<&Contact> = world.contacts.values().filter(is_found).collect();
    let (page, payload) = listed(world, call, &found);
    let reached = usize::try_from(page).unwrap_or(1).saturating_mul(PER_PAGE);
    let meta = json!({ "count": payload.len(), "current_page": page, "has_more": found.len() > reached });
    Ok(Answer::json(json!({ "meta": meta, "payload": payload })))
}

/// `POST contacts/filter`.
pub(super) fn filter(world: &mut World, call: &Call) -> Outcome {
    let rules = filter::read(call, FILTERS, &filter::defined_keys(world, "contact_attribute"))?;
    let is_found = |contact: &&Contact| filter::holds(&rules, |key| values(contact, key));
    let found: Vec<&Contact> = world.contacts.values().filter(is_found).collect();
    let (page, payload) = listed(world, call, &found);
    let meta = json!({ "count": found.len(), "current_page": page });
    Ok(Answer::json(json!({ "meta": meta, "payload": payload })))
}

fn values(contact: &Contact, key: &str) -> Vec<String> {
    let one = |text: Option<String>| text.into_iter().collect();
    match key {
        "name" => vec![contact.name.clone()],
        "phone_number" => one(contact.phone_number.clone()),
        "email" => one(contact.email.clone()),
        "identifier" => one(contact.identifier.clone()),
        "blocked" => vec![contact.blocked.to_string()],
        "created_at" => vec![contact.created_at.date_naive().to_string()],
        "last_activity_at" => one(contact.last_activity_at.map(|at| at.date_naive().to_string())),
        "country_code" | "city" | "company_name" => one(contact.additional_attributes.get(key).map(filter::text)),
        _ => one(contact.custom_attributes.get(key).map(filter::text)),
    }
}

/// `POST actions/contact_merge`: the base takes over everything, the mergee is gone (contract 3.5).
pub(super) fn merge(world: &mut World, call: &Call) -> Outcome {
    let known =
        |name: &str| call.number(name).filter(|id| world.contacts.contains_key(id)).ok_or_else(Answer::not_found);
    let (base, mergee) = (known("base_contact_id")?, known("mergee_contact_id")?);
    if base != mergee {
        for place in world.contact_inboxes.values_mut().filter(|place| place.contact_id == mergee) {
            place.contact_id = base;
        }
        let now = world.now();
        for one in world.conversations.values_mut().filter(|one| one.contact_id == mergee) {
            (one.contact_id, one.updated_at) = (base, now);
        }
        for message in world.messages.values_mut().filter(|message| message.sender == Sender::Contact(mergee)) {
            message.sender = Sender::Contact(base);
        }
        if let Some(gone) = world.contacts.remove(&mergee) {
            change(world, base, |contact| fill(contact, gone));
        }
        world.tell(Happening::ContactMerged(base));
    }
    let contact = world.contacts.get(&base).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(people::contact(world, contact, false)))
}

/// Fills what the base lacks.
fn fill(contact: &mut Contact, gone: Contact) {
    contact.email = contact.email.take().or(gone.email);
    contact.phone_number = contact.phone_number.take().or(gone.phone_number);
    contact.identifier = contact.identifier.take().or(gone.identifier);
    for (own, other) in [
        (&mut contact.custom_attributes, gone.custom_attributes),
        (&mut contact.additional_attributes, gone.additional_attributes),
    ] {
        for (key, value) in other {
            own.entry(key).or_insert(value);
        }
    }
}
