//! Text made safe for Chatwoot's screen, where a private note is Liquid first and Markdown second.
//!
//! [`ChatwootText`] is the only thing a message can be made of. Words from outside (a caller's name, a transcript, a
//! brand's name) become part of it through [`Note::text`] alone, which leaves them reading exactly as typed: no link, no
//! image, no mention, no template. Everything else in a note is a literal of this program.
//! Source: contracts/chatwoot.md 5.6 and 13; THREATS.md T-16, T-17; checked against what a real screen showed of 120
//! texts (tests/fixtures/chatwoot/chatwoot-4.13.0-rendering.json).

use unicode_normalization::UnicodeNormalization;
use url::Url;

/// Most characters from outside that one note carries; what is longer ends in `…`. Escaping at most triples it, which
/// stays far below Chatwoot's own 150,000. Source: THREATS.md T-16; contract 5.1.
pub const OUTSIDE_MAX_CHARS: usize = 8_000;

/// Breaks up what would be joined: invisible, and neither Liquid nor Markdown look through it.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// Markdown that Chatwoot may be given: everything from outside in it has been escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct ChatwootText(String);

impl ChatwootText {
    /// Escapes text from outside, so that it reads as typed. Cut to [`OUTSIDE_MAX_CHARS`].
    #[must_use]
    pub fn escaped(untrusted: &str) -> Self {
        note().text(untrusted).finish()
    }

    /// The Markdown to post.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing would be shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl std::fmt::Debug for ChatwootText {
    // A note may hold a caller's name or words: neither belongs into a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChatwootText({} bytes)", self.0.len())
    }
}

/// Starts a note: literals and escaped text, in the order they are added.
pub fn note() -> Note {
    Note { markdown: String::new(), outside_left: OUTSIDE_MAX_CHARS, is_after_outside: false }
}

/// A note being written. Its literals are Markdown and must be sound by themselves.
#[derive(Clone)]
#[must_use = "a note does nothing until it is posted"]
pub struct Note {
    markdown: String,
    outside_left: usize,
    is_after_outside: bool,
}

impl Note {
    /// Adds our own words, which may be Markdown.
    pub fn plain(mut self, literal: &'static str) -> Self {
        if std::mem::take(&mut self.is_after_outside) {
            self.part_from(literal);
        }
        self.markdown.push_str(literal);
        self
    }

    /// Adds our own words in bold.
    pub fn bold(self, literal: &'static str) -> Self {
        self.plain("**").plain(literal).plain("**")
    }

    /// Adds words from outside, reading as typed. They may span lines.
    pub fn text(mut self, untrusted: &str) -> Self {
        let clean = clean(untrusted, &mut self.outside_left);
        self.part_from(&clean);
        escape_onto(&mut self.markdown, &clean);
        self.is_after_outside = true;
        self
    }

    /// Adds words from outside as a quotation on lines of its own.
    pub fn quote(mut self, untrusted: &str) -> Self {
        let clean = clean(untrusted, &mut self.outside_left);
        self = self.paragraph();
        for line in clean.split('\n') {
            self.markdown.push_str("> ");
            escape_onto(&mut self.markdown, line);
            self.markdown.push('\n');
        }
        self.markdown.push('\n');
        self
    }

    /// Ends the line.
    pub fn line(mut self) -> Self {
        self.trim_line();
        self.markdown.push('\n');
        self
    }

    /// Ends the paragraph; does nothing where one ended already.
    pub fn paragraph(mut self) -> Self {
        self.trim_line();
        if self.markdown.is_empty() {
            return self;
        }
        while !self.markdown.ends_with("\n\n") {
            self.markdown.push('\n');
        }
        self
    }

    /// Adds a link to one of our own pages. An address that is neither `http` nor `https` is left out, the words stay.
    pub fn link(mut self, words: &'static str, to: &Url) -> Self {
        if !matches!(to.scheme(), "http" | "https") {
            return self.plain(words);
        }
        self = self.plain("[").plain(words).plain("](");
        for letter in to.as_str().chars() {
            match letter {
                '(' => self.markdown.push_str("%28"),
                ')' => self.markdown.push_str("%29"),
                '{' => self.markdown.push_str("%7B"),
                '}' => self.markdown.push_str("%7D"),
                '\\' => self.markdown.push_str("%5C"),
                '_' | '*' | '~' | '`' => {
                    self.markdown.push('\\');
                    self.markdown.push(letter);
                }
                other => self.markdown.push(other),
            }
        }
        self.plain(")")
    }

    /// Names a colleague so that Chatwoot notifies them; only in a private note. Source: contract 4.7.
    ///
    /// Of `name` only letters, digits, spaces and hyphens are shown, because Chatwoot does not escape it.
    pub fn mention(mut self, user_id: i64, name: &str) -> Self {
        let shown: String = name.nfc().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-')).take(80).collect();
        let shown = shown.trim();
        let shown = if shown.is_empty() { "agent" } else { shown };
        let coded: String = url::form_urlencoded::byte_serialize(shown.as_bytes()).collect();
        self.markdown.push_str("[@");
        self.markdown.push_str(&shown.replace("--", "-"));
        self.markdown.push_str("](mention://user/");
        self.markdown.push_str(&user_id.to_string());
        self.markdown.push('/');
        self.markdown.push_str(&coded.replace('+', "%20"));
        self.markdown.push(')');
        self
    }

    /// The finished text.
    #[must_use]
    pub fn finish(mut self) -> ChatwootText {
        while self.markdown.ends_with(['\n', ' ']) {
            self.markdown.pop();
        }
        ChatwootText(self.markdown)
    }

    /// Keeps two pieces from becoming one address: `evil.` and `com`.
    fn part_from(&mut self, next: &str) {
        if self.markdown.ends_with(['.', ':', '/']) && next.starts_with(|c: char| !c.is_whitespace()) {
            self.markdown.push(ZERO_WIDTH_SPACE);
        }
    }

    fn trim_line(&mut self) {
        while self.markdown.ends_with(' ') {
            self.markdown.pop();
        }
    }
}

/// Normalises, drops what is invisible and harmful, trims each line and cuts to what is left of the allowance.
fn clean(untrusted: &str, left: &mut usize) -> String {
    // A letter may expand fourfold in composition at most; nothing past the allowance needs looking at.
    let within: String = untrusted.chars().take(OUTSIDE_MAX_CHARS * 2).collect();
    // Composition comes first: it makes a plain back-tick out of U+1FEF.
    let composed: String = within.replace("\r\n", "\n").nfc().filter_map(kept).collect();
    let mut lines = composed.split('\n').map(str::trim);
    let mut trimmed = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        trimmed.push('\n');
        trimmed.push_str(line);
    }
    let length = trimmed.chars().count();
    if length <= *left {
        *left -= length;
        return trimmed;
    }
    let mut cut: String = trimmed.chars().take(left.saturating_sub(1)).collect();
    if *left > 0 {
        cut.push('…');
    }
    *left = 0;
    cut
}

/// What becomes of one character before escaping.
fn kept(letter: char) -> Option<char> {
    match letter {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' => Some(' '),
        // Bidirectional overrides, embeddings and isolates; the byte order mark.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => None,
        other if other.is_control() => None,
        other => Some(other),
    }
}

/// Appends text that reads as typed wherever it stands. Its first character counts as the start of a line even in the
/// middle of one, since what stands before may be only decoration.
fn escape_onto(markdown: &mut String, clean: &str) {
    let mut before = markdown.chars().next_back().filter(|c| *c != '\n');
    let mut at_line_start = true;
    let mut only_digits = true;
    let mut exclamations = 0_usize;
    let mut rest = clean.chars();
    while let Some(letter) = rest.next() {
        let after = rest.as_str();
        exclamations = if matches!(letter, '!' | '?') { exclamations + 1 } else { 0 };
        if before.is_some_and(|b| is_joined(b, letter)) || (exclamations > 3 && exclamations % 3 == 1) {
            markdown.push(ZERO_WIDTH_SPACE);
        }
        let ends_list_number = only_digits && !at_line_start && matches!(letter, '.' | ')');
        if is_always_active(letter)
            || (at_line_start && is_active_at_line_start(letter))
            || ends_list_number
            || begins_link_or_mark(before, letter, after)
        {
            markdown.push('\\');
        }
        markdown.push(letter);
        let line_ended = letter == '\n';
        only_digits = line_ended || (only_digits && letter.is_ascii_digit());
        at_line_start = line_ended;
        before = (!line_ended).then_some(letter);
    }
}

/// Pairs that Liquid reads as a template or the typographer as one sign.
fn is_joined(before: char, letter: char) -> bool {
    matches!((before, letter), ('{', '{' | '%') | ('.', '.') | ('-', '-') | ('+', '-') | (',', ','))
}

/// Markdown's, wherever they stand; straight quotes would be curled, and `@` makes mail addresses and mentions.
fn is_always_active(letter: char) -> bool {
    matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '&' | '~' | '|' | '"' | '\'' | '@')
}

/// Headings, quotations, lists, rules, underlines, formulas, footnotes, definitions.
fn is_active_at_line_start(letter: char) -> bool {
    matches!(letter, '#' | '>' | '-' | '+' | '=' | '$' | '^' | ':')
}

/// Whether this character is where a self-found link or a sign such as © would begin.
fn begins_link_or_mark(before: Option<char>, letter: char, after: &str) -> bool {
    let next = after.chars().next();
    match letter {
        // `evil.example`; the part before need not be letters, the top-level domain does.
        '.' => before.is_some_and(|b| !b.is_whitespace()) && next.is_some_and(char::is_alphabetic),
        // `tel:…`, `javascript:…`, `http://…`
        ':' => {
            after.starts_with("//")
                || (before.is_some_and(char::is_alphabetic) && next.is_some_and(|n| !n.is_whitespace()))
        }
        // `//localhost` is a link of its own.
        '/' => next == Some('/') && !matches!(before, Some(':' | '/')),
        '(' => ["c)", "r)", "p)", "tm)"]
            .iter()
            .any(|mark| after.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))),
        _ => false,
    }
}

#[cfg(test)]
#[path = "escape_tests.rs"]
mod tests;
