use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::chatwoot::fake::{Answer, CableManner, Fake};
use crate::chatwoot::payload::ChatwootEvent;
use crate::clock::ManualClock;

/// Keeps everything it is told.
#[derive(Default)]
struct Kept {
    reports: Mutex<Vec<AgentReport>>,
    agents: Mutex<Vec<Vec<i64>>>,
    contacts: Mutex<Vec<ContactReport>>,
    events: Mutex<Vec<ChatwootEvent>>,
}

#[async_trait]
impl AvailabilitySink for Kept {
    async fn report(&self, reports: Vec<AgentReport>) {
        self.reports.lock().unwrap().extend(reports);
    }

    async fn agents(&self, agents: Vec<Agent>, _at: DateTime<Utc>) {
        self.agents.lock().unwrap().push(agents.iter().map(|agent| agent.id).collect());
    }
}

#[async_trait]
impl ContactSink for Kept {
    async fn report(&self, contacts: Vec<ContactReport>) {
        self.contacts.lock().unwrap().extend(contacts);
    }

    async fn forget(&self, _contact: i64) {}

    async fn list_kept(&self, _after: i64) -> Vec<i64> {
        Vec::new()
    }
}

#[async_trait]
impl EventSink for Kept {
    async fn event(&self, event: ChatwootEvent) {
        self.events.lock().unwrap().push(event);
    }
}

struct Running {
    fake: Fake,
    kept: Arc<Kept>,
    clock: ManualClock,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(fake: Fake, beliefs: HashMap<i64, Belief>) -> Self {
        let kept = Arc::new(Kept::default());
        let clock = ManualClock::new(DateTime::UNIX_EPOCH);
        let ms = Duration::from_millis;
        let settings = FeedSettings {
            cable: CableSettings {
                presence_every: ms(10),
                ping_timeout: ms(20_000),
                subscribe_timeout: ms(20_000),
                backoff_min: ms(5),
                backoff_max: ms(10),
            },
            rest_every: ms(10),
            agents_every: ms(40),
            contacts: ContactSettings { recent_every: ms(40), all_pace: ms(1), ..ContactSettings::default() },
            publish_every: ms(40),
            ..FeedSettings::default()
        };
        let sinks = FeedSinks { availability: kept.clone(), contacts: kept.clone(), events: kept.clone() };
        let stop = CancellationToken::new();
        let feed = run(fake.client(), Arc::new(clock.clone()), settings, sinks, beliefs, stop.clone());
        Self { fake, kept, clock, stop, task: tokio::spawn(feed) }
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Kept) -> bool) {
        for _ in 0..1_000 {
            if wanted(&self.kept) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("waited in vain until {what}: {:?}", self.kept.reports.lock().unwrap());
    }

    /// Waits until this is the last word on the agent.
    async fn until_believed(&self, user: i64, status: Status, source: Source) {
        let is_last = |kept: &Kept| {
            let reports = kept.reports.lock().unwrap();
            let last = reports.iter().rev().find(|report| report.chatwoot_user_id == user);
            last.is_some_and(|report| (report.status, report.source) == (status, source))
        };
        self.until(&format!("{user} is {status:?} by {source:?}"), is_last).await;
    }
}

/// Sam (12) as given, and Maria (11) always online.
fn agents(sam: &str) -> Answer {
    let agent =
        |id: i64, status: &str| json!({"id": id, "account_id": 1, "confirmed": true, "availability_status": status});
    let invited = json!({"id": 14, "account_id": 1, "confirmed": false, "availability_status": "offline"});
    Answer::json(&Value::from(vec![agent(11, "online"), agent(12, sam), invited]).to_string())
}

async fn fake(sam: &'static str) -> Fake {
    let fake = Fake::start(|_| Answer::status(500, "")).await;
    answer(&fake, sam);
    fake.set_presence(json!({"11": "online", "12": "busy"}));
    fake
}

fn answer(fake: &Fake, sam: &'static str) {
    fake.answer_with(move |asked| match asked.line.split(['?']).next().unwrap() {
        "GET /api/v1/profile" => Answer::sample("api.profile.administrator"),
        "GET /api/v1/accounts/1/agents" => agents(sam),
        "GET /api/v1/accounts/1/contacts" => Answer::sample("api.contacts.filter"),
        other => panic!("unexpected {other}"),
    });
}

#[tokio::test]
async fn an_agents_choice_arrives_over_the_websocket_and_absence_after_the_grace() {
    let feed = Running::start(fake("online").await, HashMap::new());
    feed.until_believed(12, Status::Busy, Source::Cable).await;
    feed.until_believed(11, Status::Online, Source::Cable).await;
    feed.fake.set_presence(json!({"11": "offline", "12": "online"}));
    feed.until_believed(11, Status::Offline, Source::Cable).await;
    feed.until_believed(12, Status::Online, Source::Cable).await;

    feed.fake.set_presence(json!({"11": "offline"}));
    let heard = feed.fake.frames().len();
    while feed.fake.frames().len() < heard + 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    feed.clock.advance(TimeDelta::seconds(30));
    feed.until("the present is heard", |kept| {
        kept.reports.lock().unwrap().last().is_some_and(|report| report.at.timestamp() == 30)
    })
    .await;
    feed.until_believed(12, Status::Online, Source::Cable).await;
    feed.clock.advance(TimeDelta::seconds(30));
    feed.until_believed(12, Status::Offline, Source::Cable).await;
    let last = *feed.kept.reports.lock().unwrap().iter().rfind(|report| report.chatwoot_user_id == 12).unwrap();
    assert!(last.is_absence);
    feed.stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), feed.task).await.expect("it stops").unwrap();
}

#[tokio::test]
async fn while_the_websocket_is_down_the_list_of_agents_is_believed_with_grace() {
    let fake = fake("busy").await;
    fake.behave(CableManner::NeverConfirms);
    let feed = Running::start(fake, HashMap::new());
    feed.until_believed(12, Status::Busy, Source::Rest).await;
    answer(&feed.fake, "offline");
    let asked = feed.fake.asked().len();
    while feed.fake.asked().len() < asked + 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    feed.until_believed(12, Status::Busy, Source::Rest).await;
    feed.clock.advance(TimeDelta::seconds(60));
    feed.until_believed(12, Status::Offline, Source::Rest).await;
}

#[tokio::test]
async fn the_last_known_state_is_kept_while_chatwoot_fails_and_after_a_restart() {
    let mut known = Belief::unknown(DateTime::UNIX_EPOCH);
    known.hear(Heard::cable(Some(Status::Busy), DateTime::UNIX_EPOCH), GRACE);
    let fake = Fake::start(|_| Answer::status(500, "")).await;
    let feed = Running::start(fake, HashMap::from([(12, known)]));
    feed.until_believed(12, Status::Busy, Source::Cable).await;
    let reports = feed.kept.reports.lock().unwrap().clone();
    assert!(reports.iter().all(|report| report.at == DateTime::UNIX_EPOCH));
    assert!(feed.kept.agents.lock().unwrap().is_empty());
}

#[tokio::test]
async fn asked_to_slow_down_it_does() {
    let fake = Fake::start(|_| Answer::status(429, "Retry later\n")).await;
    let feed = Running::start(fake, HashMap::new());
    while feed.fake.asked().len() < 8 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for list in ["/accounts/1/agents", "/accounts/1/contacts"] {
        let asked = feed.fake.lines().iter().filter(|line| line.contains(list)).count();
        assert_eq!(asked, 1, "{list}: the rest are attempts of the websocket, which has waits of its own");
    }
}

#[tokio::test]
async fn who_was_removed_is_forgotten_and_who_was_not_yet_confirmed_is_left_out() {
    let mut removed = Belief::unknown(DateTime::UNIX_EPOCH);
    removed.hear(Heard::cable(Some(Status::Online), DateTime::UNIX_EPOCH), GRACE);
    let feed = Running::start(fake("online").await, HashMap::from([(99, removed)]));
    feed.until("agents were read twice", |kept| kept.agents.lock().unwrap().len() >= 2).await;
    assert!(feed.kept.agents.lock().unwrap().iter().all(|agents| agents == &[11, 12]));
    feed.kept.reports.lock().unwrap().clear();
    feed.until_believed(12, Status::Busy, Source::Cable).await;
    assert!(!feed.kept.reports.lock().unwrap().iter().any(|report| [99, 14].contains(&report.chatwoot_user_id)));
}

#[tokio::test]
async fn names_and_blocks_come_from_the_list_and_at_once_from_the_websocket() {
    let feed = Running::start(fake("online").await, HashMap::new());
    feed.until("the list was read", |kept| !kept.contacts.lock().unwrap().is_empty()).await;
    feed.until_believed(12, Status::Busy, Source::Cable).await;
    feed.fake.push(json!({"identifier": "{}", "message": {"event": "contact.updated",
        "data": {"id": 501, "account_id": 1, "name": "Jordan B.", "blocked": true, "phone_number": "+15550100123"}}}));
    feed.until("the event was heard", |kept| !kept.events.lock().unwrap().is_empty()).await;
    let ChatwootEvent::ContactUpdated(renamed) = feed.kept.events.lock().unwrap().remove(0) else {
        panic!("it was no contact");
    };
    assert_eq!((renamed.id, renamed.name.as_str(), renamed.is_blocked), (501, "Jordan B.", true));
    assert!(feed.kept.contacts.lock().unwrap().iter().any(|contact| contact.name == "Jordan Blake"));

    for (event, id) in [("contact.merged", 501), ("contact.deleted", 502)] {
        feed.fake.push(json!({"identifier": "{}", "message": {"event": event,
            "data": {"id": id, "account_id": 1, "name": "Jordan B.", "phone_number": null}}}));
    }
    feed.until("both were heard", |kept| kept.events.lock().unwrap().len() == 2).await;
    let heard = feed.kept.events.lock().unwrap().clone();
    assert!(matches!(&heard[0], ChatwootEvent::ContactMerged(contact) if contact.id == 501));
    assert!(matches!(&heard[1], ChatwootEvent::ContactDeleted(contact) if contact.id == 502));
}

#[tokio::test]
async fn all_contacts_are_read_however_many_and_who_is_in_no_list_is_asked_for() {
    let page = |from: i64, count: i64| {
        let one = |id: i64| json!({"id": id, "name": "", "phone_number": format!("+1555010{id:04}")});
        Answer::json(&json!({"payload": (from..from + count).map(one).collect::<Vec<_>>()}).to_string())
    };
    let fake = Fake::start(move |asked| match asked.line.as_str() {
        line if line.contains("/contacts/777") => Answer::status(404, "{}"),
        line if line.contains("/contacts/778") => {
            Answer::json(&json!({"payload": {"id": 778, "name": "Moved", "phone_number": "+15550107778"}}).to_string())
        }
        line if line.contains("page=26") => page(376, 3),
        line => {
            let number: i64 =
                line.split("page=").nth(1).and_then(|rest| rest.split(['&', ' ']).next()?.parse().ok()).unwrap_or(1);
            page((number - 1) * 15 + 1, 15)
        }
    })
    .await;
    let kept = Arc::new(KeptContacts { kept: vec![5, 777, 778], ..KeptContacts::default() });
    let settings = ContactSettings { all_pace: Duration::from_millis(1), ..ContactSettings::default() };
    let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    ContactSync::new(&fake.client(), clock, settings, kept.clone()).read_all().await;
    let mut reported = kept.reported.lock().unwrap().clone();
    reported.sort_unstable();
    reported.dedup();
    assert_eq!(reported, (1..=378).chain([778]).collect::<Vec<i64>>());
    assert_eq!(*kept.forgotten.lock().unwrap(), [777]);
}

/// A store of contacts that remembers what it was told.
#[derive(Default)]
struct KeptContacts {
    kept: Vec<i64>,
    reported: Mutex<Vec<i64>>,
    forgotten: Mutex<Vec<i64>>,
}

#[async_trait]
impl ContactSink for KeptContacts {
    async fn report(&self, contacts: Vec<ContactReport>) {
        self.reported.lock().unwrap().extend(contacts.iter().map(|contact| contact.chatwoot_contact_id));
    }

    async fn forget(&self, contact: i64) {
        self.forgotten.lock().unwrap().push(contact);
    }

    async fn list_kept(&self, after: i64) -> Vec<i64> {
        self.kept.iter().copied().filter(|id| *id > after).collect()
    }
}
