//! A version that cannot be read any more: calls go on under the last good one, and everybody is told.

use chrono::TimeDelta;
use offhook::clock::ManualClock;
use serde_json::json;

use super::{Database, Office, clock};

const INSERT: &str = "INSERT INTO rules_versions (version, body, published_at, published_by) \
    VALUES (3, 'brand = \"what is this\"', 1800000000000000, 'somebody')";

/// Two good versions.
async fn two_versions(database: &Database, clock: &ManualClock) -> Office {
    let office = Office::with_example(database, clock).await;
    assert_eq!(office.publish_wait(40).await, 2);
    assert_eq!(office.call(1).await, 2);
    office
}

async fn expect_well(office: &Office, version: u32) {
    assert_eq!(office.get("/banners").await.expect(200).json(), json!([]));
    assert_eq!(office.ready().await, json!({ "ok": true, "version": version, "broken_version": null }));
}

async fn expect_banner(office: &Office, broken: u32, in_force: u32) {
    let banners = office.get("/banners").await.expect(200).json();
    assert_eq!((&banners[0]["code"], &banners[0]["severity"]), (&json!("rules_broken"), &json!("warning")));
    let told = banners[0]["message"].as_str().unwrap();
    assert!(told.contains(&format!("Version {broken} of the rules cannot be read (version {broken}:1: ")), "{told}");
    assert!(told.contains(&format!("Calls go on under version {in_force}, the last good one.")), "{told}");
    assert_eq!(office.ready().await, json!({ "ok": true, "version": in_force, "broken_version": broken }));
}

#[actix_web::test]
async fn a_broken_version_that_appears_while_the_service_runs_is_passed_over_until_a_good_one_comes() {
    for database in [Database::sqlite(), Database::postgres()] {
        let clock = clock();
        let office = two_versions(&database, &clock).await;
        expect_well(&office, 2).await;
        database.tamper(INSERT).await;
        clock.advance(TimeDelta::seconds(1));
        assert_eq!(office.call(2).await, 2);
        expect_banner(&office, 3, 2).await;
        let figures = office.metrics().await;
        assert!(figures.contains("offhook_rules_broken ") && figures.contains("offhook_rules_version "), "{figures}");
        let since = office.get("/banners").await.json()[0]["since"].clone();
        assert_eq!(since, json!(office.now()));

        let versions = office.get("/rules/versions").await.json();
        assert_eq!(versions[0]["broken"]["at"], since);
        assert_eq!((&versions[0]["is_in_force"], &versions[1]["is_in_force"]), (&json!(false), &json!(true)));
        let shown = office.get("/rules/versions/3").await.expect(200).json();
        assert_eq!((&shown["document"], &shown["errors"][0]["pointer"]), (&json!(null), &json!("/document/brand")));
        assert!(office.get_toml("/rules/versions/3").await.expect(200).text.contains("what is this"));
        office.get("/rules/versions/3/diff").await.expect(409);
        office.post("/rules/versions/3/roll-back", &json!({ "base": 2 })).await.expect(409);

        // It is found out once, however long it goes on.
        clock.advance(TimeDelta::hours(1));
        assert_eq!(office.call(3).await, 2);
        let found = office.audit().await.iter().filter(|(action, _)| action == "rules_found_broken").count();
        assert_eq!(found, 1);
        assert_eq!(office.get("/banners").await.json()[0]["since"], since);

        assert_eq!(office.publish_wait(55).await, 4);
        expect_well(&office, 4).await;
        assert_eq!(office.call(4).await, 4);
    }
}

#[actix_web::test]
async fn the_same_rules_published_again_take_a_broken_versions_place() {
    let (database, clock) = (Database::sqlite(), clock());
    let office = two_versions(&database, &clock).await;
    database.tamper(INSERT).await;
    clock.advance(TimeDelta::seconds(1));
    let back = office.post("/rules/versions/2/roll-back", &json!({ "base": 2 })).await.expect(200).json();
    assert_eq!((&back["version"], &back["is_new"], &back["changes"]), (&json!(4), &json!(true), &json!([])));
    expect_well(&office, 4).await;
}

#[actix_web::test]
async fn a_version_that_broke_while_no_service_ran_is_passed_over_at_the_start() {
    for database in [Database::sqlite(), Database::postgres()] {
        let clock = clock();
        drop(two_versions(&database, &clock).await);
        database.tamper("UPDATE rules_versions SET body = 'brand = 7' WHERE version = 2").await;
        let office = Office::open(&database, clock.clone()).await;
        assert_eq!(office.call(2).await, 1, "the last good version is the first");
        expect_banner(&office, 2, 1).await;
        // The call that began under the broken version goes on under the rules in force.
        let rulebook = office.app.switchboard.rulebook();
        let rules = rulebook.load(2).await.unwrap().unwrap();
        assert_eq!(rules.version, 1);
        assert_eq!(office.publish_wait(55).await, 3);
        expect_well(&office, 3).await;
    }
}

#[actix_web::test]
async fn a_body_that_is_changed_in_place_is_noticed_while_the_service_runs() {
    let (database, clock) = (Database::sqlite(), clock());
    let office = two_versions(&database, &clock).await;
    database.tamper("UPDATE rules_versions SET body = 'brand = 7' WHERE version = 2").await;
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(office.call(2).await, 1);
    expect_banner(&office, 2, 1).await;
    // What can be read again, as after an upgrade that is taken back, is in force again.
    let good = office.get_toml("/rules/versions/1").await.text.replace("version = 1\n", "version = 2\n");
    let good = good.replace('\'', "''");
    database.tamper(&format!("UPDATE rules_versions SET body = '{good}' WHERE version = 2")).await;
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(office.call(3).await, 2);
    expect_well(&office, 2).await;
    assert_eq!(office.get("/rules/versions").await.json()[0]["broken"], json!(null));
    let told: Vec<String> = office.audit().await.into_iter().map(|(action, _)| action).take(2).collect();
    assert_eq!(told, ["rules_found_good", "rules_found_broken"]);
}

#[actix_web::test]
async fn without_any_good_version_what_was_in_force_stays_and_a_new_service_is_not_ready() {
    let (database, clock) = (Database::sqlite(), clock());
    let office = two_versions(&database, &clock).await;
    database.tamper("UPDATE rules_versions SET body = 'brand = 7'").await;
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(office.call(2).await, 2, "what is in memory is better than nothing");
    expect_banner(&office, 2, 2).await;
    let fresh = Office::open(&database, clock.clone()).await;
    let ready = fresh.send(actix_web::test::TestRequest::get().uri("/readyz")).await.expect(503).json();
    let rules = json!({ "ok": false, "version": null, "broken_version": 2 });
    assert_eq!(ready["dependencies"]["rules"], rules);
    assert_eq!(fresh.get("/banners").await.json()[0]["severity"], "error");
}
