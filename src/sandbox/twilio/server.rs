//! The REST server on the loopback address.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::driver::Driver;
use super::openapi::Refusal;
use super::rest::{Answer, Asked, refused};
use super::switches::RestHealth;

/// Starts to listen; says at which port, and how to stop.
pub(super) fn serve(driver: Driver, port: u16) -> std::io::Result<(u16, ServerHandle)> {
    let data = web::Data::new(driver);
    let server = HttpServer::new(move || {
        App::new().app_data(data.clone()).app_data(web::PayloadConfig::new(1 << 20)).default_service(web::to(door))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .bind(("127.0.0.1", port))?;
    let port = server.addrs().first().map_or(port, std::net::SocketAddr::port);
    let running = server.run();
    let handle = running.handle();
    // Ends when its handle stops it.
    tokio::spawn(running);
    Ok((port, handle))
}

async fn door(request: HttpRequest, body: web::Bytes, driver: web::Data<Driver>) -> HttpResponse {
    let (health, slow_ms) = {
        let engine = driver.lock();
        (engine.switches.rest, engine.switches.rest_slow_ms)
    };
    let answer = match health {
        RestHealth::TooMany => refused(&Refusal::world(429, 20429, "Too Many Requests")),
        RestHealth::Unauthorized => refused(&Refusal::world(401, 20003, "Authenticate")),
        RestHealth::Failing => refused(&Refusal::world(500, 20500, "Internal Server Error")),
        RestHealth::Down => Answer::Empty(503),
        RestHealth::Ok | RestHealth::Slow => {
            if health == RestHealth::Slow {
                tokio::time::sleep(Duration::from_millis(u64::from(slow_ms))).await;
            }
            let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
            let asked = Asked {
                method: request.method().as_str(),
                path: request.uri().path(),
                query: request.uri().query().unwrap_or_default(),
                authorization: header("authorization"),
                content_type: header("content-type").unwrap_or_default(),
                body: &body,
            };
            driver.at_work().answer(&asked)
        }
    };
    respond(answer)
}

fn respond(answer: Answer) -> HttpResponse {
    let status = |code: u16| StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match answer {
        Answer::Json(code, body) => {
            let mut reply = HttpResponse::build(status(code));
            if code == 401 {
                reply.insert_header(("WWW-Authenticate", "Basic realm=\"Twilio API\""));
            }
            reply.insert_header(("Twilio-Request-Id", "RQffffffffffffffffffffffffffffffff")).json(body)
        }
        Answer::Sound(kind, bytes) => HttpResponse::Ok().content_type(kind).body(bytes),
        Answer::Empty(code) => HttpResponse::build(status(code)).finish(),
        Answer::Lost => {
            // The connection breaks before the body: the client cannot know whether the call exists.
            let broken = futures_util::stream::once(async {
                Err::<web::Bytes, std::io::Error>(std::io::ErrorKind::ConnectionReset.into())
            });
            HttpResponse::Created().no_chunking(1000).streaming(broken)
        }
    }
}
