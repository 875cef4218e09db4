//! What is refused, and how it is told: the place of every fault, and nothing kept.

use actix_web::http::Method;
use offhook::sandbox::exchange::ROUTING;
use serde_json::{Value, json};

use super::{Database, OPERATOR, Office, clock, path_of};

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn faults_of_a_json_document_point_at_the_fields() {
    let database = Database::sqlite();
    let office = Office::with_example(&database, &clock()).await;
    let mut document = office.get("/rules").await.json()["document"].take();
    document["brand"][0]["max_wait_s"] = json!(500);
    document["brand"][1]["time_zone"] = json!("Europe/Atlantis");
    document["brand"][1]["colour"] = json!("blue");
    document["brand"][0]["roster"][0] = json!("nobody");
    document["agent"][1]["phone"] = document["agent"][0]["phone"].clone();
    let refused = office.post("/rules/drafts", &json!({ "document": document })).await.expect(422).json();
    assert_eq!(refused["type"], "/docs/problems#bad-fields");
    let pointers = pointers(&refused);
    for wanted in [
        "/document/brand/0/max_wait_s",
        "/document/brand/1/time_zone",
        "/document/brand/1/colour",
        "/document/brand/0/roster/0",
        "/document/agent/1/phone",
    ] {
        assert!(pointers.contains(&wanted), "{wanted} is not in {pointers:?}");
    }
    assert_eq!(office.get("/rules/drafts").await.json(), json!([]), "something was kept");
}

#[actix_web::test]
async fn faults_of_a_routing_file_have_a_line_too() {
    let database = Database::sqlite();
    let office = Office::with_example(&database, &clock()).await;
    let bad = ROUTING.replacen("max_wait_s = 25", "max_wait_s = 500", 1);
    let refused = office.create_toml(&bad).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/brand/0/max_wait_s"]);
    let told = refused["errors"][0]["detail"].as_str().unwrap();
    assert!(told.starts_with("line 10: "), "{told}");
    let refused = office.create_toml("[[brand").await.expect(422).json();
    assert!(refused["errors"][0]["detail"].as_str().unwrap().starts_with("line 1: "), "{refused}");
}

#[actix_web::test]
async fn a_save_with_faults_leaves_the_draft_as_it_was() {
    let database = Database::sqlite();
    let office = Office::with_example(&database, &clock()).await;
    let draft = office.post("/rules/drafts", &json!({ "name": "Mine" })).await.expect(201);
    let path = path_of(&draft);
    let cases = [
        (json!({ "document": [] }), 422, Some("/document")),
        (json!({ "document": { "brand": 7 } }), 422, Some("/document/brand")),
        (json!({ "name": "" }), 422, Some("/name")),
        (json!({ "name": "x".repeat(81) }), 422, Some("/name")),
        (json!({ "name": "two\nlines" }), 422, Some("/name")),
        (json!({ "base": 9 }), 404, None),
        (json!({ "nmae": "typo" }), 400, None),
        (json!([]), 400, None),
    ];
    for (body, status, pointer) in cases {
        let refused = office.change(Method::PUT, &path, "\"1\"", &body).await.expect(status).json();
        if let Some(pointer) = pointer {
            assert!(pointers(&refused).contains(&pointer), "{body}: {refused}");
        }
    }
    office.change(Method::PUT, &path, "one", &json!({ "name": "x" })).await.expect(400);
    office.publish(&draft, &json!({ "note": "x".repeat(501) })).await.expect(422);
    assert_eq!(office.get(&path).await.json()["revision"], 1);
    assert_eq!(office.get("/rules").await.json()["version"], 1);
}

#[actix_web::test]
async fn a_phone_that_may_not_be_called_is_refused_with_its_place() {
    let database = Database::sqlite();
    let office = Office::with_example(&database, &clock()).await;
    let mut document = office.get("/rules").await.json()["document"].take();
    document["agent"][2]["phone"] = json!("+18765550100");
    let refused = office.post("/rules/drafts", &json!({ "document": document })).await.expect(422).json();
    assert_eq!(pointers(&refused), ["/document/agent/2/phone"]);
    assert!(!refused.to_string().contains("8765550100"), "{refused}");
}

#[actix_web::test]
async fn what_is_no_document_is_told_as_a_problem() {
    let database = Database::sqlite();
    let office = Office::with_example(&database, &clock()).await;
    let send = |kind: &'static str, body: Vec<u8>| {
        let request = Office::request(Method::POST, "/rules/drafts", &[("content-type", kind)]).set_payload(body);
        office.send(request)
    };
    send("text/html", b"<p>".to_vec()).await.expect(415);
    send("application/json", b"{".to_vec()).await.expect(400);
    send("application/toml", vec![0xff, 0xfe]).await.expect(400);
    let large = send("application/toml", vec![b'#'; 1_048_577]).await.expect(413).json();
    assert_eq!(large["type"], "/docs/problems#too-large");
    send("application/json; charset=utf-8", b"{}".to_vec()).await.expect(201);
    for path in [
        "/rules/versions/9",
        "/rules/versions/x",
        "/rules/versions/1/diff?against=9",
        "/rules/drafts/00000000-0000-7000-8000-000000000009",
        "/rules/drafts/9",
    ] {
        let absent = office.get(path).await.expect(404).json();
        assert_eq!(absent["type"], "/docs/problems#not-found", "{path}");
    }
    office.get("/rules/versions?order=up").await.expect(400);
    office.get("/audit?before=x").await.expect(400);
}

#[actix_web::test]
async fn nobody_gets_at_the_rules_without_a_token() {
    let database = Database::sqlite();
    let office = Office::with_example(&database, &clock()).await;
    let metrics = offhook::telemetry::start_metrics().unwrap();
    let routes = offhook::server::routes(std::sync::Arc::clone(&office.app), metrics);
    let service = actix_web::test::init_service(actix_web::App::new().configure(routes)).await;
    let wrong = format!("Bearer {}", OPERATOR.to_uppercase());
    for (method, path) in [
        (Method::GET, "/rules"),
        (Method::GET, "/rules/versions"),
        (Method::POST, "/rules/versions/1/roll-back"),
        (Method::GET, "/rules/drafts"),
        (Method::POST, "/rules/drafts"),
        (Method::POST, "/rules/brands/acme-movers/copy"),
        (Method::GET, "/banners"),
        (Method::GET, "/audit"),
    ] {
        for header in [None, Some(wrong.as_str())] {
            let mut request = actix_web::test::TestRequest::with_uri(&format!("/api/v1{path}")).method(method.clone());
            if let Some(header) = header {
                request = request.insert_header(("authorization", header));
            }
            let refused = actix_web::test::call_service(&service, request.to_request()).await;
            assert_eq!(refused.status(), 401, "{method} {path}");
        }
    }
}
