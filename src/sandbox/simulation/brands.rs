//! The rules of a simulated world: brands that share their agents.

use std::fmt::Write;

use super::{COOLDOWN_MS, MAX_WAIT_MS, Ms};
use crate::rules::Rules;

/// A number outside the roster, where a path leads.
const ELSEWHERE: &str = "+15550100901";
/// The operator's number.
const OPERATOR: &str = "+15550100900";

/// Words that take about ten seconds to say.
const LONG: &str = "Thank you for calling. We move homes and offices all over the country, in vans large and small, and \
                    somebody will be with you in a moment. Have your booking at hand.";

/// In every world: one brand that rings all, one in waves, one that is closed.
const PLAIN: [(&str, bool, &str); 3] = [
    ("acme", true, "voicemail = { key = \"1\" }\ntexts = { greeting = \"LONG\", waiting = \"LONG\" }\n"),
    ("harbour", false, "ring_width = 1\nwave_interval_s = 6\n"),
    ("closed", true, "hours = { sun = [\"03:00-03:05\"] }\n"),
];

/// In some: menus, notices, operator lines, and other paths than the recorder.
const RICH: [(&str, bool, &str); 5] = [
    (
        "menu",
        true,
        "recording = { notice = \"This call may be recorded.\", retention_days = 30 }\n\
         fallback = { path = \"operator\" }\n\
         [brand.menu]\nprompt = \"Press 1 for sales, 2 for your move.\"\ndefault = \"ops\"\nretries = 1\nwait_s = 4\n\
         [[brand.menu.option]]\nkey = \"1\"\nintent = \"sales\"\n\
         [[brand.menu.option]]\nkey = \"2\"\nintent = \"ops\"\n\
         [[brand.intent]]\nid = \"sales\"\nname = \"sales\"\nfallback = { path = \"message\", words = \"Call later.\" }\n\
         [[brand.intent]]\nid = \"ops\"\nname = \"move\"\nskill = \"moves\"\ngreeting = \"One moment.\"\n",
    ),
    ("number", false, "fallback = { path = \"number\", number = \"ELSEWHERE\" }\n"),
    ("message", true, "hours = { sun = [\"03:00-03:05\"] }\nafter_hours = { path = \"message\", words = \"LONG\" }\n"),
    (
        "night",
        true,
        "hours = { sun = [\"03:00-03:05\"] }\nafter_hours = { path = \"operator\", words = \"We are closed.\" }\n",
    ),
    ("anyway", false, "hours = { sun = [\"03:00-03:05\"] }\nafter_hours = { path = \"ring_anyway\" }\n"),
];

/// The rules of a world of that many agents. What else there is depends on the seed.
pub(super) fn write_rules(agents: u32, seed: u64) -> Result<Rules, String> {
    let agents = agents.clamp(1, 50);
    let ids: Vec<String> = (0..=agents).map(|number| format!("\"agent-{number}\"")).collect();
    let half: Vec<String> = ids.iter().skip(1).step_by(2).cloned().collect();
    let (is_rich, confirms, is_supervised) = (seed.is_multiple_of(2), !seed.is_multiple_of(3), seed.is_multiple_of(4));
    let brands: Vec<_> = PLAIN.iter().chain(RICH.iter().take(if is_rich { RICH.len() } else { 0 })).collect();
    let mut text = String::new();
    for (number, (id, is_all, more)) in brands.iter().enumerate() {
        let roster = if *is_all { ids.join(",") } else { half.join(",") };
        let operator = if is_rich {
            format!("operator = {{ number = \"{OPERATOR}\", confirm = {confirms}, ring_s = 20 }}\n")
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "[[brand]]\nid = \"{id}\"\nname = \"{id}\"\ninbox = \"{id}\"\ntime_zone = \"Europe/London\"\nmax_wait_s = {}\n\
             cooldown_s = {}\nroster = [{roster}]\n{operator}{}\n[[number]]\nnumber = \"+1555010001{number}\"\nbrand = \"{id}\"",
            MAX_WAIT_MS / 1_000,
            COOLDOWN_MS / 1_000,
            more.replace("ELSEWHERE", ELSEWHERE).replace("LONG", LONG),
        );
    }
    for number in 0..=agents {
        // The last one's phone was never verified.
        let verified = number < agents;
        let skills = if can_move(number) { "\"moves\"" } else { "" };
        let _ = writeln!(
            text,
            "[[agent]]\nid = \"agent-{number}\"\nname = \"Agent {number}\"\nemail = \"agent-{number}@example.com\"\n\
             phone = \"+15550100{:03}\"\nphone_verified = {verified}\nskills = [{skills}]",
            100 + number,
        );
        if has_shift(number, seed) {
            let half_hours: Vec<String> = (8..24).map(|hour| format!("\"{hour:02}:00-{hour:02}:30\"")).collect();
            let _ = writeln!(text, "time_zone = \"UTC\"\n[agent.shift]\ntue = [{}]", half_hours.join(","));
        }
    }
    if is_rich && is_supervised {
        text.push_str("[[supervisor]]\nid = \"dana\"\nname = \"Dana\"\n");
    }
    crate::rules::file::parse("simulated.toml", &text).map_err(|error| error.to_string())
}

/// Whether the agent has the skill that callers about a move need.
pub(super) fn can_move(agent: u32) -> bool {
    agent.is_multiple_of(2)
}

/// Whether the agent works in shifts: the first half of every hour. The others always do.
fn has_shift(agent: u32, seed: u64) -> bool {
    agent % 3 == 2 && seed.is_multiple_of(3)
}

/// Whether the agent works at a virtual instant, by counting minutes.
pub(super) fn is_on_shift(agent: u32, seed: u64, at: Ms) -> bool {
    !has_shift(agent, seed) || at.rem_euclid(3_600_000) < 1_800_000
}
