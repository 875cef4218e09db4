//! What stands twice in a routing file, and what leads nowhere.

use std::collections::BTreeSet;

use super::reader::{Faults, Placed};

/// What must be unique, and what must lead somewhere.
#[derive(Default)]
pub(super) struct Seen {
    taken: BTreeSet<(&'static str, String)>,
    pub(super) to_brand: Vec<Placed<String>>,
    pub(super) to_agent: Vec<Placed<String>>,
}

impl Seen {
    /// Notes a fault if the same thing was there before. `kind` sets apart what may be equal.
    pub(super) fn claim(&mut self, faults: &mut Faults<'_>, kind: &'static str, value: &Placed<String>) {
        if !self.taken.insert((kind, value.value.clone())) {
            faults.add(&value.span, format!("{kind} `{}` stands twice", value.value));
        }
    }

    pub(super) fn check_references(&self, faults: &mut Faults<'_>) {
        for (kind, references) in [("brand", &self.to_brand), ("agent", &self.to_agent)] {
            for reference in references {
                if !self.taken.contains(&(kind, reference.value.clone())) {
                    faults.add(&reference.span, format!("there is no {kind} `{}` in this file", reference.value));
                }
            }
        }
    }
}
