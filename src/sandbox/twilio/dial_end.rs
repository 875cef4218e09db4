//! How a `<Dial>` ends, and what its action is told (contract 2.4, 4.3).

use super::call::{By, Call, Dialling, Status, whole_seconds};
use super::engine::Engine;
use super::journal::What;
use super::numbers::{Params, add};
use super::schema::Context;
use super::wire::{Purpose, Target};

impl Engine {
    /// Nobody was bridged: works out `DialCallStatus` and `DialCallSid`.
    pub(super) fn finish_unbridged(&mut self, sid: &str) {
        let Some(dial) = self.dialling(sid) else {
            return;
        };
        let children: Vec<&Call> = dial.children.iter().filter_map(|leg| self.calls.get(leg)).collect();
        let statuses: Vec<Status> = children.iter().map(|call| call.status).collect();
        let status = if children.iter().any(|call| call.answered_at.is_some()) {
            self.switches.unaccepted_dial_status.as_status()
        } else if dial.timed_out || statuses.is_empty() {
            Status::NoAnswer
        } else {
            [Status::NoAnswer, Status::Busy, Status::Failed, Status::Canceled]
                .into_iter()
                .find(|status| statuses.contains(status))
                .unwrap_or(Status::NoAnswer)
        };
        let mut extra = Params::new();
        add(&mut extra, "DialBridged", "false");
        add(&mut extra, "DialCallStatus", status.name());
        // The sample of an unanswered Dial names no leg.
        if status != Status::NoAnswer
            && let Some(call) = children.iter().rev().find(|call| call.status == status).or(children.last())
        {
            add(&mut extra, "DialCallSid", &call.sid);
        }
        let action = dial.verb.action.clone();
        self.come_back(sid, action, extra, "dial-action");
    }

    /// The bridged leg is over while the dialling one lives: the action, or the next verb.
    pub(super) fn finish_dial_with(&mut self, sid: &str, other: &str) {
        let Some(dial) = self.dialling(sid).cloned() else {
            return;
        };
        self.log(sid, What::Unbridged);
        let extra = self.bridged_params(&dial, other);
        let kind = if dial.queue.is_some() { "dial-queue-action" } else { "dial-action" };
        let action = dial.verb.action;
        if let Some(recording) = dial.recording {
            self.stop_recording(&recording);
        }
        self.come_back(sid, action, extra, kind);
    }

    fn bridged_params(&mut self, dial: &Dialling, other: &str) -> Params {
        let since = dial.bridged.as_ref().map_or(self.now, |(_, since)| *since);
        let seconds = whole_seconds(self.now - since);
        let mut extra = Params::new();
        add(&mut extra, "DialBridged", "true");
        add(&mut extra, "DialCallDuration", seconds.to_string());
        add(&mut extra, "DialCallSid", other);
        add(&mut extra, "DialCallStatus", "completed");
        if let Some(queue) = &dial.queue {
            add(&mut extra, "DequeueResult", "bridged");
            add(&mut extra, "DequeuedCallDuration", seconds.to_string());
            add(&mut extra, "DequeuedCallQueueTime", self.queue_time_of(other).to_string());
            add(&mut extra, "DequeuedCallSid", other);
            add(&mut extra, "QueueSid", queue);
        }
        if let Some(recording) = &dial.recording {
            let from = self.recordings.iter().find(|file| &file.sid == recording).map_or(since, |file| file.started_at);
            add(&mut extra, "RecordingDuration", whole_seconds(self.now - from).to_string());
            add(&mut extra, "RecordingSid", recording);
            add(&mut extra, "RecordingUrl", self.recording_url(recording));
        }
        extra
    }

    /// The dialling leg itself is gone, by hanging up or by a redirect.
    pub(super) fn dialler_left(&mut self, sid: &str, dial: Dialling) {
        let hung_up = self.calls.get(sid).is_some_and(|call| !call.is_live());
        let bridged = dial.bridged.clone();
        if let Some(recording) = &dial.recording {
            self.stop_recording(recording);
        }
        let extra = match &bridged {
            Some((other, _)) => {
                self.log(sid, What::Unbridged);
                self.bridged_params(&dial, other)
            }
            None => {
                let mut extra = Params::new();
                add(&mut extra, "DialBridged", "false");
                add(&mut extra, "DialCallStatus", "canceled");
                if let Some(child) = dial.children.last() {
                    add(&mut extra, "DialCallSid", child);
                }
                extra
            }
        };
        if let Some((other, _)) = &bridged
            && dial.queue.is_some()
        {
            self.queued_bridge_over(other);
        }
        let detached = |sid: &String| self.calls.get(sid).is_some_and(|call| call.detached);
        let children: Vec<String> = dial.children.iter().filter(|sid| !detached(sid)).cloned().collect();
        for child in &children {
            let answered = self.calls.get(child).is_some_and(Call::is_answered);
            self.end(child, if answered { Status::Completed } else { Status::Canceled }, By::Exchange);
        }
        if hung_up
            && self.switches.dial_action_after_hangup
            && let Some(target) = dial.verb.action
        {
            self.ask_after_hangup(sid, target, extra, "dial-action-caller-hung-up");
        }
    }

    pub(super) fn ask_after_hangup(&mut self, sid: &str, target: Target, extra: Params, kind: &'static str) {
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let mut params = self.common(call);
        if let Some((_, status)) = params.iter_mut().find(|(name, _)| name == "CallStatus") {
            // The samples say `completed`, whatever the call's own final status.
            "completed".clone_into(status);
        }
        params.extend(extra);
        self.request(kind, target, params, Purpose::Ignored { context: Context::Call });
    }
}
