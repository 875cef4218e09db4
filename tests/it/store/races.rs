//! What several sessions do at the same instant.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::TimeDelta;
use offhook::call::effect::{Effect, Neighbour};
use offhook::call::event::Event;
use offhook::call::mark::AgentMark;
use offhook::call::switch::{NewSwitch, SwitchKind, SwitchedBy, SwitchedHow};
use offhook::ids::AgentId;
use offhook::phone_number::Caller;
use offhook::store::model::ModelStore;
use offhook::store::open::{OpenOptions, open};
use offhook::store::{MissedCall, NewEffect, PhoneSwitched, PhoneWord, Settled, Store, TaskChange, TaskState};

use super::subject::{agent, bare_save, brand, call_id, new_call, phone, show, start};
use crate::exchange::postgres;

const ROUNDS: u32 = 20;
const CONTENDERS: u32 = 6;

async fn stores() -> (Vec<(&'static str, Vec<Arc<dyn Store>>)>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions { migrate: true, connections: 4 };
    let file = open(&format!("sqlite://{}", folder.path().join("offhook.db").display()), options).await.unwrap();
    let url = postgres::fresh_database();
    let replicas = vec![open(&url, options).await.unwrap(), open(&url, options).await.unwrap()];
    let model: Arc<dyn Store> = Arc::new(ModelStore::new());
    (vec![("model", vec![model]), ("SQLite", vec![file]), ("PostgreSQL", replicas)], folder)
}

/// Lets everybody try at once; returns what they were told.
async fn contend<F: Future<Output = String> + Send + 'static>(
    stores: &[Arc<dyn Store>],
    act: impl Fn(u32, Arc<dyn Store>) -> F,
) -> Vec<String> {
    let acting: Vec<_> = (0..CONTENDERS)
        .map(|n| tokio::spawn(act(n, Arc::clone(&stores[usize::try_from(n).unwrap() % stores.len()]))))
        .collect();
    let mut told = Vec::new();
    for one in acting {
        told.push(one.await.unwrap());
    }
    told.sort();
    told
}

fn one_wins(loss: &str) -> Vec<String> {
    let mut told = vec!["()".to_owned()];
    told.extend((1..CONTENDERS).map(|_| format!("conflict: {loss}")));
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_decide_on_one_version_one_is_heard() {
    let (stores, _folder) = stores().await;
    for (name, stores) in stores {
        let mut call = new_call(1, start());
        stores[0].save(bare_save(call.clone(), start())).await.unwrap();
        for _ in 0..ROUNDS {
            call.version += 1;
            let told = contend(&stores, |_, store| {
                let mut save = bare_save(call.clone(), start());
                save.events.push(Event::FetchBegan);
                async move { show(store.save(save).await) }
            });
            assert_eq!(told.await, one_wins("Version"), "{name}");
        }
        assert_eq!(stores[0].load_history(call_id(1)).await.unwrap().len(), usize::try_from(ROUNDS).unwrap(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_agent_is_rung_for_one_call_at_a_time() {
    let (stores, _folder) = stores().await;
    for (name, stores) in stores {
        for round in 0..ROUNDS {
            // Half of the rounds fight for the agent, half for a phone that two agents share.
            let told = contend(&stores, |n, store| {
                let mut call = new_call(100 + round * CONTENDERS + n, start());
                let (who, number) = if round % 2 == 0 { (round / 2, 60 + n) } else { (n, 80 + round % 4) };
                let who = if round % 2 == 0 { agent(who) } else { AgentId::new(&format!("agent-{round}-{n}")) };
                let event = Event::LegOffered {
                    leg: 1,
                    agent: who,
                    phone: phone(number),
                    round: 1,
                    give_up_at: start(),
                    called_in: false,
                };
                call.apply(&event, start());
                let mut save = bare_save(call, start());
                save.events.push(event);
                async move {
                    let told = show(store.save(save.clone()).await);
                    assert_eq!(store.find_call(save.call.id).await.unwrap().is_some(), told == "()");
                    // Who holds the phone is told too: whoever won.
                    let (kind, holder) = told.split_once("([HeldPhone ").unwrap_or((&told, "call: "));
                    assert!(holder.contains("call: "), "{told}");
                    kind.to_owned()
                }
            })
            .await;
            assert_eq!(told, one_wins("PhoneTaken"), "{name}, round {round}");
            for n in 0..CONTENDERS {
                let id = call_id(100 + round * CONTENDERS + n);
                if let Some(call) = stores[0].find_call(id).await.unwrap() {
                    let mut save = bare_save(call, start());
                    save.events.push(Event::LegReleased { leg: 1 });
                    stores[0].save(save).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_effect_is_leased_to_one_replica_and_a_sleeper_is_fenced() {
    let (stores, _folder) = stores().await;
    for (name, stores) in stores {
        let mut save = bare_save(new_call(1, start()), start());
        for attempt in 0..30 {
            let effect = Effect::CheckCaller { attempt };
            save.effects.push(NewEffect { effect, lane: format!("lane-{}", attempt % 10), due_at: start() });
        }
        stores[0].save(save).await.unwrap();
        let mut order: Vec<u32> = Vec::new();
        for _ in 0..3 {
            let told = contend(&stores, |_, store| async move {
                let leased = store.lease_effects(Neighbour::Carrier, start(), TimeDelta::seconds(5), 4).await.unwrap();
                leased
                    .iter()
                    .map(|row| format!("{}/{}/{:?}", row.id, row.lease, row.effect))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .await;
            // Rows that another replica had locked at that instant are passed over, so the rest is taken afterwards.
            let mut rows: Vec<(i64, i64)> = Vec::new();
            for row in told.iter().flat_map(|told| told.split_whitespace().filter(|word| word.contains('/'))) {
                let mut parts = row.split('/');
                rows.push((parts.next().unwrap().parse().unwrap(), parts.next().unwrap().parse().unwrap()));
            }
            for row in stores[0].lease_effects(Neighbour::Carrier, start(), TimeDelta::seconds(5), 100).await.unwrap() {
                rows.push((row.id, row.lease));
            }
            assert_eq!(rows.len(), 10, "{name}: the head of each lane, once");
            assert_eq!(rows.iter().map(|row| row.0).collect::<HashSet<_>>().len(), 10, "{name}");
            let later = start() + TimeDelta::seconds(6);
            let again = stores[0].lease_effects(Neighbour::Carrier, later, TimeDelta::seconds(5), 100).await.unwrap();
            assert_eq!(again.len(), 10, "{name}: leases pass over");
            for (id, lease) in rows {
                assert_eq!(
                    show(stores[0].settle_effect(id, lease, Settled::Done, later).await),
                    "conflict: Version",
                    "{name}"
                );
            }
            for row in again {
                if let Effect::CheckCaller { attempt } = row.effect {
                    order.push(attempt / 10);
                }
                stores[0].settle_effect(row.id, row.lease, Settled::Done, later).await.unwrap();
            }
        }
        assert!(order.is_sorted(), "{name}: {order:?}");
        assert_eq!(stores[0].count_effects_due().await.unwrap(), 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_race_lets_a_twenty_first_code_through() {
    let (stores, _folder) = stores().await;
    for (name, stores) in stores {
        let mut taken = 0;
        for round in 0..6 {
            let told = contend(&stores, |n, store| {
                let (call, caller) = (call_id(round * CONTENDERS + n), Caller::Known(phone(round * CONTENDERS + n)));
                async move { show(store.take_code_try(call, &caller, start()).await) }
            });
            taken += told.await.iter().filter(|told| *told == "Taken").count();
        }
        assert_eq!(taken, 20, "{name}");
        let guard = stores[0].find_code_guard(start()).await.unwrap();
        assert_eq!((guard.tries, guard.lockouts), (20, 1), "{name}");
        // Three a call, whoever counts.
        let later = start() + TimeDelta::hours(2);
        let told = contend(&stores, |n, store| {
            let caller = Caller::Known(phone(n));
            async move { show(store.take_code_try(call_id(900), &caller, later).await) }
        });
        assert_eq!(told.await.iter().filter(|told| *told == "Taken").count(), 3, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_brand_has_one_override_however_many_turn_it_on() {
    let (stores, _folder) = stores().await;
    for (name, stores) in stores {
        let told = contend(&stores, |n, store| async move {
            let new = NewSwitch {
                brand: brand(1),
                kind: SwitchKind::Override,
                until: start() + TimeDelta::hours(1),
                by: SwitchedBy::Operator(format!("operator {n}")),
                how: SwitchedHow::Api,
                reason: "a drill".to_owned(),
                include_waiting: false,
            };
            // The losers of a race are run again, three times at most; the asker's own retry is stood in for here.
            for _ in 0..3 {
                if store.begin_switch(&new, start()).await.is_ok() {
                    return "on".to_owned();
                }
            }
            "gave up".to_owned()
        });
        assert_eq!(told.await, vec!["on"; usize::try_from(CONTENDERS).unwrap()], "{name}");
        assert_eq!(stores[0].list_switches_on(start(), 9).await.unwrap().len(), 1, "{name}");
        let all = stores[0].list_switches(&brand(1), SwitchKind::Override, None, 99, start()).await.unwrap();
        assert_eq!(all.iter().filter(|one| one.ended.is_none()).count(), 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn turns_numbers_and_deliveries_are_given_once() {
    let (stores, _folder) = stores().await;
    for (name, stores) in stores {
        let told =
            contend(
                &stores,
                |_, store| async move { show(store.take_pacing_slot(start(), TimeDelta::seconds(1)).await) },
            );
        assert_eq!(told.await.iter().filter(|told| *told == "Taken").count(), 1, "{name}");
        let told = contend(&stores, |n, store| async move {
            show(store.take_lease("sweep", &format!("replica-{n}"), start(), TimeDelta::seconds(1)).await)
        });
        assert_eq!(told.await.iter().filter(|told| *told == "true").count(), 1, "{name}");
        let told = contend(&stores, |_, store| async move { show(store.note_delivery("one", start()).await) });
        assert_eq!(told.await.iter().filter(|told| *told == "true").count(), 1, "{name}");
        let told = contend(&stores, |_, store| async move {
            // The losers of a race are run again, three times at most; the switchboard's own retry is stood in for here.
            for _ in 0..3 {
                if let Ok(version) = store.publish_rules("{}", "Sam Carter", start()).await {
                    return version.to_string();
                }
            }
            "gave up".to_owned()
        });
        assert_eq!(told.await, (1..=CONTENDERS).map(|n| n.to_string()).collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_missed_at_once_make_one_task() {
    let (stores, _folder) = stores().await;
    for (name, stores) in stores {
        for round in 0..ROUNDS {
            let at = start() + TimeDelta::minutes(round.into());
            let told = contend(&stores, |n, store| {
                let call = new_call(100 + round * CONTENDERS + n, at);
                let mut save = bare_save(call.clone(), at);
                save.tasks.push(TaskChange::Missed(MissedCall {
                    brand: brand(1),
                    caller: Some(phone(round)),
                    caller_name: None,
                    call: call.id,
                    due_at: Some(at + TimeDelta::minutes(n.into())),
                }));
                async move { show(store.save(save).await) }
            });
            assert_eq!(told.await, vec!["()"; 6], "{name}");
            let task = stores[0].find_open_callback_task(&brand(1), &phone(round)).await.unwrap().unwrap();
            assert_eq!((task.missed, task.due_at), (CONTENDERS, Some(at)), "{name}");
        }
        let open = stores[0].list_callback_tasks(None, TaskState::Open, None, 100).await.unwrap();
        assert_eq!(open.len(), usize::try_from(ROUNDS).unwrap(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_notes_about_a_phone_that_are_heard_at_once_the_last_written_holds() {
    let (stores, _folder) = stores().await;
    for (name, stores) in stores {
        for round in 0..ROUNDS {
            let last = round * CONTENDERS + CONTENDERS - 1;
            let off_until = |message: u32| start() + TimeDelta::minutes(message.into());
            contend(&stores, |n, store| {
                let message = round * CONTENDERS + n;
                let word = PhoneWord {
                    message: message.into(),
                    conversation: 42,
                    switch: Some(PhoneSwitched { agent: agent(1), off_until: Some(off_until(message)) }),
                    reply: String::new(),
                    said_at: start(),
                };
                async move { show(store.obey_phone_word(&word).await) }
            })
            .await;
            let facts = stores[0].load_facts(&brand(1), &[agent(1)], start()).await.unwrap();
            assert_eq!(facts.agents[0].switched_off_until, Some(off_until(last)), "{name}");
        }
    }
}

fn one_of_many(n: u32) -> AgentId {
    AgentId::new(&format!("agent-{n:03}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_put_aside_those_on_whom_the_other_relies_one_is_refused() {
    let (stores, _folder) = stores().await;
    for (name, stores) in stores {
        for round in 0..ROUNDS {
            let pair = [one_of_many(2 * round), one_of_many(2 * round + 1)];
            // Both have missed calls before, so both are known.
            let mut known = bare_save(new_call(1_000 + round, start()), start());
            known.marks.extend(pair.iter().map(|who| AgentMark::Missed { agent: who.clone() }));
            stores[0].save(known).await.unwrap();
            let told = contend(&stores, |n, store| {
                let aside = usize::try_from(n % 2).unwrap();
                let mut save = bare_save(new_call(2_000 + round * CONTENDERS + n, start()), start());
                let until = start() + TimeDelta::minutes(15);
                let stay = vec![pair[1 - aside].clone()];
                save.marks.push(AgentMark::Paused { agent: pair[aside].clone(), until, stay });
                async move { show(store.save(save).await) }
            })
            .await;
            let half = usize::try_from(CONTENDERS / 2).unwrap();
            let mut expected = vec!["()"; half];
            expected.extend(vec!["conflict: AgentNeeded"; half]);
            assert_eq!(told, expected, "{name}, round {round}");
            let facts = stores[0].load_facts(&brand(1), &pair, start()).await.unwrap();
            let aside = facts.agents.iter().filter(|facts| facts.paused_until.is_some()).count();
            assert_eq!(aside, 1, "{name}, round {round}: nobody is left");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn decisions_on_the_same_agents_wait_for_each_other_in_one_order() {
    let url = postgres::fresh_database();
    let options = OpenOptions { migrate: true, connections: 4 };
    let stores = [open(&url, options).await.unwrap(), open(&url, options).await.unwrap()];
    let crowd: Vec<_> = (0..40).map(one_of_many).collect();
    let mut known = bare_save(new_call(1, start()), start());
    known.marks.extend(crowd.iter().map(|who| AgentMark::Missed { agent: who.clone() }));
    stores[0].save(known).await.unwrap();
    for round in 0..ROUNDS {
        let told = contend(&stores, |n, store| {
            let mut save = bare_save(new_call(10 + round * CONTENDERS + n, start()), start());
            // Each half of the crowd misses for one, and responds to the next.
            save.marks.extend(crowd.iter().zip(0..).map(|(who, place): (_, u32)| {
                let agent = who.clone();
                if (place / 20 + n) % 2 == 0 { AgentMark::Missed { agent } } else { AgentMark::Responded { agent } }
            }));
            async move { show(store.save(save).await) }
        })
        .await;
        assert_eq!(told, vec!["()"; usize::try_from(CONTENDERS).unwrap()], "round {round}");
    }
    assert_eq!(postgres::deadlocks(&url), 0, "two waited for each other");
}
