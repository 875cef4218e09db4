//! Calls that never reached us: while the service or its database was away, Twilio's own record is all there is of them.
//! It is compared with ours from time to time; what is missing becomes a call that nobody answered, with what was recorded.
//! Source: DESIGN.md section 10, RELIABILITY.md P-L2.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::carrier::Trouble;
use crate::call::signal::Signal;
use crate::call::state::NewCall;
use crate::clock::{Clock, IdSource};
use crate::ids::{CallId, CarrierRef};
use crate::phone_number::{PhoneNumber, parse_caller};
use crate::rules::Rules;
use crate::store::Store;
use crate::switchboard::Switchboard;
use crate::telemetry::Chain;
use crate::twilio::rest::TwilioClient;
use crate::twilio::rest_replies::CallResource;

/// How often. What was missed is there within five minutes. Source: RELIABILITY.md P-L2.
const EVERY: Duration = Duration::from_secs(120);

/// The first time comes soon, since a start may be the end of an outage.
const FIRST_AFTER: Duration = Duration::from_secs(20);

/// What ended just now may still be told to us by itself.
const SETTLED_AFTER: TimeDelta = TimeDelta::seconds(60);

/// An outage is made good for so long. Source: RELIABILITY.md P-L2.
const HORIZON: TimeDelta = TimeDelta::days(3);

/// What was looked at is looked at once more for so long: calls end, and are listed, in no particular order.
const OVERLAP: TimeDelta = TimeDelta::hours(5);

/// One replica compares at a time.
const LEASE: &str = "unseen-calls";

/// Compares Twilio's list of calls with ours.
pub struct UnseenCalls {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    switchboard: Arc<Switchboard>,
    twilio: TwilioClient,
    /// What this replica is called.
    name: String,
    seen: Mutex<Seen>,
}

/// What need not be looked at again.
#[derive(Debug, Default)]
struct Seen {
    /// Calls that are known, and when they began.
    calls: HashMap<String, DateTime<Utc>>,
    /// When all numbers were looked at last.
    looked_at: Option<DateTime<Utc>>,
}

impl UnseenCalls {
    /// Puts the parts together. No two replicas have the same `name`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        switchboard: Arc<Switchboard>,
        twilio: TwilioClient,
        name: String,
    ) -> Self {
        Self { store, clock, ids, switchboard, twilio, name, seen: Mutex::default() }
    }

    /// Compares until told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut wait = FIRST_AFTER;
        while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
            match self.take_up().await {
                Ok(0) => {}
                Ok(calls) => tracing::warn!(calls, "calls that never reached us were taken up from Twilio's list"),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "Twilio's list of calls could not be compared with ours");
                }
            }
            wait = EVERY;
        }
    }

    /// Compares once; how many calls were taken up. Should Twilio or the store fail, what was taken up until then stays.
    pub(crate) async fn take_up(&self) -> Result<usize, Trouble> {
        let now = self.clock.now();
        let span = TimeDelta::from_std(EVERY).unwrap_or_default() * 2;
        if !self.store.take_lease(LEASE, &self.name, now, span).await? {
            return Ok(0);
        }
        let Some((version, rules)) = self.switchboard.rulebook().load_current().await? else {
            return Ok(0);
        };
        let from = self.look_from(now);
        let mut count = 0;
        for number in &rules.numbers {
            let since = self.store.note_served(&number.number, now).await?.max(from);
            let day = since.format("%Y-%m-%d").to_string();
            let listed = self.twilio.list_calls_to(&number.number, &day).await?;
            for listed in listed.iter().filter(|listed| is_over_since(listed, since, now)) {
                count += usize::from(self.take_up_one(listed, &number.number, version, &rules).await?);
            }
        }
        let mut seen = self.seen();
        seen.looked_at = Some(now);
        seen.calls.retain(|_, began_at| now - *began_at <= HORIZON);
        Ok(count)
    }

    fn look_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.seen().looked_at.map_or(now - HORIZON, |at| at - OVERLAP)
    }

    async fn take_up_one(
        &self,
        listed: &CallResource,
        number: &PhoneNumber,
        version: u32,
        rules: &Rules,
    ) -> Result<bool, Trouble> {
        let Some(began_at) = listed.began_at() else { return Ok(false) };
        if self.seen().calls.contains_key(&listed.sid) {
            return Ok(false);
        }
        let caller_ref = CarrierRef::new(&listed.sid);
        let is_known = self.store.find_call_by_caller_ref(&caller_ref).await?.is_some();
        let caller = parse_caller(listed.from.as_deref().unwrap_or_default());
        // An agent who calls in is no customer; such calls are not kept.
        let is_agents = caller.number().is_some_and(|phone| rules.agent_of_phone(phone).is_some());
        let brand = rules.brand_of(number).filter(|_| !is_known && !is_agents);
        let is_taken_up = brand.is_some();
        if let Some(brand) = brand {
            let new = NewCall {
                id: CallId(self.ids.draw(self.clock.now())),
                brand: brand.id.clone(),
                number: number.clone(),
                caller,
                caller_name: None,
                caller_ref,
                rules_version: version,
                at: began_at,
            };
            self.adopt(new).await?;
        }
        self.seen().calls.insert(listed.sid.clone(), began_at);
        Ok(is_taken_up)
    }

    /// The call begins and ends. What was recorded meanwhile it looks for by itself, as after every call that was let in.
    async fn adopt(&self, new: NewCall) -> Result<(), Trouble> {
        let call = self.switchboard.adopt(new).await?.id;
        self.switchboard.take_note(call, &Signal::CallerGone).await?;
        metrics::counter!("offhook_calls_taken_up_total").increment(1);
        tracing::warn!(call.id = %call, "a call that never reached us was taken up");
        Ok(())
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody called us, after we began to serve the number, and has hung up for some time.
fn is_over_since(listed: &CallResource, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let ended_at = listed.ended_at().or(listed.began_at());
    listed.direction.as_deref() == Some("inbound")
        && listed.is_over()
        && listed.began_at().is_some_and(|at| at >= since)
        && ended_at.is_some_and(|at| now - at >= SETTLED_AFTER)
}
