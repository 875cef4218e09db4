//! A carrier that takes every request and writes down what it was asked; it never calls back by itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use serde_json::json;

/// What the carrier was asked.
#[derive(Debug, Clone)]
pub enum Asked {
    /// Ring a phone.
    Ring { sid: String, to: String, status_url: String, ring_s: i64 },
    /// End a leg.
    End { sid: String },
    /// Fetch a leg to another document.
    Fetch { sid: String, url: String },
}

#[derive(Default)]
struct Book {
    legs: u64,
    asked: Vec<Asked>,
}

/// A carrier on a port of its own.
#[derive(Clone)]
pub struct Carrier {
    pub address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl Carrier {
    pub fn start() -> Self {
        let book: Arc<Mutex<Book>> = Arc::default();
        let kept = Arc::clone(&book);
        let server = HttpServer::new(move || {
            let book = web::Data::from(Arc::clone(&kept));
            actix_web::App::new().app_data(book).default_service(web::to(answer))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        Self { address, book }
    }

    /// What it was asked since it was last looked at.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.book.lock().unwrap().asked)
    }
}

async fn answer(request: HttpRequest, body: web::Bytes, book: web::Data<Mutex<Book>>) -> HttpResponse {
    let path = request.path().to_owned();
    let resource = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".json").to_owned();
    if request.method() != actix_web::http::Method::POST {
        return HttpResponse::Ok().json(match resource.as_str() {
            "Calls" => json!({ "calls": [] }),
            "Recordings" => json!({ "recordings": [] }),
            "Conferences" => json!({ "conferences": [] }),
            sid => json!({ "sid": sid, "status": "in-progress" }),
        });
    }
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let mut book = book.lock().unwrap();
    if resource == "Calls" {
        book.legs += 1;
        let sid = format!("CA{:032x}", 0xA000_0000_0000_u64 + book.legs);
        book.asked.push(Asked::Ring {
            sid: sid.clone(),
            to: field("To").unwrap(),
            status_url: field("StatusCallback").unwrap(),
            ring_s: field("Timeout").unwrap().parse().unwrap(),
        });
        return HttpResponse::Created().json(json!({ "sid": sid, "status": "queued" }));
    }
    match field("Url") {
        Some(url) => book.asked.push(Asked::Fetch { sid: resource.clone(), url }),
        None => book.asked.push(Asked::End { sid: resource.clone() }),
    }
    HttpResponse::Ok().json(json!({ "sid": resource, "status": "in-progress" }))
}
