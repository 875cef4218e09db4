//! Agents, supervisors, floods and pauses in the document.

use std::collections::BTreeSet;

use super::fault::{Faults, Place, Placed};
use super::file::{NAME_CHARS_MAX, read_id, read_phone};
use super::forms::{ID_FORM, ZONE_FORM, is_email, is_id, parse_zone};
use super::people::{Absence, Floods, Pausing, ShiftDay, Supervisor};
use super::reader::{Fields, shown};
use super::seen::Seen;
use super::week::{read_day, read_hours};
use super::{Agent, AvailabilitySource};
use crate::ids::{AgentId, BrandId, SupervisorId};

pub(super) fn read_agent(mut fields: Fields<'_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Option<Agent> {
    let id = read_id(&mut fields, faults, seen, "agent");
    let name = fields.required(faults, "name", |fields, faults| fields.words(faults, "name", NAME_CHARS_MAX));
    let email = fields.parsed(faults, "email", "an e-mail address", |text| is_email(text).then(|| text.to_owned()));
    let chatwoot_user_id = fields.integer(faults, "chatwoot_user_id", 1..=i64::MAX);
    if !fields.has("email") && !fields.has("chatwoot_user_id") {
        faults.add(
            fields.place(),
            "this agent has neither `email` nor `chatwoot_user_id`; one must say who it is in Chatwoot",
        );
    }
    if let Some(email) = &email {
        seen.claim(faults, "email", &Placed { value: email.value.to_ascii_lowercase(), place: email.place.clone() });
    }
    let whose =
        id.as_ref().map_or_else(|| "the phone of an agent".to_owned(), |id| format!("the phone of agent `{id}`"));
    let phone = fields.required(faults, "phone", |fields, faults| read_phone(fields, faults, seen, "phone", whose));
    let time_zone = fields.parsed(faults, "time_zone", ZONE_FORM, parse_zone).map(|zone| zone.value);
    let shift = read_hours(&mut fields, faults, "shift", "leave it out if the agent always works");
    let shift_days = read_shift_days(&mut fields, faults);
    for (needs_zone, is_there) in [("shift", fields.has("shift")), ("shift_day", !shift_days.is_empty())] {
        if is_there && !fields.has("time_zone") {
            faults.add(fields.place(), format!("this agent has a `{needs_zone}` but no `time_zone`"));
        }
    }
    let absences = read_absences(&mut fields, faults);
    let phone_verified = fields.boolean(faults, "phone_verified").unwrap_or(false);
    let vouched_by = fields.words(faults, "vouched_by", NAME_CHARS_MAX);
    let availability = fields.parsed(faults, "availability", "follow or own_switch", |text| match text {
        "follow" => Some(AvailabilitySource::Follow),
        "own_switch" => Some(AvailabilitySource::OwnSwitch),
        _ => None,
    });
    let skills = read_skills(&mut fields, faults);
    fields.finish(faults);
    Some(Agent {
        id: AgentId::new(&id?),
        name: name?,
        email: email.map(|email| email.value),
        chatwoot_user_id,
        phone: phone?,
        phone_verified,
        vouched_by,
        time_zone,
        shift,
        shift_days,
        absences,
        availability: availability.map(|source| source.value).unwrap_or_default(),
        skills,
    })
}

fn read_shift_days(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Vec<ShiftDay> {
    let mut days = Vec::new();
    let mut dates = BTreeSet::new();
    for mut fields in fields.tables(faults, "shift_day") {
        let on = fields.required(faults, "on", |fields, faults| fields.date(faults, "on"));
        let hours = read_day(&mut fields, faults, "hours");
        fields.finish(faults);
        let Some(on) = on else {
            continue;
        };
        if dates.insert(on.value) {
            days.push(ShiftDay { on: on.value, hours });
        } else {
            faults.add(&on.place, format!("{} stands twice for this agent", on.value));
        }
    }
    days.sort_by_key(|day| day.on);
    days
}

fn read_absences(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Vec<Absence> {
    let mut absences: Vec<(Absence, Place)> = Vec::new();
    for mut fields in fields.tables(faults, "absence") {
        let from = fields.required(faults, "from", |fields, faults| fields.instant(faults, "from"));
        let until = fields.required(faults, "until", |fields, faults| fields.instant(faults, "until"));
        let reason = fields.words(faults, "reason", NAME_CHARS_MAX);
        if let (Some(from), Some(until)) = (from, until) {
            if from >= until {
                fields.refuse(faults, "until", "`until` is not later than `from`");
            }
            absences.push((Absence { from, until, reason }, fields.place().clone()));
        }
        fields.finish(faults);
    }
    absences.sort_by_key(|(absence, _)| absence.from);
    let mut last_until = None;
    for (absence, place) in &absences {
        if last_until.is_some_and(|last| absence.from < last) {
            faults.add(place, "this absence overlaps another of this agent");
        }
        last_until = last_until.max(Some(absence.until));
    }
    absences.into_iter().map(|(absence, _)| absence).collect()
}

fn read_skills(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Vec<String> {
    let mut skills = Vec::new();
    let mut known = BTreeSet::new();
    for text in fields.texts(faults, "skills") {
        if !is_id(text.value) {
            faults.add(&text.place, format!("`{}` is no skill; allowed: {ID_FORM}", shown(text.value)));
        } else if known.insert(text.value) {
            skills.push(text.value.to_owned());
        } else {
            faults.add(&text.place, format!("skill `{}` stands twice", text.value));
        }
    }
    skills
}

pub(super) fn read_supervisor(mut fields: Fields<'_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Option<Supervisor> {
    let id = read_id(&mut fields, faults, seen, "supervisor");
    let name = fields.required(faults, "name", |fields, faults| fields.words(faults, "name", NAME_CHARS_MAX));
    let chatwoot_user_id = fields.integer(faults, "chatwoot_user_id", 1..=i64::MAX);
    let mut brands = Vec::new();
    let mut known = BTreeSet::new();
    for text in fields.texts(faults, "brands") {
        if known.insert(text.value) {
            brands.push(BrandId::new(text.value));
            seen.refer("brand", text.value, text.place);
        } else {
            faults.add(&text.place, format!("brand `{}` stands twice for this supervisor", text.value));
        }
    }
    fields.finish(faults);
    Some(Supervisor { id: SupervisorId::new(&id?), name: name?, chatwoot_user_id, brands })
}

pub(super) fn read_floods(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Floods {
    let default = Floods::default();
    let Some(mut fields) = fields.table(faults, "floods") else {
        return default;
    };
    let floods = Floods {
        calls_per_caller: fields.count(faults, "calls_per_caller", 1..=100, default.calls_per_caller),
        calls_withheld: fields.count(faults, "calls_withheld", 1..=1000, default.calls_withheld),
        window: fields.seconds(faults, "window_s", 60..=3600, 600),
        challenge: fields.boolean(faults, "challenge").unwrap_or(default.challenge),
        calls_per_caller_declared: fields.count(
            faults,
            "calls_per_caller_declared",
            1..=100,
            default.calls_per_caller_declared,
        ),
    };
    fields.finish(faults);
    floods
}

pub(super) fn read_pausing(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Pausing {
    let default = Pausing::default();
    let Some(mut fields) = fields.table(faults, "pausing") else {
        return default;
    };
    let pausing = Pausing {
        after_misses: fields.count(faults, "after_misses", 0..=20, default.after_misses),
        span: fields.seconds(faults, "pause_s", 60..=86_400, 900),
    };
    fields.finish(faults);
    pausing
}
