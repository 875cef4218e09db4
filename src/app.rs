//! The whole service in one value: settings, store, clock, neighbours. Built in one place, for `main` and for tests.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::availability::directory::Directory;
use crate::availability::feed::{self, FeedSettings, FeedSinks};
use crate::availability::keeper::Keeper;
use crate::availability::phone_desk::PhoneDesk;
use crate::availability::queue::QueueKeeper;
use crate::call::effect::Neighbour;
use crate::chatwoot::cable::CableSettings;
use crate::chatwoot::door::ChatwootDoor;
use crate::chatwoot::{ChatwootClient, ChatwootSettings};
use crate::clock::{Clock, IdSource};
use crate::config::Settings;
use crate::outbox::{CarrierDesk, InboxDesk, Outbox, UnseenCalls};
use crate::publishing::Desk;
use crate::rules::DestinationPolicy;
use crate::store::Store;
use crate::switchboard::circuit::Circuit;
use crate::switchboard::codes::CodeDesk;
use crate::switchboard::rulebook::Rulebook;
use crate::switchboard::{AccountLimits, Switchboard};
use crate::telemetry::Chain;
use crate::twilio::door::TwilioDoor;
use crate::twilio::rest::{TwilioAuth, TwilioClient, TwilioSettings};
use crate::twilio::urls::Addresses;
use crate::workers;

/// A tick takes at most so many turns; more would mean that effects breed effects.
const TICK_TURNS_MAX: usize = 200;

/// The service.
pub struct App {
    /// What the operator set.
    pub settings: Arc<Settings>,
    /// Where everything durable is.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh identifiers.
    pub ids: Arc<dyn IdSource>,
    /// Where signals meet their calls.
    pub switchboard: Arc<Switchboard>,
    /// Draws and looks at supervisors' codes.
    pub codes: Arc<CodeDesk>,
    /// Where changes of the rules become versions.
    pub desk: Arc<Desk>,
    /// Carries effects out.
    pub outbox: Arc<Outbox>,
    unseen: Arc<UnseenCalls>,
    /// Twilio's door.
    pub twilio_door: Arc<TwilioDoor>,
    /// Chatwoot's door.
    pub chatwoot_door: Arc<ChatwootDoor>,
    chatwoot: ChatwootClient,
    keeper: Arc<Keeper>,
    /// Keeps what agents have open.
    pub queue: Arc<QueueKeeper>,
}

impl App {
    /// Puts the service together over a store. Nothing runs yet.
    ///
    /// # Errors
    /// When the settings lack what the service needs, or an HTTP client cannot be made.
    pub fn build(
        settings: Settings,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> anyhow::Result<Arc<Self>> {
        settings.check_for_service()?;
        let settings = Arc::new(settings);
        let (chatwoot, twilio) = clients(&settings)?;
        let destinations: Arc<DestinationPolicy> = Arc::new(settings.destinations.policy());
        let rulebook = Arc::new(Rulebook::new(Arc::clone(&store), Arc::clone(&clock)));
        let desk = desk(&store, &clock, &ids, &rulebook, &destinations);
        let circuit = Arc::new(Circuit::default());
        let switchboard = Arc::new(Switchboard::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&rulebook),
            Arc::clone(&destinations),
            account_limits(&settings),
            Arc::clone(&circuit),
        ));
        let addresses = Arc::new(addresses(&settings)?);
        let replica = ids.draw(clock.now()).to_string();
        let unseen = unseen_calls(&store, &clock, &ids, &switchboard, &twilio, &replica);
        let carrier = CarrierDesk::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&switchboard),
            twilio,
            Arc::clone(&addresses),
            circuit,
            account_limits(&settings).pace,
        );
        let inbox = InboxDesk::new(Arc::clone(&store), Arc::clone(&rulebook), chatwoot.clone());
        let outbox = Arc::new(Outbox::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&switchboard),
            carrier,
            inbox,
            replica,
        ));
        let (queue, keeper) = keepers(&store, &switchboard, &clock, &chatwoot);
        let key = settings.server.code_secret.clone();
        let codes = CodeDesk::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&ids), Arc::clone(&rulebook), key);
        let codes = Arc::new(codes);
        let twilio_door = Arc::new(TwilioDoor::new(
            &settings,
            Arc::clone(&switchboard),
            Arc::clone(&codes),
            Arc::clone(&store),
            addresses,
            Arc::clone(&clock),
            Arc::clone(&ids),
        ));
        let chatwoot_door = chatwoot_door(&settings, &chatwoot, &store, &clock, &keeper);
        Ok(Arc::new(Self {
            settings,
            store,
            clock,
            ids,
            switchboard,
            codes,
            desk,
            outbox,
            unseen,
            twilio_door,
            chatwoot_door,
            chatwoot,
            keeper,
            queue,
        }))
    }

    /// Starts the workers: the outboxes, deadlines, availability, housekeeping. They end when `stop` says so.
    pub fn start_workers(self: &Arc<Self>, tasks: &TaskTracker, stop: &CancellationToken) {
        for neighbour in Neighbour::ALL {
            self.work(tasks, stop, "outbox", move |app, stop| Arc::clone(&app.outbox).run(neighbour, stop));
        }
        self.work(tasks, stop, "deadlines", |app, stop| Arc::clone(&app.switchboard).run_deadlines(stop));
        self.work(tasks, stop, "phone_replies", |app, stop| Arc::clone(&app.outbox).run_phone_replies(stop));
        self.work(tasks, stop, "queue", |app, stop| Arc::clone(&app.queue).run(stop));
        self.work(tasks, stop, "availability", |app, stop| {
            let (client, clock) = (app.chatwoot.clone(), Arc::clone(&app.clock));
            feed::run(client, clock, app.feed_settings(), app.feed_sinks(), HashMap::new(), stop)
        });
        self.work(tasks, stop, "house", Self::keep_house);
        self.work(tasks, stop, "rules", Self::keep_rules);
        self.work(tasks, stop, "answer_rates", Self::watch_answer_rates);
        self.work(tasks, stop, "unseen_calls", |app, stop| Arc::clone(&app.unseen).run(stop));
        workers::start(tasks, stop, "memory", workers::keep_memory);
        workers::start(tasks, stop, "figures", workers::sum_up_figures);
    }

    fn work<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
        name: &'static str,
        begin: impl Fn(Arc<Self>, CancellationToken) -> F + Send + 'static,
    ) {
        let app = Arc::clone(self);
        workers::start(tasks, stop, name, move |stop| begin(Arc::clone(&app), stop));
    }

    /// Whether Chatwoot answers, by the last few requests.
    #[must_use]
    pub fn is_chatwoot_answering(&self) -> bool {
        self.chatwoot.is_answering()
    }

    /// Takes up the calls that never reached us, once; how many. For tests, which run no workers.
    ///
    /// # Errors
    /// When Twilio or the store fails.
    pub async fn take_up_unseen_calls(&self) -> anyhow::Result<usize> {
        Ok(self.unseen.take_up().await?)
    }

    /// Reads Chatwoot's agents and contacts once. For tests, which run no workers.
    pub async fn hear_chatwoot(&self) {
        feed::hear_once(&self.chatwoot, Arc::clone(&self.clock), self.feed_settings(), self.feed_sinks()).await;
    }

    fn feed_sinks(&self) -> FeedSinks {
        FeedSinks { availability: self.keeper.clone(), contacts: self.keeper.clone(), events: self.keeper.clone() }
    }

    fn feed_settings(&self) -> FeedSettings {
        FeedSettings {
            cable: CableSettings { presence_every: self.settings.chatwoot.cable_poll, ..CableSettings::default() },
            rest_every: self.settings.chatwoot.rest_poll,
            ..FeedSettings::default()
        }
    }

    /// Keeps the figure of each brand's answer rate, whether anybody looks at the banners or not.
    async fn watch_answer_rates(self: Arc<Self>, stop: CancellationToken) {
        /// A collapse is a matter of minutes.
        const EVERY: Duration = Duration::from_secs(60);
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            let Ok(Some((_, rules))) = self.switchboard.rulebook().load_current().await else { continue };
            for brand in &rules.brands {
                if let Err(error) = self.switchboard.look_at_answer_rate(&brand.id, self.clock.now()).await {
                    tracing::warn!(brand = %brand.id, error = %Chain(&error), "an answer rate could not be looked at");
                }
            }
        }
    }

    /// Forgets answers and deliveries that no repeat can ask for any more.
    async fn keep_house(self: Arc<Self>, stop: CancellationToken) {
        /// A minted address holds a day, so no repeat comes later than two.
        const KEPT: TimeDelta = TimeDelta::days(2);
        /// Often enough that the tables stay small.
        const EVERY: Duration = Duration::from_secs(600);
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            let before = self.clock.now() - KEPT;
            if let Err(error) = self.store.forget_before(before).await {
                tracing::warn!(error = %Chain(&error), "old answers could not be forgotten");
            }
            if let Err(error) = self.store.forget_conversations(before).await {
                tracing::warn!(error = %Chain(&error), "old conversations could not be forgotten");
            }
            if let Err(error) = self.store.forget_phone_words(before).await {
                tracing::warn!(error = %Chain(&error), "old notes about phones could not be forgotten");
            }
        }
    }

    /// Looks for newly published rules, so that no call has to wait for that.
    async fn keep_rules(self: Arc<Self>, stop: CancellationToken) {
        /// More often than a call would look by itself, so that calls find what is known fresh.
        const EVERY: Duration = Duration::from_millis(700);
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            if let Err(error) = self.switchboard.rulebook().refresh().await {
                tracing::debug!(error = %Chain(&error), "newer rules could not be looked for");
            }
        }
    }

    /// Does everything that is due now, until nothing is: deadlines, freed phones, both outboxes. For tests, which turn
    /// the clock themselves and run no workers. Returns how much was done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tick(&self) -> anyhow::Result<usize> {
        let mut done = 0;
        for _ in 0..TICK_TURNS_MAX {
            let mut turn = self.switchboard.wake_due_calls().await?;
            self.switchboard.offer_freed_phones().await?;
            for neighbour in Neighbour::ALL {
                turn += self.outbox.deliver_due(neighbour).await?;
            }
            turn += self.outbox.answer_phone_words().await?;
            done += turn;
            if turn == 0 {
                return Ok(done);
            }
        }
        anyhow::bail!("effects bred effects for {TICK_TURNS_MAX} turns")
    }
}

fn unseen_calls(
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn IdSource>,
    switchboard: &Arc<Switchboard>,
    twilio: &TwilioClient,
    replica: &str,
) -> Arc<UnseenCalls> {
    let (store, clock, ids, switchboard) =
        (Arc::clone(store), Arc::clone(clock), Arc::clone(ids), Arc::clone(switchboard));
    Arc::new(UnseenCalls::new(store, clock, ids, switchboard, twilio.clone(), replica.to_owned()))
}

fn chatwoot_door(
    settings: &Settings,
    chatwoot: &ChatwootClient,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    keeper: &Arc<Keeper>,
) -> Arc<ChatwootDoor> {
    Arc::new(ChatwootDoor {
        secrets: settings.chatwoot.webhook_secrets.clone(),
        account_id: chatwoot.account_id(),
        store: Arc::clone(store),
        clock: Arc::clone(clock),
        events: Arc::<Keeper>::clone(keeper),
    })
}

/// Those who hear what Chatwoot tells.
fn keepers(
    store: &Arc<dyn Store>,
    switchboard: &Arc<Switchboard>,
    clock: &Arc<dyn Clock>,
    chatwoot: &ChatwootClient,
) -> (Arc<QueueKeeper>, Arc<Keeper>) {
    let directory = Arc::new(Directory::new(chatwoot.clone()));
    let (store, switchboard) = (Arc::clone(store), Arc::clone(switchboard));
    let queue = Arc::new(QueueKeeper::new(
        Arc::clone(&store),
        Arc::clone(&switchboard),
        Arc::clone(clock),
        chatwoot.clone(),
        Arc::clone(&directory),
    ));
    let phones =
        PhoneDesk::new(Arc::clone(&store), Arc::clone(&switchboard), Arc::clone(clock), Arc::clone(&directory));
    let keeper = Arc::new(Keeper::new(store, switchboard, directory, Arc::clone(&queue), phones));
    (queue, keeper)
}

/// One HTTP client for both neighbours: each reads the machine's certificates and keeps them.
fn clients(settings: &Settings) -> anyhow::Result<(ChatwootClient, TwilioClient)> {
    let (chatwoot, twilio) = (chatwoot_settings(settings)?, twilio_settings(settings)?);
    let http = crate::chatwoot::http_client().context("could not set up the HTTP client")?;
    Ok((ChatwootClient::new(chatwoot, http.clone()), TwilioClient::new(twilio, http)))
}

fn chatwoot_settings(settings: &Settings) -> anyhow::Result<ChatwootSettings> {
    let chatwoot = &settings.chatwoot;
    let (Some(base_url), Some(account_id), Some(token)) =
        (&chatwoot.base_url, chatwoot.account_id, &chatwoot.api_token)
    else {
        anyhow::bail!("chatwoot.base_url, chatwoot.account_id and chatwoot.api_token are needed to serve");
    };
    Ok(ChatwootSettings { base_url: base_url.clone(), account_id, token: token.clone(), timeout: chatwoot.timeout })
}

fn twilio_settings(settings: &Settings) -> anyhow::Result<TwilioSettings> {
    let twilio = &settings.twilio;
    let account_sid = twilio.account_sid.clone().context("twilio.account_sid is needed to serve")?;
    let auth = match (&twilio.api_key_sid, &twilio.api_key_secret) {
        (Some(sid), Some(secret)) => TwilioAuth::ApiKey { sid: sid.clone(), secret: secret.clone() },
        (None, _) | (_, None) => TwilioAuth::AccountToken(
            twilio.auth_tokens.first().context("twilio.auth_tokens is needed to serve")?.clone(),
        ),
    };
    let api_base_url = twilio.api_base_url.as_str().trim_end_matches('/').to_owned();
    Ok(TwilioSettings { api_base_url, account_sid, auth, timeout: twilio.timeout })
}

/// What the account at the carrier allows, by the settings.
#[must_use]
pub fn account_limits(settings: &Settings) -> AccountLimits {
    let per_second = i32::try_from(settings.twilio.calls_per_second.max(1)).unwrap_or(i32::MAX);
    AccountLimits {
        method: settings.twilio.ring_method,
        dial_stops_at: settings.twilio.dial_stops_at,
        pace: TimeDelta::seconds(1) / per_second,
        legs_live_max: settings.limits.legs_live_max,
        legs_per_minute_max: settings.limits.legs_per_minute_max,
    }
}

fn desk(
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn IdSource>,
    rulebook: &Arc<Rulebook>,
    destinations: &Arc<DestinationPolicy>,
) -> Arc<Desk> {
    let (store, clock, ids) = (Arc::clone(store), Arc::clone(clock), Arc::clone(ids));
    Arc::new(Desk::new(store, clock, ids, Arc::clone(rulebook), Arc::clone(destinations)))
}

/// The secret behind our addresses: the operator's, or one drawn from the account's tokens, so that replicas agree without
/// being told. Addresses are made under the first token and answered under each: tokens are changed while callers wait.
fn addresses(settings: &Settings) -> anyhow::Result<Addresses> {
    let base = settings.server.public_base_url.as_ref().context("server.public_base_url is needed to serve")?;
    let base = base.as_str().trim_end_matches('/');
    if let Some(secret) = &settings.server.url_secret {
        return Ok(Addresses::new(base, secret.clone()));
    }
    let drawn: Vec<SecretString> = settings.twilio.auth_tokens.iter().map(draw_url_secret).collect::<Result<_, _>>()?;
    let mut drawn = drawn.into_iter();
    let first = drawn.next().context("twilio.auth_tokens is needed to serve")?;
    Ok(Addresses::new(base, first).also_made_under(drawn.collect()))
}

fn draw_url_secret(token: &SecretString) -> anyhow::Result<SecretString> {
    use hmac::{Hmac, KeyInit, Mac};
    use secrecy::ExposeSecret;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(token.expose_secret().as_bytes())?;
    mac.update(b"offhook addresses");
    Ok(SecretString::from(hex::encode(mac.finalize().into_bytes())))
}
