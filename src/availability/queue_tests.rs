use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::chatwoot::fake::{Answer, Fake};
use crate::clock::ManualClock;
use crate::rules::{DestinationPolicy, DialStopsAt, RingMethod};
use crate::store::model::ModelStore;
use crate::store::{Conversations, Publishing};
use crate::switchboard::AccountLimits;
use crate::switchboard::circuit::Circuit;
use crate::switchboard::rulebook::Rulebook;

const RULES: &str = r#"
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme Movers"
time_zone = "Europe/London"
roster = ["sam"]
[[number]]
number = "+15550100002"
brand = "acme"
[[agent]]
id = "sam"
name = "Sam Carter"
email = "Sam@Example.com"
phone = "+15550100011"
phone_verified = true
"#;

struct Rig {
    fake: Fake,
    store: Arc<ModelStore>,
    clock: ManualClock,
    queue: QueueKeeper,
}

async fn rig(answer: impl Fn(u32, &str) -> Answer + Send + Sync + 'static) -> Rig {
    let pages = AtomicU32::new(0);
    let fake = Fake::start(move |asked| {
        if asked.line.contains("/inboxes") {
            Answer::json(r#"{"payload":[{"id":4,"name":"Acme Movers","channel_type":"Channel::Api"}]}"#)
        } else if asked.line.contains("/agents") {
            Answer::json(r#"[{"id":12,"email":"sam@example.com","confirmed":true,"availability_status":"online"}]"#)
        } else {
            answer(pages.fetch_add(1, Ordering::SeqCst), &asked.line)
        }
    })
    .await;
    let clock = ManualClock::new("2026-11-24T16:00:00Z".parse().unwrap());
    let store = Arc::new(ModelStore::new());
    store.publish_rules(RULES, "Sam Carter", clock.now()).await.unwrap();
    let shared: Arc<dyn Store> = store.clone();
    let time: Arc<dyn Clock> = Arc::new(clock.clone());
    let limits = AccountLimits {
        method: RingMethod::Auto,
        dial_stops_at: DialStopsAt::Unknown,
        pace: TimeDelta::seconds(1),
        legs_live_max: 10,
        legs_per_minute_max: 10,
    };
    let switchboard = Switchboard::new(
        Arc::clone(&shared),
        Arc::clone(&time),
        Arc::new(Rulebook::new(Arc::clone(&shared), Arc::clone(&time))),
        Arc::new(DestinationPolicy::new(["US"], [], [])),
        limits,
        Arc::new(Circuit::default()),
    );
    let directory = Arc::new(Directory::new(fake.client()));
    let queue = QueueKeeper::new(shared, Arc::new(switchboard), time, fake.client(), directory);
    Rig { fake, store, clock, queue }
}

impl Rig {
    async fn read(&self) {
        self.queue.read_inboxes(None, Duration::ZERO).await;
    }

    fn open(&self) -> u32 {
        let agents = [AgentId::new("sam")];
        let facts = self.store.load_facts_sync(&crate::ids::BrandId::new("acme"), &agents, self.clock.now()).unwrap();
        facts.agents[0].open_conversations
    }

    async fn read_at(&self) -> Option<DateTime<Utc>> {
        self.store.find_reconciled(&crate::ids::BrandId::new("acme")).await.unwrap()
    }
}

fn one(number: i64, updated_at: f64) -> Value {
    json!({"id": number, "account_id": 1, "inbox_id": 4, "status": "open", "last_activity_at": 1,
        "updated_at": updated_at, "meta": {"assignee": {"id": 12}, "assignee_type": "User"}})
}

fn page(conversations: &[Value], all_count: u64) -> Answer {
    let data = json!({"data": {"meta": {"all_count": all_count}, "payload": conversations}});
    Answer::json(&data.to_string())
}

fn event(number: i64, status: ConversationStatus, updated_at: i64) -> ConversationEvent {
    ConversationEvent {
        account_id: None,
        id: number,
        inbox_id: 4,
        status,
        assignee_id: Some(12),
        labels: Vec::new(),
        custom_attributes: serde_json::Map::new(),
        contact_id: None,
        updated_at: DateTime::from_timestamp(updated_at, 0),
    }
}

#[tokio::test]
async fn events_count_in_the_order_of_their_changes_not_of_their_arrival() {
    use ConversationStatus::{Open, Resolved};
    let rig = rig(|_, _| page(&[], 0)).await;
    rig.queue.note(&event(1, Resolved, 20)).await;
    rig.queue.note(&event(1, Open, 10)).await;
    assert_eq!(rig.open(), 0, "a late word opened what was resolved");
    rig.queue.note(&event(2, Open, 10)).await;
    rig.queue.note(&event(2, Open, 10)).await;
    assert_eq!(rig.open(), 1, "a repeat counts twice");
    rig.queue.note(&event(1, Open, 30)).await;
    assert_eq!(rig.open(), 2);
    rig.queue.note(&ConversationEvent { inbox_id: 5, ..event(3, Open, 10) }).await;
    rig.queue.note(&ConversationEvent { assignee_id: Some(99), ..event(2, Open, 40) }).await;
    assert_eq!(rig.open(), 1, "a stranger's inbox or a stranger's conversation counts");
    let lists = rig.fake.lines().iter().filter(|line| line.contains("/inboxes") || line.contains("/agents")).count();
    assert_eq!(lists, 2, "each list is read once a minute");
}

#[tokio::test]
async fn a_reading_that_is_disturbed_between_two_pages_closes_nothing() {
    // The count changes between the pages: an earlier one was closed, and one moved up and was skipped.
    let rig = rig(|nth, _| if nth % 2 == 0 { page(&[one(1, 10.0)], 3) } else { page(&[one(3, 10.0)], 2) }).await;
    rig.queue.note(&event(2, ConversationStatus::Open, 10)).await;
    rig.clock.advance(TimeDelta::seconds(60));
    rig.read().await;
    assert_eq!((rig.open(), rig.read_at().await), (3, None));
}

#[tokio::test]
async fn a_whole_reading_closes_what_it_does_not_name_unless_it_was_heard_of_since() {
    let rig = rig(|_, line| match line {
        line if line.contains("page=1") => page(&[one(1, 10.0), one(2, 10.0)], 3),
        line if line.contains("page=2") => page(&[one(3, 10.0)], 3),
        _ => page(&[], 3),
    })
    .await;
    rig.queue.note(&event(7, ConversationStatus::Open, 10)).await;
    rig.clock.advance(TimeDelta::seconds(60));
    let began_at = rig.clock.now();
    // Heard of at the instant of the reading, and too young to be in it.
    rig.queue.note(&event(8, ConversationStatus::Open, 70)).await;
    rig.read().await;
    assert_eq!((rig.open(), rig.read_at().await), (4, Some(began_at)));
    // What was read says nothing against a newer word.
    rig.queue.note(&event(1, ConversationStatus::Resolved, 80)).await;
    rig.read().await;
    assert_eq!(rig.open(), 3);
}

#[tokio::test]
async fn an_inbox_that_somebody_read_a_moment_ago_is_left_alone() {
    let rig = rig(|_, _| page(&[one(1, 10.0)], 1)).await;
    let asked = || rig.fake.lines().iter().filter(|line| line.contains("/conversations")).count();
    rig.read().await;
    rig.clock.advance(TimeDelta::seconds(30));
    rig.queue.read_inboxes(Some(TimeDelta::seconds(90)), Duration::ZERO).await;
    assert_eq!(asked(), 1);
    rig.clock.advance(TimeDelta::seconds(60));
    rig.queue.read_inboxes(Some(TimeDelta::seconds(90)), Duration::ZERO).await;
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn an_inbox_without_end_is_given_up() {
    let rig = rig(|nth, _| page(&[one(i64::from(nth), 10.0)], 1_000_000)).await;
    rig.read().await;
    assert_eq!(rig.read_at().await, None);
    assert_eq!(rig.fake.lines().iter().filter(|line| line.contains("/conversations")).count(), 1200);
}
