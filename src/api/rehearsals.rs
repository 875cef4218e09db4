//! What would happen: a call that nobody has made, and stored calls under rules that nobody has published. Nothing is
//! written and no phone rings.

use std::sync::Arc;

use actix_web::{post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::calls::{AgentExplanation, CallExplanation};
use super::openapi::{Refusals, Told};
use super::problem::FieldError;
use super::rules_document::{document_schema, problem_of, read_body, read_json};
use super::{Operator, Problem};
use crate::app::App;
use crate::call::event::{Ending, LegEnd};
use crate::ids::{BrandId, CallId, DraftId};
use crate::phone_number::{Caller, parse_phone_number};
use crate::publishing::{Document, Refused};
use crate::rehearsal::{
    self, AgentsStand, CallReplayed, Rehearsal, RehearsalError, ReplayReport, read_keys, rehearse, replay_since,
};
use crate::rules::Rules;
use crate::simulator::{Heard, Outcome, ReplayOutcome, Simulation, Step, What};

/// A call to be played. With neither `draft` nor `document` by the rules in force.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulationInput {
    /// Whom the caller dials.
    brand: String,
    /// Which of the brand's numbers, in E.164; its first, if absent.
    number: Option<String>,
    /// When the call arrives: `2026-11-28T18:30` on the brand's clocks, or an instant with an offset; now, if absent.
    at: Option<String>,
    /// Who calls, in E.164; `anonymous` or absent for a withheld number.
    from: Option<String>,
    /// What the caller presses: a key for each prompt, `-` for silence; at most 20. In the queue each document of up to six
    /// seconds that listens is a prompt. A supervisor's `*` is not played.
    press: Option<String>,
    /// How agents stand: `now`, as they are at this moment, or `scheduled`, free and available whenever they are on shift.
    /// `scheduled` if `at` is given, else `now`.
    agents: Option<Stand>,
    /// A draft to play it by.
    #[schema(value_type = Option<String>, format = "uuid")]
    draft: Option<DraftId>,
    /// Rules to play it by.
    #[schema(schema_with = document_schema)]
    document: Option<Value>,
}

/// How agents are taken to stand.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AgentsStand)]
pub enum Stand {
    /// As the store knows them at this moment.
    Now,
    /// Free and available whenever they are on shift.
    Scheduled,
}

/// What would happen.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SimulationAnswer {
    /// The version it was played by; 0 for a draft or a document.
    rules_version: u32,
    /// When the call arrives.
    arrived_at: DateTime<Utc>,
    /// What becomes of the caller if nobody picks up: `recorder`, `answered`, `open`, or the ending of the call.
    outcome: String,
    /// How many of the keys, silence too, were not come to, since nothing listened.
    keys_unused: usize,
    /// Everything in order of time.
    steps: Vec<SimulatedStep>,
    /// What becomes of the caller, and why each phone would ring or not.
    #[serde(flatten)]
    explanation: CallExplanation,
}

/// One thing that happens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SimulatedStep {
    /// Milliseconds since the arrival. Words are taken to last as long as they usually do.
    after_ms: i64,
    /// `hears_words`, `hears_audio`, `hears_ringback`, `hears_tone`, `hears_refusal`, `presses`, `phone_rings`, `phone_stops`,
    /// `line_rings`, `meets` or `leaves`.
    what: &'static str,
    /// The words, or the address of the audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    key: Option<char>,
    /// The agent, by id in the rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// The number outside the roster.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// How the leg ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    end: Option<LegEnd>,
}

/// Which rules against which calls: exactly one of `draft` and `document`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayInput {
    /// A draft.
    #[schema(value_type = Option<String>, format = "uuid")]
    draft: Option<DraftId>,
    /// Rules.
    #[schema(schema_with = document_schema)]
    document: Option<Value>,
    /// Calls that arrived since.
    since: DateTime<Utc>,
}

/// What the draft would have changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReplayAnswer {
    /// Since when calls were looked at.
    since: DateTime<Utc>,
    /// How many there are.
    calls: usize,
    /// Whether there were more, of which only the newest were looked at.
    is_cut: bool,
    /// What was.
    before: ReplayTotals,
    /// What would have been, as far as it can be known.
    after: ReplayTotals,
    /// Calls that the draft would have changed, or that cannot be known; the newest first, at most 1000.
    changed: Vec<ReplayedCall>,
}

/// Calls by what became of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReplayTotals {
    /// An agent took them.
    answered: usize,
    /// They came to the recorder.
    voicemail: usize,
    /// A message, another number, a refusal, or the caller left.
    other: usize,
    /// What is stored does not tell.
    unknown: usize,
    /// Phones that rang, over the calls that are known on both sides.
    phones_rung: usize,
    /// The same, a call of these; 0 without any.
    phones_rung_per_call: f64,
}

/// One call under both rules.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReplayedCall {
    /// The call.
    #[schema(value_type = String, format = "uuid")]
    id: CallId,
    /// Whom the caller dialled.
    brand: String,
    /// When.
    arrived_at: DateTime<Utc>,
    /// What became of it: `answered`, `voicemail`, `other` or `unknown`.
    before: &'static str,
    /// What would have become of it.
    after: &'static str,
    /// Phones that rang.
    phones_rung_before: usize,
    /// Phones that would have rung.
    phones_rung_after: usize,
    /// Of an unknown one: what is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Changed calls in one answer.
const CHANGED_MAX: usize = 1_000;

/// What a caller would hear, who would ring in which order, and why not the others.
#[utoipa::path(
    tag = "rehearsals",
    request_body = SimulationInput,
    responses(
        (status = 200, description = "Played by the code that decides live calls; nothing was written.", body = SimulationAnswer),
        Told<400>, Told<404>, Told<422>, Refusals,
    ),
)]
#[post("/simulations")]
pub(super) async fn simulate_call(
    _: Operator,
    app: web::Data<App>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<web::Json<SimulationAnswer>, Problem> {
    let input: SimulationInput = read_json(&read_body(body)?)?;
    let rules = find_rules(&app, input.draft, input.document.as_ref(), "/document").await?;
    let rules = match rules {
        Some(rules) => rules,
        None => app.desk.load_in_force().await.map_err(|refused| problem_of(refused, ""))?.map_or_else(
            || Err(Problem::conflict("No rules were ever published; send a `draft` or a `document`.")),
            |(_, rules)| Ok(rules),
        )?,
    };
    let rehearsal = read_rehearsal(&input, &rules, app.clock.now())?;
    let (carrier, destinations) = (app.switchboard.carrier_facts(), app.switchboard.destinations());
    let simulation =
        rehearse(app.store.as_ref(), &rules, destinations, carrier, &rehearsal).await.map_err(|error| match error {
            RehearsalError::UnknownBrand(_) => field("/brand", error.to_string()),
            RehearsalError::NoNumber(words) => field("/number", words),
            RehearsalError::Store(error) => Problem::unavailable(error),
        })?;
    Ok(web::Json(SimulationAnswer::of(simulation, rules.version)))
}

/// What a draft would have changed about stored calls.
#[utoipa::path(
    tag = "rehearsals",
    request_body = ReplayInput,
    responses(
        (status = 200, description = "Played by the code that decides live calls; nothing was written.", body = ReplayAnswer),
        Told<400>, Told<404>, Told<422>, Refusals,
    ),
)]
#[post("/replays")]
pub(super) async fn replay_calls(
    _: Operator,
    app: web::Data<App>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<web::Json<ReplayAnswer>, Problem> {
    let input: ReplayInput = read_json(&read_body(body)?)?;
    let rules = find_rules(&app, input.draft, input.document.as_ref(), "/document").await?;
    let rules = rules.ok_or_else(|| field("/draft", "send a draft's id here, or rules as `document`".to_owned()))?;
    let (carrier, destinations) = (app.switchboard.carrier_facts(), app.switchboard.destinations());
    let report = replay_since(app.store.as_ref(), &rules, destinations, carrier, input.since)
        .await
        .map_err(Problem::unavailable)?;
    Ok(web::Json(ReplayAnswer::of(&report, input.since)))
}

fn field(pointer: &str, detail: String) -> Problem {
    Problem::bad_fields(vec![FieldError { pointer: pointer.to_owned(), detail }])
}

/// The rules that the request brings or names; none if it does neither.
async fn find_rules(
    app: &App,
    draft: Option<DraftId>,
    document: Option<&Value>,
    below: &str,
) -> Result<Option<Arc<Rules>>, Problem> {
    match (draft, document) {
        (Some(_), Some(_)) => Err(field("/draft", "a draft or a document, not both".to_owned())),
        (None, None) => Ok(None),
        (None, Some(document)) => {
            let rules = app.desk.check(Document::Json(document)).await.map_err(|refused| problem_of(refused, below))?;
            Ok(Some(Arc::new(rules)))
        }
        (Some(id), None) => {
            let (_, rules) = app.desk.load_draft(id).await.map_err(|refused| problem_of(refused, ""))?;
            let rules = rules.map_err(|faults| problem_of(Refused::Faults(faults), "/draft"))?;
            Ok(Some(Arc::new(rules)))
        }
    }
}

fn read_rehearsal(input: &SimulationInput, rules: &Rules, now: DateTime<Utc>) -> Result<Rehearsal, Problem> {
    let brand = BrandId::new(&input.brand);
    let known = rules.brand(&brand).ok_or_else(|| {
        let names: Vec<&str> = rules.brands.iter().map(|brand| brand.id.as_str()).collect();
        field("/brand", format!("one of {}", names.join(", ")))
    })?;
    let at = match &input.at {
        None => now,
        Some(text) => rehearsal::read_at(text, known.time_zone).map_err(|allowed| field("/at", allowed))?,
    };
    let number = input.number.as_deref().map(parse_phone_number).transpose();
    let stand = input.agents.unwrap_or(if input.at.is_some() { Stand::Scheduled } else { Stand::Now });
    Ok(Rehearsal {
        brand,
        number: number.map_err(|_| field("/number", "a number in E.164, such as +15550100002".to_owned()))?,
        at,
        caller: match &input.from {
            None => Caller::Withheld,
            Some(text) => rehearsal::read_from(text).map_err(|allowed| field("/from", allowed))?,
        },
        keys: read_keys(input.press.as_deref().unwrap_or_default()).map_err(|allowed| field("/press", allowed))?,
        agents: match stand {
            Stand::Now => AgentsStand::AsNow,
            Stand::Scheduled => AgentsStand::AsScheduled,
        },
    })
}

impl SimulationAnswer {
    fn of(simulation: Simulation, rules_version: u32) -> Self {
        Self {
            rules_version,
            arrived_at: simulation.call.arrived_at,
            outcome: word_of(&simulation.outcome).to_owned(),
            keys_unused: simulation.keys_unused,
            steps: simulation.steps.into_iter().map(SimulatedStep::from).collect(),
            explanation: CallExplanation {
                call: simulation.explanation.call,
                agents: simulation
                    .explanation
                    .agents
                    .into_iter()
                    .map(|(agent, sentence)| AgentExplanation { agent: agent.to_string(), sentence })
                    .collect(),
            },
        }
    }
}

fn word_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Answered(_) => Ending::Answered.as_str(),
        Outcome::Recorder => "recorder",
        Outcome::Ended(ending) => ending.as_str(),
        Outcome::Open => "open",
    }
}

impl From<Step> for SimulatedStep {
    fn from(step: Step) -> Self {
        let blank = |what| Self {
            after_ms: step.after.num_milliseconds(),
            what,
            text: None,
            key: None,
            agent: None,
            number: None,
            end: None,
        };
        match step.what {
            What::Hears(Heard::Words(words)) => Self { text: Some(words), ..blank("hears_words") },
            What::Hears(Heard::Audio(address)) => Self { text: Some(address), ..blank("hears_audio") },
            What::Hears(Heard::Ringback) => blank("hears_ringback"),
            What::Hears(Heard::Tone) => blank("hears_tone"),
            What::Hears(Heard::Refusal) => blank("hears_refusal"),
            What::Presses(key) => Self { key: Some(key), ..blank("presses") },
            What::Rings(agent) => Self { agent: Some(agent.to_string()), ..blank("phone_rings") },
            What::Stops(agent, end) => Self { agent: Some(agent.to_string()), end: Some(end), ..blank("phone_stops") },
            What::LineRings(number) => Self { number: Some(number.as_e164().to_owned()), ..blank("line_rings") },
            What::Meets(agent) => Self { agent: Some(agent.to_string()), ..blank("meets") },
            What::Leaves => blank("leaves"),
        }
    }
}

impl ReplayAnswer {
    fn of(report: &ReplayReport, since: DateTime<Utc>) -> Self {
        let calls = report.calls.len();
        let is_worth_telling = |one: &&CallReplayed| one.replayed.is_worth_telling();
        Self {
            since,
            calls,
            is_cut: report.is_cut,
            before: ReplayTotals::of(&report.before, report.known),
            after: ReplayTotals::of(&report.after, report.known),
            changed: report.calls.iter().filter(is_worth_telling).take(CHANGED_MAX).map(ReplayedCall::of).collect(),
        }
    }
}

impl ReplayTotals {
    fn of(totals: &rehearsal::Totals, known: usize) -> Self {
        Self {
            answered: totals.answered,
            voicemail: totals.voicemail,
            other: totals.other,
            unknown: totals.unknown,
            phones_rung: totals.rung,
            phones_rung_per_call: rehearsal::per_call(totals.rung, known),
        }
    }
}

impl ReplayedCall {
    fn of(one: &CallReplayed) -> Self {
        let CallReplayed { call, brand, arrived_at, replayed } = one;
        Self {
            id: *call,
            brand: brand.to_string(),
            arrived_at: *arrived_at,
            before: replayed.before.as_str(),
            after: replayed.after.as_str(),
            phones_rung_before: replayed.rung_before,
            phones_rung_after: replayed.rung_after,
            why: match &replayed.after {
                ReplayOutcome::Unknown(why) => Some(why.clone()),
                ReplayOutcome::Answered | ReplayOutcome::Voicemail | ReplayOutcome::Other => None,
            },
        }
    }
}
