//! Callback tasks: whom the team owes a call, by when, and closing one by hand.

use actix_web::{get, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::openapi::Refusals;
use super::problem::FieldError;
use super::{Operator, Problem};
use crate::app::App;
use crate::ids::{BrandId, CallId};
use crate::store::{CallbackTask, TaskEnd, TaskState};

/// Tasks in one answer, unless asked for fewer.
const PAGE_MAX: u32 = 100;

/// Longest reason, in characters.
const REASON_MAX_CHARS: usize = 200;

/// Which tasks.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TaskQuery {
    /// Only this brand's, by its id in the routing file.
    brand: Option<String>,
    /// `open` unless `closed` is asked for.
    #[param(value_type = Option<String>)]
    state: Option<TaskState>,
    /// Only those behind the task with this id.
    #[param(value_type = Option<String>, format = "uuid")]
    after: Option<String>,
    /// How many; 100 unless fewer are asked for.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// A duty to call somebody back.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CallbackTaskView {
    /// The task; also the id of the call that opened it.
    #[schema(value_type = String, format = "uuid")]
    id: CallId,
    /// Whom the caller dialled, by its id in the routing file.
    brand: String,
    /// The number to call, in E.164; null when it was withheld.
    #[schema(required)]
    caller: Option<String>,
    /// The caller's name, if it is known.
    #[schema(required)]
    caller_name: Option<String>,
    /// Whether there is a number to call; if not, the task says so and no more.
    can_call_back: bool,
    /// When it was opened.
    opened_at: DateTime<Utc>,
    /// When the call back is due by the brand's promise; null if the brand promises nothing.
    #[schema(required)]
    due_at: Option<DateTime<Utc>>,
    /// How many calls were missed.
    #[schema(minimum = 1)]
    missed_calls: u32,
    /// The last of them.
    #[schema(value_type = String, format = "uuid")]
    last_call: CallId,
    /// When that was.
    last_missed_at: DateTime<Utc>,
    /// How often somebody tried to call back and did not reach them.
    attempts: u32,
    /// When that was last tried.
    #[schema(required)]
    last_attempt_at: Option<DateTime<Utc>>,
    /// When it was closed; null while it is open.
    #[schema(required)]
    closed_at: Option<DateTime<Utc>>,
    /// How: `answered` (they called again and met an agent), `reached` (a call back reached them), `outcome` (an outcome
    /// settled it) or `by_hand`; null while it is open.
    #[schema(required)]
    closed_how: Option<&'static str>,
    /// The call that settled it, if it was answered.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    closing_call: Option<CallId>,
    /// The reason a person gave for closing it by hand.
    #[schema(required)]
    closed_reason: Option<String>,
}

/// Why a task is closed by hand.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseTask {
    /// In a person's words; 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

impl From<CallbackTask> for CallbackTaskView {
    fn from(task: CallbackTask) -> Self {
        let (closed_at, end) = task.closed.unzip();
        let (closed_how, closing_call, closed_reason) = match end {
            None => (None, None, None),
            Some(TaskEnd::Answered { call }) => (Some("answered"), Some(call), None),
            Some(TaskEnd::Reached) => (Some("reached"), None, None),
            Some(TaskEnd::Outcome) => (Some("outcome"), None, None),
            Some(TaskEnd::ByHand { reason, .. }) => (Some("by_hand"), None, Some(reason)),
        };
        Self {
            id: task.id,
            brand: task.brand.to_string(),
            can_call_back: task.caller.is_some(),
            caller: task.caller.map(|caller| caller.as_e164().to_owned()),
            caller_name: task.caller_name,
            opened_at: task.opened_at,
            due_at: task.due_at,
            missed_calls: task.missed,
            last_call: task.last_call,
            last_missed_at: task.last_missed_at,
            attempts: task.attempts,
            last_attempt_at: task.last_attempt_at,
            closed_at,
            closed_how,
            closing_call,
            closed_reason,
        }
    }
}

/// Callback tasks, the first due first.
#[utoipa::path(
    tag = "callback tasks",
    params(TaskQuery),
    responses(
        (status = 200, description = "In the order in which they are due; those without a promise last.", body = Vec<CallbackTaskView>),
        (status = 400, description = "The query cannot be used.", body = Problem, content_type = "application/problem+json"),
        Refusals,
    ),
)]
#[get("/callback-tasks")]
pub(super) async fn list_callback_tasks(
    _: Operator,
    app: web::Data<App>,
    query: web::Query<TaskQuery>,
) -> Result<web::Json<Vec<CallbackTaskView>>, Problem> {
    let after = query.after.as_deref().map(str::parse::<CallId>).transpose();
    let after = after.map_err(|_| Problem::bad_request("`after` is the id of a task, a UUID."))?;
    let brand = query.brand.as_deref().map(BrandId::new);
    let state = query.state.unwrap_or(TaskState::Open);
    let limit = query.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let tasks =
        app.store.list_callback_tasks(brand.as_ref(), state, after, limit).await.map_err(Problem::unavailable)?;
    Ok(web::Json(tasks.into_iter().map(CallbackTaskView::from).collect()))
}

/// Closes a callback task by hand.
#[utoipa::path(
    tag = "callback tasks",
    params(("id" = String, Path, description = "The task.")),
    request_body = CloseTask,
    responses(
        (status = 200, description = "The task, closed.", body = CallbackTaskView),
        (status = 400, description = "The body cannot be read.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such task.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The task is closed already.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The reason cannot be used.", body = Problem, content_type = "application/problem+json"),
        Refusals,
    ),
)]
#[post("/callback-tasks/{id}/close")]
pub(super) async fn close_callback_task(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    body: Result<web::Json<CloseTask>, actix_web::Error>,
) -> Result<web::Json<CallbackTaskView>, Problem> {
    let body = body.map_err(|error| Problem::bad_request(error.to_string()))?;
    let reason = body.into_inner().reason.trim().to_owned();
    if !(1..=REASON_MAX_CHARS).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        let detail = format!("1 to {REASON_MAX_CHARS} characters on one line");
        return Err(Problem::bad_fields(vec![FieldError { pointer: "/reason".to_owned(), detail }]));
    }
    let missing = || Problem::not_found("There is no such task.");
    let id: CallId = id.parse().map_err(|_| missing())?;
    let why = TaskEnd::ByHand { reason, by: operator.name() };
    let is_closed_now = app.store.close_callback_task(id, &why, app.clock.now()).await.map_err(Problem::unavailable)?;
    let task = app.store.find_callback_task(id).await.map_err(Problem::unavailable)?.ok_or_else(missing)?;
    if is_closed_now { Ok(web::Json(task.into())) } else { Err(Problem::conflict("The task is closed already.")) }
}
