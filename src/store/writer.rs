//! The one writer of SQLite, with group commit.
//!
//! Several connections that compete for the write lock wait for seconds; a queue waits for microseconds. While one
//! commit is being synced, the jobs that arrive queue up and share the next, each inside a savepoint of its own: one
//! that fails is undone alone. Nobody is answered before the commit.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::session::{Job, Session, unavailable};

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
    run: Box<dyn for<'a> FnOnce(&'a Session<'a>) -> Pin<Box<dyn Future<Output = Ran> + Send + 'a>> + Send>,
    /// Whether anybody still wants the answer.
    is_wanted: Box<dyn Fn() -> bool + Send>,
    /// Answers a job that was never begun.
    refuse: Box<dyn FnOnce(DbErr) + Send>,
}

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
        None => transaction.commit().await.map_err(|cause| Lost { may_have_happened: true, cause }),
    };
    for ran in ran {
        (ran.answer)(outcome.clone());
    }
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
