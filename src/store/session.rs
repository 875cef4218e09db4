//! Statements with their values, sent over a connection or inside a transaction. No other file speaks to the driver.
//!
//! Both engines read `$1`, so there is one text for each question; the driver keeps it prepared.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseExecutor, DbBackend, DbErr, FromQueryResult, QueryResult, Statement, Value};

use super::StoreError;

/// Rows that one statement writes at most; both engines bound the number of values in a statement.
pub(super) const ROWS_MAX: usize = 500;

/// Work to be done inside one transaction. It may be run again from the start when the engine asks for that.
pub(super) type Job<T> = Arc<dyn for<'a> Fn(&'a Session<'a>) -> Working<'a, T> + Send + Sync>;

/// A job under way.
pub(super) type Working<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Names a closure as a job, so that its lifetimes are inferred.
pub(super) fn job<T, F>(work: F) -> Job<T>
where
    F: for<'a> Fn(&'a Session<'a>) -> Working<'a, T> + Send + Sync + 'static,
{
    Arc::new(work)
}

/// The values of a statement, in the order of their numbers.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(sea_orm::Value::from($value)),*] };
}
pub(super) use values;

/// One connection or transaction.
pub(super) struct Session<'a> {
    on: DatabaseExecutor<'a>,
    backend: DbBackend,
}

impl<'a> Session<'a> {
    pub(super) fn new(on: impl Into<DatabaseExecutor<'a>>) -> Self {
        let on = on.into();
        let backend = on.get_database_backend();
        Self { on, backend }
    }

    /// Whether several replicas may write at once.
    pub(super) fn is_shared(&self) -> bool {
        self.backend == DbBackend::Postgres
    }

    /// All rows.
    pub(super) async fn rows<R: FromQueryResult>(
        &self,
        attempt: &'static str,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Vec<R>, StoreError> {
        let found =
            self.on.query_all_raw(self.statement(sql, values)).await.map_err(|cause| unavailable(attempt, cause))?;
        found.iter().map(|row| R::from_query_result(row, "").map_err(|cause| corrupt("row", cause))).collect()
    }

    /// The only row.
    pub(super) async fn row<R: FromQueryResult>(
        &self,
        attempt: &'static str,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Option<R>, StoreError> {
        let found = self.first(attempt, sql, values).await?;
        found.map(|row| R::from_query_result(&row, "").map_err(|cause| corrupt("row", cause))).transpose()
    }

    /// The first column of the only row, if there is a row and it is a number.
    pub(super) async fn number(
        &self,
        attempt: &'static str,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Option<i64>, StoreError> {
        let found = self.first(attempt, sql, values).await?;
        match found {
            Some(row) => row.try_get_by_index::<Option<i64>>(0).map_err(|cause| corrupt("number", cause)),
            None => Ok(None),
        }
    }

    /// The first column of all rows.
    pub(super) async fn texts(
        &self,
        attempt: &'static str,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Vec<String>, StoreError> {
        let found =
            self.on.query_all_raw(self.statement(sql, values)).await.map_err(|cause| unavailable(attempt, cause))?;
        found.iter().map(|row| row.try_get_by_index::<String>(0).map_err(|cause| corrupt("text", cause))).collect()
    }

    /// Changes rows; returns how many.
    pub(super) async fn run(
        &self,
        attempt: &'static str,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let done =
            self.on.execute_raw(self.statement(sql, values)).await.map_err(|cause| unavailable(attempt, cause))?;
        Ok(done.rows_affected())
    }

    async fn first(
        &self,
        attempt: &'static str,
        sql: impl Into<String>,
        values: Vec<Value>,
    ) -> Result<Option<QueryResult>, StoreError> {
        self.on.query_one_raw(self.statement(sql, values)).await.map_err(|cause| unavailable(attempt, cause))
    }

    fn statement(&self, sql: impl Into<String>, values: Vec<Value>) -> Statement {
        let statement = Statement::from_sql_and_values(self.backend, sql, values);
        #[cfg(test)]
        seen::keep(&statement);
        statement
    }
}

/// The database did not do it, and nothing of it happened.
pub(super) fn unavailable(attempt: &'static str, cause: DbErr) -> StoreError {
    StoreError::Unavailable { attempt, may_have_happened: false, cause: Box::new(cause) }
}

/// A row does not read as what it should be.
pub(super) fn corrupt(what: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Corrupt { what, cause: cause.into() }
}

/// `($1, $2), ($3, $4)`: the places of so many rows of so many columns.
pub(super) fn tuples(rows: usize, columns: usize) -> String {
    let tuple = |row: usize| format!("({})", places(row * columns + 1, columns));
    (0..rows).map(tuple).collect::<Vec<_>>().join(", ")
}

/// Placeholders of so many values, from this number on: `$3, $4`.
pub(super) fn places(from: usize, count: usize) -> String {
    (from..from + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// An instant as it is stored: microseconds since 1970.
pub(super) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// A stored instant.
pub(super) fn instant(micros: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| corrupt("instant", format!("{micros} µs is out of range")))
}

/// A stored instant, or none.
pub(super) fn instant_or_none(micros: Option<i64>) -> Result<Option<DateTime<Utc>>, StoreError> {
    micros.map(instant).transpose()
}

/// A stored count.
pub(super) fn count(stored: i64) -> Result<u32, StoreError> {
    u32::try_from(stored).map_err(|cause| corrupt("count", cause))
}

/// Reads JSON out of a column.
pub(super) fn parse<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|cause| corrupt(what, cause))
}

/// Writes JSON for a column. Types of this program always can be.
pub(super) fn print<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|cause| corrupt(what, cause))
}

/// Every statement that tests of this library sent, so that a test can ask the engine how it goes about them.
#[cfg(test)]
pub(super) mod seen {
    use std::sync::Mutex;

    use sea_orm::Statement;

    static SEEN: Mutex<Vec<Statement>> = Mutex::new(Vec::new());

    pub(in crate::store) fn keep(statement: &Statement) {
        SEEN.lock().unwrap().push(statement.clone());
    }

    pub(in crate::store) fn all() -> Vec<Statement> {
        SEEN.lock().unwrap().clone()
    }
}
