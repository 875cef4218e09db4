//! Which texts are numbers, which callers are nobody, and how little is printed.

use proptest::prelude::*;

use super::*;

#[test]
fn only_e164_is_a_number() {
    for good in ["+15550100001", "+441632960001", "+6834000", "+123456789012345"] {
        assert_eq!(parse_phone_number(good).map(String::from), Ok(good.to_owned()));
    }
    let bad = [
        "",
        "+",
        "15550100001",
        "+1 555 010 0001",
        "+1-555",
        "+05550100001",
        "+1555010000a",
        "+911",
        "+1234567890123456",
        "+15550100001 ",
        "+١٢٣٤٥٦٧٨",
        "tel:+15550100001",
        "00441632960001",
        "++15550100001",
        "+15550100001,1",
    ];
    for text in bad {
        assert_eq!(parse_phone_number(text), Err(NotAPhoneNumber), "{text}");
    }
}

#[test]
fn printing_shows_the_country_code_and_two_digits() {
    for (number, masked) in
        [("+15550100023", "+1…23"), ("+441632960001", "+44…01"), ("+35312345678", "+353…78"), ("+79161234567", "+7…67")]
    {
        let number = parse_phone_number(number).unwrap();
        assert_eq!(format!("{number} {number:?}"), format!("{masked} {masked}"));
    }
}

#[test]
fn json_is_the_whole_text_and_is_checked() {
    let number = parse_phone_number("+15550100023").unwrap();
    assert_eq!(serde_json::to_string(&number).unwrap(), "\"+15550100023\"");
    assert_eq!(serde_json::from_str::<PhoneNumber>("\"+15550100023\"").unwrap(), number);
    let told = serde_json::from_str::<PhoneNumber>("\"5550100023\"").unwrap_err().to_string();
    assert!(told.contains("not a phone number") && !told.contains("5550100023"), "{told}");
}

#[test]
fn callers_without_a_number_are_withheld() {
    for text in [
        "anonymous",
        "Anonymous",
        "unknown",
        "Restricted",
        "+266696687",
        "266696687",
        "+86282452253",
        "+7378742833",
        "+8656696",
        "+2562533",
        "+7748283",
        "",
        " ",
        "+",
        "sip:anonymous@anonymous.invalid",
        "unavailable",
        "PRIVATE",
    ] {
        assert_eq!(parse_caller(text), Caller::Withheld, "{text}");
    }
}

#[test]
fn a_caller_is_never_refused() {
    assert_eq!(parse_caller("+441632960001"), Caller::Known(parse_phone_number("+441632960001").unwrap()));
    assert!(matches!(parse_caller("5550100001"), Caller::Other(_)));
    assert!(matches!(parse_caller("sip:someone@example.com"), Caller::Other(_)));
    let Caller::Other(long) = parse_caller(&"9\n".repeat(1_000)) else { panic!("a number?") };
    assert_eq!(long.len(), OTHER_CHARS_MAX);
    assert_eq!(format!("{:?} {}", parse_caller("5550100001"), parse_caller("+15550100001")), "other +1…01");
}

proptest! {
    #[test]
    fn any_text_is_some_caller_and_never_shows_more_than_two_digits_behind_the_code(text in ".{0,60}") {
        let shown = format!("{:?}", parse_caller(&text));
        prop_assert!(shown.chars().filter(char::is_ascii_digit).count() <= 5);
    }

    #[test]
    fn what_is_printed_for_machines_is_read_again(digits in "[1-9][0-9]{6,14}") {
        let number = parse_phone_number(&format!("+{digits}")).unwrap();
        prop_assert_eq!(parse_phone_number(number.as_e164()), Ok(number.clone()));
        let _ = (number.region(), number.kind());
    }
}
