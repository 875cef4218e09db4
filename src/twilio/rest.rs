//! Typed requests to Twilio's REST API. Nothing is retried here; the outbox does that. Source: contract section 5.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::TwilioError;
use super::known_params::is_sid;
use super::rest_forms::{self, Fields};
use super::rest_replies::{
    AccountResource, CallResource, MessageResource, NumberResource, ParticipantResource, RecordingResource,
    RoomResource, TranscriptionResource,
};
use super::transport::{accept, lost, read_body, read_json};
use crate::ids::CarrierRef;
use crate::phone_number::PhoneNumber;
use crate::rules::DialTarget;

/// The largest audio that is fetched: two hours of WAV at 128 kbit/s.
const AUDIO_BYTES_MAX: usize = 120 * 1024 * 1024;

/// Entries on a page; the lists we ask for are short, and only their first page is read.
const PAGE_SIZE: &str = "1000";

/// Where and as whom requests are made.
#[derive(Debug, Clone)]
pub struct TwilioSettings {
    /// Scheme and host, such as `https://api.twilio.com`; from the configuration only.
    pub api_base_url: String,
    /// The account.
    pub account_sid: String,
    /// As whom.
    pub auth: TwilioAuth,
    /// For a whole request; audio gets ten times as long.
    pub timeout: Duration,
}

/// As whom requests are made.
#[derive(Debug, Clone)]
pub enum TwilioAuth {
    /// The account's own token.
    AccountToken(SecretString),
    /// A key pair.
    ApiKey {
        /// The key's identifier.
        sid: String,
        /// Its secret.
        secret: SecretString,
    },
}

/// A leg to be made.
#[derive(Debug, Clone)]
pub struct NewLeg<'a> {
    /// The phone.
    pub to: &'a DialTarget,
    /// The brand's number.
    pub from: &'a PhoneNumber,
    /// Asked when somebody picks up.
    pub answer_url: &'a str,
    /// Told how the leg stands.
    pub status_url: &'a str,
    /// How long it rings, in seconds, 5 to 600; Twilio may add 5.
    pub ring_s: u32,
    /// The longest talk, in seconds.
    pub talk_limit_s: u32,
}

/// How a leg is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndAs {
    /// While queued or ringing.
    Canceled,
    /// In any state.
    Completed,
}

/// The settings of one of our numbers.
#[derive(Debug, Clone)]
pub struct NumberSettings<'a> {
    /// Where calls are announced.
    pub voice_url: &'a str,
    /// Where a failed document is asked for instead.
    pub fallback_url: &'a str,
    /// Where the end of a call is told.
    pub status_url: &'a str,
    /// Whether the carrier's directory is asked for the caller's name; billed.
    pub caller_name_lookup: bool,
}

/// The form in which audio is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioFormat {
    /// `wav`.
    Wav,
    /// `mp3`.
    Mp3,
}

/// Makes requests for one account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TwilioClient {
    settings: TwilioSettings,
    http: Client,
}

impl TwilioClient {
    /// `http` must not follow redirects: credentials go to the configured host and nowhere else. Source: threat T-31.
    #[must_use]
    pub fn new(settings: TwilioSettings, http: Client) -> Self {
        Self { settings, http }
    }

    /// Rings a phone, and names the leg. Never to be repeated after `may_have_happened()`: look with
    /// [`Self::list_calls_to`] first.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn place_call(&self, leg: &NewLeg<'_>) -> Result<CarrierRef, TwilioError> {
        let made: CallResource = self.post("place a call", "Calls.json", &rest_forms::place_call(leg)).await?;
        if is_sid("CA", &made.sid) {
            Ok(CarrierRef::new(&made.sid))
        } else {
            Err(TwilioError::Malformed { attempt: "place a call" })
        }
    }

    /// Sends a text of at most 1600 characters, and names it. Never to be repeated after `may_have_happened()`. Source: contract 5.5.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn send_text(&self, to: &DialTarget, from: &PhoneNumber, words: &str) -> Result<CarrierRef, TwilioError> {
        const ATTEMPT: &str = "send a text";
        let made: MessageResource =
            self.post(ATTEMPT, "Messages.json", &rest_forms::send_text(to, from, words)).await?;
        let is_named = is_sid("SM", &made.sid) || is_sid("MM", &made.sid);
        if is_named { Ok(CarrierRef::new(&made.sid)) } else { Err(TwilioError::Malformed { attempt: ATTEMPT }) }
    }

    /// Ends a leg.
    ///
    /// # Errors
    ///
    /// [`TwilioError`]; `is_wrong_state()` when the leg is past that.
    pub async fn end_call(&self, leg: &CarrierRef, how: EndAs) -> Result<CallResource, TwilioError> {
        self.post("end a call", &self.item("Calls", "CA", leg, "end a call")?, &rest_forms::end_call(how)).await
    }

    /// Sends a leg to another document at once.
    ///
    /// # Errors
    ///
    /// [`TwilioError`]; `is_wrong_state()` when the leg is not in progress.
    pub async fn redirect_call(&self, leg: &CarrierRef, url: &str) -> Result<CallResource, TwilioError> {
        self.post(
            "redirect a call",
            &self.item("Calls", "CA", leg, "redirect a call")?,
            &rest_forms::redirect_call(url),
        )
        .await
    }

    /// How a leg stands.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn fetch_call(&self, leg: &CarrierRef) -> Result<CallResource, TwilioError> {
        self.get("fetch a call", &self.item("Calls", "CA", leg, "fetch a call")?, &[]).await
    }

    /// Legs to a number that began on that UTC day (`2026-03-02`) or later, newest first.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn list_calls_to(&self, to: &PhoneNumber, since_day: &str) -> Result<Vec<CallResource>, TwilioError> {
        let query = [("To", to.as_e164()), ("StartTime>", since_day), ("PageSize", PAGE_SIZE)];
        Ok(self.get::<Calls>("list calls", "Calls.json", &query).await?.calls)
    }

    /// Legs that another leg dialled.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn list_child_calls(&self, parent: &CarrierRef) -> Result<Vec<CallResource>, TwilioError> {
        let query = [("ParentCallSid", parent.as_str()), ("PageSize", PAGE_SIZE)];
        Ok(self.get::<Calls>("list calls", "Calls.json", &query).await?.calls)
    }

    /// The open room of that name.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn find_room(&self, name: &str) -> Result<Option<RoomResource>, TwilioError> {
        let query = [("FriendlyName", name), ("Status", "in-progress"), ("PageSize", "50")];
        let rooms: Rooms = self.get("find a room", "Conferences.json", &query).await?;
        Ok(rooms.conferences.into_iter().next())
    }

    /// Who is in a room.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn list_participants(&self, room: &CarrierRef) -> Result<Vec<ParticipantResource>, TwilioError> {
        const ATTEMPT: &str = "list participants";
        let path = format!("Conferences/{}/Participants.json", checked("CF", room, ATTEMPT)?);
        Ok(self.get::<Participants>(ATTEMPT, &path, &[("PageSize", "50")]).await?.participants)
    }

    /// The recordings of a leg.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn list_recordings(&self, leg: &CarrierRef) -> Result<Vec<RecordingResource>, TwilioError> {
        let query = [("CallSid", leg.as_str()), ("PageSize", PAGE_SIZE)];
        Ok(self.get::<Recordings>("list recordings", "Recordings.json", &query).await?.recordings)
    }

    /// How a recording stands.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn fetch_recording(&self, recording: &CarrierRef) -> Result<RecordingResource, TwilioError> {
        self.get("fetch a recording", &self.item("Recordings", "RE", recording, "fetch a recording")?, &[]).await
    }

    /// The audio of a completed recording, whole, at most 120 MiB.
    ///
    /// # Errors
    ///
    /// [`TwilioError`]; `Malformed` when it is larger or is no audio.
    pub async fn download_recording(&self, recording: &CarrierRef, format: AudioFormat) -> Result<Bytes, TwilioError> {
        const ATTEMPT: &str = "download a recording";
        let ending = match format {
            AudioFormat::Wav => "wav",
            AudioFormat::Mp3 => "mp3",
        };
        let path = format!("Recordings/{}.{ending}", checked("RE", recording, ATTEMPT)?);
        let request = self.request(Method::GET, &path).timeout(self.settings.timeout * 10);
        let response = accept(ATTEMPT, request.send().await.map_err(|error| lost(ATTEMPT, error))?).await?;
        let media = response.headers().get(reqwest::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !media.is_some_and(|media| media.starts_with("audio/") || media.starts_with("application/octet-stream")) {
            return Err(TwilioError::Malformed { attempt: ATTEMPT });
        }
        read_body(ATTEMPT, response, AUDIO_BYTES_MAX).await
    }

    /// The transcriptions of a recording.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn list_transcriptions(&self, recording: &CarrierRef) -> Result<Vec<TranscriptionResource>, TwilioError> {
        const ATTEMPT: &str = "list transcriptions";
        let path = format!("Recordings/{}/Transcriptions.json", checked("RE", recording, ATTEMPT)?);
        Ok(self.get::<Transcriptions>(ATTEMPT, &path, &[("PageSize", "50")]).await?.transcriptions)
    }

    /// Our numbers at Twilio, at most 1000.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn list_numbers(&self) -> Result<Vec<NumberResource>, TwilioError> {
        let numbers: Numbers =
            self.get("list numbers", "IncomingPhoneNumbers.json", &[("PageSize", PAGE_SIZE)]).await?;
        Ok(numbers.incoming_phone_numbers)
    }

    /// Writes our addresses into a number's settings.
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn update_number(
        &self,
        number: &CarrierRef,
        settings: &NumberSettings<'_>,
    ) -> Result<NumberResource, TwilioError> {
        let path = self.item("IncomingPhoneNumbers", "PN", number, "update a number")?;
        self.post("update a number", &path, &rest_forms::update_number(settings)).await
    }

    /// The account. Standard API keys may not ask (20003).
    ///
    /// # Errors
    ///
    /// [`TwilioError`].
    pub async fn fetch_account(&self) -> Result<AccountResource, TwilioError> {
        self.get("fetch the account", ".json", &[]).await
    }

    fn item(&self, list: &str, prefix: &str, sid: &CarrierRef, attempt: &'static str) -> Result<String, TwilioError> {
        Ok(format!("{list}/{}.json", checked(prefix, sid, attempt)?))
    }

    /// `path` is below the account, or `.json` for the account itself.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let TwilioSettings { api_base_url, account_sid, auth, timeout } = &self.settings;
        let base = api_base_url.trim_end_matches('/');
        let slash = if path.starts_with('.') { "" } else { "/" };
        let (user, secret) = match auth {
            TwilioAuth::AccountToken(token) => (account_sid, token),
            TwilioAuth::ApiKey { sid, secret } => (sid, secret),
        };
        self.http
            .request(method, format!("{base}/2010-04-01/Accounts/{account_sid}{slash}{path}"))
            .basic_auth(user, Some(secret.expose_secret()))
            .timeout(*timeout)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        attempt: &'static str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, TwilioError> {
        read_json(attempt, self.request(Method::GET, path).query(query)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        attempt: &'static str,
        path: &str,
        fields: &Fields,
    ) -> Result<T, TwilioError> {
        read_json(attempt, self.request(Method::POST, path).form(fields)).await
    }
}

/// An identifier of that kind; anything else could lead to another path.
fn checked<'a>(prefix: &str, sid: &'a CarrierRef, attempt: &'static str) -> Result<&'a str, TwilioError> {
    let refused = TwilioError::Refused { attempt, code: Some(20404), status: 404 };
    if is_sid(prefix, sid.as_str()) { Ok(sid.as_str()) } else { Err(refused) }
}

#[derive(Deserialize)]
struct Calls {
    calls: Vec<CallResource>,
}

#[derive(Deserialize)]
struct Rooms {
    conferences: Vec<RoomResource>,
}

#[derive(Deserialize)]
struct Participants {
    participants: Vec<ParticipantResource>,
}

#[derive(Deserialize)]
struct Recordings {
    recordings: Vec<RecordingResource>,
}

#[derive(Deserialize)]
struct Transcriptions {
    transcriptions: Vec<TranscriptionResource>,
}

#[derive(Deserialize)]
struct Numbers {
    incoming_phone_numbers: Vec<NumberResource>,
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
