//! Asks the engine how it goes about every statement of this room: none may walk through a table that grows.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::open::{OpenOptions, open};
use super::session::seen;
use super::sqlite;
use super::{
    AgentMark, ArrivalQuestion, Carried, Conflict, ConversationWord, DraftSave, InboxLink, KnownContact, MissedCall,
    NewAuditLine, NewEffect, NewVersion, PhoneSwitched, PhoneWord, Presence, PresenceChange, Save, Settled, Store,
    StoreError, StoredAnswer, StoredCode, StoredRecording, TaskChange, TaskEnd, TaskState,
};
use crate::call::effect::{Effect, Neighbour};
use crate::call::event::Event;
use crate::call::signal::Signal;
use crate::call::state::{Call, NewCall};
use crate::call::switch::{NewSwitch, SwitchKind, SwitchedBy, SwitchedHow};
use crate::ids::{AgentId, BrandId, CallId, CarrierRef, DraftId, SupervisorId};
use crate::phone_number::{Caller, PhoneNumber};

/// Statements that read all of something on purpose, and why that stays small.
const READ_WHOLE: [(&str, &str); 9] = [
    ("SCAN supervisor_codes USING INDEX sqlite_autoindex_", "as many codes as there are supervisors"),
    ("SCAN asked", "the agents that were asked for"),
    ("SCAN always", "one row that is always there"),
    (
        "SCAN legs USING COVERING INDEX legs_live_",
        "how many legs ring or talk now: a partial index, as long as there are phones",
    ),
    ("SCAN heads", "the effects that are leased now: as many as were asked for"),
    ("SCAN legs USING INDEX legs_live_", "legs that ring or talk now: a partial index, as long as there are phones"),
    ("SCAN outbox USING COVERING INDEX outbox_rings", "rings that wait for their turn: a partial index"),
    ("SCAN outbox USING COVERING INDEX outbox_", "the metric of effects that wait: a partial index"),
    ("SCAN mine USING INDEX outbox_next", "stops at the first row: a partial index, in the order asked for"),
];

fn phone() -> PhoneNumber {
    serde_json::from_value(serde_json::json!("+15550100101")).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn full_save(call: Call) -> Save {
    let agent = AgentId::new("priya");
    let leg = u32::try_from(call.legs.len()).unwrap() + 1;
    Save {
        call,
        at: now(),
        signal: Signal::Arrived,
        events: vec![
            Event::LegReleased { leg: 1 },
            Event::LegOffered {
                leg,
                agent: agent.clone(),
                phone: phone(),
                round: 1,
                give_up_at: now(),
                called_in: false,
            },
        ],
        effects: vec![NewEffect { effect: Effect::RingAgent { leg }, lane: "lane".to_owned(), due_at: now() }],
        marks: vec![AgentMark::Offered { agent: agent.clone() }, AgentMark::Responded { agent }],
        switches: Vec::new(),
        tasks: vec![
            TaskChange::Missed(MissedCall {
                brand: BrandId::new("acme-movers"),
                caller: Some(phone()),
                caller_name: None,
                call: CallId(uuid::Uuid::from_u128(leg.into())),
                due_at: None,
            }),
            TaskChange::Answered {
                brand: BrandId::new("acme-movers"),
                caller: phone(),
                call: CallId(uuid::Uuid::from_u128(leg.into())),
            },
        ],
        answer: Some(StoredAnswer { key: format!("key-{leg}"), body: String::new() }),
    }
}

async fn ask_everything(store: &Arc<dyn Store>) {
    let (id, agent, brand) = (CallId(uuid::Uuid::from_u128(7)), AgentId::new("priya"), BrandId::new("acme-movers"));
    let reference = CarrierRef::new("CA1");
    let mut call = Call::new(NewCall {
        id,
        brand: brand.clone(),
        number: phone(),
        caller: Caller::Known(phone()),
        caller_name: None,
        caller_ref: reference.clone(),
        rules_version: 1,
        at: now(),
    });
    let mut save = full_save(call.clone());
    save.events.remove(0);
    for event in &save.events {
        call.apply(event, now());
    }
    save.call = call.clone();
    store.save(save).await.unwrap();
    call.version = 1;
    store.save(full_save(call.clone())).await.unwrap();
    let other = CallId(uuid::Uuid::from_u128(8));
    let forestalled = full_save(Call { id: other, caller_ref: CarrierRef::new("CA8"), version: 0, ..call });
    let refused = store.save(Save { answer: None, ..forestalled }).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::PhoneTaken(held)) if held.len() == 1));
    store.ping().await.unwrap();
    store.find_call(id).await.unwrap();
    store.find_call_by_caller_ref(&reference).await.unwrap();
    ask_about_calls(store, id, &agent).await;
    store.find_answer("key").await.unwrap();
    ask_about_arrivals(store, &brand).await;
    ask_about_switches(store, &brand).await;
    store.load_facts(&brand, &[], now()).await.unwrap();
    store.forget_before(now()).await.unwrap();
    store.load_facts(&brand, &[agent.clone(), AgentId::new("sam")], now()).await.unwrap();
    let report = PresenceChange { agent: agent.clone(), presence: Presence::Online, at: now() };
    store.note_presence(&[report]).await.unwrap();
    store.switch_phone(&agent, None).await.unwrap();
    ask_of_the_inbox(store, &agent, &brand).await;
    store.find_contact(&phone()).await.unwrap();
    store.note_contacts(&[KnownContact { phone: phone(), name: None, blocked: false, contact_id: 501 }]).await.unwrap();
    store.list_contact_ids(0, 5).await.unwrap();
    store.forget_contact(502).await.unwrap();
    ask_of_the_outbox(store, id).await;
    store.take_pacing_slot(now(), TimeDelta::seconds(1)).await.unwrap();
    store.take_pacing_slot(now(), TimeDelta::seconds(1)).await.unwrap();
    store.take_lease("sweep", "me", now(), TimeDelta::seconds(1)).await.unwrap();
    store.note_carried(Carried { legs: 2, at: now() }).await.unwrap();
    store.note_served(&phone(), now()).await.unwrap();
    store.trust_phone(&agent, "operator", now()).await.unwrap();
    store.save_inbox_link(id, InboxLink { contact_id: 1, conversation_id: 2 }).await.unwrap();
    store.find_inbox_link(id).await.unwrap();
    let audio =
        StoredRecording { recording: reference.clone(), call: id, content_type: String::new(), audio: vec![1].into() };
    store.save_recording(audio, now()).await.unwrap();
    store.find_recording(&reference).await.unwrap();
    store.publish_rules("{}", "Sam Carter", now()).await.unwrap();
    store.find_current_rules().await.unwrap();
    store.find_rules(1).await.unwrap();
    ask_about_rules(store).await;
    store.note_delivery("one", now()).await.unwrap();
}

async fn ask_of_the_outbox(store: &Arc<dyn Store>, call: CallId) {
    for settled in [
        Settled::Again { at: now(), why: String::new(), counts: true },
        Settled::Dead { why: String::new() },
        Settled::Done,
    ] {
        let leased = store.lease_effects(Neighbour::Carrier, now(), TimeDelta::seconds(5), 1).await.unwrap();
        store.renew_effect(leased[0].id, leased[0].lease, now()).await.unwrap();
        store.settle_effect(leased[0].id, leased[0].lease, settled, now()).await.unwrap();
    }
    let effect = NewEffect { effect: Effect::NoteArrival, lane: "lane".to_owned(), due_at: now() };
    store.add_effect(call, effect, now()).await.unwrap();
    store.find_next_effect().await.unwrap();
    store.count_effects_due().await.unwrap();
    let letters = store.list_dead_letters(5).await.unwrap();
    store.revive_effect(letters[0].id, "Sam Carter", now()).await.unwrap();
    store.load_figures(now()).await.unwrap();
}

async fn ask_about_calls(store: &Arc<dyn Store>, id: CallId, agent: &AgentId) {
    store.load_history(id).await.unwrap();
    store.find_shortlist_facts(id, 1).await.unwrap();
    store.find_call_offered_to(agent, &BrandId::new("acme"), now()).await.unwrap();
    store.find_live_leg(&CarrierRef::new("CA1")).await.unwrap();
    store.find_calls_to_wake(now(), 5).await.unwrap();
    store.find_next_wake().await.unwrap();
    store.find_waiting_calls(5).await.unwrap();
    store.find_calls_ringing(agent).await.unwrap();
    store.list_calls(Some(now()), 5).await.unwrap();
}

async fn ask_about_arrivals(store: &Arc<dyn Store>, brand: &BrandId) {
    store.note_made_contact(501, now()).await.unwrap();
    for caller in [Some(phone()), None] {
        let question =
            ArrivalQuestion { key: Some("key".to_owned()), caller, brand: brand.clone(), since: now(), now: now() };
        store.load_arrival(&question).await.unwrap();
    }
}

async fn ask_about_switches(store: &Arc<dyn Store>, brand: &BrandId) {
    let switch = NewSwitch {
        brand: brand.clone(),
        kind: SwitchKind::Override,
        until: now() + TimeDelta::hours(1),
        by: SwitchedBy::Time,
        how: SwitchedHow::Api,
        reason: "a test".to_owned(),
        include_waiting: false,
    };
    store.begin_switch(&switch, now()).await.unwrap();
    store.find_switch(brand, SwitchKind::Override, now()).await.unwrap();
    store.list_switches(brand, SwitchKind::Override, Some(9), 5, now()).await.unwrap();
    store.list_switches_on(now(), 5).await.unwrap();
    store.end_switch(brand, SwitchKind::Override, &SwitchedBy::Time, now()).await.unwrap();
    let supervisor = SupervisorId::new("dana");
    let code = StoredCode {
        supervisor: supervisor.clone(),
        hash: "00".to_owned(),
        set_at: now(),
        set_by: "operator".to_owned(),
    };
    store.set_code(&code).await.unwrap();
    store.list_codes().await.unwrap();
    store.take_code_try(CallId(uuid::Uuid::from_u128(7)), &Caller::Known(phone()), now()).await.unwrap();
    store.note_good_code(CallId(uuid::Uuid::from_u128(7)), &supervisor, now()).await.unwrap();
    store.find_code_guard(now()).await.unwrap();
    store.remove_code(&supervisor, "operator", now()).await.unwrap();
    store.count_answers(brand, now(), now()).await.unwrap();
}

async fn ask_about_rules(store: &Arc<dyn Store>) {
    let save = || DraftSave { name: String::new(), body: String::new(), base: 1, by: "Sam Carter".to_owned() };
    let draft = |n| DraftId(uuid::Uuid::from_u128(n));
    for n in 1..=2 {
        store.create_draft(draft(n), save(), now()).await.unwrap();
    }
    store.save_draft(draft(1), 1, save(), now()).await.unwrap();
    store.save_draft(draft(1), 1, save(), now()).await.unwrap_err();
    store.find_draft(draft(1)).await.unwrap();
    store.list_drafts(5).await.unwrap();
    store.delete_draft(draft(2), 1, "Sam Carter", now()).await.unwrap();
    let newest = store.find_newest_rules().await.unwrap().unwrap();
    let new = NewVersion {
        version: newest.version + 1,
        base: Some(newest.version),
        body: String::new(),
        by: String::new(),
        note: None,
        rolled_back_from: None,
        draft: Some((draft(1), 2)),
    };
    store.publish(new, now()).await.unwrap();
    store.list_rules(None, 5).await.unwrap();
    store.mark_rules(1, Some("line 1"), "offhook", now()).await.unwrap();
    store.mark_rules(1, None, "offhook", now()).await.unwrap();
    let line =
        NewAuditLine { by: String::new(), action: "looked", subject: String::new(), detail: serde_json::Value::Null };
    store.note_audit(line, now()).await.unwrap();
    store.list_audit(None, 5).await.unwrap();
}

async fn ask_of_the_inbox(store: &Arc<dyn Store>, agent: &AgentId, brand: &BrandId) {
    let word = ConversationWord {
        number: 42,
        brand: brand.clone(),
        agent: Some(agent.clone()),
        open: true,
        updated_at: now(),
        heard_at: now(),
    };
    store.note_conversations(std::slice::from_ref(&word)).await.unwrap();
    store.reconcile_conversations(brand, &[word], now()).await.unwrap();
    store.find_reconciled(brand).await.unwrap();
    store.forget_conversations(now()).await.unwrap();
    let id = CallId(uuid::Uuid::from_u128(7));
    for of in [None, Some(brand)] {
        store.list_callback_tasks(of, TaskState::Open, Some(id), 5).await.unwrap();
    }
    store.find_callback_task(id).await.unwrap();
    store.find_open_callback_task(brand, &phone()).await.unwrap();
    store.close_callback_task(id, &TaskEnd::Reached, now()).await.unwrap();
    store.note_callback_attempt(id, now()).await.unwrap();
    for off_until in [None, Some(now())] {
        let switch = Some(PhoneSwitched { agent: agent.clone(), off_until });
        let message = if off_until.is_some() { 2 } else { 1 };
        let said = PhoneWord { message, conversation: 42, switch, reply: String::new(), said_at: now() };
        store.obey_phone_word(&said).await.unwrap();
    }
    store.list_unanswered_words(5).await.unwrap();
    store.settle_phone_word(1).await.unwrap();
    store.forget_phone_words(now()).await.unwrap();
}

#[tokio::test]
async fn no_question_walks_through_a_table_that_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("offhook.db");
    let options = OpenOptions { migrate: true, connections: 1 };
    let store = open(&format!("sqlite://{}", path.display()), options).await.unwrap();
    ask_everything(&store).await;
    let asked: BTreeMap<String, Statement> = seen::all()
        .into_iter()
        .filter(|statement| statement.db_backend == DbBackend::Sqlite)
        // The writer's own tests have a table of things, and ask for all of them.
        .filter(|statement| !statement.sql.contains(" things"))
        .map(|statement| (statement.sql.clone(), statement))
        .collect();
    assert!(asked.len() > 40, "only {} statements were seen", asked.len());
    let engine = sqlite::open_readers(&path, 1).await.unwrap();
    let mut walks = Vec::new();
    for (sql, statement) in asked {
        let explain = Statement { sql: format!("EXPLAIN QUERY PLAN {sql}"), ..statement };
        for row in engine.query_all_raw(explain).await.unwrap() {
            let step: String = row.try_get("", "detail").unwrap();
            let sorts = step.starts_with("USE TEMP B-TREE");
            // `SCAN CONSTANT ROW` is a row of values; `SCAN 2-ROW VALUES CLAUSE` is several.
            let walks_through =
                step.starts_with("SCAN") && !step.contains("CONSTANT ROW") && !step.contains("VALUES CLAUSE");
            let is_meant =
                READ_WHOLE.iter().any(|(plan, _)| step.starts_with(plan)) || is_ordered_and_limited(&sql, &step);
            if sorts || (walks_through && !is_meant) {
                walks.push(format!("{step}\n    {sql}"));
            }
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
}

/// Walks along an index in the order asked for, and stops after a few rows.
fn is_ordered_and_limited(sql: &str, step: &str) -> bool {
    step.contains("INDEX") && (sql.contains(" LIMIT ") || sql.contains("max(version)"))
}
