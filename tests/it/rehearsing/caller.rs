//! One call, played as a carrier and a silent team would: documents are followed as they are written, phones ring and are
//! not answered. What the caller hears and who rings is what is compared.

use chrono::{DateTime, TimeDelta, Utc};
use offhook::clock::Clock;
use offhook::simulator::spoken_for;
use roxmltree::Node;

use super::carrier::Asked;
use super::{Post, Service};

/// A phone rings so long after it was dialled.
const SETUP: TimeDelta = TimeDelta::seconds(2);
/// The carrier lets a dial ring longer than it was told.
const DIAL_BUFFER: TimeDelta = TimeDelta::seconds(5);

/// What is to happen.
enum Planned {
    /// The phone of a leg rings.
    Rings { to: String, status_url: String, sid: String },
    /// The leg is over.
    Ends { to: String, status_url: String, sid: String, status: &'static str },
    /// The caller's next request.
    Caller { url: String, fields: Vec<(&'static str, String)> },
}

/// A call on the line.
pub struct Caller<'a, P: Post> {
    service: &'a Service,
    post: &'a P,
    sid: String,
    from: String,
    to: String,
    pub arrived_at: DateTime<Utc>,
    planned: Vec<(DateTime<Utc>, u8, u64, Planned)>,
    entries: u64,
    keys: Vec<Option<char>>,
    wait_url: Option<String>,
    left_url: Option<String>,
    /// Legs that the carrier rings: name, phone, and where their status goes.
    legs: Vec<(String, String, String)>,
    /// The same of legs that ring within the caller's dial.
    dialled: Vec<(String, String, String)>,
    /// What the caller heard, with the time since the arrival.
    pub heard: Vec<(TimeDelta, String)>,
    /// Phones that rang, in order, with the time since the arrival.
    pub rang: Vec<(TimeDelta, String)>,
    is_over: bool,
    /// Where the carrier tells of the recording.
    recording_url: Option<String>,
    /// The service's name for the call, once an address told it.
    call: Option<String>,
}

impl<'a, P: Post> Caller<'a, P> {
    pub fn new(service: &'a Service, post: &'a P, sid: String, from: &str, to: &str, keys: Vec<Option<char>>) -> Self {
        Self {
            service,
            post,
            sid,
            from: from.to_owned(),
            to: to.to_owned(),
            arrived_at: service.clock.now(),
            planned: Vec::new(),
            entries: 0,
            keys,
            wait_url: None,
            left_url: None,
            legs: Vec::new(),
            dialled: Vec::new(),
            heard: Vec::new(),
            rang: Vec::new(),
            is_over: false,
            recording_url: None,
            call: None,
        }
    }

    /// Plays the call until it is over, or until so long after the arrival; then the caller hangs up.
    pub async fn play(&mut self, until: TimeDelta) {
        let fields = vec![("CallStatus", "ringing".to_owned())];
        self.plan(TimeDelta::zero(), 2, Planned::Caller { url: self.service.url("/twilio/voice"), fields });
        while let Some(at) = self.next_at().await.filter(|at| *at <= self.arrived_at + until) {
            self.service.clock.set(at);
            // At one instant deadlines come first, then what the carrier tells, then what the caller does.
            self.settle().await;
            let due =
                self.planned.iter().enumerate().filter(|(_, one)| one.0 <= at).min_by_key(|(_, one)| (one.1, one.2));
            if let Some(place) = due.map(|(place, _)| place) {
                let (.., planned) = self.planned.remove(place);
                self.happen(planned).await;
                self.settle().await;
            }
            if self.is_over {
                break;
            }
        }
    }

    /// The caller hangs up, and everything of the call comes to its end.
    pub async fn hang_up(mut self) {
        // What it was asked for while another call was played.
        let others = std::mem::take(&mut *self.service.others.lock().unwrap());
        for asked in others {
            self.take_request(asked);
        }
        let url = self.service.url("/twilio/call-status");
        self.request(&url, &[("CallStatus", "completed".to_owned())]).await;
        if let Some(url) = self.recording_url.take() {
            let sid = format!("RE{:032x}", self.service.count());
            let absent = [("RecordingSid", sid), ("RecordingStatus", "absent".to_owned())];
            self.request(&url, &absent).await;
        }
        self.settle().await;
        for (sid, to, status_url) in std::mem::take(&mut self.dialled) {
            // The dial ends with the caller.
            self.tell_of_leg(&status_url, &sid, &to, "no-answer").await;
        }
        for _ in 0..20 {
            let pending = self.service.rings_pending().await;
            let before = self.planned.len();
            if pending > 0 {
                self.service.clock.advance(TimeDelta::milliseconds(10));
                self.settle().await;
            }
            // Only ends of legs are of interest now.
            let ends: Vec<Planned> = self.planned.drain(..).map(|one| one.3).collect();
            for planned in ends {
                if let Planned::Ends { .. } = planned {
                    self.happen(planned).await;
                }
            }
            self.settle().await;
            if pending == 0 && before == 0 && self.planned.is_empty() {
                return;
            }
        }
    }

    fn plan(&mut self, after: TimeDelta, rank: u8, planned: Planned) {
        self.entries += 1;
        self.planned.push((self.service.clock.now() + after, rank, self.entries, planned));
    }

    async fn next_at(&self) -> Option<DateTime<Utc>> {
        let now = self.service.clock.now();
        let placing = (self.service.rings_pending().await > 0).then(|| now + TimeDelta::milliseconds(10));
        let wake =
            self.service.app.store.find_next_wake().await.unwrap().map(|at| at.max(now + TimeDelta::milliseconds(1)));
        let planned = self.planned.iter().map(|one| one.0).min();
        [placing, wake, planned].into_iter().flatten().min()
    }

    /// Lets the service do what is due, and the carrier take note of what it is asked.
    async fn settle(&mut self) {
        loop {
            let done = self.service.tick().await;
            let asked = self.service.carrier.take();
            if done == 0 && asked.is_empty() {
                return;
            }
            for one in asked {
                self.take_request(one);
            }
        }
    }

    fn take_request(&mut self, asked: Asked) {
        let is_of_other = match &asked {
            Asked::Ring { status_url, .. } => call_in(status_url) != self.call,
            Asked::End { sid } => !self.legs.iter().any(|(known, ..)| known == sid),
            Asked::Fetch { sid, .. } => *sid != self.sid,
        };
        if is_of_other {
            return self.service.others.lock().unwrap().push(asked);
        }
        match asked {
            Asked::Ring { sid, to, status_url, ring_s, .. } => {
                self.legs.push((sid.clone(), to.clone(), status_url.clone()));
                self.plan(
                    SETUP,
                    1,
                    Planned::Rings { to: to.clone(), status_url: status_url.clone(), sid: sid.clone() },
                );
                self.plan(TimeDelta::seconds(ring_s), 1, Planned::Ends { to, status_url, sid, status: "no-answer" });
            }
            Asked::End { sid } => {
                let leg = self.legs.iter().find(|(known, ..)| *known == sid).cloned();
                let is_of_leg = |one: &Planned| match one {
                    Planned::Rings { sid: of, .. } | Planned::Ends { sid: of, .. } => *of == sid,
                    Planned::Caller { .. } => false,
                };
                self.planned.retain(|one| !is_of_leg(&one.3));
                if let Some((sid, to, status_url)) = leg {
                    self.plan(TimeDelta::zero(), 1, Planned::Ends { to, status_url, sid, status: "canceled" });
                }
            }
            Asked::Fetch { url, .. } => {
                self.planned.retain(|one| !matches!(one.3, Planned::Caller { .. }));
                self.plan(TimeDelta::zero(), 2, Planned::Caller { url, fields: Vec::new() });
            }
        }
    }

    async fn happen(&mut self, planned: Planned) {
        match planned {
            Planned::Rings { to, status_url, sid } => {
                self.rang.push((self.service.clock.now() - self.arrived_at, to.clone()));
                self.tell_of_leg(&status_url, &sid, &to, "ringing").await;
            }
            Planned::Ends { to, status_url, sid, status } => {
                self.planned.retain(|one| !matches!(&one.3, Planned::Rings { sid: of, .. } if *of == sid));
                self.tell_of_leg(&status_url, &sid, &to, status).await;
            }
            Planned::Caller { url, fields } => {
                let document = self.request(&url, &fields).await;
                self.follow(&document, &url);
            }
        }
    }

    async fn tell_of_leg(&self, url: &str, sid: &str, to: &str, status: &str) {
        let fields = [
            ("CallSid", sid.to_owned()),
            ("CallStatus", status.to_owned()),
            ("From", self.to.clone()),
            ("To", to.to_owned()),
            ("Direction", "outbound-api".to_owned()),
        ];
        self.post.post(url, &fields).await;
    }

    async fn request(&self, url: &str, more: &[(&str, String)]) -> String {
        let mut fields = vec![
            ("CallSid", self.sid.clone()),
            ("CallStatus", "in-progress".to_owned()),
            ("From", self.from.clone()),
            ("To", self.to.clone()),
            ("Direction", "inbound".to_owned()),
        ];
        fields.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        fields.extend(more.iter().map(|(name, value)| (*name, value.clone())));
        self.post.post(url, &fields).await
    }

    /// Follows a document from verb to verb, up to the caller's next request.
    fn follow(&mut self, document: &str, url: &str) {
        let parsed = roxmltree::Document::parse(document).unwrap_or_else(|error| panic!("{error}: {document}"));
        self.call = find_call(&parsed).or(self.call.take());
        let mut after = TimeDelta::zero();
        for verb in parsed.root_element().children().filter(Node::is_element) {
            let attribute = |name: &str| verb.attribute(name).map(str::to_owned);
            match verb.tag_name().name() {
                "Say" | "Play" => after += self.hear(&verb, after),
                "Gather" => {
                    if self.gather(&verb, &mut after) {
                        return;
                    }
                }
                "Redirect" => {
                    let url = verb.text().unwrap().trim().to_owned();
                    return self.plan(after, 2, Planned::Caller { url, fields: Vec::new() });
                }
                "Enqueue" => {
                    self.wait_url = attribute("waitUrl");
                    self.left_url = attribute("action");
                    let url = self.wait_url.clone().unwrap();
                    return self.plan(after, 2, Planned::Caller { url, fields: Vec::new() });
                }
                "Leave" => {
                    let url = self.left_url.take().unwrap();
                    let fields = vec![("QueueResult", "leave".to_owned())];
                    return self.plan(TimeDelta::zero(), 2, Planned::Caller { url, fields });
                }
                "Dial" => return self.dial(&verb, after),
                "Record" => {
                    self.recording_url = attribute("recordingStatusCallback");
                    self.heard_at(after, "(tone)");
                    self.is_over = true;
                    return;
                }
                "Reject" => {
                    self.heard_at(after, "(refusal)");
                    self.is_over = true;
                    return;
                }
                "Hangup" => {
                    self.is_over = true;
                    return;
                }
                other => panic!("{other} in {document}"),
            }
        }
        // A wait document that has come to its end is asked for again.
        assert!(url.contains("/twilio/wait"), "{url} ends nowhere: {document}");
        let url = self.wait_url.clone().unwrap();
        self.plan(after, 2, Planned::Caller { url, fields: Vec::new() });
    }

    /// Hears what is inside and presses what is asked for; whether the document's action is requested for it.
    fn gather(&mut self, verb: &Node<'_, '_>, after: &mut TimeDelta) -> bool {
        let began = *after;
        for held in verb.children().filter(Node::is_element) {
            *after += self.hear(&held, *after);
        }
        let action = verb.attribute("action").unwrap().to_owned();
        let timeout = TimeDelta::seconds(verb.attribute("timeout").unwrap().parse().unwrap());
        // In the queue the key comes while the ringback plays.
        let is_queue = action.contains("/twilio/wait-key");
        let asks_for_key = is_queue || action.contains("/twilio/menu") || action.contains("/twilio/challenge");
        let key = if asks_for_key && !self.keys.is_empty() { self.keys.remove(0) } else { None };
        if let Some(mut key) = key {
            if action.contains("/twilio/challenge") {
                let asked = self.heard.last().and_then(|(_, words)| words.chars().rfind(char::is_ascii_digit));
                key = asked.unwrap();
            }
            let pressed = if is_queue { began } else { *after } + TimeDelta::seconds(1);
            let fields = vec![("Digits", key.to_string())];
            self.plan(pressed, 2, Planned::Caller { url: action, fields });
            return true;
        }
        *after += timeout;
        let is_told = verb.attribute("actionOnEmptyResult") == Some("true");
        if is_told {
            let fields = vec![("Digits", String::new())];
            self.plan(*after, 2, Planned::Caller { url: action, fields });
        }
        is_told
    }

    fn dial(&mut self, verb: &Node<'_, '_>, after: TimeDelta) {
        let numbers: Vec<Node<'_, '_>> = verb.children().filter(|child| child.tag_name().name() == "Number").collect();
        assert!(!numbers.is_empty(), "nobody answers, so nobody is led into a room");
        let ring_s: i64 = verb.attribute("timeout").unwrap().parse().unwrap();
        for number in numbers {
            let to = number.text().unwrap().trim().to_owned();
            if to.starts_with("+1555010029") {
                self.heard_at(after, &format!("(line {to})"));
                continue;
            }
            let status_url = number.attribute("statusCallback").unwrap().to_owned();
            self.entries += 1;
            let sid = format!("CA{:032x}", 0xB000_0000_0000_u64 + self.service.count());
            self.dialled.push((sid.clone(), to.clone(), status_url.clone()));
            self.plan(after + SETUP, 1, Planned::Rings { to, status_url, sid });
        }
        let fields = vec![("DialCallStatus", "no-answer".to_owned())];
        let url = verb.attribute("action").unwrap().to_owned();
        self.plan(after + TimeDelta::seconds(ring_s) + DIAL_BUFFER, 2, Planned::Caller { url, fields });
    }

    /// What is heard of a verb, and for how long.
    fn hear(&mut self, verb: &Node<'_, '_>, after: TimeDelta) -> TimeDelta {
        let text = verb.text().unwrap_or_default().trim().to_owned();
        if verb.tag_name().name() == "Say" {
            self.heard_at(after, &text);
            return spoken_for(&text);
        }
        let Some(name) = text.rsplit('/').next().filter(|name| name.starts_with("ringback")) else {
            self.heard_at(after, &text);
            return TimeDelta::seconds(8);
        };
        if self.heard.last().is_none_or(|(_, last)| last != "(ringback)") {
            self.heard_at(after, "(ringback)");
        }
        let seconds: String = name.chars().filter(char::is_ascii_digit).collect();
        TimeDelta::seconds(seconds.parse().unwrap_or_else(|_| panic!("{name} says not how long it lasts")))
    }

    fn heard_at(&mut self, after: TimeDelta, what: &str) {
        self.heard.push((self.service.clock.now() + after - self.arrived_at, what.to_owned()));
    }
}

/// The call that a document is about.
fn find_call(document: &roxmltree::Document<'_>) -> Option<String> {
    let addresses = |node: Node<'_, '_>| {
        [node.attribute("action"), node.attribute("waitUrl"), node.text()].into_iter().flatten().find_map(call_in)
    };
    document.descendants().find_map(addresses)
}

/// The call that an address is about.
fn call_in(url: &str) -> Option<String> {
    let (_, after) = url.split_once("call=")?;
    Some(after.split('&').next().unwrap_or(after).to_owned())
}
