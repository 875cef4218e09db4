//! What a verified request says, in the core's words. Source: contract section 4.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::known_params::is_sid;
use super::params::{BadParams, Form, Params};
use super::urls::{Door, DoorKind, Minted};
use crate::call::signal::{CallerDoor, LegOutcome, Party, Signal};
use crate::call::state::Call;
use crate::ids::CarrierRef;
use crate::phone_number::{Caller, PhoneNumber, parse_caller};

/// A request, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The key under which a repeat gets the first answer again; `None` where a repeat is harmless or the answer must
    /// be read afresh. Source: DESIGN.md section 4.
    pub key: Option<String>,
    /// Whose leg the request is about, to be compared with the call by [`Incoming::belongs_to`].
    pub leg: Option<(Party, CarrierRef)>,
    /// What it says.
    pub what: What,
    /// A supervisor's code, at the doors for one, from a caller on the line; may be empty.
    pub typed: Option<TypedCode>,
}

/// Digits that may be a supervisor's code. They are printed nowhere. Source: threat T-28.
#[derive(Clone)]
pub struct TypedCode {
    digits: SecretString,
    in_queue: bool,
}

/// The carrier knows the caller, and that the number is theirs. More words may follow. Source: contract 4.1.
const VOUCHED: &str = "TN-Validation-Passed-A";

impl TypedCode {
    /// Takes the digits.
    #[must_use]
    pub fn new(digits: &str, in_queue: bool) -> Self {
        Self { digits: SecretString::from(digits), in_queue }
    }

    /// Whether the caller stands in the queue, where only documents for the queue may follow.
    #[must_use]
    pub fn in_queue(&self) -> bool {
        self.in_queue
    }

    /// The digits.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.digits
    }
}

impl std::fmt::Debug for TypedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TypedCode")
    }
}

impl PartialEq for TypedCode {
    fn eq(&self, other: &Self) -> bool {
        let is_same = self.digits.expose_secret().as_bytes().ct_eq(other.digits.expose_secret().as_bytes());
        self.in_queue == other.in_queue && bool::from(is_same)
    }
}

impl Eq for TypedCode {}

/// What a request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A call begins; Twilio waits for its first document.
    Voice(VoiceCall),
    /// A document of a call could not be had, perhaps the first. If the call is known: `CallerAsks { Elsewhere }`.
    Fallback(VoiceCall),
    /// Something of a call that is known only by the carrier's name for the caller's leg.
    ByCaller {
        /// The caller's leg.
        caller_ref: CarrierRef,
        /// In order; may be empty.
        signals: Vec<Signal>,
    },
    /// Something of the call that the address names.
    OfCall {
        /// What the address stands for.
        minted: Minted,
        /// In order; may be empty.
        signals: Vec<Signal>,
    },
}

/// A call that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceCall {
    /// The carrier's name for the caller's leg.
    pub caller_ref: CarrierRef,
    /// The account it came in on; equal to the expected one.
    pub account: String,
    /// Who calls.
    pub from: Caller,
    /// The number that was dialled.
    pub to: PhoneNumber,
    /// What the carrier's directory calls the caller.
    pub caller_name: Option<String>,
    /// The number that forwarded the call to us, as the carrier wrote it.
    pub forwarded_from: Option<String>,
    /// Whether the caller is gone already.
    pub is_over: bool,
    /// The key that was pressed in a document that asks at the door of the number.
    pub key: Option<char>,
    /// Whether the other side began this connection.
    pub is_inbound: bool,
    /// The carrier says how well it knows the caller, and does not vouch for the number: anything but attestation A.
    /// False where it says nothing. Source: contract 4.1, `StirVerstat`.
    pub is_doubted: bool,
}

/// Why a signed request is not understood. Answered with the door's safe reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhook {
    /// Its parameters are not in order.
    #[error("the parameters are not in order")]
    Params(#[from] BadParams),
    /// It is about another account; answer 403 instead. Source: threat T-09.
    #[error("the request is about another account")]
    OtherAccount,
    /// The address names no call, leg or round where the door needs one.
    #[error("the address does not name the {0} that this door needs")]
    Unnamed(&'static str),
}

/// Reads a request whose signature and address were right.
///
/// `minted` is `None` for an address without a query, which only [`Door::may_be_plain`] doors have. `token` is the
/// `I-Twilio-Idempotency-Token` header, `account` the account whose token has signed.
///
/// # Errors
///
/// [`BadWebhook`].
pub fn read(
    door: Door,
    minted: Option<Minted>,
    form: &Form,
    token: Option<&str>,
    account: &str,
) -> Result<Incoming, BadWebhook> {
    let params = Params::read(form, required(door))?;
    if params.find("AccountSid") != Some(account) {
        return Err(BadWebhook::OtherAccount);
    }
    let reading = Reading { door, minted, params: &params };
    let what = match (door, minted) {
        (Door::Voice, _) => What::Voice(reading.voice_call()?),
        (Door::Fallback, _) => What::Fallback(reading.voice_call()?),
        (_, Some(minted)) => What::OfCall { minted, signals: reading.signals()? },
        (_, None) if door.may_be_plain() => What::ByCaller {
            caller_ref: reading.carrier_ref().ok_or(BadParams::Missing("CallSid"))?,
            signals: reading.signals()?,
        },
        (_, None) => return Err(BadWebhook::Unnamed("call")),
    };
    Ok(Incoming { key: reading.key(token), leg: reading.whose_leg(), what, typed: reading.typed_code() })
}

impl Incoming {
    /// Whether the leg in the request is the one the call knows. A leg that the call has not bound yet may be any.
    #[must_use]
    pub fn belongs_to(&self, call: &Call) -> bool {
        match &self.leg {
            None => true,
            Some((Party::Caller, carrier_ref)) => call.caller_ref == *carrier_ref,
            Some((Party::Leg(number), carrier_ref)) => call
                .find_leg(*number)
                .is_some_and(|leg| leg.carrier_ref.as_ref().is_none_or(|known| known == carrier_ref)),
        }
    }
}

/// The parameters a door cannot do without.
fn required(door: Door) -> &'static [&'static str] {
    match door {
        Door::Left => &["CallSid", "AccountSid", "CallStatus", "From", "To", "Direction", "QueueResult"],
        Door::RoomEvents => &["AccountSid", "ConferenceSid", "FriendlyName", "StatusCallbackEvent"],
        Door::Recording => &["AccountSid", "RecordingSid", "RecordingStatus"],
        Door::Transcript => &["AccountSid", "RecordingSid", "TranscriptionSid", "TranscriptionStatus"],
        Door::Voice
        | Door::Fallback
        | Door::CallStatus
        | Door::Wait
        | Door::WaitKey
        | Door::Join
        | Door::RoomLeft
        | Door::RoomWait
        | Door::AgentAnswer
        | Door::AgentAccept
        | Door::AgentLeftRoom
        | Door::AgentStatus
        | Door::AgentGone
        | Door::Screen
        | Door::ScreenKey
        | Door::DialEnded
        | Door::FirstKey
        | Door::Challenge
        | Door::Code
        | Door::WaitCode
        | Door::Switch
        | Door::Menu
        | Door::Notice
        | Door::LineScreen
        | Door::LineKey
        | Door::LineStatus
        | Door::LineEnded
        | Door::VoicemailDone
        | Door::Continue => &["CallSid", "AccountSid", "CallStatus", "From", "To", "Direction"],
    }
}

/// One request while it is read.
struct Reading<'a> {
    door: Door,
    minted: Option<Minted>,
    params: &'a Params,
}

impl Reading<'_> {
    fn voice_call(&self) -> Result<VoiceCall, BadWebhook> {
        let to = self
            .params
            .find("To")
            .and_then(|to| to.parse().ok())
            .ok_or_else(|| BadParams::BadValue("To".to_owned()))?;
        Ok(VoiceCall {
            caller_ref: self.carrier_ref().ok_or(BadParams::Missing("CallSid"))?,
            account: self.params.find("AccountSid").unwrap_or_default().to_owned(),
            from: parse_caller(self.params.find("From").unwrap_or_default()),
            to,
            caller_name: self.params.find_text("CallerName").map(str::to_owned),
            forwarded_from: self.params.find_text("ForwardedFrom").map(str::to_owned),
            is_over: self.outcome().is_some(),
            key: self.key_pressed(),
            is_inbound: self.params.find("Direction") == Some("inbound"),
            is_doubted: self.params.find_text("StirVerstat").is_some_and(|said| !said.starts_with(VOUCHED)),
        })
    }

    fn signals(&self) -> Result<Vec<Signal>, BadWebhook> {
        let signals = match self.door {
            Door::Voice | Door::Fallback | Door::RoomWait | Door::AgentGone => Vec::new(),
            Door::CallStatus => self.caller_asks(None),
            Door::Wait => self.caller_asks(Some(Signal::WaitPolled)),
            Door::WaitKey => {
                let pressed = self.key_pressed().map(|key| Signal::CallerPressed { key });
                self.caller_asks(Some(pressed.unwrap_or(Signal::WaitPolled)))
            }
            Door::Left if self.params.find("QueueResult") == Some("hangup") => {
                vec![Signal::CallerGone]
            }
            Door::Left => self.caller_asks(Some(Signal::CallerAsks { at: CallerDoor::Queue })),
            Door::Join => self.caller_asks(Some(Signal::CallerAsks { at: CallerDoor::Join })),
            Door::RoomLeft => self.caller_asks(Some(Signal::CallerAsks { at: CallerDoor::Room })),
            Door::Continue => self.caller_asks(Some(Signal::CallerAsks { at: CallerDoor::Elsewhere })),
            Door::RoomEvents => self.room_event().into_iter().collect(),
            Door::AgentAnswer | Door::Screen => {
                let asks = Signal::LegAsks { leg: self.leg()?, carrier_ref: self.carrier_ref() };
                vec![self.leg_finished()?.unwrap_or(asks)]
            }
            Door::AgentAccept | Door::ScreenKey => {
                // A key that arrives with the end of the leg accepts nothing: nobody is there to meet the caller.
                let pressed = Signal::LegPressed { leg: self.leg()?, key: self.key_pressed() };
                vec![self.leg_finished()?.unwrap_or(pressed)]
            }
            Door::AgentLeftRoom => {
                let left = Signal::LegLeftRoom { leg: self.leg()? };
                std::iter::once(left).chain(self.leg_finished()?).collect()
            }
            Door::AgentStatus => vec![self.leg_status()?],
            Door::DialEnded => {
                let round = self.round()?;
                let bridged = self.params.find("DialBridged") == Some("true");
                // The end of the connection first, so that nobody is rung again for a caller who is gone.
                self.gone().into_iter().chain([Signal::DialEnded { round, bridged }]).collect()
            }
            Door::Challenge => {
                self.caller_asks(Some(Signal::ChallengeAnswered { turn: self.round()?, key: self.key_pressed() }))
            }
            // What was typed is no signal: only what came of it is.
            Door::Code | Door::WaitCode => self.caller_asks(None),
            Door::Switch => self.caller_asks(Some(Signal::SwitchChosen { key: self.key_pressed() })),
            Door::FirstKey => self.caller_asks(Some(Signal::FirstKeyPressed { key: self.key_pressed() })),
            Door::Menu => self.caller_asks(Some(Signal::MenuAnswered { turn: self.round()?, key: self.key_pressed() })),
            Door::Notice => {
                self.caller_asks(Some(Signal::NoticeEnded { turn: self.round()?, key: self.key_pressed() }))
            }
            Door::LineScreen if self.outcome().is_none() => vec![Signal::LineAsks { attempt: self.round()? }],
            // A key that arrives with the end of the line takes nothing.
            Door::LineKey if self.outcome().is_none() => {
                vec![Signal::LinePressed { attempt: self.round()?, key: self.key_pressed() }]
            }
            Door::LineScreen | Door::LineKey => vec![Signal::LinePressed { attempt: self.round()?, key: None }],
            Door::LineStatus if self.params.find("CallStatus") == Some("in-progress") => {
                vec![Signal::LineAnswered { attempt: self.round()? }]
            }
            Door::LineStatus => Vec::new(),
            Door::LineEnded => self.line_ended()?,
            Door::VoicemailDone => std::iter::once(self.voicemail_taken()).chain(self.gone()).collect(),
            Door::Recording => self.recording().into_iter().collect(),
            Door::Transcript => self.transcript().into_iter().collect(),
        };
        Ok(signals)
    }

    /// What a caller on the line says; a caller who is gone says only that.
    fn caller_asks(&self, asks: Option<Signal>) -> Vec<Signal> {
        self.gone().or(asks).into_iter().collect()
    }

    fn gone(&self) -> Option<Signal> {
        self.outcome().map(|how| if how == LegOutcome::Failed { Signal::CallerFailed } else { Signal::CallerGone })
    }

    /// How the leg of the request ended, if it has.
    fn outcome(&self) -> Option<LegOutcome> {
        match self.params.find("CallStatus")? {
            "completed" => Some(LegOutcome::Completed),
            "busy" => Some(LegOutcome::Busy),
            "no-answer" => Some(LegOutcome::NoAnswer),
            "failed" => Some(LegOutcome::Failed),
            "canceled" => Some(LegOutcome::Canceled),
            _ => None,
        }
    }

    fn leg(&self) -> Result<u32, BadWebhook> {
        self.minted.and_then(|minted| minted.leg).ok_or(BadWebhook::Unnamed("leg"))
    }

    fn round(&self) -> Result<u32, BadWebhook> {
        self.minted.and_then(|minted| minted.round).ok_or(BadWebhook::Unnamed("round"))
    }

    /// What was talked is told before the end of the connection, else it would look as if the caller had given up; a
    /// caller who is gone is rung nobody for.
    fn line_ended(&self) -> Result<Vec<Signal>, BadWebhook> {
        let bridged = self.params.find("DialBridged") == Some("true");
        let ended = Signal::LineEnded { attempt: self.round()?, bridged };
        Ok(match self.gone() {
            Some(gone) if bridged => vec![ended, gone],
            Some(gone) => vec![gone],
            None => vec![ended],
        })
    }

    fn leg_finished(&self) -> Result<Option<Signal>, BadWebhook> {
        let leg = self.leg()?;
        Ok(self.outcome().map(|outcome| Signal::LegFinished { leg, outcome }))
    }

    /// Picked up is not accepted: it tells no more than that the phone rang. The answer's own door tells the rest.
    fn leg_status(&self) -> Result<Signal, BadWebhook> {
        let leg = self.leg()?;
        let carrier_ref = self.carrier_ref().ok_or(BadParams::Missing("CallSid"))?;
        let rings = matches!(self.params.find("CallStatus"), Some("ringing" | "in-progress"));
        Ok(match self.outcome() {
            Some(outcome) => Signal::LegFinished { leg, outcome },
            None if rings => Signal::LegRings { leg, carrier_ref: Some(carrier_ref) },
            None => Signal::LegPlaced { leg, carrier_ref },
        })
    }

    /// The one key that was pressed; several, none or a hang-up are no key.
    fn key_pressed(&self) -> Option<char> {
        let mut keys = self.params.find("Digits")?.chars();
        let key = keys.next()?;
        keys.next().is_none().then_some(key)
    }

    fn typed_code(&self) -> Option<TypedCode> {
        let is_asked = matches!(self.door, Door::Code | Door::WaitCode) && self.outcome().is_none();
        is_asked.then(|| TypedCode::new(self.params.find("Digits").unwrap_or_default(), self.door == Door::WaitCode))
    }

    fn room_event(&self) -> Option<Signal> {
        let event = self.params.find("StatusCallbackEvent")?;
        match event {
            "conference-start" => Some(Signal::RoomStarted { leg: self.leg().ok()? }),
            "participant-join" => Some(Signal::RoomEntered { who: self.label()?, claim: self.leg().ok() }),
            "participant-leave" => Some(Signal::RoomLeft { who: self.label()?, claim: self.leg().ok() }),
            _ => None,
        }
    }

    fn label(&self) -> Option<Party> {
        let label = self.params.find("ParticipantLabel")?;
        if label == "caller" {
            return Some(Party::Caller);
        }
        label.strip_prefix("leg-")?.parse().ok().map(Party::Leg)
    }

    fn voicemail_taken(&self) -> Signal {
        let named = self.params.find_text("RecordingSid");
        // The address is never fetched; only an identifier at its end is taken from it. Source: threat T-31.
        let by_address = || self.params.find_text("RecordingUrl")?.rsplit('/').next().filter(|last| is_sid("RE", last));
        Signal::VoicemailTaken { recording: named.or_else(by_address).map(CarrierRef::new), seconds: self.seconds() }
    }

    fn seconds(&self) -> Option<u32> {
        self.params.find("RecordingDuration")?.parse().ok()
    }

    fn recording(&self) -> Option<Signal> {
        let recording = CarrierRef::new(self.params.find("RecordingSid")?);
        match self.params.find("RecordingStatus")? {
            "completed" => Some(Signal::RecordingReady { recording, seconds: self.seconds().unwrap_or(0) }),
            "absent" | "failed" | "deleted" => Some(Signal::RecordingAbsent { recording: Some(recording) }),
            _ => None,
        }
    }

    fn transcript(&self) -> Option<Signal> {
        let recording = CarrierRef::new(self.params.find("RecordingSid")?);
        match self.params.find("TranscriptionStatus")? {
            "completed" => {
                let text = self.params.find("TranscriptionText").map(str::trim);
                let text = text.filter(|text| !text.is_empty() && *text != "(blank)").map(str::to_owned);
                Some(Signal::Transcribed { recording, text })
            }
            "failed" => Some(Signal::Transcribed { recording, text: None }),
            _ => None,
        }
    }

    fn carrier_ref(&self) -> Option<CarrierRef> {
        self.params.find("CallSid").map(CarrierRef::new)
    }

    fn whose_leg(&self) -> Option<(Party, CarrierRef)> {
        let carrier_ref = self.carrier_ref()?;
        let party = match (self.door, self.door.kind()) {
            (Door::RoomEvents, _) => self.label()?,
            // Both seats wait in the room at one address; the outside line is nobody's leg.
            (Door::RoomWait | Door::LineStatus, _) => return None,
            (Door::AgentStatus, _) | (_, DoorKind::Agent) => Party::Leg(self.leg().ok()?),
            (_, DoorKind::Caller | DoorKind::Status) => Party::Caller,
        };
        Some((party, carrier_ref))
    }

    fn key(&self, token: Option<&str>) -> Option<String> {
        if matches!(self.door, Door::Wait | Door::WaitKey | Door::RoomWait) || self.door.kind() == DoorKind::Status {
            return None;
        }
        if let Some(token) = token.filter(|token| !token.is_empty() && token.len() <= 128) {
            return Some(format!("token:{token}"));
        }
        let path = self.door.path();
        let Some(minted) = self.minted else {
            return self.params.find("CallSid").map(|leg| format!("{path}:{leg}"));
        };
        let number = |value: Option<u32>| value.map_or_else(String::new, |value| value.to_string());
        let (leg, round, step) = (number(minted.leg), number(minted.round), number(minted.step));
        Some(format!("{path}:{}:{leg}:{round}:{step}", minted.call))
    }
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
