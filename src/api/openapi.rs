//! The API told as a document that programs read: OpenAPI 3.1, made from the registrations themselves.
//!
//! `docs/openapi.json` is its printed form, and the dashboard's types are made from that; tests see that neither is stale.

use std::collections::BTreeMap;

use actix_web::App;
use utoipa::IntoResponses;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa_actix_web::{AppExt, scope};

use super::problem::CONTENT_TYPE;
use super::{BASE, Problem, resources};

/// What every operation may answer besides its own.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let told = [
            ("401", "No token was sent, or none that is known."),
            ("500", "Something of ours broke."),
            ("503", "The database cannot be reached; the same request may succeed later."),
        ];
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        told.into_iter()
            .map(|(status, words)| {
                let response = ResponseBuilder::new().description(words).content(CONTENT_TYPE, problem.clone()).build();
                (status.to_owned(), RefOr::T(response))
            })
            .collect()
    }
}

/// That an operation may answer with this status, told as a problem.
pub(super) struct Told<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for Told<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let words = match STATUS {
            400 => "The request cannot be used.",
            404 => "There is no such thing.",
            409 => "Not possible now; `meanwhile` tells what was published since, if that is why.",
            412 => "It was saved by somebody else since it was read.",
            413 => "The body is too large.",
            415 => "The body's type is not known.",
            422 => "Some fields cannot be used; `errors` names each.",
            428 => "`If-Match` is needed.",
            _ => "It was refused.",
        };
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description(words).content(CONTENT_TYPE, problem).build();
        BTreeMap::from([(STATUS.to_string(), RefOr::T(response))])
    }
}

/// The head of the document.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Offhook",
        description = "Calls of a team that works in Chatwoot. Whatever goes wrong is told as a problem document (RFC 9457).",
        license(name = "MIT", identifier = "MIT"),
    ),
    security(("operator_token" = [])),
    components(schemas(Problem)),
    tags(
        (name = "session", description = "Who is asking."),
        (name = "calls", description = "Calls, each with its history."),
        (name = "rules", description = "What ops publish: versions, drafts, differences. The document is JSON or a routing file."),
        (name = "rehearsals", description = "What would happen: a call that nobody has made, and stored calls under a draft."),
        (name = "agents", description = "Agents' phones, as the carrier sees them."),
        (name = "switches", description = "What is on for a whole brand until an instant: overrides and declared floods."),
        (name = "supervisors", description = "Who may override by keypad, and their codes."),
        (name = "audit", description = "Who changed what, and when."),
        (name = "outbox", description = "What could not be delivered and was given up."),
        (name = "callback tasks", description = "Whom the team owes a call, and by when."),
    ),
)]
struct Head;

/// The document: every operation that is registered, and the token that opens them.
#[must_use]
pub fn document() -> OpenApi {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(<Head as utoipa::OpenApi>::openapi())
        .service(scope(BASE).configure(resources))
        .split_for_parts();
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token from server.operator_tokens."))
        .build();
    document
        .components
        .get_or_insert_with(Components::new)
        .add_security_scheme("operator_token", SecurityScheme::Http(token));
    document
}

/// The document as it is printed: indented, with a line break at the end.
///
/// # Errors
/// When it cannot be written as JSON, which would be a fault of this program.
pub fn print() -> serde_json::Result<String> {
    // Through a value, whose keys are sorted: the same document is the same text.
    let value = serde_json::to_value(document())?;
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::test::{TestRequest, init_service, read_body_json, try_call_service};
    use secrecy::SecretString;
    use serde_json::Value;

    use super::super::{Authoriser, register, routes};
    use super::*;

    const TOKEN: &str = "an-operator-token-of-thirty-two-characters";

    /// Method, path and description of each operation.
    fn operations() -> Vec<(Method, String, Value)> {
        let document = serde_json::to_value(document()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let mut found = Vec::new();
        for (path, item) in paths {
            for (method, operation) in item.as_object().unwrap() {
                let method: Method = method.to_uppercase().parse().unwrap();
                found.push((method, path.clone(), operation.clone()));
            }
        }
        found
    }

    #[test]
    fn the_printed_document_is_the_one_in_docs() {
        let stored = include_str!("../../docs/openapi.json");
        assert!(stored == print().unwrap(), "stale: cargo run -- openapi > docs/openapi.json");
    }

    #[actix_web::test]
    async fn every_operation_of_the_document_exists_and_refuses_without_a_token() {
        let authoriser = Authoriser::new(&[SecretString::from(TOKEN)]);
        let app = init_service(App::new().service(routes(authoriser, register))).await;
        assert!(operations().len() >= 3);
        for (method, path, operation) in operations() {
            assert!(path.starts_with("/api/v1/"), "{path}");
            let uri = path
                .replace("{id}", "00000000-0000-7000-8000-000000000000")
                .replace("{version}", "7")
                .replace("{brand}", "acme-movers");
            let request = || TestRequest::default().method(method.clone()).uri(&uri);
            let refused = try_call_service(&app, request().to_request()).await.unwrap();
            assert_eq!(refused.status(), 401, "{method} {path}");
            assert_eq!(refused.headers().get("content-type").unwrap(), CONTENT_TYPE, "{method} {path}");
            assert!(operation["responses"]["401"].is_object(), "{method} {path} does not tell of 401");

            let known = request().insert_header(("Authorization", format!("Bearer {TOKEN}")));
            let reached = try_call_service(&app, known.to_request()).await;
            let status = reached.as_ref().map_or_else(|error| error.error_response().status(), |reply| reply.status());
            if status == 404 {
                let body: Value = read_body_json(reached.unwrap()).await;
                panic!("{method} {path} is told and is not there: {body}");
            }
        }
    }

    /// A handler is behind the authoriser by taking an `Operator`, and in the document by `utoipa::path` and `service`.
    #[test]
    fn every_route_is_in_the_document() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/api")).unwrap();
        let files: Vec<_> =
            folder.map(|file| file.unwrap().path()).filter(|path| !path.ends_with("openapi.rs")).collect();
        let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap();
        let sources: Vec<String> =
            files.iter().map(|path| read(path).split("#[cfg(test)]").next().unwrap_or_default().to_owned()).collect();
        let count = |what: &str| sources.iter().map(|text| text.matches(what).count()).sum::<usize>();
        assert_eq!(
            count(": Operator,") + count("(_: Operator)"),
            operations().len(),
            "a handler is not in the document"
        );
        assert_eq!(count("#[utoipa::path("), operations().len(), "a handler is described and not registered");
        for way_around in [".route(", "web::resource(", ".map("] {
            let registering = include_str!("mod.rs");
            assert!(!registering.contains(way_around), "`{way_around}` registers without taking note for the document");
        }
    }

    #[test]
    fn operations_have_one_name_each_and_words() {
        let mut names = std::collections::BTreeSet::new();
        for (method, path, operation) in operations() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name), "{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|words| words.ends_with('.')), "{method} {path}");
        }
        let document = serde_json::to_value(document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["components"]["securitySchemes"]["operator_token"]["scheme"], "bearer");
    }
}
