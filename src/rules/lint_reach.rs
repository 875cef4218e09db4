//! Lint of what nobody can reach: menus, intents, numbers, closures and lists.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Datelike, Utc};

use super::holidays::{Region, YEARS};
use super::lint::{BrandPlace, Code, Findings};
use super::{Brand, Rules};
use crate::ids::IntentId;

pub(super) fn look_at_numbers(findings: &mut Findings, place: &BrandPlace<'_>) {
    let BrandPlace { rules, brand, .. } = place;
    let own = || rules.numbers.iter().filter(|number| number.brand == brand.id);
    if rules.numbers.is_empty() {
        // Told once, for all brands.
    } else if own().next().is_none() {
        let message = format!("no number leads to brand `{}`, so nobody can call it", brand.id);
        findings.add(Code::BrandWithoutNumber, place.pointer.clone(), message);
    } else if brand.menu.is_some() && own().all(|number| number.intent.is_some()) {
        findings.add(
            Code::UnreachableMenu,
            place.at("menu"),
            "every number of this brand names an intent, so no caller hears the menu".to_owned(),
        );
    }
}

pub(super) fn look_at_all_numbers(findings: &mut Findings, rules: &Rules) {
    if rules.numbers.is_empty() {
        let message = "there is no [[number]], so whoever calls hears that the number is not in use";
        findings.add(Code::NoNumbers, "/number".to_owned(), message.to_owned());
    }
}

pub(super) fn look_at_intents(findings: &mut Findings, place: &BrandPlace<'_>) {
    let BrandPlace { rules, brand, .. } = place;
    let mut reached: BTreeSet<&IntentId> = rules
        .numbers
        .iter()
        .filter(|number| number.brand == brand.id)
        .filter_map(|number| number.intent.as_ref())
        .collect();
    if let Some(menu) = &brand.menu {
        reached.extend(menu.options.iter().map(|option| &option.intent));
        reached.insert(&menu.default);
    }
    let skills = skills_of(rules, brand);
    for (index, intent) in brand.intents.iter().enumerate() {
        if !reached.contains(&intent.id) {
            findings.add(
                Code::UnreachableIntent,
                place.at(&format!("intent/{index}")),
                format!("no number names intent `{}` and no key of the menu leads to it", intent.id),
            );
        }
        // An empty roster is told once, as hours that nobody covers.
        if let Some(skill) = intent.skill.as_deref().filter(|skill| !skills.contains(skill) && !brand.roster.is_empty())
        {
            findings.add(
                Code::SkillNobodyHas,
                place.at(&format!("intent/{index}/skill")),
                format!("nobody on the roster has skill `{skill}`, so nobody is ever rung for intent `{}`", intent.id),
            );
        }
    }
}

/// Every skill that somebody on the roster has.
pub(super) fn skills_of<'r>(rules: &'r Rules, brand: &'r Brand) -> HashSet<&'r str> {
    let agents = brand.roster.iter().filter_map(|id| rules.agent(id));
    agents.flat_map(|agent| agent.skills.iter().map(String::as_str)).collect()
}

pub(super) fn look_at_calendar(findings: &mut Findings, place: &BrandPlace<'_>, at: DateTime<Utc>) {
    let brand = place.brand;
    let calendar = &brand.calendar;
    for (field, until) in [("closed_until", &calendar.closed_until), ("open_until", &calendar.open_until)] {
        if until.as_ref().is_some_and(|until| until.until <= at) {
            let message = format!("`{field}` is over and changes nothing any more");
            findings.add(Code::Over, place.at(&format!("calendar/{field}")), message);
        }
    }
    let after_hours = &brand.after_hours;
    let unreachable = [
        ("holiday", after_hours.holiday.is_some() && calendar.holidays.is_empty(), "its calendar has no holidays"),
        (
            "special_day",
            after_hours.special_day.is_some() && calendar.days.is_empty(),
            "its calendar has no single dates",
        ),
    ];
    for (kind, _, why) in unreachable.into_iter().filter(|(_, found, _)| *found) {
        let message = format!("this brand has a path of its own for `{kind}`, but {why}");
        findings.add(Code::UnreachablePath, place.at(&format!("after_hours/{kind}")), message);
    }
}

pub(super) fn look_at_lists(findings: &mut Findings, rules: &Rules) {
    let used: BTreeSet<_> = rules.brands.iter().flat_map(|brand| &brand.calendar.holidays).collect();
    for (index, list) in rules.holidays.iter().enumerate().filter(|(_, list)| !used.contains(&list.id)) {
        let message = format!("no brand refers to the list of holidays `{}`", list.id);
        findings.add(Code::UnusedHolidays, format!("/holidays/{index}"), message);
    }
    for (index, list) in rules.holidays.iter().enumerate() {
        let Some(region) = list.public.as_deref().and_then(Region::parse) else {
            if list.dates.is_empty() {
                let message =
                    format!("the list of holidays `{}` has neither `public` nor `dates`, so no day is closed", list.id);
                findings.add(Code::EmptyHolidays, format!("/holidays/{index}"), message);
            }
            continue;
        };
        for (place, date) in list.except.iter().enumerate().filter(|(_, date)| region.find(**date).is_none()) {
            let code = list.public.as_deref().unwrap_or_default();
            let message = if YEARS.contains(&date.year()) {
                format!("{date} is no public holiday of {code}, so it is open anyway")
            } else {
                format!("public holidays of {date} are not known, only those of {} to {}", YEARS.start(), YEARS.end())
            };
            findings.add(Code::ExceptNoHoliday, format!("/holidays/{index}/except/{place}"), message);
        }
    }
}
