//! What the store alone can do: the very rows that a webhook leaves behind, saved without HTTP, signature and decision.

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::line::Dialler;
use super::service::{NUMBER, Service};
use crate::call::signal::Signal;
use crate::call::state::{Call, NewCall};
use crate::call::{BrandFacts, CallerFacts, CarrierFacts, Facts, decide};
use crate::clock::{IdSource, RandomIds};
use crate::ids::{BrandId, CallId, CarrierRef};
use crate::phone_number::{Caller, parse_phone_number};
use crate::rules::{DialStopsAt, RingMethod};
use crate::store::{NewEffect, Save, StoredAnswer};

/// The save of one webhook, to be stamped out for other callers.
pub(super) struct Template {
    save: Save,
    body: String,
    id: CallId,
}

impl Template {
    /// Decides what the service decided for `dialler`, whom it answered with `body`.
    pub(super) async fn take(service: &Service, dialler: &Dialler, body: String) -> anyhow::Result<Self> {
        let reference = CarrierRef::new(&dialler.call_sid);
        let stored = service.store.find_call_by_caller_ref(&reference).await?.context("the webhook left no call")?;
        let (version, rules) =
            service.app.switchboard.rulebook().load_current().await?.context("there are no rules")?;
        let brand = rules.find_brand(&stored.brand).context("the brand is gone")?;
        let at = stored.arrived_at;
        let facts = Facts {
            at,
            loaded: service.store.load_facts(&brand.id, &brand.roster, at).await?,
            caller: CallerFacts::default(),
            carrier: CarrierFacts {
                rest_is_up: true,
                method: RingMethod::Auto,
                dial_stops_at: DialStopsAt::Unknown,
                pace: TimeDelta::seconds(1),
                legs_live_max: 50,
                legs_per_minute_max: 120,
            },
            brand: BrandFacts::default(),
            destinations: service.app.switchboard.destinations(),
            in_force: None,
            needed: &[],
        };
        let decision = decide(new_call(stored.id, dialler, version, at)?, &rules, &facts, &Signal::Arrived);
        let lane = |effect: &crate::call::effect::Effect| effect.lane(&decision.call);
        let effects = decision
            .effects
            .iter()
            .map(|effect| NewEffect { effect: effect.clone(), lane: lane(effect), due_at: at })
            .collect();
        let save = Save {
            effects,
            call: decision.call,
            at,
            signal: Signal::Arrived,
            events: decision.events,
            marks: decision.marks,
            switches: decision.switches,
            tasks: decision.tasks,
            answer: None,
        };
        Ok(Self { save, body, id: stored.id })
    }

    /// The same for another caller, now.
    pub(super) fn stamp(&self, dialler: &Dialler, at: DateTime<Utc>) -> anyhow::Result<Save> {
        let id = CallId(RandomIds.draw(at));
        let new = new_call(id, dialler, self.save.call.rules_version, self.save.at)?;
        let mut save = self.save.clone();
        save.call = Call { id: new.id, caller: new.caller, caller_ref: new.caller_ref, ..save.call };
        for new in &mut save.effects {
            new.lane = new.effect.lane(&save.call);
        }
        save.answer = Some(StoredAnswer {
            key: format!("token:{}", dialler.token),
            body: self.body.replace(&self.id.to_string(), &id.to_string()),
        });
        Ok(save)
    }

    /// Makes sure that a stamped save left what the webhook left: calls, histories and answers of the same form.
    pub(super) async fn check(&self, service: &Service, webhook: &Dialler, stamped: &Dialler) -> anyhow::Result<()> {
        let (one, other) = (left_by(service, webhook).await?, left_by(service, stamped).await?);
        ensure!(one == other, "the ceiling writes other rows than the webhook:\n{one}\n{other}");
        Ok(())
    }
}

fn new_call(id: CallId, dialler: &Dialler, rules_version: u32, at: DateTime<Utc>) -> anyhow::Result<Call> {
    Ok(Call::new(NewCall {
        id,
        brand: BrandId::new("acme-movers"),
        number: parse_phone_number(NUMBER)?,
        caller: Caller::Known(parse_phone_number(&dialler.phone)?),
        caller_name: None,
        caller_ref: CarrierRef::new(&dialler.call_sid),
        rules_version,
        at,
    }))
}

/// Everything that can be read of a call, with what differs from call to call blanked.
async fn left_by(service: &Service, dialler: &Dialler) -> anyhow::Result<Value> {
    let reference = CarrierRef::new(&dialler.call_sid);
    let call = service.store.find_call_by_caller_ref(&reference).await?.context("there is no such call")?;
    let history = service.store.load_history(call.id).await?;
    let lines: Vec<Value> = history
        .iter()
        .map(|line| Ok(serde_json::json!({ "signal": &line.signal, "events": &line.events, "version": line.version })))
        .collect::<anyhow::Result<_>>()?;
    let answer = service.store.find_answer(&format!("token:{}", dialler.token)).await?;
    let mut left = serde_json::json!({ "call": call, "history": lines, "answer": answer.map(|answer| answer.len()) });
    blank(&mut left);
    Ok(left)
}

fn blank(value: &mut Value) {
    match value {
        Value::String(text) if text.parse::<DateTime<Utc>>().is_ok() => "an instant".clone_into(text),
        Value::String(text) => *text = text.replace(|letter: char| letter.is_ascii_hexdigit(), "#"),
        Value::Array(items) => items.iter_mut().for_each(blank),
        Value::Object(fields) => {
            // An age is as much of the moment as an instant.
            fields.retain(|name, _| !name.ends_with("_age_ms"));
            fields.values_mut().for_each(blank);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
