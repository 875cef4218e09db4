//! Dead letters: what could not be delivered and was given up, and how it is tried again.

use actix_web::{HttpResponse, get, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::openapi::{Refusals, Told};
use super::{Operator, Problem};
use crate::app::App;
use crate::ids::CallId;
use crate::store::{DeadLetter, StoreError};

/// Letters in one answer, unless asked for fewer.
const PAGE_MAX: u32 = 100;

/// How many.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeadQuery {
    /// 100 unless fewer are asked for.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Something that was given up.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeadLetterView {
    /// The letter.
    id: i64,
    /// The call it is about.
    #[schema(value_type = String, format = "uuid")]
    call: CallId,
    /// What was to be done: `post_voicemail`, `assign_owner` …
    kind: String,
    /// Why it was given up, in words.
    why: String,
    /// When it was decided, or last replayed.
    created_at: DateTime<Utc>,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        let DeadLetter { id, call, kind, why, created_at } = letter;
        Self { id, call, kind, why, created_at }
    }
}

/// Dead letters, the oldest first.
#[utoipa::path(
    tag = "outbox",
    params(DeadQuery),
    responses(
        (status = 200, description = "The oldest first, at most `limit`.", body = Vec<DeadLetterView>),
        Told<400>,
        Refusals,
    ),
)]
#[get("/outbox/dead")]
pub(super) async fn list_dead_letters(
    _: Operator,
    app: web::Data<App>,
    query: web::Query<DeadQuery>,
) -> Result<web::Json<Vec<DeadLetterView>>, Problem> {
    let limit = query.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let letters = app.store.list_dead_letters(limit).await;
    let letters = letters.map_err(Problem::unavailable)?;
    Ok(web::Json(letters.into_iter().map(DeadLetterView::from).collect()))
}

/// Tries a dead letter again, as if it were decided now.
#[utoipa::path(
    tag = "outbox",
    params(("id" = String, Path, description = "The letter.")),
    responses((status = 204, description = "It waits to be delivered."), Told<404>, Refusals),
)]
#[post("/outbox/{id}/replay")]
pub(super) async fn replay_dead_letter(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let missing = || Problem::not_found("There is no such dead letter.");
    let id: i64 = id.parse().map_err(|_| missing())?;
    match app.store.revive_effect(id, &operator.name(), app.clock.now()).await {
        Ok(()) => {
            app.switchboard.effects_saved.send_replace(());
            Ok(HttpResponse::NoContent().finish())
        }
        Err(StoreError::NotFound { .. }) => Err(missing()),
        Err(error) => Err(Problem::unavailable(error)),
    }
}
