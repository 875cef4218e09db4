//! The web server: reads requests, lets faults happen, and writes answers.

use std::any::Any;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;

use actix_multipart::Multipart;
use actix_web::dev::{Extensions, Server};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::cable;
use super::call::{Answer, Body, Call, Upload};
use super::routes;
use super::shared::{Shared, lock};
use super::switches::{Fault, State};
use super::world::Object;

/// The largest body the stand-in reads, in bytes.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// A second hold on a client's connection, to close it without an answer.
struct Connection(TcpStream);

/// A body that could not be read.
struct Unreadable;

/// Serves on `listener` until stopped.
pub(super) fn serve(shared: &Arc<Shared>, listener: TcpListener) -> std::io::Result<Server> {
    let shared = Arc::clone(shared);
    let app = move || {
        let shared = web::Data::from(Arc::clone(&shared));
        App::new().app_data(shared).route("/cable", web::get().to(open_cable)).default_service(web::to(answer))
    };
    Ok(HttpServer::new(app).workers(1).on_connect(hold).disable_signals().listen(listener)?.run())
}

/// Takes the second hold on a connection.
fn hold(io: &dyn Any, data: &mut Extensions) {
    let stream = io.downcast_ref::<actix_web::rt::net::TcpStream>();
    if let Some(Ok(twin)) = stream.map(|stream| stream.as_fd().try_clone_to_owned()) {
        data.insert(Connection(TcpStream::from(twin)));
    }
}

/// Closes the connection of a request; whatever is answered does not arrive.
fn hang_up(request: &HttpRequest) -> HttpResponse {
    if let Some(connection) = request.conn_data::<Connection>() {
        let _already_closed = connection.0.shutdown(Shutdown::Both);
    }
    HttpResponse::ServiceUnavailable().force_close().finish()
}

/// The answer to every request while a switch refuses them.
fn refusal(state: State) -> Option<Answer> {
    match state {
        State::TooMany => Some(Answer::new(429, Body::Text("Retry later\n"))),
        State::Broken => Some(Answer::broken()),
        State::Ok | State::Down | State::Slow => None,
    }
}

async fn open_cable(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> actix_web::Result<HttpResponse> {
    match shared.switches(|switches| switches.state) {
        State::Down => Ok(hang_up(&request)),
        state => match refusal(state) {
            Some(answer) => Ok(written(answer)),
            None => cable::open(&request, payload, shared.into_inner()),
        },
    }
}

async fn answer(request: HttpRequest, payload: web::Payload, shared: web::Data<Shared>) -> HttpResponse {
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    let (state, delay) = shared.switches(|switches| (switches.state, switches.delay));
    if state == State::Down {
        shared.note(&method, &path, None);
        return hang_up(&request);
    }
    let answer = match refusal(state) {
        Some(refusal) => Some(refusal),
        None => act(&request, payload, &shared).await,
    };
    let Some(answer) = answer else {
        return hang_up(&request);
    };
    shared.note(&method, &path, Some(answer.status));
    if state == State::Slow {
        shared.wait(delay).await;
    }
    written(answer)
}

/// Does what is asked; no answer is a lost one.
async fn act(request: &HttpRequest, payload: web::Payload, shared: &web::Data<Shared>) -> Option<Answer> {
    do_late(shared);
    let parts: Vec<String> = request.path().split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    let Some(found) = routes::find(request.method().as_str(), &parts) else {
        return Some(Answer::no_page());
    };
    let Ok(mut call) = read(request, payload).await else {
        return Some(Answer::page(400, "Bad Request"));
    };
    let upload_max = shared.switches(|switches| switches.upload_max).unwrap_or(LARGEST_BODY);
    if call.uploads.iter().any(|upload| upload.bytes.len() > upload_max) {
        return Some(Answer::page(413, "Payload Too Large"));
    }
    call.parts.clone_from(&found.parts);
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    match shared.switches(|switches| switches.take_fault(&found.name)) {
        None => Some(shared.run(|world| routes::take(world, &found, &call))),
        Some(Fault::LoseReply) => {
            shared.run(|world| routes::take(world, &found, &call));
            shared.note(&method, &path, None);
            None
        }
        Some(Fault::CommitLate(span)) => {
            lock(&shared.late).push((shared.clock.now() + span, found, call));
            tokio::spawn(commit_late(Arc::clone(shared), span));
            shared.note(&method, &path, None);
            std::future::pending().await
        }
    }
}

/// Does a request after its client has given up.
async fn commit_late(shared: Arc<Shared>, span: chrono::TimeDelta) {
    shared.wait(span).await;
    do_late(&shared);
}

/// Does what was to be done by now. A clock that is turned by hand may pass that instant and the next request's in one
/// turn; the order is the clock's all the same.
fn do_late(shared: &Shared) {
    let now = shared.clock.now();
    let due: Vec<_> = lock(&shared.late).extract_if(.., |(at, ..)| *at <= now).collect();
    for (_, found, call) in due {
        shared.run(|world| routes::take(world, &found, &call));
    }
}

/// A part of a path, without percent signs.
fn decoded(part: &str) -> String {
    let safe = part.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(safe.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

/// Reads headers, query and body; header names come with underscores, as Rack has them.
async fn read(request: &HttpRequest, payload: web::Payload) -> Result<Call, Unreadable> {
    let header = |(name, value): (&actix_web::http::header::HeaderName, &actix_web::http::header::HeaderValue)| {
        Some((name.as_str().replace('-', "_"), value.to_str().ok()?.to_owned()))
    };
    let mut call = Call {
        query: pairs(request.query_string().as_bytes()),
        headers: request.headers().iter().filter_map(header).collect(),
        ..Call::default()
    };
    let body = collect(payload).await?;
    let kind = call.headers.get("content_type").cloned().unwrap_or_default();
    if kind.starts_with("multipart/") {
        read_form(request, body, &mut call).await?;
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        pairs(&body).into_iter().for_each(|(name, value)| put(&mut call.body, &name, &value));
    } else if kind.starts_with("application/json") && !body.is_empty() {
        call.body = match serde_json::from_slice(&body) {
            Ok(Value::Object(object)) => object,
            Ok(other) => Object::from_iter([("_json".to_owned(), other)]),
            Err(_) => return Err(Unreadable),
        };
    }
    Ok(call)
}

async fn collect(mut payload: web::Payload) -> Result<Bytes, Unreadable> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        body.extend_from_slice(&chunk.map_err(|_| Unreadable)?);
        if body.len() > LARGEST_BODY {
            return Err(Unreadable);
        }
    }
    Ok(body.freeze())
}

/// Reads a multipart form: files aside, fields as texts.
async fn read_form(request: &HttpRequest, body: Bytes, call: &mut Call) -> Result<(), Unreadable> {
    let chunks = stream::iter([Ok::<_, actix_web::error::PayloadError>(body)]);
    let mut form = Multipart::new(request.headers(), chunks);
    while let Some(field) = form.next().await {
        let mut field = field.map_err(|_| Unreadable)?;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = field.next().await {
            bytes.extend_from_slice(&chunk.map_err(|_| Unreadable)?);
        }
        let name = field.name().unwrap_or_default().to_owned();
        match field.content_disposition().and_then(|found| found.get_filename()) {
            Some(filename) => {
                let content_type = field.content_type().map_or("application/octet-stream", |kind| kind.essence_str());
                let (filename, content_type) = (filename.to_owned(), content_type.to_owned());
                call.uploads.push(Upload { field: name, filename, content_type, bytes: bytes.freeze() });
            }
            None => put(&mut call.body, &name, &String::from_utf8_lossy(&bytes)),
        }
    }
    Ok(())
}

/// Puts a form field where its name says: `a`, `a[]` or `a[b]`.
fn put(body: &mut Object, name: &str, value: &str) {
    if let Some(list) = name.strip_suffix("[]") {
        let list = body.entry(list.to_owned()).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(json!(value));
        }
    } else if let Some((outer, inner)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        let object = body.entry(outer.to_owned()).or_insert_with(|| json!({}));
        if let Some(object) = object.as_object_mut() {
            object.insert(inner.to_owned(), json!(value));
        }
    } else {
        body.insert(name.to_owned(), json!(value));
    }
}

/// Writes an answer the way Rails does.
fn written(answer: Answer) -> HttpResponse {
    let mut response =
        HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    response.insert_header(("x-frame-options", "SAMEORIGIN")).insert_header(("x-content-type-options", "nosniff"));
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    match answer.body {
        Body::Json(value) => {
            response.insert_header((CONTENT_TYPE, "application/json; charset=utf-8")).body(value.to_string())
        }
        Body::ErrorPage(value) => {
            response.insert_header((CONTENT_TYPE, "application/json; charset=UTF-8")).body(value.to_string())
        }
        Body::Empty => response.insert_header((CONTENT_TYPE, "application/json")).finish(),
        Body::None => response.finish(),
        Body::Text(text) => response.insert_header((CONTENT_TYPE, "text/plain")).body(text),
        Body::File(bytes, kind) => response.insert_header((CONTENT_TYPE, kind)).body(bytes),
        Body::Redirect(place) => {
            response.insert_header((LOCATION, place)).insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).finish()
        }
    }
}
