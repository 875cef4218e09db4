//! Published versions of the rules: the one in force, every other, what differs, and going back.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::openapi::{Refusals, Told};
use super::problem::FieldError;
use super::rules_document::{
    RuleChange, RuleFindings, answer_aside, changes_of, document_schema, field_errors, findings_of, problem_of,
    read_body, read_json, toml_answer, wants_toml,
};
use super::{Operator, Problem};
use crate::app::App;
use crate::publishing::{Published, Refused, Upon};
use crate::rules::diff::diff;
use crate::rules::{Rules, export, json};
use crate::store::{BrokenMark, PublishedRules, VersionHead};
use crate::switchboard::reading::{aside, read_apart};

/// Versions in one answer, unless asked for fewer.
const PAGE_MAX: u32 = 100;

/// Which versions.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct VersionsQuery {
    /// Only those before this one.
    before: Option<u32>,
    /// How many; 100 unless fewer are asked for.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// With what it is compared.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DiffQuery {
    /// A version; 0 for nothing at all. Absent: for a version the one before it, for a draft the one in force.
    pub(super) against: Option<u32>,
}

/// A version in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VersionSummary {
    /// Its number, from 1.
    #[schema(minimum = 1)]
    version: u32,
    /// Whether new calls begin under it.
    is_in_force: bool,
    /// When it was published.
    published_at: DateTime<Utc>,
    /// By whom.
    published_by: String,
    /// Why.
    #[schema(required)]
    note: Option<String>,
    /// The version it was made from, where that is known.
    #[schema(required)]
    base: Option<u32>,
    /// The version whose rules it brought back.
    #[schema(required)]
    rolled_back_from: Option<u32>,
    /// That it cannot be read any more.
    #[schema(required)]
    broken: Option<Broken>,
}

/// That a version cannot be read any more.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Broken {
    /// The first fault.
    reason: String,
    /// When it was found out.
    at: DateTime<Utc>,
}

/// A version with its document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VersionDetail {
    #[serde(flatten)]
    summary: VersionSummary,
    /// The rules.
    #[schema(required, schema_with = document_schema)]
    document: Option<Value>,
    /// Why the document is null; empty if it is there.
    errors: Vec<FieldError>,
    /// Of rules that cannot be read there are none.
    #[serde(flatten)]
    findings: RuleFindings,
}

/// What differs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Difference {
    /// The older side; 0 for nothing at all.
    pub(super) from: u32,
    /// The newer side; null for a draft.
    #[schema(required)]
    pub(super) to: Option<u32>,
    /// In the order of the document; empty if both say the same.
    pub(super) changes: Vec<RuleChange>,
}

/// What came of publishing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PublishedVersion {
    /// The version in force now.
    #[schema(minimum = 1)]
    version: u32,
    /// Whether it is a new one; false if the rules in force said the same already.
    is_new: bool,
    /// The version in force before; 0 if there was none.
    base: u32,
    /// What changed.
    changes: Vec<RuleChange>,
    #[serde(flatten)]
    findings: RuleFindings,
}

/// Which version is to be replaced, and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBackInput {
    /// The version that is in force as far as you know.
    base: u32,
    /// Why: 1 to 500 characters.
    note: Option<String>,
}

impl VersionSummary {
    pub(super) fn of(head: VersionHead, in_force: u32) -> Self {
        Self {
            version: head.version,
            is_in_force: head.version == in_force,
            published_at: head.published_at,
            published_by: head.published_by,
            note: head.note,
            base: head.base,
            rolled_back_from: head.rolled_back_from,
            broken: head.broken.map(|BrokenMark { reason, at }| Broken { reason, at }),
        }
    }
}

impl PublishedVersion {
    pub(super) async fn of(published: Published, at: DateTime<Utc>) -> Self {
        let Published { version, is_new, base, changes, rules } = published;
        let findings = aside(move || findings_of(&rules, at)).await;
        Self { version, is_new, base, changes: changes_of(changes), findings }
    }
}

/// The rules that new calls begin under.
#[utoipa::path(
    tag = "rules",
    responses(
        (status = 200, description = "The version in force; a routing file if `Accept` asks for one.",
            content((VersionDetail = "application/json"), (String = "application/toml"))),
        Told<404>,
        Refusals,
    ),
)]
#[get("/rules")]
pub(super) async fn show_rules(
    _: Operator,
    app: web::Data<App>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let in_force = app.desk.load_in_force().await.map_err(|refused| problem_of(refused, ""))?;
    let (version, _) = in_force.ok_or_else(|| Problem::not_found("No rules have been published yet."))?;
    show(&app, &request, version).await
}

/// Published versions, the newest first.
#[utoipa::path(
    tag = "rules",
    params(VersionsQuery),
    responses(
        (status = 200, description = "The newest first, at most `limit`.", body = Vec<VersionSummary>),
        Told<400>,
        Refusals,
    ),
)]
#[get("/rules/versions")]
pub(super) async fn list_rules_versions(
    _: Operator,
    app: web::Data<App>,
    query: web::Query<VersionsQuery>,
) -> Result<web::Json<Vec<VersionSummary>>, Problem> {
    let limit = query.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let in_force = in_force_number(&app).await?;
    let heads =
        app.store.list_rules(query.before, limit).await.map_err(|error| problem_of(Refused::Store(error), ""))?;
    Ok(web::Json(heads.into_iter().map(|head| VersionSummary::of(head, in_force)).collect()))
}

/// One version with its rules.
#[utoipa::path(
    tag = "rules",
    params(("version" = u32, Path, description = "The version.")),
    responses(
        (status = 200, description = "The version; a routing file if `Accept` asks for one.",
            content((VersionDetail = "application/json"), (String = "application/toml"))),
        Told<404>,
        Refusals,
    ),
)]
#[get("/rules/versions/{version}")]
pub(super) async fn show_rules_version(
    _: Operator,
    app: web::Data<App>,
    request: HttpRequest,
    version: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    show(&app, &request, parse_version(&version)?).await
}

/// What a version changed.
#[utoipa::path(
    tag = "rules",
    params(("version" = u32, Path, description = "The version."), DiffQuery),
    responses(
        (status = 200, description = "What differs.", body = Difference),
        Told<400>,
        Told<404>,
        Told<409>,
        Refusals,
    ),
)]
#[get("/rules/versions/{version}/diff")]
pub(super) async fn diff_rules_version(
    _: Operator,
    app: web::Data<App>,
    version: web::Path<String>,
    query: web::Query<DiffQuery>,
) -> Result<web::Json<Difference>, Problem> {
    let version = parse_version(&version)?;
    let from = query.against.unwrap_or_else(|| version.saturating_sub(1));
    let (before, after) = (load(&app, from).await?, load(&app, version).await?);
    let changes = changes_of(aside(move || diff(&before, &after)).await);
    Ok(web::Json(Difference { from, to: Some(version), changes }))
}

/// Publishes the rules of an earlier version again, as a new version.
#[utoipa::path(
    tag = "rules",
    params(("version" = u32, Path, description = "The version whose rules are brought back.")),
    request_body = RollBackInput,
    responses(
        (status = 200, description = "What is in force now.", body = PublishedVersion),
        Told<400>,
        Told<404>,
        Told<409>,
        Told<422>,
        Refusals,
    ),
)]
#[post("/rules/versions/{version}/roll-back")]
pub(super) async fn roll_back_rules(
    operator: Operator,
    app: web::Data<App>,
    version: web::Path<String>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<web::Json<PublishedVersion>, Problem> {
    let version = parse_version(&version)?;
    let input: RollBackInput = read_json(&read_body(body)?)?;
    let upon = Upon::Version(input.base);
    let published = app.desk.roll_back(version, upon, &operator.name(), input.note.as_deref()).await;
    let published = published.map_err(|refused| problem_of(refused, ""))?;
    Ok(web::Json(PublishedVersion::of(published, app.clock.now()).await))
}

/// The version in force; 0 if there is none.
pub(super) async fn in_force_number(app: &App) -> Result<u32, Problem> {
    let in_force = app.desk.load_in_force().await.map_err(|refused| problem_of(refused, ""))?;
    Ok(in_force.map_or(0, |(version, _)| version))
}

/// The rules of a version; of version 0 nothing at all.
pub(super) async fn load(app: &App, version: u32) -> Result<Rules, Problem> {
    let loaded = app.desk.load_version_or_nothing(version).await;
    loaded.map_err(|refused| problem_of(refused, ""))
}

async fn show(app: &App, request: &HttpRequest, version: u32) -> Result<HttpResponse, Problem> {
    let found = app.store.find_rules(version).await.map_err(|error| problem_of(Refused::Store(error), ""))?;
    let PublishedRules { head, body } = found.ok_or_else(|| problem_of(Refused::absent("version", version), ""))?;
    let read = move || {
        let read = read_apart(&format!("version {version}"), &body);
        (read.map(|rules| Rules { version, ..rules }), body)
    };
    if wants_toml(request) {
        // In today's form, where it can be read: what an older release wrote may lack fields.
        let text = aside(move || match read() {
            (Ok(rules), _) => export(&rules),
            (Err(_), body) => body,
        });
        return Ok(toml_answer(text.await));
    }
    let summary = VersionSummary::of(head, in_force_number(app).await?);
    let at = app.clock.now();
    let make = move || {
        let (document, errors, findings) = match read().0 {
            Ok(rules) => (Some(json::to_json(&rules)), Vec::new(), findings_of(&rules, at)),
            Err(error) => (None, field_errors(&error, "/document"), RuleFindings::default()),
        };
        VersionDetail { summary, document, errors, findings }
    };
    answer_aside(HttpResponse::Ok(), make).await
}

fn parse_version(text: &str) -> Result<u32, Problem> {
    text.parse().map_err(|_| Problem::not_found("There is no such version."))
}
