//! Keeps beliefs current: asks Chatwoot without end, and hands on what follows.
//!
//! The websocket is asked every 3 s. While it is down, the list of agents is read instead, every 10 s unless the settings
//! say otherwise. The same list is read every minute in any case, since an agent who was removed disappears from it alone.
//! Contacts are read beside that, by [`super::contact_sync`].
//! Nothing here waits for a call, and no call waits for this. Source: DESIGN.md section 5; contracts/chatwoot.md 7.5.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::belief::{Belief, GRACE, Heard, Source, Status};
use super::contact_sync::{ContactSettings, ContactSync};
use crate::chatwoot::cable::{self, CableNews, CableSettings, PresenceReport};
use crate::chatwoot::door::EventSink;
use crate::chatwoot::payload::ContactEvent;
use crate::chatwoot::{Agent, Availability, ChatwootClient, ChatwootError, Contact};
use crate::clock::Clock;
use crate::telemetry::metric;

/// News waiting to be taken in; presence comes every 3 s, a request in between takes at most its time-out.
const NEWS_MAX: usize = 256;

/// What is believed of one agent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentReport {
    /// Chatwoot's id of the user.
    pub chatwoot_user_id: i64,
    /// What is believed, the grace applied.
    pub status: Status,
    /// Whether an offline status is an absence that outlasted the grace, rather than the agent's choice.
    pub is_absence: bool,
    /// [`Source::Cable`] or [`Source::Rest`].
    pub source: Source,
    /// Since when it is believed.
    pub since: DateTime<Utc>,
    /// When Chatwoot last spoke of the agent: what the hold of 30 min counts from.
    pub at: DateTime<Utc>,
}

/// What is to be kept of one contact: its name is read to agents, and a blocked one rings nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactReport {
    /// Chatwoot's id of the contact.
    pub chatwoot_contact_id: i64,
    /// As Chatwoot keeps it, which need not be E.164.
    pub phone: Option<String>,
    /// Empty when it has none.
    pub name: String,
    /// Whether an agent muted this contact.
    pub is_blocked: bool,
}

impl std::fmt::Debug for ContactReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ContactReport({}, is_blocked: {})", self.chatwoot_contact_id, self.is_blocked)
    }
}

/// Keeps what is believed of agents. A failure to keep is the sink's to log: the next report says it again.
#[async_trait]
pub trait AvailabilitySink: Send + Sync {
    /// Beliefs that changed, at once; all of them every [`FeedSettings::publish_every`]. Unordered, no agent twice.
    async fn report(&self, reports: Vec<AgentReport>);

    /// The confirmed agents of the account, at least once a minute while Chatwoot answers: who is missing was removed.
    async fn agents(&self, agents: Vec<Agent>, at: DateTime<Utc>);
}

/// Keeps names and blocks of contacts.
#[async_trait]
pub trait ContactSink: Send + Sync {
    /// Contacts that may have changed; the same one may come again. One without a number is to be forgotten.
    async fn report(&self, contacts: Vec<ContactReport>);

    /// This contact is gone.
    async fn forget(&self, contact: i64);

    /// Ids above `after` of the contacts that are kept, in order, some at a time.
    async fn list_kept(&self, after: i64) -> Vec<i64>;
}

/// The rhythm of asking.
#[derive(Debug, Clone, Copy)]
pub struct FeedSettings {
    /// The websocket's own rhythm.
    pub cable: CableSettings,
    /// How often agents are read over REST while the websocket is down: 5 to 10 s.
    pub rest_every: Duration,
    /// How often the list of agents is read in any case.
    pub agents_every: Duration,
    /// How contacts are read.
    pub contacts: ContactSettings,
    /// How often unchanged beliefs are reported, so that their age is known after a restart.
    pub publish_every: Duration,
    /// How long an absence must last to be believed.
    pub grace: TimeDelta,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            cable: CableSettings::default(),
            rest_every: Duration::from_secs(5),
            agents_every: Duration::from_secs(60),
            contacts: ContactSettings::default(),
            publish_every: Duration::from_secs(15),
            grace: GRACE,
        }
    }
}

/// Whom the feed tells.
#[derive(Clone)]
pub struct FeedSinks {
    /// Agents.
    pub availability: Arc<dyn AvailabilitySink>,
    /// Contacts.
    pub contacts: Arc<dyn ContactSink>,
    /// Everything else that happened.
    pub events: Arc<dyn EventSink>,
}

/// Runs until `stop`. `beliefs` are those of the last run, by Chatwoot user id, so that a restart forgets nothing.
pub async fn run(
    client: ChatwootClient,
    clock: Arc<dyn Clock>,
    settings: FeedSettings,
    sinks: FeedSinks,
    beliefs: HashMap<i64, Belief>,
    stop: CancellationToken,
) {
    let (to, news) = mpsc::channel(NEWS_MAX);
    let listening = cable::run(&client, clock.clone(), settings.cable, to, stop.clone());
    metrics::gauge!(metric::CABLE_UP).set(0);
    let contacts = ContactSync::new(&client, Arc::clone(&clock), settings.contacts, Arc::clone(&sinks.contacts));
    let feed = Feed::new(&client, clock, settings, sinks, beliefs);
    // Each has its own part of the socket and REST; none ends before `stop`.
    tokio::join!(listening, feed.run(news, stop.clone()), contacts.run(stop.clone()));
}

/// Reads agents and all contacts once: what a service without workers knows of Chatwoot.
pub async fn hear_once(client: &ChatwootClient, clock: Arc<dyn Clock>, settings: FeedSettings, sinks: FeedSinks) {
    let mut contacts = ContactSync::new(client, Arc::clone(&clock), settings.contacts, Arc::clone(&sinks.contacts));
    Feed::new(client, clock, settings, sinks, HashMap::new()).read_agents().await;
    contacts.read_all().await;
}

struct Feed<'c> {
    client: &'c ChatwootClient,
    clock: Arc<dyn Clock>,
    settings: FeedSettings,
    sinks: FeedSinks,
    beliefs: HashMap<i64, Belief>,
    is_cable_up: bool,
    /// Whether the last request over REST failed; a failure is logged once.
    is_refused: bool,
    /// Until when Chatwoot asked to be left alone.
    rest_not_before: Option<Instant>,
    /// Who is in the last list of agents; none before the first.
    listed: Option<HashSet<i64>>,
}

impl<'c> Feed<'c> {
    fn new(
        client: &'c ChatwootClient,
        clock: Arc<dyn Clock>,
        settings: FeedSettings,
        sinks: FeedSinks,
        beliefs: HashMap<i64, Belief>,
    ) -> Self {
        let (is_cable_up, is_refused, rest_not_before, listed) = (false, false, None, None);
        Self { client, clock, settings, sinks, beliefs, is_cable_up, is_refused, rest_not_before, listed }
    }

    async fn run(mut self, mut news: mpsc::Receiver<CableNews>, stop: CancellationToken) {
        let mut agents = every(self.settings.agents_every);
        let mut rest = every(self.settings.rest_every);
        let mut publish = every(self.settings.publish_every);
        loop {
            tokio::select! {
                // In this order: what was said before it is asked again.
                biased;
                () = stop.cancelled() => return,
                Some(news) = news.recv() => self.take(news).await,
                _ = agents.tick() => self.read_agents().await,
                _ = rest.tick(), if !self.is_cable_up => self.read_agents().await,
                _ = publish.tick() => self.publish(self.beliefs.keys().copied().collect()).await,
            }
        }
    }

    async fn take(&mut self, news: CableNews) {
        match news {
            CableNews::Subscribed => {}
            CableNews::Lost => {
                self.is_cable_up = false;
                metrics::gauge!(metric::CABLE_UP).set(0);
            }
            CableNews::Presence(report) => {
                // Only now: a subscription without reports is no better than none.
                self.is_cable_up = true;
                metrics::gauge!(metric::CABLE_UP).set(1);
                self.take_presence(&report).await;
            }
            CableNews::Event(event) => {
                self.sinks.events.event(event).await;
            }
        }
    }

    async fn take_presence(&mut self, report: &PresenceReport) {
        // Somebody who was removed may leave a browser open.
        let is_listed = |user: &&i64| self.listed.as_ref().is_none_or(|listed| listed.contains(user));
        for user in report.online.keys().filter(is_listed) {
            self.beliefs.entry(*user).or_insert_with(|| Belief::unknown(report.at));
        }
        let mut changed = Vec::new();
        for (user, belief) in &mut self.beliefs {
            let status = report.online.get(user).copied().map(status_of);
            if belief.hear(Heard::cable(status, report.at), self.settings.grace) {
                changed.push(*user);
            }
        }
        self.publish(changed).await;
    }

    /// Reads the list of agents: who they are, and, while the websocket is down, how they are.
    async fn read_agents(&mut self) {
        if self.is_told_to_wait() {
            return;
        }
        let answer = self.client.list_agents().await;
        let now = self.clock.now();
        let Some(mut agents) = self.noting_failure(answer) else {
            return;
        };
        agents.retain(|agent| agent.is_confirmed);
        let listed: HashSet<i64> = agents.iter().map(|agent| agent.id).collect();
        self.beliefs.retain(|user, _| listed.contains(user));
        self.listed = Some(listed);
        let mut changed = Vec::new();
        for agent in &agents {
            let belief = self.beliefs.entry(agent.id).or_insert_with(|| Belief::unknown(now));
            // With the websocket up this list only says less, and later.
            if !self.is_cable_up
                && belief.hear(Heard::rest(status_of(agent.availability_status), now), self.settings.grace)
            {
                changed.push(agent.id);
            }
        }
        self.sinks.availability.agents(agents, now).await;
        self.publish(changed).await;
    }

    async fn publish(&self, users: Vec<i64>) {
        let reports: Vec<AgentReport> =
            users.iter().filter_map(|user| report_of(*user, self.beliefs.get(user)?)).collect();
        if !reports.is_empty() {
            self.sinks.availability.report(reports).await;
        }
    }

    fn is_told_to_wait(&self) -> bool {
        self.rest_not_before.is_some_and(|end| Instant::now() < end)
    }

    fn noting_failure<T>(&mut self, answer: Result<T, ChatwootError>) -> Option<T> {
        let was_refused = std::mem::replace(&mut self.is_refused, answer.is_err());
        match answer {
            Ok(answer) => {
                if was_refused {
                    info!("Chatwoot answers again");
                }
                Some(answer)
            }
            Err(error) => {
                self.rest_not_before = error.retry_after().map(|wait| Instant::now() + wait);
                if !was_refused {
                    warn!(%error, "Chatwoot does not tell who takes calls; the last known state holds");
                }
                None
            }
        }
    }
}

pub(super) fn every(span: Duration) -> Interval {
    let mut ticks = interval(span);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn status_of(availability: Availability) -> Status {
    match availability {
        Availability::Online => Status::Online,
        Availability::Busy => Status::Busy,
        Availability::Offline => Status::Offline,
    }
}

/// None while nothing is believed yet.
fn report_of(user: i64, belief: &Belief) -> Option<AgentReport> {
    Some(AgentReport {
        chatwoot_user_id: user,
        status: belief.status?,
        is_absence: belief.is_absence,
        source: belief.source,
        since: belief.since,
        at: belief.last_heard_at?,
    })
}

impl From<&Contact> for ContactReport {
    fn from(contact: &Contact) -> Self {
        Self {
            chatwoot_contact_id: contact.id,
            phone: contact.phone_number.clone(),
            name: contact.name.clone().unwrap_or_default(),
            is_blocked: contact.is_blocked,
        }
    }
}

impl From<&ContactEvent> for ContactReport {
    fn from(contact: &ContactEvent) -> Self {
        Self {
            chatwoot_contact_id: contact.id,
            phone: contact.phone.clone(),
            name: contact.name.clone(),
            is_blocked: contact.is_blocked,
        }
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
