//! The one writer of SQLite, with group commit.
//!
//! Several connections that compete for the write lock wait for seconds; a queue waits for microseconds. While one
//! commit is being synced, the jobs that arrive queue up and share the next, each inside a savepoint of its own: one
//! that fails is undone alone. Nobody is answered before the commit.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::FutureExt;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::session::{Job, Session, unavailable};
use crate::telemetry::metric;

/// Jobs that may wait. At some thousands a second this is under half a second of work; whoever comes later waits outside.
const QUEUE_MAX: usize = 1_024;

/// Jobs that share a commit: enough to pay for the sync, few enough that the first of them does not wait long.
pub(super) const BATCH_MAX: usize = 64;

/// The door to the writer.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Queued>,
}

/// A job whose type of answer is hidden.
struct Queued {
    run: Box<dyn for<'a> FnOnce(&'a Session<'a>) -> Running<'a> + Send>,
    /// Whether anybody still wants the answer.
    is_wanted: Box<dyn Fn() -> bool + Send>,
    /// Answers a job that was never begun.
    refuse: Box<dyn FnOnce(DbErr) + Send>,
}

/// A job under way, which ends with what it left behind.
type Running<'a> = Pin<Box<dyn Future<Output = Ran> + Send + 'a>>;

/// What a job left behind.
struct Ran {
    keep: bool,
    answer: Answer,
}

/// Gives the answer, once it is known whether the commit held.
type Answer = Box<dyn FnOnce(Result<(), Lost>) + Send>;

/// The batch was lost.
#[derive(Clone)]
struct Lost {
    may_have_happened: bool,
    cause: DbErr,
}

impl Writer {
    /// Starts the writer over a pool of one connection. It ends when the last door to it is dropped.
    pub(super) fn start(connection: DatabaseConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(write(connection, jobs));
        Self { queue }
    }

    /// Queues a job and waits for the commit. A caller who stops waiting does not stop the job half-way.
    pub(super) async fn run<T: Send + 'static>(&self, job: Job<T>) -> Result<T, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let gone = || StoreError::Unavailable {
            attempt: "finish the work",
            may_have_happened: false,
            cause: "the writer has stopped, or the job panicked".into(),
        };
        self.queue.send(queued(job, sender)).await.map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }
}

fn queued<T: Send + 'static>(job: Job<T>, sender: oneshot::Sender<Result<T, StoreError>>) -> Queued {
    let sender = Arc::new(Mutex::new(Some(sender)));
    let watched = Arc::clone(&sender);
    let refused = Arc::clone(&sender);
    let take = move || sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    Queued {
        refuse: Box::new(move |cause| {
            if let Some(sender) = refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
                drop(sender.send(Err(cannot_begin(cause))));
            }
        }),
        is_wanted: Box::new(move || {
            let sender = watched.lock().unwrap_or_else(PoisonError::into_inner);
            sender.as_ref().is_some_and(|sender| !sender.is_closed())
        }),
        run: Box::new(move |session| {
            Box::pin(async move {
                let result = job(session).await;
                let keep = result.is_ok();
                let answer: Answer = Box::new(move |committed| {
                    let result = match (committed, result) {
                        (Err(lost), Ok(_)) => Err(StoreError::Unavailable {
                            attempt: "commit",
                            may_have_happened: lost.may_have_happened,
                            cause: Box::new(lost.cause),
                        }),
                        (_, result) => result,
                    };
                    if let Some(sender) = take() {
                        // Nobody may be waiting any more; the work is done all the same.
                        drop(sender.send(result));
                    }
                });
                Ran { keep, answer }
            })
        }),
    }
}

async fn write(connection: DatabaseConnection, mut jobs: mpsc::Receiver<Queued>) {
    while let Some(first) = jobs.recv().await {
        batch(&connection, first, &mut jobs).await;
    }
}

/// One transaction: the first job, and whatever has queued up by the time it is done.
async fn batch(connection: &DatabaseConnection, first: Queued, jobs: &mut mpsc::Receiver<Queued>) {
    let immediate = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = match connection.begin_with_options(immediate).await {
        Ok(transaction) => transaction,
        Err(cause) => return refuse(first, jobs, &cause),
    };
    let mut ran = Vec::new();
    let mut next = Some(first);
    let mut broken = None;
    let mut taken = 0;
    while let Some(job) = next.take() {
        taken += 1;
        match one(&transaction, job).await {
            Ok(done) => ran.extend(done),
            Err((done, cause)) => {
                ran.extend(done);
                broken = Some(cause);
                break;
            }
        }
        if taken < BATCH_MAX {
            next = jobs.try_recv().ok();
        }
    }
    let outcome = match broken {
        // The engine has undone the transaction (a full disk, a failed read); none of it happened.
        Some(cause) => {
            drop(transaction.rollback().await);
            Err(Lost { may_have_happened: false, cause })
        }
        None => timed(transaction.commit()).await.map_err(|cause| Lost { may_have_happened: true, cause }),
    };
    for ran in ran {
        (ran.answer)(outcome.clone());
    }
}

/// A commit, with its time.
pub(super) async fn timed<T>(commit: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let outcome = commit.await;
    metrics::histogram!(metric::COMMIT_SECONDS).record(began.elapsed().as_secs_f64());
    outcome
}

/// Runs one job inside a savepoint. An error means that the whole transaction is lost.
async fn one(transaction: &DatabaseTransaction, job: Queued) -> Result<Option<Ran>, (Option<Ran>, DbErr)> {
    if !(job.is_wanted)() {
        return Ok(None);
    }
    transaction.execute_unprepared("SAVEPOINT job").await.map_err(|cause| (None, cause))?;
    let session = Session::new(transaction);
    let ran = AssertUnwindSafe((job.run)(&session)).catch_unwind().await.ok();
    let end = if ran.as_ref().is_some_and(|ran| ran.keep) { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
    match transaction.execute_unprepared(end).await {
        Ok(_) => Ok(ran),
        Err(cause) => Err((ran, cause)),
    }
}

/// The write lock cannot be had. Whoever has queued up meanwhile has waited as long as the first.
fn refuse(first: Queued, jobs: &mut mpsc::Receiver<Queued>, cause: &DbErr) {
    (first.refuse)(cause.clone());
    for _ in 0..jobs.len() {
        if let Ok(job) = jobs.try_recv() {
            (job.refuse)(cause.clone());
        }
    }
}

/// The database could not begin a transaction.
pub(super) fn cannot_begin(cause: DbErr) -> StoreError {
    unavailable("begin", cause)
}

#[cfg(test)]
mod tests {
    use super::super::session::{job, values};
    use super::super::sqlite;
    use super::*;

    /// A writer over a table of its own, which may grow to about so many pages of 4 KiB.
    async fn writer(pages: u32) -> Writer {
        let connection = sqlite::open_writer(None).await.unwrap();
        connection.execute_unprepared("CREATE TABLE things (n BIGINT PRIMARY KEY, body TEXT)").await.unwrap();
        connection.execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await.unwrap();
        Writer::start(connection)
    }

    fn insert(n: i64, letters: usize) -> Job<u64> {
        job(move |session| {
            Box::pin(async move {
                session.run("insert", "INSERT INTO things (n, body) VALUES ($1, 'first')", values![-n]).await?;
                let body = "x".repeat(letters);
                session.run("insert", "INSERT INTO things (n, body) VALUES ($1, $2)", values![n, body]).await
            })
        })
    }

    async fn numbers(writer: &Writer) -> Vec<String> {
        let all = job(|session| {
            Box::pin(
                async move { session.texts("read", "SELECT CAST(n AS TEXT) FROM things ORDER BY n", Vec::new()).await },
            )
        });
        writer.run(all).await.unwrap()
    }

    #[tokio::test]
    async fn a_job_that_fails_is_undone_alone() {
        let writer = writer(1_000).await;
        let (one, twice, two) =
            tokio::join!(writer.run(insert(1, 1)), writer.run(insert(1, 1)), writer.run(insert(2, 1)));
        assert!(one.is_ok() && two.is_ok());
        assert!(matches!(twice, Err(StoreError::Unavailable { may_have_happened: false, .. })));
        assert_eq!(numbers(&writer).await, ["-2", "-1", "1", "2"]);
    }

    #[tokio::test]
    async fn a_full_disk_fails_and_nothing_is_kept_by_half() {
        let writer = writer(20).await;
        let (one, big, two) =
            tokio::join!(writer.run(insert(1, 1)), writer.run(insert(3, 500_000)), writer.run(insert(2, 1)));
        assert!(matches!(big, Err(StoreError::Unavailable { may_have_happened: false, .. })));
        let mut wanted = Vec::new();
        for (n, result) in [(1, one), (2, two)] {
            if result.is_ok() {
                wanted.extend([(-n).to_string(), n.to_string()]);
            }
        }
        let mut kept = numbers(&writer).await;
        kept.sort();
        wanted.sort();
        assert_eq!(kept, wanted);
        writer.run(insert(4, 1)).await.unwrap();
    }

    #[tokio::test]
    async fn a_job_that_panics_stops_nobody_else() {
        let writer = writer(1_000).await;
        let panics: Job<u64> = job(|_| Box::pin(async { panic!("on purpose") }));
        let (one, panicked, two) = tokio::join!(writer.run(insert(1, 1)), writer.run(panics), writer.run(insert(2, 1)));
        assert!(one.is_ok() && two.is_ok() && panicked.is_err());
        assert_eq!(numbers(&writer).await, ["-2", "-1", "1", "2"]);
    }

    #[tokio::test]
    async fn a_lock_held_elsewhere_fails_the_jobs_and_passes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("offhook.db");
        let connection = sqlite::open_writer(Some(&path)).await.unwrap();
        connection.execute_unprepared("CREATE TABLE things (n BIGINT PRIMARY KEY, body TEXT)").await.unwrap();
        connection.execute_unprepared("PRAGMA busy_timeout = 0").await.unwrap();
        let writer = Writer::start(connection);
        let other = sqlite::open_writer(Some(&path)).await.unwrap();
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let lock = other.begin_with_options(immediate).await.unwrap();
        let (one, two) = tokio::join!(writer.run(insert(1, 1)), writer.run(insert(2, 1)));
        for refused in [one, two] {
            let attempt = "begin";
            assert!(
                matches!(refused, Err(StoreError::Unavailable { attempt: of, may_have_happened: false, .. }) if of == attempt)
            );
        }
        lock.rollback().await.unwrap();
        writer.run(insert(1, 1)).await.unwrap();
        assert_eq!(numbers(&writer).await, ["-1", "1"]);
    }

    #[tokio::test]
    async fn more_jobs_than_a_batch_holds_are_all_done() {
        let writer = writer(1_000).await;
        let all = (1..=200).map(|n| writer.run(insert(n, 1)));
        assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
        assert_eq!(numbers(&writer).await.len(), 400);
    }
}
