//! The language of traces, and random ones.

use chrono::{DateTime, TimeDelta, Utc};
use offhook::call::effect::{Effect, Neighbour};
use offhook::call::event::LegEnd;
use offhook::store::{AgentMark, Presence};

use super::inbox::{InboxOp, TaskStep};
use super::subject::agent;

/// One step of one session.
#[derive(Debug, Clone)]
pub enum Op {
    /// Saves the session's copy of the call with changes.
    Save {
        call: u32,
        changes: Vec<Change>,
    },
    /// The same, but the caller stops waiting after so many polls.
    Cancel {
        call: u32,
        changes: Vec<Change>,
        polls: u32,
    },
    Load {
        call: u32,
    },
    Lease {
        neighbour: Neighbour,
        limit: u32,
        seconds: i64,
    },
    Settle {
        nth: u32,
        how: u32,
    },
    /// Adds an effect to a call that the session holds.
    Add {
        call: u32,
        effect: Effect,
        lane: u32,
        delay: i64,
    },
    Revive,
    Facts,
    Queues,
    Advance {
        ms: i64,
    },
    Presence {
        reports: Vec<(u32, Presence, i64)>,
    },
    Switch {
        who: u32,
        off: bool,
    },
    Contacts {
        pairs: Vec<(u32, i64)>,
    },
    Answer {
        key: u32,
    },
    Delivery {
        n: u32,
    },
    Forget,
    Pacing,
    /// The account was found to carry so many legs.
    Carried {
        legs: u32,
    },
    /// An agent's phone is believed in again.
    Trust {
        who: u32,
    },
    Turn {
        name: u32,
        holder: u32,
    },
    Rules {
        publish: bool,
    },
    /// Publishes the version after the one the session last saw, at times a draft.
    Publish {
        ahead: u32,
        draft: Option<(u32, u32)>,
    },
    /// Makes a draft, writes a revision of it, or takes it away.
    Draft {
        n: u32,
        revision: u32,
        how: u32,
    },
    /// Marks a version as broken, or as good.
    Mark {
        version: u32,
        broken: bool,
    },
    Link {
        call: u32,
        conversation: i64,
    },
    Recording {
        n: u32,
        byte: u8,
    },
    /// Turns a switch of a brand on or off, and looks at all of them.
    Turned {
        brand: u32,
        flood: bool,
        on_for_s: Option<i64>,
    },
    /// Tries a code, or changes one.
    Code {
        caller: u32,
        what: u32,
    },
    Inbox(InboxOp),
}

/// One change within a save.
#[derive(Clone)]
pub enum Change {
    Wait { dial: bool },
    Poll,
    Close { leg: u32, how: LegEnd },
    Round,
    Offer { who: u32, phone: u32 },
    Release { leg: u32 },
    Place { leg: u32 },
    Own { leg: u32 },
    End,
    Effect { effect: Effect, lane: u32, delay: i64 },
    Mark(std::sync::Arc<dyn Fn(DateTime<Utc>) -> AgentMark>),
    Answer { key: u32 },
    Turn { brand: u32, flood: bool, on_for_s: Option<i64> },
    Task(TaskStep),
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wait { dial } => write!(f, "Wait {dial}"),
            Self::Close { leg, how } => write!(f, "Close {leg} {how:?}"),
            Self::Round => f.write_str("Round"),
            Self::Poll => f.write_str("Poll"),
            Self::Offer { who, phone } => write!(f, "Offer {who} {phone}"),
            Self::Release { leg } => write!(f, "Release {leg}"),
            Self::Place { leg } => write!(f, "Place {leg}"),
            Self::Own { leg } => write!(f, "Own {leg}"),
            Self::End => f.write_str("End"),
            Self::Effect { effect, lane, delay } => write!(f, "{effect:?} lane {lane} +{delay}s"),
            Self::Mark(mark) => write!(f, "{:?}", mark(DateTime::UNIX_EPOCH)),
            Self::Answer { key } => write!(f, "Answer {key}"),
            Self::Turn { brand, flood, on_for_s } => write!(f, "Turn {brand} {flood} {on_for_s:?}"),
            Self::Task(step) => write!(f, "{step:?}"),
        }
    }
}

/// Chance, from a seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        // Not a multiple of the step below: seeds would otherwise give one stream, each a little further along.
        let mixed = (seed ^ 0x5851_F42D_4C95_7F2D).wrapping_mul(0xD134_2543_DE82_EF95);
        Self(mixed ^ (mixed >> 32))
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u32) -> u32 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((z ^ (z >> 31)) % u64::from(n)).unwrap()
    }

    pub fn op(&mut self) -> Op {
        // Few calls, so that sessions get in each other's way.
        let call = [0, 1, 6, 7][usize::try_from(self.below(4)).unwrap()];
        match self.below(54) {
            0..10 => Op::Save { call, changes: self.changes() },
            10..12 => Op::Cancel { call, changes: self.changes(), polls: self.below(4) },
            12..17 => Op::Load { call },
            17..20 => {
                Op::Lease { neighbour: self.neighbour(), limit: self.below(4) + 1, seconds: i64::from(self.below(3)) }
            }
            20..23 => Op::Settle { nth: self.below(8), how: self.below(12) },
            43 | 44 => {
                let (brand, flood, on_for_s) = self.turn();
                Op::Turned { brand, flood, on_for_s }
            }
            45 | 46 => Op::Code { caller: self.below(3), what: self.below(12) },
            23 | 39 => Op::Revive,
            24 | 25 => Op::Facts,
            26 | 27 => Op::Queues,
            28..31 => Op::Advance { ms: i64::from(self.below(3_000)) },
            31 => Op::Presence {
                reports: (0..=self.below(3))
                    .map(|_| (self.below(4), self.presence(), i64::from(self.below(4))))
                    .collect(),
            },
            32 => Op::Switch { who: self.below(4), off: self.below(2) == 0 },
            33 => {
                Op::Contacts { pairs: (0..=self.below(3)).map(|_| (self.below(5), i64::from(self.below(4)))).collect() }
            }
            34 => Op::Answer { key: self.below(4) },
            35 => Op::Delivery { n: self.below(4) },
            36 => {
                let legs = self.below(4);
                let all = [Op::Forget, Op::Pacing, Op::Pacing, Op::Carried { legs }, Op::Trust { who: legs }];
                all[usize::try_from(self.below(5)).unwrap()].clone()
            }
            40..43 => self.rules(),
            37 if self.below(2) == 0 => Op::Turn { name: self.below(2), holder: self.below(3) },
            37 => self.rules(),
            47..53 => Op::Inbox(self.inbox_op()),
            53 => Op::Add { call, effect: self.effect(), lane: self.below(4), delay: i64::from(self.below(4)) },
            _ if self.below(2) == 0 => Op::Link { call, conversation: i64::from(self.below(50)) },
            _ => Op::Recording { n: self.below(3), byte: u8::try_from(self.below(200)).unwrap() },
        }
    }

    fn rules(&mut self) -> Op {
        let (n, revision) = (self.below(2), self.below(3) + 1);
        match self.below(8) {
            0 => Op::Rules { publish: self.below(2) == 0 },
            1 | 2 => Op::Publish { ahead: self.below(3), draft: (self.below(2) == 0).then_some((n, revision)) },
            3 => Op::Mark { version: self.below(3) + 1, broken: self.below(2) == 0 },
            _ => Op::Draft { n, revision, how: self.below(5) },
        }
    }

    fn changes(&mut self) -> Vec<Change> {
        (0..self.below(6)).map(|_| self.change()).collect()
    }

    fn change(&mut self) -> Change {
        let who = self.below(4);
        let leg = self.below(3);
        match self.below(32) {
            27 => {
                let (brand, flood, on_for_s) = self.turn();
                Change::Turn { brand, flood, on_for_s }
            }
            0 => Change::Wait { dial: self.below(3) == 0 },
            28..31 => Change::Close { leg, how: self.leg_end() },
            31 => Change::Round,
            1 => Change::Poll,
            // Mostly the agent's own phone; at times somebody else's.
            2..6 => Change::Offer { who, phone: if self.below(5) == 0 { self.below(4) } else { who } },
            6..9 => Change::Release { leg },
            9 => Change::Place { leg },
            10 => Change::Own { leg },
            11 => Change::End,
            12..15 => Change::Effect { effect: self.effect(), lane: self.below(4), delay: i64::from(self.below(4)) },
            15 | 16 | 20..24 => Change::Effect { effect: self.effect(), lane: self.below(4), delay: 0 },
            24..27 => Change::Task(self.task_step()),
            17..=18 => Change::Mark(self.mark(who)),
            _ => Change::Answer { key: self.below(4) },
        }
    }

    /// Which switch, and on for how long, if not off.
    fn turn(&mut self) -> (u32, bool, Option<i64>) {
        let on_for_s = (self.below(3) > 0).then(|| i64::from(self.below(6)) + 1);
        (self.below(2), self.below(3) == 0, on_for_s)
    }

    fn leg_end(&mut self) -> LegEnd {
        [LegEnd::Declined, LegEnd::NoAnswer, LegEnd::LostRace, LegEnd::Failed][usize::try_from(self.below(4)).unwrap()]
    }

    fn mark(&mut self, who: u32) -> std::sync::Arc<dyn Fn(DateTime<Utc>) -> AgentMark> {
        let kind = self.below(8);
        let rest = i64::from(self.below(60));
        std::sync::Arc::new(move |now| {
            let agent = agent(who);
            match kind {
                0 => AgentMark::Offered { agent },
                1 => AgentMark::RestsUntil { agent, until: now + TimeDelta::seconds(rest) },
                2 => AgentMark::Missed { agent },
                3 => AgentMark::Responded { agent },
                4 => AgentMark::PhoneUnreachable { agent, phone: super::subject::phone(who) },
                6 => AgentMark::Keyless { agent },
                7 => AgentMark::Paused {
                    agent,
                    until: now + TimeDelta::seconds(rest),
                    stay: vec![super::subject::agent(who + 1), super::subject::agent(who + 2)],
                },
                _ => AgentMark::PassedOver { agent },
            }
        })
    }

    fn effect(&mut self) -> Effect {
        let n = self.below(3);
        [
            Effect::RingAgent { leg: n },
            Effect::CheckCaller { attempt: n },
            Effect::NoteArrival,
            Effect::AssignOwner,
            Effect::DropLeg { leg: n },
            Effect::NoteEnd,
            Effect::RemoveTwins { source_id: format!("offhook:{n}"), attempt: n },
        ][usize::try_from(self.below(7)).unwrap()]
        .clone()
    }

    fn neighbour(&mut self) -> Neighbour {
        let number = usize::try_from(self.below(3)).unwrap_or(0);
        Neighbour::ALL.get(number).copied().unwrap_or(Neighbour::Inbox)
    }

    fn presence(&mut self) -> Presence {
        [Presence::Online, Presence::Busy, Presence::Offline, Presence::Unknown]
            [usize::try_from(self.below(4)).unwrap()]
    }
}
