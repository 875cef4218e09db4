//! Every number that the rules would make us call, with its place in the document.

use super::destination::DestinationPolicy;
use super::fault::{FAULTS_MAX, Fault};
use super::path::{Path, PathKind};
use super::{Brand, Rules};
use crate::phone_number::PhoneNumber;

/// One number that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound<'r> {
    /// JSON pointer to it.
    pub pointer: String,
    /// What it is, such as "the phone of agent `priya`".
    pub what: String,
    /// The number.
    pub number: &'r PhoneNumber,
}

/// Every number that the rules would make us call: phones of agents, emergency numbers, operator lines, and where paths
/// lead. In the order of the document; may hold a number twice.
#[must_use]
pub fn outbound(rules: &Rules) -> Vec<Outbound<'_>> {
    let brands = rules.brands.iter().enumerate().flat_map(|(index, brand)| of_brand(index, brand));
    let agents = rules.agents.iter().enumerate().map(|(index, agent)| Outbound {
        pointer: format!("/agent/{index}/phone"),
        what: format!("the phone of agent `{}`", agent.id),
        number: &agent.phone,
    });
    brands.chain(agents).collect()
}

/// A fault for every number that the policy refuses, at most [`FAULTS_MAX`]: it would be refused at the first ring, and nobody would know why.
#[must_use]
pub fn refused(rules: &Rules, policy: &DestinationPolicy) -> Vec<Fault> {
    let fault = |Outbound { pointer, what, number }: Outbound<'_>| {
        let refused = policy.approve(number).err()?;
        let message = format!("{what} may not be called: {}; see [destinations] in the settings", refused.reason);
        Some(Fault { line: None, pointer, message })
    };
    outbound(rules).into_iter().filter_map(fault).take(FAULTS_MAX).collect()
}

fn of_brand(index: usize, brand: &Brand) -> Vec<Outbound<'_>> {
    let of = |field: String, what: &str, number| Outbound {
        pointer: format!("/brand/{index}/{field}"),
        what: format!("{what} of brand `{}`", brand.id),
        number,
    };
    let emergency = brand
        .emergency_numbers
        .iter()
        .enumerate()
        .map(|(place, number)| of(format!("emergency_numbers/{place}"), "an emergency number", number));
    let paths = paths(brand).into_iter().filter_map(|(field, path)| match &path.kind {
        PathKind::Number { number } => Some(of(format!("{field}/number"), "the number of a path", number)),
        PathKind::Voicemail | PathKind::Message { .. } | PathKind::Operator | PathKind::RingAnyway => None,
    });
    let operator =
        brand.operator.iter().map(|line| of("operator/number".to_owned(), "the operator line", &line.number));
    emergency.chain(paths).chain(operator).collect()
}

/// Every path of a brand with its place below the brand.
pub(super) fn paths(brand: &Brand) -> Vec<(String, &Path)> {
    let after_hours = &brand.after_hours;
    let own = [
        ("after_hours/holiday", &after_hours.holiday),
        ("after_hours/special_day", &after_hours.special_day),
        ("after_hours/closed_until", &after_hours.closed_until),
    ];
    let intents = brand
        .intents
        .iter()
        .enumerate()
        .filter_map(|(index, intent)| Some((format!("intent/{index}/fallback"), intent.fallback.as_ref()?)));
    [("after_hours".to_owned(), &after_hours.path), ("fallback".to_owned(), &brand.fallback)]
        .into_iter()
        .chain(own.into_iter().filter_map(|(field, path)| Some((field.to_owned(), path.as_ref()?))))
        .chain(intents)
        .collect()
}
