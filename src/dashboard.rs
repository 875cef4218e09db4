//! Hands out the built front end from inside the binary.
//!
//! What `npm run build` left in `dashboard-app/dist` is compiled in (a debug build reads the folder instead). The pages
//! live at `/app/`, in a frame of Chatwoot and on their own; only the configured addresses of Chatwoot may frame them.
//! A build without the folder still compiles and says what is missing when a page is asked for.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    self, CACHE_CONTROL, CONTENT_SECURITY_POLICY, EntityTag, Header, HeaderName, HeaderValue, IfNoneMatch,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::json;
use tracing::warn;
use url::Url;

/// The built front end.
#[derive(RustEmbed)]
#[folder = "dashboard-app/dist"]
#[allow_missing = true]
struct FrontEnd;

/// How long a browser may keep a file whose name holds a hash of its content: a year, the usual "for ever".
const HASHED_ASSET: &str = "public, max-age=31536000, immutable";
/// A page is asked for again each time and answered with 304 while it is the same.
const PAGE: &str = "no-cache";
/// Nothing may be loaded from anywhere else, and no form may be sent anywhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'";
/// No page of ours asks for a sensor, a payment or the whole screen. Inside a frame of Chatwoot all of them are
/// refused anyway (contract of Chatwoot, section 8.5).
const PERMISSIONS: &str =
    "camera=(), display-capture=(), fullscreen=(), geolocation=(), microphone=(), payment=(), usb=()";

/// What the pages may be told and who may frame them, worked out once.
#[derive(Debug, Clone)]
struct Settings {
    origins: Vec<String>,
    policy: HeaderValue,
}

impl Settings {
    fn new(origins: &[String]) -> Self {
        let origins: Vec<String> = origins.iter().filter_map(|text| parse_origin(text)).collect();
        let ancestors = if origins.is_empty() { "'none'".to_owned() } else { origins.join(" ") };
        let policy = HeaderValue::try_from(format!("{POLICY}; frame-ancestors {ancestors}"))
            .unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        Self { origins, policy }
    }
}

/// Scheme, host and port of an `http` or `https` address, as a browser writes an origin. Anything else is left out of
/// the policy, with a warning: a half-understood address must not widen who may frame us.
fn parse_origin(text: &str) -> Option<String> {
    let origin = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .map(|url| url.origin().ascii_serialization());
    if origin.is_none() {
        warn!(address = text, "Not an http or https address; Chatwoot at this address cannot show the pages");
    }
    origin
}

/// The routes of the pages: `/app/`, its assets, and `/app/settings.json`.
///
/// `origins` are the addresses of Chatwoot that may show the pages in a frame, such as `https://chat.example.com`; a
/// path behind the host is ignored. Empty means that nobody may. Source: contract of Chatwoot, section 8.4.
pub fn routes(origins: &[String]) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
    let settings = Settings::new(origins);
    move |config: &mut ServiceConfig| {
        config.service(
            web::scope("/app")
                .app_data(web::Data::new(settings.clone()))
                .service(read("", add_slash))
                .service(read("/", page))
                .service(read("/settings.json", show_settings))
                .service(read("/{path:.+}", page)),
        );
    }
}

/// A resource that can be read and nothing else.
pub(crate) fn read<F, Args>(path: &str, handler: F) -> actix_web::Resource
where
    F: actix_web::Handler<Args> + Clone,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    web::resource(path).route(web::get().to(handler.clone())).route(web::head().to(handler))
}

async fn add_slash() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "app/")).finish()
}

async fn page(request: HttpRequest, settings: web::Data<Settings>) -> HttpResponse {
    let path = match request.match_info().query("path") {
        "" => "index.html",
        path => path,
    };
    protect(asset(path, &request), settings.policy.clone())
}

/// What a page must know before anybody has signed in: whose messages to believe.
async fn show_settings(settings: web::Data<Settings>) -> HttpResponse {
    let body = json!({ "chatwoot_origins": settings.origins });
    let mut answer = HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body);
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// One file of the built front end, or 404; 503 when the program was built without a front end.
///
/// `path` is below `dist`, such as `index.html` or `assets/index-abc.js`. Answers 304 to a request that names the
/// present content. The security headers are the caller's, by [`protect`].
pub(crate) fn asset(path: &str, request: &HttpRequest) -> HttpResponse {
    // The sandbox's page is of no use without the stand-ins.
    let is_left_out = path == "sandbox.html" && cfg!(not(feature = "sandbox"));
    if let Some(EmbeddedFile { data, metadata, .. }) = FrontEnd::get(path).filter(|_| !is_left_out) {
        return answer(path, data, metadata.sha256_hash(), request);
    }
    if path.ends_with(".html") && FrontEnd::iter().next().is_none() {
        return HttpResponse::ServiceUnavailable().content_type("text/plain; charset=utf-8").body(
            "This build has no pages. Run `npm ci && npm run build` in dashboard-app/ and build the program again.",
        );
    }
    HttpResponse::NotFound().finish()
}

fn answer(path: &str, data: Cow<'static, [u8]>, hash: [u8; 32], request: &HttpRequest) -> HttpResponse {
    let tag = EntityTag::new_strong(hex::encode(hash));
    let known = IfNoneMatch::parse(request).is_ok_and(|asked| match asked {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|one| one.weak_eq(&tag)),
    });
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let keep = if path.starts_with("assets/") { HASHED_ASSET } else { PAGE };
    let mut answer = HttpResponse::build(status);
    answer.insert_header(header::ETag(tag)).insert_header((CACHE_CONTROL, keep));
    if known {
        return answer.finish();
    }
    let body = match data {
        Cow::Borrowed(bytes) => web::Bytes::from_static(bytes),
        Cow::Owned(bytes) => web::Bytes::from(bytes),
    };
    answer.content_type(content_type(path)).body(body)
}

/// Adds the headers every page and asset carries. There is no `X-Frame-Options`: it would forbid Chatwoot's frame too,
/// and `frame-ancestors` in `policy` says more precisely who may.
pub(crate) fn protect(mut answer: HttpResponse, policy: HeaderValue) -> HttpResponse {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS));
    answer
}

/// By the end of the name. With `nosniff` a wrong one would stop a script from running, so the list is our own.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use actix_web::{App, body};

    use super::*;

    fn header_of(answer: &HttpResponse, name: &str) -> String {
        answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[actix_web::test]
    async fn an_asset_has_its_type_its_tag_and_a_long_life() {
        let given = answer("assets/a-1.js", Cow::Borrowed(b"1"), [7; 32], &TestRequest::get().to_http_request());
        assert_eq!(given.status(), 200);
        assert_eq!(header_of(&given, "content-type"), "text/javascript; charset=utf-8");
        assert_eq!(header_of(&given, "cache-control"), HASHED_ASSET);
        let tag = header_of(&given, "etag");
        assert_eq!(tag, format!("\"{}\"", "07".repeat(32)));

        let again = TestRequest::get().insert_header(("if-none-match", tag)).to_http_request();
        let given = answer("assets/a-1.js", Cow::Borrowed(b"1"), [7; 32], &again);
        assert_eq!(given.status(), 304);
        assert!(body::to_bytes(given.into_body()).await.unwrap().is_empty());
    }

    #[actix_web::test]
    async fn a_changed_page_is_sent_again() {
        let stale = TestRequest::get().insert_header(("if-none-match", "\"old\"")).to_http_request();
        let given = answer("index.html", Cow::Owned(b"<p>".to_vec()), [1; 32], &stale);
        assert_eq!((given.status().as_u16(), header_of(&given, "cache-control").as_str()), (200, PAGE));
    }

    #[actix_web::test]
    async fn only_the_configured_chatwoot_may_frame_the_pages() {
        let origins = ["https://chat.example.com/app".to_owned(), "javascript:1; frame-ancestors *".to_owned()];
        let app = init_service(App::new().configure(routes(&origins))).await;
        for path in ["/app/", "/app/assets/none.js"] {
            let given = call_service(&app, TestRequest::get().uri(path).to_request()).await;
            let policy = given.headers().get("content-security-policy").unwrap().to_str().unwrap();
            assert_eq!(policy, format!("{POLICY}; frame-ancestors https://chat.example.com"));
            assert!(given.headers().get("x-frame-options").is_none());
            assert_eq!(given.headers().get("referrer-policy").unwrap(), "no-referrer");
            assert_eq!(given.headers().get("x-content-type-options").unwrap(), "nosniff");
            assert_eq!(given.headers().get("permissions-policy").unwrap(), PERMISSIONS);
        }
        let given = call_service(&app, TestRequest::get().uri("/app/settings.json").to_request()).await;
        let settings: serde_json::Value = read_body_json(given).await;
        assert_eq!(settings, json!({ "chatwoot_origins": ["https://chat.example.com"] }));
    }

    #[actix_web::test]
    async fn without_a_chatwoot_nobody_may_frame_the_pages() {
        let settings = Settings::new(&[]);
        assert!(settings.policy.to_str().unwrap().ends_with("; frame-ancestors 'none'"));
    }

    #[actix_web::test]
    async fn the_address_without_a_slash_leads_to_the_one_with_it() {
        let app = init_service(App::new().configure(routes(&[]))).await;
        let given = call_service(&app, TestRequest::get().uri("/app").to_request()).await;
        assert_eq!(
            (given.status().as_u16(), given.headers().get("location").unwrap().to_str().unwrap()),
            (308, "app/")
        );
    }

    #[actix_web::test]
    async fn nothing_outside_the_built_folder_is_handed_out() {
        let app = init_service(App::new().configure(routes(&[]))).await;
        for path in ["/app/../Cargo.toml", "/app/..%2fpackage.json", "/app/%2e%2e/package.json", "/app//etc/passwd"] {
            let given = call_service(&app, TestRequest::get().uri(path).to_request()).await;
            assert_eq!(given.status(), 404, "{path}");
        }
    }
}
