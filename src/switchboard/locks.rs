//! One decision a call at a time within this replica, so that the database has to refuse only other replicas' saves.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::ids::CallId;

/// Calls share so many locks; two calls on one lock only wait for each other.
const LOCKS: usize = 512;

/// A fixed set of locks, shared by calls through their identifiers.
#[derive(Debug)]
pub struct CallLocks(Vec<Arc<Mutex<()>>>);

impl Default for CallLocks {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Arc::new(Mutex::new(()))).collect())
    }
}

impl CallLocks {
    /// Waits for the call's turn. Hold no two at once.
    pub async fn hold(&self, call: CallId) -> Option<OwnedMutexGuard<()>> {
        // The last bytes of an identifier are chance, whatever its time.
        let [.., high, low] = *call.0.as_bytes();
        let lock = self.0.get(usize::from(u16::from_be_bytes([high, low])) % LOCKS)?;
        Some(Arc::clone(lock).lock_owned().await)
    }
}
