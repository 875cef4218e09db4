use proptest::prelude::*;

use super::*;

#[derive(serde::Deserialize)]
struct Rendered {
    text: String,
    escaped: Posted,
}

#[derive(serde::Deserialize)]
struct Posted {
    posted: String,
}

#[test]
fn every_recorded_text_is_escaped_as_the_real_screen_showed_it_harmless() {
    let recorded = include_str!("../../tests/fixtures/chatwoot/chatwoot-4.13.0-rendering.json");
    let recorded: Vec<Rendered> = serde_json::from_str(recorded).unwrap();
    assert_eq!(recorded.len(), 120);
    let wrong: Vec<_> = recorded
        .iter()
        .map(|case| (&case.text, escape(&case.text), &case.escaped.posted))
        .filter(|(_, got, wanted)| got != *wanted)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// As `ChatwootText::escaped`, without the trimming of a finished note.
fn escape(text: &str) -> String {
    note().text(text).markdown
}

#[test]
fn what_the_recording_does_not_hold_is_broken_up_too() {
    for (text, wanted) in [
        ("see //localhost/x", "see \\//localhost/x"),
        ("h1://localhost", "h1\\://localhost"),
        ("\u{1fef}code\u{1fef}", "\\`code\\`"),
        ("{\u{0}{ x", "{\u{200b}{ x"),
        ("{\u{202e}% x", "{\u{200b}% x"),
        ("\u{202e}# x", "\\# x"),
        ("a\u{2028}# b", "a\n\\# b"),
        ("a\r- b", "a\n\\- b"),
        ("(TM) (P)", "\\(TM) \\(P)"),
        ("$.com", "\\$\\.com"),
        ("x 1. y", "x 1. y"),
        ("!!!!", "!!!\u{200b}!"),
        ("a,,b", "a,\u{200b},b"),
    ] {
        assert_eq!(escape(text), wanted, "{text:?}");
    }
}

#[test]
fn literals_and_words_from_outside_cannot_form_a_template_together() {
    let joined = note().text("{").text("{ contact.name }}").finish();
    assert!(!joined.as_str().contains("{{"));
    let joined = note().text("{").text("% raw %}").finish();
    assert!(!joined.as_str().contains("{%"));
}

#[test]
fn two_pieces_do_not_become_one_address() {
    let pieces = note().text("evil.").text("com").finish();
    assert_eq!(pieces.as_str(), "evil.\u{200b}com");
    assert_eq!(note().text("http:").text("//localhost").finish().as_str(), "http:\u{200b}\\//localhost");
    assert_eq!(note().text("evil.").plain("com").finish().as_str(), "evil.\u{200b}com");
    assert_eq!(note().plain("Dr.").plain("x").finish().as_str(), "Dr.x");
    assert_eq!(note().text("Ann.").plain(" called").finish().as_str(), "Ann. called");
}

#[test]
fn a_note_reads_in_the_order_it_was_written() {
    let url = Url::parse("https://offhook.example.com/c/(1)_x?a={{b}}").unwrap();
    let words = note()
        .bold("Missed call")
        .plain(" from ")
        .text("J*ne")
        .line()
        .link("Open", &url)
        .quote("Hello\n# there")
        .mention(12, "Sam](x) {{Carter")
        .finish();
    assert_eq!(
        words.as_str(),
        "**Missed call** from J\\*ne\n[Open](https://offhook.example.com/c/%281%29\\_x?a=%7B%7Bb%7D%7D)\n\n\
         > Hello\n> \\# there\n\n[@Samx Carter](mention://user/12/Samx%20Carter)"
    );
    assert_eq!(format!("{words:?}"), format!("ChatwootText({} bytes)", words.as_str().len()));
}

#[test]
fn no_link_leads_anywhere_but_the_web() {
    let url = Url::parse("javascript:alert(1)").unwrap();
    assert_eq!(note().link("Open", &url).finish().as_str(), "Open");
}

#[test]
fn a_note_carries_eight_thousand_characters_from_outside_however_many_pieces() {
    let whole = note().text(&"a".repeat(OUTSIDE_MAX_CHARS)).finish();
    assert_eq!(whole.as_str().len(), OUTSIDE_MAX_CHARS);
    let pieces = note().text(&"a".repeat(5_000)).text(&"b".repeat(5_000)).text("c").finish();
    assert_eq!(pieces.as_str().chars().count(), OUTSIDE_MAX_CHARS);
    assert!(pieces.as_str().ends_with("b…"));
}

/// Undoes the escape: what the screen shows.
fn shown(markdown: &str) -> String {
    let mut shown = String::new();
    let mut letters = markdown.chars().filter(|c| *c != ZERO_WIDTH_SPACE);
    while let Some(letter) = letters.next() {
        let read = if letter == '\\' { letters.next() } else { Some(letter) };
        shown.extend(read);
    }
    shown
}

/// Letters that matter, in every order.
fn hostile() -> impl Strategy<Value = String> {
    let letters = "{}%`\\*_[]()<>&~|\"'@#+-=$^:./!?,019 ahtpcrm\n\r\t\u{0}\u{200b}\u{202e}\u{1fef}é漢😀";
    let letters: Vec<char> = letters.chars().collect();
    proptest::collection::vec(proptest::sample::select(letters), 0..60).prop_map(|all| all.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_reads_as_typed(text in prop_oneof![hostile(), any::<String>()]) {
        let mut left = OUTSIDE_MAX_CHARS;
        let typed: String = clean(&text, &mut left).chars().filter(|c| *c != ZERO_WIDTH_SPACE).collect();
        prop_assert_eq!(shown(&escape(&text)), typed);
    }

    #[test]
    fn nothing_active_is_left(text in prop_oneof![hostile(), any::<String>()]) {
        let markdown = escape(&text);
        prop_assert!(!markdown.contains("{{") && !markdown.contains("{%"), "{}", markdown);
        let mut escaped = false;
        for letter in markdown.chars() {
            prop_assert!(escaped || letter == '\\' || !is_always_active(letter), "{}", markdown);
            prop_assert!(letter == '\n' || !letter.is_control());
            escaped = letter == '\\' && !escaped;
        }
        for line in markdown.split('\n') {
            prop_assert!(!line.starts_with(is_active_at_line_start), "{}", markdown);
            prop_assert_eq!(line.trim(), line);
            let behind = line.trim_start_matches(|c: char| c.is_ascii_digit());
            prop_assert!(behind.len() == line.len() || !behind.starts_with(['.', ')']), "{}", markdown);
        }
    }
}

#[cfg(feature = "sandbox")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// THREATS.md T-17: what a Liquid engine makes of it is what was given to it.
    #[test]
    fn liquid_finds_nothing_to_do(text in prop_oneof![hostile(), any::<String>(), Just("{{ 1 }}{% if x %}".to_owned())]) {
        let engine = liquid::ParserBuilder::with_stdlib().build().unwrap();
        let markdown = escape(&text);
        let rendered = engine.parse(&markdown).unwrap().render(&liquid::object!({})).unwrap();
        prop_assert_eq!(rendered, markdown);
    }
}
