//! The whole exchange in one value: both stand-ins and the real service between them, on real or on manual time.
//!
//! `offhook demo` runs one on real time; named stories and the tests run one on a clock they turn. On manual time nothing
//! moves by itself: [`Exchange::advance`] turns the clock from one due instant to the next, and at each of them lets the
//! service do what is due and the stand-ins what follows.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::chatwoot::{self, ChatwootStandIn};
use super::twilio::{self, Behaviour, PhoneKind, Switches, Time, TwilioStandIn};
use crate::app::App;
use crate::chatwoot::{ChatwootClient, ChatwootSettings, http_client};
use crate::clock::{Clock, CountedIds, ManualClock, RandomIds, SystemClock};
use crate::config::Settings;
use crate::rules::{self, Rules};
use crate::store::Store;
use crate::store::open::{OpenOptions, open};
use crate::twilio::urls::Door;

/// The routing file that the demo plays.
pub const ROUTING: &str = include_str!("../../examples/routing.toml");

/// The customers' phones.
pub const CUSTOMERS: [(&str, &str); 4] = [
    ("+15550100001", "Jane Doe"),
    ("+15550100005", "Omar Haddad"),
    ("+15550100006", "Ruth Klein"),
    ("+15550100007", "Ben Osei"),
];

/// When manual time begins: a Tuesday, 11:00 in New York, in the hours of the example's first brand.
pub const MANUAL_START: &str = "2026-11-24T16:00:00Z";

/// The service is moved on at least so often on manual time, since its deadlines are looked at, not waited for.
const STRIDE: TimeDelta = TimeDelta::milliseconds(500);

/// The same while nobody is on the line: what is due then stands in the database, with its instant.
const QUIET_STRIDE: TimeDelta = TimeDelta::seconds(30);

/// So often service and carrier have something for each other at one instant; more, and they lead each other in circles.
const ROUNDS_AN_INSTANT_MAX: u32 = 1_000;

/// How an exchange is set up.
#[derive(Debug, Clone)]
pub struct ExchangeOptions {
    /// Where the service keeps everything: `sqlite://…` or `postgres://…`.
    pub database_url: String,
    /// On a clock that is turned by hand.
    pub manual: bool,
    /// The routing file.
    pub routing: String,
    /// The carrier's switches.
    pub switches: Switches,
    /// How the service paces outbound calls.
    pub calls_per_second: u32,
    /// How phones are rung.
    pub method: rules::RingMethod,
    /// What a live test found out about simultaneous dial.
    pub dial_stops_at: rules::DialStopsAt,
    /// Most legs to agents at one time.
    pub legs_live_max: u32,
    /// Ports of service, Twilio and Chatwoot; 0 takes free ones.
    pub ports: (u16, u16, u16),
    /// Pages that may show the panel in a frame, beside Chatwoot's: `http://host:port`.
    pub frame_origins: Vec<String>,
    /// Whether the carrier looks up callers' names.
    pub caller_names: bool,
}

impl ExchangeOptions {
    /// The example's brands and agents, on manual time.
    #[must_use]
    pub fn manual(database_url: &str) -> Self {
        Self {
            database_url: database_url.to_owned(),
            manual: true,
            routing: ROUTING.to_owned(),
            switches: Switches { calls_per_second: 0, ..Switches::default() },
            calls_per_second: 50,
            method: rules::RingMethod::Auto,
            dial_stops_at: rules::DialStopsAt::Unknown,
            legs_live_max: 50,
            ports: (0, 0, 0),
            frame_origins: Vec::new(),
            caller_names: false,
        }
    }
}

/// The service, running.
struct Service {
    app: Arc<App>,
    server: actix_web::dev::ServerHandle,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Both stand-ins and the service between them.
pub struct Exchange {
    /// The carrier.
    pub twilio: TwilioStandIn,
    /// The inbox.
    pub chatwoot: ChatwootStandIn,
    /// The rules that were published first.
    pub rules: Rules,
    /// The settings the service runs with.
    pub settings: Settings,
    /// Where the service listens.
    pub address: SocketAddr,
    clock: Option<ManualClock>,
    listener: TcpListener,
    service: Option<Service>,
}

impl Exchange {
    /// Starts both stand-ins and the service.
    ///
    /// # Errors
    /// When a port is taken, the database cannot be opened or the routing file is bad.
    pub async fn start(options: ExchangeOptions) -> anyhow::Result<Self> {
        let rules = rules::file::parse("routing.toml", &options.routing)?;
        let (twilio, clock) = start_twilio(&options, &rules).await?;
        let chatwoot = start_chatwoot(&options, clock.as_ref(), &rules).await?;
        let users: HashMap<String, i64> = chatwoot.agents().into_iter().map(|agent| (agent.name, agent.id)).collect();
        for agent in &rules.agents {
            if let Some(user) = users.get(&agent.name) {
                twilio.set_agent_id(agent.phone.as_e164(), *user);
            }
        }
        let listener = TcpListener::bind(("127.0.0.1", options.ports.0))
            .with_context(|| format!("could not listen on port {}", options.ports.0))?;
        let address = listener.local_addr()?;
        let settings = settings_for(&options, &twilio, &chatwoot, address).await?;
        for number in &rules.numbers {
            let url = |door: Door| format!("http://{address}{}{}", door.path(), door.overrides());
            twilio
                .configure_number(
                    number.number.as_e164(),
                    &url(Door::Voice),
                    &url(Door::Fallback),
                    &url(Door::CallStatus),
                )
                .map_err(anyhow::Error::msg)?;
        }
        if options.caller_names {
            twilio.look_up_caller_names();
        }
        let mut exchange = Self { twilio, chatwoot, rules, settings, address, clock, listener, service: None };
        let store = exchange.open_store().await?;
        if store.find_current_rules().await?.is_none() {
            store.publish_rules(&options.routing, "demo", exchange.now()).await?;
        }
        exchange.start_service(store).await?;
        Ok(exchange)
    }

    async fn open_store(&self) -> anyhow::Result<Arc<dyn Store>> {
        use secrecy::ExposeSecret;
        let options = OpenOptions { migrate: true, connections: self.settings.database.connections_max };
        Ok(open(self.settings.database.url.expose_secret(), options).await?)
    }

    async fn start_service(&mut self, store: Arc<dyn Store>) -> anyhow::Result<()> {
        store.release_leases(self.now()).await?;
        let metrics = crate::telemetry::start_metrics()?;
        let (clock, ids): (Arc<dyn Clock>, Arc<dyn crate::clock::IdSource>) = match &self.clock {
            Some(clock) => (Arc::new(clock.clone()), Arc::new(CountedIds::new(7))),
            None => (Arc::new(SystemClock), Arc::new(RandomIds)),
        };
        let app = App::build(self.settings.clone(), store, clock, ids)?;
        let server = crate::server::serve(&app, metrics, self.listener.try_clone()?)?;
        let handle = server.handle();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(server);
        app.switchboard.look_after_live_calls().await?;
        if self.clock.is_none() {
            app.start_workers(&tasks, &stop);
        }
        self.service = Some(Service { app, server: handle, stop, tasks });
        Ok(())
    }

    /// The service as it runs now.
    ///
    /// # Errors
    /// When it was stopped.
    pub fn app(&self) -> anyhow::Result<&Arc<App>> {
        self.service.as_ref().map(|service| &service.app).context("the service is stopped")
    }

    /// Stops the service as a crash would: what is not saved is gone. The socket stays open, so that requests queue.
    pub async fn stop_service(&mut self) {
        if let Some(service) = self.service.take() {
            service.stop.cancel();
            service.server.stop(false).await;
            service.tasks.close();
            service.tasks.wait().await;
        }
    }

    /// Starts the service again on the same database and socket.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn restart_service(&mut self) -> anyhow::Result<()> {
        self.stop_service().await;
        let store = self.open_store().await?;
        self.start_service(store).await
    }

    /// Stops everything.
    pub async fn stop(mut self) {
        self.stop_service().await;
        self.twilio.stop().await;
        self.chatwoot.stop().await;
    }

    /// The present instant of the exchange.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.as_ref().map_or_else(|| SystemClock.now(), ManualClock::now)
    }

    /// On manual time: turns the clock by `span`, stopping at every instant at which something is due.
    ///
    /// # Errors
    /// When the service fails in a way that a running one would log.
    pub async fn advance(&self, span: TimeDelta) -> anyhow::Result<()> {
        let until = self.now() + span;
        loop {
            self.settle().await?;
            let now = self.now();
            if now >= until {
                return Ok(());
            }
            let events = [self.twilio.next_event_at(), self.next_of_service().await?];
            let next = events.into_iter().flatten().filter(|at| *at > now).min().unwrap_or(until);
            let stride = if self.twilio.live_calls().is_empty() { QUIET_STRIDE } else { STRIDE };
            let next = next.min(until).min(now + stride);
            self.twilio.advance_to(next).await;
            if let Some(clock) = &self.clock {
                clock.set(next);
            }
        }
    }

    /// The next instant at which the service has something to do.
    async fn next_of_service(&self) -> anyhow::Result<Option<DateTime<Utc>>> {
        let Some(service) = &self.service else { return Ok(None) };
        let (effect, wake) = (service.app.store.find_next_effect().await?, service.app.store.find_next_wake().await?);
        Ok([effect, wake].into_iter().flatten().min())
    }

    /// Lets the service and the carrier do everything that is due at this instant.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub async fn settle(&self) -> anyhow::Result<()> {
        for _ in 0..ROUNDS_AN_INSTANT_MAX {
            self.twilio.settle().await;
            let done = match &self.service {
                Some(service) => service.app.tick().await?,
                None => 0,
            };
            let is_due = self.twilio.next_event_at().is_some_and(|at| at <= self.now());
            if done == 0 && !is_due {
                return Ok(());
            }
        }
        anyhow::bail!("service and carrier do not settle: {:?}", self.twilio.violations())
    }
}

async fn start_twilio(
    options: &ExchangeOptions,
    rules: &Rules,
) -> anyhow::Result<(TwilioStandIn, Option<ManualClock>)> {
    let start: DateTime<Utc> = MANUAL_START.parse()?;
    let twilio = TwilioStandIn::start(twilio::Options {
        port: options.ports.1,
        time: if options.manual { Time::Manual { start } } else { Time::Real },
        numbers: rules.numbers.iter().map(|number| number.number.as_e164().to_owned()).collect(),
        switches: options.switches.clone(),
        ..twilio::Options::default()
    })
    .await
    .with_context(|| format!("could not start the stand-in of Twilio on port {}", options.ports.1))?;
    for (number, name) in CUSTOMERS {
        twilio.add_phone(number, name, PhoneKind::Customer, Behaviour::Manual);
    }
    for agent in &rules.agents {
        twilio.add_phone(agent.phone.as_e164(), &agent.name, PhoneKind::Agent, Behaviour::Manual);
    }
    let clock = twilio.clock();
    Ok((twilio, clock))
}

async fn start_chatwoot(
    options: &ExchangeOptions,
    clock: Option<&ManualClock>,
    rules: &Rules,
) -> anyhow::Result<ChatwootStandIn> {
    let known = ["sam@example.com", "priya@example.com"];
    let more = rules.agents.iter().filter_map(|agent| Some((agent.name.clone(), agent.email.clone()?)));
    let clock: Arc<dyn Clock> = match clock {
        Some(clock) => Arc::new(clock.clone()),
        None => Arc::new(SystemClock),
    };
    let chatwoot = ChatwootStandIn::start(chatwoot::Options {
        port: options.ports.2,
        clock,
        agents: more.filter(|(_, email)| !known.contains(&email.as_str())).collect(),
        ..chatwoot::Options::default()
    })
    .await
    .with_context(|| format!("could not start the stand-in of Chatwoot on port {}", options.ports.2))?;
    let users: HashMap<String, i64> = chatwoot.agents().into_iter().map(|agent| (agent.name, agent.id)).collect();
    for brand in &rules.brands {
        let members = rules.agents.iter().filter(|agent| brand.roster.contains(&agent.id));
        let ids: Vec<i64> = members.filter_map(|agent| users.get(&agent.name).copied()).collect();
        chatwoot.create_inbox(&brand.inbox, &ids);
    }
    for id in users.values() {
        // People whose phones ring on the street: no browser is needed to be available.
        chatwoot.set_auto_offline(*id, false);
    }
    Ok(chatwoot)
}

async fn settings_for(
    options: &ExchangeOptions,
    twilio: &TwilioStandIn,
    chatwoot: &ChatwootStandIn,
    address: SocketAddr,
) -> anyhow::Result<Settings> {
    let mut settings = Settings::default();
    let base: Url = format!("http://{address}").parse()?;
    settings.server.bind = address;
    settings.server.public_base_url = Some(base.clone());
    settings.server.operator_tokens = vec![SecretString::from("operator-token-of-the-demonstration")];
    settings.server.code_secret = Some(SecretString::from("code-secret-of-the-demonstration-only"));
    settings.database.url = SecretString::from(options.database_url.clone());
    settings.twilio.api_base_url = twilio.base_url().parse()?;
    settings.twilio.account_sid = Some(twilio.account_sid());
    settings.twilio.auth_tokens = vec![SecretString::from(twilio.auth_token())];
    settings.twilio.calls_per_second = options.calls_per_second;
    settings.twilio.ring_method = options.method;
    settings.twilio.dial_stops_at = options.dial_stops_at;
    settings.limits.legs_live_max = options.legs_live_max;
    settings.chatwoot.base_url = Some(chatwoot.base_url().parse()?);
    settings.chatwoot.account_id = Some(chatwoot.account_id());
    settings.chatwoot.api_token = Some(SecretString::from(chatwoot.admin_token()));
    settings.destinations.regions.push("GB".to_owned());
    let client = ChatwootClient::new(
        ChatwootSettings {
            base_url: chatwoot.base_url().parse()?,
            account_id: chatwoot.account_id(),
            token: SecretString::from(chatwoot.admin_token()),
            timeout: std::time::Duration::from_secs(5),
        },
        http_client()?,
    );
    client.create_agent_bot("Offhook", "Notes of the phone system").await?;
    let webhook = client.create_webhook("Offhook", &base.join("/chatwoot/webhook")?).await?;
    let secret = chatwoot.webhook_secret(webhook.url.as_str()).context("the webhook has no secret")?;
    settings.chatwoot.webhook_secrets = vec![SecretString::from(secret)];
    settings.chatwoot.frame_origins = vec![chatwoot.base_url()];
    settings.chatwoot.frame_origins.extend(options.frame_origins.iter().cloned());
    Ok(settings)
}
