//! Reads bodies of rules without keeping the memory that reading takes, and does long work on them away from the threads
//! that answer requests: there are two of those, and calls wait for them.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::rules::Rules;
use crate::rules::file::{RoutingFileError, parse};

/// Long work that is done at once; more waits. Each may keep a core busy for seconds and take fifteen times the memory of
/// the rules.
const ASIDE_MAX: usize = 2;

static ASIDE: Semaphore = Semaphore::const_new(ASIDE_MAX);

/// Does long work on rules for somebody who edits them: reading, looking for findings, comparing, writing.
///
/// A panic in it is the caller's. Not for calls, which would wait for whoever edits: see `read_for_calls`.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // It is never closed. The work keeps the permit also when nobody waits for it any more.
    let permit = ASIDE.acquire().await.ok();
    elsewhere(move || {
        let done = work();
        drop(permit);
        done
    })
    .await
}

/// [`read_apart`] for calls, at once.
pub(super) async fn read_for_calls(name: String, body: String) -> Result<Rules, RoutingFileError> {
    elsewhere(move || read_apart(&name, &body)).await
}

async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it whoever waits here.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Reads the body on a thread of its own, and gives a copy that shares no memory with what was read there.
///
/// Reading takes some fifteen times the memory of the rules. The allocator has a heap for each thread, and gives a heap
/// back when nothing in it is in use any more; rules that live among what was needed to read them keep all of it. For
/// 10,000 agents that is some 90 MB. Source: `rules_memory` of `offhook bench`.
///
/// # Errors
/// As [`parse`].
pub fn read_apart(name: &str, body: &str) -> Result<Rules, RoutingFileError> {
    std::thread::scope(|scope| {
        let (give, given) = sync_channel(0);
        let (release, released) = sync_channel::<()>(0);
        let reading = move || {
            let read = Arc::new(parse(name, body));
            // Whoever waits is there until this is taken.
            let _ = give.send(Arc::clone(&read));
            // What this thread's heap gave, this thread hands back: last, when the other has let go.
            let _ = released.recv();
            drop(read);
        };
        if std::thread::Builder::new().name("rules".to_owned()).spawn_scoped(scope, reading).is_err() {
            return parse(name, body);
        }
        let Ok(read) = given.recv() else { return parse(name, body) };
        let copy = match &*read {
            Ok(rules) => Ok(rules.copy_apart()),
            Err(error) => Err(error.clone()),
        };
        drop(read);
        drop(release);
        copy
    })
}
