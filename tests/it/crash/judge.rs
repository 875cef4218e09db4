//! What must hold after any crash, judged by what both stand-ins saw.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use offhook::sandbox::chatwoot::ConversationView;
use offhook::sandbox::twilio::{Context, What};

use crate::exchange::town::Town;
use crate::twiml_schema::check_twiml;

/// Errors the carrier reports when the service died over a request: nothing is wrong with a document then.
const NO_ANSWER: [u32; 4] = [11200, 11203, 11205, 11206];

/// Somebody may hold the line alone so long while the other's end is being told.
const ALONE_MAX: TimeDelta = TimeDelta::seconds(15);

/// Every fault found. `customers` called.
pub fn judge(town: &Town, customers: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    judge_lines(town, &mut faults);
    judge_documents(town, &mut faults);
    let conversations = town.chatwoot.conversations();
    judge_messages(&conversations, &mut faults);
    for customer in customers {
        let theirs: Vec<&ConversationView> =
            conversations.iter().filter(|one| one.contact_phone.as_deref() == Some(customer)).collect();
        match theirs.as_slice() {
            [one] => judge_conversation(town, customer, one, &mut faults),
            other => faults.push(format!("{customer} has {} conversations", other.len())),
        }
    }
    faults
}

fn judge_lines(town: &Town, faults: &mut Vec<String>) {
    let twilio = &town.twilio;
    if !twilio.live_calls().is_empty() {
        faults.push(format!("lines are open at the end: {:?}", twilio.live_calls()));
    }
    if !twilio.alone_since().is_empty() {
        faults.push(format!("somebody is alone on a line: {:?}", twilio.alone_since()));
    }
    let mut alone: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    for entry in twilio.log() {
        match entry.what {
            What::LeftAlone => {
                alone.entry(entry.call_sid.clone()).or_insert(entry.at);
            }
            What::Bridged { .. } | What::Ended { .. } => {
                if let Some(since) = alone.remove(&entry.call_sid)
                    && entry.at - since > ALONE_MAX
                {
                    faults.push(format!("{} was alone for {} s", entry.phone, (entry.at - since).num_seconds()));
                }
            }
            _ => {}
        }
    }
    for agent in &town.rules.agents {
        let twice = twilio.rung_twice_at_once(agent.phone.as_e164());
        if !twice.is_empty() {
            faults.push(format!("{} was rung for two calls at once", agent.name));
        }
    }
}

fn judge_documents(town: &Town, faults: &mut Vec<String>) {
    for violation in town.twilio.violations() {
        if !NO_ANSWER.contains(&violation.code) {
            faults.push(format!("the carrier complains: {violation:?}"));
        }
    }
    for document in town.twilio.documents() {
        let context = match document.context {
            Context::Call => None,
            Context::Screen => Some("number_url_screen"),
            Context::EnqueueWait => Some("enqueue_wait"),
            Context::ConferenceWait => Some("conference_wait_hold_announce"),
            Context::QueueUrl => Some("queue_noun_url"),
        };
        if document.body.is_empty() {
            continue;
        }
        // The contract wants https, which stand-ins on the loopback have no certificates for.
        let body = document.body.replace(&format!("http://{}", town.address), "https://calls.example.com");
        if let Err(wrong) = check_twiml(context, &body) {
            faults.push(format!("{} answered {wrong:?}: {body}", document.url));
        }
    }
}

fn judge_messages(conversations: &[ConversationView], faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for conversation in conversations {
        for message in &conversation.messages {
            if let Some(key) = &message.source_id
                && !seen.insert(key.clone())
            {
                faults.push(format!("a message is shown twice: {key}, {:?}", message.content));
            }
        }
    }
}

/// Whether the service died over each request about a call that it had not heard of before, its repeats and the fallback's
/// included: nobody there can know of it, and the carrier tells the caller so at once.
fn was_never_answered(town: &Town, sid: &str) -> bool {
    let log = town.twilio.log();
    let mut heard = log.iter().filter(|entry| entry.call_sid == sid).filter_map(|entry| match &entry.what {
        What::Heard { kind, text } if *kind != "ringback" => Some(text.as_str()),
        _ => None,
    });
    heard.next().is_some_and(|text| text.contains("an application error has occurred"))
}

/// One caller: every recording is there once, and an owner met the caller.
fn judge_conversation(town: &Town, customer: &str, conversation: &ConversationView, faults: &mut Vec<String>) {
    let legs: BTreeSet<String> = town
        .twilio
        .log()
        .into_iter()
        .filter(|entry| entry.phone == customer && matches!(entry.what, What::Dialled { .. }))
        .map(|entry| entry.call_sid)
        .filter(|sid| !was_never_answered(town, sid))
        .collect();
    let recorded: Vec<_> = town
        .twilio
        .recordings()
        .into_iter()
        .filter(|recording| recording.status == "completed" && recording.duration_s > 0)
        .filter(|recording| recording.call_sid.as_ref().is_some_and(|sid| legs.contains(sid)))
        .collect();
    let shown = conversation.messages.iter().filter(|message| !message.attachments.is_empty()).count();
    if recorded.len() != shown {
        faults.push(format!("{customer} left {} voicemails, {shown} are in the inbox", recorded.len()));
    }
    let bridges = town.twilio.bridges();
    let met = |phone: &str| bridges.iter().any(|it| it.phone == phone && it.with.iter().any(|with| with == customer));
    let met: Vec<&str> =
        town.rules.agents.iter().filter(|agent| met(agent.phone.as_e164())).map(|agent| agent.name.as_str()).collect();
    let names: BTreeMap<i64, String> = town.chatwoot.agents().into_iter().map(|agent| (agent.id, agent.name)).collect();
    let assignee = conversation.assignee_id.and_then(|id| names.get(&id));
    if let Some(name) = assignee
        && !met.contains(&name.as_str())
    {
        faults.push(format!("{customer}'s conversation is {name}'s, who never met them"));
    }
    if assignee.is_none() && !met.is_empty() {
        faults.push(format!("{customer} met {met:?}, and the conversation is nobody's"));
    }
    let says = |words: &str| {
        let texts = conversation.messages.iter().filter_map(|message| message.content.as_deref());
        texts.filter(|text| text.contains(words)).count()
    };
    let (arrived, ends) = (says("**Incoming call**"), says("**Call ended**") + says("Missed call,") + shown);
    if arrived != legs.len() {
        faults.push(format!("{customer} called {} times, the inbox says {arrived} times", legs.len()));
    }
    if ends != legs.len() {
        faults.push(format!("{customer} called {} times, and {ends} calls ended in the inbox", legs.len()));
    }
}
