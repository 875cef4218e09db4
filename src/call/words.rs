//! What people hear: every sentence that the core says by itself. What a brand says in its own words is in the rules.

use chrono::TimeDelta;

/// Said to a number that belongs to no brand.
pub const UNKNOWN_NUMBER: &str = "Sorry, this number is not in use. Goodbye.";
/// Said after a message was left.
pub const THANKS: &str = "Thank you. Goodbye.";
/// Said to an agent whose caller has gone.
pub const CALLER_GONE: &str = "The caller has hung up.";
/// Said to an agent who presses too late.
pub const CALLER_AT_RECORDER: &str = "The caller is leaving a message.";
/// Said to an agent who calls in while the caller waits.
pub const STILL_WAITING: &str = "The caller is still waiting. Press 1.";
/// The same, where a key cannot bring the two together.
pub const STILL_RINGING: &str = "The caller is still waiting, and phones are ringing.";
/// Said to an agent who dials the brand although their phone did not ring lately.
pub const NO_CALL_WAITING: &str =
    "No call is waiting for you. To hear what callers hear, call from a phone that is not an agent's.";
/// Said to an agent who calls in after a message was left.
pub const LEFT_MESSAGE: &str = "The caller left a message.";
/// Said to an agent who calls in about a call of their own.
pub const YOU_TOOK_IT: &str = "You took this call.";
/// Said to an agent when nothing better is known.
pub const NO_LONGER: &str = "This call is no longer waiting.";

/// Said where a path says words and the brand gave none of its own. Whoever is called back need not call again.
#[must_use]
pub fn nobody_free(opens: Option<&str>, promise: Option<&str>) -> String {
    let sorry = Some("Sorry, nobody can take your call right now.");
    let then = promise.or(Some("Please call again later."));
    join([sorry, opens, then, Some("Goodbye.")])
}

/// How long words take to say: about 15 letters a second.
pub fn spoken_for(words: &str) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(words.chars().count().div_ceil(15)).unwrap_or(0))
}

/// How long words may take at the most: slow voices, and times and numbers, which are longer said than written.
pub fn spoken_at_most(words: &str) -> TimeDelta {
    spoken_for(words) * 2
}

/// Sentences one after the other; those that are none are left out.
#[must_use]
pub fn join<S: AsRef<str>>(sentences: impl IntoIterator<Item = Option<S>>) -> String {
    let mut said = String::new();
    for sentence in sentences.into_iter().flatten().filter(|sentence| !sentence.as_ref().is_empty()) {
        if !said.is_empty() {
            said.push(' ');
        }
        said.push_str(sentence.as_ref());
    }
    said
}

/// Said by a closed brand that gave no words of its own, before the tone.
#[must_use]
pub fn closed_before_tone(opens: Option<&str>) -> String {
    closed_and(opens, "Please leave a message after the tone.")
}

/// Said by a closed brand that gave no words of its own and takes no messages.
#[must_use]
pub fn closed_goodbye(opens: Option<&str>) -> String {
    closed_and(opens, "Goodbye.")
}

fn closed_and(opens: Option<&str>, last: &str) -> String {
    join([Some("We are closed right now."), opens, Some(last)])
}

/// The accept prompt: brand, what it is about if known, and caller, then the key.
#[must_use]
pub fn ask_to_accept(brand: &str, about: Option<&str>, caller: &str) -> String {
    match about {
        Some(about) => format!("{brand}, {about} call from {caller}. Press 1."),
        None => format!("{brand}, call from {caller}. Press 1."),
    }
}

/// Said to an agent who was not first.
#[must_use]
pub fn taken_by(owner: &str) -> String {
    format!("{owner} took this call.")
}

/// A caller without a name, by the last four digits, one by one.
#[must_use]
pub fn number_ending_in(e164: &str) -> String {
    let digits: Vec<char> = e164.chars().filter(char::is_ascii_digit).collect();
    let spoken: Vec<String> = digits.iter().rev().take(4).rev().map(char::to_string).collect();
    format!("a number ending in {}", spoken.join(" "))
}

/// A caller who gave no number.
pub const WITHHELD: &str = "a withheld number";

/// Asks for a supervisor's code.
pub const ASK_CODE: &str = "Code, then the pound key.";
/// Said to a supervisor who chose nothing.
pub const NOTHING_CHANGED: &str = "Nothing was changed. Goodbye.";

/// Asks a supervisor what to do.
#[must_use]
pub fn ask_switch(brand: &str) -> String {
    format!(
        "{brand}. To send calls to the operator line, press 1 for one hour, or 2 for four hours. To stop that, press 3."
    )
}

/// Tells a supervisor that the override is on.
#[must_use]
pub fn override_on(brand: &str, hours: i64) -> String {
    let span = if hours == 1 { "one hour".to_owned() } else { format!("{hours} hours") };
    format!("Calls to {brand} go to the operator line for {span}. Goodbye.")
}

/// Tells a supervisor that the override is off.
#[must_use]
pub fn override_off(brand: &str) -> String {
    format!("Calls to {brand} go to the team again. Goodbye.")
}

/// Asks a stranger, in a declared flood, to press a key.
#[must_use]
pub fn challenge(brand: &str, key: char) -> String {
    format!("Thank you for calling {brand}. To go on, please press {key}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::file;
    use crate::rules::lint::{Code, lint};

    #[test]
    fn lint_quotes_what_callers_really_hear_where_no_words_were_written() {
        let text = include_str!("../../examples/routing.toml").replacen(
            "[[number]]",
            "[[brand]]\nid = \"quiet\"\nname = \"Quiet\"\ninbox = \"Quiet\"\ntime_zone = \"UTC\"\n\
             after_hours = { path = \"message\" }\nfallback = { path = \"message\" }\n[[number]]",
            1,
        );
        let rules = file::parse("routing.toml", &text).unwrap();
        let found = lint(&rules, "2026-11-24T10:00:00Z".parse().unwrap()).findings;
        let told = |field: &str| {
            let is_it = |one: &&crate::rules::lint::Finding| {
                one.code == Code::MessageWithoutWords && one.pointer.ends_with(&format!("/{field}/words"))
            };
            found.iter().find(is_it).unwrap().message.clone()
        };
        assert!(told("fallback").contains(&nobody_free(None, None)), "{found:#?}");
        assert!(told("after_hours").contains(&closed_goodbye(Some("…"))), "{found:#?}");
    }
}
