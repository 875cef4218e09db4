//! When a call has to be looked at although nothing arrives. The store keeps that instant in a column of the call's row.

use chrono::{DateTime, TimeDelta, Utc};

use super::state::{Call, CallerAt, LegProgress, Stage};

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

impl Call {
    /// The next instant at which this call has to be looked at even if nothing arrives.
    #[must_use]
    pub fn wake_at(&self) -> Option<DateTime<Utc>> {
        let stage = match self.stage {
            Stage::New => Some(self.arrived_at + SILENCE_BEFORE_CHECK),
            Stage::Waiting => self.wake_while_waiting(),
            Stage::Claimed { deadline_at, .. } => Some(deadline_at),
            Stage::Talking { since, .. } => Some(self.checked_at.unwrap_or(since) + TALK_CHECK_EVERY),
            Stage::Voicemail if self.caller_left_at.is_some() => None,
            Stage::Voicemail => {
                let heard = self.caller_heard_at.max(self.checked_at.unwrap_or(self.caller_heard_at));
                let at_recorder = matches!(self.caller_at, CallerAt::Recorder);
                Some(heard + if at_recorder { TALK_CHECK_EVERY } else { SILENCE_BEFORE_CHECK })
            }
            Stage::Ended => None,
        };
        let legs = self
            .live_legs()
            .filter(|leg| leg.progress < LegProgress::Claimed || leg.end.is_some())
            .map(|leg| leg.checked_at.unwrap_or(leg.give_up_at) + LEG_CHECK_AFTER)
            .min();
        let is_over = self.has_ended() || self.caller_left_at.is_some();
        let recording = (is_over && self.awaits_recording()).then(|| {
            // The pause doubles: 20 s, 40 s, … at most some hours.
            let pause = RECORDING_CHECK_AFTER * (1_i32 << self.voicemail.checks.min(10));
            self.checked_at.or(self.caller_left_at).or(self.ended_at).unwrap_or(self.arrived_at) + pause
        });
        [stage, legs, recording].into_iter().flatten().min()
    }

    fn wake_while_waiting(&self) -> Option<DateTime<Utc>> {
        let silent = match self.caller_at {
            CallerAt::Dial => None,
            CallerAt::Door
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
