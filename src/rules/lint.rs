//! What is allowed and all the same probably not meant: looked at on save and by `offhook check`.
//!
//! The reader refuses what cannot work; lint tells what will not work well. Each finding has a code, which the manual
//! explains (docs/routing.md, "Findings"), and the place where it is mended.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Rules;
use super::coverage::{LINT_DAYS, Sheet};
use super::lint_brand::{look_at_name, look_at_promise, look_at_recording, look_at_waits};
use super::lint_coverage::look_at_coverage;
use super::lint_paths::{look_at_loops, look_at_operator, look_at_paths};
use super::lint_people::{look_at_agents, look_at_roster, look_at_supervisors};
use super::lint_reach::{look_at_all_numbers, look_at_calendar, look_at_intents, look_at_lists, look_at_numbers};

/// Most findings told at once; the gravest are kept.
pub const FINDINGS_MAX: usize = 500;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Some callers will certainly not get what the rules say, or somebody's rights are hurt.
    Error,
    /// Probably not meant.
    Warning,
    /// Good to know.
    Hint,
}

impl Severity {
    /// As JSON spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The brand is open and nobody on its roster could be rung.
    NoCoverage,
    /// The text before a recording is too short to be a notice, as its language is written.
    RecordingWithoutNotice,
    /// The text before a recording does not say that it records.
    NoticeSaysNoRecording,
    /// The text before the tone does not say that a message is taken.
    VoicemailWithoutNotice,
    /// Phones ring longer than it takes a personal voicemail to answer.
    RingsPastVoicemail,
    /// The operator line may be answered by its voicemail, and nobody has to confirm.
    OperatorVoicemail,
    /// A name that could not be registered as the caller name of its numbers.
    CnamName,
    /// No number and no key leads to the intent.
    UnreachableIntent,
    /// Every number of the brand names an intent, so nobody hears the menu.
    UnreachableMenu,
    /// Nobody on the roster has the skill.
    SkillNobodyHas,
    /// A path for a kind of closure that the calendar does not have.
    UnreachablePath,
    /// There is no number at all, so nobody can call anybody.
    NoNumbers,
    /// No number leads to the brand.
    BrandWithoutNumber,
    /// No brand refers to the list of holidays.
    UnusedHolidays,
    /// A list of holidays without a day.
    EmptyHolidays,
    /// A date on which a list is open all the same, and which is no public holiday.
    ExceptNoHoliday,
    /// It is over and changes nothing.
    Over,
    /// A path leads to a number of the brand itself, or by way of others back to it: the number is never rung.
    Loop,
    /// A path leads to a number that customers dial: the number is never rung.
    PathToOwnNumber,
    /// A path leads to an agent's phone.
    PathToAgent,
    /// The operator line is an agent's phone.
    OperatorIsAgent,
    /// A path plays a message and none was written for it, so a sentence of ours is spoken.
    MessageWithoutWords,
    /// Supervisors could override the brand, but it has no operator line.
    OverrideWithoutOperator,
    /// Nothing leads to the operator line.
    UnusedOperator,
    /// Two agents are one user of Chatwoot.
    OneAgentTwoPhones,
    /// Two agents have one name.
    SameName,
    /// Two supervisors are one user of Chatwoot.
    OneSupervisorTwice,
    /// Somebody on the roster whose phone is not verified.
    PhoneUnverified,
    /// An agent on no roster.
    OnNoRoster,
    /// A promise that is due before the brand has been open, or in weeks.
    PromiseImpossible,
    /// A promise in the brand's own words stands for the time that is due.
    PromiseInOwnWords,
    /// What callers hear before the ringing may take all the time there is.
    TooLong,
}

impl Code {
    /// How grave it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::RecordingWithoutNotice
            | Self::SkillNobodyHas
            | Self::NoNumbers
            | Self::Loop
            | Self::PathToOwnNumber
            | Self::OneAgentTwoPhones => Severity::Error,
            Self::NoCoverage
            | Self::NoticeSaysNoRecording
            | Self::VoicemailWithoutNotice
            | Self::RingsPastVoicemail
            | Self::OperatorVoicemail
            | Self::UnreachableIntent
            | Self::UnreachableMenu
            | Self::BrandWithoutNumber
            | Self::EmptyHolidays
            | Self::PathToAgent
            | Self::OperatorIsAgent
            | Self::OverrideWithoutOperator
            | Self::SameName
            | Self::OneSupervisorTwice
            | Self::PhoneUnverified
            | Self::PromiseImpossible
            | Self::TooLong => Severity::Warning,
            Self::CnamName
            | Self::UnreachablePath
            | Self::UnusedHolidays
            | Self::ExceptNoHoliday
            | Self::Over
            | Self::MessageWithoutWords
            | Self::UnusedOperator
            | Self::OnNoRoster
            | Self::PromiseInOwnWords => Severity::Hint,
        }
    }

    /// As JSON and the manual spell it: `no_coverage`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCoverage => "no_coverage",
            Self::RecordingWithoutNotice => "recording_without_notice",
            Self::NoticeSaysNoRecording => "notice_says_no_recording",
            Self::VoicemailWithoutNotice => "voicemail_without_notice",
            Self::RingsPastVoicemail => "rings_past_voicemail",
            Self::OperatorVoicemail => "operator_voicemail",
            Self::CnamName => "cnam_name",
            Self::UnreachableIntent => "unreachable_intent",
            Self::UnreachableMenu => "unreachable_menu",
            Self::SkillNobodyHas => "skill_nobody_has",
            Self::UnreachablePath => "unreachable_path",
            Self::NoNumbers => "no_numbers",
            Self::BrandWithoutNumber => "brand_without_number",
            Self::UnusedHolidays => "unused_holidays",
            Self::EmptyHolidays => "empty_holidays",
            Self::ExceptNoHoliday => "except_no_holiday",
            Self::Over => "over",
            Self::Loop => "loop",
            Self::PathToOwnNumber => "path_to_own_number",
            Self::PathToAgent => "path_to_agent",
            Self::OperatorIsAgent => "operator_is_agent",
            Self::MessageWithoutWords => "message_without_words",
            Self::OverrideWithoutOperator => "override_without_operator",
            Self::UnusedOperator => "unused_operator",
            Self::OneAgentTwoPhones => "one_agent_two_phones",
            Self::SameName => "same_name",
            Self::OneSupervisorTwice => "one_supervisor_twice",
            Self::PhoneUnverified => "phone_unverified",
            Self::OnNoRoster => "on_no_roster",
            Self::PromiseImpossible => "promise_impossible",
            Self::PromiseInOwnWords => "promise_in_own_words",
            Self::TooLong => "too_long",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was found.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// JSON pointer into the document, such as `/brand/0/menu`. The field may be absent.
    pub pointer: String,
    /// One sentence for people: what will happen, and what to do.
    pub message: String,
}

/// What was found in rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The gravest first; at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many there are, told or not.
    pub total: usize,
}

/// Looks at rules as they would work from `at` on.
#[must_use]
pub fn lint(rules: &Rules, at: DateTime<Utc>) -> Report {
    let mut findings = Findings(Vec::new());
    let mut sheet = Sheet::new(rules, at, LINT_DAYS);
    for (index, brand) in rules.brands.iter().enumerate() {
        let place = BrandPlace { rules, brand, pointer: format!("/brand/{index}") };
        look_at_name(&mut findings, &place);
        look_at_numbers(&mut findings, &place);
        look_at_waits(&mut findings, &place);
        look_at_recording(&mut findings, &place);
        look_at_promise(&mut findings, &place, at);
        look_at_intents(&mut findings, &place);
        look_at_calendar(&mut findings, &place, at);
        look_at_paths(&mut findings, &place);
        look_at_operator(&mut findings, &place);
        look_at_roster(&mut findings, &place);
        look_at_coverage(&mut findings, &place, &mut sheet);
    }
    look_at_all_numbers(&mut findings, rules);
    look_at_loops(&mut findings, rules);
    look_at_lists(&mut findings, rules);
    look_at_agents(&mut findings, rules);
    look_at_supervisors(&mut findings, rules);
    let mut findings = findings.0;
    findings.sort_by_key(|finding| finding.severity);
    let total = findings.len();
    findings.truncate(FINDINGS_MAX);
    Report { findings, total }
}

/// A brand with its place in the document.
pub(super) struct BrandPlace<'r> {
    pub(super) rules: &'r Rules,
    pub(super) brand: &'r super::Brand,
    pub(super) pointer: String,
}

impl BrandPlace<'_> {
    /// The pointer to a field below.
    pub(super) fn at(&self, field: &str) -> String {
        format!("{}/{field}", self.pointer)
    }
}

/// Gathers findings.
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, code: Code, pointer: String, message: String) {
        self.0.push(Finding { code, severity: code.severity(), pointer, message });
    }
}

#[cfg(test)]
#[path = "lint_tests.rs"]
mod tests;
