//! A large company's rules, made up: every agent has a shift, skills and a zone, every brand texts and an intent.

use std::fmt::Write as _;
use std::ops::Range;

use anyhow::Context;

use super::service::NUMBER;
use crate::rules::{Rules, file};

/// The zones of brands and agents, turn by turn.
const ZONES: [&str; 5] =
    ["America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Europe/London"];

/// The skill that the brands' intents ask for; every agent has it.
const SKILL: &str = "removals";

/// A routing file of so many brands and of the agents of these numbers, each agent on the rosters of `brands_each` brands. The first brand's
/// number is the one that the bench dials.
pub(super) fn routing(brands: usize, agents: Range<usize>, brands_each: usize) -> anyhow::Result<String> {
    let mut rosters = vec![Vec::new(); brands];
    for agent in agents.clone() {
        for step in 0..brands_each {
            let roster = rosters.get_mut((agent + step) % brands.max(1)).context("agents need a brand")?;
            roster.push(format!("\"agent-{agent:05}\""));
        }
    }
    let mut text = String::from("version = 1\n");
    for (brand, roster) in rosters.iter().enumerate() {
        let number = if brand == 0 { NUMBER.to_owned() } else { format!("+155502{brand:05}") };
        write!(
            text,
            r#"
[[brand]]
id = "brand-{brand:03}"
name = "Brand {brand} Movers"
inbox = "Brand {brand} Movers"
time_zone = "{zone}"
ring_width = 10
roster = [{roster}]

[brand.texts]
greeting = "Thank you for calling Brand {brand} Movers."
voicemail_greeting = "Nobody can take your call right now. Please leave a message after the tone."

[[brand.intent]]
id = "moving"
name = "Moving"
skill = "{SKILL}"

[[number]]
number = "{number}"
brand = "brand-{brand:03}"
intent = "moving"
"#,
            zone = zone(brand)?,
            roster = roster.join(", "),
        )?;
    }
    for agent in agents {
        write!(
            text,
            r#"
[[agent]]
id = "agent-{agent:05}"
name = "Agent Number {agent}"
email = "agent-{agent}@example.com"
phone = "+155501{agent:05}"
phone_verified = true
time_zone = "{zone}"
skills = ["{SKILL}", "storage"]

[agent.shift]
mon = ["06:00-23:00"]
tue = ["06:00-23:00"]
wed = ["06:00-23:00"]
thu = ["06:00-23:00"]
fri = ["06:00-23:00"]
"#,
            zone = zone(agent)?,
        )?;
    }
    Ok(text)
}

fn zone(number: usize) -> anyhow::Result<&'static str> {
    ZONES.get(number % ZONES.len()).copied().context("there are zones")
}

/// The rules of one brand whose roster is everybody, as the service keeps them.
pub(super) fn one_brand(agents: Range<usize>) -> anyhow::Result<Rules> {
    let read = file::parse("bench.toml", &routing(1, agents, 1)?).context("the made-up company is no rules")?;
    let rules = read.copy_apart();
    rules.warm_up();
    Ok(rules)
}
