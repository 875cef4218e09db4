//! Calls, for the dashboard and for scripts: the newest, and one with its history and decision records.

use actix_web::web;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Operator, Problem};
use crate::app::App;
use crate::call::event::Ending;
use crate::call::state::Call;
use crate::ids::CallId;
use crate::phone_number::Caller;
use crate::store::HistoryEntry;

/// Calls in one answer, unless asked for fewer.
const PAGE_MAX: u32 = 100;

/// Which calls.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Only those that arrived before.
    before: Option<DateTime<Utc>>,
    /// How many, 1 to 100.
    limit: Option<u32>,
}

/// A call in a list.
#[derive(Debug, Serialize)]
pub struct CallSummary {
    id: CallId,
    brand: String,
    caller: Option<String>,
    caller_name: Option<String>,
    arrived_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    owner: Option<String>,
    ending: Option<Ending>,
}

/// A call with everything that is known of it.
#[derive(Debug, Serialize)]
pub struct CallDetail {
    #[serde(flatten)]
    summary: CallSummary,
    history: Vec<HistoryLine>,
}

/// One saved change.
#[derive(Debug, Serialize)]
pub struct HistoryLine {
    version: u32,
    at: DateTime<Utc>,
    signal: crate::call::signal::Signal,
    events: Vec<crate::call::event::Event>,
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

/// `GET /api/v1/calls`: the newest first.
///
/// # Errors
/// A problem document when the query is bad or the store fails.
pub async fn list_calls(_: Operator, app: web::Data<App>, query: web::Query<ListQuery>) -> Result<web::Json<Vec<CallSummary>>, Problem> {
    let limit = query.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let calls = app.store.list_calls(query.before, limit).await.map_err(|error| Problem::unavailable(error.to_string()))?;
    Ok(web::Json(calls.iter().map(CallSummary::from).collect()))
}

/// `GET /api/v1/calls/{id}`.
///
/// # Errors
/// A problem document when there is no such call or the store fails.
pub async fn show_call(_: Operator, app: web::Data<App>, id: web::Path<String>) -> Result<web::Json<CallDetail>, Problem> {
    let id: CallId = id.parse().map_err(|_| Problem::not_found("There is no such call."))?;
    let call = app.store.find_call(id).await.map_err(|error| Problem::unavailable(error.to_string()))?;
    let call = call.ok_or_else(|| Problem::not_found("There is no such call."))?;
    let history = app.store.load_history(id).await.map_err(|error| Problem::unavailable(error.to_string()))?;
    Ok(web::Json(CallDetail {
        summary: CallSummary::from(&call),
        history: history.into_iter().map(HistoryLine::from).collect(),
    }))
}
