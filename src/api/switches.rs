//! Overrides and declared floods of a brand: which is on, turning them, and those that were.

use actix_web::{HttpResponse, delete, get, post, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::openapi::{Refusals, Told};
use super::problem::FieldError;
use super::rules_document::{read_body, read_json};
use super::{Operator, Problem};
use crate::app::App;
use crate::call::switch::{
    NewSwitch, REASON_CHARS_MAX, SWITCH_SPAN, SWITCH_SPAN_MAX, SWITCH_SPAN_MIN, SwitchKind, SwitchedBy, SwitchedHow,
};
use crate::ids::BrandId;
use crate::rules::Brand;
use crate::store::BrandSwitch;

/// Switches in one answer, unless asked for fewer.
const PAGE_MAX: u32 = 100;

/// What is to be turned on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchInput {
    /// Why, for people: 1 to 200 characters.
    reason: Option<String>,
    /// For how long, in seconds; four hours if absent.
    #[schema(minimum = 300, maximum = 86400)]
    duration_s: Option<i64>,
    /// Of an override: whether callers who wait are sent to the operator line too. False if absent.
    include_waiting: Option<bool>,
}

/// Which switches that were.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SwitchQuery {
    /// Only those before the one of this id.
    before: Option<i64>,
    /// How many; 100 unless fewer are asked for.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// A switch that is on, or was.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Switch {
    /// Counts upwards, with gaps.
    id: i64,
    /// The brand, by its id in the rules.
    brand: String,
    /// `override`: calls go to the operator line. `flood`: strangers are challenged, and their limit is lower.
    kind: &'static str,
    /// Since when.
    began_at: DateTime<Utc>,
    /// It ends by itself then.
    until: DateTime<Utc>,
    /// Who turned it on: `operator` and a mark of the token, or `supervisor:` and an id.
    by: String,
    /// By which way: `api` or `keypad`.
    how: &'static str,
    /// Why.
    reason: String,
    /// Whether callers who waited were taken along.
    include_waiting: bool,
    /// When it ended; null while it is on.
    #[schema(required)]
    ended_at: Option<DateTime<Utc>>,
    /// Who ended it: as `by`, or `time`; null while it is on.
    #[schema(required)]
    ended_by: Option<String>,
}

/// The switch that is on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SwitchNow {
    /// Null if it is off.
    #[schema(required)]
    active: Option<Switch>,
}

impl From<BrandSwitch> for Switch {
    fn from(switch: BrandSwitch) -> Self {
        let NewSwitch { brand, kind, until, by, how, reason, include_waiting } = switch.asked;
        let (ended_at, ended_by) = switch.ended.map(|(at, by)| (at, by.to_string())).unzip();
        Self {
            id: switch.id,
            brand: brand.to_string(),
            kind: kind.as_str(),
            began_at: switch.began_at,
            until,
            by: by.to_string(),
            how: how.as_str(),
            reason,
            include_waiting,
            ended_at,
            ended_by,
        }
    }
}

/// Tells whether a brand's calls go to its operator line.
#[utoipa::path(
    tag = "switches",
    params(("brand" = String, Path, description = "The brand.")),
    responses((status = 200, description = "The override that is on, if there is one.", body = SwitchNow), Told<404>, Refusals),
)]
#[get("/brands/{brand}/override")]
pub(super) async fn show_override(
    _: Operator,
    app: web::Data<App>,
    brand: web::Path<String>,
) -> Result<web::Json<SwitchNow>, Problem> {
    show(&app, &brand, SwitchKind::Override).await
}

/// Sends a brand's calls to its operator line; in place of an override that is on.
#[utoipa::path(
    tag = "switches",
    params(("brand" = String, Path, description = "The brand.")),
    request_body = SwitchInput,
    responses(
        (status = 201, description = "It is on.", body = Switch),
        Told<400>,
        Told<404>,
        (status = 409, description = "The brand has no operator line.", body = Problem, content_type = "application/problem+json"),
        Told<422>,
        Refusals,
    ),
)]
#[post("/brands/{brand}/override")]
pub(super) async fn begin_override(
    operator: Operator,
    app: web::Data<App>,
    brand: web::Path<String>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    begin(&app, &brand, SwitchKind::Override, by(operator), body).await
}

/// Gives a brand's calls back to its team.
#[utoipa::path(
    tag = "switches",
    params(("brand" = String, Path, description = "The brand.")),
    responses((status = 200, description = "It is off.", body = Switch), Told<404>, Refusals),
)]
#[delete("/brands/{brand}/override")]
pub(super) async fn end_override(
    operator: Operator,
    app: web::Data<App>,
    brand: web::Path<String>,
) -> Result<web::Json<Switch>, Problem> {
    end(&app, &brand, SwitchKind::Override, by(operator)).await
}

/// Overrides there were, the newest first.
#[utoipa::path(
    tag = "switches",
    params(("brand" = String, Path, description = "The brand."), SwitchQuery),
    responses((status = 200, description = "At most `limit`.", body = Vec<Switch>), Told<400>, Told<404>, Refusals),
)]
#[get("/brands/{brand}/overrides")]
pub(super) async fn list_overrides(
    _: Operator,
    app: web::Data<App>,
    brand: web::Path<String>,
    query: web::Query<SwitchQuery>,
) -> Result<web::Json<Vec<Switch>>, Problem> {
    list(&app, &brand, SwitchKind::Override, &query).await
}

/// Tells whether a flood of a brand is declared.
#[utoipa::path(
    tag = "switches",
    params(("brand" = String, Path, description = "The brand.")),
    responses((status = 200, description = "The flood that is declared, if one is.", body = SwitchNow), Told<404>, Refusals),
)]
#[get("/brands/{brand}/flood")]
pub(super) async fn show_flood(
    _: Operator,
    app: web::Data<App>,
    brand: web::Path<String>,
) -> Result<web::Json<SwitchNow>, Problem> {
    show(&app, &brand, SwitchKind::Flood).await
}

/// Declares a flood: callers who are no contact have to press a key, and their limit is lower.
#[utoipa::path(
    tag = "switches",
    params(("brand" = String, Path, description = "The brand.")),
    request_body = SwitchInput,
    responses((status = 201, description = "It is declared.", body = Switch), Told<400>, Told<404>, Told<422>, Refusals),
)]
#[post("/brands/{brand}/flood")]
pub(super) async fn declare_flood(
    operator: Operator,
    app: web::Data<App>,
    brand: web::Path<String>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    begin(&app, &brand, SwitchKind::Flood, by(operator), body).await
}

/// Takes the declaration back.
#[utoipa::path(
    tag = "switches",
    params(("brand" = String, Path, description = "The brand.")),
    responses((status = 200, description = "It is over.", body = Switch), Told<404>, Refusals),
)]
#[delete("/brands/{brand}/flood")]
pub(super) async fn end_flood(
    operator: Operator,
    app: web::Data<App>,
    brand: web::Path<String>,
) -> Result<web::Json<Switch>, Problem> {
    end(&app, &brand, SwitchKind::Flood, by(operator)).await
}

/// Floods that were declared, the newest first.
#[utoipa::path(
    tag = "switches",
    params(("brand" = String, Path, description = "The brand."), SwitchQuery),
    responses((status = 200, description = "At most `limit`.", body = Vec<Switch>), Told<400>, Told<404>, Refusals),
)]
#[get("/brands/{brand}/floods")]
pub(super) async fn list_floods(
    _: Operator,
    app: web::Data<App>,
    brand: web::Path<String>,
    query: web::Query<SwitchQuery>,
) -> Result<web::Json<Vec<Switch>>, Problem> {
    list(&app, &brand, SwitchKind::Flood, &query).await
}

fn by(operator: Operator) -> SwitchedBy {
    SwitchedBy::Operator(operator.name())
}

async fn show(app: &App, brand: &str, kind: SwitchKind) -> Result<web::Json<SwitchNow>, Problem> {
    let brand = find_brand(app, brand).await?.id;
    let found = app.store.find_switch(&brand, kind, app.clock.now()).await;
    let active = found.map_err(Problem::unavailable)?;
    Ok(web::Json(SwitchNow { active: active.map(Switch::from) }))
}

async fn begin(
    app: &App,
    brand: &str,
    kind: SwitchKind,
    by: SwitchedBy,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let brand = find_brand(app, brand).await?;
    let input: SwitchInput = read_json(&read_body(body)?)?;
    let (reason, span) = check(&input, kind)?;
    if kind == SwitchKind::Override && brand.operator.is_none() {
        return Err(Problem::conflict(
            "The brand has no operator line. Publish one first: [brand.operator] in its rules.",
        ));
    }
    let new = NewSwitch {
        brand: brand.id,
        kind,
        until: app.clock.now() + span,
        by,
        how: SwitchedHow::Api,
        reason,
        include_waiting: input.include_waiting.unwrap_or(false),
    };
    let begun = app.switchboard.begin_switch(&new).await.map_err(Problem::unavailable)?;
    Ok(HttpResponse::Created().json(Switch::from(begun)))
}

/// The reason and the span, or every field at fault.
fn check(input: &SwitchInput, kind: SwitchKind) -> Result<(String, TimeDelta), Problem> {
    let mut faults = Vec::new();
    let mut fault = |pointer: &str, detail: String| faults.push(FieldError { pointer: pointer.to_owned(), detail });
    let reason = input.reason.as_deref().unwrap_or_default().trim().to_owned();
    if !(1..=REASON_CHARS_MAX).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        fault("/reason", format!("1 to {REASON_CHARS_MAX} characters on one line, for people"));
    }
    let span = input.duration_s.map_or(Some(SWITCH_SPAN), TimeDelta::try_seconds);
    let span = span.filter(|span| (SWITCH_SPAN_MIN..=SWITCH_SPAN_MAX).contains(span));
    if span.is_none() {
        let (min, max) = (SWITCH_SPAN_MIN.num_seconds(), SWITCH_SPAN_MAX.num_seconds());
        fault("/duration_s", format!("{min} to {max} seconds"));
    }
    if kind == SwitchKind::Flood && input.include_waiting.is_some() {
        fault("/include_waiting", "only an override has it".to_owned());
    }
    match span {
        Some(span) if faults.is_empty() => Ok((reason, span)),
        _ => Err(Problem::bad_fields(faults)),
    }
}

async fn end(app: &App, brand: &str, kind: SwitchKind, by: SwitchedBy) -> Result<web::Json<Switch>, Problem> {
    let brand = find_brand(app, brand).await?.id;
    let ended = app.switchboard.end_switch(&brand, kind, &by).await;
    let ended = ended.map_err(Problem::unavailable)?;
    let ended = ended.ok_or_else(|| Problem::not_found("It is not on."))?;
    Ok(web::Json(Switch::from(ended)))
}

async fn list(
    app: &App,
    brand: &str,
    kind: SwitchKind,
    query: &SwitchQuery,
) -> Result<web::Json<Vec<Switch>>, Problem> {
    let brand = find_brand(app, brand).await?.id;
    let limit = query.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let found = app.store.list_switches(&brand, kind, query.before, limit, app.clock.now()).await;
    let found = found.map_err(Problem::unavailable)?;
    Ok(web::Json(found.into_iter().map(Switch::from).collect()))
}

/// The brand in the rules in force.
async fn find_brand(app: &App, brand: &str) -> Result<Brand, Problem> {
    let rules = app.switchboard.rulebook().load_current().await;
    let rules = rules.map_err(Problem::unavailable)?;
    let found = rules.and_then(|(_, rules)| rules.find_brand(&BrandId::new(brand)).cloned());
    found.ok_or_else(|| Problem::not_found("There is no such brand in the rules in force."))
}
