//! One request as the handlers see it, and the answers they give.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::world::Object;

/// One file of a multipart form.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) field: String,
    pub(super) filename: String,
    pub(super) content_type: String,
    pub(super) bytes: Bytes,
}

/// A request, parsed.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// The parts of the path that the route leaves open, in order.
    pub(super) parts: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: BTreeMap<String, String>,
    /// The JSON body, or the fields of a form.
    pub(super) body: Object,
    pub(super) uploads: Vec<Upload>,
}

impl Call {
    /// An open part of the path as an id; anything else is nobody's id.
    pub(super) fn id(&self, place: usize) -> Result<i64, Answer> {
        self.parts.get(place).and_then(|part| part.parse().ok()).ok_or_else(Answer::not_found)
    }

    /// An open part of the path as text.
    pub(super) fn part(&self, place: usize) -> &str {
        self.parts.get(place).map_or("", String::as_str)
    }

    /// A query parameter, the last of that name.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter as a whole number.
    pub(super) fn query_number(&self, name: &str) -> Option<i64> {
        self.query(name)?.parse().ok()
    }

    /// A value of the body; JSON null and the word "null" are none.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.body.get(name).filter(|value| !value.is_null() && value.as_str() != Some("null"))
    }

    /// A text of the body.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str()
    }

    /// A number of the body, which forms send as text.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        number(self.value(name)?)
    }

    /// The numbers of a list in the body: integers only, as Chatwoot subtracts them from integers.
    pub(super) fn numbers(&self, name: &str) -> Vec<i64> {
        self.value(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_i64).collect()
    }

    /// An object of the body, empty when absent.
    pub(super) fn object(&self, name: &str) -> Object {
        self.value(name).and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// The object under `wrapper`, which Rails fills from the top level when it is not sent.
    pub(super) fn wrapped(&self, wrapper: &str) -> Result<Object, Answer> {
        match self.body.get(wrapper) {
            Some(Value::Object(inner)) if !inner.is_empty() => Ok(inner.clone()),
            None if !self.body.is_empty() => Ok(self.body.clone()),
            _ => Err(Answer::error(422, &format!("param is missing or the value is empty: {wrapper}"))),
        }
    }
}

/// A JSON number, or a text that holds one.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// What Rails takes for true.
pub(super) fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => !matches!(text.as_str(), "" | "0" | "f" | "false" | "off" | "F" | "FALSE"),
        Some(Value::Number(number)) => number.as_i64() != Some(0),
        _ => false,
    }
}

/// The body of an answer.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// Rendered by a controller.
    Json(Value),
    /// Rendered by Rails' own error pages: the charset is in capitals.
    ErrorPage(Value),
    /// Nothing, but called JSON.
    Empty,
    /// Nothing at all (204).
    None,
    /// Plain text.
    Text(&'static str),
    /// A file, with its type.
    File(Bytes, String),
    /// A redirect elsewhere.
    Redirect(String),
}

/// What a handler answers; a refusal is one too.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Body,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// An answer, or a refusal.
pub(super) type Outcome = Result<Answer, Answer>;

impl Answer {
    /// An answer of any form.
    pub(super) const fn new(status: u16, body: Body) -> Self {
        Self { status, body, headers: Vec::new() }
    }

    /// 200 with JSON.
    pub(super) const fn json(body: Value) -> Self {
        Self::new(200, Body::Json(body))
    }

    /// 200 without a body.
    pub(super) const fn empty() -> Self {
        Self::new(200, Body::Empty)
    }

    /// `{"error": …}`.
    pub(super) fn error(status: u16, text: &str) -> Self {
        Self::new(status, Body::Json(json!({ "error": text })))
    }

    /// 404 by a controller.
    pub(super) fn not_found() -> Self {
        Self::error(404, "Resource could not be found")
    }

    /// 401: every denial for want of a role or membership (contract 1.6).
    pub(super) fn denied() -> Self {
        Self::error(401, "You are not authorized to do this action")
    }

    /// 401: no credentials.
    pub(super) fn not_signed_in() -> Self {
        let text = "You need to sign in or sign up before continuing.";
        Self::new(401, Body::Json(json!({ "errors": [text] })))
    }

    /// 422 of a model validation.
    pub(super) fn invalid(attribute: &str, message: &str) -> Self {
        Self::new(422, Body::Json(json!({ "message": message, "attributes": [attribute] })))
    }

    /// Rails' own page for a status: unknown paths, broken bodies, exceptions.
    pub(super) fn page(status: u16, error: &str) -> Self {
        Self::new(status, Body::ErrorPage(json!({ "status": status, "error": error })))
    }

    /// 500: a bad enum value, a duplicate key, a nil where none may be.
    pub(super) fn broken() -> Self {
        Self::page(500, "Internal Server Error")
    }

    /// 404 before any controller.
    pub(super) fn no_page() -> Self {
        Self::page(404, "Not Found")
    }
}
