//! Phone numbers: parsed once, printed masked.
//!
//! The table of numbering plans is behind this file alone. It judges where a number lies and of which kind it is; it
//! never refuses a caller, since many who call have a number that no plan lists.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use phonenumber::metadata::DATABASE;
use serde::{Deserialize, Serialize};

/// Fewest digits of an international number: small countries have three behind a code of three or four.
const DIGITS_MIN: usize = 7;
/// Most digits of an international number. Source: ITU-T E.164, section 6.
const DIGITS_MAX: usize = 15;
/// Longest text kept of a caller who is no number.
const OTHER_CHARS_MAX: usize = 40;

/// An international number in E.164 form: `+` and 7 to 15 digits.
///
/// Printing it, also for debugging, shows the country code and the last two digits only; [`PhoneNumber::as_e164`]
/// shows all of it and must be asked for by name. As JSON and in the database it is the whole text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(Arc<str>);

/// Text that is no E.164 number. It does not repeat the text, which may be somebody's number after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number: expected + and 7 to 15 digits, such as +15550100001")]
pub struct NotAPhoneNumber;

/// Reads an E.164 number: `+`, then 7 to 15 digits, the first not 0; nothing else, no spaces.
///
/// # Errors
/// The text has another form.
pub fn parse_phone_number(text: &str) -> Result<PhoneNumber, NotAPhoneNumber> {
    let digits = text.strip_prefix('+').ok_or(NotAPhoneNumber)?;
    let fits = (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    if fits { Ok(PhoneNumber(text.into())) } else { Err(NotAPhoneNumber) }
}

impl PhoneNumber {
    /// The same number in memory of its own.
    #[must_use]
    pub fn copy_apart(&self) -> Self {
        Self(Arc::from(&*self.0))
    }

    /// The whole number, `+…`. Not for logs.
    #[must_use]
    pub fn as_e164(&self) -> &str {
        &self.0
    }

    /// The last four digits, spoken when no name is known.
    #[must_use]
    pub fn last_four(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default()
    }

    /// Where the number lies, by numbering plan and not by country code. `None` for what lies in no country, such as
    /// a satellite, and for what no plan lists. Numbers kept for fiction lie where the fiction plays.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        let digits = self.0.trim_start_matches('+');
        if let Some(region) = fiction_region(digits) {
            return Some(region);
        }
        if let Some(abroad) = nanp_abroad(digits) {
            return Some(abroad);
        }
        // The table's reader loses Italian fixed lines, whose leading zero is part of the number.
        if digits.starts_with("390") {
            return Some(Region(*b"IT"));
        }
        let parsed = phonenumber::parse(None, self.as_e164()).ok()?;
        Region::parse(parsed.country().id()?.as_ref())
    }

    /// Of which kind the number is, as far as its numbering plan tells.
    #[must_use]
    pub fn kind(&self) -> NumberKind {
        use phonenumber::Type;
        let digits = self.0.trim_start_matches('+');
        if fiction_region(digits).is_some() {
            return NumberKind::Ordinary;
        }
        if SATELLITE_CODES.iter().any(|code| digits.starts_with(code)) {
            return NumberKind::Satellite;
        }
        if let Some(kind) = network_service(digits).or_else(|| nanp_kind(digits)) {
            return kind;
        }
        let Ok(parsed) = phonenumber::parse(None, self.as_e164()) else {
            return NumberKind::Unlisted;
        };
        match parsed.number_type(&DATABASE) {
            Type::FixedLine | Type::Mobile | Type::FixedLineOrMobile | Type::Voip | Type::TollFree => {
                NumberKind::Ordinary
            }
            Type::PremiumRate => NumberKind::Premium,
            Type::SharedCost => NumberKind::SharedCost,
            Type::PersonalNumber => NumberKind::Personal,
            Type::Unknown => NumberKind::Unlisted,
            Type::Pager
            | Type::Uan
            | Type::Emergency
            | Type::Voicemail
            | Type::ShortCode
            | Type::StandardRate
            | Type::Carrier
            | Type::NoInternational => NumberKind::Service,
        }
    }
}

/// A country or territory with a numbering plan of its own, by ISO 3166 two-letter code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region([u8; 2]);

impl Region {
    /// Reads two capital letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let code: [u8; 2] = text.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code))
    }

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Of which kind a number is: what matters to whoever pays for calling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberKind {
    /// A fixed, mobile, internet or toll-free number.
    Ordinary,
    /// Costs more than a call, and pays the callee.
    Premium,
    /// Costs are shared between caller and callee.
    SharedCost,
    /// Follows a person anywhere, at any price.
    Personal,
    /// Satellite and international networks.
    Satellite,
    /// Pagers, directory enquiries, voicemail, short and company-wide codes.
    Service,
    /// Listed by no plan.
    Unlisted,
}

/// Country codes of satellite and international networks, of international premium and shared-cost services, and of
/// universal personal numbers. Source: ITU operational bulletin, list of E.164 assigned country codes.
const SATELLITE_CODES: [&str; 9] = ["870", "871", "872", "873", "874", "878", "881", "882", "883"];

/// International premium (979) and shared-cost (808) services.
fn network_service(digits: &str) -> Option<NumberKind> {
    if digits.starts_with("979") {
        Some(NumberKind::Premium)
    } else if digits.starts_with("808") {
        Some(NumberKind::SharedCost)
    } else {
        None
    }
}

/// Numbers kept for fiction: +1 555 01x xxxx, and Ofcom's for drama, +44 1632 960xxx.
fn fiction_region(digits: &str) -> Option<Region> {
    if digits.len() == 11 && digits.starts_with("155501") {
        Some(Region(*b"US"))
    } else if digits.len() == 12 && digits.starts_with("441632960") {
        Some(Region(*b"GB"))
    } else {
        None
    }
}

/// Kinds inside +1 that the table does not tell: 900 and exchange 976 are premium, 555-1212 is directory enquiries.
fn nanp_kind(digits: &str) -> Option<NumberKind> {
    let national = digits.strip_prefix('1').filter(|rest| rest.len() == 10)?;
    let (area, exchange, line) = (national.get(..3)?, national.get(3..6)?, national.get(6..)?);
    if area == "900" || exchange == "976" {
        Some(NumberKind::Premium)
    } else if exchange == "555" && line == "1212" {
        Some(NumberKind::Service)
    } else {
        None
    }
}

/// The region of a +1 area code outside the United States and Canada, whatever the rest of the number.
fn nanp_abroad(digits: &str) -> Option<Region> {
    let area = digits.strip_prefix('1').filter(|rest| rest.len() == 10)?.get(..3)?;
    NANP_ABROAD.iter().find(|(code, _)| *code == area).and_then(|(_, region)| Region::parse(region))
}

/// Area codes of +1 outside the United States and Canada. Source: NANPA, area code map; territories of the United States
/// have regions of their own.
const NANP_ABROAD: [(&str, &str); 31] = [
    ("242", "BS"),
    ("246", "BB"),
    ("264", "AI"),
    ("268", "AG"),
    ("284", "VG"),
    ("340", "VI"),
    ("345", "KY"),
    ("441", "BM"),
    ("473", "GD"),
    ("649", "TC"),
    ("658", "JM"),
    ("664", "MS"),
    ("670", "MP"),
    ("671", "GU"),
    ("684", "AS"),
    ("721", "SX"),
    ("758", "LC"),
    ("767", "DM"),
    ("784", "VC"),
    ("787", "PR"),
    ("809", "DO"),
    ("829", "DO"),
    ("849", "DO"),
    ("868", "TT"),
    ("869", "KN"),
    ("876", "JM"),
    ("939", "PR"),
    // In no country: `ZZ` is the code that ISO 3166 leaves to users, so that no list of regions holds it.
    ("456", "ZZ"),
    ("600", "ZZ"),
    ("700", "ZZ"),
    ("710", "ZZ"),
];

/// Loads the table of numbering plans, which takes tens of milliseconds; call it at start, so that no caller waits.
pub fn warm_up() {
    let _ = PhoneNumber(Arc::from("+12025550123")).kind();
}

impl FromStr for PhoneNumber {
    type Err = NotAPhoneNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_phone_number(text)
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = NotAPhoneNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse_phone_number(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0.to_string()
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.trim_start_matches('+');
        let code = digits.get(..calling_code_length(digits)).unwrap_or_default();
        let last = digits.get(digits.len().saturating_sub(2)..).unwrap_or_default();
        write!(f, "+{code}…{last}")
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How many digits the country code has. Source: ITU operational bulletin, list of E.164 assigned country codes.
fn calling_code_length(digits: &str) -> usize {
    const OF_TWO: [&str; 44] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
        "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84",
        "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    match digits.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if digits.get(..2).is_some_and(|code| OF_TWO.contains(&code)) => 2,
        _ => 3,
    }
}

/// Who calls, as the carrier says. Prints masked.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// A number that can be called back and names a contact.
    Known(PhoneNumber),
    /// Nobody says: the call has a contact and a conversation of its own, and no call back.
    Withheld,
    /// Something else, kept short: an internet address, an extension, a broken number. Handled as withheld, but shown.
    Other(Box<str>),
}

impl Caller {
    /// The number, if there is one.
    #[must_use]
    pub fn number(&self) -> Option<&PhoneNumber> {
        match self {
            Self::Known(number) => Some(number),
            Self::Withheld | Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(number) => fmt::Display::fmt(number, f),
            Self::Withheld => f.write_str("withheld"),
            Self::Other(_) => f.write_str("other"),
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Words that stand for nobody. Source: contract twilio.md section 4.2.
const WITHHELD_WORDS: [&str; 8] =
    ["", "anonymous", "unknown", "restricted", "unavailable", "private", "blocked", "withheld"];

/// The same words as a keypad spells them, which is how they arrive from networks that carry digits only.
const WITHHELD_DIGITS: [&str; 6] = ["266696687", "8656696", "7378742833", "86282452253", "7748283", "2562533"];

/// Reads who calls. Every text is somebody: a caller is never refused for the form of a number.
///
/// Source: contract twilio.md section 4.2.
#[must_use]
pub fn parse_caller(text: &str) -> Caller {
    let text = text.trim();
    let user = text.strip_prefix("sip:").or_else(|| text.strip_prefix("sips:")).unwrap_or(text);
    let user = user.split('@').next().unwrap_or_default();
    let is_withheld = WITHHELD_WORDS.iter().any(|word| user.eq_ignore_ascii_case(word))
        || WITHHELD_DIGITS.contains(&user.trim_start_matches('+'))
        || user == "+";
    if is_withheld {
        return Caller::Withheld;
    }
    match parse_phone_number(text) {
        Ok(number) => Caller::Known(number),
        Err(NotAPhoneNumber) => {
            Caller::Other(text.chars().filter(|c| !c.is_control()).take(OTHER_CHARS_MAX).collect::<String>().into())
        }
    }
}

#[cfg(test)]
#[path = "phone_number_tests.rs"]
mod tests;
