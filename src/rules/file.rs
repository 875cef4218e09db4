//! `routing.toml`: reads rules from the file that ops keep. [`super::export`] is its inverse. Schema: docs/routing.md.
//!
//! Its parts are read by the files beside this one; [`super::json`] reads the same document from JSON.

use toml::de::DeTable;

use super::Rules;
use super::fault::{Faults, Place};
use super::file_brand::read_brand;
use super::file_calendar::read_holiday_list;
use super::file_people::{read_agent, read_floods, read_pausing, read_supervisor};
use super::forms::{ID_FORM, NUMBER_FORM, is_id};
use super::node::{Content, Node};
use super::reader::Fields;
use super::seen::Seen;
use crate::ids::{BrandId, IntentId};
use crate::phone_number::{PhoneNumber, parse_phone_number};
use crate::rules::Number;

pub use super::fault::{FAULTS_MAX, Fault, RoutingFileError};
pub use super::forms::ID_CHARS_MAX;

/// Longest spoken text.
pub const TEXT_CHARS_MAX: usize = 500;
/// Longest name.
pub const NAME_CHARS_MAX: usize = 80;
/// Largest file, in bytes: ten thousand agents with shifts, and no more than a mistake should cost.
pub const FILE_BYTES_MAX: usize = 16_777_216;

/// Reads rules. `file` names the text in messages.
///
/// # Errors
/// Every fault, each with its line and path: what is no TOML, unknown and missing fields, wrong types and forms, values
/// out of range, overlapping intervals, ids, numbers, phones, keys and inboxes that stand twice, and names that lead
/// nowhere.
pub fn parse(file: &str, text: &str) -> Result<Rules, RoutingFileError> {
    let mut faults = Faults::new(Some(text));
    let mut rules = None;
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes; allowed: at most {FILE_BYTES_MAX}", text.len());
        faults.add(&Place::default(), message);
    } else {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            faults.add(&Place { span: error.span().unwrap_or(0..0), pointer: String::new() }, error.message());
        }
        // A broken text would only add faults that are none.
        if errors.is_empty() {
            rules = read_document(&Node::of_file(table.get_ref()), &mut faults);
        }
    }
    faults.conclude(file, rules)
}

/// Reads the whole document; all of its faults are noted.
pub(super) fn read_document(node: &Node<'_>, faults: &mut Faults<'_>) -> Option<Rules> {
    let Content::Table(table) = &node.content else {
        faults.add(&Place::default(), format!("the document is {}; allowed: a table", node.kind()));
        return None;
    };
    read_rules(Fields::new(table, Place::default(), "file"), faults)
}

fn read_rules(mut fields: Fields<'_>, faults: &mut Faults<'_>) -> Option<Rules> {
    let mut seen = Seen::default();
    let version = fields.count(faults, "version", 1..=u32::MAX, 1);
    let floods = read_floods(&mut fields, faults);
    let pausing = read_pausing(&mut fields, faults);
    let holidays: Vec<_> =
        fields.tables(faults, "holidays").into_iter().map(|list| read_holiday_list(list, faults, &mut seen)).collect();
    let brands: Vec<_> =
        fields.tables(faults, "brand").into_iter().map(|brand| read_brand(brand, faults, &mut seen)).collect();
    let numbers: Vec<_> =
        fields.tables(faults, "number").into_iter().map(|number| read_number(number, faults, &mut seen)).collect();
    let agents: Vec<_> =
        fields.tables(faults, "agent").into_iter().map(|agent| read_agent(agent, faults, &mut seen)).collect();
    let supervisors: Vec<_> =
        fields.tables(faults, "supervisor").into_iter().map(|one| read_supervisor(one, faults, &mut seen)).collect();
    fields.finish(faults);
    seen.check_references(faults);
    Some(Rules {
        version,
        brands: brands.into_iter().collect::<Option<_>>()?,
        numbers: numbers.into_iter().collect::<Option<_>>()?,
        agents: agents.into_iter().collect::<Option<_>>()?,
        holidays: holidays.into_iter().collect::<Option<_>>()?,
        supervisors: supervisors.into_iter().collect::<Option<_>>()?,
        floods,
        pausing,
        index: super::Index::default(),
    })
}

fn read_number(mut fields: Fields<'_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Option<Number> {
    let number = fields.required(faults, "number", |fields, faults| {
        read_phone(fields, faults, seen, "number", "a number that customers dial".to_owned())
    });
    if let Some(number) = &number {
        seen.own(number);
    }
    let brand = fields.required(faults, "brand", |fields, faults| fields.text(faults, "brand"));
    let intent = fields.text(faults, "intent");
    if let Some(brand) = &brand {
        seen.refer("brand", brand.value, brand.place.clone());
        if let Some(intent) = &intent {
            seen.refer_within("intent", brand.value, intent.value, intent.place.clone());
        }
    }
    fields.finish(faults);
    Some(Number {
        number: number?,
        brand: BrandId::new(brand?.value),
        intent: intent.map(|intent| IntentId::new(intent.value)),
    })
}

/// Reads the `id` of what is unique by it.
pub(super) fn read_id(
    fields: &mut Fields<'_>,
    faults: &mut Faults<'_>,
    seen: &mut Seen,
    kind: &'static str,
) -> Option<String> {
    fields.required(faults, "id", |fields, faults| {
        let id = fields.parsed(faults, "id", ID_FORM, |text| is_id(text).then(|| text.to_owned()))?;
        seen.claim(faults, kind, &id);
        Some(id.value)
    })
}

/// Phones and our own numbers are one space: a phone that is a number of ours would ring ourselves. `whose` names it for the
/// message that tells of two that are the same.
pub(super) fn read_phone(
    fields: &mut Fields<'_>,
    faults: &mut Faults<'_>,
    seen: &mut Seen,
    name: &'static str,
    whose: String,
) -> Option<PhoneNumber> {
    let phone = fields.parsed(faults, name, NUMBER_FORM, |text| parse_phone_number(text).ok())?;
    seen.claim_phone(faults, &phone, whose);
    Some(phone.value)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
