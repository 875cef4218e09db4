//! Which door is at which path; body limits, request ids, deadlines, graceful shutdown.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App as ActixApp, Error, HttpRequest, HttpResponse, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::api::{self, Authoriser, request_id};
use crate::app::App;
use crate::call::effect::Neighbour;
use crate::chatwoot::door::{self as chatwoot_door, ChatwootDoor};
use crate::dashboard;
use crate::telemetry::{Chain, metric};
use crate::twilio::door as twilio_door;
use crate::twilio::urls::Door;

/// Requests from one neighbour at a time; more wait in the socket's queue.
const WORKERS: usize = 2;

/// The body of a webhook comes within so long. Both neighbours send some kilobytes at once.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// Everything the service answers.
pub fn routes(app: Arc<App>, metrics: PrometheusHandle) -> impl Fn(&mut web::ServiceConfig) + Clone {
    let origins = frame_origins(&app);
    let authoriser = Authoriser::new(&app.settings.server.operator_tokens);
    move |config: &mut web::ServiceConfig| {
        let twilio = web::resource(Door::ALL.iter().map(|door| door.path()).collect::<Vec<_>>())
            .route(web::post().to(receive_twilio));
        let chatwoot = web::resource(chatwoot_door::PATH)
            .app_data(web::Data::from(Arc::clone(&app.chatwoot_door)))
            .route(web::post().to(receive_chatwoot));
        config
            .app_data(web::Data::from(Arc::clone(&app)))
            .app_data(web::Data::new(metrics.clone()))
            .app_data(web::PayloadConfig::new(app.settings.server.api_body_max_bytes))
            .service(twilio)
            .service(chatwoot)
            .route("/audio/{name}", web::get().to(twilio_door::serve_audio))
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(readyz))
            .route("/version", web::get().to(version))
            .route("/metrics", web::get().to(show_metrics))
            .route("/docs/problems", web::get().to(api::problem::explain))
            .service(api::routes(authoriser.clone(), api::register));
        #[cfg(feature = "test-seams")]
        config.configure(crate::seams::routes);
        config.configure(dashboard::routes(&origins));
    }
}

async fn receive_twilio(request: HttpRequest, body: web::Payload, app: web::Data<App>) -> HttpResponse {
    let body = match read_soon(body, app.settings.server.webhook_body_max_bytes).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    match Door::find(request.path()) {
        Some(door) => app.twilio_door.receive(door, &request, &body).await,
        None => HttpResponse::NotFound().finish(),
    }
}

async fn receive_chatwoot(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    door: web::Data<ChatwootDoor>,
) -> HttpResponse {
    match read_soon(body, app.settings.server.api_body_max_bytes).await {
        Ok(body) => chatwoot_door::receive(request, body, door).await,
        Err(refusal) => refusal,
    }
}

/// The whole body, if it comes soon: nobody is known yet, and whoever sends a byte now and then holds a connection.
/// Source: threat T-34.
async fn read_soon(body: web::Payload, max_bytes: usize) -> Result<web::Bytes, HttpResponse> {
    match tokio::time::timeout(BODY_WITHIN, body.to_bytes_limited(max_bytes)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(broken))) => Err(HttpResponse::from_error(broken)),
        Ok(Err(_too_large)) => Err(HttpResponse::PayloadTooLarge().force_close().finish()),
        Err(_elapsed) => Err(HttpResponse::RequestTimeout().force_close().finish()),
    }
}

fn frame_origins(app: &App) -> Vec<String> {
    let chatwoot = app.settings.chatwoot.base_url.as_ref().map(|url| url.origin().ascii_serialization());
    let mut origins = app.settings.chatwoot.frame_origins.clone();
    origins.extend(chatwoot);
    origins.sort();
    origins.dedup();
    origins
}

/// The process lives; no dependency is touched.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

async fn version() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "name": "offhook", "version": env!("CARGO_PKG_VERSION") }))
}

/// Whether calls can be taken: the store can be written to and there are rules. Neighbours are shown and do not count.
async fn readyz(app: web::Data<App>) -> HttpResponse {
    let store = app.store.ping().await;
    let rules = app.switchboard.rulebook().load_current().await;
    let rules_version = rules.as_ref().ok().and_then(|rules| rules.as_ref().map(|(version, _)| *version));
    let is_ready = store.is_ok() && rules_version.is_some();
    let waiting = app.store.count_effects_due().await.ok();
    let body = json!({
        "ready": is_ready,
        "dependencies": {
            "database": { "ok": store.is_ok(), "error": store.err().map(|error| error.to_string()) },
            "rules": {
                "ok": rules_version.is_some(),
                "version": rules_version,
                // Why, is for people who may see the rules: the banner tells them.
                "broken_version": app.switchboard.rulebook().find_trouble().map(|trouble| trouble.version),
            },
            "twilio": { "ok": is_up(&app, Neighbour::Carrier) },
            "chatwoot": { "ok": is_up(&app, Neighbour::Inbox) },
            "outbox": { "ok": waiting.is_some(), "waiting": waiting },
        },
    });
    if is_ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

/// Whether a neighbour answers, by the last few requests. Calls go on without either.
fn is_up(app: &App, neighbour: Neighbour) -> bool {
    match neighbour {
        Neighbour::Carrier | Neighbour::Recordings => {
            app.switchboard.circuit(neighbour).is_none_or(|circuit| circuit.is_closed())
        }
        Neighbour::Inbox => app.is_chatwoot_answering(),
    }
}

async fn show_metrics(app: web::Data<App>, metrics: web::Data<PrometheusHandle>) -> HttpResponse {
    let now = app.clock.now();
    match app.store.load_figures(now).await {
        Ok(figures) => {
            metrics::gauge!(metric::CALLS_LIVE).set(figures.calls_live);
            metrics::gauge!(metric::LEGS_LIVE).set(figures.legs_live);
            metrics::gauge!(metric::OUTBOX_DEAD).set(figures.dead.count);
            for (neighbour, waiting) in [("twilio", figures.carrier), ("chatwoot", figures.inbox)] {
                let age = waiting.oldest.and_then(|oldest| (now - oldest).to_std().ok()).unwrap_or_default();
                metrics::gauge!(metric::OUTBOX_WAITING, "neighbour" => neighbour).set(waiting.count);
                metrics::gauge!(metric::OUTBOX_OLDEST_SECONDS, "neighbour" => neighbour).set(age.as_secs_f64());
            }
        }
        Err(error) => tracing::warn!(error = %Chain(&error), "the figures could not be read"),
    }
    for (name, neighbour) in [("twilio", Neighbour::Carrier), ("chatwoot", Neighbour::Inbox)] {
        metrics::gauge!(metric::NEIGHBOUR_UP, "neighbour" => name).set(u32::from(is_up(&app, neighbour)));
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render())
}

/// Starts answering on an open socket. Stop it through the handle; `drain` seconds are given to requests under way.
///
/// # Errors
/// When the socket cannot be used.
pub fn serve(
    app: &Arc<App>,
    metrics: PrometheusHandle,
    listener: TcpListener,
) -> std::io::Result<actix_web::dev::Server> {
    let routes = routes(Arc::clone(app), metrics);
    let drain = app.settings.server.drain.as_secs();
    let server = HttpServer::new(move || ActixApp::new().wrap(from_fn(watch)).configure(routes.clone()))
        .workers(WORKERS)
        .disable_signals()
        .shutdown_timeout(drain)
        .listen(listener)?
        .run();
    Ok(server)
}

/// Times requests and gives each an id. Paths are logged without their query, which may name calls.
async fn watch(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    // Twilio's doors are one resource, of which every pattern is the first one's.
    let path = match Door::find(request.path()) {
        Some(door) => door.path().to_owned(),
        None => request.match_pattern().unwrap_or_else(|| "unmatched".to_owned()),
    };
    let method = request.method().clone();
    let id = request.app_data::<web::Data<App>>().map(|app| app.ids.draw(app.clock.now())).unwrap_or_default();
    let mut response = request_id::answer_as(id, next.call(request)).await?;
    if let Ok(value) = HeaderValue::from_str(&id.simple().to_string()) {
        response.headers_mut().insert(HeaderName::from_static(request_id::HEADER), value);
    }
    let seconds = began.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    metrics::histogram!(metric::REQUEST_SECONDS, "path" => path.clone()).record(seconds);
    metrics::counter!(metric::REQUESTS, "path" => path.clone(), "status" => status.to_string()).increment(1);
    if status == 500 {
        tracing::warn!(request.id = %id.simple(), %method, path, status, seconds, "answered");
    } else {
        tracing::debug!(request.id = %id.simple(), %method, path, status, seconds, "answered");
    }
    Ok(response)
}
