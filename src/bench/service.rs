//! The service inside this process, over a database of its own; no workers run, so that only webhooks are measured.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use secrecy::SecretString;

use super::line::{ACCOUNT_SID, AUTH_TOKEN, PUBLIC_BASE_URL};
use crate::app::App;
use crate::clock::{Clock, RandomIds, SystemClock};
use crate::config::Settings;
use crate::ids::AgentId;
use crate::store::open::{OpenOptions, open};
use crate::store::{Presence, PresenceChange, Store};

/// The brand's number.
pub(super) const NUMBER: &str = "+12025550100";

/// One brand, always open, with five agents, whose phones lie where the table of numbering plans has to be asked.
pub(super) const ROUTING: &str = r#"
version = 1

[[brand]]
id = "acme-movers"
name = "Acme Movers"
inbox = "Acme Movers"
time_zone = "America/New_York"
roster = ["sam", "priya", "luis", "mei", "tom"]

[brand.texts]
greeting = "Thank you for calling Acme Movers."
voicemail_greeting = "Nobody can take your call right now. Please leave a message after the tone."

[brand.voicemail]
key = "1"

[[number]]
number = "+12025550100"
brand = "acme-movers"

[[agent]]
id = "sam"
name = "Sam Carter"
email = "sam@example.com"
phone = "+12025550111"
phone_verified = true

[[agent]]
id = "priya"
name = "Priya Nair"
email = "priya@example.com"
phone = "+12025550112"
phone_verified = true

[[agent]]
id = "luis"
name = "Luis Ortega"
email = "luis@example.com"
phone = "+12025550113"
phone_verified = true

[[agent]]
id = "mei"
name = "Mei Tanaka"
email = "mei@example.com"
phone = "+12025550114"
phone_verified = true

[[agent]]
id = "tom"
name = "Tom Becker"
email = "tom@example.com"
phone = "+12025550115"
phone_verified = true
"#;

/// A service that answers.
pub(super) struct Service {
    /// Its store, the same that webhooks are saved in.
    pub store: Arc<dyn Store>,
    /// The whole of it.
    pub app: Arc<App>,
    /// Where it listens.
    pub address: SocketAddr,
    server: actix_web::dev::ServerHandle,
}

impl Service {
    /// Starts a service over the SQLite file at `path`, made if it is not there, with rules and agents in it.
    pub(super) async fn start(path: &Path) -> anyhow::Result<Self> {
        let mut settings = Settings::default();
        settings.server.public_base_url = Some(PUBLIC_BASE_URL.parse()?);
        settings.twilio.account_sid = Some(ACCOUNT_SID.to_owned());
        settings.twilio.auth_tokens = vec![SecretString::from(AUTH_TOKEN)];
        settings.chatwoot.base_url = Some("http://127.0.0.1:9".parse()?);
        settings.chatwoot.account_id = Some(1);
        settings.chatwoot.api_token = Some(SecretString::from("not-a-real-token-of-the-bench"));
        settings.chatwoot.webhook_secrets = vec![SecretString::from("not-a-real-secret-of-the-bench")];
        let store = open_store(path, settings.database.connections_max).await?;
        let app = App::build(settings, Arc::clone(&store), Arc::new(SystemClock), Arc::new(RandomIds))?;
        let listener = TcpListener::bind("127.0.0.1:0").context("could not listen")?;
        let address = listener.local_addr()?;
        let server = crate::server::serve(&app, crate::telemetry::start_metrics()?, listener)?;
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { store, app, address, server: handle })
    }

    /// Stops listening.
    pub(super) async fn stop(self) {
        self.server.stop(false).await;
    }
}

/// Makes a file at `path` with these rules published in it.
pub(super) async fn publish(path: &Path, routing: &str) -> anyhow::Result<()> {
    let store = open(&format!("sqlite://{}", path.display()), OpenOptions { migrate: true, connections: 1 }).await?;
    store.publish_rules(routing, "bench", SystemClock.now()).await?;
    Ok(())
}

/// Opens the file with the rules published and five agents online.
pub(super) async fn open_store(path: &Path, readers: u32) -> anyhow::Result<Arc<dyn Store>> {
    let options = OpenOptions { migrate: true, connections: readers };
    let store = open(&format!("sqlite://{}", path.display()), options).await?;
    let now = SystemClock.now();
    if store.find_current_rules().await?.is_none() {
        store.publish_rules(ROUTING, "bench", now).await?;
    }
    let online = |agent: &str| PresenceChange { agent: AgentId::new(agent), presence: Presence::Online, at: now };
    store.note_presence(&["sam", "priya", "luis", "mei", "tom"].map(online)).await?;
    Ok(store)
}
