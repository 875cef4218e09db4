//! Everything the simulation holds, and its one loop.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::agenda::{Agenda, Happening, Listener};
use super::callers::{Caller, Recording};
use super::chance::Chance;
use super::judge::Judge;
use super::lines::Line;
use super::outbox::Outbox;
use super::shelf::Shelf;
use super::{Faults, Ms, SimulationOptions, Violation, instant};
use crate::call::signal::Signal;
use crate::ids::BrandId;
use crate::phone_number::PhoneNumber;
use crate::rules::{DestinationPolicy, Rules};
use crate::shortlist::facts::{AgentFacts, Presence};

/// The world goes on for so long after the last fault.
const SETTLES_IN_MS: Ms = 30 * 60_000;

pub(super) struct World {
    pub(super) options: SimulationOptions,
    pub(super) faults: Faults,
    pub(super) now: Ms,
    pub(super) agenda: Agenda,
    pub(super) chance: Chance,
    pub(super) rules: Arc<Rules>,
    pub(super) destinations: Arc<DestinationPolicy>,
    pub(super) own_number: PhoneNumber,
    pub(super) shelf: Shelf,
    pub(super) outbox: Outbox,
    pub(super) callers: Vec<Caller>,
    pub(super) lines: Vec<Line>,
    pub(super) recordings: Vec<Recording>,
    pub(super) judge: Judge,
    pub(super) endings: BTreeMap<&'static str, u64>,
    pub(super) reasons: BTreeMap<&'static str, u64>,
    pub(super) passed_over: u64,
    pub(super) signals: u64,
    pub(super) conflicts: u64,
    pub(super) rings: u64,
    /// How far the service's clock is off.
    pub(super) clock_off: Ms,
    pub(super) pace_ms: Ms,
    pub(super) pace_free_at: Ms,
    pub(super) rest_down_until: Ms,
    pub(super) rest_failures: u32,
    pub(super) rest_failed_at: Ms,
    pub(super) service_down_until: Ms,
    pub(super) inbox_down_until: Ms,
    pub(super) store_down_until: Ms,
    /// Every brand is sent to its operator line until then.
    pub(super) overridden_until: Ms,
    /// A flood is declared until then.
    pub(super) flood_until: Ms,
    pub(super) stir_is_due: bool,
    pub(super) oldest_open: usize,
    /// The call whose ladder is written down.
    pub(super) ladder_of: Option<usize>,
    ladder: Vec<String>,
    faults_end: Ms,
}

impl World {
    pub(super) fn new(options: &SimulationOptions, rules: Rules, own_number: PhoneNumber) -> Self {
        let agents = rules
            .agents
            .iter()
            .map(|agent| AgentFacts {
                presence: Presence::Online,
                presence_at: Some(instant(0)),
                ..AgentFacts::unknown(agent.id.clone())
            })
            .collect();
        let mut chance = Chance::new(options.seed);
        let pace_ms = if chance.hits(500) { 200 } else { 1_000 };
        Self {
            faults: if options.faults { Faults::all() } else { Faults::default() },
            now: 0,
            agenda: Agenda::default(),
            chance,
            rules: Arc::new(rules),
            destinations: Arc::new(DestinationPolicy::new(["US", "GB"], [], [])),
            own_number,
            shelf: Shelf::new(agents, options.arbiter),
            outbox: Outbox::default(),
            callers: Vec::new(),
            lines: Vec::new(),
            recordings: Vec::new(),
            judge: Judge::default(),
            endings: BTreeMap::new(),
            reasons: BTreeMap::new(),
            passed_over: 0,
            signals: 0,
            conflicts: 0,
            rings: 0,
            clock_off: 0,
            pace_ms,
            pace_free_at: 0,
            rest_down_until: 0,
            rest_failures: 0,
            rest_failed_at: 0,
            service_down_until: 0,
            inbox_down_until: 0,
            store_down_until: 0,
            overridden_until: 0,
            flood_until: 0,
            stir_is_due: false,
            oldest_open: 0,
            ladder_of: None,
            ladder: Vec::new(),
            faults_end: 0,
            options: options.clone(),
        }
    }

    pub(super) fn write_ladder_of(&mut self, call: usize) {
        self.ladder_of = Some(call);
    }

    pub(super) fn rung(&mut self, what: &str) {
        self.ladder.push(format!("{:>8} ms  {what}", self.now));
    }

    /// Runs to the end, or to the first violation.
    pub(super) fn run(&mut self) -> Result<(), Violation> {
        let mut at = 0;
        // Quiet days and busy ones, and surges on each.
        let quiet = self.chance.between(20_000, 120_000);
        for _ in 0..self.options.calls {
            at += if self.chance.hits(250) { self.chance.between(0, 1_500) } else { self.chance.between(1_000, quiet) };
            self.agenda.put(at, Happening::CallerDials);
        }
        self.faults_end = at + 120_000;
        self.plan_troubles();
        while let Some((at, happening)) = self.agenda.next() {
            self.now = at;
            if at > self.faults_end && self.faults.request_fails > 0 {
                self.faults = Faults::default();
            }
            if at > self.faults_end + SETTLES_IN_MS + 1_200_000 {
                break;
            }
            self.happen(happening);
            if self.judge.violation.is_some() {
                break;
            }
        }
        if self.judge.violation.is_none() {
            self.judge_all();
        }
        match self.judge.violation.take() {
            Some(violation) => Err(Violation { ladder: std::mem::take(&mut self.ladder), ..violation }),
            None => Ok(()),
        }
    }

    fn plan_troubles(&mut self) {
        let mut at = 0;
        while self.rules.brands.iter().any(|brand| brand.operator.is_some()) && at < self.faults_end {
            at += self.chance.between(200_000, 1_500_000);
            self.agenda.put(at, Happening::Overrides);
            let later = self.chance.between(0, 400_000);
            self.agenda.put(at + later, Happening::Declares);
        }
        let mut at = 0;
        while at < self.faults_end {
            at += self.chance.between(5_000, 60_000);
            self.agenda.put(at, Happening::PresenceFlips);
        }
        let mut at = 0;
        while at < self.faults_end {
            self.agenda.put(at, Happening::QueueChanges);
            at += self.chance.between(5_000, 60_000);
        }
        let mut at = 0;
        while self.options.faults && at < self.faults_end {
            at += self.chance.between(20_000, 400_000);
            self.agenda.put(at, Happening::Trouble);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::CallerDials => self.caller_dials(),
            Happening::Asked { who, epoch, signal, is_second } => self.answer(who, epoch, signal, is_second),
            Happening::Commits(pending) => self.commit(*pending),
            Happening::Hears { who, epoch, reply } => {
                if self.is_on_line(who, epoch) {
                    match who {
                        Listener::Caller(call) => self.caller_hears(call, reply),
                        Listener::Line(line) => self.line_hears(line, &reply),
                        Listener::Outside(call) => self.outside_hears(call, &reply),
                    }
                }
            }
            Happening::Fails { who, epoch, signal, is_second } => {
                if self.is_on_line(who, epoch) {
                    match who {
                        Listener::Caller(call) => self.caller_fails(call, &signal, is_second),
                        Listener::Line(line) => self.line_fails(line),
                        Listener::Outside(call) => self.end_outside(call),
                    }
                } else if let Listener::Caller(call) = who {
                    self.judge_dropped(call);
                }
            }
            Happening::Noted { call, signal } => self.take_note(call, signal),
            Happening::Steps { who, epoch, step } => {
                if self.is_on_line(who, epoch) {
                    match who {
                        Listener::Caller(call) => self.step_caller(call, &step),
                        Listener::Line(line) => self.step_line(line, &step),
                        Listener::Outside(call) => self.step_outside(call, &step),
                    }
                }
            }
            Happening::LosesPatience { call } => self.lose_patience(call),
            Happening::WantsRecorder { call } => self.want_recorder(call),
            Happening::Delivers { lane } => self.deliver(lane),
            Happening::Settles { lane, outcome } => self.settle(lane, outcome),
            Happening::Wakes { call } => self.wake(call),
            Happening::Stirs => self.stir(),
            Happening::PresenceFlips => self.flip_presence(),
            Happening::QueueChanges => self.change_queue(),
            Happening::Trouble => self.make_trouble(),
            Happening::Declares => self.flood_until = self.now + self.chance.between(10_000, 200_000),
            Happening::Overrides => self.override_brands(),
            Happening::RecordingDone { recording } => self.recording_done(recording),
        }
    }

    /// Whether what was planned for a listener still concerns them.
    pub(super) fn is_on_line(&self, who: Listener, epoch: u32) -> bool {
        match who {
            Listener::Caller(call) => self
                .callers
                .get(call)
                .is_some_and(|caller| caller.epoch == epoch && caller.place != super::callers::Place::Gone),
            Listener::Line(line) => self.lines.get(line).is_some_and(|line| line.epoch == epoch),
            Listener::Outside(call) => self
                .callers
                .get(call)
                .and_then(|caller| caller.outside.as_ref())
                .is_some_and(|line| line.epoch == epoch),
        }
    }

    /// The carrier asks for a document.
    pub(super) fn ask(&mut self, who: Listener, signal: Signal) {
        let epoch = match who {
            Listener::Caller(call) => self.callers.get(call).map(|caller| caller.epoch),
            Listener::Line(line) => self.lines.get(line).map(|line| line.epoch),
            Listener::Outside(call) => {
                self.callers.get(call).and_then(|caller| caller.outside.as_ref()).map(|line| line.epoch)
            }
        };
        let at = self.now + self.chance.between(15, 90);
        self.agenda.put(at, Happening::Asked { who, epoch: epoch.unwrap_or(0), signal, is_second: false });
    }

    /// The carrier reports; nobody waits for the answer. Reports are lost, repeated, delayed and overtake each other.
    pub(super) fn callback(&mut self, call: usize, signal: Signal) {
        if self.chance.hits(self.faults.callback_lost) {
            self.trouble(call, 45_000);
            return;
        }
        if self.chance.hits(self.faults.repeats) {
            let at = self.now + self.chance.between(30, 20_000);
            self.agenda.put(at, Happening::Noted { call, signal: signal.clone() });
        }
        let late = if self.chance.hits(self.faults.callback_late) { self.chance.between(500, 20_000) } else { 0 };
        self.trouble_if(call, late);
        let at = self.now + self.chance.between(20, 200) + late;
        self.agenda.put(at, Happening::Noted { call, signal });
    }

    fn trouble_if(&mut self, call: usize, late: Ms) {
        if late > 0 {
            self.trouble(call, late);
        }
    }

    pub(super) fn choose_brand(&mut self) -> BrandId {
        let more = self.rules.brands.len().saturating_sub(3);
        let number = match self.chance.below(20) {
            0 => 2,
            1..5 => 1,
            5..10 if more > 0 => 3 + usize::try_from(self.chance.below(u64::try_from(more).unwrap_or(1))).unwrap_or(0),
            5..8 => 1,
            _ => 0,
        };
        self.rules.brands.get(number).map_or_else(|| BrandId::new("?"), |brand| brand.id.clone())
    }

    /// An agent switches to busy or back; a switch to busy stops the phone at once.
    fn flip_presence(&mut self) {
        let count = self.shelf.agents.len();
        let number = usize::try_from(self.chance.below(u64::try_from(count).unwrap_or(1))).unwrap_or(0);
        let (now, at) = (self.now, self.clock());
        let stays = self.chance.hits(800);
        let Some(facts) = self.shelf.agents.get_mut(number) else { return };
        let online = facts.presence != Presence::Online || stays;
        let was_online = facts.presence == Presence::Online;
        facts.presence = if online { Presence::Online } else { Presence::Busy };
        for facts in &mut self.shelf.agents {
            facts.presence_at = Some(at);
        }
        self.judge.presence_changed_at.insert(number, now);
        if was_online && !online {
            let Some(agent) = self.shelf.agents.get(number).map(|facts| facts.agent.clone()) else { return };
            for call in self.shelf.waiting(self.oldest_open) {
                self.decide_and_save(call, &Signal::AgentWithdrawn { agent: agent.clone() });
            }
        } else if !was_online && !self.stir_is_due {
            self.stir_is_due = true;
            self.agenda.put(now + 100, Happening::Stirs);
        }
    }

    fn change_queue(&mut self) {
        let (count, at) = (u64::try_from(self.shelf.agents.len()).unwrap_or(1), self.clock());
        let number = usize::try_from(self.chance.below(count)).unwrap_or(0);
        let open = u32::try_from(self.chance.below(5)).unwrap_or(0);
        if let Some(facts) = self.shelf.agents.get_mut(number) {
            (facts.open_conversations, facts.open_conversations_at) = (open, Some(at));
        }
    }

    fn make_trouble(&mut self) {
        if self.now > self.faults_end {
            return;
        }
        match self.chance.below(7) {
            0 | 1 => self.rest_down_until = self.now + self.chance.between(5_000, 180_000),
            2 => self.service_down_until = self.now + self.chance.between(200, 4_000),
            3 => self.store_down_until = self.now + self.chance.between(500, 20_000),
            4 | 5 => self.inbox_down_until = self.now + self.chance.between(10_000, 300_000),
            _ => {
                self.clock_off = self.chance.between(-1_000, 1_000);
                self.judge.clock_stepped_at = self.now;
            }
        }
    }
}
