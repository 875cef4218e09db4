//! The doors Twilio knocks at, and the addresses we hand out for them.
//!
//! An address names its call and step, lasts a day and carries a MAC, so that only addresses we handed out are answered,
//! and each only for the call it was made for. Source: threat T-08, contract sections 1.5 and 4.1.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::ids::CallId;

/// How long an address is good for: longer than the longest call, and than Twilio's retries.
pub const VALIDITY: TimeDelta = TimeDelta::hours(24);

macro_rules! doors {
    ($($(#[$meta:meta])* $door:ident => $path:literal, $kind:ident;)+) => {
        /// One door: an address at which Twilio asks or tells something.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Door {
            $($(#[$meta])* $door,)+
        }

        impl Door {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$door),+];

            /// The path, below the public base address.
            #[must_use]
            pub fn path(self) -> &'static str {
                match self {
                    $(Self::$door => concat!("/twilio/", $path),)+
                }
            }

            /// Whether somebody on the line hears the answer.
            #[must_use]
            pub fn kind(self) -> DoorKind {
                match self {
                    $(Self::$door => DoorKind::$kind,)+
                }
            }
        }
    };
}

/// Who listens behind a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorKind {
    /// The caller hears the document.
    Caller,
    /// The agent hears the document.
    Agent,
    /// Nobody listens.
    Status,
}

doors! {
    /// A call to one of our numbers begins.
    Voice => "voice", Caller;
    /// A document of a call could not be had.
    Fallback => "fallback", Caller;
    /// A call to one of our numbers has ended.
    CallStatus => "call-status", Status;
    /// The queue asks what the caller hears.
    Wait => "wait", Caller;
    /// The caller pressed a key in the queue, or none.
    WaitKey => "wait-key", Caller;
    /// The caller left the queue.
    Left => "left", Caller;
    /// The caller was fetched, to join the room.
    Join => "join", Caller;
    /// The caller came out of the room.
    RoomLeft => "room-left", Caller;
    /// Somebody waits in the room alone.
    RoomWait => "room-wait", Caller;
    /// Something happened in the room.
    RoomEvents => "room-events", Status;
    /// An agent's phone was picked up.
    AgentAnswer => "agent-answer", Agent;
    /// The accept prompt ended.
    AgentAccept => "agent-accept", Agent;
    /// The agent came out of the room.
    AgentLeftRoom => "agent-left-room", Agent;
    /// How an agent's leg stands.
    AgentStatus => "agent-status", Status;
    /// The agent is told that the caller has gone.
    AgentGone => "agent-gone", Agent;
    /// Under `dial`: an agent's phone was picked up.
    Screen => "screen", Agent;
    /// Under `dial`: the accept prompt ended.
    ScreenKey => "screen-key", Agent;
    /// A simultaneous dial ended.
    DialEnded => "dial-ended", Caller;
    /// The first document, which listens for the supervisor's key, ended.
    FirstKey => "first-key", Caller;
    /// In a declared flood: the challenge ended, with a key or without one.
    Challenge => "challenge", Caller;
    /// A supervisor's code was typed, outside the queue.
    Code => "code", Caller;
    /// A supervisor's code was typed, in the queue.
    WaitCode => "wait-code", Caller;
    /// A supervisor chose what to do.
    Switch => "switch", Caller;
    /// The menu ended, with a key or without one.
    Menu => "menu", Caller;
    /// The recording notice ended.
    Notice => "notice", Caller;
    /// The outside line was picked up, where a key is asked for.
    LineScreen => "line-screen", Agent;
    /// The outside line's prompt ended.
    LineKey => "line-key", Agent;
    /// How the outside line stands.
    LineStatus => "line-status", Status;
    /// The dial of the outside line ended.
    LineEnded => "line-ended", Caller;
    /// The caller finished recording.
    VoicemailDone => "voicemail-done", Caller;
    /// How a recording's file stands.
    Recording => "recording", Status;
    /// A transcription ended.
    Transcript => "transcript", Status;
    /// The caller asks what comes next.
    Continue => "continue", Caller;
}

impl Door {
    /// Whether its addresses name a call. Those written into a number's settings at Twilio name none.
    #[must_use]
    pub fn is_minted(self) -> bool {
        !matches!(self, Self::Voice | Self::Fallback | Self::CallStatus)
    }

    /// Whether an address without a call is answered: those of a number, and those that a safe reply names, which is
    /// written before any call is known.
    #[must_use]
    pub fn may_be_plain(self) -> bool {
        !self.is_minted() || matches!(self, Self::Recording | Self::VoicemailDone)
    }

    /// The door at a path, if there is one.
    #[must_use]
    pub fn find(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|door| door.path() == path)
    }

    /// Time-outs and retries, as a fragment that Twilio neither signs nor sends. Source: contract section 4.1.
    #[must_use]
    pub fn overrides(self) -> &'static str {
        match self.kind() {
            // One retry still fits into Twilio's 15 s, and so does the fallback address.
            DoorKind::Caller | DoorKind::Agent => "#rt=6000&rc=1&rp=all",
            DoorKind::Status => "#rc=3&rp=all",
        }
    }
}

/// What an address stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minted {
    /// The call.
    pub call: CallId,
    /// The leg's number within the call, at doors of a leg.
    pub leg: Option<u32>,
    /// The simultaneous dial it belongs to; which time a menu, a notice or an outside line was handed out.
    pub round: Option<u32>,
    /// The number of the document that named the address.
    pub step: Option<u32>,
}

impl Minted {
    /// The call and nothing else.
    #[must_use]
    pub fn of(call: CallId) -> Self {
        Self { call, leg: None, round: None, step: None }
    }

    /// The same, for a leg.
    #[must_use]
    pub fn leg(self, leg: u32) -> Self {
        Self { leg: Some(leg), ..self }
    }

    /// The same, for a simultaneous dial.
    #[must_use]
    pub fn round(self, round: u32) -> Self {
        Self { round: Some(round), ..self }
    }

    /// The same, for a step.
    #[must_use]
    pub fn step(self, step: u32) -> Self {
        Self { step: Some(step), ..self }
    }
}

/// Why an address is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not of the form we hand out.
    #[error("the address is not of the form that is handed out")]
    Malformed,
    /// Its MAC is wrong: made by somebody else, or for another door or call.
    #[error("the address was not made here")]
    Forged,
    /// Older than [`VALIDITY`].
    #[error("the address has expired")]
    Expired,
}

/// Mints the addresses we hand out, and checks those that come back.
#[derive(Debug, Clone)]
pub struct Addresses {
    public_base_url: String,
    secret: SecretString,
    older: Vec<SecretString>,
}

impl Addresses {
    /// `public_base_url`: scheme, host, port if any, and prefix, as Twilio sees us. `secret` is ours alone; changing it
    /// makes the addresses of calls in progress worthless.
    #[must_use]
    pub fn new(public_base_url: &str, secret: SecretString) -> Self {
        Self { public_base_url: public_base_url.trim_end_matches('/').to_owned(), secret, older: Vec::new() }
    }

    /// Also answers addresses that were made under these secrets, and makes none: a secret is changed while calls are in
    /// progress.
    #[must_use]
    pub fn also_made_under(self, older: Vec<SecretString>) -> Self {
        Self { older, ..self }
    }

    /// The public address of a door that names no call, as it is written into a number's settings.
    #[must_use]
    pub fn plain(&self, door: Door) -> String {
        format!("{}{}{}", self.public_base_url, door.path(), door.overrides())
    }

    /// The public address of something that is not a door, such as an audio file; `path` begins with `/`.
    #[must_use]
    pub fn file(&self, path: &str) -> String {
        format!("{}{path}", self.public_base_url)
    }

    /// An address for that door, good for [`VALIDITY`] from `now`.
    #[must_use]
    pub fn mint(&self, door: Door, minted: Minted, now: DateTime<Utc>) -> String {
        let claims = write_claims(minted, (now + VALIDITY).timestamp());
        let mac = hex::encode(mac(&self.secret, door, &claims));
        format!("{}{}?{claims}&mac={mac}{}", self.public_base_url, door.path(), door.overrides())
    }

    /// What the address stands for. `raw_query` is the query as it arrived.
    ///
    /// # Errors
    ///
    /// [`BadAddress`]; the MAC is compared in constant time, and before the expiry is looked at.
    pub fn check(&self, door: Door, raw_query: &str, now: DateTime<Utc>) -> Result<Minted, BadAddress> {
        let (claims, mac) = raw_query.split_once("&mac=").ok_or(BadAddress::Malformed)?;
        if mac.len() != 32 || mac.bytes().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(BadAddress::Malformed);
        }
        let is_made_under = |secret: &SecretString| {
            let expected = hex::encode(self::mac(secret, door, claims));
            bool::from(expected.as_bytes().ct_eq(mac.as_bytes()))
        };
        if !std::iter::once(&self.secret).chain(&self.older).any(is_made_under) {
            return Err(BadAddress::Forged);
        }
        let (minted, expires) = read_claims(claims).ok_or(BadAddress::Malformed)?;
        if now.timestamp() > expires { Err(BadAddress::Expired) } else { Ok(minted) }
    }
}

/// The first 16 bytes of HMAC-SHA256 over door and claims.
fn mac(secret: &SecretString, door: Door, claims: &str) -> [u8; 16] {
    let mut short = [0_u8; 16];
    // HMAC takes a key of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) {
        mac.update(door.path().as_bytes());
        mac.update(b"?");
        mac.update(claims.as_bytes());
        for (to, from) in short.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
    }
    short
}

fn write_claims(minted: Minted, expires: i64) -> String {
    let mut claims = format!("call={}", minted.call);
    for (name, value) in [("leg", minted.leg), ("round", minted.round), ("step", minted.step)] {
        if let Some(value) = value {
            claims.push_str(&format!("&{name}={value}"));
        }
    }
    claims.push_str(&format!("&exp={expires}"));
    claims
}

/// Reads claims that are exactly as [`write_claims`] writes them: same names, same order, same spelling.
fn read_claims(claims: &str) -> Option<(Minted, i64)> {
    let mut minted = None::<Minted>;
    let mut expires = None;
    for pair in claims.split('&') {
        let (name, value) = pair.split_once('=')?;
        match (name, &mut minted) {
            ("call", None) => minted = Some(Minted::of(value.parse().ok()?)),
            ("leg", Some(minted)) => minted.leg = Some(value.parse().ok()?),
            ("round", Some(minted)) => minted.round = Some(value.parse().ok()?),
            ("step", Some(minted)) => minted.step = Some(value.parse().ok()?),
            ("exp", Some(_)) => expires = Some(value.parse().ok()?),
            (_, _) => return None,
        }
    }
    let read = (minted?, expires?);
    (write_claims(read.0, read.1) == claims).then_some(read)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addresses() -> Addresses {
        Addresses::new("https://voice.example.com/off/", SecretString::from("a secret of the tests"))
    }

    fn call() -> CallId {
        CallId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_002a))
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_445_600, 0).unwrap()
    }

    fn query_of(address: &str) -> &str {
        address.split_once('?').unwrap().1.split('#').next().unwrap()
    }

    #[test]
    fn an_address_comes_back_as_what_it_was_made_for() {
        let minted = Minted::of(call()).leg(2).round(1).step(7);
        let address = addresses().mint(Door::AgentStatus, minted, now());
        assert!(address.starts_with("https://voice.example.com/off/twilio/agent-status?call=0190"), "{address}");
        assert!(address.ends_with("#rc=3&rp=all"), "{address}");
        assert_eq!(addresses().check(Door::AgentStatus, query_of(&address), now()), Ok(minted));
    }

    #[test]
    fn an_address_is_good_for_one_door_one_day_and_one_secret() {
        let address = addresses().mint(Door::Wait, Minted::of(call()), now());
        let query = query_of(&address);
        assert_eq!(addresses().check(Door::Left, query, now()), Err(BadAddress::Forged));
        assert_eq!(addresses().check(Door::Wait, query, now() + VALIDITY), Ok(Minted::of(call())));
        assert_eq!(
            addresses().check(Door::Wait, query, now() + VALIDITY + TimeDelta::seconds(1)),
            Err(BadAddress::Expired)
        );
        let others = Addresses::new("https://voice.example.com", SecretString::from("another"));
        assert_eq!(others.check(Door::Wait, query, now()), Err(BadAddress::Forged));
        assert_eq!(addresses().check(Door::Wait, &format!("{query}&step=1"), now()), Err(BadAddress::Malformed));
        assert_eq!(addresses().check(Door::Wait, "", now()), Err(BadAddress::Malformed));
    }

    #[test]
    fn an_address_outlives_the_change_of_its_secret_while_the_old_one_is_known() {
        let address = addresses().mint(Door::Wait, Minted::of(call()), now());
        let old = SecretString::from("a secret of the tests");
        let base = "https://voice.example.com/off";
        let changed = Addresses::new(base, SecretString::from("the new one")).also_made_under(vec![old]);
        assert_eq!(changed.check(Door::Wait, query_of(&address), now()), Ok(Minted::of(call())));
        let new = changed.mint(Door::Wait, Minted::of(call()), now());
        assert_eq!(changed.check(Door::Wait, query_of(&new), now()), Ok(Minted::of(call())));
        assert_eq!(addresses().check(Door::Wait, query_of(&new), now()), Err(BadAddress::Forged));
    }

    #[test]
    fn doors_have_distinct_paths_that_find_them() {
        for door in Door::ALL {
            assert_eq!(Door::find(door.path()), Some(*door));
        }
        assert_eq!(addresses().plain(Door::Voice), "https://voice.example.com/off/twilio/voice#rt=6000&rc=1&rp=all");
    }

    proptest! {
        #[test]
        fn every_one_bit_change_of_an_address_is_refused(place in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let address = addresses().mint(Door::WaitKey, Minted::of(call()).step(3), now());
            let mut bytes = query_of(&address).as_bytes().to_vec();
            let at = place.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(changed) = std::str::from_utf8(&bytes) {
                prop_assert!(addresses().check(Door::WaitKey, changed, now()).is_err());
            }
        }
    }
}
