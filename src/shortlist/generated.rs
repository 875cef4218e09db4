//! Random rosters, rules and facts, and what DESIGN.md section 3 says of each agent; for the tests of this room.
//!
//! The oracle reads what was drawn, not the rules made of it, and counts minutes by hand: its zones never change their
//! clocks.

use std::sync::OnceLock;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;

use super::facts::{AgentFacts, Asked, LiveLeg, Presence, WaitingCall};
use super::{Earlier, InForce, Question};
use crate::ids::{AgentId, CallId, IntentId};
use crate::phone_number::{PhoneNumber, parse_phone_number};
use crate::rules::{
    self, Absence, Agent, AvailabilitySource, Brand, DayInterval, DestinationPolicy, Intent, Interval, Rules, ShiftDay,
    WeeklyHours,
};

/// Zones without any change of clocks, and their minutes ahead of UTC.
const ZONES: [(Tz, i64); 3] = [(Tz::UTC, 0), (Tz::Asia__Kolkata, 330), (Tz::Etc__GMTPlus5, -300)];
const SKILLS: [&str; 2] = ["removals", "storage"];
const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;

/// Chance that the same seed repeats (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Below `n`, for counts.
    pub(super) fn small(&mut self, n: u32) -> u32 {
        u32::try_from(self.below(u64::from(n))).unwrap()
    }

    pub(super) fn place(&mut self, n: usize) -> usize {
        usize::try_from(self.below(u64::try_from(n).unwrap())).unwrap()
    }

    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below(u64::try_from(high - low + 1).unwrap())).unwrap()
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.place(of.len())]
    }

    /// Often within a millisecond of `of`.
    pub(super) fn near(&mut self, of: i64) -> i64 {
        of + match self.below(5) {
            0 => -1,
            1 => 0,
            2 => 1,
            _ => self.between(-2 * MINUTE, 2 * MINUTE),
        }
    }
}

/// An instant, in milliseconds after the Monday on which all of this happens.
pub(super) fn instant(ms: i64) -> DateTime<Utc> {
    static MONDAY: OnceLock<DateTime<Utc>> = OnceLock::new();
    *MONDAY.get_or_init(|| "2026-11-23T00:00:00Z".parse().unwrap()) + TimeDelta::milliseconds(ms)
}

/// One agent as one version of the rules has them. Spans of a day are minutes after its midnight.
#[derive(Clone)]
struct Person {
    may_be_dialled: bool,
    is_verified: bool,
    skills: [bool; 2],
    has_own_switch: bool,
    zone: usize,
    /// Weekdays from Monday as 0.
    week: Option<Vec<(i64, i64, i64)>>,
    /// Days after the Monday.
    dates: Vec<(i64, Vec<(i64, i64)>)>,
    absences: Vec<(i64, i64)>,
}

impl Person {
    /// Somebody whom nothing keeps from ringing.
    fn ready() -> Self {
        Self {
            may_be_dialled: true,
            is_verified: true,
            skills: [true; 2],
            has_own_switch: false,
            zone: 0,
            week: None,
            dates: Vec::new(),
            absences: Vec::new(),
        }
    }

    fn draw(dice: &mut Dice, arrived: i64) -> Self {
        let span = |dice: &mut Dice| {
            let from = 30 * dice.between(0, 47);
            (from, from + 30 * dice.between(1, 47))
        };
        let shift = |(day, (from, until)): (i64, (i64, i64))| (day, from, until);
        let week = |dice: &mut Dice| (0..dice.between(1, 9)).map(|_| shift((dice.between(0, 6), span(dice)))).collect();
        let date = |dice: &mut Dice| (0..dice.between(0, 2)).map(|_| span(dice)).collect();
        let days = |dice: &mut Dice| {
            let today = arrived.div_euclid(DAY);
            let mut days: Vec<(i64, Vec<(i64, i64)>)> = Vec::new();
            for day in today - 1..=today + 1 {
                if dice.one_in(2) {
                    days.push((day, date(dice)));
                }
            }
            days
        };
        let absence = |dice: &mut Dice| {
            let from = dice.near(arrived);
            (from, if dice.one_in(2) { from + 1 } else { from + dice.between(1, 2 * MINUTE) })
        };
        Self {
            may_be_dialled: !dice.one_in(9),
            is_verified: !dice.one_in(9),
            skills: [!dice.one_in(5), !dice.one_in(2)],
            has_own_switch: dice.one_in(3),
            zone: dice.place(ZONES.len()),
            week: dice.one_in(3).then(|| week(dice)),
            dates: if dice.one_in(4) { days(dice) } else { Vec::new() },
            absences: if dice.one_in(4) { vec![absence(dice)] } else { Vec::new() },
        }
    }

    fn write(&self, number: usize, base: &Agent) -> Agent {
        let span = |(from, until): (i64, i64)| (u16::try_from(from).unwrap(), u16::try_from(until).unwrap());
        let interval = |(day, from, until): &(i64, i64, i64)| {
            let (from, until) = span((*from, *until));
            Interval::new(Weekday::try_from(u8::try_from(*day).unwrap()).unwrap(), from, until).unwrap()
        };
        let clock = |minute: i64| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
        let hours =
            |(from, until): &(i64, i64)| DayInterval::parse(&format!("{}-{}", clock(*from), clock(*until))).unwrap();
        let monday = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        Agent {
            id: agent_id(number),
            phone: phone(number, self.may_be_dialled),
            phone_verified: self.is_verified,
            time_zone: Some(ZONES[self.zone].0),
            shift: self.week.as_ref().map(|week| WeeklyHours { intervals: week.iter().map(interval).collect() }),
            shift_days: self
                .dates
                .iter()
                .map(|(day, spans)| ShiftDay {
                    on: monday + TimeDelta::days(*day),
                    hours: spans.iter().map(hours).collect(),
                })
                .collect(),
            absences: self
                .absences
                .iter()
                .map(|(from, until)| Absence { from: instant(*from), until: instant(*until), reason: None })
                .collect(),
            availability: if self.has_own_switch { AvailabilitySource::OwnSwitch } else { AvailabilitySource::Follow },
            skills: (0..SKILLS.len())
                .filter(|skill| self.skills[*skill])
                .map(|skill| SKILLS[skill].to_owned())
                .collect(),
            ..base.clone()
        }
    }

    /// By counting minutes: a day's hours belong to the date on which they begin.
    fn is_on_shift(&self, at: i64) -> bool {
        if self.absences.iter().any(|(from, until)| (*from..*until).contains(&at)) {
            return false;
        }
        let local = at + ZONES[self.zone].1 * MINUTE;
        let today = local.div_euclid(DAY);
        [today - 1, today].into_iter().any(|day| {
            let begins = day * DAY;
            let holds = |from: i64, until: i64| (begins + from * MINUTE..begins + until * MINUTE).contains(&local);
            if let Some((_, spans)) = self.dates.iter().find(|(date, _)| *date == day) {
                return spans.iter().any(|(from, until)| holds(*from, *until));
            }
            let Some(week) = &self.week else { return holds(0, 1_440) };
            week.iter().any(|(weekday, from, until)| *weekday == day.rem_euclid(7) && holds(*from, *until))
        })
    }
}

/// What one version of the rules says: who is known to it, and who is on the roster.
struct Version {
    people: Vec<Option<Person>>,
    roster: Vec<usize>,
    rules: Rules,
}

impl Version {
    fn new(people: Vec<Option<Person>>, roster: Vec<usize>, bias: u32) -> Self {
        let mut rules = base().clone();
        let agent = rules.agents.remove(0);
        let known = people.iter().enumerate();
        rules.agents = known.filter_map(|(number, person)| Some(person.as_ref()?.write(number, &agent))).collect();
        rules.brands[0].roster = roster.iter().map(|number| agent_id(*number)).collect();
        rules.brands[0].queue_bias = bias;
        Self { people, roster, rules }
    }
}

/// Two versions at most, and facts about everybody in the order of their numbers; none of some.
pub(super) struct World {
    then: Version,
    now: Option<Version>,
    wanted: Option<usize>,
    intent: Option<Intent>,
    pub(super) at: i64,
    arrived: i64,
    pub(super) facts: Vec<AgentFacts>,
    pub(super) earlier: Vec<Earlier>,
    pub(super) width: u32,
    pub(super) ringing: u32,
    /// Calls that wait besides, the first of them the one that asks; none if it waits alone.
    pub(super) waiting: Vec<WaitingCall>,
}

impl World {
    /// Everybody ready, nothing offered yet.
    pub(super) fn ready(people: usize, bias: u32) -> Self {
        let then = Version::new(vec![Some(Person::ready()); people], (0..people).collect(), bias);
        Self::of(then, None, None, DAY)
    }

    fn of(then: Version, now: Option<Version>, wanted: Option<usize>, arrived: i64) -> Self {
        let people = then.people.len();
        let intent = wanted.map(|skill| Intent {
            id: IntentId::new("moving"),
            name: "Moving".to_owned(),
            skill: Some(SKILLS[skill].to_owned()),
            greeting: None,
            fallback: None,
        });
        let facts = (0..people).map(|number| AgentFacts::unknown(agent_id(number))).collect();
        let earlier = vec![Earlier::Nothing; people];
        Self {
            then,
            now,
            wanted,
            intent,
            at: arrived,
            arrived,
            facts,
            earlier,
            width: u32::MAX,
            ringing: 0,
            waiting: Vec::new(),
        }
    }

    /// Anything at all.
    pub(super) fn draw(dice: &mut Dice, people: usize) -> Self {
        let half_hour = 30 * MINUTE * dice.between(48, 6 * 48);
        let arrived = dice.near(half_hour);
        let bias = dice.pick(&[0, 1, 1, 1, 3, 10]);
        let drawn: Vec<Person> = (0..people).map(|_| Person::draw(dice, arrived)).collect();
        let shuffled = |dice: &mut Dice, known: &[Option<Person>], few: u64| {
            let mut roster: Vec<usize> =
                (0..people).filter(|number| known[*number].is_some() && !dice.one_in(few)).collect();
            for place in (1..roster.len()).rev() {
                roster.swap(place, dice.place(place + 1));
            }
            roster
        };
        let mut known: Vec<Option<Person>> = drawn.iter().cloned().map(Some).collect();
        let is_changed = dice.one_in(3);
        if is_changed {
            known.iter_mut().for_each(|person| *person = person.take().filter(|_| !dice.one_in(9)));
        }
        let roster = shuffled(dice, &known, 12);
        let then = Version::new(known.clone(), roster, bias);
        let now = is_changed.then(|| {
            let again = |person: Person| match dice.below(9) {
                0 => None,
                1..=3 => Some(Person::draw(dice, arrived)),
                _ => Some(person),
            };
            let known: Vec<Option<Person>> = drawn.into_iter().map(again).collect();
            let roster = if dice.one_in(3) {
                then.roster.iter().copied().filter(|number| known[*number].is_some()).collect()
            } else {
                shuffled(dice, &known, 6)
            };
            Version::new(known, roster, bias)
        });
        let wanted = dice.one_in(3).then(|| dice.place(SKILLS.len()));
        Self::of(then, now, wanted, arrived)
    }

    /// Other facts and another instant in the same world.
    pub(super) fn draw_facts(&mut self, dice: &mut Dice) {
        self.at = self.arrived + dice.between(0, 90_000);
        let at = self.at;
        for (who, facts) in self.facts.iter_mut().enumerate() {
            let soon = |dice: &mut Dice, few: u64| dice.one_in(few).then(|| instant(dice.near(at)));
            facts.presence = dice.pick(&[
                Presence::Online,
                Presence::Online,
                Presence::Online,
                Presence::Unknown,
                Presence::Busy,
                Presence::Offline,
            ]);
            facts.presence_at = dice.one_in(2).then(|| instant(dice.near(at - 30 * MINUTE)));
            facts.switched_off_until = soon(dice, 5);
            facts.live_leg = dice.one_in(6).then(|| held(dice.one_in(2)));
            facts.rests_until = soon(dice, 3);
            facts.paused_until = soon(dice, 4);
            // Few instants, so that ties occur.
            facts.last_offered_at = (!dice.one_in(3)).then(|| instant(at - MINUTE * dice.between(0, 5)));
            facts.passed_over = dice.pick(&[0, 0, 1, 2, 5]);
            // At times the one that another version of the rules had.
            facts.refused_phone = dice.one_in(8).then(|| phone(who, !dice.one_in(3)));
            facts.open_conversations = dice.pick(&[0, 0, 1, 2, 7, 1_000]);
        }
        for earlier in &mut self.earlier {
            *earlier = match dice.below(20) {
                0 => Earlier::Offered,
                1 => Earlier::StillHeld,
                _ => Earlier::Nothing,
            };
        }
        let people = u32::try_from(self.facts.len()).unwrap();
        self.width = if dice.one_in(4) { u32::MAX } else { dice.small(people + 2) };
        self.ringing = if dice.one_in(2) { 0 } else { dice.small(people) };
        let calls = if dice.one_in(2) { 0 } else { 2 + dice.place(4) };
        self.waiting = (0..calls).map(|number| self.draw_waiting(dice, number)).collect();
    }

    /// A call of the same brand, which has asked some.
    fn draw_waiting(&self, dice: &mut Dice, number: usize) -> WaitingCall {
        let mut asked = Asked::default();
        for facts in &self.facts {
            if dice.one_in(6) {
                asked.agents.push(facts.agent.clone());
                if facts.live_leg.is_none() && dice.one_in(3) {
                    asked.ringing.push(facts.agent.clone());
                }
            }
        }
        asked.agents.sort_unstable();
        let call = CallId(uuid::Uuid::from_u128(100 + u128::try_from(number).unwrap()));
        WaitingCall { call, brand: self.brand().id.clone(), intent: None, arrived_at: instant(self.arrived), asked }
    }

    pub(super) fn brand(&self) -> &Brand {
        &self.then.rules.brands[0]
    }

    /// `facts` may be in any order, and not about everybody.
    pub(super) fn question<'a>(&'a self, facts: &'a [AgentFacts]) -> Question<'a> {
        Question {
            rules: &self.then.rules,
            rules_version: 1,
            in_force: self.now.as_ref().map(|now| InForce { version: 2, rules: &now.rules }),
            destinations: policy(),
            brand: self.brand(),
            intent: self.intent.as_ref(),
            facts,
            arrived_at: instant(self.arrived),
            at: instant(self.at),
            width: self.width,
            ringing: self.ringing,
            call: self.waiting.first().map(|first| first.call),
            waiting: &self.waiting,
        }
    }

    /// Those whom a record has to name: on the roster that the call came with, or on the one in force.
    pub(super) fn members(&self) -> Vec<usize> {
        let in_force = self.now.as_ref().map_or(&[][..], |now| &now.roster);
        (0..self.facts.len()).filter(|who| self.then.roster.contains(who) || in_force.contains(who)).collect()
    }

    /// Why this member does not ring, in the words of the closed list; none if eligible.
    ///
    /// Roster, phone and availability are facts of this instant, so the version in force tells them; skills and shift
    /// are the call's version's, or of the one that first knew the agent.
    pub(super) fn reason(&self, who: usize, facts: Option<&AgentFacts>) -> Option<&'static str> {
        if self.earlier[who] == Earlier::Offered {
            return Some("already_offered");
        }
        let in_force = self.now.as_ref().unwrap_or(&self.then);
        if !in_force.roster.contains(&who) {
            return Some("not_on_roster");
        }
        let now = in_force.people[who].as_ref().unwrap();
        let then = self.then.people[who].as_ref().unwrap_or(now);
        let refused = facts.and_then(|facts| facts.refused_phone.as_ref());
        if !now.may_be_dialled || refused == Some(&phone(who, now.may_be_dialled)) {
            return Some("no_phone");
        }
        if !now.is_verified {
            return Some("phone_unverified");
        }
        if self.wanted.is_some_and(|skill| !then.skills[skill]) {
            return Some("missing_skill");
        }
        let at = instant(self.at);
        let is_before = |until: Option<DateTime<Utc>>| until.is_some_and(|until| at < until);
        let Some(facts) = facts else { return Some("unavailable") };
        let says_no = facts.presence == Presence::Busy || facts.presence == Presence::Offline;
        let is_known = facts.presence_at.is_some_and(|known| known + TimeDelta::minutes(30) >= at);
        if is_before(facts.switched_off_until) || (!now.has_own_switch && says_no && is_known) {
            return Some("unavailable");
        }
        if !then.is_on_shift(self.arrived) {
            return Some("off_shift");
        }
        if facts.live_leg.is_some_and(|leg| leg.talking) {
            return Some("on_call");
        }
        if facts.live_leg.is_some() || self.earlier[who] == Earlier::StillHeld {
            return Some("ringing_other_call");
        }
        if is_before(facts.rests_until) {
            return Some("cooldown");
        }
        is_before(facts.paused_until).then_some("paused")
    }

    /// Those eligible in line, and how far each was pushed.
    pub(super) fn line(&self, eligible: &[usize]) -> Vec<(usize, usize)> {
        let mut by_turn = eligible.to_vec();
        let id = |who: usize| agent_id(who).as_str().to_owned();
        by_turn.sort_by_key(|who| (self.facts[*who].last_offered_at, id(*who)));
        let half = self.then.roster.len() / 2;
        let bias = usize::try_from(self.brand().queue_bias).unwrap();
        let push = |who: usize| {
            let count = |number: u32| usize::try_from(number).unwrap();
            let facts = &self.facts[who];
            (bias * count(facts.open_conversations)).min(half).saturating_sub(count(facts.passed_over))
        };
        let mut line: Vec<(usize, bool, usize, usize)> =
            by_turn.iter().enumerate().map(|(turn, who)| (turn + push(*who), push(*who) > 0, turn, *who)).collect();
        line.sort_unstable();
        line.into_iter().map(|(_, _, _, who)| (who, push(who))).collect()
    }
}

pub(super) fn agent_id(number: usize) -> AgentId {
    static IDS: OnceLock<Vec<AgentId>> = OnceLock::new();
    // Not in the order of their numbers, and of the longest kind.
    let name = |number: usize| AgentId::new(&format!("a{:03}-{number:04}{}", number * 7 % 1_000, "x".repeat(31)));
    IDS.get_or_init(|| (0..10_000).map(name).collect())[number].clone()
}

fn phone(number: usize, may_be_dialled: bool) -> PhoneNumber {
    static PHONES: OnceLock<[Vec<PhoneNumber>; 2]> = OnceLock::new();
    let list = |start: &str| (100..200).map(|end| parse_phone_number(&format!("{start}{end}")).unwrap()).collect();
    let phones = PHONES.get_or_init(|| [list("+441632960"), list("+15550100")].map(|all: Vec<_>| all));
    phones[usize::from(may_be_dialled)][number % 100].clone()
}

fn policy() -> &'static DestinationPolicy {
    static POLICY: OnceLock<DestinationPolicy> = OnceLock::new();
    POLICY.get_or_init(|| DestinationPolicy::new(["US"], [], []))
}

pub(super) fn held(talking: bool) -> LiveLeg {
    LiveLeg { call: CallId(uuid::Uuid::from_u128(7)), since: instant(0), talking }
}

fn base() -> &'static Rules {
    static BASE: OnceLock<Rules> = OnceLock::new();
    BASE.get_or_init(|| {
        let text = "[[brand]]\nid = \"acme\"\nname = \"Acme\"\ninbox = \"Acme\"\ntime_zone = \"UTC\"\nroster = [\"a\"]\n[[number]]\nnumber = \"+15550100002\"\nbrand = \"acme\"\n[[agent]]\nid = \"a\"\nname = \"A\"\nemail = \"a@example.com\"\nphone = \"+15550100001\"\nphone_verified = true\n";
        rules::file::parse("rules.toml", text).unwrap()
    })
}
