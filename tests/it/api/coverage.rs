//! Hours that nobody covers, and what is found in rules: in force, and in a draft.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Database, Office, clock, path_of};

/// Acme Movers, open on workdays 8 to 18 in New York; Ana works until noon and sells, Ben until five and does not.
const ROUTING: &str = r#"
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme"
time_zone = "America/New_York"
roster = ["ana", "ben"]
hours = { tue = ["08:00-18:00"] }
intent = [{ id = "sales", name = "sales", skill = "sales" }, { id = "other", name = "general" }]
[[brand]]
id = "beta"
name = "Beta"
inbox = "Beta"
time_zone = "America/Vancouver"
roster = ["ana", "cleo"]
hours = { mon = ["09:00-10:00"] }
[[number]]
number = "+15550100002"
brand = "acme"
[[agent]]
id = "ana"
name = "Ana"
email = "ana@example.com"
phone = "+15550100003"
phone_verified = true
skills = ["sales"]
time_zone = "America/New_York"
shift = { tue = ["08:00-12:00"] }
[[agent]]
id = "ben"
name = "Ben"
email = "ben@example.com"
phone = "+15550100004"
phone_verified = true
time_zone = "America/New_York"
shift = { tue = ["08:00-17:00"] }
[[agent]]
id = "cleo"
name = "Cleo"
email = "cleo@example.com"
phone = "+15550100005"
phone_verified = false
"#;

fn spans(told: &Value) -> Vec<(&str, &str)> {
    let gaps = told["gaps"].as_array().unwrap();
    gaps.iter().map(|gap| (gap["from"].as_str().unwrap(), gap["until"].as_str().unwrap())).collect()
}

#[actix_web::test]
async fn hours_that_nobody_covers_are_listed_by_brand_and_intent_also_of_a_draft() {
    // Tuesday 24 November 2026, 11:00 in New York.
    let office = Office::open(&Database::sqlite(), clock()).await;
    office.get("/rules/coverage").await.expect(404);
    let draft = office.create_toml(ROUTING).await.expect(201);
    let drafted = office.get(&format!("{}/coverage", path_of(&draft))).await.expect(200).json();
    office.publish(&draft, &json!({})).await.expect(200);
    let told = office.get("/rules/coverage").await.expect(200).json();
    assert_eq!(told, drafted);
    assert_eq!((&told["from"], &told["until"]), (&json!("2026-11-24T16:00:00Z"), &json!("2026-12-08T16:00:00Z")));

    let acme = &told["brands"][0];
    assert_eq!((&acme["brand"], &acme["time_zone"]), (&json!("acme"), &json!("America/New_York")));
    let evenings = [("2026-11-24T22:00:00Z", "2026-11-24T23:00:00Z"), ("2026-12-01T22:00:00Z", "2026-12-01T23:00:00Z")];
    assert_eq!(spans(acme), evenings);
    assert_eq!((&acme["gaps_total"], &acme["uncovered_s"]), (&json!(2), &json!(7_200)));
    let sales = &acme["intents"][0];
    assert_eq!((&sales["intent"], &sales["skill"]), (&json!("sales"), &json!("sales")));
    let afternoons =
        [("2026-11-24T17:00:00Z", "2026-11-24T23:00:00Z"), ("2026-12-01T17:00:00Z", "2026-12-01T23:00:00Z")];
    assert_eq!(spans(sales), afternoons);
    assert_eq!((spans(&acme["intents"][1]), &acme["intents"][1]["skill"]), (evenings.to_vec(), &Value::Null));

    // British Columbia is seven hours from UTC this winter; Cleo, who always works, has no verified phone.
    let beta = office.get("/rules/coverage?brand=beta").await.expect(200).json();
    assert_eq!(beta["brands"].as_array().unwrap().len(), 1);
    let mornings = [("2026-11-30T16:00:00Z", "2026-11-30T17:00:00Z"), ("2026-12-07T16:00:00Z", "2026-12-07T17:00:00Z")];
    assert_eq!(spans(&beta["brands"][0]), mornings);
    office.get("/rules/coverage?brand=nobody").await.expect(404);
    office.get("/rules/coverage?days=3").await.expect(400);
    office.get("/rules/drafts/9/coverage").await.expect(404);
}

#[actix_web::test]
async fn the_rules_in_force_tell_what_is_found_in_them_and_how_much_is_not_told() {
    let office = Office::open(&Database::sqlite(), clock()).await;
    let draft = office.create_toml(ROUTING).await.expect(201);
    let found = draft.json()["findings"].clone();
    assert!(found.as_array().unwrap().iter().any(|one| one["code"] == "no_coverage"), "{found}");
    assert_eq!(draft.json()["findings_total"], found.as_array().unwrap().len());
    office.publish(&draft, &json!({})).await.expect(200);
    for path in ["/rules", "/rules/versions/1"] {
        let shown = office.get(path).await.expect(200).json();
        assert_eq!((&shown["findings"], &shown["findings_total"]), (&found, &draft.json()["findings_total"]), "{path}");
    }

    let mut many = office.get("/rules").await.json()["document"].take();
    let agents = many["agent"].as_array_mut().unwrap();
    for number in 0..600 {
        agents.push(json!({
            "id": format!("x{number}"), "name": format!("X {number}"), "email": format!("x{number}@example.com"),
            "phone": format!("+1555011{number:04}"),
        }));
    }
    let draft = office.post("/rules/drafts", &json!({ "document": many })).await.expect(201).json();
    assert_eq!(draft["findings"].as_array().unwrap().len(), 500);
    assert_eq!(draft["findings_total"], 600 + found.as_array().unwrap().len());
    let id = draft["id"].as_str().unwrap();
    let saved = office.change(Method::PUT, &format!("/rules/drafts/{id}"), "\"1\"", &json!({})).await.expect(200);
    assert_eq!(saved.json()["findings_total"], draft["findings_total"]);
}

#[actix_web::test]
async fn every_region_that_is_offered_is_one_that_a_list_may_name() {
    let office = Office::with_example(&Database::sqlite(), &clock()).await;
    let told = office.get("/rules/holiday-regions").await.expect(200).json();
    assert_eq!((&told["first_year"], &told["last_year"]), (&json!(2020), &json!(2040)));
    let regions = told["regions"].as_array().unwrap();
    assert!(regions.contains(&json!({ "code": "US", "country": "US", "region": null })), "{told}");
    assert!(regions.contains(&json!({ "code": "CA-ON", "country": "CA", "region": "ON" })), "{told}");
    let mut document = office.get("/rules").await.json()["document"].take();
    let list =
        |(place, one): (usize, &Value)| json!({ "id": format!("l{place}"), "name": "List", "public": one["code"] });
    document["holidays"] = regions.iter().enumerate().map(list).collect();
    for brand in document["brand"].as_array_mut().unwrap() {
        brand["calendar"] = json!({ "holidays": ["l0"] });
    }
    office.post("/rules/drafts", &json!({ "document": document })).await.expect(201);
}
