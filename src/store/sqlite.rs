//! Opens a SQLite file, and trusts nothing about it: every setting that durability hangs on is read back.

use std::path::Path;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};

/// How long a connection waits for another process that holds the write lock, a backup for instance.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a reader waits for its turn.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements kept prepared a connection; there are fewer texts than this.
const STATEMENTS_KEPT: usize = 256;

/// Memory that the writer keeps pages in, in KiB. A batch of 64 decisions changes up to a few hundred pages of 4 KiB all
/// over the indexes of a grown database; with less, some would be written twice.
const WRITER_CACHE_KIB: u32 = 8_192;

/// Memory that a reader keeps pages in, in KiB. A reader forgets its pages whenever it finds that the writer has committed,
/// so more is of use only to many reads between two commits, and is then held for good by each reader: with the engine's
/// own 2 MiB, eight of them held more than the rest of the service. This much holds the inner pages of the indexes.
const READER_CACHE_KIB: u32 = 256;

/// Pages in the write-ahead log before they are carried over to the database, which makes whoever waits for that commit
/// wait longer: 16 MiB, read back in some milliseconds after a crash.
const LOG_PAGES: u32 = 4_096;

/// A setting that did not take, or an engine that is known to lose data.
#[derive(Debug, thiserror::Error)]
pub(super) enum SqliteError {
    /// The driver could not.
    #[error("the engine refused")]
    Refused(#[from] DbErr),
    /// RELIABILITY.md, promise P-D6.
    #[error(
        "the engine is SQLite {0}, which can lose data; it must be 3.51.3, or 3.50.7 of its line, or 3.44.6 of its line, or newer"
    )]
    Engine(String),
    /// A setting was read back with another value.
    #[error("`{name}` is {found}, not {wanted}")]
    Setting { name: &'static str, found: String, wanted: &'static str },
}

/// The one connection that writes.
pub(super) async fn open_writer(path: Option<&Path>) -> Result<DatabaseConnection, SqliteError> {
    let connection = connect(path, 1, false).await?;
    let version = text(&connection, "SELECT sqlite_version()").await?;
    if !is_safe(&version) {
        return Err(SqliteError::Engine(version));
    }
    let journal = if path.is_some() { "wal" } else { "memory" };
    check(&connection, "journal_mode", journal).await?;
    check(&connection, "synchronous", "2").await?;
    check(&connection, "foreign_keys", "1").await?;
    check(&connection, "busy_timeout", "5000").await?;
    Ok(connection)
}

/// Connections that cannot write.
pub(super) async fn open_readers(path: &Path, readers: u32) -> Result<DatabaseConnection, SqliteError> {
    let connection = connect(Some(path), readers, true).await?;
    check(&connection, "query_only", "1").await?;
    check(&connection, "busy_timeout", "5000").await?;
    Ok(connection)
}

async fn connect(path: Option<&Path>, connections: u32, query_only: bool) -> Result<DatabaseConnection, SqliteError> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    // Never closed for idleness or age: a database in memory would be gone, and a prepared statement is worth keeping.
    options
        .max_connections(connections)
        .min_connections(1)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .sqlx_logging(false);
    let path = path.map(Path::to_path_buf);
    options.map_sqlx_sqlite_opts(move |options| {
        let options = match &path {
            Some(path) => SqliteConnectOptions::new()
                .filename(path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .disable_statement_logging_here(),
            None => options,
        };
        let options = options
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS_KEPT);
        if query_only {
            options.pragma("query_only", "1").pragma("cache_size", format!("-{READER_CACHE_KIB}"))
        } else {
            options
                .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
                // Every job has a savepoint, and what it changes is copied so that it can be undone alone. In memory that is
                // dropped job by job; in a file, it is three times as many writes as the log itself takes.
                .pragma("temp_store", "memory")
                .pragma("wal_autocheckpoint", LOG_PAGES.to_string())
        }
    });
    Ok(Database::connect(options).await?)
}

/// Keeps the call chain above in one piece.
trait Quiet {
    fn disable_statement_logging_here(self) -> Self;
}

impl Quiet for SqliteConnectOptions {
    fn disable_statement_logging_here(self) -> Self {
        sea_orm::sqlx::ConnectOptions::disable_statement_logging(self)
    }
}

async fn check(connection: &DatabaseConnection, name: &'static str, wanted: &'static str) -> Result<(), SqliteError> {
    let found = text(connection, &format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}")).await;
    let found = match found {
        Ok(found) => found,
        // The column of this one is called otherwise.
        Err(_) => text(connection, &format!("SELECT CAST(timeout AS TEXT) FROM pragma_{name}")).await?,
    };
    if found == wanted { Ok(()) } else { Err(SqliteError::Setting { name, found, wanted }) }
}

async fn text(connection: &DatabaseConnection, sql: &str) -> Result<String, DbErr> {
    let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?.try_get_by_index(0)
}

/// Whether this engine is free of the fault by which a reset of the write-ahead log could lose commits.
///
/// Source: RELIABILITY.md, promise P-D6 and its reference SQ3.
fn is_safe(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let (Some(Some(major)), Some(Some(minor)), patch) = (parts.next(), parts.next(), parts.next().unwrap_or(Some(0)))
    else {
        return false;
    };
    let Some(patch) = patch else { return false };
    match (major, minor) {
        (3, 44) => patch >= 6,
        (3, 50) => patch >= 7,
        (3, 51) => patch >= 3,
        (3, minor) => minor > 51,
        (major, _) => major > 3,
    }
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn an_engine_that_can_lose_data_is_refused() {
        for version in
            ["3.40.1", "3.44.5", "3.45.9", "3.49.2", "3.50.6", "3.51.0", "3.51.2", "2.8.17", "3.51", "", "3", "3.51.x"]
        {
            assert!(!is_safe(version), "{version}");
        }
        for version in ["3.44.6", "3.50.7", "3.51.3", "3.51.10", "3.52.0", "3.52", "4.0.0"] {
            assert!(is_safe(version), "{version}");
        }
    }
}
