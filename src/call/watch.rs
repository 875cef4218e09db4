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

/// A message that began before the call ended is over after so long: greeting, and the longest that a brand may allow,
/// which is 600 s.
pub const RECORDING_LASTS: TimeDelta = TimeDelta::minutes(15);

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
        self.ending.is_some_and(|ending| ending != Ending::Blocked) && self.voicemail.checks == 0
    }

    fn expects_recording(&self) -> bool {
        let voicemail = &self.voicemail;
        let is_missing = voicemail.kept.is_empty() || voicemail.named.iter().any(|name| !voicemail.kept.contains(name));
        self.caller_at_recorder_once() && !voicemail.absent && is_missing && voicemail.checks < RECORDING_CHECKS_MAX
    }

    /// The recorder was offered again after a step that failed, so the first time may have left a message too.
    pub(super) fn may_have_left_several(&self) -> bool {
        self.voicemail.offers > 1
    }

    fn caller_at_recorder_once(&self) -> bool {
        self.voicemail.recording.is_some() || self.voicemail.taken_at.is_some() || self.voicemail.offers > 0
    }

    /// From when on nothing more is recorded: a message that ended the call may be followed by another as long as the
    /// caller is on the line.
    fn recorded_until(&self) -> Option<DateTime<Utc>> {
        self.caller_left_at.or(self.ended_at.map(|at| at + RECORDING_LASTS))
    }

    /// When the carrier is to be asked which recordings there are.
    fn look_at(&self) -> Option<DateTime<Utc>> {
        let since = self.recorded_until().filter(|_| self.awaits_recording())?;
        // The pause doubles: 20 s, 40 s, … at most some hours.
        let pause = RECORDING_CHECK_AFTER * (1_i32 << self.voicemail.checks.min(10));
        Some(since.max(self.checked_at.unwrap_or(since)) + pause)
    }

    /// Whether it is time to ask the carrier which recordings there are.
    pub(super) fn is_time_to_look(&self, now: DateTime<Utc>) -> bool {
        self.look_at().is_some_and(|at| at <= now)
    }

    /// From when on a caller is missed: since the last document, or since the words in it are over.
    fn caller_due_at(&self) -> DateTime<Utc> {
        self.words_until.map_or(self.caller_heard_at, |until| until.max(self.caller_heard_at))
    }

    /// Whether the caller should have asked for a document, or have hung up, for some time.
    pub(super) fn is_caller_silent(&self, now: DateTime<Utc>) -> bool {
        now - self.caller_due_at() >= SILENCE_BEFORE_CHECK
    }

    /// When a caller who should have hung up after the end of the call is looked for.
    fn look_for_leaver_at(&self) -> Option<DateTime<Utc>> {
        let ended_at = self.ended_at.filter(|_| self.caller_left_at.is_none())?;
        let at = match self.checked_at {
            None if matches!(self.caller_at, CallerAt::Recorder) => ended_at + TALK_CHECK_EVERY,
            None => ended_at.max(self.caller_due_at()) + SILENCE_BEFORE_CHECK,
            // No answer came, or the caller may be leaving another message.
            Some(checked_at) => checked_at + TALK_CHECK_EVERY,
        };
        let is_wanted = self.awaits_recording() || self.checked_at.is_none();
        (is_wanted && at < ended_at + RECORDING_LASTS).then_some(at)
    }

    /// The next instant at which this call has to be looked at even if nothing arrives.
    #[must_use]
    pub fn wake_at(&self) -> Option<DateTime<Utc>> {
        let stage = match self.stage {
            Stage::New => Some(self.arrived_at + SILENCE_BEFORE_CHECK),
            Stage::Hold | Stage::Challenge { .. } | Stage::Supervisor | Stage::Menu { .. } | Stage::Notice { .. } => {
                self.prompt_look_at()
            }
            Stage::Line if self.line.as_ref().is_some_and(|line| line.rung_at.is_some()) => self.line_look_at(),
            Stage::Waiting => self.wake_while_waiting(),
            Stage::Claimed { deadline_at, .. } => Some(deadline_at),
            Stage::Talking { since, .. } => Some(self.checked_at.unwrap_or(since) + TALK_CHECK_EVERY),
            Stage::Voicemail | Stage::Line | Stage::Message if self.caller_left_at.is_some() => None,
            Stage::Voicemail | Stage::Line | Stage::Message => {
                let heard = self.caller_heard_at.max(self.checked_at.unwrap_or(self.caller_heard_at));
                let at_recorder = matches!(self.caller_at, CallerAt::Recorder);
                Some(heard + if at_recorder { TALK_CHECK_EVERY } else { SILENCE_BEFORE_CHECK })
            }
            Stage::Ended => self.look_for_leaver_at(),
        };
        let legs = self
            .live_legs()
            .filter(|leg| leg.progress < LegProgress::Claimed || leg.end.is_some())
            .map(|leg| leg.checked_at.unwrap_or(leg.give_up_at) + LEG_CHECK_AFTER)
            .min();
        [stage, legs, self.look_at()].into_iter().flatten().min()
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
        // Waves are for phones that we ring.
        let next_wave_at = self.next_wave_at.filter(|_| self.caller_at != CallerAt::Dial);
        [silent, deadline, next_wave_at].into_iter().flatten().min()
    }
}
