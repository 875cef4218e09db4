//! Lint of where calls are sent that agents do not take.

use std::collections::{BTreeMap, BTreeSet};

use super::lint::{BrandPlace, Code, Findings};
use super::outbound::paths;
use super::path::{Path, PathKind};
use super::{Brand, Rules};
use crate::ids::BrandId;

/// What a closed brand's callers hear without words of its own: between the two sentences, when it opens. A test beside those
/// words sees that they are these.
const CLOSED: &str = "We are closed right now. … Goodbye.";
/// What callers hear whom nobody takes, without words of the brand's own.
const NOBODY_FREE: &str = "Sorry, nobody can take your call right now. Please call again later. Goodbye.";

pub(super) fn look_at_paths(findings: &mut Findings, place: &BrandPlace<'_>) {
    for (field, path) in paths(place.brand) {
        match &path.kind {
            PathKind::Message { .. } if path.words.is_none() => findings.add(
                Code::MessageWithoutWords,
                place.at(&format!("{field}/words")),
                if field.starts_with("after_hours") {
                    format!(
                        "no words were written for this message, so a closed brand's callers hear ours: \"{CLOSED}\""
                    )
                } else {
                    format!("no words were written for this message, so callers hear ours: \"{NOBODY_FREE}\"")
                },
            ),
            PathKind::Number { number } => {
                if let Some(agent) = place.rules.agent_of_phone(number) {
                    findings.add(
                        Code::PathToAgent,
                        place.at(&format!("{field}/number")),
                        format!(
                            "this is the phone of agent `{}`, which may be ringing or talking for another call",
                            agent.id
                        ),
                    );
                }
            }
            PathKind::Voicemail | PathKind::Message { .. } | PathKind::Operator | PathKind::RingAnyway => {}
        }
    }
}

pub(super) fn look_at_operator(findings: &mut Findings, place: &BrandPlace<'_>) {
    let BrandPlace { rules, brand, .. } = place;
    let may_override = rules.supervisors.iter().any(|one| one.brands.is_empty() || one.brands.contains(&brand.id));
    let Some(line) = &brand.operator else {
        if may_override {
            findings.add(
                Code::OverrideWithoutOperator,
                place.at("operator"),
                format!("supervisors may override brand `{}`, but it has no operator line to send calls to", brand.id),
            );
        }
        return;
    };
    if let Some(agent) = rules.agent_of_phone(&line.number) {
        findings.add(
            Code::OperatorIsAgent,
            place.at("operator/number"),
            format!("this is the phone of agent `{}`, which may be ringing or talking for another call", agent.id),
        );
    }
    if !may_override && !paths(brand).iter().any(|(_, path)| path.kind == PathKind::Operator) {
        findings.add(
            Code::UnusedOperator,
            place.at("operator"),
            "no path leads to the operator line, and no supervisor may override this brand".to_owned(),
        );
    }
}

/// Paths to numbers that customers dial. A call is never sent back to ourselves, so callers come to the recorder instead of
/// to the other brand, or round for ever.
pub(super) fn look_at_loops(findings: &mut Findings, rules: &Rules) {
    let leads_to = |path: &Path| match &path.kind {
        PathKind::Number { number } => rules.brand_of(number).map(|brand| &brand.id),
        PathKind::Voicemail | PathKind::Message { .. } | PathKind::Operator | PathKind::RingAnyway => None,
    };
    let next_of = |brand: &Brand| -> BTreeSet<&BrandId> {
        paths(brand).into_iter().filter_map(|(_, path)| leads_to(path)).collect()
    };
    let next: BTreeMap<&BrandId, BTreeSet<&BrandId>> =
        rules.brands.iter().map(|brand| (&brand.id, next_of(brand))).filter(|(_, next)| !next.is_empty()).collect();
    if next.is_empty() {
        return;
    }
    for (index, brand) in rules.brands.iter().enumerate() {
        for (field, path) in paths(brand) {
            let Some(other) = leads_to(path) else {
                continue;
            };
            let pointer = format!("/brand/{index}/{field}/number");
            if other == &brand.id {
                let message = format!(
                    "this is a number of brand `{other}` itself: calls are not sent in a circle, so it is never rung and callers reach voicemail"
                );
                findings.add(Code::Loop, pointer, message);
            } else if reaches(&next, other, &brand.id) {
                let message = format!(
                    "this leads to brand `{other}`, whose paths lead back to brand `{}`: calls are not sent in a circle, so it is never rung and callers reach voicemail",
                    brand.id
                );
                findings.add(Code::Loop, pointer, message);
            } else {
                let message = format!(
                    "this is a number of brand `{other}`: calls are not sent back to ourselves, so it is never rung and callers reach voicemail; write the number of a phone"
                );
                findings.add(Code::PathToOwnNumber, pointer, message);
            }
        }
    }
}

/// Whether paths lead from one brand to the other.
fn reaches<'r>(next: &BTreeMap<&'r BrandId, BTreeSet<&'r BrandId>>, from: &'r BrandId, to: &'r BrandId) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(brand) = open.pop() {
        if brand == to {
            return true;
        }
        open.extend(next.get(brand).into_iter().flatten().copied().filter(|next| seen.insert(next)));
    }
    false
}
