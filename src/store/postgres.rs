//! PostgreSQL: each job is a transaction of its own on a pool; the engine's constraints are the arbiter.

use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr, TransactionTrait};

use super::StoreError;
use super::session::{Job, Session};
use super::writer::{cannot_begin, timed};

/// How often a transaction is run again that lost against another one.
const REPEATS_MAX: u32 = 3;

/// The pause before it is run again, times the number of the attempt.
const PAUSE: Duration = Duration::from_millis(5);

/// The slowest of our transactions takes milliseconds. One that takes so long hangs on a network that is gone, and would
/// keep its connection from all others. Not a setting of the session, since a pooler would refuse or mix up those.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Serialisation failure, deadlock, and two who drew the same number. Source: PostgreSQL manual, appendix A.
const REPEATABLE: [&str; 3] = ["40001", "40P01", "23505"];

/// Runs a job to its end. A caller who stops waiting does not stop it half-way.
pub(super) async fn run<T: Send + 'static>(pool: &DatabaseConnection, job: Job<T>) -> Result<T, StoreError> {
    let pool = pool.clone();
    let running = tokio::spawn(async move {
        let mut repeats = 0;
        loop {
            match bounded(once(&pool, &job)).await {
                Err(error) if repeats < REPEATS_MAX && is_repeatable(&error) => {
                    repeats += 1;
                    tokio::time::sleep(PAUSE * repeats).await;
                }
                other => return other,
            }
        }
    });
    running.await.map_err(|cause| StoreError::Unavailable {
        attempt: "finish the work",
        may_have_happened: false,
        cause: Box::new(cause),
    })?
}

/// Gives up on work that hangs; its connection is closed with it.
pub(super) async fn bounded<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(result) => result,
        Err(cause) => {
            Err(StoreError::Unavailable { attempt: "answer in time", may_have_happened: true, cause: Box::new(cause) })
        }
    }
}

async fn once<T>(pool: &DatabaseConnection, job: &Job<T>) -> Result<T, StoreError> {
    let transaction = pool.begin().await.map_err(cannot_begin)?;
    let result = job(&Session::new(&transaction)).await;
    match result {
        Ok(answer) => match timed(transaction.commit()).await {
            Ok(()) => Ok(answer),
            Err(cause) => {
                // A refusal is certain; a lost connection is not.
                let may_have_happened = code(&cause).is_none();
                Err(StoreError::Unavailable { attempt: "commit", may_have_happened, cause: Box::new(cause) })
            }
        },
        Err(error) => {
            // A connection that cannot even roll back is closed by the pool, which undoes the transaction too.
            drop(transaction.rollback().await);
            Err(error)
        }
    }
}

fn is_repeatable(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable { cause, may_have_happened: false, .. } => {
            cause.downcast_ref::<DbErr>().and_then(code).is_some_and(|code| REPEATABLE.contains(&code.as_str()))
        }
        StoreError::Unavailable { .. }
        | StoreError::NotFound { .. }
        | StoreError::Conflict(_)
        | StoreError::Corrupt { .. } => false,
    }
}

fn code(cause: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = cause else {
        return None;
    };
    Some(cause.as_database_error()?.code()?.into_owned())
}
