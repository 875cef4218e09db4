//! Opens the store that an address names, and moves its tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use offhook_migrations::Migrator;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use super::sql::{Engine, SqlStore};
use super::sqlite;
use super::writer::Writer;
use super::{Store, StoreError};

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// Whether missing tables are made. If not, a store with missing tables is not opened.
    pub migrate: bool,
    /// Connections: readers of a SQLite file, or the whole pool of PostgreSQL. At least 1.
    pub connections: u32,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { migrate: true, connections: 8 }
    }
}

/// A change of the tables, and whether it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its name, which begins with its number.
    pub name: String,
    /// Whether it was made.
    pub applied: bool,
}

/// How long a connection to PostgreSQL may take, and how long one waits for a free one.
const POSTGRES_TIMEOUT: Duration = Duration::from_secs(5);

/// The number under which replicas that start at once take turns at the tables. Any number; ours spells "offhook".
const MIGRATION_LOCK: i64 = 0x006f_6666_686f_6f6b;

/// The database and the place of it, as the operator knows them; without a password.
#[derive(Debug, thiserror::Error)]
#[error("{place}")]
struct Place {
    place: String,
    #[source]
    cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Opens `sqlite://path`, `sqlite::memory:` or `postgres://user@host/database`.
///
/// # Errors
/// `Unavailable`, whose cause names the database and the file or host, and carries the reason; also for an engine that
/// is known to lose data, a setting that did not take, and an address of another form.
pub async fn open(url: &str, options: OpenOptions) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(open_sql(url, options).await?))
}

/// The same, as the type that it is.
///
/// # Errors
/// As [`open`].
pub async fn open_sql(url: &str, options: OpenOptions) -> Result<SqlStore, StoreError> {
    let address = Address::parse(url)?;
    let writer = address.connect(options.connections).await?;
    let pending = pending(&writer).await.map_err(|cause| address.failed("read the tables", cause))?;
    if pending && !options.migrate {
        return Err(address.failed("open", "its tables are older than this program; run `offhook migrate`"));
    }
    if pending {
        migrate(&address, &writer, Way::Up).await?;
    }
    let engine = match &address {
        Address::File(path) => {
            let readers = sqlite::open_readers(path, options.connections.max(1)).await;
            let readers = readers.map_err(|cause| address.failed("open", cause))?;
            Engine::Sqlite { writer: Writer::start(writer), readers }
        }
        Address::Memory => Engine::Memory { writer: Writer::start(writer) },
        Address::Postgres { .. } => Engine::Postgres { pool: writer },
    };
    Ok(SqlStore::new(engine))
}

/// Makes all changes of the tables that are missing.
///
/// # Errors
/// As [`open`].
pub async fn migrate_up(url: &str) -> Result<(), StoreError> {
    let address = Address::parse(url)?;
    migrate(&address, &address.connect(2).await?, Way::Up).await
}

/// Takes back so many changes, the newest first, or all. What the tables held is lost.
///
/// # Errors
/// As [`open`].
pub async fn migrate_down(url: &str, steps: Option<u32>) -> Result<(), StoreError> {
    let address = Address::parse(url)?;
    migrate(&address, &address.connect(2).await?, Way::Down(steps)).await
}

/// Every change, oldest first, and whether it was made.
///
/// # Errors
/// As [`open`].
pub async fn migration_status(url: &str) -> Result<Vec<MigrationStatus>, StoreError> {
    let address = Address::parse(url)?;
    let connection = address.connect(1).await?;
    let applied = Migrator::get_applied_migrations_read_only(&connection).await;
    let applied = applied.map_err(|cause| address.failed("read the tables", cause))?;
    let is_applied = |name: &str| applied.iter().any(|migration| migration.name() == name);
    let all = Migrator::migrations();
    Ok(all
        .iter()
        .map(|change| MigrationStatus { name: change.name().to_owned(), applied: is_applied(change.name()) })
        .collect())
}

enum Address {
    File(PathBuf),
    Memory,
    Postgres { url: String, place: String },
}

impl Address {
    fn parse(url: &str) -> Result<Self, StoreError> {
        if url == "sqlite::memory:" {
            return Ok(Self::Memory);
        }
        if let Some(path) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            let path = path.split('?').next().unwrap_or(path);
            if !path.is_empty() {
                return Ok(Self::File(Path::new(path).to_path_buf()));
            }
        }
        let not_an_address = "expected sqlite://path, sqlite::memory: or postgres://user@host/database";
        match url::Url::parse(url) {
            Ok(parsed) if matches!(parsed.scheme(), "postgres" | "postgresql") => {
                let host = parsed.host_str().unwrap_or("localhost");
                let port = parsed.port().unwrap_or(5432);
                let place = format!("PostgreSQL database `{}` at {host}:{port}", parsed.path().trim_start_matches('/'));
                Ok(Self::Postgres { url: url.to_owned(), place })
            }
            _ => Err(failed("open", "the database's address".to_owned(), not_an_address)),
        }
    }

    async fn connect(&self, connections: u32) -> Result<DatabaseConnection, StoreError> {
        match self {
            Self::File(path) => sqlite::open_writer(Some(path)).await.map_err(|cause| self.failed("open", cause)),
            Self::Memory => sqlite::open_writer(None).await.map_err(|cause| self.failed("open", cause)),
            Self::Postgres { url, .. } => {
                let mut options = ConnectOptions::new(url.as_str());
                options
                    .max_connections(connections.max(1))
                    .connect_timeout(POSTGRES_TIMEOUT)
                    .acquire_timeout(POSTGRES_TIMEOUT)
                    .sqlx_logging(false);
                Database::connect(options).await.map_err(|cause| self.failed("open", cause))
            }
        }
    }

    fn failed(&self, attempt: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
        let place = match self {
            Self::File(path) => format!("SQLite file `{}`", path.display()),
            Self::Memory => "SQLite in memory".to_owned(),
            Self::Postgres { place, .. } => place.clone(),
        };
        failed(attempt, place, cause)
    }
}

fn failed(
    attempt: &'static str,
    place: String,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    let cause = Box::new(Place { place, cause: cause.into() });
    StoreError::Unavailable { attempt, may_have_happened: false, cause }
}

#[derive(Clone, Copy)]
enum Way {
    Up,
    Down(Option<u32>),
}

async fn pending(connection: &DatabaseConnection) -> Result<bool, sea_orm::DbErr> {
    Ok(!Migrator::get_pending_migrations_read_only(connection).await?.is_empty())
}

async fn migrate(address: &Address, connection: &DatabaseConnection, way: Way) -> Result<(), StoreError> {
    let attempt = "move the tables";
    if connection.get_database_backend() != DbBackend::Postgres {
        return step(connection, way).await.map_err(|cause| address.failed(attempt, cause));
    }
    // Of two replicas that start at once the second waits here and finds the work done. A lock of the transaction, not
    // of the connection, so that it also holds behind a pooler.
    let turn = address.connect(1).await?;
    let turn = turn.begin().await.map_err(|cause| address.failed(attempt, cause))?;
    let sql = format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
    turn.execute_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await
        .map_err(|cause| address.failed(attempt, cause))?;
    let moved = step(connection, way).await.map_err(|cause| address.failed(attempt, cause));
    turn.commit().await.map_err(|cause| address.failed(attempt, cause))?;
    moved
}

async fn step(connection: &DatabaseConnection, way: Way) -> Result<(), sea_orm::DbErr> {
    match way {
        Way::Up => Migrator::up(connection, None).await,
        Way::Down(steps) => Migrator::down(connection, steps).await,
    }
}
