//! When a call has to be looked at though nothing arrives.

use chrono::{DateTime, TimeDelta, Utc};

use super::event::Ending;
use super::floods::CHALLENGE_TAKES;
use super::state::{Call, CallerAt, LegProgress, Stage};
use super::supervisor::SWITCH_TAKES;

/// A waiting caller who has not asked for the next document for so long is looked for at the carrier.
///
/// A wait document lasts at most 6 s, and the request may take a few more.
pub const SILENCE_BEFORE_CHECK: TimeDelta = TimeDelta::seconds(10);

/// A leg that should long have ended is looked for at the carrier after so much more.
pub const LEG_CHECK_AFTER: TimeDelta = TimeDelta::seconds(30);

/// How often a talking pair is looked for at the carrier, should the end of the call never be reported.
pub const TALK_CHECK_EVERY: TimeDelta = TimeDelta::seconds(240);

/// How long a recording may take from the end of the call until its file is ready, before we look for it ourselves.
pub const RECORDING_CHECK_AFTER: TimeDelta = TimeDelta::seconds(20);

/// How often a recording that should exist is looked for. With the doubling pause: more than a day.
pub const RECORDING_CHECKS_MAX: u32 = 12;

impl Call {
    /// Whether nothing more is expected: over, no phone held, no recording awaited.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.has_ended() && self.live_legs().next().is_none() && !self.awaits_recording()
    }

    /// Whether a recording may exist that we do not hold yet.
    #[must_use]
    pub fn awaits_recording(&self) -> bool {
        self.is_worth_a_look() || self.expects_recording()
    }

    /// A caller may have been recorded, or recorded twice, by a door that could not save a thing: after every call that
    /// was let in the carrier is asked once.
    fn is_worth_a_look(&self) -> bool {
        self.ending.is_some_and(|ending| ending != Ending::Blocked)
            && !self.voicemail.absent
            && self.voicemail.checks == 0
    }

    fn expects_recording(&self) -> bool {
        self.caller_at_recorder_once()
            && !self.voicemail.absent
            && !self.voicemail.stored
            && self.voicemail.checks < RECORDING_CHECKS_MAX
    }

    /// The recorder was offered again after a step that failed, so the first time may have left a message too.
    pub(super) fn may_have_left_several(&self) -> bool {
        self.voicemail.offers > 1
    }

    /// Whether it makes sense to ask the carrier which recordings there are.
    pub(super) fn may_look_for_recording(&self) -> bool {
        let is_over = self.caller_left_at.is_some() || (self.has_ended() && !self.may_have_left_several());
        is_over && self.awaits_recording()
    }

    fn caller_at_recorder_once(&self) -> bool {
        self.voicemail.recording.is_some() || self.voicemail.taken_at.is_some() || self.voicemail.offers > 0
    }

    /// The next instant at which this call has to be looked at even if nothing arrives.
    #[must_use]
    pub fn wake_at(&self) -> Option<DateTime<Utc>> {
        let stage = match self.stage {
            Stage::New => Some(self.arrived_at + SILENCE_BEFORE_CHECK),
            Stage::Hold | Stage::Challenge { .. } | Stage::Supervisor | Stage::Menu { .. } | Stage::Notice { .. } => {
                self.prompt_look_at()
            }
            Stage::Line if self.caller_at == CallerAt::Line => self.line_look_at(),
            Stage::Waiting => self.wake_while_waiting(),
            Stage::Claimed { deadline_at, .. } => Some(deadline_at),
            Stage::Talking { since, .. } => Some(self.checked_at.unwrap_or(since) + TALK_CHECK_EVERY),
            Stage::Voicemail | Stage::Line | Stage::Message if self.caller_left_at.is_some() => None,
            Stage::Voicemail | Stage::Line | Stage::Message => {
                let heard = self.caller_heard_at.max(self.checked_at.unwrap_or(self.caller_heard_at));
                let at_recorder = matches!(self.caller_at, CallerAt::Recorder);
                Some(heard + if at_recorder { TALK_CHECK_EVERY } else { SILENCE_BEFORE_CHECK })
            }
            // A caller who should have hung up by now is looked for once.
            Stage::Ended if self.caller_left_at.is_none() && !matches!(self.caller_at, CallerAt::Recorder) => {
                self.checked_at.is_none().then(|| self.ended_at.unwrap_or(self.arrived_at) + SILENCE_BEFORE_CHECK)
            }
            // So is one who may be leaving a second message.
            Stage::Ended if self.caller_left_at.is_none() && self.may_have_left_several() => {
                Some(self.checked_at.or(self.ended_at).unwrap_or(self.arrived_at) + TALK_CHECK_EVERY)
            }
            Stage::Ended => None,
        };
        let legs = self
            .live_legs()
            .filter(|leg| leg.progress < LegProgress::Claimed || leg.end.is_some())
            .map(|leg| leg.checked_at.unwrap_or(leg.give_up_at) + LEG_CHECK_AFTER)
            .min();
        let recording = self.may_look_for_recording().then(|| {
            // The pause doubles: 20 s, 40 s, … at most some hours.
            let pause = RECORDING_CHECK_AFTER * (1_i32 << self.voicemail.checks.min(10));
            self.checked_at.or(self.caller_left_at).or(self.ended_at).unwrap_or(self.arrived_at) + pause
        });
        [stage, legs, recording].into_iter().flatten().min()
    }

    /// By when a document that speaks and listens has come back, or what it asks is decided without it.
    pub(super) fn prompt_over_at(&self) -> Option<DateTime<Utc>> {
        if let Some(open) = self.codes.open {
            // What stands behind the prompt is looked at when that is over.
            return Some(open.until);
        }
        match self.stage {
            Stage::Hold => Some(self.caller_heard_at + SILENCE_BEFORE_CHECK),
            Stage::Challenge { .. } => Some(self.caller_heard_at + CHALLENGE_TAKES),
            Stage::Supervisor => Some(self.caller_heard_at + SWITCH_TAKES),
            Stage::Menu { deadline_at, .. } | Stage::Notice { deadline_at, .. } => Some(deadline_at),
            Stage::New
            | Stage::Waiting
            | Stage::Claimed { .. }
            | Stage::Talking { .. }
            | Stage::Line
            | Stage::Message
            | Stage::Voicemail
            | Stage::Ended => None,
        }
    }

    /// When a caller in a prompt is looked for: at its deadline, and again until they come.
    fn prompt_look_at(&self) -> Option<DateTime<Utc>> {
        let over_at = self.prompt_over_at()?;
        Some(self.checked_at.map_or(over_at, |at| over_at.max(at + SILENCE_BEFORE_CHECK)))
    }

    /// When the outside line is looked at though nothing was heard of it.
    pub(super) fn line_look_at(&self) -> Option<DateTime<Utc>> {
        let line = self.line.as_ref()?;
        let first = match line.taken_at {
            Some(taken_at) => taken_at + TALK_CHECK_EVERY,
            None => line.overdue_at()? + LEG_CHECK_AFTER,
        };
        let pause = if line.taken_at.is_some() || !line.confirm { TALK_CHECK_EVERY } else { LEG_CHECK_AFTER };
        Some(self.checked_at.map_or(first, |at| first.max(at + pause)))
    }

    fn wake_while_waiting(&self) -> Option<DateTime<Utc>> {
        let silent = match self.caller_at {
            CallerAt::Dial => None,
            CallerAt::Door
            | CallerAt::Prompt
            | CallerAt::Line
            | CallerAt::Queue
            | CallerAt::Leaving
            | CallerAt::BeingFetched { .. }
            | CallerAt::Room { .. }
            | CallerAt::Recorder
            | CallerAt::Gone
                if self.codes.open.is_some() =>
            {
                self.codes.open.map(|open| open.until)
            }
            CallerAt::Door
            | CallerAt::Prompt
            | CallerAt::Line
            | CallerAt::Queue
            | CallerAt::Leaving
            | CallerAt::BeingFetched { .. }
            | CallerAt::Room { .. }
            | CallerAt::Recorder
            | CallerAt::Gone => {
                Some(self.caller_heard_at.max(self.checked_at.unwrap_or(self.caller_heard_at)) + SILENCE_BEFORE_CHECK)
            }
        };
        // A simultaneous dial has its own time-out at the carrier; ours is the backstop behind it.
        let deadline = self.grace_until.or(self.deadline_at).map(|at| match self.caller_at {
            CallerAt::Dial => at + LEG_CHECK_AFTER,
            CallerAt::Door
            | CallerAt::Prompt
            | CallerAt::Line
            | CallerAt::Queue
            | CallerAt::Leaving
            | CallerAt::BeingFetched { .. }
            | CallerAt::Room { .. }
            | CallerAt::Recorder
            | CallerAt::Gone => at,
        });
        [silent, deadline, self.next_wave_at].into_iter().flatten().min()
    }
}
