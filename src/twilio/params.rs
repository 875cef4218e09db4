//! The parameters of a request, read strictly after its signature was found right.
//!
//! Twilio signs names and values glued together without separators, so one signature fits several ways to cut the same
//! text. Only one of them may be read: names and values that hide a name we act on are refused. Source: contract
//! sections 1.1 and 4, threat T-07.

use std::collections::BTreeMap;

use super::known_params::{DOCUMENTED, Pattern, find_core_pattern};

/// The largest body of a request. Source: threat T-06.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// The most parameters of a request. A realistic one has about 40.
pub const PARAMS_MAX: usize = 200;

/// The longest name of a parameter, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// A decoded form: pairs in the order they came, repeated names and empty values kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Form {
    /// Decodes `application/x-www-form-urlencoded`. Total: an escape that is none stays as it is.
    ///
    /// The caller has bounded the body by [`BODY_BYTES_MAX`].
    #[must_use]
    pub fn decode(body: &[u8]) -> Self {
        let pairs = body
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let mut halves = pair.splitn(2, |byte| *byte == b'=');
                let name = halves.next().unwrap_or_default();
                let value = halves.next().unwrap_or_default();
                (decode_escapes(name), decode_escapes(value))
            })
            .collect();
        Self { pairs }
    }

    /// The pairs as bytes, in the order they came.
    pub fn raw_pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// The first value under that exact name. For finding the account's token before anything is verified; nothing
    /// else may be decided from it.
    #[must_use]
    pub fn find_unverified(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(key, _)| key == name.as_bytes())?;
        std::str::from_utf8(value).ok()
    }
}

fn decode_escapes(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let escape = rest.as_slice().first_chunk::<2>().and_then(|pair| decode_hex(*pair));
                if let Some(value) = escape {
                    decoded.push(value);
                    rest.nth(1);
                } else {
                    decoded.push(b'%');
                }
            }
            other => decoded.push(*other),
        }
    }
    decoded
}

fn decode_hex(pair: [u8; 2]) -> Option<u8> {
    let mut byte = [0_u8; 1];
    hex::decode_to_slice(pair, &mut byte).ok()?;
    let [byte] = byte;
    Some(byte)
}

/// Why a signed request is not read. Names the parameter, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParams {
    /// More parameters than [`PARAMS_MAX`].
    #[error("more than {PARAMS_MAX} parameters")]
    TooMany,
    /// A name that is no name.
    #[error("a parameter name is longer than {NAME_BYTES_MAX} bytes or not made of letters and digits")]
    BadName,
    /// A name we act on came twice.
    #[error("parameter {0} came more than once")]
    Repeated(String),
    /// An unknown name that is nearly one we act on, or contains one.
    #[error("parameter {0} resembles one that is acted on")]
    Resembling(String),
    /// A value not of its documented form.
    #[error("parameter {0} has a value not of its form")]
    BadValue(String),
    /// A value that contains the name of another parameter.
    #[error("parameter {0} hides another one in its value")]
    Hiding(String),
    /// A parameter this door cannot do without.
    #[error("parameter {0} is missing")]
    Missing(&'static str),
}

/// The parameters of one request, each core value of its documented form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    values: BTreeMap<String, String>,
}

impl Params {
    /// Reads a form whose signature was right. `required` are the names the door cannot do without.
    ///
    /// Unknown names are kept and ignored, since Twilio adds some without notice, unless they resemble or contain a name
    /// that is acted on. Of a repeated name that is not acted on, the first value counts.
    ///
    /// # Errors
    ///
    /// [`BadParams`], which names the first parameter at fault.
    pub fn read(form: &Form, required: &[&'static str]) -> Result<Self, BadParams> {
        if form.pairs.len() > PARAMS_MAX {
            return Err(BadParams::TooMany);
        }
        let mut values = BTreeMap::new();
        for (name, value) in &form.pairs {
            let name = read_name(name)?;
            let value = String::from_utf8_lossy(value).into_owned();
            let pattern = find_core_pattern(&name);
            if pattern.is_some_and(|pattern| !pattern.accepts(&value)) {
                return Err(BadParams::BadValue(name));
            }
            if !DOCUMENTED.contains(&name.as_str()) {
                // A cut may also lie inside a name, which then shows across the border only.
                if resembles_known(&name) || hides_known(&format!("{name}{value}")) {
                    return Err(BadParams::Resembling(name));
                }
            }
            if !pattern.is_some_and(Pattern::is_closed) && hides_known(&value) {
                return Err(BadParams::Hiding(name));
            }
            if values.contains_key(&name) {
                if pattern.is_some() {
                    return Err(BadParams::Repeated(name));
                }
                continue;
            }
            values.insert(name, value);
        }
        match required.iter().find(|name| !values.contains_key(**name)) {
            Some(name) => Err(BadParams::Missing(name)),
            None => Ok(Self { values }),
        }
    }

    /// The value, which may be empty.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value, unless it is empty.
    #[must_use]
    pub fn find_text(&self, name: &str) -> Option<&str> {
        self.find(name).filter(|value| !value.is_empty())
    }
}

fn read_name(name: &[u8]) -> Result<String, BadParams> {
    let name = std::str::from_utf8(name).map_err(|_| BadParams::BadName)?;
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let well_formed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if begins_well && well_formed && name.len() <= NAME_BYTES_MAX {
        Ok(name.to_owned())
    } else {
        Err(BadParams::BadName)
    }
}

/// Names so short that they occur inside ordinary words and other names.
fn is_short(name: &str) -> bool {
    name.len() < 6
}

/// Whether an undocumented name is a documented one in other letter case, a beginning of one we act on, or contains one.
fn resembles_known(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    DOCUMENTED.iter().any(|known| {
        let known_lower = known.to_ascii_lowercase();
        let core = find_core_pattern(known).is_some();
        if lower == known_lower {
            return true;
        }
        if core && known_lower.starts_with(&lower) {
            return true;
        }
        if is_short(known) {
            // Twilio describes the two ends of a call by `FromCity`, `ToZip` and so on; more of that kind may come.
            let extension = name.strip_prefix(known).unwrap_or_default();
            return core
                && lower.starts_with(&known_lower)
                && !extension.starts_with(|next: char| next.is_ascii_uppercase());
        }
        // Other families grow by themselves (`CallerFoo`, `RecordingFoo`); a name we act on does not.
        if core { lower.contains(&known_lower) } else { !is_family(known) && lower.contains(&known_lower) }
    })
}

/// Documented names that are also the beginning or a part of many others.
fn is_family(name: &str) -> bool {
    matches!(
        name,
        "Caller" | "Called" | "Reason" | "Duration" | "Status" | "Stability" | "Language" | "Confidence" | "Payload"
    )
}

/// Whether free text contains a parameter's name, as it would when a longer piece of the glued text was cut as one value.
fn hides_known(value: &str) -> bool {
    DOCUMENTED.iter().any(|known| !is_short(known) && is_compound(known) && value.contains(known))
        || contains_digits_name(value)
}

/// Whether the name is of two words or more, so that no spoken text contains it by accident.
fn is_compound(name: &str) -> bool {
    name.bytes().skip(1).any(|byte| byte.is_ascii_uppercase())
}

/// `Digits` followed at once by a key, which no spoken text has.
fn contains_digits_name(value: &str) -> bool {
    let mut parts = value.split("Digits");
    parts.next();
    parts.any(|after| {
        after.starts_with(|next: char| next.is_ascii_digit() || matches!(next, '*' | '#')) || after.starts_with("Dir")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Result<Params, BadParams> {
        Params::read(&Form::decode(body.as_bytes()), &[])
    }

    #[test]
    fn a_form_keeps_order_repeats_and_empty_values() {
        let form = Form::decode(b"b=2&a=&b=%2B1+x&c&%zz=%4");
        let pairs: Vec<_> = form.raw_pairs().collect();
        let expected: [(&[u8], &[u8]); 5] = [(b"b", b"2"), (b"a", b""), (b"b", b"+1 x"), (b"c", b""), (b"%zz", b"%4")];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn names_that_resemble_one_we_act_on_are_refused() {
        for name in [
            "Dig",
            "Digits1",
            "digits",
            "DIGITS",
            "CallSi",
            "CallSidX",
            "callsid",
            "XCallSid",
            "RecordingSid2",
            "To1",
            "from",
        ] {
            let outcome = read(&format!("{name}=1"));
            assert!(matches!(outcome, Err(BadParams::Resembling(_))), "{name}: {outcome:?}");
        }
        for name in ["1Digits", "Digits%20", "D%C3%AFgits", "", "_x"] {
            assert_eq!(read(&format!("{name}=1")), Err(BadParams::BadName), "{name}");
        }
    }

    #[test]
    fn unknown_names_are_tolerated() {
        for name in ["StirPassportToken", "FromTimezone", "ToCarrier", "CallerFoo", "Whatever", "X-y.z_1"] {
            assert!(read(&format!("{name}=1")).is_ok(), "{name}");
        }
    }

    #[test]
    fn core_values_follow_their_patterns() {
        for bad in [
            "CallSid=CA12",
            "CallSid=XXaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "Digits=1x",
            "DialBridged=yes",
            "QueueTime=x",
            "CallStatus=ringingX",
            "RecordingSid=RE",
            "ParticipantLabel=Leg-1",
            "To=5",
            "RecordingDuration=-2",
        ] {
            assert!(matches!(read(bad), Err(BadParams::BadValue(_))), "{bad}");
        }
        assert_eq!(read("Digits=1&Digits=1"), Err(BadParams::Repeated("Digits".to_owned())));
        assert_eq!(Params::read(&Form::default(), &["CallSid"]), Err(BadParams::Missing("CallSid")));
        assert_eq!(read("CallerZip=73301Digits1"), Err(BadParams::Hiding("CallerZip".to_owned())));
    }

    #[test]
    fn too_many_parameters_are_refused() {
        assert_eq!(read(&"a=1&".repeat(PARAMS_MAX + 1)), Err(BadParams::TooMany));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_and_read_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let form = Form::decode(&body);
            let _ = Params::read(&form, &["CallSid"]);
        }
    }
}
