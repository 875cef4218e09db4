//! What went wrong, as a document a program can act on. Source: RFC 9457.

use std::error::Error;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::request_id;
use crate::telemetry::Chain;

/// What `/docs/problems` shows.
const KINDS: &str = include_str!("../../docs/problems.md");

/// Media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Where the kinds of problems are explained; stable.
const TYPE_BASE: &str = "/docs/problems#";

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// The kind of problem, stable: `/docs/problems#not-found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words, the same for every problem of the kind.
    pub title: String,
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    /// One entry a bad field; absent when no field is to blame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Of a conflict of versions: what was published since `base`, and what that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub meanwhile: Option<serde_json::Value>,
    /// The request, as it stands in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One bad field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer into the request's body: `/hours/mon/0`.
    pub pointer: String,
    /// What is allowed there.
    pub detail: String,
}

impl Problem {
    /// A problem of a kind (lower-case words with dashes), with its title and what to do.
    #[must_use]
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{TYPE_BASE}{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            meanwhile: None,
            request_id: None,
        }
    }

    /// Nobody we know is asking.
    #[must_use]
    pub fn unauthorised() -> Self {
        let detail = "Send `Authorization: Bearer <operator token>` with a token from server.operator_tokens.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", "Not signed in", detail)
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// The body cannot be used.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be used", detail)
    }

    /// The body can be read, but fields of it cannot be used.
    #[must_use]
    pub fn bad_fields(errors: Vec<FieldError>) -> Self {
        let problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad-fields",
            "Some fields cannot be used",
            "Mend the fields listed in `errors` and send the request again.",
        );
        Self { errors, ..problem }
    }

    /// The thing is in a state that forbids this now.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Not possible now", detail)
    }

    /// Something we need is down; the same request may succeed later. Why, with all its causes, is in the log.
    #[must_use]
    pub fn unavailable<E: Error>(error: E) -> Self {
        let request_id = request_id::find_current().unwrap_or_default();
        tracing::warn!(request.id = request_id, error = %Chain(&error), "a request of the API could not be answered");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable", error.to_string())
    }

    /// A fault of ours; the cause is in the log, not here.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "Try again; if it happens again, give `request_id` to the operator.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// Names the request.
    #[must_use]
    pub fn of_request(self, request_id: impl Into<String>) -> Self {
        Self { request_id: Some(request_id.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        response.insert_header(("Cache-Control", "no-store"));
        // Serialising cannot fail: the document is text and small numbers.
        let request_id = self.request_id.clone().or_else(request_id::find_current);
        let body = serde_json::to_vec(&Self { request_id, ..self.clone() }).unwrap_or_default();
        response.content_type(CONTENT_TYPE).body(body)
    }
}

/// The page that every `type` leads to.
pub async fn explain() -> HttpResponse {
    HttpResponse::Ok().content_type("text/markdown; charset=utf-8").body(KINDS)
}

/// The answer to a path that does not exist.
///
/// # Errors
/// Always: 404.
pub async fn not_found(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let path: String = request.path().chars().take(200).collect();
    Err(Problem::not_found(format!("There is nothing at {} {path}.", request.method())))
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    #[actix_web::test]
    async fn a_problem_is_told_as_rfc_9457_says() {
        let fields = vec![FieldError { pointer: "/name".into(), detail: "1 to 80 characters".into() }];
        let response = Problem::bad_fields(fields).of_request("r-1").error_response();
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers().get("content-type").unwrap(), CONTENT_TYPE);
        let body: serde_json::Value = serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "/docs/problems#bad-fields", "title": "Some fields cannot be used", "status": 422,
                "detail": "Mend the fields listed in `errors` and send the request again.",
                "errors": [{"pointer": "/name", "detail": "1 to 80 characters"}], "request_id": "r-1"
            })
        );
    }
}
