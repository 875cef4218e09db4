//! Calls, for the dashboard and for scripts: the newest, and one with its history and decision records.

use actix_web::{get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{AdditionalProperties, Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

use super::openapi::Refusals;
use super::{Operator, Problem};
use crate::app::App;
use crate::call::event::Ending;
use crate::call::state::Call;
use crate::ids::CallId;
use crate::phone_number::Caller;
use crate::rehearsal::{ExplainError, explain_stored};
use crate::store::HistoryEntry;

/// Calls in one answer, unless asked for fewer.
const PAGE_MAX: u32 = 100;

/// Which calls.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Only those that arrived before.
    before: Option<DateTime<Utc>>,
    /// How many; 100 unless fewer are asked for.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// A call in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CallSummary {
    /// The call.
    #[schema(value_type = String, format = "uuid")]
    id: CallId,
    /// Whom the caller dialled, by its id in the routing file.
    brand: String,
    /// The caller's number in E.164; null when it was withheld or is no ordinary number.
    #[schema(required)]
    caller: Option<String>,
    /// The caller's name in Chatwoot, or as the carrier tells it.
    #[schema(required)]
    caller_name: Option<String>,
    /// When the call reached us.
    arrived_at: DateTime<Utc>,
    /// When it was over; null while it lasts.
    #[schema(required)]
    ended_at: Option<DateTime<Utc>>,
    /// The agent who accepted it, by id in the routing file.
    #[schema(required)]
    owner: Option<String>,
    /// The one way in which it ended; null while it lasts.
    #[schema(required, schema_with = ending_schema)]
    ending: Option<Ending>,
}

/// A call with everything that is known of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CallDetail {
    #[serde(flatten)]
    summary: CallSummary,
    /// What changed it, oldest first.
    history: Vec<HistoryLine>,
}

/// One saved change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HistoryLine {
    /// The version of the call that the change made, from 1.
    #[schema(minimum = 1)]
    version: u32,
    /// When it was decided.
    at: DateTime<Utc>,
    /// What had arrived.
    #[schema(schema_with = signal_schema)]
    signal: crate::call::signal::Signal,
    /// What followed, in order.
    #[schema(schema_with = events_schema)]
    events: Vec<crate::call::event::Event>,
}

/// Why phones rang, and why not.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CallExplanation {
    /// What became of the caller, one sentence each, in order.
    pub(super) call: Vec<String>,
    /// The roster of the rules that the call arrived under, in its order; then whoever else was considered.
    pub(super) agents: Vec<AgentExplanation>,
}

/// Why one agent's phone rang, or did not.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AgentExplanation {
    /// The agent, by id in the routing file.
    pub(super) agent: String,
    /// One or two sentences, with the numbers behind them.
    pub(super) sentence: String,
}

/// The words of every ending, or null.
fn ending_schema() -> Object {
    let words = Ending::ALL.iter().map(|ending| Some(ending.as_str())).chain([None]);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some("The one way in which it ended; null while it lasts."))
        .enum_values(Some(words))
        .build()
}

/// An object whose kind stands in one field, while the others go with the kind.
fn tagged_schema(tag: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .property(tag, Object::with_type(Type::String))
        .required(tag)
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

fn signal_schema() -> Object {
    let words = "What had arrived: `signal` names it, the other fields go with it.";
    tagged_schema("signal").description(Some(words)).build()
}

fn events_schema() -> Array {
    let words = "What followed, in order: `event` names each, the other fields go with it. `shortlist_taken` carries the \
        decision record: who was rung, in which order, and why not the others.";
    ArrayBuilder::new().items(tagged_schema("event")).description(Some(words)).build()
}

impl From<&Call> for CallSummary {
    fn from(call: &Call) -> Self {
        Self {
            id: call.id,
            brand: call.brand.to_string(),
            caller: match &call.caller {
                Caller::Known(phone) => Some(phone.as_e164().to_owned()),
                Caller::Withheld | Caller::Other(_) => None,
            },
            caller_name: call.caller_name.clone(),
            arrived_at: call.arrived_at,
            ended_at: call.ended_at,
            owner: call.owner.as_ref().map(ToString::to_string),
            ending: call.ending,
        }
    }
}

impl From<HistoryEntry> for HistoryLine {
    fn from(entry: HistoryEntry) -> Self {
        Self { version: entry.version, at: entry.at, signal: entry.signal, events: entry.events }
    }
}

/// Calls, the newest first.
#[utoipa::path(
    tag = "calls",
    params(ListQuery),
    responses(
        (status = 200, description = "The newest first, at most `limit`.", body = Vec<CallSummary>),
        (status = 400, description = "The query cannot be used.", body = Problem, content_type = "application/problem+json"),
        Refusals,
    ),
)]
#[get("/calls")]
pub(super) async fn list_calls(
    _: Operator,
    app: web::Data<App>,
    query: web::Query<ListQuery>,
) -> Result<web::Json<Vec<CallSummary>>, Problem> {
    let limit = query.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let calls = app.store.list_calls(query.before, limit).await.map_err(Problem::unavailable)?;
    Ok(web::Json(calls.iter().map(CallSummary::from).collect()))
}

/// One call with its history and decision records.
#[utoipa::path(
    tag = "calls",
    params(("id" = String, Path, description = "The call.")),
    responses(
        (status = 200, description = "The call.", body = CallDetail),
        (status = 404, description = "There is no such call.", body = Problem, content_type = "application/problem+json"),
        Refusals,
    ),
)]
#[get("/calls/{id}")]
pub(super) async fn show_call(
    _: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<CallDetail>, Problem> {
    let id: CallId = id.parse().map_err(|_| Problem::not_found("There is no such call."))?;
    let call = app.store.find_call(id).await.map_err(Problem::unavailable)?;
    let call = call.ok_or_else(|| Problem::not_found("There is no such call."))?;
    let history = app.store.load_history(id).await.map_err(Problem::unavailable)?;
    Ok(web::Json(CallDetail {
        summary: CallSummary::from(&call),
        history: history.into_iter().map(HistoryLine::from).collect(),
    }))
}

/// Why each agent's phone rang for the call, or did not.
#[utoipa::path(
    tag = "calls",
    params(("id" = String, Path, description = "The call.")),
    responses(
        (status = 200, description = "From what was stored when it was decided.", body = CallExplanation),
        (status = 404, description = "There is no such call.", body = Problem, content_type = "application/problem+json"),
        Refusals,
    ),
)]
#[get("/calls/{id}/explanation")]
pub(super) async fn explain_call(
    _: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<CallExplanation>, Problem> {
    let id: CallId = id.parse().map_err(|_| Problem::not_found("There is no such call."))?;
    let told = explain_stored(app.store.as_ref(), id).await.map_err(|error| match error {
        ExplainError::UnknownCall(_) => Problem::not_found("There is no such call."),
        ExplainError::NoRules(_) => Problem::not_found("The rules that the call arrived under are gone."),
        ExplainError::Store(error) => Problem::unavailable(error),
    })?;
    let agents = told
        .agents
        .into_iter()
        .map(|(agent, sentence)| AgentExplanation { agent: agent.to_string(), sentence })
        .collect();
    Ok(web::Json(CallExplanation { call: told.call, agents }))
}
