//! A call, the stage it is in, and how an event changes it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::{Ending, Event, FallbackReason, RingMethod};
use super::floods::FloodStand;
pub use super::leg::{Leg, LegProgress};
pub use super::stage::{CallerAt, Stage};
use super::supervisor::Codes;
use super::text_back::TextBack;
use super::way_in::{NoticeSaid, OutsideLine, Way};
use crate::ids::{AgentId, BrandId, CallId, CarrierRef, IntentId};
use crate::phone_number::{Caller, PhoneNumber};
use crate::rules::ClosureKind;

/// One call, from the first ring to the last hang-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Its identifier.
    pub id: CallId,
    /// The brand that was dialled.
    pub brand: BrandId,
    /// The brand's number that was dialled.
    pub number: PhoneNumber,
    /// Who calls.
    pub caller: Caller,
    /// The name spoken and shown, from the contact or the carrier.
    pub caller_name: Option<String>,
    /// What the carrier calls the caller's leg.
    pub caller_ref: CarrierRef,
    /// The rules it arrived under.
    pub rules_version: u32,
    /// When it arrived.
    pub arrived_at: DateTime<Utc>,
    /// Where it stands.
    pub stage: Stage,
    /// Why the brand was closed when the call arrived; none if it was open.
    #[serde(default)]
    pub closure: Option<ClosureKind>,
    /// The brand's override was on when the call arrived, until then.
    #[serde(default)]
    pub overridden_until: Option<DateTime<Utc>>,
    /// How the caller stands in a flood; none if there is none.
    #[serde(default)]
    pub flood: Option<FloodStand>,
    /// Whether an agent dialled from their own phone, to key a code in: no phone rings for it.
    #[serde(default)]
    pub is_agents: bool,
    /// Supervisors' codes typed on it.
    #[serde(default)]
    pub codes: Codes,
    /// What the caller calls about.
    #[serde(default)]
    pub intent: Option<IntentId>,
    /// The recording notice.
    #[serde(default)]
    pub notice: Option<NoticeSaid>,
    /// The outside line that is rung, or was last.
    #[serde(default)]
    pub line: Option<OutsideLine>,
    /// Where the path leads, once the caller is on one.
    #[serde(default)]
    pub way: Option<Way>,
    /// How its phones are rung.
    pub method: RingMethod,
    /// Every leg to an agent, in order of number, from 1.
    pub legs: Vec<Leg>,
    /// What the last decision record told of everybody's place: [`crate::shortlist::ShortlistRecord::fingerprint`].
    #[serde(default)]
    pub places_told: Option<u64>,
    /// How many decision records have nobody ring.
    #[serde(default)]
    pub idle_records: u32,
    /// The owner, once owned; for ever.
    pub owner: Option<AgentId>,
    /// When the ring ends.
    pub deadline_at: Option<DateTime<Utc>>,
    /// Whether phones were offered the call, so that the deadline counts from there.
    pub offered: bool,
    /// Until when a phone inside the prompt may still win.
    pub grace_until: Option<DateTime<Utc>>,
    /// Where the caller is, as far as documents tell.
    pub caller_at: CallerAt,
    /// When the caller last asked for a document.
    pub caller_heard_at: DateTime<Utc>,
    /// Until when the caller hears words of ours, and asks for nothing.
    #[serde(default)]
    pub words_until: Option<DateTime<Utc>>,
    /// The leg for whose claim the caller was sent to a room last.
    #[serde(default)]
    pub room_of: Option<u32>,
    /// When the caller will ask for the next stretch of waiting by itself.
    pub next_poll_at: Option<DateTime<Utc>>,
    /// When the next wave of phones joins.
    pub next_wave_at: Option<DateTime<Utc>>,
    /// When the caller's connection ended.
    pub caller_left_at: Option<DateTime<Utc>>,
    /// Number of simultaneous dials so far.
    pub round: u32,
    /// When the present simultaneous dial was handed out.
    pub round_began_at: Option<DateTime<Utc>>,
    /// Milliseconds by which the deadline was extended since phones were lost to screening.
    pub extended_ms: i64,
    /// Counts the documents handed to the caller; minted into their addresses.
    pub step: u32,
    /// When a phone or caller was last asked about at the carrier.
    pub checked_at: Option<DateTime<Utc>>,
    /// Why the caller is on the fallback path.
    pub fallback: Option<FallbackReason>,
    /// The text to a caller who heard a message.
    #[serde(default)]
    pub text_back: Option<TextBack>,
    /// The voicemail.
    pub voicemail: Voicemail,
    /// How it ended.
    pub ending: Option<Ending>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Number of saved changes; the database refuses a save that is not the next.
    pub version: u32,
}

/// What is known of the voicemail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Voicemail {
    /// The carrier's name of the recording.
    pub recording: Option<CarrierRef>,
    /// Its length in whole seconds.
    pub seconds: u32,
    /// When it was taken.
    pub taken_at: Option<DateTime<Utc>>,
    /// Whether the file is ready at the carrier.
    pub ready: bool,
    /// Whether we hold the audio.
    pub stored: bool,
    /// Whether the carrier said that there is none.
    pub absent: bool,
    /// What was said.
    pub transcript: Option<String>,
    /// How often the carrier was asked for it.
    pub checks: u32,
    /// The recordings the carrier named: usually one.
    pub named: Vec<CarrierRef>,
    /// The recordings whose audio we hold: usually one.
    pub kept: Vec<CarrierRef>,
    /// How often the recorder was offered: each time may have left a message.
    pub offers: u32,
    /// Whether the greeting before it was the brand's, with its promise to call back.
    #[serde(default)]
    pub greeted: bool,
}

impl Voicemail {
    fn note_name(&mut self, recording: &CarrierRef) {
        if !self.named.contains(recording) {
            self.named.push(recording.clone());
        }
    }
}

/// What a call starts from.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// Its identifier.
    pub id: CallId,
    /// The brand that was dialled.
    pub brand: BrandId,
    /// The number that was dialled.
    pub number: PhoneNumber,
    /// Who calls.
    pub caller: Caller,
    /// A name from the contact or the carrier.
    pub caller_name: Option<String>,
    /// The carrier's name for the caller's leg.
    pub caller_ref: CarrierRef,
    /// The rules in force.
    pub rules_version: u32,
    /// Now.
    pub at: DateTime<Utc>,
}

impl Call {
    /// A call about which nothing is decided.
    #[must_use]
    pub fn new(new: NewCall) -> Self {
        Self {
            id: new.id,
            brand: new.brand,
            number: new.number,
            caller: new.caller,
            caller_name: new.caller_name,
            caller_ref: new.caller_ref,
            rules_version: new.rules_version,
            arrived_at: new.at,
            stage: Stage::New,
            closure: None,
            overridden_until: None,
            flood: None,
            is_agents: false,
            codes: Codes::default(),
            intent: None,
            notice: None,
            line: None,
            way: None,
            method: RingMethod::Legs,
            legs: Vec::new(),
            places_told: None,
            idle_records: 0,
            owner: None,
            deadline_at: None,
            offered: false,
            grace_until: None,
            caller_at: CallerAt::Door,
            caller_heard_at: new.at,
            words_until: None,
            room_of: None,
            next_poll_at: None,
            next_wave_at: None,
            caller_left_at: None,
            round: 0,
            round_began_at: None,
            extended_ms: 0,
            step: 0,
            checked_at: None,
            fallback: None,
            text_back: None,
            voicemail: Voicemail::default(),
            ending: None,
            ended_at: None,
            version: 0,
        }
    }

    /// The leg of that number, if there is one.
    #[must_use]
    pub fn find_leg(&self, number: u32) -> Option<&Leg> {
        self.legs.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    fn leg_mut(&mut self, number: u32) -> Option<&mut Leg> {
        self.legs.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// Legs whose end is not decided.
    pub fn open_legs(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().filter(|leg| leg.end.is_none())
    }

    /// Legs that the carrier may still hold.
    pub fn live_legs(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().filter(|leg| leg.live)
    }

    /// The key that a challenged caller is asked for: 2 to 9, by the chance in the call's own identifier. A robot that presses
    /// one key for ever seldom presses this one.
    #[must_use]
    pub fn challenge_key(&self) -> char {
        let [.., last] = *self.id.0.as_bytes();
        char::from(b'2' + last % 8)
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ending.is_some()
    }

    /// Changes the call by one event that happened at `now`.
    #[expect(clippy::too_many_lines, reason = "one table, to be read from top to bottom")]
    pub fn apply(&mut self, event: &Event, now: DateTime<Utc>) {
        match event {
            Event::CallRefused => {}
            Event::AgentDialled => self.is_agents = true,
            Event::ShortlistTaken { record } => {
                self.places_told = Some(record.fingerprint());
                self.idle_records += u32::from(!record.rings_anybody());
            }
            Event::Ignored { .. }
            | Event::AgentPaused { .. }
            | Event::PauseSpared { .. }
            | Event::CallbackDue { .. } => {}
            Event::FoundOverridden { until } => self.overridden_until = Some(*until),
            Event::FloodRefused { .. }
            | Event::FloodChallenged { .. }
            | Event::ChallengePlayed { .. }
            | Event::ChallengePassed => self.apply_flood(event, now),
            Event::CodeAsked { .. }
            | Event::CodeEnded { .. }
            | Event::SupervisorKnown { .. }
            | Event::SwitchAsked
            | Event::OverrideChosen { .. } => self.apply_supervisor(event, now),
            Event::FoundClosed { .. }
            | Event::HoldBegan
            | Event::MenuPlayed { .. }
            | Event::IntentChosen { .. }
            | Event::NoticeBegan { .. }
            | Event::NoticeEnded
            | Event::LineChosen { .. }
            | Event::LineRung { .. }
            | Event::LineAnswered
            | Event::LineTaken
            | Event::LineOver
            | Event::MessageSaid
            | Event::WordsBegan { .. }
            | Event::TextAsked { .. }
            | Event::TextTold { .. } => self.apply_way_in(event, now),
            Event::WaitBegan { method, deadline_at } => {
                self.stage = Stage::Waiting;
                self.method = *method;
                self.deadline_at = Some(*deadline_at);
                self.grace_until = None;
                // A simultaneous dial, if there is one, is an event of its own.
                self.caller_at = CallerAt::Queue;
                self.hand_document(now);
            }
            Event::DeadlineSet { deadline_at } => {
                self.deadline_at = Some(*deadline_at);
                self.offered = true;
                if let Some(open) = &mut self.codes.open {
                    open.ring_over_at = Some(*deadline_at);
                }
            }
            Event::CallerPolled { next_at } => {
                self.hear_caller(now);
                self.next_poll_at = Some(*next_at);
                self.step += 1;
                if !matches!(self.caller_at, CallerAt::BeingFetched { .. }) {
                    self.caller_at = CallerAt::Queue;
                }
            }
            Event::CallerReleased => {
                self.hand_document(now);
                self.caller_at = CallerAt::Leaving;
            }
            Event::FetchBegan => self.caller_at = CallerAt::BeingFetched { since: now },
            Event::FetchFailed => {
                if matches!(self.caller_at, CallerAt::BeingFetched { .. }) {
                    let at_prompt = matches!(
                        self.stage,
                        Stage::Hold
                            | Stage::Challenge { .. }
                            | Stage::Supervisor
                            | Stage::Menu { .. }
                            | Stage::Notice { .. }
                    );
                    self.caller_at = if at_prompt { CallerAt::Prompt } else { CallerAt::Queue };
                }
            }
            Event::DeadlineExtended { lost_ms, deadline_at } => {
                self.deadline_at = Some(*deadline_at);
                self.extended_ms += lost_ms;
            }
            Event::WaveBegan { next_at } => self.next_wave_at = *next_at,
            Event::MethodChanged { method } => self.method = *method,
            Event::RoundBegan { round } => {
                self.round = *round;
                self.round_began_at = Some(now);
                self.caller_at = CallerAt::Dial;
                self.hand_document(now);
            }
            Event::RoundEnded { .. } => self.hear_caller(now),
            Event::LegOffered { leg, agent, phone, round, give_up_at, called_in } => self.legs.push(Leg {
                number: *leg,
                agent: agent.clone(),
                phone: phone.clone(),
                carrier_ref: None,
                round: *round,
                offered_at: now,
                give_up_at: *give_up_at,
                called_in: *called_in,
                progress: LegProgress::Offered,
                placed_at: None,
                rang_at: None,
                answered_at: None,
                end: None,
                live: true,
                checked_at: None,
                not_carried: false,
            }),
            Event::LegPlaced { leg, carrier_ref } => self.change_leg(*leg, |leg| {
                leg.carrier_ref = Some(carrier_ref.clone());
                leg.placed_at.get_or_insert(now);
                leg.progress = leg.progress.max(LegProgress::Placed);
            }),
            Event::LegRang { leg } => self.change_leg(*leg, |leg| {
                leg.progress = leg.progress.max(LegProgress::Ringing);
                leg.rang_at.get_or_insert(now);
            }),
            Event::LegAnswered { leg } => self.change_leg(*leg, |leg| {
                leg.progress = leg.progress.max(LegProgress::Prompted);
                leg.answered_at.get_or_insert(now);
            }),
            Event::LegClosed { leg, how } => self.change_leg(*leg, |leg| leg.end = Some(*how)),
            Event::LegReopened { leg } => self.change_leg(*leg, |leg| leg.end = None),
            Event::LegReleased { leg } => self.change_leg(*leg, |leg| leg.live = false),
            Event::LegNotCarried { leg } => self.change_leg(*leg, |leg| leg.not_carried = true),
            Event::LegChecked { leg } => self.change_leg(*leg, |leg| leg.checked_at = Some(now)),
            Event::CallClaimed { .. }
            | Event::ClaimLapsed { .. }
            | Event::RoomFilled { .. }
            | Event::RoomAsked { .. }
            | Event::CallerSentToRoom
            | Event::CallerEntered
            | Event::CallerLeftRoom
            | Event::LegEntered { .. }
            | Event::LegLeftRoom { .. }
            | Event::CallOwned { .. } => self.apply_meeting(event, now),
            Event::GraceBegan { until } => self.grace_until = Some(*until),
            Event::FallbackBegan { why, way } => {
                self.stage = match way {
                    Way::Message => Stage::Message,
                    // The line itself is an event of its own.
                    Way::Recorder | Way::Line => Stage::Voicemail,
                };
                self.way = Some(*way);
                self.fallback = Some(*why);
                self.grace_until = None;
            }
            Event::RecorderOffered { greeted } => {
                self.voicemail.greeted |= greeted;
                self.caller_at = CallerAt::Recorder;
                self.voicemail.offers += 1;
                self.voicemail.absent = false;
                self.hand_document(now);
            }
            Event::VoicemailRecorded { recording, seconds } => {
                self.voicemail.note_name(recording);
                if self.voicemail.recording.is_none() {
                    self.voicemail.recording = Some(recording.clone());
                    self.voicemail.seconds = *seconds;
                }
                self.voicemail.taken_at.get_or_insert(now);
                self.voicemail.absent = false;
            }
            Event::RecordingReady { recording, seconds } => {
                self.voicemail.note_name(recording);
                self.voicemail.recording = Some(recording.clone());
                self.voicemail.seconds = *seconds;
                self.voicemail.taken_at.get_or_insert(now);
                self.voicemail.ready = true;
                self.voicemail.absent = false;
            }
            Event::RecordingAbsent => self.voicemail.absent = true,
            Event::RecordingStored { recording } => {
                self.voicemail.stored = true;
                self.voicemail.kept.push(recording.clone());
            }
            Event::Transcribed { text, .. } => self.voicemail.transcript = text.clone(),
            Event::CallerLeft => {
                self.caller_left_at.get_or_insert(now);
                if !matches!(self.caller_at, CallerAt::Recorder) {
                    self.caller_at = CallerAt::Gone;
                }
            }
            Event::CallerChecked => self.checked_at = Some(now),
            Event::RecordingSought => {
                self.checked_at = Some(now);
                self.voicemail.checks += 1;
            }
            Event::CallEnded { ending } => {
                self.stage = Stage::Ended;
                self.ending = Some(*ending);
                self.ended_at.get_or_insert(now);
                self.checked_at = None;
            }
        }
    }

    pub(super) fn change_leg(&mut self, number: u32, change: impl FnOnce(&mut Leg)) {
        if let Some(leg) = self.leg_mut(number) {
            change(leg);
        }
    }
}
