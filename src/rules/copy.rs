//! Copies settings from brand to brand.

use serde::{Deserialize, Serialize};

use super::fault::RoutingFileError;
use super::{Brand, Intent, Rules, json};
use crate::ids::{BrandId, IntentId};

/// What is copied together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrandPart {
    /// The hours of the week, by the wall clock: the zone stays.
    Hours,
    /// Holidays, single dates, closed until and open until.
    Calendar,
    /// What callers get while it is closed.
    AfterHours,
    /// Menu and intents. An intent that only the copy's own numbers name stays.
    Menu,
    /// What callers hear, with its language and voice.
    Texts,
    /// Waits, waves, rests, the way phones ring, and the bias.
    Ringing,
    /// Voicemail.
    Voicemail,
    /// Whether conversations are recorded, and the notice.
    Recording,
    /// When nobody takes the call.
    Fallback,
    /// The operator line.
    Operator,
    /// What callers are promised.
    Promise,
    /// Who may be rung.
    Roster,
    /// Who is rung when the database is down.
    EmergencyNumbers,
}

impl BrandPart {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Hours,
        Self::Calendar,
        Self::AfterHours,
        Self::Menu,
        Self::Texts,
        Self::Ringing,
        Self::Voicemail,
        Self::Recording,
        Self::Fallback,
        Self::Operator,
        Self::Promise,
        Self::Roster,
        Self::EmergencyNumbers,
    ];
}

/// What a new brand does not take from another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NewBrand {
    /// Its id.
    pub id: BrandId,
    /// Its name.
    pub name: String,
    /// Its inbox.
    pub inbox: String,
}

/// Why nothing was copied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyRefused {
    /// One of the two is not there.
    #[error("there is no brand `{0}`")]
    NoSuchBrand(BrandId),
    /// What would come of it cannot be used: for instance a path to an operator line that the brand does not have.
    #[error("the copy would break the rules")]
    WouldBreak(#[source] RoutingFileError),
    /// The same, of a new brand.
    #[error("the new brand would break the rules")]
    NewWouldBreak {
        /// Its place in the copy, to which the faults point.
        place: usize,
        /// What is wrong.
        #[source]
        faults: RoutingFileError,
    },
}

/// The rules with some parts of one brand copied to another. Name, inbox, zone and numbers of the copy stay its own.
///
/// # Errors
/// A brand is missing, or the copy could not be read back; then all of its faults are told, with their places in the copy.
pub fn copy_brand(rules: &Rules, from: &BrandId, to: &BrandId, parts: &[BrandPart]) -> Result<Rules, CopyRefused> {
    let source = rules.brand(from).ok_or_else(|| CopyRefused::NoSuchBrand(from.clone()))?;
    let named: Vec<&IntentId> =
        rules.numbers.iter().filter(|number| number.brand == *to).filter_map(|number| number.intent.as_ref()).collect();
    let mut copy = rules.clone();
    let target = copy.brands.iter_mut().find(|brand| brand.id == *to);
    let target = target.ok_or_else(|| CopyRefused::NoSuchBrand(to.clone()))?;
    for part in parts {
        copy_part(source, target, *part, &named);
    }
    proven(&copy).map_err(CopyRefused::WouldBreak)
}

/// The rules with a brand more, like another in everything but what makes it a brand of its own. It has no numbers yet.
///
/// # Errors
/// The other brand is missing, or the new one could not be read back, for instance since its id is taken.
pub fn add_brand_like(rules: &Rules, from: &BrandId, new: NewBrand) -> Result<Rules, CopyRefused> {
    let source = rules.brand(from).ok_or_else(|| CopyRefused::NoSuchBrand(from.clone()))?;
    let brand = Brand { id: new.id, name: new.name, inbox: new.inbox, inbox_id: None, ..source.clone() };
    let mut copy = rules.clone();
    let place = copy.brands.len();
    copy.brands.push(brand);
    proven(&copy).map_err(|faults| CopyRefused::NewWouldBreak { place, faults })
}

/// Reads the rules back, which finds whatever the copy may have broken.
fn proven(copy: &Rules) -> Result<Rules, RoutingFileError> {
    json::parse(&json::to_json(copy))
}

fn copy_part(from: &Brand, to: &mut Brand, part: BrandPart, named: &[&IntentId]) {
    match part {
        BrandPart::Hours => to.hours = from.hours.clone(),
        BrandPart::Calendar => to.calendar = from.calendar.clone(),
        BrandPart::AfterHours => to.after_hours = from.after_hours.clone(),
        BrandPart::Menu => {
            to.menu = from.menu.clone();
            to.intents = merged(&from.intents, &to.intents, named);
        }
        BrandPart::Texts => {
            to.texts = from.texts.clone();
            to.language = from.language.clone();
            to.voice = from.voice.clone();
        }
        BrandPart::Ringing => copy_ringing(from, to),
        BrandPart::Voicemail => to.voicemail = from.voicemail.clone(),
        BrandPart::Recording => to.recording = from.recording.clone(),
        BrandPart::Fallback => to.fallback = from.fallback.clone(),
        BrandPart::Operator => to.operator = from.operator.clone(),
        BrandPart::Promise => to.promise = from.promise.clone(),
        BrandPart::Roster => to.roster = from.roster.clone(),
        BrandPart::EmergencyNumbers => to.emergency_numbers = from.emergency_numbers.clone(),
    }
}

fn copy_ringing(from: &Brand, to: &mut Brand) {
    to.max_wait = from.max_wait;
    to.ring_method = from.ring_method;
    to.ring_width = from.ring_width;
    to.wave_interval = from.wave_interval;
    to.queue_bias = from.queue_bias;
    to.cooldown = from.cooldown;
    to.after_decline = from.after_decline;
    to.after_no_answer = from.after_no_answer;
    to.after_busy = from.after_busy;
    to.wait_for_on_call = from.wait_for_on_call;
}

fn merged(from: &[Intent], own: &[Intent], named: &[&IntentId]) -> Vec<Intent> {
    let is_new = |intent: &&Intent| from.iter().all(|copied| copied.id != intent.id);
    let kept = own.iter().filter(|intent| named.contains(&&intent.id)).filter(is_new);
    from.iter().chain(kept).cloned().collect()
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
