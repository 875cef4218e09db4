//! Random routing files, as ops might write them.

use std::fmt::Write as _;

use crate::store::trace::Dice;

/// The brands' numbers.
pub const NUMBERS: [&str; 3] = ["+15550100201", "+15550100202", "+15550100203"];
/// Agents' phones, by number.
pub fn phone(agent: u32) -> String {
    format!("+155501001{agent:02}")
}

/// A line outside the roster.
const OUTSIDE: &str = "+15550100299";

/// The zones of brands.
const ZONES: [&str; 4] = ["America/New_York", "Europe/London", "Asia/Kathmandu", "America/Los_Angeles"];

fn pick<'a>(dice: &mut Dice, from: &[&'a str]) -> &'a str {
    from[usize::try_from(dice.below(u32::try_from(from.len()).unwrap())).unwrap()]
}

/// Two brands, three numbers, two to seven agents.
pub fn write_rules(dice: &mut Dice) -> String {
    let agents = 2 + dice.below(6);
    let mut text = String::new();
    for brand in 0..2 {
        write_brand(&mut text, dice, brand, agents);
    }
    for (number, brand) in [(0, 0), (1, 1), (2, 0)] {
        let intent = if number == 2 && text.contains("id = \"sales\"") && text.matches("id = \"sales\"").count() == 2 {
            "intent = \"sales\"\n"
        } else {
            ""
        };
        let _ = writeln!(text, "[[number]]\nnumber = \"{}\"\nbrand = \"brand-{brand}\"\n{intent}", NUMBERS[number]);
    }
    for agent in 0..agents {
        write_agent(&mut text, dice, agent);
    }
    let _ = writeln!(text, "[[supervisor]]\nid = \"dana\"\nname = \"Dana\"\nchatwoot_user_id = 9");
    text
}

fn write_brand(text: &mut String, dice: &mut Dice, brand: u32, agents: u32) {
    let members: Vec<String> = (0..agents).filter(|_| dice.below(4) > 0).map(|agent| format!("\"a{agent}\"")).collect();
    let zone = pick(dice, &ZONES);
    let _ = writeln!(
        text,
        "[[brand]]\nid = \"brand-{brand}\"\nname = \"Brand {brand}\"\ninbox = \"Brand {brand}\"\ntime_zone = \"{zone}\"\nroster = [{}]",
        members.join(", ")
    );
    let _ = writeln!(text, "max_wait_s = {}", 10 + dice.below(30));
    if dice.below(2) == 0 {
        let _ = writeln!(text, "ring_width = {}\nwave_interval_s = {}", 1 + dice.below(3), 3 + dice.below(8));
    }
    let _ = writeln!(text, "ring_method = \"{}\"", pick(dice, &["legs", "legs", "auto", "dial"]));
    let _ = writeln!(text, "queue_bias = {}\ncooldown_s = {}", dice.below(3), dice.below(60));
    let _ = writeln!(text, "after_no_answer_s = {}\nwait_for_on_call = {}", dice.below(60), dice.below(2) == 0);
    let _ = writeln!(text, "[brand.texts]");
    for (field, words) in [
        ("greeting", "Thank you for calling."),
        ("waiting", "Please hold the line."),
        ("voicemail_greeting", "Nobody is free. Please leave a message."),
        ("closed", "We are closed. Please leave a message."),
    ] {
        if dice.below(2) == 0 {
            let _ = writeln!(text, "{field} = \"{words}\"");
        }
    }
    let _ = writeln!(text, "[brand.voicemail]\nkey = \"{}\"", pick(dice, &["", "1", "5"]));
    if dice.below(3) == 0 {
        let _ = writeln!(text, "[brand.hours]");
        for day in ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] {
            if dice.below(4) > 0 {
                let opens = dice.below(20);
                let _ = writeln!(text, "{day} = [\"{opens:02}:00-{:02}:30\"]", opens + 1 + dice.below(23 - opens));
            }
        }
    }
    if dice.below(12) == 0 {
        let _ =
            writeln!(text, "[brand.calendar]\nclosed_until = {{ until = 2026-12-10T00:00:00Z, reason = \"Move\" }}");
    }
    if dice.below(3) == 0 {
        let _ = writeln!(text, "[brand.after_hours]");
        write_path(text, dice, true);
        if dice.below(2) == 0 {
            let _ = writeln!(text, "[brand.after_hours.closed_until]");
            write_path(text, dice, true);
        }
    }
    if dice.below(3) == 0 {
        let _ = writeln!(text, "[brand.fallback]");
        write_path(text, dice, false);
    }
    let _ = writeln!(
        text,
        "[brand.operator]\nnumber = \"{OUTSIDE}\"\nring_s = {}\nconfirm = {}",
        5 + dice.below(15),
        dice.below(2) == 0
    );
    if dice.below(4) == 0 {
        let _ = writeln!(text, "[brand.recording]\nnotice = \"This call may be recorded.\"\nretention_days = 30");
    }
    if dice.below(2) == 0 {
        write_menu(text, dice);
    }
}

fn write_path(text: &mut String, dice: &mut Dice, is_after_hours: bool) {
    let kinds: &[&str] = &["voicemail", "message", "number", "operator", "ring_anyway"];
    let kind = pick(dice, if is_after_hours { kinds } else { &kinds[..4] });
    let _ = writeln!(text, "path = \"{kind}\"");
    if kind == "number" {
        let _ = writeln!(text, "number = \"+15550100298\"");
    }
    if dice.below(2) == 0 && kind != "ring_anyway" {
        let _ = writeln!(text, "words = \"One moment please, this is the {kind} path.\"");
    }
}

fn write_menu(text: &mut String, dice: &mut Dice) {
    let prompt = if dice.below(4) == 0 {
        "audio = \"https://example.com/menu.mp3\""
    } else {
        "prompt = \"For sales press 1, for moves press 2.\""
    };
    let _ = writeln!(
        text,
        "[brand.menu]\n{prompt}\ndefault = \"sales\"\nretries = {}\nwait_s = {}",
        dice.below(3),
        1 + dice.below(6)
    );
    let _ = writeln!(
        text,
        "[[brand.menu.option]]\nkey = \"1\"\nintent = \"sales\"\n[[brand.menu.option]]\nkey = \"2\"\nintent = \"moves\""
    );
    let _ =
        writeln!(text, "[[brand.intent]]\nid = \"sales\"\nname = \"sales\"\ngreeting = \"You are through to sales.\"");
    let _ = writeln!(text, "[[brand.intent]]\nid = \"moves\"\nname = \"moves\"\nskill = \"moves\"");
    if dice.below(2) == 0 {
        let _ = writeln!(text, "[brand.intent.fallback]");
        write_path(text, dice, false);
    }
}

fn write_agent(text: &mut String, dice: &mut Dice, agent: u32) {
    let _ = writeln!(
        text,
        "[[agent]]\nid = \"a{agent}\"\nname = \"Agent {agent}\"\nemail = \"a{agent}@example.com\"\nphone = \"{}\"\nphone_verified = {}\nskills = [{}]\navailability = \"{}\"",
        phone(agent),
        dice.below(8) > 0,
        if dice.below(2) == 0 { "\"moves\"" } else { "" },
        if dice.below(4) == 0 { "own_switch" } else { "follow" },
    );
    if dice.below(4) == 0 {
        let opens = dice.below(18);
        let _ = writeln!(text, "time_zone = \"{}\"\n[agent.shift]", pick(dice, &ZONES));
        for day in ["mon", "tue", "wed", "thu", "fri"] {
            let _ = writeln!(text, "{day} = [\"{opens:02}:00-{:02}:00\"]", opens + 1 + dice.below(23 - opens));
        }
    }
}
