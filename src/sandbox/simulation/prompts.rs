//! Documents that speak and listen before the ring: first key, menu, notice.

use super::Ms;
use super::agenda::Step;
use super::callers::Place;
use super::world::World;
use crate::call::signal::Signal;

/// What a prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompt {
    Hold,
    Challenge { turn: u32 },
    Menu { turn: u32 },
    Notice { turn: u32 },
}

impl Prompt {
    fn ended(self, key: Option<char>) -> Signal {
        match self {
            Self::Hold => Signal::FirstKeyPressed { key },
            Self::Challenge { turn } => Signal::ChallengeAnswered { turn, key },
            Self::Menu { turn } => Signal::MenuAnswered { turn, key },
            Self::Notice { turn } => Signal::NoticeEnded { turn, key },
        }
    }
}

impl World {
    /// The caller hears a prompt; `listens`: whether a key ends it.
    pub(super) fn hear_prompt(&mut self, call: usize, prompt: Prompt, wait_s: u32, listens: bool) {
        self.turn_caller(call, Place::Prompt { prompt });
        let words = match prompt {
            Prompt::Hold => 2_000,
            Prompt::Menu { .. } if self.chance.hits(100) => self.chance.between(30_000, 120_000),
            Prompt::Challenge { .. } => 3_000,
            Prompt::Menu { .. } | Prompt::Notice { .. } => self.chance.between(3_000, 8_000),
        };
        let listening =
            if listens || matches!(prompt, Prompt::Challenge { .. }) { Ms::from(wait_s) * 1_000 } else { 0 };
        self.caller_later(call, words + listening, Step::PromptOver);
        let presses = match prompt {
            Prompt::Menu { .. } => 700,
            Prompt::Challenge { .. } => 0,
            Prompt::Hold | Prompt::Notice { .. } => 60,
        };
        if listens && self.chance.hits(presses) {
            let at = self.chance.between(200, words + listening - 1);
            let key = match self.chance.below(10) {
                0..4 => '1',
                4..8 => '2',
                8 => '*',
                _ => '7',
            };
            self.caller_later(call, at, Step::Presses { key });
        }
    }

    /// The prompt ended, by itself or by a key.
    pub(super) fn prompt_over(&mut self, call: usize, key: Option<char>) {
        let Some(Place::Prompt { prompt }) = self.callers.get(call).map(|caller| caller.place) else { return };
        if matches!(prompt, Prompt::Notice { .. })
            && key.is_none()
            && let Some(caller) = self.callers.get_mut(call)
        {
            caller.heard_notice = true;
        }
        self.ask_caller_anew(call, prompt.ended(key));
    }
}
