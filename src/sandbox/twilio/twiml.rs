//! Reads a document into the verbs the stand-in runs.

use std::collections::VecDeque;

use roxmltree::{Document as Xml, Node};

use super::schema::{Context, DOCUMENT_BYTES_MAX, Fault, judge, text_of};
use super::wire::{Method, Target};

#[derive(Debug, Clone)]
pub(super) enum Verb {
    Say { text: String, loops: u64 },
    Play { url: String, loops: u64 },
    PlayDigits { digits: String },
    Pause { seconds: u64 },
    Gather(Box<Gather>),
    Record(Box<Record>),
    Dial(Box<Dial>),
    Enqueue(Enqueue),
    StartRecording(RecordingWishes),
    StopRecording,
    Leave,
    Redirect(Target),
    Hangup,
    Reject { busy: bool },
}

#[derive(Debug, Clone)]
pub(super) struct Gather {
    pub(super) action: Target,
    pub(super) dtmf: bool,
    pub(super) speech: bool,
    pub(super) timeout_s: u64,
    pub(super) num_digits: Option<usize>,
    pub(super) finish_on_key: Option<char>,
    pub(super) action_on_empty: bool,
    pub(super) language: String,
    pub(super) prompts: VecDeque<Verb>,
}

/// Where a recording's news goes, and which.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordingWishes {
    pub(super) callback: Option<Target>,
    pub(super) events: Vec<String>,
    pub(super) channels: u16,
    pub(super) track: String,
    pub(super) trim: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) action: Target,
    pub(super) max_length_s: u64,
    pub(super) timeout_s: u64,
    pub(super) finish_on_key: String,
    pub(super) beep: bool,
    pub(super) transcribe: bool,
    pub(super) transcribe_callback: Option<Target>,
    pub(super) wishes: RecordingWishes,
}

#[derive(Debug, Clone)]
pub(super) struct Dial {
    pub(super) action: Option<Target>,
    pub(super) timeout_s: u64,
    pub(super) time_limit_s: u64,
    pub(super) caller_id: Option<String>,
    pub(super) answer_on_bridge: bool,
    pub(super) hangup_on_star: bool,
    pub(super) sequential: bool,
    pub(super) record: Option<RecordingWishes>,
    pub(super) nouns: Nouns,
}

#[derive(Debug, Clone)]
pub(super) enum Nouns {
    Numbers(Vec<Number>),
    Conference(Box<Room>),
    Queue { name: String, url: Option<Target> },
}

#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) to: String,
    pub(super) screen: Option<Target>,
    pub(super) status: Option<Target>,
    pub(super) events: Vec<String>,
    pub(super) amd: bool,
    pub(super) amd_callback: Option<Target>,
}

#[derive(Debug, Clone)]
pub(super) struct Room {
    pub(super) name: String,
    pub(super) muted: bool,
    pub(super) beep: String,
    pub(super) start_on_enter: bool,
    pub(super) end_on_exit: bool,
    pub(super) label: Option<String>,
    pub(super) coach: Option<String>,
    /// Nothing: Twilio's music. An empty URL: silence.
    pub(super) wait: Option<Target>,
    pub(super) max_participants: usize,
    pub(super) record: Option<RecordingWishes>,
    pub(super) status: Option<Target>,
    pub(super) events: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Enqueue {
    pub(super) name: String,
    pub(super) action: Option<Target>,
    pub(super) wait: Option<Target>,
    pub(super) max_size: usize,
}

/// Reads and judges a document fetched from `base`. All faults are returned; the verbs only when there are none.
pub(super) fn read(body: &str, base: &str, context: Context, inline: bool) -> Result<VecDeque<Verb>, Vec<Fault>> {
    if body.len() > DOCUMENT_BYTES_MAX {
        return Err(vec![Fault::new(11750, "the document is larger than 64 kB")]);
    }
    if body.trim().is_empty() {
        return Err(vec![Fault::new(11770, "the body is empty")]);
    }
    let xml = Xml::parse(body).map_err(|cause| vec![Fault::new(12100, format!("not XML: {cause}"))])?;
    let mut faults = judge(&xml, context);
    let reader = Reader { base, inline };
    let mut verbs = VecDeque::new();
    for node in xml.root_element().children().filter(Node::is_element) {
        if inline
            && matches!(node.tag_name().name(), "Gather" | "Record")
            && !reader.is_absolute(node.attribute("action"))
        {
            faults.push(Fault::new(11100, "a document given as a parameter needs an absolute action"));
        }
        match reader.verb(node) {
            Some(verb) => verbs.push_back(verb),
            None => faults.push(Fault::new(12200, format!("this stand-in does not run <{}>", node.tag_name().name()))),
        }
    }
    if faults.is_empty() { Ok(verbs) } else { Err(faults) }
}

struct Reader<'a> {
    base: &'a str,
    inline: bool,
}

impl Reader<'_> {
    fn is_absolute(&self, action: Option<&str>) -> bool {
        !self.inline || action.is_some_and(|url| url.starts_with("http://") || url.starts_with("https://"))
    }

    /// A URL against the document's own, keeping its fragment and its spelling when it is absolute.
    fn resolve(&self, url: &str) -> String {
        if url.is_empty() {
            return self.base.to_owned();
        }
        match url::Url::parse(url) {
            Ok(_) => url.to_owned(),
            Err(_) => url::Url::parse(self.base)
                .and_then(|base| base.join(url))
                .map_or_else(|_| url.to_owned(), |joined| joined.to_string()),
        }
    }

    fn target(&self, node: Node<'_, '_>, name: &str, method: &str) -> Option<Target> {
        let url = node.attribute(name)?;
        Some(Target { url: self.resolve(url), method: Method::named(node.attribute(method)) })
    }

    fn action(&self, node: Node<'_, '_>) -> Target {
        self.target(node, "action", "method")
            .unwrap_or_else(|| Target { url: self.base.to_owned(), method: Method::named(node.attribute("method")) })
    }

    fn wait(&self, node: Node<'_, '_>, method: &str) -> Option<Target> {
        let url = node.attribute("waitUrl")?;
        let url = if url.is_empty() { String::new() } else { self.resolve(url) };
        Some(Target { url, method: Method::named(node.attribute(method)) })
    }

    fn wishes(&self, node: Node<'_, '_>, channels: u16, trims_by_default: bool) -> RecordingWishes {
        let trim = node.attribute("trim").map_or(trims_by_default, |value| value == "trim-silence");
        RecordingWishes {
            callback: self.target(node, "recordingStatusCallback", "recordingStatusCallbackMethod"),
            events: list(node, "recordingStatusCallbackEvent"),
            channels,
            track: node.attribute("recordingTrack").or_else(|| node.attribute("track")).unwrap_or("both").to_owned(),
            trim,
        }
    }

    fn verb(&self, node: Node<'_, '_>) -> Option<Verb> {
        Some(match node.tag_name().name() {
            "Say" => Verb::Say { text: text_of(node).trim().to_owned(), loops: loops(node) },
            "Play" => match node.attribute("digits") {
                Some(digits) => Verb::PlayDigits { digits: digits.to_owned() },
                None => Verb::Play { url: self.resolve(text_of(node).trim()), loops: loops(node) },
            },
            "Pause" => Verb::Pause { seconds: number(node, "length").unwrap_or(1) },
            "Gather" => Verb::Gather(Box::new(self.gather(node))),
            "Record" => Verb::Record(Box::new(self.record(node))),
            "Dial" => Verb::Dial(Box::new(self.dial(node)?)),
            "Enqueue" => Verb::Enqueue(Enqueue {
                name: text_of(node).trim().to_owned(),
                action: self.target(node, "action", "method"),
                wait: self.wait(node, "waitUrlMethod"),
                max_size: number(node, "maxQueueSize").and_then(|size| usize::try_from(size).ok()).unwrap_or(1000),
            }),
            "Start" => {
                let noun = node.children().find(Node::is_element)?;
                if noun.tag_name().name() != "Recording" {
                    return None;
                }
                let channels = if noun.attribute("channels") == Some("mono") { 1 } else { 2 };
                Verb::StartRecording(self.wishes(noun, channels, true))
            }
            "Stop" => Verb::StopRecording,
            "Leave" => Verb::Leave,
            "Redirect" => Verb::Redirect(Target {
                url: self.resolve(text_of(node).trim()),
                method: Method::named(node.attribute("method")),
            }),
            "Hangup" => Verb::Hangup,
            "Reject" => Verb::Reject { busy: node.attribute("reason") == Some("busy") },
            _ => return None,
        })
    }

    fn gather(&self, node: Node<'_, '_>) -> Gather {
        let input = node.attribute("input").unwrap_or("dtmf");
        Gather {
            action: self.action(node),
            dtmf: input.split(' ').any(|part| part == "dtmf"),
            speech: input.split(' ').any(|part| part == "speech"),
            timeout_s: number(node, "timeout").unwrap_or(5),
            num_digits: number(node, "numDigits").and_then(|count| usize::try_from(count).ok()),
            finish_on_key: node.attribute("finishOnKey").unwrap_or("#").chars().next(),
            action_on_empty: flag(node, "actionOnEmptyResult", false),
            language: node.attribute("language").unwrap_or("en-US").to_owned(),
            prompts: node.children().filter(Node::is_element).filter_map(|child| self.verb(child)).collect(),
        }
    }

    fn record(&self, node: Node<'_, '_>) -> Record {
        let transcribe_callback = self.target(node, "transcribeCallback", "method");
        let transcribe = flag(node, "transcribe", false) || transcribe_callback.is_some();
        Record {
            action: self.action(node),
            max_length_s: number(node, "maxLength").unwrap_or(if transcribe { 120 } else { 3600 }),
            timeout_s: number(node, "timeout").unwrap_or(5),
            finish_on_key: node.attribute("finishOnKey").unwrap_or("1234567890*#").to_owned(),
            beep: flag(node, "playBeep", true),
            transcribe,
            transcribe_callback,
            wishes: self.wishes(node, 1, true),
        }
    }

    fn dial(&self, node: Node<'_, '_>) -> Option<Dial> {
        let nouns: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
        let record = node.attribute("record").unwrap_or("do-not-record");
        let channels = if record.ends_with("dual") { 2 } else { 1 };
        let records = !matches!(record, "do-not-record" | "false");
        let nouns = match nouns.first().map(|noun| noun.tag_name().name()) {
            None => Nouns::Numbers(vec![Number {
                to: text_of(node).trim().to_owned(),
                screen: None,
                status: None,
                events: Vec::new(),
                amd: false,
                amd_callback: None,
            }]),
            Some("Number") => Nouns::Numbers(nouns.iter().map(|noun| self.number(*noun)).collect()),
            Some("Conference") => Nouns::Conference(Box::new(self.room(*nouns.first()?))),
            Some("Queue") => {
                let noun = *nouns.first()?;
                Nouns::Queue { name: text_of(noun).trim().to_owned(), url: self.target(noun, "url", "method") }
            }
            Some(_) => return None,
        };
        Some(Dial {
            action: self.target(node, "action", "method"),
            timeout_s: number(node, "timeout").unwrap_or(30),
            time_limit_s: number(node, "timeLimit").unwrap_or(14_400),
            caller_id: node.attribute("callerId").map(str::to_owned),
            answer_on_bridge: flag(node, "answerOnBridge", false),
            hangup_on_star: flag(node, "hangupOnStar", false),
            sequential: flag(node, "sequential", false),
            record: records.then(|| self.wishes(node, channels, false)),
            nouns,
        })
    }

    fn number(&self, node: Node<'_, '_>) -> Number {
        Number {
            to: text_of(node).trim().to_owned(),
            screen: self.target(node, "url", "method"),
            status: self.target(node, "statusCallback", "statusCallbackMethod"),
            events: list(node, "statusCallbackEvent"),
            amd: node.has_attribute("machineDetection"),
            amd_callback: self.target(node, "amdStatusCallback", "amdStatusCallbackMethod"),
        }
    }

    fn room(&self, node: Node<'_, '_>) -> Room {
        let records = node.attribute("record") == Some("record-from-start");
        Room {
            name: text_of(node).trim().to_owned(),
            muted: flag(node, "muted", false),
            beep: node.attribute("beep").unwrap_or("true").to_owned(),
            start_on_enter: flag(node, "startConferenceOnEnter", true),
            end_on_exit: flag(node, "endConferenceOnExit", false),
            label: node.attribute("participantLabel").map(str::to_owned),
            coach: node.attribute("coach").map(str::to_owned),
            wait: self.wait(node, "waitMethod"),
            max_participants: number(node, "maxParticipants").and_then(|max| usize::try_from(max).ok()).unwrap_or(250),
            record: records.then(|| self.wishes(node, 1, true)),
            status: self.target(node, "statusCallback", "statusCallbackMethod"),
            events: node.attribute("statusCallbackEvent").map(words).unwrap_or_default(),
        }
    }
}

fn number(node: Node<'_, '_>, name: &str) -> Option<u64> {
    node.attribute(name).and_then(|value| value.parse().ok())
}

fn flag(node: Node<'_, '_>, name: &str, default: bool) -> bool {
    node.attribute(name).map_or(default, |value| value == "true")
}

/// How often to repeat: 0 means a thousand times (contract 2.2).
fn loops(node: Node<'_, '_>) -> u64 {
    match number(node, "loop") {
        Some(0) => 1000,
        Some(times) => times,
        None => 1,
    }
}

fn words(value: &str) -> Vec<String> {
    value.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Names of subscribed events; `completed` alone when none are named.
fn list(node: Node<'_, '_>, name: &str) -> Vec<String> {
    node.attribute(name).map_or_else(|| vec!["completed".to_owned()], words)
}
