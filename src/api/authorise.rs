//! Who may use the API. One authoriser for every route; until people can sign in, it knows operators by their token.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, ResponseError, dev::Payload, get, web};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::future::{Ready, ready};
use subtle::{Choice, ConstantTimeEq};

use super::openapi::Refusals;
use super::problem::Problem;

/// Longest token looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 1_024;

/// Knows the operators' tokens, as digests.
#[derive(Clone)]
pub struct Authoriser {
    digests: Arc<[[u8; 32]]>,
}

impl Authoriser {
    /// Accepts exactly these tokens; none at all if the list is empty.
    #[must_use]
    pub fn new(operator_tokens: &[SecretString]) -> Self {
        let tokens = operator_tokens.iter().map(ExposeSecret::expose_secret);
        Self {
            digests: tokens
                .filter(|token| !token.is_empty())
                .map(|token| Sha256::digest(token.as_bytes()).into())
                .collect(),
        }
    }

    /// Whether one of the tokens was given. Takes the same time for every token: digests are compared, and all of them.
    fn knows(&self, token: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let found = self.digests.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(&given));
        bool::from(found)
    }

    fn authorise(&self, request: &ServiceRequest) -> Result<Operator, Problem> {
        let mut headers = request.headers().get_all(AUTHORIZATION);
        let (Some(header), None) = (headers.next(), headers.next()) else {
            return Err(Problem::unauthorised());
        };
        let token = header.to_str().ok().and_then(|header| header.split_once(' '));
        match token {
            Some((scheme, token))
                if scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_BYTES_MAX && self.knows(token) =>
            {
                Ok(Operator::of(token))
            }
            _ => Err(Problem::unauthorised()),
        }
    }
}

/// Proof that an operator asks. Only the authoriser makes one, so a handler that takes it cannot be reached without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// The first bytes of the token's digest.
    mark: [u8; 3],
}

impl Operator {
    fn of(token: &str) -> Self {
        let [first, second, third, ..]: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        Self { mark: [first, second, third] }
    }

    /// Who this is, for the audit: tells holders of different tokens apart, whatever their order in the settings, and gives
    /// nothing of the token away.
    #[must_use]
    pub fn name(self) -> String {
        format!("operator {}", hex::encode(self.mark))
    }
}

impl FromRequest for Operator {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().copied().ok_or_else(Problem::unauthorised))
    }
}

/// Lets a request through that carries a known token; answers 401 to every other, before any route is looked for.
pub(super) async fn authorise(
    authoriser: web::Data<Authoriser>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, actix_web::Error> {
    match authoriser.authorise(&request) {
        Ok(operator) => {
            request.extensions_mut().insert(operator);
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        // Written down here, while the request still has its name.
        Err(problem) => Ok(request.into_response(problem.error_response())),
    }
}

/// Who is asking.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Session {
    /// `operator`: whoever holds a token from the settings.
    pub role: &'static str,
}

/// Tells who is asking: the way to try a token.
#[utoipa::path(
    tag = "session",
    operation_id = "show_session",
    responses((status = 200, description = "The token is known.", body = Session), Refusals),
)]
#[get("/session")]
pub(super) async fn session(_: Operator) -> web::Json<Session> {
    web::Json(Session { role: "operator" })
}

#[cfg(test)]
mod tests {
    use actix_web::http::{Method, StatusCode};
    use actix_web::test::{TestRequest, init_service, read_body, try_call_service};
    use actix_web::{App, HttpResponse};

    use super::super::routes;
    use super::*;

    const TOKEN: &str = "an-operator-token-of-thirty-two-characters";

    async fn answer(authoriser: Authoriser, request: TestRequest) -> (StatusCode, String) {
        let register = |api: &mut web::ServiceConfig| {
            let handler = || async { HttpResponse::Ok().body("secret") };
            api.service(web::resource("/calls").route(web::get().to(handler)).route(web::post().to(handler)));
            api.service(web::resource("/calls/{id}").route(web::delete().to(handler)));
            api.service(session);
        };
        let app = init_service(App::new().service(routes(authoriser, register))).await;
        match try_call_service(&app, request.to_request()).await {
            Ok(response) => {
                let status = response.status();
                (status, String::from_utf8(read_body(response).await.to_vec()).unwrap())
            }
            Err(err) => {
                let response = err.error_response();
                (
                    response.status(),
                    String::from_utf8(actix_web::body::to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap(),
                )
            }
        }
    }

    fn known() -> Authoriser {
        Authoriser::new(&[SecretString::from("another-token-of-at-least-32-characters"), SecretString::from(TOKEN)])
    }

    #[actix_web::test]
    async fn every_route_refuses_without_a_token() {
        for method in
            [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS]
        {
            for path in [
                "/api/v1/calls",
                "/api/v1/calls/7",
                "/api/v1/session",
                "/api/v1",
                "/api/v1/",
                "/api/v1/nothing",
                "/api/v1//calls",
                "/api/v1/%63alls",
            ] {
                let (status, body) = answer(known(), TestRequest::default().method(method.clone()).uri(path)).await;
                // What the scope does not know at all is nobody's: then nothing is there.
                assert!(status == 401 || (status == 404 && body.is_empty()), "{method} {path}: {status} {body}");
                assert!(!body.contains("secret"), "{method} {path}");
            }
        }
        let (status, body) = answer(known(), TestRequest::get().uri("/api/v1/calls")).await;
        assert_eq!(status, 401);
        assert!(body.contains("/docs/problems#unauthorised"), "{body}");
    }

    #[actix_web::test]
    async fn only_a_whole_known_token_opens() {
        let upper = TOKEN.to_uppercase();
        let cases = [
            (format!("Bearer {TOKEN}"), 200),
            (format!("bearer {TOKEN}"), 200),
            (format!("Bearer {upper}"), 401),
            (format!("Bearer {TOKEN}x"), 401),
            (format!("Bearer {}", TOKEN.get(..40).unwrap()), 401),
            (format!("Bearer  {TOKEN}"), 401),
            (format!("Basic {TOKEN}"), 401),
            (TOKEN.to_owned(), 401),
            ("Bearer ".to_owned(), 401),
            (format!("Bearer {}", "x".repeat(5_000)), 401),
        ];
        for (header, expected) in cases {
            let (status, _) = answer(
                known(),
                TestRequest::get().uri("/api/v1/calls").insert_header(("Authorization", header.as_str())),
            )
            .await;
            assert_eq!(status, expected, "{header}");
        }
        let request = TestRequest::get().uri(&format!("/api/v1/calls?token={TOKEN}&authorization=Bearer%20{TOKEN}"));
        assert_eq!(answer(known(), request).await.0, 401, "a token in the address would be logged");
        let twice = TestRequest::get()
            .uri("/api/v1/calls")
            .append_header(("Authorization", format!("Bearer {TOKEN}")))
            .append_header(("Authorization", "Bearer other"));
        assert_eq!(answer(known(), twice).await.0, 401);
    }

    #[actix_web::test]
    async fn without_tokens_nobody_gets_in() {
        for tokens in [vec![], vec![SecretString::from("")]] {
            let request = TestRequest::get().uri("/api/v1/session").insert_header(("Authorization", "Bearer "));
            assert_eq!(answer(Authoriser::new(&tokens), request).await.0, 401);
        }
    }

    #[actix_web::test]
    async fn the_right_token_learns_who_asks_and_what_is_not_there() {
        let with =
            |path: &str| TestRequest::get().uri(path).insert_header(("Authorization", format!("Bearer {TOKEN}")));
        assert_eq!(
            answer(known(), with("/api/v1/session")).await,
            (StatusCode::OK, "{\"role\":\"operator\"}".to_owned())
        );
        let (status, body) = answer(known(), with("/api/v1/nothing")).await;
        assert_eq!(status, 404);
        assert!(body.contains("There is nothing at GET /api/v1/nothing."), "{body}");
    }
}
