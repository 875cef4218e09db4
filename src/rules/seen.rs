//! What stands twice in a document, and what leads nowhere.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{Faults, Place, Placed};
use crate::phone_number::PhoneNumber;

/// What must be unique, and what must lead somewhere.
#[derive(Default)]
pub(super) struct Seen {
    /// By kind, scope and value. The scope is the brand, for what is unique within one.
    taken: BTreeSet<(&'static str, String, String)>,
    /// Phones of agents and numbers of ours, with whose they are.
    phones: BTreeMap<PhoneNumber, String>,
    references: Vec<Reference>,
    our_numbers: BTreeSet<PhoneNumber>,
    not_ours: Vec<(&'static str, Placed<PhoneNumber>)>,
}

/// A name that must lead somewhere.
struct Reference {
    kind: &'static str,
    /// The brand in which it is looked for; everywhere, if none.
    brand: Option<String>,
    value: Placed<String>,
}

impl Seen {
    /// Notes a fault if the same thing was there before. `kind` sets apart what may be equal.
    pub(super) fn claim(&mut self, faults: &mut Faults<'_>, kind: &'static str, value: &Placed<String>) {
        self.claim_within(faults, kind, "", &value.value, &value.place);
    }

    /// As [`Seen::claim`], for what is unique within a brand.
    pub(super) fn claim_within(
        &mut self,
        faults: &mut Faults<'_>,
        kind: &'static str,
        brand: &str,
        value: &str,
        place: &Place,
    ) {
        if !self.taken.insert((kind, brand.to_owned(), value.to_owned())) {
            faults.add(place, format!("{kind} `{value}` stands twice"));
        }
    }

    /// Notes a fault if the number was somebody's before. `whose` names it: "the phone of agent ana".
    pub(super) fn claim_phone(&mut self, faults: &mut Faults<'_>, phone: &Placed<PhoneNumber>, whose: String) {
        match self.phones.get(&phone.value) {
            Some(first) => {
                let number = phone.value.as_e164();
                faults.add(&phone.place, format!("phone number `{number}` stands twice: it is {first}, and {whose}"));
            }
            None => drop(self.phones.insert(phone.value.clone(), whose)),
        }
    }

    /// Notes what must lead somewhere, to be looked at when all of the document was read.
    pub(super) fn refer(&mut self, kind: &'static str, value: &str, place: Place) {
        self.references.push(Reference { kind, brand: None, value: Placed { value: value.to_owned(), place } });
    }

    /// As [`Seen::refer`], for what is looked for in a brand.
    pub(super) fn refer_within(&mut self, kind: &'static str, brand: &str, value: &str, place: Place) {
        let value = Placed { value: value.to_owned(), place };
        self.references.push(Reference { kind, brand: Some(brand.to_owned()), value });
    }

    /// Notes a number that customers dial.
    pub(super) fn own(&mut self, number: &PhoneNumber) {
        self.our_numbers.insert(number.clone());
    }

    /// Notes a number that would ring ourselves if it were ours.
    pub(super) fn must_not_be_ours(&mut self, what: &'static str, number: PhoneNumber, place: Place) {
        self.not_ours.push((what, Placed { value: number, place }));
    }

    pub(super) fn check_references(&self, faults: &mut Faults<'_>) {
        for Reference { kind, brand, value: Placed { value, place } } in &self.references {
            let is_known = |kind: &'static str, brand: &str, value: &str| {
                self.taken.contains(&(kind, brand.to_owned(), value.to_owned()))
            };
            match brand {
                None if !is_known(kind, "", value) => {
                    faults.add(place, format!("there is no {kind} `{value}` in this document"));
                }
                // A brand that is not there has a fault of its own.
                Some(brand) if is_known("brand", "", brand) && !is_known(kind, brand, value) => {
                    faults.add(place, format!("there is no {kind} `{value}` in brand `{brand}`"));
                }
                None | Some(_) => {}
            }
        }
        for (what, Placed { value, place }) in &self.not_ours {
            if self.our_numbers.contains(value) {
                faults.add(place, format!("{what} is one of the numbers customers dial, and would ring ourselves"));
            }
        }
    }
}
