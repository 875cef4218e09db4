//! Why did, or didn't, my phone ring? One sentence for an agent of a record.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use super::facts::Presence;
use super::record::{Counted, Listed, NotEligible, Place, ShortlistRecord};
use crate::ids::AgentId;
use crate::rules::zone;

/// Whatever lasts longer than this has no end that anybody waits for, such as a phone that is switched off for good.
const FURTHER_NOTICE: TimeDelta = TimeDelta::days(366);

impl ShortlistRecord {
    /// One sentence on one agent, whom colleagues know as `name`. Instants are spoken in `zone`.
    #[must_use]
    pub fn explain(&self, agent: &AgentId, name: &str, zone: chrono_tz::Tz) -> String {
        match self.find(agent) {
            Some(listed) => self.explain_listed(listed, name, zone),
            None if self.counted.is_empty() => format!("{name} is not on the brand's roster."),
            None => {
                let counted: Vec<String> = self.counted.iter().map(count_words).collect();
                format!(
                    "{name} is among the agents that this record only counts ({}); the full list is made from the kept facts.",
                    counted.join(", ")
                )
            }
        }
    }

    fn explain_listed(&self, listed: &Listed, name: &str, zone: chrono_tz::Tz) -> String {
        match listed.place {
            Place::Rings { position } => {
                let who = if position == 1 { "first in line".to_owned() } else { format!("number {position} in line") };
                format!("{name} was rung, {who}: {}.", self.numbers(listed))
            }
            Place::WaitingForWave { position } => {
                let width = self.width.map_or_else(String::new, |width| {
                    format!(
                        "{width} {} at once by then",
                        if width == 1 { "phone might ring" } else { "phones might ring" }
                    )
                });
                let others = match self.left_to_others {
                    0 => width,
                    1 => "one phone was left to another caller".to_owned(),
                    left => format!("{left} phones were left to other callers"),
                };
                let others = if others.is_empty() { others } else { format!(", since {others}") };
                format!("{name} was eligible and waited, number {position} in line{others}: {}.", self.numbers(listed))
            }
            Place::AlreadyOffered => format!("{name} had been offered this call before and was not asked again."),
            Place::No { reason } => self.explain_reason(listed, reason, name, zone),
        }
    }

    fn explain_reason(&self, listed: &Listed, reason: NotEligible, name: &str, zone: chrono_tz::Tz) -> String {
        let until = listed.until.map(|until| until_words(until, self.at, zone));
        let until = until.unwrap_or_default();
        match reason {
            NotEligible::NotOnRoster => format!("{name} was not rung: no longer on the brand's roster."),
            NotEligible::NoPhone => format!("{name} was not rung: there is no phone that may be dialled."),
            NotEligible::PhoneUnverified => format!("{name} was not rung: nobody has verified the phone."),
            NotEligible::MissingSkill => match &self.intent {
                Some(intent) => format!("{name} was not rung: lacks the skill that `{intent}` asks for."),
                None => format!("{name} was not rung: lacks the skill that the call asks for."),
            },
            NotEligible::Unavailable => {
                let (state, age) = (presence_words(listed, &until), age_words(listed.presence_age_ms));
                format!("{name} was not rung: {state}{age}.")
            }
            NotEligible::OffShift => {
                let at = clock_words(self.arrived_at, zone);
                format!("{name} was not rung: off shift when the call arrived at {at}.")
            }
            NotEligible::OnCall => format!("{name} was not rung: on a call."),
            NotEligible::RingingOtherCall => format!("{name} was not rung: the phone was held by another ring."),
            NotEligible::Cooldown => format!("{name} was not rung: resting{until}."),
            NotEligible::Paused => format!("{name} was not rung: paused{until}."),
        }
    }

    /// The numbers behind a position.
    fn numbers(&self, listed: &Listed) -> String {
        let mut said = match listed.last_offered_at {
            None => "never offered a call before".to_owned(),
            Some(at) => format!("last offered a call {} before", span_words(self.at - at)),
        };
        if listed.turn > 0 {
            let _ = write!(said, ", turn {} of the round", listed.turn);
        }
        if listed.open_conversations > 0 {
            let plural = if listed.open_conversations == 1 { "" } else { "s" };
            let age = age_words(listed.open_conversations_age_ms);
            let _ = write!(said, ", {} open conversation{plural}{age}", listed.open_conversations);
        }
        if listed.pushed > 0 {
            let plural = if listed.pushed == 1 { "" } else { "s" };
            let _ = write!(said, ", pushed back {} place{plural}", listed.pushed);
        }
        if listed.passed_over > 0 {
            let _ = write!(
                said,
                ", passed over {}",
                if listed.passed_over == 1 { "once".to_owned() } else { format!("{} times", listed.passed_over) }
            );
        }
        said
    }
}

fn presence_words(listed: &Listed, until: &str) -> String {
    match listed.presence {
        _ if !until.is_empty() => format!("the agent's phone was switched off{until}"),
        Some(Presence::Busy) => "set to busy in Chatwoot".to_owned(),
        Some(Presence::Offline) => "offline in Chatwoot".to_owned(),
        Some(Presence::Online | Presence::Unknown) | None => "not available".to_owned(),
    }
}

/// What the clocks of the zone show: `18:30:05`.
fn clock_words(at: DateTime<Utc>, zone: chrono_tz::Tz) -> String {
    let wall = zone::wall(zone, at).unwrap_or_else(|| at.naive_utc());
    wall.format("%H:%M:%S").to_string()
}

/// Until when, as seen from `at`: ` until 18:30:05`, with the date if it is another.
fn until_words(until: DateTime<Utc>, at: DateTime<Utc>, zone: chrono_tz::Tz) -> String {
    if until - at > FURTHER_NOTICE {
        return " until further notice".to_owned();
    }
    match (zone::wall(zone, until), zone::wall(zone, at)) {
        (Some(wall), Some(now)) if wall.date() != now.date() => wall.format(" until %A %-d %B, %H:%M:%S").to_string(),
        _ => format!(" until {}", clock_words(until, zone)),
    }
}

fn age_words(age_ms: Option<i64>) -> String {
    age_ms.map_or_else(String::new, |ms| format!(" (known for {})", span_words(TimeDelta::milliseconds(ms))))
}

/// A span in words: seconds up to two minutes, then minutes, then hours, then days.
fn span_words(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn count_words(counted: &Counted) -> String {
    let how = match counted.place {
        Place::Rings { .. } => "rung",
        Place::WaitingForWave { .. } => "waiting for their wave",
        Place::AlreadyOffered => "offered before",
        Place::No { reason } => reason.as_str(),
    };
    format!("{} {how}", counted.agents)
}
