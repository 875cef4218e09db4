//! Supervisors and their codes. A code is told once, when it is drawn.

use actix_web::{HttpResponse, delete, get, post, web};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::openapi::{Refusals, Told};
use super::{Operator, Problem};
use crate::app::App;
use crate::ids::SupervisorId;
use crate::store::{StoreError, TRIES_PER_ACCOUNT};
use crate::switchboard::codes::{CodeError, ROTATE_AFTER};

/// Who may key in a code, and how the keypad stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Keypad {
    /// Whether there can be codes: whether `server.code_secret` is set.
    has_key: bool,
    /// No code is looked at until then, since too many were tried; null if they are. Overrides can be turned here all the
    /// same.
    #[schema(required)]
    locked_until: Option<DateTime<Utc>>,
    /// Codes tried within the last hour, right ones too.
    tries: u32,
    /// How many are taken within an hour.
    tries_max: u32,
    /// In the order of the rules.
    supervisors: Vec<SupervisorKeys>,
}

/// A supervisor and whether they have a code.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SupervisorKeys {
    /// By the id in the rules.
    id: String,
    /// The name.
    name: String,
    /// The brands they may override; all, if empty.
    brands: Vec<String>,
    /// Since when they have their code; null if they have none.
    #[schema(required)]
    code_set_at: Option<DateTime<Utc>>,
    /// By then a new one should be drawn; null if they have none.
    #[schema(required)]
    rotate_by: Option<DateTime<Utc>>,
}

/// A new code.
#[derive(Serialize, utoipa::ToSchema)]
pub struct NewCode {
    /// Whose, by the id in the rules.
    supervisor: String,
    /// The digits. They are told here and never again.
    code: String,
    /// Since when it holds; the one before holds no more.
    set_at: DateTime<Utc>,
    /// By then a new one should be drawn.
    rotate_by: DateTime<Utc>,
}

/// Supervisors, and whether the keypad is locked.
#[utoipa::path(
    tag = "supervisors",
    responses((status = 200, description = "All supervisors of the rules in force.", body = Keypad), Refusals),
)]
#[get("/supervisors")]
pub(super) async fn list_supervisors(_: Operator, app: web::Data<App>) -> Result<web::Json<Keypad>, Problem> {
    let now = app.clock.now();
    let rules = app.switchboard.rulebook().load_current().await.map_err(|error| told(&error))?;
    let codes = app.store.list_codes().await.map_err(of_store)?;
    let guard = app.store.find_code_guard(now).await.map_err(of_store)?;
    let named = rules.iter().flat_map(|(_, rules)| &rules.supervisors);
    let supervisors = named.map(|one| {
        let code_set_at = codes.iter().find(|code| code.supervisor == one.id).map(|code| code.set_at);
        SupervisorKeys {
            id: one.id.to_string(),
            name: one.name.clone(),
            brands: one.brands.iter().map(ToString::to_string).collect(),
            code_set_at,
            rotate_by: code_set_at.map(|at| at + ROTATE_AFTER),
        }
    });
    Ok(web::Json(Keypad {
        has_key: app.codes.has_key(),
        locked_until: guard.locked_until.filter(|until| *until > now),
        tries: guard.tries,
        tries_max: TRIES_PER_ACCOUNT,
        supervisors: supervisors.collect(),
    }))
}

/// Draws a new code for a supervisor; the old one holds no more.
#[utoipa::path(
    tag = "supervisors",
    params(("id" = String, Path, description = "The supervisor.")),
    responses(
        (status = 201, description = "The code, told once.", body = NewCode),
        Told<404>,
        (status = 409, description = "There can be no codes: `server.code_secret` is not set.", body = Problem,
            content_type = "application/problem+json"),
        Refusals,
    ),
)]
#[post("/supervisors/{id}/code")]
pub(super) async fn draw_supervisor_code(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let supervisor = SupervisorId::new(&id);
    let given = app.codes.give(&supervisor, &operator.name()).await.map_err(|error| match error {
        CodeError::NoKey => Problem::conflict("Set server.code_secret first; without it there are no codes."),
        CodeError::NoSuchSupervisor => Problem::not_found("There is no such supervisor in the rules in force."),
        CodeError::Hash => Problem::internal(),
        CodeError::Switchboard(error) => told(&error),
    })?;
    let body = NewCode {
        supervisor: supervisor.to_string(),
        code: given.code.expose_secret().to_owned(),
        set_at: given.set_at,
        rotate_by: given.set_at + ROTATE_AFTER,
    };
    Ok(HttpResponse::Created().insert_header(("Cache-Control", "no-store")).json(body))
}

/// Takes a supervisor's code away.
#[utoipa::path(
    tag = "supervisors",
    params(("id" = String, Path, description = "The supervisor.")),
    responses((status = 204, description = "There is none any more."), Told<404>, Refusals),
)]
#[delete("/supervisors/{id}/code")]
pub(super) async fn remove_supervisor_code(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let removed = app.codes.take_away(&SupervisorId::new(&id), &operator.name()).await.map_err(|error| told(&error))?;
    if removed { Ok(HttpResponse::NoContent().finish()) } else { Err(Problem::not_found("There is no such code.")) }
}

fn of_store(error: StoreError) -> Problem {
    told(&error.into())
}

fn told(error: &crate::switchboard::SwitchboardError) -> Problem {
    Problem::unavailable(error)
}
