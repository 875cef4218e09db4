//! Drafts and versions, from the first save to going back.

use actix_web::http::Method;
use chrono::TimeDelta;
use offhook::sandbox::exchange::ROUTING;
use serde_json::{Value, json};

use super::{Answer, Database, Office, clock, path_of};

#[actix_web::test]
async fn a_draft_is_made_saved_compared_and_published_and_the_audit_says_who_and_when() {
    let (database, clock) = (Database::sqlite(), clock());
    let office = Office::with_example(&database, &clock).await;
    let began = office.now();
    clock.advance(TimeDelta::minutes(5));
    let draft = office.post("/rules/drafts", &json!({ "name": "Longer waits" })).await.expect(201);
    let shown = draft.json();
    assert_eq!((&shown["base"], &shown["revision"], &shown["is_behind"]), (&json!(1), &json!(1), &json!(false)));
    assert_eq!(shown["document"]["brand"][0]["max_wait_s"], 25);
    assert_eq!(draft.tag.as_deref(), Some("\"1\""));

    let path = path_of(&draft);
    let mut document = shown["document"].clone();
    document["brand"][0]["max_wait_s"] = json!(40);
    let saved = office.change(Method::PUT, &path, "\"1\"", &json!({ "document": document })).await.expect(200);
    assert_eq!(saved.tag.as_deref(), Some("\"2\""));
    assert_eq!(saved.json()["name"], "Longer waits");
    assert_eq!(office.get("/rules/drafts").await.expect(200).json().as_array().unwrap().len(), 1);
    let difference = office.get(&format!("{path}/diff")).await.expect(200).json();
    let change = json!([{ "path": "/brand/acme-movers/max_wait_s", "before": 25, "after": 40 }]);
    assert_eq!(difference, json!({ "from": 1, "to": null, "changes": change }));
    assert_eq!(office.get("/rules").await.json()["version"], 1, "a draft is not live");

    let published = office.publish(&saved, &json!({ "note": "Callers asked for it" })).await.expect(200).json();
    assert_eq!(published["version"], 2);
    assert_eq!((&published["is_new"], &published["base"], &published["changes"]), (&json!(true), &json!(1), &change));
    office.get(&path).await.expect(404);
    assert_eq!(office.call(1).await, 2);

    let versions = office.get("/rules/versions").await.expect(200).json();
    assert_eq!(versions[0]["version"], 2);
    assert_eq!((&versions[0]["is_in_force"], &versions[1]["is_in_force"]), (&json!(true), &json!(false)));
    assert_eq!((&versions[0]["note"], &versions[1]["note"]), (&json!("Callers asked for it"), &json!("Example")));
    let by = versions[0]["published_by"].as_str().unwrap();
    assert!(by.starts_with("operator ") && by.len() == 15, "{by}");
    assert_eq!(versions[0]["published_at"], json!(office.now()));
    assert_eq!(versions[1]["published_at"], json!(began));
    assert_eq!(office.get("/rules/versions?before=2").await.json().as_array().unwrap().len(), 1);
    assert_eq!(office.get("/rules/versions/2/diff").await.json()["changes"], change);

    let told: Vec<String> = office.audit().await.into_iter().map(|(action, _)| action).collect();
    let wanted =
        ["rules_published", "rules_draft_saved", "rules_draft_created", "rules_published", "rules_draft_created"];
    assert_eq!(told, wanted);
    let line = office.get("/audit?limit=1").await.json()[0].clone();
    assert_eq!((&line["by"], &line["subject"]), (&json!(by), &json!("rules/versions/2")));
    assert_eq!(line["detail"]["note"], "Callers asked for it");
}

#[actix_web::test]
async fn rules_come_and_go_as_a_routing_file_and_as_json() {
    let database = Database::sqlite();
    let office = Office::with_example(&database, &clock()).await;
    let exported = office.get_toml("/rules").await.expect(200).text;
    assert!(exported.contains("version = 1\n"), "{exported}");
    assert_eq!(office.get_toml("/rules/versions/1").await.expect(200).text, exported);

    let again = office.create_toml(&exported).await.expect(201);
    let unchanged = office.publish(&again, &json!({})).await.expect(200).json();
    assert_eq!((&unchanged["version"], &unchanged["is_new"]), (&json!(1), &json!(false)));
    office.get(&path_of(&again)).await.expect(404);
    assert_eq!(
        office.get("/rules/drafts").await.json(),
        json!([]),
        "a draft that changed nothing is gone all the same"
    );
    assert_eq!(office.audit().await[0].0, "rules_draft_deleted");

    let longer = exported.replacen("max_wait_s = 25", "max_wait_s = 45", 1);
    let draft = office.create_toml(&longer).await.expect(201);
    assert_eq!(office.get_toml(&path_of(&draft)).await.expect(200).text, longer);
    office.publish(&draft, &json!({})).await.expect(200);
    assert_eq!(office.get_toml("/rules").await.text, longer.replace("version = 1\n", "version = 2\n"));
    let document = office.get("/rules").await.json()["document"].clone();
    assert_eq!(document["version"], 2);
    let copied = office.post("/rules/drafts", &json!({ "document": document })).await.expect(201);
    assert_eq!(office.get(&format!("{}/diff", path_of(&copied))).await.json()["changes"], json!([]));
}

#[actix_web::test]
async fn a_screen_that_clears_every_day_does_not_open_the_brand_at_night() {
    let office = Office::with_example(&Database::sqlite(), &clock()).await;
    let document = office.get("/rules").await.json()["document"].clone();
    assert_eq!(document["brand"][1]["hours"]["sat"], Value::Null);
    for hours in [json!({}), json!({ "mon": [], "tue": [] }), json!({ "mon": null, "tue": null, "wed": [] })] {
        let mut cleared = document.clone();
        cleared["brand"][0]["hours"] = hours;
        let refused = office.post("/rules/drafts", &json!({ "document": cleared })).await.expect(422).json();
        let fault = &refused["errors"][0];
        assert_eq!(fault["pointer"], "/document/brand/0/hours", "{refused}");
        assert!(fault["detail"].as_str().unwrap().contains("has no interval"), "{refused}");
    }
    // Always open is said by leaving the hours out, and is shown as such.
    let mut open = document;
    open["brand"][0]["hours"] = Value::Null;
    let draft = office.post("/rules/drafts", &json!({ "document": open })).await.expect(201);
    assert_eq!(draft.json()["document"]["brand"][0]["hours"], Value::Null);
    let again = office.post("/rules/drafts", &json!({ "document": draft.json()["document"] })).await.expect(201);
    assert_eq!(again.json()["document"], draft.json()["document"]);
}

#[actix_web::test]
async fn whoever_changes_a_phone_vouches_for_it_whatever_the_document_says() {
    let office = Office::open(&Database::sqlite(), clock()).await;
    // Ana vouched for all of them, through a file of hers.
    let mut rules = offhook::rules::file::parse("routing.toml", ROUTING).unwrap();
    rules.agents.iter_mut().for_each(|agent| agent.phone_verified = true);
    office.app.desk.publish(rules, offhook::publishing::Upon::Version(0), "Ana", None).await.unwrap();
    let mut hers = office.get("/rules").await.json()["document"].clone();
    let publish = async |document: &Value| {
        let draft = office.post("/rules/drafts", &json!({ "document": document })).await.expect(201);
        office.publish(&draft, &json!({})).await.expect(200);
        office.get("/rules").await.json()["document"].clone()
    };
    let vouched = |document: &Value, agent: usize| document["agent"][agent]["vouched_by"].clone();

    // A changed phone, one taken back and given again, and a new agent who is like another.
    hers["agent"][0]["phone"] = json!("+15550100444");
    hers["agent"][1]["phone_verified"] = json!(false);
    let mut new = hers["agent"][2].clone();
    (new["id"], new["name"]) = (json!("nora"), json!("Nora"));
    (new["email"], new["phone"]) = (json!("nora@example.com"), json!("+15550100445"));
    new["chatwoot_user_id"] = Value::Null;
    hers["agent"].as_array_mut().unwrap().push(new);
    let last = hers["agent"].as_array().unwrap().len() - 1;
    let now = publish(&hers).await;
    let by = office.get("/rules/versions").await.json()[0]["published_by"].clone();
    assert_ne!(by, "Ana");
    assert_eq!((vouched(&now, 0), vouched(&now, last)), (by.clone(), by.clone()));
    assert_eq!(vouched(&now, 1), Value::Null, "nobody vouches for what is not verified");
    assert_eq!(vouched(&now, 2), "Ana", "her word stands where nothing changed");

    let mut again = now;
    again["agent"][1]["phone_verified"] = json!(true);
    again["agent"][1]["vouched_by"] = json!("Ana");
    again["agent"][2]["vouched_by"] = json!("Ben");
    let now = publish(&again).await;
    assert_eq!((vouched(&now, 1), vouched(&now, 2)), (by, json!("Ana")));
}

#[actix_web::test]
async fn whoever_publishes_late_is_told_what_changed_meanwhile() {
    for database in [Database::sqlite(), Database::postgres()] {
        let clock = clock();
        let (office, other) = (Office::with_example(&database, &clock).await, Office::open(&database, clock).await);
        let draft = office.post("/rules/drafts", &json!({ "name": "Mine" })).await.expect(201);
        assert_eq!(other.publish_wait(60).await, 2);

        let late = office.publish(&draft, &json!({})).await.expect(409).json();
        assert_eq!(late["type"], "/docs/problems#conflict");
        let meanwhile = &late["meanwhile"];
        assert_eq!((&meanwhile["base"], &meanwhile["in_force"]), (&json!(1), &json!(2)));
        assert_eq!(meanwhile["published"][0]["version"], 2);
        let change = json!([{ "path": "/brand/acme-movers/max_wait_s", "before": 25, "after": 60 }]);
        assert_eq!(meanwhile["changes"], change);
        assert_eq!(office.get("/rules").await.json()["version"], 2);
        assert_eq!(office.get(&path_of(&draft)).await.expect(200).json()["is_behind"], true);

        let mut document = office.get("/rules").await.json()["document"].take();
        document["brand"][0]["cooldown_s"] = json!(30);
        let mended = json!({ "base": 2, "document": document });
        let saved = office.change(Method::PUT, &path_of(&draft), "\"1\"", &mended).await.expect(200);
        assert_eq!(office.publish(&saved, &json!({})).await.expect(200).json()["version"], 3);
        let document = other.get("/rules").await.json()["document"].clone();
        assert_eq!(
            (&document["brand"][0]["max_wait_s"], &document["brand"][0]["cooldown_s"]),
            (&json!(60), &json!(30))
        );
    }
}

#[actix_web::test]
async fn of_two_who_save_one_draft_the_second_is_told() {
    let database = Database::sqlite();
    let office = Office::with_example(&database, &clock()).await;
    let draft = office.post("/rules/drafts", &json!({ "name": "Ours" })).await.expect(201);
    let path = path_of(&draft);
    office.change(Method::PUT, &path, "\"1\"", &json!({ "name": "Hers" })).await.expect(200);
    let late = office.change(Method::PUT, &path, "\"1\"", &json!({ "name": "His" })).await.expect(412);
    assert_eq!(late.json()["type"], "/docs/problems#precondition-failed");
    office.publish(&draft, &json!({})).await.expect(412);
    office.change(Method::DELETE, &path, "\"1\"", &Value::Null).await.expect(412);
    assert_eq!(office.get(&path).await.json()["name"], "Hers");
    office.change(Method::DELETE, &path, "\"2\"", &Value::Null).await.expect(204);
    office.get(&path).await.expect(404);
    let unguarded = office.post(&format!("{path}/publish"), &json!({})).await.expect(428);
    assert_eq!(unguarded.json()["type"], "/docs/problems#precondition-required");
}

#[actix_web::test]
async fn of_many_who_publish_at_once_one_is_heard() {
    for database in [Database::sqlite(), Database::postgres()] {
        let clock = clock();
        let offices = [Office::with_example(&database, &clock).await, Office::open(&database, clock).await];
        let mut drafts: Vec<Answer> = Vec::new();
        for n in 0..6 {
            let mut document = offices[0].get("/rules").await.json()["document"].take();
            document["brand"][0]["max_wait_s"] = json!(30 + n);
            drafts.push(offices[0].post("/rules/drafts", &json!({ "document": document })).await.expect(201));
        }
        let nothing = json!({});
        let publishing = drafts.iter().enumerate().map(|(n, draft)| offices[n % 2].publish(draft, &nothing));
        let mut told: Vec<u16> =
            futures_util::future::join_all(publishing).await.into_iter().map(|answer| answer.status).collect();
        told.sort_unstable();
        assert_eq!(told, [200, 409, 409, 409, 409, 409]);
        assert_eq!(offices[1].get("/rules/versions").await.json().as_array().unwrap().len(), 2);
        assert_eq!(offices[1].get("/rules/drafts").await.json().as_array().unwrap().len(), 5);
    }
}

#[actix_web::test]
async fn going_back_publishes_the_earlier_rules_as_a_new_version() {
    let database = Database::sqlite();
    let office = Office::with_example(&database, &clock()).await;
    office.publish_wait(50).await;
    let path = "/rules/versions/1/roll-back";
    let late = office.post(path, &json!({ "base": 1 })).await.expect(409).json();
    assert_eq!(late["meanwhile"]["in_force"], 2);
    let back = office.post(path, &json!({ "base": 2, "note": "Too long" })).await.expect(200).json();
    assert_eq!((&back["version"], &back["base"]), (&json!(3), &json!(2)));
    let shown = office.get("/rules").await.json();
    assert_eq!((&shown["rolled_back_from"], &shown["note"]), (&json!(1), &json!("Too long")));
    assert_eq!(shown["document"]["brand"][0]["max_wait_s"], 25);
    assert_eq!(office.get("/rules/versions/3/diff?against=1").await.json()["changes"], json!([]));
    assert_eq!(office.audit().await[0].0, "rules_rolled_back");
    office.post("/rules/versions/9/roll-back", &json!({ "base": 3 })).await.expect(404);
    office.post(path, &json!({})).await.expect(400);
}

#[actix_web::test]
async fn a_brand_is_copied_into_a_draft() {
    let database = Database::sqlite();
    let office = Office::with_example(&database, &clock()).await;
    let path = "/rules/brands/acme-movers/copy";
    let copied =
        office.post(path, &json!({ "to": "harbour-storage", "parts": ["hours", "ringing"] })).await.expect(200);
    let document = copied.json()["document"].clone();
    assert_eq!(document["brand"][1]["hours"], document["brand"][0]["hours"]);
    assert_eq!(document["brand"][1]["ring_width"], document["brand"][0]["ring_width"]);
    assert_eq!(document["brand"][1]["language"], "en-GB");
    assert_eq!(office.get("/rules").await.json()["version"], 1);

    let id = copied.json()["id"].clone();
    let new = json!({ "id": "third", "name": "Third", "inbox": "Third" });
    let draft = json!({ "id": id, "revision": 1 });
    let added = office.post(path, &json!({ "new": new, "draft": draft })).await.expect(200);
    assert_eq!(added.json()["document"]["brand"].as_array().unwrap().len(), 3);
    assert_eq!(added.json()["revision"], 2);
    office.post(path, &json!({ "new": new, "draft": draft })).await.expect(412);
    let all = office.post(path, &json!({ "to": "harbour-storage" })).await.expect(200).json();
    assert_eq!(all["document"]["brand"][1]["roster"], json!(["mei", "tom"]), "the roster is copied only by name");

    office.post(path, &json!({ "to": "nobody" })).await.expect(404);
    office.post("/rules/brands/nobody/copy", &json!({ "to": "acme-movers" })).await.expect(404);
    office.post(path, &json!({})).await.expect(400);
    office.post(path, &json!({ "to": "harbour-storage", "parts": ["everything"] })).await.expect(400);
    let taken = json!({ "new": { "id": "acme-movers", "name": "Again", "inbox": "Again" } });
    let refused = office.post(path, &taken).await.expect(422).json();
    assert_eq!(refused["errors"].as_array().unwrap().len(), 1, "{refused}");
    assert_eq!(refused["errors"][0]["pointer"], "/new/id");
    let wrong = json!({ "new": { "id": "Wrong Id", "name": "", "inbox": "Harbour Storage" } });
    let refused = office.post(path, &wrong).await.expect(422).json();
    let pointers: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/new/id", "/new/name", "/new/inbox"]);
    // A path to an operator line that the other brand does not have.
    let mut document = office.get("/rules").await.json()["document"].take();
    document["brand"][0]["fallback"] = json!({ "path": "operator" });
    document["brand"][0]["operator"] = json!({ "number": "+15550100077" });
    document["brand"][1]["operator"] = Value::Null;
    let draft = office.post("/rules/drafts", &json!({ "document": document })).await.expect(201).json();
    let draft = json!({ "id": draft["id"], "revision": 1 });
    let parts = json!({ "to": "harbour-storage", "parts": ["fallback"], "draft": draft });
    let refused = office.post(path, &parts).await.expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "/parts");
    assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("/brand/1/fallback/path"), "{refused}");
}

#[actix_web::test]
async fn the_first_rules_are_published_upon_nothing() {
    let database = Database::sqlite();
    let office = Office::open(&database, clock()).await;
    office.get("/rules").await.expect(404);
    let draft = office.create_toml(ROUTING).await.expect(201);
    assert_eq!(draft.json()["base"], 0);
    let changes = office.get(&format!("{}/diff", path_of(&draft))).await.expect(200).json()["changes"].clone();
    assert!(changes.as_array().unwrap().iter().any(|change| change["path"] == "/brand/acme-movers"), "{changes}");
    assert_eq!(office.publish(&draft, &json!({})).await.expect(200).json()["version"], 1);
    assert_eq!(office.call(1).await, 1);
}
