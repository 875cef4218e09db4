//! Load: so many at a time, each beginning the next as soon as its last is done.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::line::Line;
use crate::store::{Save, Store};

/// One round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// From the first request to the last answer.
    pub took: Duration,
    /// How long each waited.
    pub waits: Vec<Duration>,
}

impl Round {
    pub(super) fn per_second(&self) -> f64 {
        let count = u32::try_from(self.waits.len()).unwrap_or(u32::MAX);
        f64::from(count) / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// What is left to be sent.
struct Pile<T>(Mutex<VecDeque<T>>);

impl<T> Pile<T> {
    fn new(all: Vec<T>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(all.into())))
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Sends all requests over so many fresh connections, one at a time on each.
pub(super) async fn send(address: SocketAddr, lanes: usize, requests: Vec<Vec<u8>>) -> anyhow::Result<Round> {
    let mut lines = Vec::with_capacity(lanes);
    for _ in 0..lanes {
        lines.push(Line::open(address).await?);
    }
    let pile = Pile::new(requests);
    let began = Instant::now();
    let senders: Vec<_> = lines
        .into_iter()
        .map(|mut line| {
            let pile = Arc::clone(&pile);
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while let Some(request) = pile.take() {
                    let asked = Instant::now();
                    line.ring(&request).await?;
                    waits.push(asked.elapsed());
                }
                anyhow::Ok(waits)
            })
        })
        .collect();
    gather(began, senders).await
}

/// Saves everything, `lanes` at a time.
pub(super) async fn save(store: &Arc<dyn Store>, lanes: usize, saves: Vec<Save>) -> anyhow::Result<Round> {
    let pile = Pile::new(saves);
    let began = Instant::now();
    let savers: Vec<_> = (0..lanes)
        .map(|_| {
            let (pile, store) = (Arc::clone(&pile), Arc::clone(store));
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while let Some(save) = pile.take() {
                    let asked = Instant::now();
                    store.save(save).await?;
                    waits.push(asked.elapsed());
                }
                anyhow::Ok(waits)
            })
        })
        .collect();
    gather(began, savers).await
}

async fn gather(began: Instant, lanes: Vec<JoinHandle<anyhow::Result<Vec<Duration>>>>) -> anyhow::Result<Round> {
    let mut round = Round::default();
    for lane in lanes {
        round.waits.extend(lane.await??);
    }
    round.took = began.elapsed();
    Ok(round)
}

/// The value in the middle; 0 of nothing.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
