//! Both stand-ins and a folder with `config.toml` between them: where the real binary is run as an operator would.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offhook::chatwoot::{ChatwootClient, ChatwootSettings, http_client};
use offhook::clock::{Clock, ManualClock, SystemClock};
use offhook::rules::{self, Rules};
use offhook::sandbox::chatwoot::{self, ChatwootStandIn};
use offhook::sandbox::exchange::{CUSTOMERS, MANUAL_START};
use offhook::sandbox::twilio::{self, Behaviour, PhoneAction, PhoneKind, Switches, Time, TwilioStandIn, What};
use offhook::twilio::urls::Door;
use secrecy::SecretString;
use serde_json::json;

use super::process::offhook as binary;

/// The API opens to this one.
pub const OPERATOR_TOKEN: &str = "operator-token-of-the-tests-canary";

/// How the town is set up.
pub struct Plan {
    /// Time stands still unless it is turned.
    pub is_manual: bool,
    /// The routing file.
    pub routing: String,
    /// Another database than a file in the folder.
    pub database: Option<String>,
}

impl Plan {
    /// The example's routing on manual time, in a file.
    pub fn manual() -> Self {
        Self { is_manual: true, routing: offhook::sandbox::exchange::ROUTING.to_owned(), database: None }
    }
}

/// Both stand-ins, a socket, and a folder.
pub struct Town {
    pub twilio: TwilioStandIn,
    pub chatwoot: ChatwootStandIn,
    pub rules: Rules,
    pub listener: TcpListener,
    pub address: SocketAddr,
    pub http: reqwest::Client,
    clock: Option<ManualClock>,
    folder: tempfile::TempDir,
}

impl Town {
    /// Starts the stand-ins and writes `config.toml` and `routing.toml`.
    pub async fn open(plan: Plan) -> Self {
        let rules = rules::file::parse("routing.toml", &plan.routing).expect("the routing file is good");
        let start: DateTime<Utc> = MANUAL_START.parse().expect("an instant");
        let twilio = TwilioStandIn::start(twilio::Options {
            time: if plan.is_manual { Time::Manual { start } } else { Time::Real },
            numbers: rules.numbers.iter().map(|number| number.number.as_e164().to_owned()).collect(),
            switches: Switches { calls_per_second: 0, ..Switches::default() },
            ..twilio::Options::default()
        })
        .await
        .expect("Twilio starts");
        for (number, name) in CUSTOMERS {
            twilio.add_phone(number, name, PhoneKind::Customer, Behaviour::Manual);
        }
        for agent in &rules.agents {
            twilio.add_phone(agent.phone.as_e164(), &agent.name, PhoneKind::Agent, Behaviour::Manual);
        }
        let clock = twilio.clock();
        let chatwoot = start_chatwoot(clock.as_ref(), &rules).await;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its number");
        for number in &rules.numbers {
            let url = |door: Door| format!("http://{address}{}{}", door.path(), door.overrides());
            let number = number.number.as_e164();
            twilio
                .configure_number(number, &url(Door::Voice), &url(Door::Fallback), &url(Door::CallStatus))
                .expect("the number is the account's");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
        let town = Self { twilio, chatwoot, rules, listener, address, http, clock, folder };
        std::fs::write(town.path("routing.toml"), &plan.routing).expect("can be written");
        let database = plan.database.unwrap_or_else(|| "sqlite://offhook.sqlite".to_owned());
        let config = town.config(&database).await;
        std::fs::write(town.path("config.toml"), config).expect("can be written");
        town
    }

    /// What an operator writes down to connect both accounts.
    async fn config(&self, database: &str) -> String {
        let client = ChatwootClient::new(
            ChatwootSettings {
                base_url: self.chatwoot.base_url().parse().expect("an address"),
                account_id: self.chatwoot.account_id(),
                token: SecretString::from(self.chatwoot.admin_token()),
                timeout: Duration::from_secs(5),
            },
            http_client().expect("a client"),
        );
        client.create_agent_bot("Offhook", "Notes of the phone system").await.expect("a bot");
        let base = format!("http://{}", self.address);
        let webhook = format!("{base}/chatwoot/webhook").parse().expect("an address");
        let webhook = client.create_webhook("Offhook", &webhook).await.expect("a webhook");
        let secret = self.chatwoot.webhook_secret(webhook.url.as_str()).expect("a secret");
        let text = |value: &str| json!(value).to_string();
        format!(
            "[server]\nbind = {bind}\npublic_base_url = {base}\noperator_tokens = [{operator}]\n\
             [database]\nurl = {database}\n\
             [twilio]\napi_base_url = {api}\naccount_sid = {sid}\nauth_tokens = [{token}]\ncalls_per_second = 50\n\
             [chatwoot]\nbase_url = {inbox}\naccount_id = {account}\napi_token = {admin}\nwebhook_secrets = [{secret}]\n\
             [destinations]\nregions = [\"US\", \"CA\", \"GB\"]\n[log]\nlevel = \"trace\"\n",
            bind = text(&self.address.to_string()),
            base = text(&base),
            operator = text(OPERATOR_TOKEN),
            database = text(database),
            api = text(&self.twilio.base_url()),
            sid = text(&self.twilio.account_sid()),
            token = text(&self.twilio.auth_token()),
            inbox = text(&self.chatwoot.base_url()),
            account = self.chatwoot.account_id(),
            admin = text(&self.chatwoot.admin_token()),
            secret = text(&secret),
        )
    }

    /// The operator's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        binary(self.folder(), arguments).output().expect("the binary runs")
    }

    /// Makes the routing file live.
    pub fn import(&self) {
        let told = self.run(&["import", "routing.toml"]);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    }

    /// The same in a file, sooner: the file that the first import of the example made is copied.
    pub fn import_example(&self) {
        static IMPORTED: Mutex<Option<Vec<u8>>> = Mutex::new(None);
        let mut imported = IMPORTED.lock().expect("no import panics half-way");
        let file = self.path("offhook.sqlite");
        if let Some(bytes) = imported.as_ref() {
            return std::fs::write(file, bytes).expect("can be written");
        }
        self.import();
        // A log beside the file would hold what the file lacks.
        if !self.path("offhook.sqlite-wal").exists() {
            *imported = Some(std::fs::read(file).expect("was just made"));
        }
    }

    /// The clock of manual time.
    pub fn clock(&self) -> ManualClock {
        self.clock.clone().expect("time is manual")
    }

    /// The present instant.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.as_ref().map_or_else(|| SystemClock.now(), ManualClock::now)
    }

    /// On manual time: carrier and service do what is due at this instant. A service that dies meanwhile is asked again.
    pub async fn settle(&self) {
        for _ in 0..1_000 {
            self.twilio.settle().await;
            let done = self.tick().await;
            let is_due = self.twilio.next_event_at().is_some_and(|at| at <= self.now());
            if done == 0 && !is_due {
                return;
            }
        }
        panic!("service and carrier lead each other in circles: {:?}", self.twilio.violations());
    }

    /// On manual time: turns the clock by `span` in steps of at most `stride`.
    pub async fn advance(&self, span: TimeDelta, stride: TimeDelta) {
        let until = self.now() + span;
        loop {
            self.settle().await;
            let now = self.now();
            if now >= until {
                return;
            }
            let event = self.twilio.next_event_at().filter(|at| *at > now).unwrap_or(until);
            self.twilio.advance_to(event.min(until).min(now + stride)).await;
        }
    }

    async fn tick(&self) -> u64 {
        for _ in 0..200 {
            let turned = json!({ "set": self.now() });
            if self.post("/test/clock", &turned).await.is_some()
                && let Some(told) = self.post("/test/tick", &json!({})).await
            {
                return told["done"].as_u64().unwrap_or(0);
            }
        }
        panic!("the service does not come back");
    }

    /// None when the service died over it or could not do it.
    async fn post(&self, path: &str, body: &serde_json::Value) -> Option<serde_json::Value> {
        let url = format!("http://{}{path}", self.address);
        let reply = self.http.post(url).json(body).send().await.ok()?;
        if !reply.status().is_success() {
            return None;
        }
        reply.json().await.ok()
    }

    /// Reads a page of the service: status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let reply = self.http.get(format!("http://{}{path}", self.address)).send().await.expect("an answer");
        (reply.status().as_u16(), reply.text().await.expect("a body"))
    }

    #[cfg(feature = "soak")]
    /// Waits until a service that was killed answers again.
    pub async fn wait_until_up(&self) {
        let url = format!("http://{}/healthz", self.address);
        for _ in 0..200 {
            // The dying one may still take the connection and drop it.
            if self.http.get(&url).send().await.is_ok() {
                return;
            }
        }
        panic!("the service does not come back");
    }

    /// A person does something with a phone; whether it made sense.
    pub async fn act(&self, phone: &str, action: PhoneAction) -> bool {
        self.twilio.act(phone, action).await.is_ok()
    }

    /// What the page shows of a phone: its state, and what it is asked for.
    pub fn look_at(&self, number: &str) -> (String, String) {
        let phones = self.twilio.phones_state();
        let phone = phones.as_array().and_then(|phones| phones.iter().find(|phone| phone["number"] == number));
        let text = |key: &str| phone.and_then(|phone| phone[key].as_str()).unwrap_or_default().to_owned();
        (text("state"), text("wants"))
    }

    /// Since when these two talk with each other.
    pub fn talk_since(&self, one: &str, other: &str) -> Option<DateTime<Utc>> {
        let log = self.twilio.log();
        let last = log.iter().rev().find(|entry| {
            entry.phone == one && matches!(entry.what, What::Bridged { .. } | What::Unbridged | What::Ended { .. })
        })?;
        let What::Bridged { with, .. } = &last.what else { return None };
        with.iter().any(|phone| phone == other).then_some(last.at)
    }

    /// Ends both stand-ins.
    pub async fn close(&self) {
        self.twilio.stop().await;
        self.chatwoot.stop().await;
    }
}

async fn start_chatwoot(clock: Option<&ManualClock>, rules: &Rules) -> ChatwootStandIn {
    let known = ["sam@example.com", "priya@example.com"];
    let more = rules.agents.iter().filter_map(|agent| Some((agent.name.clone(), agent.email.clone()?)));
    let clock: Arc<dyn Clock> = match clock {
        Some(clock) => Arc::new(clock.clone()),
        None => Arc::new(SystemClock),
    };
    let options = chatwoot::Options {
        clock,
        agents: more.filter(|(_, email)| !known.contains(&email.as_str())).collect(),
        ..chatwoot::Options::default()
    };
    let chatwoot = ChatwootStandIn::start(options).await.expect("Chatwoot starts");
    let ids: Vec<i64> = chatwoot.agents().into_iter().map(|agent| agent.id).collect();
    for brand in &rules.brands {
        chatwoot.create_inbox(&brand.inbox, &ids);
    }
    for id in ids {
        chatwoot.set_auto_offline(id, false);
    }
    chatwoot
}
