//! What stands in braces in a brand's words, and is said in its place.

/// Stands for the sentence that tells when the brand opens: "We open tomorrow at 8 in the morning, Pacific time."
pub const OPENS: &str = "{opens}";

/// The words with the sentence in its place. Without one, nothing is said there.
#[must_use]
pub fn fill(words: &str, opens: Option<&str>) -> String {
    let said = words.replace(OPENS, opens.unwrap_or_default());
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the words say by themselves when the brand opens.
#[must_use]
pub fn tells_opening(words: &str) -> bool {
    words.contains(OPENS)
}

/// The first thing in braces that stands for nothing.
#[must_use]
pub(super) fn find_unknown(words: &str) -> Option<&str> {
    let mut rest = words;
    while let Some((_, from)) = rest.split_once('{') {
        let (inside, after) = from.split_once('}')?;
        if inside != OPENS.trim_matches(['{', '}']) {
            return Some(inside);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_stands_where_the_words_want_it_or_nowhere() {
        let words = "We are closed. {opens} Goodbye.";
        assert_eq!(fill(words, Some("We open at 8.")), "We are closed. We open at 8. Goodbye.");
        assert_eq!(fill(words, None), "We are closed. Goodbye.");
        assert!(tells_opening(words) && !tells_opening("We open at 8."));
    }

    #[test]
    fn what_stands_for_nothing_is_found() {
        let cases = [
            ("We are closed.", None),
            ("{opens}", None),
            ("{opens} {closes}", Some("closes")),
            ("{Opens}", Some("Opens")),
            ("{ opens }", Some(" opens ")),
            ("{}", Some("")),
            ("a { alone", None),
        ];
        for (words, unknown) in cases {
            assert_eq!(find_unknown(words), unknown, "{words}");
        }
    }
}
