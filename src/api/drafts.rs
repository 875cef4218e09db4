//! Drafts of the rules: kept, changed, compared, published.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::openapi::{Refusals, Told};
use super::problem::FieldError;
use super::rules::{DiffQuery, Difference, PublishedVersion, in_force_number, load};
use super::rules_document::{
    PublishInput, RuleFindings, Sent, answer_aside, changes_of, document_schema, entity_tag, expected_revision,
    field_errors, findings_of, problem_of, read_body, read_json, read_sent, toml_answer, wants_toml,
};
use super::{Operator, Problem};
use crate::app::App;
use crate::ids::{BrandId, DraftId};
use crate::publishing::{DRAFTS_MAX, Document, DraftChange, Refused};
use crate::rules::copy::{BrandPart, NewBrand};
use crate::rules::diff::diff;
use crate::rules::file::RoutingFileError;
use crate::rules::{Rules, json};
use crate::store::{Draft, DraftHead};
use crate::switchboard::reading::aside;

/// A draft in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DraftSummary {
    /// The draft.
    #[schema(value_type = String, format = "uuid")]
    id: DraftId,
    /// What it is for.
    name: String,
    /// The version it was made from; 0 if there was none.
    base: u32,
    /// Whether another version is in force, so that it cannot be published as it is.
    is_behind: bool,
    /// Counts up from 1 with every save; also the `ETag`.
    #[schema(minimum = 1)]
    revision: u32,
    /// Who made it.
    created_by: String,
    /// When.
    created_at: DateTime<Utc>,
    /// Who saved it last.
    saved_by: String,
    /// When.
    saved_at: DateTime<Utc>,
}

/// A draft with its document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DraftDetail {
    #[serde(flatten)]
    summary: DraftSummary,
    /// The rules.
    #[schema(required, schema_with = document_schema)]
    document: Option<Value>,
    /// Why the document is null; empty if it is there.
    errors: Vec<FieldError>,
    /// Of rules that cannot be read there are none.
    #[serde(flatten)]
    findings: RuleFindings,
}

/// What is saved. As a routing file, `name` and `base` go into the query.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftInput {
    /// What it is for: 1 to 80 characters.
    name: Option<String>,
    /// The version it is made from, 0 for none; for a new draft the one in force if absent.
    base: Option<u32>,
    /// The rules; for a new draft those in force if absent.
    #[schema(schema_with = document_schema)]
    document: Option<Value>,
}

/// What goes beside a routing file.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DraftQuery {
    /// With a routing file: what the draft is for.
    name: Option<String>,
    /// With a routing file: the version it is made from.
    base: Option<u32>,
}

/// What is copied from a brand, and to where: exactly one of `to` and `new`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyInput {
    /// The brand that gets a copy.
    to: Option<String>,
    /// What is copied to it: `hours`, `calendar`, `after_hours`, `menu`, `texts`, `ringing`, `voicemail`, `recording`,
    /// `fallback`, `operator`, `promise`, `roster`, `emergency_numbers`; all but the roster if absent.
    #[schema(value_type = Option<Vec<String>>)]
    parts: Option<Vec<BrandPart>>,
    /// A brand to be made, like the one copied from in everything else. It has no numbers yet.
    new: Option<BrandInput>,
    /// The draft in which this is done; a new one of the rules in force if absent.
    draft: Option<DraftRevision>,
}

/// What makes a new brand one of its own.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BrandInput {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Its inbox in Chatwoot.
    inbox: String,
}

/// A draft as it was read.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftRevision {
    /// The draft.
    #[schema(value_type = String, format = "uuid")]
    id: DraftId,
    /// Its revision.
    revision: u32,
}

impl DraftSummary {
    fn of(head: DraftHead, in_force: u32) -> Self {
        let DraftHead { id, name, base, revision, created_by, created_at, saved_by, saved_at } = head;
        let is_behind = base != in_force;
        Self { id, name, base, is_behind, revision, created_by, created_at, saved_by, saved_at }
    }
}

/// Drafts, the last saved first.
#[utoipa::path(
    tag = "rules",
    responses((status = 200, description = "All of them.", body = Vec<DraftSummary>), Refusals),
)]
#[get("/rules/drafts")]
pub(super) async fn list_rules_drafts(
    _: Operator,
    app: web::Data<App>,
) -> Result<web::Json<Vec<DraftSummary>>, Problem> {
    let in_force = in_force_number(&app).await?;
    let heads = app.store.list_drafts(DRAFTS_MAX).await.map_err(|error| problem_of(Refused::Store(error), ""))?;
    Ok(web::Json(heads.into_iter().map(|head| DraftSummary::of(head, in_force)).collect()))
}

/// Keeps a new draft, of the rules sent or of those in force.
#[utoipa::path(
    tag = "rules",
    params(DraftQuery),
    request_body(content((DraftInput = "application/json"), (String = "application/toml"))),
    responses(
        (status = 201, description = "The draft; its `ETag` is its revision.", body = DraftDetail),
        Told<400>,
        Told<404>,
        Told<409>,
        Told<413>,
        Told<415>,
        Told<422>,
        Refusals,
    ),
)]
#[post("/rules/drafts")]
pub(super) async fn create_rules_draft(
    operator: Operator,
    app: web::Data<App>,
    request: HttpRequest,
    query: web::Query<DraftQuery>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let sent = read_sent(&request, body)?;
    let (change, below) = change_of(&sent, &query);
    let kept = app.desk.create_draft(change, &operator.name()).await;
    let (draft, rules) = kept.map_err(|refused| problem_of(refused, below))?;
    answer(&app, HttpResponse::Created(), draft, Ok(rules)).await
}

/// One draft with its rules.
#[utoipa::path(
    tag = "rules",
    params(("id" = String, Path, description = "The draft.")),
    responses(
        (status = 200, description = "The draft; a routing file if `Accept` asks for one. Its `ETag` is its revision.",
            content((DraftDetail = "application/json"), (String = "application/toml"))),
        Told<404>,
        Refusals,
    ),
)]
#[get("/rules/drafts/{id}")]
pub(super) async fn show_rules_draft(
    _: Operator,
    app: web::Data<App>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (draft, rules) = app.desk.load_draft(parse_id(&id)?).await.map_err(|refused| problem_of(refused, ""))?;
    if wants_toml(&request) {
        let mut response = toml_answer(draft.body);
        let (name, tag) = entity_tag(draft.head.revision);
        response.headers_mut().insert(name, tag.parse().map_err(|_| Problem::internal())?);
        return Ok(response);
    }
    answer(&app, HttpResponse::Ok(), draft, rules).await
}

/// Saves a draft.
#[utoipa::path(
    tag = "rules",
    params(
        ("id" = String, Path, description = "The draft."),
        ("If-Match" = String, Header, description = "The `ETag` of the draft as it was read."),
        DraftQuery,
    ),
    request_body(content((DraftInput = "application/json"), (String = "application/toml"))),
    responses(
        (status = 200, description = "The draft as saved.", body = DraftDetail),
        Told<400>,
        Told<404>,
        Told<412>,
        Told<413>,
        Told<415>,
        Told<422>,
        Told<428>,
        Refusals,
    ),
)]
#[put("/rules/drafts/{id}")]
pub(super) async fn save_rules_draft(
    operator: Operator,
    app: web::Data<App>,
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<DraftQuery>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let (id, revision) = (parse_id(&id)?, expected_revision(&request)?);
    let sent = read_sent(&request, body)?;
    let (change, below) = change_of(&sent, &query);
    let saved = app.desk.save_draft(id, revision, change, &operator.name()).await;
    let (draft, rules) = saved.map_err(|refused| problem_of(refused, below))?;
    answer(&app, HttpResponse::Ok(), draft, Ok(rules)).await
}

/// Takes a draft away.
#[utoipa::path(
    tag = "rules",
    params(
        ("id" = String, Path, description = "The draft."),
        ("If-Match" = String, Header, description = "The `ETag` of the draft as it was read."),
    ),
    responses(
        (status = 204, description = "It is gone."),
        Told<400>,
        Told<404>,
        Told<412>,
        Told<428>,
        Refusals,
    ),
)]
#[delete("/rules/drafts/{id}")]
pub(super) async fn delete_rules_draft(
    operator: Operator,
    app: web::Data<App>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, revision) = (parse_id(&id)?, expected_revision(&request)?);
    let gone = app.desk.delete_draft(id, revision, &operator.name()).await;
    gone.map_err(|refused| problem_of(refused, ""))?;
    Ok(HttpResponse::NoContent().finish())
}

/// What publishing a draft would change.
#[utoipa::path(
    tag = "rules",
    params(("id" = String, Path, description = "The draft."), DiffQuery),
    responses(
        (status = 200, description = "What differs.", body = Difference),
        Told<400>,
        Told<404>,
        Told<409>,
        Told<422>,
        Refusals,
    ),
)]
#[get("/rules/drafts/{id}/diff")]
pub(super) async fn diff_rules_draft(
    _: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    query: web::Query<DiffQuery>,
) -> Result<web::Json<Difference>, Problem> {
    let (_, rules) = app.desk.load_draft(parse_id(&id)?).await.map_err(|refused| problem_of(refused, ""))?;
    let rules = rules.map_err(|error| problem_of(Refused::Faults(error), "/document"))?;
    let from = match query.against {
        Some(version) => version,
        None => in_force_number(&app).await?,
    };
    let before = load(&app, from).await?;
    let changes = changes_of(aside(move || diff(&before, &rules)).await);
    Ok(web::Json(Difference { from, to: None, changes }))
}

/// Makes a draft live for new calls.
#[utoipa::path(
    tag = "rules",
    params(
        ("id" = String, Path, description = "The draft."),
        ("If-Match" = String, Header, description = "The `ETag` of the draft as it was read."),
    ),
    request_body = PublishInput,
    responses(
        (status = 200, description = "What is in force now. The draft is gone.", body = PublishedVersion),
        Told<400>,
        Told<404>,
        Told<409>,
        Told<412>,
        Told<422>,
        Told<428>,
        Refusals,
    ),
)]
#[post("/rules/drafts/{id}/publish")]
pub(super) async fn publish_rules(
    operator: Operator,
    app: web::Data<App>,
    request: HttpRequest,
    id: web::Path<String>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<web::Json<PublishedVersion>, Problem> {
    let (id, revision) = (parse_id(&id)?, expected_revision(&request)?);
    let input: PublishInput = read_json(&read_body(body)?)?;
    let published = app.desk.publish_draft(id, revision, &operator.name(), input.note.as_deref()).await;
    let published = published.map_err(|refused| problem_of(refused, "/document"))?;
    Ok(web::Json(PublishedVersion::of(published, app.clock.now()).await))
}

/// Copies a brand, whole or in parts, within a draft.
#[utoipa::path(
    tag = "rules",
    params(("id" = String, Path, description = "The brand that is copied.")),
    request_body = CopyInput,
    responses(
        (status = 200, description = "The draft with the copy.", body = DraftDetail),
        Told<400>,
        Told<404>,
        Told<409>,
        Told<412>,
        Told<422>,
        Refusals,
    ),
)]
#[post("/rules/brands/{id}/copy")]
pub(super) async fn copy_brand(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let input: CopyInput = read_json(&read_body(body)?)?;
    let from = BrandId::new(&id);
    let draft = input.draft.map(|draft| (draft.id, draft.revision));
    let by = operator.name();
    let copied = match (input.to, input.new, input.parts) {
        (Some(to), None, parts) => {
            // Who answers a brand's calls is its own affair, unless somebody says otherwise.
            let all = || BrandPart::ALL.into_iter().filter(|part| *part != BrandPart::Roster).collect();
            let parts: Vec<_> = parts.unwrap_or_else(all);
            app.desk.copy_parts(&from, &BrandId::new(&to), &parts, draft, &by).await
        }
        (None, Some(BrandInput { id, name, inbox }), None) => {
            let new = NewBrand { id: BrandId::new(&id), name, inbox };
            app.desk.copy_brand(&from, new, draft, &by).await
        }
        _ => return Err(Problem::bad_request("Send `to`, with `parts` if not all are meant, or else `new`.")),
    };
    let (draft, rules) = copied.map_err(|refused| problem_of(refused, "/document"))?;
    answer(&app, HttpResponse::Ok(), draft, Ok(rules)).await
}

/// What is asked for, and where the document stands in the request.
fn change_of<'s>(sent: &'s Sent<DraftInput>, query: &'s DraftQuery) -> (DraftChange<'s>, &'static str) {
    match sent {
        Sent::Json(input) => {
            let document = input.document.as_ref().map(Document::Json);
            let name = input.name.as_deref().or(query.name.as_deref());
            (DraftChange { name, document, base: input.base.or(query.base) }, "/document")
        }
        Sent::Toml(text) => {
            let document = Some(Document::Toml(text));
            (DraftChange { name: query.name.as_deref(), document, base: query.base }, "")
        }
    }
}

async fn answer(
    app: &App,
    mut response: actix_web::HttpResponseBuilder,
    draft: Draft,
    rules: Result<Rules, RoutingFileError>,
) -> Result<HttpResponse, Problem> {
    response.insert_header(entity_tag(draft.head.revision));
    let summary = DraftSummary::of(draft.head, in_force_number(app).await?);
    let at = app.clock.now();
    let make = move || {
        let (document, errors, findings) = match rules {
            Ok(rules) => (Some(json::to_json(&rules)), Vec::new(), findings_of(&rules, at)),
            Err(error) => (None, field_errors(&error, "/document"), RuleFindings::default()),
        };
        DraftDetail { summary, document, errors, findings }
    };
    answer_aside(response, make).await
}

fn parse_id(text: &str) -> Result<DraftId, Problem> {
    text.parse().map_err(|_| Problem::not_found("There is no such draft."))
}
