//! The menu: what the caller calls about, by a key or without one. Source: DESIGN.md section 2.4.

use chrono::TimeDelta;

use super::arrival::Step;
use super::event::Event;
use super::reply::Reply;
use super::signal::CallerDoor;
use super::state::Stage;
use super::supervisor::SUPERVISOR_KEY;
use super::turn::Turn;
use super::way_in::ChosenBy;
use crate::ids::IntentId;
use crate::rules::Intent;

/// By then an intent is chosen, counted from the arrival: what follows has bounds of its own, and all of them together
/// fit into two minutes. Source: DESIGN.md section 11, invariant 4.
const MENU_ENDS: TimeDelta = TimeDelta::seconds(75);

impl<'a> Turn<'a> {
    /// A caller who is asked: there is a menu, and nothing has told the intent yet.
    pub(super) fn is_menu_due(&self) -> bool {
        self.brand.menu.is_some() && self.call.intent.is_none()
    }

    /// Hands out the menu; none if there is no time left for it, and then the default is chosen.
    pub(super) fn play_menu(&mut self, turn: u32) -> Option<Reply> {
        let menu = self.brand.menu.as_ref()?;
        let deadline_at = self.call.arrived_at + MENU_ENDS;
        if self.now >= deadline_at {
            self.choose(menu.default.clone(), ChosenBy::Deadline);
            return None;
        }
        self.record(Event::MenuPlayed { turn, deadline_at });
        let wait_s = u32::try_from(menu.wait.as_secs()).unwrap_or(u32::MAX);
        Some(Reply::AskMenu { turn, prompt: menu.prompt.clone(), wait_s })
    }

    pub(super) fn on_menu_answered(&mut self, turn: u32, key: Option<char>) -> Reply {
        let Stage::Menu { turn: current, deadline_at } = self.call.stage else {
            // Late or repeated: the menu is behind the caller.
            return self.on_caller_asks(CallerDoor::Elsewhere);
        };
        if key == Some(SUPERVISOR_KEY) && self.hears_supervisor() {
            return self.on_supervisor_key(false);
        }
        let Some(menu) = self.brand.menu.as_ref() else { return self.go_on(Step::Notice) };
        let option = menu.options.iter().find(|option| Some(option.key) == key);
        if let Some(option) = option {
            self.choose(option.intent.clone(), ChosenBy::Key);
            return self.go_on(Step::Notice);
        }
        if turn != current {
            // The answer to an earlier menu; the caller hears the present one.
            return self.repeat_menu();
        }
        // As long as the last time, since only the carrier knows how long the prompt is.
        let took = self.now - self.call.caller_heard_at;
        if turn <= menu.retries && self.now + took <= deadline_at {
            return self.play_menu(turn + 1).unwrap_or_else(|| self.go_on(Step::Notice));
        }
        let how = match key {
            Some(_) => ChosenBy::WrongKey,
            None if self.now >= deadline_at => ChosenBy::Deadline,
            None => ChosenBy::NoKey,
        };
        self.choose(menu.default.clone(), how);
        self.go_on(Step::Notice)
    }

    /// The caller stands at the menu and asks again: the same menu, while there is time.
    pub(super) fn repeat_menu(&mut self) -> Reply {
        let Stage::Menu { turn, .. } = self.call.stage else { return self.go_on(Step::Menu) };
        self.play_menu(turn).unwrap_or_else(|| self.go_on(Step::Notice))
    }

    fn choose(&mut self, intent: IntentId, how: ChosenBy) {
        self.record(Event::IntentChosen { intent, how });
    }

    /// What the caller calls about, as the rules describe it.
    pub(super) fn find_intent(&self) -> Option<&'a Intent> {
        let id = self.call.intent.as_ref()?;
        self.brand.intents.iter().find(|intent| intent.id == *id)
    }
}
