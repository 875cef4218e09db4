//! Reads a stored body of rules without keeping the memory that reading takes.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use crate::rules::Rules;
use crate::rules::file::{RoutingFileError, parse};

/// Reads the body on a thread of its own, and gives a copy that shares no memory with what was read there.
///
/// Reading takes some fifteen times the memory of the rules. The allocator has a heap for each thread, and gives a heap
/// back when nothing in it is in use any more; rules that live among what was needed to read them keep all of it. For
/// 10,000 agents that is some 90 MB. Source: `rules_memory` of `offhook bench`.
pub(super) fn read_apart(name: &str, body: &str) -> Result<Rules, RoutingFileError> {
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
