//! The handle on a running stand-in: starting, stopping, and setting the scene.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use chrono::TimeDelta;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::deliveries::{self, Delivery};
use super::shared::{Seen, Shared, lock};
use super::switches::{Fault, State};
use super::world::{User, World};
use super::{contacts, inboxes, messages, presence, server, users};
use crate::clock::{Clock, IdSource, RandomIds, SystemClock};

/// How often the stand-in looks whether somebody's presence has run out.
const PRESENCE_GLANCE: std::time::Duration = std::time::Duration::from_millis(500);

/// How a stand-in begins.
#[derive(Clone)]
pub struct Options {
    /// The loopback port; 0 for a free one.
    pub port: u16,
    /// What the stand-in takes for the time.
    pub clock: Arc<dyn Clock>,
    /// Where ids and secrets come from.
    pub ids: Arc<dyn IdSource>,
    /// The account's name.
    pub account: String,
    /// Agents beyond Sam Carter and Priya Nair: name and e-mail address.
    pub agents: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            account: "Offhook Lab".to_owned(),
            agents: Vec::new(),
        }
    }
}

/// A running stand-in. Cheap to clone; all clones are the same server.
#[derive(Clone)]
pub struct ChatwootStandIn {
    pub(super) shared: Arc<Shared>,
    server: ServerHandle,
}

impl std::fmt::Debug for ChatwootStandIn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ChatwootStandIn").field("base_url", &self.base_url()).finish_non_exhaustive()
    }
}

impl ChatwootStandIn {
    /// Starts a server on the loopback address, with Offhook Service (administrator, id 1), Sam Carter (2), Priya Nair (3)
    /// and the agents of `options`. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the port is taken, or no HTTP client can be made to send webhooks with.
    #[expect(clippy::unused_async, reason = "must be called within a runtime, which the signature says")]
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", options.port))?;
        let mut world = World::new(options.clock, options.ids, options.account);
        world.base_url = format!("http://{}", listener.local_addr()?);
        users::insert(&mut world, "Offhook Service", "service@example.com", true);
        users::insert(&mut world, "Sam Carter", "sam@example.com", false);
        users::insert(&mut world, "Priya Nair", "priya@example.com", false);
        for (name, email) in &options.agents {
            users::insert(&mut world, name, email, false);
        }
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().map_err(std::io::Error::other)?;
        let (posts, received) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(world, posts));
        let running = server::serve(&shared, listener)?;
        let handle = running.handle();
        tokio::spawn(running);
        tokio::spawn(deliveries::send_all(Arc::clone(&shared), client, received));
        tokio::spawn(watch_presence(Arc::downgrade(&shared)));
        Ok(Self { shared, server: handle })
    }

    /// Stops the server; open connections are cut.
    pub async fn stop(&self) {
        self.server.stop(false).await;
    }

    /// Where the server is, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.shared.look(|world| world.base_url.clone())
    }

    /// The account's id.
    #[must_use]
    pub fn account_id(&self) -> i64 {
        self.shared.look(|world| world.account_id)
    }

    fn user<T: Default>(&self, id: i64, get: impl FnOnce(&User) -> T) -> T {
        self.shared.look(|world| world.users.get(&id).map(get)).unwrap_or_default()
    }

    /// The access token of Offhook Service.
    #[must_use]
    pub fn admin_token(&self) -> String {
        self.token(1)
    }

    /// The access token of Sam Carter.
    #[must_use]
    pub fn agent_token(&self) -> String {
        self.token(2)
    }

    /// The access token of Priya Nair.
    #[must_use]
    pub fn agent2_token(&self) -> String {
        self.token(3)
    }

    /// The access token of any user; empty for an unknown one.
    #[must_use]
    pub fn token(&self, user_id: i64) -> String {
        self.user(user_id, |user| user.token.clone())
    }

    /// The e-mail address of Offhook Service.
    #[must_use]
    pub fn admin_email(&self) -> String {
        self.user(1, |user| user.email.clone())
    }

    /// The password of Offhook Service.
    #[must_use]
    pub fn admin_password(&self) -> String {
        self.user(1, |user| user.password.clone())
    }

    /// The secret of the account webhook with this URL.
    #[must_use]
    pub fn webhook_secret(&self, url: &str) -> Option<String> {
        self.shared.look(|world| world.webhooks.values().find(|hook| hook.url == url).map(|hook| hook.secret.clone()))
    }

    /// Makes an API inbox without automatic assignment, with these members; returns its id.
    pub fn create_inbox(&self, name: &str, member_ids: &[i64]) -> i64 {
        self.shared.run(|world| {
            let id = inboxes::insert(world, name);
            if let Some(inbox) = world.inboxes.get_mut(&id) {
                inbox.settings.insert("enable_auto_assignment".to_owned(), Value::Bool(false));
                inbox.members.extend(member_ids);
            }
            id
        })
    }

    /// Opens a simulated browser tab of a user, which pings every 20 seconds until [`Self::leave_browser`].
    pub fn enter_browser(&self, user_id: i64) {
        self.shared.run(|world| {
            let now = world.now();
            world.tabs.insert(user_id, now);
        });
    }

    /// Closes a user's simulated tab: the user counts as there for up to 20 seconds more.
    pub fn leave_browser(&self, user_id: i64) {
        self.shared.run(|world| {
            let last = presence::last_ping(world, user_id);
            world.tabs.remove(&user_id);
            if let Some(last) = last {
                world.pings.insert(user_id, last);
            }
        });
    }

    /// Sets a user's availability: online, busy or offline.
    ///
    /// # Errors
    /// For an unknown user or another word.
    pub fn set_availability(&self, user_id: i64, availability: &str) -> Result<(), String> {
        if !matches!(availability, "online" | "busy" | "offline") {
            return Err(format!("no such availability: {availability}"));
        }
        self.shared.run(|world| {
            let user = world.users.get_mut(&user_id).ok_or_else(|| format!("no user {user_id}"))?;
            availability.clone_into(&mut user.availability);
            Ok(())
        })
    }

    /// Sets whether a user's availability counts only while a browser is open.
    pub fn set_auto_offline(&self, user_id: i64, auto_offline: bool) {
        self.shared.run(|world| {
            if let Some(user) = world.users.get_mut(&user_id) {
                user.auto_offline = auto_offline;
            }
        });
    }

    /// Blocks a contact, or lets it through again.
    pub fn block_contact(&self, contact_id: i64, blocked: bool) {
        self.shared.run(|world| contacts::change(world, contact_id, |contact| contact.blocked = blocked));
    }

    /// Gives a contact another name.
    pub fn rename_contact(&self, contact_id: i64, name: &str) {
        self.shared.run(|world| {
            contacts::change(world, contact_id, |contact| {
                name.clone_into(&mut contact.name);
            });
        });
    }

    /// Writes a message as a user, as from the browser; a public one is a reply to the contact.
    ///
    /// # Errors
    /// For an unknown conversation or user.
    pub fn reply(&self, conversation: i64, user_id: i64, content: &str, private: bool) -> Result<(), String> {
        self.shared.run(|world| messages::write_as(world, conversation, user_id, content, private))
    }

    /// How the server behaves from now on.
    pub fn set_state(&self, state: State) {
        self.shared.switches(|switches| switches.state = state);
        self.shared.touch();
    }

    /// How late answers come while the server is slow, by the injected clock.
    pub fn set_delay(&self, delay: TimeDelta) {
        self.shared.switches(|switches| switches.delay = delay);
    }

    /// Lets the next request of a route, such as `POST conversations/:id/messages`, be done and its reply be lost.
    pub fn lose_reply_once(&self, route: &str) {
        self.shared.switches(|switches| switches.arm(route, Fault::LoseReply));
    }

    /// Lets the next request of a route be done only `seconds` later by the injected clock, and never answered.
    pub fn commit_late(&self, route: &str, seconds: i64) {
        self.shared.switches(|switches| {
            switches.arm(route, Fault::CommitLate(TimeDelta::seconds(seconds)));
        });
    }

    /// Refuses files of more than so many bytes, as a proxy before a real server would.
    pub fn limit_uploads(&self, bytes: usize) {
        self.shared.switches(|switches| switches.upload_max = Some(bytes));
    }

    /// Whether webhooks are sent.
    pub fn send_webhooks(&self, on: bool) {
        self.shared.switches(|switches| switches.sends_webhooks = on);
    }

    /// The switches as the demo page shows them: `state` (ok, down, slow, 429, 500), `slow_ms`, `webhooks` (on, off).
    #[must_use]
    pub fn switches_state(&self) -> Value {
        self.shared.switches(|switches| switches.shown())
    }

    /// Sets the switches that `switches` names.
    ///
    /// # Errors
    /// For a value that is none of those above.
    #[expect(clippy::needless_pass_by_value, reason = "the demo page hands over what it has parsed")]
    pub fn set_switches(&self, switches: Value) -> Result<(), String> {
        let outcome = self.shared.switches(|own| own.set(&switches));
        self.shared.touch();
        outcome
    }

    /// A count that changes whenever anything does.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Every webhook sent so far, in the order the answers came.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.shared.deliveries).clone()
    }
}

/// Tells watchers when somebody's presence runs out, which nobody does.
async fn watch_presence(shared: std::sync::Weak<Shared>) {
    let mut last: Vec<String> = Vec::new();
    loop {
        tokio::time::sleep(PRESENCE_GLANCE).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let now: Vec<String> =
            shared.look(|world| world.users.values().map(|user| presence::listed(world, user).to_owned()).collect());
        if now != last {
            last = now;
            shared.touch();
        }
    }
}
