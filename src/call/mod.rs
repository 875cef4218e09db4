//! The life of one call.
//!
//! One pure function, [`decide`], takes a call, the rules it arrived under, the facts of this instant and one signal. It
//! gives the call as it is afterwards, what happened, what is to be asked of the neighbours, and what the person who
//! listens hears. It refuses to know the time, chance, the database, the network, and any word of Twilio's or Chatwoot's.
//!
//! The contract, as a protocol:
//!
//! - The first signal of a call is `Arrived`. Everything else may come in any order, twice, late or never.
//! - `decide` is total: a signal that makes no sense is recorded as ignored, and the reply is one that leaves the person
//!   somewhere sensible.
//! - The caller of `decide` saves call, events, effects and marks in one transaction before anything is said or asked,
//!   and decides again from the stored call if the save is refused.
//! - A call that ended stays ended, with the same ending; an owner stays the owner.
//!
//! Example: a call waits, Priya presses 1. `LegPressed { leg: 2, key: '1' }` gives the event `CallClaimed`, the effects
//! `CancelLeg` for each phone that still rings and `FetchCaller`, and the reply `JoinRoom`.

mod accept;
mod arrival;
mod asked;
mod calling_in;
mod cut_off;
mod dialling;
pub mod effect;
pub mod event;
pub mod explain;
pub mod floods;
pub mod leg;
mod line;
pub mod mark;
mod meeting;
mod menu;
mod notice;
mod offering;
mod path;
pub mod reply;
mod ringing;
pub mod signal;
pub mod stage;
pub mod state;
pub mod supervisor;
pub mod switch;
mod talking;
pub mod task;
pub mod text_back;
mod turn;
mod voicemail;
mod waking;
pub mod watch;
pub mod way_in;
pub mod words;

#[cfg(test)]
mod late_tests;
#[cfg(test)]
mod miss_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod supervisor_tests;
#[cfg(test)]
mod turned_away_tests;

use chrono::{DateTime, TimeDelta, Utc};

use crate::ids::{AgentId, BrandId};
use crate::rules::{DestinationPolicy, Rules};
use crate::shortlist::InForce;
use crate::shortlist::facts::LoadedFacts;
use arrival::Step;
use effect::Effect;
use event::Event;
use mark::AgentMark;
use reply::{Reply, RoomSeat};
use signal::{CallerDoor, Signal};
use state::{Call, CallerAt, Stage};
use supervisor::CodeEnd;
use switch::SwitchChange;
use task::TaskChange;
use turn::Turn;
use way_in::Way;

/// What is known at the instant of a decision, apart from the rules.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Now.
    pub at: DateTime<Utc>,
    /// Facts about the members of the brand's roster and the account's legs; empty for a signal that may not offer.
    pub loaded: LoadedFacts,
    /// What is known of the caller.
    pub caller: CallerFacts,
    /// What is known of the carrier.
    pub carrier: CarrierFacts,
    /// What is in force for the brand apart from its rules.
    pub brand: BrandFacts,
    /// Where outbound legs may go.
    pub destinations: &'a DestinationPolicy,
    /// The rules in force now, if they are not the call's own: rosters and phones are read from them.
    pub in_force: Option<InForce<'a>>,
    /// Agents whom the system may not pause, since another brand relies on them.
    pub needed: &'a [Needed],
}

/// An agent on whom another brand than the call's relies, so that the system may not pause them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// Who.
    pub agent: AgentId,
    /// The brand.
    pub brand: BrandId,
}

/// What is in force for a brand at this instant, apart from its rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BrandFacts {
    /// Everything goes to the operator line until then. Source: DESIGN.md section 8.
    pub overridden_until: Option<DateTime<Utc>>,
    /// A flood is declared until then. Source: THREATS.md T-04.
    pub flood_until: Option<DateTime<Utc>>,
    /// Calls of withheld numbers to the brand within the window, this one not counted.
    pub withheld_recent: u32,
}

/// What is known of the caller from before this call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallerFacts {
    /// Whether the team blocked the contact.
    pub is_blocked: bool,
    /// Whether the team knows the number as a contact, and not only because it called within the last day.
    pub is_contact: bool,
    /// Calls from this number to the brand within the window of the rules, this one not counted.
    pub recent_calls: u32,
    /// Whether somebody at this number talks with an agent of the brand now.
    pub talks: bool,
}

/// What is known of the carrier and of the account there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarrierFacts {
    /// Whether its REST API answers.
    pub rest_is_up: bool,
    /// The account's setting; a brand may have its own.
    pub method: crate::rules::RingMethod,
    /// What a live test found out about simultaneous dial.
    pub dial_stops_at: crate::rules::DialStopsAt,
    /// The account's pace of outbound calls: one in so long.
    pub pace: TimeDelta,
    /// Most legs to agents at one time.
    pub legs_live_max: u32,
    /// Most legs to agents offered within a minute.
    pub legs_per_minute_max: u32,
}

/// What follows from one signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The call as it is now. Its version is the one it came with.
    pub call: Call,
    /// What happened, in order. Empty when nothing changed.
    pub events: Vec<Event>,
    /// What is to be asked of the neighbours.
    pub effects: Vec<Effect>,
    /// What it means for agents.
    pub marks: Vec<AgentMark>,
    /// What it changes about the brand's switches.
    pub switches: Vec<SwitchChange>,
    /// What it means for those whom we owe a call back.
    pub tasks: Vec<TaskChange>,
    /// What the person who listens hears.
    pub reply: Reply,
}

impl Decision {
    /// Whom it puts aside for missing calls.
    #[must_use]
    pub fn put_aside(&self) -> Vec<&AgentId> {
        self.marks.iter().filter_map(AgentMark::paused).collect()
    }

    /// The pause of an agent relies on these too.
    pub fn rely_on(&mut self, agent: &AgentId, staying: &[AgentId]) {
        for mark in &mut self.marks {
            if let AgentMark::Paused { agent: paused, stay, .. } = mark
                && paused == agent
            {
                let more: Vec<AgentId> = staying.iter().filter(|one| !stay.contains(one)).cloned().collect();
                stay.extend(more);
            }
        }
    }
}

/// Decides what follows from one signal. See the contract at the top of this page.
#[must_use]
pub fn decide(call: Call, rules: &Rules, facts: &Facts<'_>, signal: &Signal) -> Decision {
    let Some(brand) = rules.find_brand(&call.brand) else {
        // The brand was there when the call arrived, and a call keeps the rules it arrived with.
        let reply = Reply::SayAndHangUp { words: words::UNKNOWN_NUMBER.to_owned() };
        return Decision {
            call,
            events: Vec::new(),
            effects: Vec::new(),
            marks: Vec::new(),
            switches: Vec::new(),
            tasks: Vec::new(),
            reply,
        };
    };
    let mut turn = Turn::new(call, rules, brand, facts);
    let reply = answer(&mut turn, signal);
    turn.finish(reply)
}

fn answer(turn: &mut Turn<'_>, signal: &Signal) -> Reply {
    if signal.leaves_code_prompt() {
        turn.end_code(CodeEnd::Left);
    }
    match signal {
        Signal::Arrived => turn.on_arrived(),
        Signal::WaitPolled => turn.on_wait_polled(),
        Signal::CallerPressed { key } => turn.on_caller_pressed(*key),
        Signal::FirstKeyPressed { key } => turn.on_first_key(*key),
        Signal::MenuAnswered { turn: number, key } => turn.on_menu_answered(*number, *key),
        Signal::NoticeEnded { turn: number, key } => turn.on_notice_ended(*number, *key),
        Signal::ChallengeAnswered { turn: number, key } => turn.on_challenge_answered(*number, *key),
        Signal::CodeTried { in_queue, verdict } => turn.on_code_tried(*in_queue, verdict),
        Signal::SwitchChosen { key } => turn.on_switch_chosen(*key),
        Signal::LineAsks { attempt } => turn.on_line_asks(*attempt),
        Signal::LinePressed { attempt, key } => turn.on_line_pressed(*attempt, *key),
        Signal::LineEnded { attempt, bridged } => turn.on_line_ended(*attempt, *bridged),
        Signal::CallerAsks { at } => turn.on_caller_asks(*at),
        Signal::DialEnded { round, bridged } => turn.on_dial_ended(*round, *bridged),
        Signal::LegAsks { leg, carrier_ref } => turn.on_leg_asks(*leg, carrier_ref.as_ref(), signal),
        Signal::LegPressed { leg, key } => turn.on_leg_pressed(*leg, *key, signal),
        Signal::LegLeftRoom { leg } => turn.on_leg_left_room(*leg),
        Signal::VoicemailTaken { recording, seconds } => turn.on_voicemail_taken(recording.as_ref(), *seconds),
        Signal::AgentCalledIn { agent, carrier_ref, doubted } => turn.on_agent_called_in(agent, carrier_ref, *doubted),
        Signal::AgentAsksForCode => turn.on_agent_asks_for_code(),
        Signal::CallerGone
        | Signal::CallerFailed
        | Signal::Adopted
        | Signal::FetchBegins
        | Signal::FetchFailed
        | Signal::LegPlaced { .. }
        | Signal::LegRefused { .. }
        | Signal::LegNotCarried { .. }
        | Signal::LegRings { .. }
        | Signal::LegFinished { .. }
        | Signal::LegTurnedAway { .. }
        | Signal::LineAnswered { .. }
        | Signal::Overridden
        | Signal::RoomEntered { .. }
        | Signal::RoomStarted { .. }
        | Signal::RoomLeft { .. }
        | Signal::RoomChecked { .. }
        | Signal::RecordingReady { .. }
        | Signal::RecordingAbsent { .. }
        | Signal::RecordingStored { .. }
        | Signal::Transcribed { .. }
        | Signal::TextTold { .. }
        | Signal::CallerChecked { .. }
        | Signal::Woken
        | Signal::Restarted
        | Signal::PhonesFreed
        | Signal::AgentWithdrawn { .. } => {
            take_note(turn, signal);
            Reply::Nothing
        }
    }
}

/// Signals that nobody waits for an answer to.
fn take_note(turn: &mut Turn<'_>, signal: &Signal) {
    match signal {
        Signal::CallerGone => turn.on_caller_gone(),
        Signal::CallerFailed => turn.on_caller_failed(),
        Signal::Adopted => turn.on_adopted(),
        Signal::FetchBegins => turn.on_fetch_begins(),
        Signal::FetchFailed => turn.on_fetch_failed(),
        Signal::LegPlaced { leg, carrier_ref } => turn.on_leg_placed(*leg, carrier_ref),
        Signal::LegRefused { leg, unreachable } => turn.on_leg_refused(*leg, *unreachable),
        Signal::LegNotCarried { leg } => turn.on_leg_not_carried(*leg),
        Signal::LegRings { leg, carrier_ref } => turn.on_leg_rings(*leg, carrier_ref.as_ref()),
        Signal::LegFinished { leg, outcome } => turn.on_leg_finished(*leg, *outcome, signal),
        Signal::LegTurnedAway { leg } => turn.on_leg_turned_away(*leg),
        Signal::LineAnswered { attempt } => turn.on_line_answered(*attempt),
        Signal::Overridden => turn.on_overridden(),
        Signal::RoomEntered { who, claim } => turn.on_room_entered(*who, *claim),
        Signal::RoomStarted { leg } => turn.on_room_started(*leg),
        Signal::RoomLeft { who, claim } => turn.on_room_left(*who, *claim),
        Signal::RoomChecked { caller_in, leg_in } => turn.on_room_checked(*caller_in, *leg_in),
        Signal::RecordingReady { recording, seconds } => turn.on_recording_ready(recording, *seconds),
        Signal::RecordingAbsent { recording } => turn.on_recording_absent(recording.as_ref()),
        Signal::RecordingStored { recording } => turn.on_recording_stored(recording),
        Signal::Transcribed { recording, text } => turn.on_transcribed(recording, text.as_deref()),
        Signal::TextTold { sent, why } => turn.on_text_told(*sent, why.as_deref()),
        Signal::CallerChecked { connected } => turn.on_caller_checked(*connected),
        Signal::Woken => turn.on_woken(),
        Signal::Restarted => turn.on_restarted(),
        Signal::PhonesFreed => turn.on_phones_freed(),
        Signal::AgentWithdrawn { agent } => turn.on_agent_withdrawn(agent),
        Signal::Arrived
        | Signal::WaitPolled
        | Signal::CallerPressed { .. }
        | Signal::CallerAsks { .. }
        | Signal::FirstKeyPressed { .. }
        | Signal::MenuAnswered { .. }
        | Signal::NoticeEnded { .. }
        | Signal::ChallengeAnswered { .. }
        | Signal::CodeTried { .. }
        | Signal::SwitchChosen { .. }
        | Signal::LineAsks { .. }
        | Signal::LinePressed { .. }
        | Signal::LineEnded { .. }
        | Signal::DialEnded { .. }
        | Signal::LegAsks { .. }
        | Signal::LegPressed { .. }
        | Signal::LegLeftRoom { .. }
        | Signal::AgentCalledIn { .. }
        | Signal::AgentAsksForCode
        | Signal::VoicemailTaken { .. } => turn.ignore(signal),
    }
}

impl Turn<'_> {
    /// What the caller hears next, wherever the caller stands: answered from the call's state alone.
    fn on_caller_asks(&mut self, at: CallerDoor) -> Reply {
        let is_beyond = matches!(
            self.call.caller_at,
            CallerAt::Dial | CallerAt::Room { .. } | CallerAt::Recorder | CallerAt::Line | CallerAt::Prompt
        );
        if at == CallerDoor::Queue && is_beyond {
            // The queue reports late that the caller was fetched out of it. The answer is ignored, and nobody moves.
            return match self.call.stage {
                Stage::Claimed { .. } | Stage::Talking { .. } => Reply::JoinRoom { who: RoomSeat::Caller },
                Stage::Voicemail => self.recorder(),
                Stage::New
                | Stage::Hold
                | Stage::Challenge { .. }
                | Stage::Menu { .. }
                | Stage::Notice { .. }
                | Stage::Waiting => Reply::Wait { words: None, listens: false },
                Stage::Message => Reply::SayAndHangUp { words: self.message() },
                Stage::Line | Stage::Supervisor | Stage::Ended => Reply::HangUp,
            };
        }
        match self.call.stage {
            Stage::New => self.on_arrived(),
            Stage::Hold => self.go_on(Step::Flood),
            Stage::Challenge { .. } => self.repeat_challenge(),
            Stage::Supervisor => self.ask_switch(),
            Stage::Menu { .. } => self.repeat_menu(),
            Stage::Notice { .. } => self.go_on(Step::Notice),
            Stage::Line | Stage::Message => self.follow_path(),
            Stage::Waiting => self.receive_waiting_caller(),
            Stage::Claimed { .. } if at == CallerDoor::Room => self.on_room_over(),
            Stage::Claimed { .. } => self.send_caller_to_room(),
            Stage::Talking { .. } => match at {
                // They met, so whoever comes by the fallback address came out of the room by a step that failed.
                CallerDoor::Room | CallerDoor::Elsewhere => self.on_talk_over(),
                CallerDoor::Queue | CallerDoor::Join => self.send_caller_to_room(),
            },
            Stage::Voicemail => self.offer_recorder(),
            // The document with the last words may have got lost.
            Stage::Ended if self.call.way == Some(Way::Message) && self.call.caller_left_at.is_none() => {
                self.repeat_message()
            }
            Stage::Ended => Reply::HangUp,
        }
    }
}
