//! The tables can be made, taken away and made again.

use offhook::store::open::{OpenOptions, migrate_down, migrate_up, migration_status, open};

use crate::exchange::postgres;

async fn up_down_up(url: &str) {
    assert!(migration_status(url).await.unwrap().iter().all(|change| !change.applied));
    for _ in 0..2 {
        migrate_up(url).await.unwrap();
        assert!(migration_status(url).await.unwrap().iter().all(|change| change.applied));
        let store = open(url, OpenOptions { migrate: false, connections: 1 }).await.unwrap();
        store.ping().await.unwrap();
        drop(store);
        migrate_down(url, Some(1)).await.unwrap();
        assert_eq!(migration_status(url).await.unwrap().iter().filter(|change| !change.applied).count(), 1);
        let refused = open(url, OpenOptions { migrate: false, connections: 1 }).await.map(drop).unwrap_err();
        assert!(format!("{refused:?}").contains("run `offhook migrate`"), "{refused:?}");
        migrate_down(url, None).await.unwrap();
        assert!(migration_status(url).await.unwrap().iter().all(|change| !change.applied));
    }
}

#[tokio::test]
async fn the_tables_of_sqlite_go_up_and_down_and_up_again() {
    let folder = tempfile::tempdir().unwrap();
    up_down_up(&format!("sqlite://{}", folder.path().join("offhook.db").display())).await;
}

#[tokio::test]
async fn the_tables_of_postgresql_go_up_and_down_and_up_again() {
    up_down_up(&postgres::fresh_database()).await;
}

#[tokio::test]
async fn two_replicas_that_start_at_once_make_the_tables_once() {
    let url = postgres::fresh_database();
    let (one, two) = tokio::join!(migrate_up(&url), migrate_up(&url));
    one.unwrap();
    two.unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such/folder/offhook.db");
    let error = open(&format!("sqlite://{}", path.display()), OpenOptions::default()).await.map(drop).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("SQLite") && cause.contains("no/such/folder/offhook.db"), "{cause}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    let error =
        open("postgres://offhook:hidden@127.0.0.1:1/calls", OpenOptions::default()).await.map(drop).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("PostgreSQL database `calls` at 127.0.0.1:1") && !cause.contains("hidden"), "{cause}");
}
