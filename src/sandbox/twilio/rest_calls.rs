//! `Calls` over REST (contract 5.2).

use serde_json::Value;

use super::call::{Amd, By, Call, Direction, News, Status};
use super::engine::Engine;
use super::legs::NewLeg;
use super::openapi::{Form, Refusal, parse_date};
use super::rest::{Answer, Asked};
use super::schema::is_e164;
use super::twiml::RecordingWishes;
use super::wire::{Method, Target};

pub(super) fn target(form: &Form, url: &str, method: &str) -> Option<Target> {
    let url = form.one(url).filter(|url| !url.is_empty())?.to_owned();
    Some(Target { url, method: Method::named(form.one(method)) })
}

fn events(form: &Form, name: &str) -> Vec<String> {
    let named = form.all(name);
    if named.is_empty() { vec!["completed".to_owned()] } else { named }
}

pub(super) fn recording_wishes(form: &Form, trims: bool) -> RecordingWishes {
    RecordingWishes {
        callback: target(form, "RecordingStatusCallback", "RecordingStatusCallbackMethod"),
        events: events(form, "RecordingStatusCallbackEvent"),
        channels: if form.one("RecordingChannels") == Some("dual") { 2 } else { 1 },
        track: form.one("RecordingTrack").unwrap_or("both").to_owned(),
        trim: form.one("Trim").map_or(trims, |value| value == "trim-silence"),
    }
}

/// What Twilio says for a number that was set to be refused.
fn refusal_for(code: u32, to: &str) -> Refusal {
    let message = match code {
        21211 => format!("The phone number you are attempting to call, {to}, is not valid"),
        21214 => "The phone number you are attempting to call cannot be reached.".to_owned(),
        21215 => {
            format!("Account not authorized to call {to}. Perhaps you need to enable some international permissions")
        }
        21216 => format!("Account not allowed to call {to}"),
        21217 => "Phone number does not appear to be valid".to_owned(),
        _ => format!("The number {to} cannot be called"),
    };
    Refusal::world(400, code, message)
}

impl Engine {
    /// Whether the token came with a call from that number, so that it may be shown as the caller (contract 5.2).
    fn may_forward(&self, from: &str, token: Option<&str>) -> bool {
        let call = token.and_then(|token| self.calls.get(token.strip_prefix("fake-call-token-")?));
        call.is_some_and(|call| call.from == from)
    }

    /// Checks both numbers of a call to be made, and the account's limits.
    fn check_parties(&self, form: &Form) -> Result<(String, String), Refusal> {
        let to = form.one("To").unwrap_or_default().to_owned();
        let from = form.one("From").unwrap_or_default().to_owned();
        if !is_e164(&to) {
            return Err(Refusal::bad(
                21211,
                format!("The phone number you are attempting to call, {to}, is not valid."),
            ));
        }
        if !is_e164(&from) {
            return Err(Refusal::bad(21212, format!("The source phone number provided, {from}, is not valid.")));
        }
        if self.number(&from).is_none() && !self.may_forward(&from, form.one("CallToken")) {
            return Err(Refusal::bad(
                21210,
                format!("The source phone number provided, {from}, is not yet verified for your account."),
            ));
        }
        // 13223 to 13227 are refusals of the network: the call is made, and fails.
        if let Some(code) = self.refusals.get(&to).filter(|code| !(13_223..=13_227).contains(*code)) {
            return Err(refusal_for(*code, &to));
        }
        if self.is_full("") {
            return Err(Refusal::world(400, 10004, "Call concurrency limit exceeded"));
        }
        Ok((from, to))
    }

    pub(super) fn create_call(&mut self, form: &Form) -> Result<Answer, Refusal> {
        let (from, to) = self.check_parties(form)?;
        if form.one("ApplicationSid").is_some() && form.one("Url").is_none() && form.one("Twiml").is_none() {
            return Err(Refusal::bad(20422, "this account has no applications"));
        }
        let timeout_s = form.number("Timeout").unwrap_or(60);
        let news = News {
            target: target(form, "StatusCallback", "StatusCallbackMethod"),
            events: events(form, "StatusCallbackEvent"),
        };
        let leg = NewLeg { from, to, direction: Direction::OutboundApi, parent: None, news, timeout_s };
        let sid = self.new_leg(leg);
        let amd = Amd {
            asked: form.one("MachineDetection").is_some(),
            asynchronous: form.one("AsyncAmd") == Some("true"),
            callback: target(form, "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod"),
            answered_by: None,
        };
        let records = form.flag("Record").unwrap_or(false);
        let Some(call) = self.calls.get_mut(&sid) else {
            return Err(Refusal::new(500, 20500, "Internal Server Error"));
        };
        call.first = target(form, "Url", "Method");
        call.first_inline = form.one("Twiml").map(str::to_owned);
        call.fallback = target(form, "FallbackUrl", "FallbackMethod");
        call.time_limit_s = form.number("TimeLimit").unwrap_or(14_400);
        call.amd = amd;
        call.record_from_answer = records.then(|| recording_wishes(form, true));
        let body = self.calls.get(&sid).map(|call| self.call_json(call)).unwrap_or_default();
        self.queue_start(&sid);
        if std::mem::replace(&mut self.switches.created_reply_lost_once, false) {
            return Ok(Answer::Lost);
        }
        Ok(Answer::Json(201, body))
    }

    pub(super) fn update_call(&mut self, sid: &str, form: &Form) -> Result<Answer, Refusal> {
        let Some(status) = self.calls.get(sid).map(|call| call.status) else {
            return Err(Refusal::world(404, 20404, "not found"));
        };
        let (url, twiml) = (target(form, "Url", "Method"), form.one("Twiml").map(str::to_owned));
        if url.is_some() && twiml.is_some() {
            return Err(Refusal::bad(20422, "Url and Twiml exclude each other"));
        }
        let wanted = form.one("Status").map(str::to_owned);
        match wanted.as_deref() {
            Some("canceled") => {
                if !matches!(status, Status::Queued | Status::Initiated | Status::Ringing) {
                    return Err(Refusal::world(400, 21220, "Call is not in a cancelable state."));
                }
                self.end(sid, Status::Canceled, By::Service);
            }
            Some("completed") => {
                if status.is_final() {
                    return Err(Refusal::world(400, 21220, "Call is not in-progress. Cannot end it."));
                }
                self.complete(sid);
            }
            Some(_) | None => {}
        }
        if wanted.is_none() && (url.is_some() || twiml.is_some()) {
            if status != Status::InProgress {
                return Err(Refusal::world(400, 21220, "Call is not in-progress. Cannot redirect."));
            }
            if let (Some(fallback), Some(call)) =
                (target(form, "FallbackUrl", "FallbackMethod"), self.calls.get_mut(sid))
            {
                call.fallback = Some(fallback);
            }
            self.redirect(sid, url.ok_or_else(|| twiml.unwrap_or_default()));
        }
        if let (Some(news), Some(call)) =
            (target(form, "StatusCallback", "StatusCallbackMethod"), self.calls.get_mut(sid))
        {
            call.news.target = Some(news);
        }
        Ok(Answer::Json(200, self.calls.get(sid).map(|call| self.call_json(call)).unwrap_or_default()))
    }

    pub(super) fn list_calls(&self, form: &Form, asked: &Asked<'_>) -> Answer {
        let fits = |call: &&Call| {
            let same = |name: &str, value: &str| form.one(name).is_none_or(|wanted| wanted == value);
            let started = call.started_at.unwrap_or(call.created_at);
            same("To", &call.to)
                && same("From", &call.from)
                && same("Status", call.status.name())
                && same("ParentCallSid", call.parent.as_deref().unwrap_or_default())
                && in_range(form, "StartTime", Some(started))
                && in_range(form, "EndTime", call.ended_at)
        };
        let mut found: Vec<&Call> = self.calls.values().filter(fits).collect();
        // Newest first, as Twilio lists.
        found.sort_by_key(|call| std::cmp::Reverse(call.serial));
        let all: Vec<Value> = found.into_iter().map(|call| self.call_json(call)).collect();
        self.page(asked, "calls", form, all)
    }
}

/// `Name=` is that day, `Name<=`… the sources write `Name<`: up to, and `Name>`: from.
pub(super) fn in_range(form: &Form, name: &str, at: Option<super::engine::Instant>) -> bool {
    let bound = |suffix: &str| form.one(&format!("{name}{suffix}")).and_then(parse_date);
    let (day, until, from) = (bound(""), bound("<"), bound(">"));
    if day.is_none() && until.is_none() && from.is_none() {
        return true;
    }
    let Some(at) = at else { return false };
    day.is_none_or(|day| at.date_naive() == day.date_naive())
        && until.is_none_or(|until| at <= until)
        && from.is_none_or(|from| at >= from)
}
