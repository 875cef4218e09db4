//! One surge in virtual time: callers, people with phones, the carrier's pace.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::surge_chance::Chance;
use super::surge_policy::{Floor, Holding, Policy, Standing};

/// Virtual milliseconds since the surge began.
pub(super) type Ms = u64;

/// What a surge consists of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surge {
    /// Agents free at the beginning.
    pub(super) agents: usize,
    /// Expected number of calls.
    pub(super) calls: f64,
    /// The carrier places one leg in so many milliseconds.
    pub(super) pace_ms: Ms,
    /// Who gets which phone.
    pub(super) policy: Policy,
}

/// Calls arrive as a Poisson process over so long.
pub(super) const LASTS_MS: Ms = 30_000;
/// From the first offer, or failing one the arrival, to the fallback.
const MAX_WAIT_MS: Ms = 25_000;
/// A phone inside the prompt at the deadline may still win for so long.
const GRACE_MS: Ms = 8_000;
/// From the carrier's request to the first ring, and from a hang-up until the phone is free.
const SETUP_MS: Ms = 1_000;
const RELEASE_MS: Ms = 500;
/// From picking up to the press of 1: the prompt and a moment's thought.
const PROMPT_MS: Ms = 4_000;
/// Rest after a no answer, after a decline, and after a talk.
const AFTER_NO_ANSWER_MS: Ms = 5_000;
const AFTER_DECLINE_MS: Ms = 10_000;
const COOLDOWN_MS: Ms = 15_000;
/// In thousandths: rings that nobody picks up, answers without a key, and answers with one that declines.
const NO_ANSWER: u64 = 250;
const NO_CONFIRM: u64 = 30;
const DECLINED: u64 = 50;
/// Median and spread of a person's answer time, of talks, and the mean patience of a caller.
const ANSWER: (f64, f64) = (6_000.0, 0.5);
const TALK: (f64, f64) = (120_000.0, 0.8);
const PATIENCE_MEAN_MS: f64 = 60_000.0;

/// What came of surges.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) calls: u32,
    pub(super) answered: u32,
    pub(super) rung: u32,
    /// Time to answer of those answered.
    pub(super) waits_ms: Vec<Ms>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Arrives,
    PacerTurns,
    PicksUp { agent: usize, epoch: u32 },
    Presses { agent: usize, epoch: u32 },
    TalkEnds { agent: usize, epoch: u32 },
    ComesFree { agent: usize, epoch: u32 },
    DeadlineOf { call: usize },
    LosesPatience { call: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phone {
    Free,
    /// Promised to a call; rings since then, if the carrier has had its turn.
    Rings {
        call: usize,
        since: Option<Ms>,
    },
    Prompted {
        call: usize,
    },
    /// Talks, rests, or is being let go.
    Away,
}

#[derive(Debug, Clone)]
struct Agent {
    phone: Phone,
    /// Counts what became of the phone; happenings of an earlier state are void.
    epoch: u32,
    offered_at: Ms,
}

#[derive(Debug, Clone)]
struct Call {
    arrived_at: Ms,
    deadline_at: Ms,
    was_offered: bool,
    is_waiting: bool,
    in_grace: bool,
    /// Agents who did not take this very call.
    asked: Vec<bool>,
}

pub(super) struct World<'a> {
    surge: Surge,
    now: Ms,
    next: u64,
    agenda: BinaryHeap<Reverse<(Ms, u64, Happening)>>,
    chance: Chance,
    agents: Vec<Agent>,
    calls: Vec<Call>,
    to_place: VecDeque<(usize, u32)>,
    pacer_free_at: Ms,
    is_pacer_set: bool,
    floor: &'a Floor,
    tally: &'a mut Tally,
}

/// Plays one surge to its end.
pub(super) fn play(surge: Surge, floor: &Floor, seed: u64, tally: &mut Tally) {
    let agents = vec![Agent { phone: Phone::Free, epoch: 0, offered_at: 0 }; surge.agents];
    let mut world = World {
        surge,
        now: 0,
        next: 0,
        agenda: BinaryHeap::new(),
        chance: Chance::new(seed),
        agents,
        calls: Vec::new(),
        to_place: VecDeque::new(),
        pacer_free_at: 0,
        is_pacer_set: false,
        floor,
        tally,
    };
    world.plan_arrivals();
    while let Some(Reverse((at, _, happening))) = world.agenda.pop() {
        world.now = at;
        world.happen(happening);
        world.share_phones();
    }
}

impl World<'_> {
    fn plan(&mut self, at: Ms, happening: Happening) {
        self.next += 1;
        self.agenda.push(Reverse((at, self.next, happening)));
    }

    fn plan_arrivals(&mut self) {
        let between = Chance::milliseconds_f64(LASTS_MS) / self.surge.calls.max(0.001);
        let mut at = 0;
        loop {
            at += self.chance.exponential(between);
            if at >= LASTS_MS {
                return;
            }
            self.plan(at, Happening::Arrives);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives => self.arrive(),
            Happening::PacerTurns => self.place(),
            Happening::PicksUp { agent, epoch } => self.pick_up(agent, epoch),
            Happening::Presses { agent, epoch } => self.press(agent, epoch),
            Happening::TalkEnds { agent, epoch } => self.rest(agent, epoch, COOLDOWN_MS),
            Happening::ComesFree { agent, epoch } => {
                if let Some(agent) = self.at_epoch(agent, epoch) {
                    agent.phone = Phone::Free;
                }
            }
            Happening::DeadlineOf { call } => self.end_ring(call),
            Happening::LosesPatience { call } => self.end_call(call, 0),
        }
    }

    fn at_epoch(&mut self, agent: usize, epoch: u32) -> Option<&mut Agent> {
        self.agents.get_mut(agent).filter(|agent| agent.epoch == epoch)
    }

    fn arrive(&mut self) {
        let call = self.calls.len();
        self.tally.calls += 1;
        self.calls.push(Call {
            arrived_at: self.now,
            deadline_at: self.now + MAX_WAIT_MS,
            was_offered: false,
            is_waiting: true,
            in_grace: false,
            asked: vec![false; self.agents.len()],
        });
        self.plan(self.now + MAX_WAIT_MS, Happening::DeadlineOf { call });
        let patience = self.chance.exponential(PATIENCE_MEAN_MS);
        self.plan(self.now + patience, Happening::LosesPatience { call });
    }

    /// Hands phones to calls, and takes them back, as the policy says.
    fn share_phones(&mut self) {
        let is_free = self.agents.iter().any(|agent| agent.phone == Phone::Free);
        let calls: Vec<usize> = self.waiting().collect();
        if calls.is_empty() || !(is_free || self.surge.policy == Policy::GiveBack) {
            return;
        }
        let holdings: Vec<Holding> = self.holdings(&calls);
        let free = |agent: &Agent| (agent.phone == Phone::Free).then_some(agent.offered_at);
        let free: Vec<Option<Ms>> = self.agents.iter().map(free).collect();
        let moves = self.floor.share(self.surge.policy, self.now, &holdings, &free);
        for agent in moves.taken_back {
            // Whoever has not rung yet is simply not rung.
            let has_rung =
                matches!(self.agents.get(agent).map(|agent| agent.phone), Some(Phone::Rings { since: Some(_), .. }));
            self.let_go(agent, if has_rung { RELEASE_MS } else { 0 });
        }
        for (agent, call) in moves.offered {
            if let Some(call) = calls.get(call) {
                self.offer(agent, *call);
            }
        }
    }

    fn waiting(&self) -> impl Iterator<Item = usize> {
        self.calls.iter().enumerate().filter(|(_, call)| call.is_waiting && !call.in_grace).map(|(number, _)| number)
    }

    fn holdings(&self, calls: &[usize]) -> Vec<Holding> {
        let asked = |call: &usize| {
            let asked = self.calls.get(*call).into_iter().flat_map(|call| call.asked.iter().enumerate());
            asked.filter(|(_, is_asked)| **is_asked).map(|(agent, _)| agent).collect()
        };
        let mut holdings: Vec<Holding> =
            calls.iter().map(|call| Holding { phones: Vec::new(), asked: asked(call) }).collect();
        for (number, agent) in self.agents.iter().enumerate() {
            let (call, standing) = match agent.phone {
                Phone::Rings { call, since } => {
                    (call, Standing::Rings { for_ms: since.map_or(0, |since| self.now.saturating_sub(since)) })
                }
                Phone::Prompted { call } => (call, Standing::Answered),
                Phone::Free | Phone::Away => continue,
            };
            let place = calls.iter().position(|other| *other == call);
            if let Some(holding) = place.and_then(|place| holdings.get_mut(place)) {
                holding.phones.push((number, standing));
            }
        }
        holdings
    }

    fn offer(&mut self, number: usize, call: usize) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(number) else { return };
        agent.epoch += 1;
        agent.phone = Phone::Rings { call, since: None };
        agent.offered_at = now;
        self.to_place.push_back((number, agent.epoch));
        if let Some(call_now) = self.calls.get_mut(call)
            && !call_now.was_offered
        {
            call_now.was_offered = true;
            call_now.deadline_at = now + MAX_WAIT_MS;
            self.plan(now + MAX_WAIT_MS, Happening::DeadlineOf { call });
        }
        self.set_pacer();
    }

    fn set_pacer(&mut self) {
        if !self.is_pacer_set && !self.to_place.is_empty() {
            self.is_pacer_set = true;
            self.plan(self.now.max(self.pacer_free_at), Happening::PacerTurns);
        }
    }

    /// The carrier takes the next request that still stands.
    fn place(&mut self) {
        self.is_pacer_set = false;
        while let Some((number, epoch)) = self.to_place.pop_front() {
            let rings_at = self.now + SETUP_MS;
            let Some(agent) = self.at_epoch(number, epoch) else { continue };
            let Phone::Rings { call, since: None } = agent.phone else { continue };
            agent.phone = Phone::Rings { call, since: Some(rings_at) };
            self.tally.rung += 1;
            if !self.chance.hits(NO_ANSWER) {
                let at = rings_at + self.chance.lognormal(ANSWER);
                self.plan(at, Happening::PicksUp { agent: number, epoch });
            }
            self.pacer_free_at = self.now + self.surge.pace_ms;
            break;
        }
        self.set_pacer();
    }

    fn pick_up(&mut self, number: usize, epoch: u32) {
        let Some(agent) = self.at_epoch(number, epoch) else { return };
        let Phone::Rings { call, .. } = agent.phone else { return };
        agent.phone = Phone::Prompted { call };
        self.plan(self.now + PROMPT_MS, Happening::Presses { agent: number, epoch });
    }

    fn press(&mut self, number: usize, epoch: u32) {
        let Some(agent) = self.at_epoch(number, epoch) else { return };
        let Phone::Prompted { call } = agent.phone else { return };
        let Some(waits) = self.calls.get(call).filter(|call| call.is_waiting) else {
            // Somebody else was faster.
            return self.let_go(number, RELEASE_MS);
        };
        let (no_confirm, declined) = (self.chance.hits(NO_CONFIRM), self.chance.hits(DECLINED));
        if no_confirm || declined {
            self.miss(number, call, if declined { AFTER_DECLINE_MS } else { AFTER_NO_ANSWER_MS });
            let is_over = self.calls.get(call).is_some_and(|call| call.in_grace) && !self.has_prompted(call);
            if is_over {
                self.end_call(call, 0);
            }
            return;
        }
        self.tally.answered += 1;
        self.tally.waits_ms.push(self.now - waits.arrived_at);
        if let Some(agent) = self.agents.get_mut(number) {
            agent.epoch += 1;
            agent.phone = Phone::Away;
            let epoch = agent.epoch;
            let talk = self.chance.lognormal(TALK);
            self.plan(self.now + talk, Happening::TalkEnds { agent: number, epoch });
        }
        self.end_call(call, 0);
    }

    fn has_prompted(&self, call: usize) -> bool {
        self.agents.iter().any(|agent| agent.phone == Phone::Prompted { call })
    }

    /// The deadline, or the end of the grace after it.
    fn end_ring(&mut self, number: usize) {
        let prompted = self.has_prompted(number);
        let Some(call) = self.calls.get_mut(number).filter(|call| call.is_waiting) else { return };
        if self.now < call.deadline_at {
            return;
        }
        if prompted && !call.in_grace {
            call.in_grace = true;
            call.deadline_at = self.now + GRACE_MS;
            self.plan(self.now + GRACE_MS, Happening::DeadlineOf { call: number });
            self.stop_ringing(number, AFTER_NO_ANSWER_MS);
            return;
        }
        self.end_call(number, AFTER_NO_ANSWER_MS);
    }

    fn end_call(&mut self, number: usize, rest_ms: Ms) {
        let Some(call) = self.calls.get_mut(number).filter(|call| call.is_waiting) else { return };
        call.is_waiting = false;
        self.stop_ringing(number, rest_ms);
    }

    fn stop_ringing(&mut self, call: usize, rest_ms: Ms) {
        for number in 0..self.agents.len() {
            if let Some(Phone::Rings { call: its, since }) = self.agents.get(number).map(|agent| agent.phone)
                && its == call
            {
                self.let_go(number, if since.is_some() { RELEASE_MS.max(rest_ms) } else { 0 });
            }
        }
    }

    /// The agent did not take the call and is not asked again for it.
    fn miss(&mut self, number: usize, call: usize, rest_ms: Ms) {
        if let Some(asked) = self.calls.get_mut(call).and_then(|call| call.asked.get_mut(number)) {
            *asked = true;
        }
        self.let_go(number, rest_ms);
    }

    fn rest(&mut self, number: usize, epoch: u32, rest_ms: Ms) {
        if self.at_epoch(number, epoch).is_some() {
            self.let_go(number, rest_ms);
        }
    }

    /// The phone is free again after so long.
    fn let_go(&mut self, number: usize, after_ms: Ms) {
        let Some(agent) = self.agents.get_mut(number) else { return };
        agent.epoch += 1;
        let epoch = agent.epoch;
        agent.phone = if after_ms == 0 { Phone::Free } else { Phone::Away };
        if after_ms > 0 {
            self.plan(self.now + after_ms, Happening::ComesFree { agent: number, epoch });
        }
    }
}
