//! What the server, the cable, the webhook sender and the handle share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{broadcast, mpsc, watch};

use super::call::Call;
use super::deliveries::Delivery;
use super::happenings::{Broadcast, Post, word};
use super::routes::Found;
use super::switches::Switches;
use super::world::World;
use crate::clock::Clock;

/// How often a wait looks at the injected clock.
const GLANCE: std::time::Duration = std::time::Duration::from_millis(5);

/// One request the stand-in got.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When it was done, by the injected clock.
    pub at: DateTime<Utc>,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The status it was answered with; none if it got no reply.
    pub status: Option<u16>,
}

/// The state behind every handle.
pub(super) struct Shared {
    world: Mutex<World>,
    switches: Mutex<Switches>,
    pub(super) seen: Mutex<Vec<Seen>>,
    pub(super) deliveries: Mutex<Vec<Delivery>>,
    /// Requests that are done later, each from that instant on.
    pub(super) late: Mutex<Vec<(DateTime<Utc>, Found, Call)>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) broadcasts: broadcast::Sender<Broadcast>,
    pub(super) posts: mpsc::UnboundedSender<Post>,
    pub(super) changes: watch::Sender<u64>,
}

/// Locks, whatever became of an earlier holder.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(world: World, posts: mpsc::UnboundedSender<Post>) -> Self {
        Self {
            clock: Arc::clone(&world.clock),
            world: Mutex::new(world),
            switches: Mutex::default(),
            seen: Mutex::default(),
            deliveries: Mutex::default(),
            late: Mutex::default(),
            broadcasts: broadcast::channel(4096).0,
            posts,
            changes: watch::channel(0).0,
        }
    }

    /// Does something to the world, and tells everybody what came of it.
    pub(super) fn run<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let (outcome, outgoing) = {
            let mut world = lock(&self.world);
            let outcome = act(&mut world);
            (outcome, word(&mut world))
        };
        for broadcast in outgoing.broadcasts {
            let _nobody_listens = self.broadcasts.send(broadcast);
        }
        if self.switches(|switches| switches.sends_webhooks) {
            for post in outgoing.posts {
                let _stopped = self.posts.send(post);
            }
        }
        self.touch();
        outcome
    }

    /// Looks at the world without changing it.
    pub(super) fn look<T>(&self, see: impl FnOnce(&World) -> T) -> T {
        see(&lock(&self.world))
    }

    /// Reads or sets the switches.
    pub(super) fn switches<T>(&self, act: impl FnOnce(&mut Switches) -> T) -> T {
        act(&mut lock(&self.switches))
    }

    /// Says that something changed.
    pub(super) fn touch(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Notes a request.
    pub(super) fn note(&self, method: &str, path: &str, status: Option<u16>) {
        let seen = Seen { at: self.clock.now(), method: method.to_owned(), path: path.to_owned(), status };
        lock(&self.seen).push(seen);
    }

    /// Waits until the injected clock has gone on by `span`.
    pub(super) async fn wait(&self, span: TimeDelta) {
        let until = self.clock.now() + span;
        while self.clock.now() < until {
            tokio::time::sleep(GLANCE).await;
        }
    }
}
