//! Who changed what, and when.

use actix_web::{get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::openapi::{Refusals, Told};
use super::{Operator, Problem};
use crate::app::App;

/// Lines in one answer, unless asked for fewer.
const PAGE_MAX: u32 = 100;

/// Which lines.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only those before the line of this id.
    before: Option<i64>,
    /// How many; 100 unless fewer are asked for.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// A line of the audit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// Counts upwards, with gaps.
    id: i64,
    /// When.
    at: DateTime<Utc>,
    /// Who.
    by: String,
    /// What was done: `rules_published`, `rules_rolled_back`, `rules_found_broken`, `rules_found_good`,
    /// `rules_draft_created`, `rules_draft_saved`, `rules_draft_deleted`, `override_begun`, `override_ended`,
    /// `flood_declared`, `flood_ended`, `supervisor_code_set`, `supervisor_code_removed`, `supervisor_code_tried`,
    /// `supervisor_code_accepted`, `supervisor_code_wrong`, `supervisor_code_refused`, `phone_trusted`,
    /// `callback_task_closed`, `effect_replayed`.
    action: String,
    /// To what, as a path below the API: `rules/versions/7`.
    subject: String,
    /// Further words; which, goes with the action.
    #[schema(value_type = Object)]
    detail: Value,
}

/// Changes, the newest first.
#[utoipa::path(
    tag = "audit",
    params(AuditQuery),
    responses(
        (status = 200, description = "The newest first, at most `limit`.", body = Vec<AuditEntry>),
        Told<400>,
        Refusals,
    ),
)]
#[get("/audit")]
pub(super) async fn list_audit(
    _: Operator,
    app: web::Data<App>,
    query: web::Query<AuditQuery>,
) -> Result<web::Json<Vec<AuditEntry>>, Problem> {
    let limit = query.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let lines = app.store.list_audit(query.before, limit).await;
    let lines = lines.map_err(Problem::unavailable)?;
    let entry = |line: crate::store::AuditLine| AuditEntry {
        id: line.id,
        at: line.at,
        by: line.by,
        action: line.action,
        subject: line.subject,
        detail: line.detail,
    };
    Ok(web::Json(lines.into_iter().map(entry).collect()))
}
