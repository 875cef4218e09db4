//! `<Enqueue>`, `<Leave>` and `<Dial><Queue>` (contract 2.7).

use chrono::TimeDelta;

use super::call::{Doing, Frame, Place, Queued, whole_seconds};
use super::engine::{Engine, Timer};
use super::interpreter::Then;
use super::journal::What;
use super::numbers::{Params, add};
use super::schema::Context;
use super::twiml::{Dial, Enqueue, Nouns};

#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) sid: String,
    pub(super) name: String,
    pub(super) max_size: usize,
    pub(super) members: Vec<String>,
    /// Seconds each former member waited, for the average.
    pub(super) waited_s: Vec<i64>,
}

impl Queue {
    pub(super) fn average_s(&self) -> i64 {
        let count = i64::try_from(self.waited_s.len()).unwrap_or(1);
        self.waited_s.iter().sum::<i64>().checked_div(count).unwrap_or(0)
    }
}

impl Engine {
    pub(super) fn queue_named(&mut self, name: &str, max_size: usize) -> usize {
        if let Some(place) = self.queues.iter().position(|queue| queue.name == name) {
            return place;
        }
        let sid = self.fresh_sid("QU");
        let (members, waited_s) = (Vec::new(), Vec::new());
        self.queues.push(Queue { sid, name: name.to_owned(), max_size, members, waited_s });
        self.queues.len().saturating_sub(1)
    }

    fn queue_mut(&mut self, sid: &str) -> Option<&mut Queue> {
        self.queues.iter_mut().find(|queue| queue.sid == sid)
    }

    fn queued(&self, sid: &str) -> Option<&Queued> {
        match &self.calls.get(sid)?.place {
            Place::Queued(queued) => Some(queued),
            Place::Alone | Place::Dialling(_) | Place::InRoom(_) | Place::Bridged { .. } => None,
        }
    }

    fn queued_mut(&mut self, sid: &str) -> Option<&mut Queued> {
        match &mut self.calls.get_mut(sid)?.place {
            Place::Queued(queued) => Some(queued),
            Place::Alone | Place::Dialling(_) | Place::InRoom(_) | Place::Bridged { .. } => None,
        }
    }

    pub(super) fn enqueue(&mut self, sid: &str, verb: Enqueue) -> Then {
        let place = self.queue_named(&verb.name, verb.max_size);
        let Some(queue) = self.queues.get_mut(place) else {
            return Then::Next;
        };
        let queue_sid = queue.sid.clone();
        if queue.members.len() >= queue.max_size {
            let mut extra = Params::new();
            add(&mut extra, "QueueResult", "queue-full");
            add(&mut extra, "QueueSid", queue_sid);
            add(&mut extra, "QueueTime", "0");
            self.come_back(sid, verb.action, extra, "enqueue-action");
            return Then::Wait;
        }
        queue.members.push(sid.to_owned());
        self.turn(sid, Doing::Playing);
        let since = self.now;
        if let Some(call) = self.calls.get_mut(sid) {
            call.saved = Some(std::mem::replace(&mut call.frame, Frame::empty(Context::EnqueueWait)));
            call.place = Place::Queued(Box::new(Queued {
                queue: queue_sid.clone(),
                action: verb.action,
                wait: verb.wait,
                since,
                taken_by: None,
                bridged_since: None,
                waits_at: None,
            }));
        }
        self.log(sid, What::Queued { queue: verb.name });
        self.serve_waiting_diallers(&queue_sid);
        if self.queued(sid).is_some_and(|queued| queued.taken_by.is_none()) {
            self.wait_again(sid);
        }
        Then::Wait
    }

    /// The wait document ran out: it is asked for again (contract 2.7).
    pub(super) fn wait_again(&mut self, sid: &str) {
        let Some(queued) = self.queued(sid) else {
            return;
        };
        let wait = queued.wait.clone();
        // A wait document without any length must not be asked for more than once a second.
        let rest = queued.waits_at.map_or(TimeDelta::zero(), |at| at + TimeDelta::seconds(1) - self.now);
        match wait {
            Some(target) if !target.url.is_empty() => {
                if rest > TimeDelta::zero() {
                    let epoch = self.turn(sid, Doing::Playing);
                    self.at(self.now + rest, Timer::Step { call: sid.to_owned(), epoch });
                    return;
                }
                let now = self.now;
                if let Some(Place::Queued(queued)) = self.calls.get_mut(sid).map(|call| &mut call.place) {
                    queued.waits_at = Some(now);
                }
                let extra = self.wait_params(sid);
                self.fetch(sid, target, Context::EnqueueWait, extra, "enqueue-wait-url");
            }
            Some(_) => self.hear(sid, "silence", "waiting in the queue"),
            None => self.hear(sid, "play", "Twilio's hold music"),
        }
    }

    pub(super) fn wait_params(&self, sid: &str) -> Params {
        let mut extra = Params::new();
        let Some(queued) = self.queued(sid) else {
            return extra;
        };
        let Some(queue) = self.queues.iter().find(|queue| queue.sid == queued.queue) else {
            return extra;
        };
        let position = queue.members.iter().position(|member| member == sid).unwrap_or(0).saturating_add(1);
        add(&mut extra, "AvgQueueTime", queue.average_s().to_string());
        add(&mut extra, "CurrentQueueSize", queue.members.len().to_string());
        add(&mut extra, "MaxQueueSize", queue.max_size.to_string());
        add(&mut extra, "QueuePosition", position.to_string());
        add(&mut extra, "QueueSid", &queue.sid);
        add(&mut extra, "QueueTime", whole_seconds(self.now - queued.since).to_string());
        extra
    }

    fn result_params(&self, queued: &Queued, result: &str) -> Params {
        let until = queued.bridged_since.unwrap_or(self.now);
        let mut extra = Params::new();
        add(&mut extra, "QueueResult", result);
        add(&mut extra, "QueueSid", &queued.queue);
        add(&mut extra, "QueueTime", whole_seconds(until - queued.since).to_string());
        extra
    }

    fn strike_from_queue(&mut self, sid: &str, queued: &Queued) {
        let waited = whole_seconds(self.now - queued.since);
        if let Some(queue) = self.queue_mut(&queued.queue)
            && queue.members.iter().any(|member| member == sid)
        {
            queue.members.retain(|member| member != sid);
            queue.waited_s.push(waited);
        }
    }

    /// A waiting caller leaves its queue alive: by `<Leave>`, an error, or the end of its bridge.
    pub(super) fn leave_queue(&mut self, sid: &str, result: &str) {
        let Some(queued) = self.queued(sid).cloned() else {
            return;
        };
        self.strike_from_queue(sid, &queued);
        self.log(sid, What::LeftQueue { result: result.to_owned() });
        let extra = self.result_params(&queued, result);
        self.come_back(sid, queued.action, extra, "enqueue-action");
    }

    /// A queued caller is gone from its queue by hanging up or by a redirect.
    pub(super) fn queued_left(&mut self, sid: &str, queued: Queued, result: &'static str) {
        self.strike_from_queue(sid, &queued);
        let bridged = queued.bridged_since.is_some();
        let result = match (bridged, result) {
            (true, "redirected") => "redirected-from-bridged",
            (true, _) => "bridged",
            (false, other) => other,
        };
        self.log(sid, What::LeftQueue { result: result.to_owned() });
        if bridged {
            self.log(sid, What::Unbridged);
        }
        if let Some(taker) = &queued.taken_by {
            if bridged {
                self.finish_dial_with(taker, sid);
            } else {
                self.finish_unbridged(taker);
            }
        }
        let extra = self.result_params(&queued, result);
        let Some(target) = queued.action else { return };
        if self.calls.get(sid).is_some_and(|call| call.is_live()) {
            if self.switches.enqueue_action_after_redirect {
                self.fetch_ignored(sid, target, extra, "enqueue-action");
            }
        } else if self.switches.enqueue_action_after_hangup {
            self.ask_after_hangup(sid, target, extra, "enqueue-action");
        }
    }

    /// Seconds a call waited before it was taken out of its queue.
    pub(super) fn queue_time_of(&self, sid: &str) -> i64 {
        self.queued(sid).map_or(0, |queued| whole_seconds(queued.bridged_since.unwrap_or(self.now) - queued.since))
    }

    pub(super) fn dial_queue(&mut self, sid: &str, verb: Dial, name: &str) {
        let timeout = verb.timeout_s;
        let queue = self.queues.iter().find(|queue| queue.name == name).map(|queue| queue.sid.clone());
        let action = verb.action.clone();
        let serial = self.place_dialling(sid, verb, std::collections::VecDeque::new());
        let Some(queue) = queue else {
            self.log(sid, What::Warning(format!("there is no queue {name}")));
            let mut extra = Params::new();
            add(&mut extra, "DialBridged", "false");
            add(&mut extra, "DialCallStatus", "failed");
            self.come_back(sid, action, extra, "dial-queue-action");
            return;
        };
        if let Some(Place::Dialling(dial)) = self.calls.get_mut(sid).map(|call| &mut call.place) {
            dial.queue = Some(queue.clone());
        }
        self.after_s(timeout, Timer::DialTimeout { call: sid.to_owned(), serial });
        self.serve_waiting_diallers(&queue);
    }

    /// Pairs legs that dial a queue with its front member.
    fn serve_waiting_diallers(&mut self, queue: &str) {
        let is_free = |engine: &Self, sid: &str| {
            engine.dialling(sid).is_some_and(|dial| {
                dial.queue.as_deref() == Some(queue) && dial.bridged.is_none() && dial.children.is_empty()
            }) && !engine
                .calls
                .keys()
                .any(|member| engine.queued(member).is_some_and(|queued| queued.taken_by.as_deref() == Some(sid)))
        };
        let Some(dialler) = self.calls.keys().find(|sid| is_free(self, sid)).cloned() else {
            return;
        };
        let front =
            self.queues.iter().find(|known| known.sid == queue).and_then(|known| known.members.first().cloned());
        let Some(member) = front else { return };
        if let Some(queued) = self.queued(&member).cloned() {
            self.strike_from_queue(&member, &queued);
        }
        if let Some(queued) = self.queued_mut(&member) {
            queued.taken_by = Some(dialler.clone());
        }
        let url = self.dialling(&dialler).and_then(|dial| match &dial.verb.nouns {
            Nouns::Queue { url, .. } => url.clone(),
            Nouns::Numbers(_) | Nouns::Conference(_) => None,
        });
        match url {
            Some(target) => {
                let mut extra = Params::new();
                add(&mut extra, "DequeingCallSid", dialler);
                add(&mut extra, "QueueSid", queue);
                add(&mut extra, "QueueTime", self.queue_time_of(&member).to_string());
                self.fetch(&member, target, Context::QueueUrl, extra, "queue-url-request");
            }
            None => self.bridge_queued(&member),
        }
    }

    /// The front member has heard what it had to hear: both talk.
    pub(super) fn bridge_queued(&mut self, member: &str) {
        let now = self.now;
        self.turn(member, Doing::Playing);
        let Some(queued) = self.queued_mut(member) else {
            return;
        };
        let Some(dialler) = queued.taken_by.clone() else {
            return;
        };
        if self.dialling(&dialler).is_none() {
            // Whoever wanted this caller is gone.
            self.leave_queue(member, "error");
            return;
        }
        let Some(queued) = self.queued_mut(member) else {
            return;
        };
        queued.bridged_since = Some(now);
        if let Some(Place::Dialling(dial)) = self.calls.get_mut(&dialler).map(|call| &mut call.place) {
            dial.bridged = Some((member.to_owned(), now));
        }
        self.log_bridge(&dialler, member);
        self.record_dial(&dialler, now);
    }

    /// The leg that took this caller out of the queue is gone.
    pub(super) fn queued_bridge_over(&mut self, member: &str) {
        if self.queued(member).is_some() {
            self.log(member, What::Unbridged);
            self.leave_queue(member, "bridged");
        }
    }
}
