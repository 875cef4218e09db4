//! Documents of rules on the wire: JSON or a routing file, by content type; and what is told of them when they are refused.

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, SchemaType, Type};

use super::Problem;
use super::problem::FieldError;
use super::rules::VersionSummary;
use crate::publishing::Refused;
use crate::rules::Rules;
use crate::rules::diff::Change;
use crate::rules::file::{Fault, RoutingFileError};
use crate::rules::lint::{self, Finding, lint};
use crate::switchboard::reading::aside;

/// Media type of a routing file. Source: TOML 1.0, "MIME Type".
pub(super) const TOML: &str = "application/toml";

/// One difference between two sets of rules.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RuleChange {
    /// Where, by the names of things: `/brand/acme-movers/hours/mon`.
    path: String,
    /// What stood there; null if nothing did.
    #[schema(required, schema_with = anything)]
    before: Option<Value>,
    /// What stands there now; null if nothing does.
    #[schema(required, schema_with = anything)]
    after: Option<Value>,
}

/// What is allowed and probably not meant. The codes are explained in docs/routing.md.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RuleFinding {
    /// What was found: `no_coverage`.
    code: &'static str,
    /// `error`, `warning` or `hint`.
    severity: Severity,
    /// JSON pointer into the document; the field may be absent.
    pointer: String,
    /// What will happen, and what to do.
    message: String,
}

/// What is allowed and probably not meant.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct RuleFindings {
    /// The gravest first, at most 500.
    findings: Vec<RuleFinding>,
    /// How many there are, told or not.
    findings_total: usize,
}

/// What lint finds in rules as they would work from `at` on.
pub(super) fn findings_of(rules: &Rules, at: DateTime<Utc>) -> RuleFindings {
    let told = |finding: Finding| RuleFinding {
        code: finding.code.as_str(),
        severity: finding.severity.into(),
        pointer: finding.pointer,
        message: finding.message,
    };
    let report = lint(rules, at);
    RuleFindings { findings: report.findings.into_iter().map(told).collect(), findings_total: report.total }
}

/// An answer that takes long to make, since it holds all of the rules or looks at all of them.
pub(super) async fn answer_aside<T: Serialize>(
    mut response: HttpResponseBuilder,
    make: impl FnOnce() -> T + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let body = aside(move || serde_json::to_vec(&make())).await.map_err(|_| Problem::internal())?;
    Ok(response.content_type("application/json").body(body))
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FindingSeverity)]
pub enum Severity {
    /// Some callers will certainly not get what the rules say.
    Error,
    /// Probably not meant.
    Warning,
    /// Good to know.
    Hint,
}

impl From<lint::Severity> for Severity {
    fn from(severity: lint::Severity) -> Self {
        match severity {
            lint::Severity::Error => Self::Error,
            lint::Severity::Warning => Self::Warning,
            lint::Severity::Hint => Self::Hint,
        }
    }
}

impl From<Change> for RuleChange {
    fn from(change: Change) -> Self {
        Self { path: change.path, before: change.before, after: change.after }
    }
}

pub(super) fn changes_of(changes: Vec<Change>) -> Vec<RuleChange> {
    changes.into_iter().map(RuleChange::from).collect()
}

fn anything() -> Object {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).build()
}

/// The JSON form of a routing file; its fields are told in docs/routing.md.
pub(super) fn document_schema() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some(
            "The JSON form of a routing file: fields of the same names, told in docs/routing.md. Null where the stored text \
             cannot be read any more; as `application/toml` it can still be had.",
        ))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .build()
}

/// What came in: its fields, and the routing file if it is one.
pub(super) enum Sent<T> {
    /// JSON.
    Json(T),
    /// A routing file; the other fields are in the query.
    Toml(String),
}

/// Reads a body by its content type; an empty one is an empty object.
pub(super) fn read_sent<T: DeserializeOwned>(
    request: &HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<Sent<T>, Problem> {
    let body = read_body(body)?;
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        TOML => {
            let text = String::from_utf8(body.to_vec());
            text.map(Sent::Toml).map_err(|_| Problem::bad_request("The routing file is not UTF-8 text."))
        }
        "application/json" | "" => read_json(&body).map(Sent::Json),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body's type is not known",
            format!("Send application/json or {TOML}."),
        )),
    }
}

/// Reads a JSON body; an empty one is an empty object.
pub(super) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("The body cannot be used: {error}.")))
}

pub(super) fn read_body(body: Result<web::Bytes, actix_web::Error>) -> Result<web::Bytes, Problem> {
    body.map_err(|error| match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The body is too large",
            "Send less, or let the operator raise server.api_body_max_bytes.",
        ),
        _ => Problem::bad_request("The body could not be read."),
    })
}

/// Whether a routing file is asked for.
pub(super) fn wants_toml(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    let mut kinds = accepted.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kinds.any(|kind| kind.eq_ignore_ascii_case(TOML))
}

/// A routing file as an answer.
pub(super) fn toml_answer(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type(TOML).insert_header(("Cache-Control", "no-store")).body(text)
}

/// A draft's revision as its entity tag. Source: RFC 9110, section 8.8.3.
pub(super) fn entity_tag(revision: u32) -> (actix_web::http::header::HeaderName, String) {
    (ETAG, format!("\"{revision}\""))
}

/// The revision that `If-Match` names. Source: RFC 9110, section 13.1.1, and RFC 6585, section 3.
pub(super) fn expected_revision(request: &HttpRequest) -> Result<u32, Problem> {
    let Some(header) = request.headers().get(IF_MATCH) else {
        return Err(Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition-required",
            "The revision is needed",
            "Send `If-Match` with the draft's ETag, so that nobody's work is lost.",
        ));
    };
    let named = header.to_str().ok().map(|tag| tag.trim().trim_start_matches('"').trim_end_matches('"'));
    named
        .and_then(|tag| tag.parse().ok())
        .ok_or_else(|| Problem::bad_request("`If-Match` is no ETag of a draft, such as \"3\"."))
}

/// Bad fields of a document; in JSON it stands below `document`.
pub(super) fn field_errors(error: &RoutingFileError, below: &str) -> Vec<FieldError> {
    let told = |fault: &Fault| FieldError {
        pointer: format!("{below}{}", fault.pointer),
        detail: fault.line.map_or_else(|| fault.message.clone(), |line| format!("line {line}: {}", fault.message)),
    };
    error.faults.iter().map(told).collect()
}

/// Bad fields of a copy, in what was sent: fields of `new`, or else `parts`, with the place in the document told in words.
fn errors_of_copy(new: Option<usize>, error: &RoutingFileError) -> Vec<FieldError> {
    let below = |pointer: &str, detail: String| FieldError { pointer: pointer.to_owned(), detail };
    let elsewhere = |pointer: &str| {
        let told = |fault: &Fault| below(pointer, format!("{} ({})", fault.message, fault.pointer));
        error.faults.iter().map(told).collect::<Vec<_>>()
    };
    let Some(place) = new else {
        return elsewhere("/parts");
    };
    let sent = |fault: &Fault| {
        let field = fault.pointer.strip_prefix(&format!("/brand/{place}/"))?;
        let is_sent = ["id", "name", "inbox"].contains(&field);
        is_sent.then(|| below(&format!("/new/{field}"), fault.message.clone()))
    };
    let told: Vec<_> = error.faults.iter().filter_map(sent).collect();
    // A bad id makes more of them, within the brand; they say nothing new.
    if told.is_empty() { elsewhere("/new") } else { told }
}

/// What was published since the version that a change was made from.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Since {
    base: u32,
    in_force: u32,
    published: Vec<VersionSummary>,
    changes: Option<Vec<RuleChange>>,
}

/// What a refusal is told as; `below` is where the document stands in the request.
pub(super) fn problem_of(refused: Refused, below: &str) -> Problem {
    match refused {
        Refused::Faults(error) => Problem::bad_fields(field_errors(&error, below)),
        Refused::Copy { new, faults } => Problem::bad_fields(errors_of_copy(new, &faults)),
        Refused::Absent { what, name } => Problem::not_found(format!("There is no {what} {name}.")),
        Refused::Meanwhile(meanwhile) => {
            let in_force = meanwhile.in_force;
            let since = Since {
                base: meanwhile.base,
                in_force,
                published: meanwhile.published.into_iter().map(|head| VersionSummary::of(head, in_force)).collect(),
                changes: meanwhile.changes.map(changes_of),
            };
            let problem = Problem::conflict(format!(
                "This was made from version {}, and version {in_force} is in force: `meanwhile` tells what changed. Bring the \
                 change up to version {in_force}, save it with `base` {in_force}, and publish again.",
                meanwhile.base
            ));
            Problem { meanwhile: Some(json!(since)), ..problem }
        }
        Refused::DraftChanged => Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition-failed",
            "Saved by somebody else",
            "The draft was saved since you read it. Read it again and repeat your change.",
        ),
        Refused::Unreadable { version, cause } => {
            let problem = Problem::conflict(format!("Version {version} cannot be read; `errors` tells why."));
            Problem { errors: field_errors(&cause, ""), ..problem }
        }
        Refused::TooManyDrafts | Refused::Contended => Problem::conflict(format!("{refused}.")),
        Refused::Field { field, allowed } => {
            Problem::bad_fields(vec![FieldError { pointer: format!("/{field}"), detail: allowed }])
        }
        Refused::Store(error) => Problem::unavailable(error),
    }
}

/// Where a note may stand beside nothing else.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishInput {
    /// Why, for the list of versions: 1 to 500 characters. The draft's name, if absent.
    pub(super) note: Option<String>,
}
