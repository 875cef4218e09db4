//! The door for Twilio's webhooks: signature, parameters, decision, document; and whatever breaks, a safe reply.
//!
//! A wrong signature is 403 with nothing read. After the signature somebody may be listening, so the answer is a valid
//! document within `ANSWER_WITHIN`, whatever happens. Source: DESIGN.md section 4, STYLE.md section 3.

mod safe;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use secrecy::SecretString;

use super::params::Form;
use super::safe_reply::{SafeReplies, SafeWords};
use super::signature::{self, SignedRequest};
use super::twiml::{self, RenderContext};
use super::urls::{Addresses, BadAddress, Door, DoorKind, Minted};
use super::verb::BARE_HANGUP;
use super::webhook::{self, BadWebhook, TypedCode, VoiceCall, What};
use crate::call::reply::Reply;
use crate::call::signal::{CallerDoor, LegOutcome, Signal};
use crate::call::state::{Call, NewCall};
use crate::call::supervisor::{SUPERVISOR_KEY, hears_supervisor};
use crate::call::words;
use crate::clock::{Clock, IdSource};
use crate::config::Settings;
use crate::ids::{CallId, CarrierRef};
use crate::phone_number::PhoneNumber;
use crate::rules::Brand;
use crate::store::{Store, StoreError};
use crate::switchboard::codes::CodeDesk;
use crate::switchboard::{Listener, Switchboard, SwitchboardError};
use crate::telemetry::metric;

/// Twilio waits up to 15 s; a caller does not. Source: RELIABILITY.md P-L1.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);

/// An agent who calls the brand within so long after their phone rang is told of that call: they saw it missed, perhaps
/// after another talk. Later, what became of it would be taken for news.
const MISSED_LATELY: TimeDelta = TimeDelta::hours(1);

/// Said by the safe reply, when not even the brand is known.
const SAFE_GREETING: &str = "Thank you for calling. Please leave a message after the tone.";
/// Said to an agent when something is broken.
const SAFE_TO_AGENT: &str = "Sorry, this call cannot be connected.";

/// The voice where no brand says otherwise.
const VOICE: &str = "woman";
/// The language where no brand says otherwise.
const LANGUAGE: &str = "en-US";

/// Twilio's door.
pub struct TwilioDoor {
    public_base_url: String,
    tokens: Vec<SecretString>,
    account: String,
    talk_limit_s: u32,
    switchboard: Arc<Switchboard>,
    codes: Arc<CodeDesk>,
    store: Arc<dyn Store>,
    addresses: Arc<Addresses>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    safe: SafeReplies,
    failing_waits: Mutex<HashMap<CallId, u32>>,
}

/// Why a signed request got a safe reply.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the address is not one of ours")]
    Address(#[from] BadAddress),
    #[error("the request makes no sense")]
    Webhook(#[from] BadWebhook),
    #[error("the leg in the request is not the call's")]
    OtherLeg,
    #[error("the call could not be decided on")]
    Switchboard(#[from] SwitchboardError),
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("no answer was ready in time")]
    TooSlow,
    #[error("something panicked")]
    Panicked,
}

/// A document, or word that the request is another account's.
enum Answered {
    Document(String),
    Refused,
}

impl TwilioDoor {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        settings: &Settings,
        switchboard: Arc<Switchboard>,
        codes: Arc<CodeDesk>,
        store: Arc<dyn Store>,
        addresses: Arc<Addresses>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        let safe_words =
            SafeWords { greeting: SAFE_GREETING, to_agent: SAFE_TO_AGENT, voice: VOICE, language: LANGUAGE };
        let base = settings.server.public_base_url.as_ref().map(ToString::to_string).unwrap_or_default();
        Self {
            public_base_url: base.trim_end_matches('/').to_owned(),
            tokens: settings.twilio.auth_tokens.clone(),
            account: settings.twilio.account_sid.clone().unwrap_or_default(),
            talk_limit_s: u32::try_from(settings.limits.talk_max.as_secs()).unwrap_or(u32::MAX),
            switchboard,
            codes,
            store,
            safe: SafeReplies::new(&addresses, &safe_words),
            addresses,
            clock,
            ids,
            failing_waits: Mutex::default(),
        }
    }

    /// Answers one request at `door`.
    pub async fn receive(&self, door: Door, request: &HttpRequest, body: &[u8]) -> HttpResponse {
        if !self.is_signed(request, body) {
            metrics::counter!(metric::SIGNATURES_REFUSED, "door" => door.path()).increment(1);
            tracing::warn!(door = door.path(), "a request without a right signature was refused");
            return HttpResponse::Forbidden().finish();
        }
        let query = request.uri().query().unwrap_or_default();
        let token = request.headers().get("i-twilio-idempotency-token").and_then(|value| value.to_str().ok());
        let answer = AssertUnwindSafe(self.answer(door, query, body, token)).catch_unwind();
        let outcome = match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Trouble::Panicked),
            Err(_) => Err(Trouble::TooSlow),
        };
        match outcome {
            Ok(Answered::Document(document)) => {
                metrics::counter!(metric::TWILIO_WEBHOOKS, "door" => door.path()).increment(1);
                self.forget_failure(query);
                reply(door, document)
            }
            Ok(Answered::Refused) => {
                metrics::counter!(metric::SIGNATURES_REFUSED, "door" => door.path()).increment(1);
                tracing::warn!(door = door.path(), "a signed request of another account was refused");
                HttpResponse::Forbidden().finish()
            }
            Err(trouble) => {
                self.tell_of_turned_away(door, query, &trouble);
                self.tell_of_sent_away(door, body, &trouble);
                self.reply_safely(door, query, &trouble)
            }
        }
    }

    fn is_signed(&self, request: &HttpRequest, body: &[u8]) -> bool {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let path_and_query = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let url = signature::public_url(&self.public_base_url, path_and_query);
        let signed = SignedRequest {
            url: &url,
            content_type: header("content-type"),
            body,
            signature: header("x-twilio-signature"),
        };
        match signature::verify(&signed, &self.tokens) {
            Ok(0) => true,
            Ok(index) => {
                tracing::info!(token = index, "a request was signed with another than the first token");
                true
            }
            Err(_) => false,
        }
    }

    async fn answer(&self, door: Door, query: &str, body: &[u8], token: Option<&str>) -> Result<Answered, Trouble> {
        let now = self.clock.now();
        let minted =
            if query.is_empty() && door.may_be_plain() { None } else { Some(self.addresses.check(door, query, now)?) };
        let form = Form::decode(body);
        let incoming = match webhook::read(door, minted, &form, token, &self.account) {
            Ok(incoming) => incoming,
            Err(BadWebhook::OtherAccount) => return Ok(Answered::Refused),
            Err(error) => return Err(error.into()),
        };
        let key = incoming.key.clone();
        let document = match (&incoming.what, minted) {
            (What::Voice(voice), _) => self.answer_voice(voice, key.as_deref()).await?,
            (What::Fallback(voice), _) => self.answer_fallback(voice, key.as_deref()).await?,
            (What::ByCaller { caller_ref, signals }, _) => {
                self.answer_by_caller(door, caller_ref, signals, &form, key.as_deref()).await?
            }
            (What::OfCall { minted, .. }, _) if door == Door::RoomWait => self.answer_room_wait(*minted, now).await?,
            (What::OfCall { signals, .. }, _) if door == Door::AgentGone && signals.is_empty() => {
                twiml::say_and_hang_up(words::CALLER_GONE, VOICE, LANGUAGE)
            }
            (What::OfCall { minted, signals }, _) => {
                if let Some(call) = self.store.find_call(minted.call).await?
                    && !incoming.belongs_to(&call)
                {
                    return Err(Trouble::OtherLeg);
                }
                if let Some(voice) = self.find_code_call(door, &form)
                    && let Some(document) = self.leave_leg_for_code(&voice, *minted, signals, key.as_deref()).await?
                {
                    return Ok(Answered::Document(document));
                }
                match &incoming.typed {
                    Some(typed) => self.answer_code(minted.call, typed, key.as_deref()).await?,
                    None => self.answer_signals(minted.call, signals, key.as_deref()).await?,
                }
            }
        };
        Ok(Answered::Document(document))
    }

    /// All but the last signal are taken note of; the last is answered.
    async fn answer_signals(&self, call: CallId, signals: &[Signal], key: Option<&str>) -> Result<String, Trouble> {
        let Some((last, before)) = signals.split_last() else { return Ok(String::new()) };
        for signal in before {
            self.switchboard.take_note(call, signal).await?;
        }
        let write = |call: &Call, brand: &Brand, reply: &Reply| self.write(call, brand, reply);
        let handled = self.switchboard.answer(call, last, Listener { key, write: &write }).await?;
        Ok(handled.body)
    }

    /// A supervisor's code is looked at before the call is decided on, so that the call hears the verdict alone. One that
    /// was answered before is not looked at, nor counted, again.
    async fn answer_code(&self, call: CallId, typed: &TypedCode, key: Option<&str>) -> Result<String, Trouble> {
        if let Some(key) = key
            && let Some(answer) = self.store.find_answer(key).await?
        {
            return Ok(answer);
        }
        let found = self.store.find_call(call).await?.ok_or(SwitchboardError::UnknownCall)?;
        let verdict = self.codes.look(&found, typed.secret()).await?;
        let write = |call: &Call, brand: &Brand, reply: &Reply| self.write(call, brand, reply);
        let signal = Signal::CodeTried { in_queue: typed.in_queue(), verdict };
        Ok(self.switchboard.answer(call, &signal, Listener { key, write: &write }).await?.body)
    }

    /// Ringback for one who waits in the room; one whose caller has gone is told, should the request that fetches them
    /// out be long in coming.
    async fn answer_room_wait(&self, minted: Minted, now: DateTime<Utc>) -> Result<String, Trouble> {
        let caller_is_gone = self.store.find_call(minted.call).await?.is_some_and(|call| call.caller_left_at.is_some());
        if caller_is_gone {
            let words = (words::CALLER_GONE, VOICE, LANGUAGE);
            return Ok(twiml::room_wait_for_nobody(&self.addresses, minted, now, words));
        }
        Ok(twiml::room_wait(&self.addresses, minted, now))
    }

    async fn answer_voice(&self, voice: &VoiceCall, key: Option<&str>) -> Result<String, Trouble> {
        if let Some(document) = self.answer_agent(voice, key).await? {
            return Ok(document);
        }
        let Some(new) = self.new_call(voice).await? else {
            tracing::error!("a call came in on a number that belongs to no brand");
            metrics::counter!("offhook_unknown_number_total").increment(1);
            return Ok(twiml::say_and_hang_up(words::UNKNOWN_NUMBER, VOICE, LANGUAGE));
        };
        let write = |call: &Call, brand: &Brand, reply: &Reply| self.write(call, brand, reply);
        Ok(self.switchboard.arrive(new, Listener { key, write: &write }).await?.body)
    }

    /// An agent who calls the brand from their own phone rings nobody. They are told of the call that rang them lately, and
    /// may have it if the caller still waits; and a supervisor's code may be keyed in. None for anybody else.
    async fn answer_agent(&self, voice: &VoiceCall, key: Option<&str>) -> Result<Option<String>, Trouble> {
        let Some(number) = voice.from.number().filter(|_| !voice.is_over) else { return Ok(None) };
        let Some((_, rules)) = self.switchboard.rulebook().load_current().await? else { return Ok(None) };
        let Some(agent) = rules.agent_of_phone(number) else { return Ok(None) };
        let Some(brand) = rules.brand_of(&voice.to).filter(|brand| brand.roster.contains(&agent.id)) else {
            return Ok(None);
        };
        let hears_code = hears_supervisor(&rules, brand);
        if hears_code && voice.key == Some(SUPERVISOR_KEY) {
            let Some(new) = self.new_call(voice).await? else { return Ok(None) };
            let write = |call: &Call, brand: &Brand, reply: &Reply| self.write(call, brand, reply);
            return Ok(Some(self.switchboard.arrive_for_code(new, Listener { key, write: &write }).await?.body));
        }
        let tell = |words: &str| {
            let (voice, language) = (brand.voice.as_deref().unwrap_or(VOICE), brand.language.as_str());
            if hears_code {
                twiml::say_and_hear_a_key(&self.addresses, words, voice, language)
            } else {
                twiml::say_and_hang_up(words, voice, language)
            }
        };
        let since = self.clock.now() - MISSED_LATELY;
        let Some(call) = self.store.find_call_offered_to(&agent.id, &brand.id, since).await? else {
            return Ok(Some(tell(words::NO_CALL_WAITING)));
        };
        let write = |call: &Call, brand: &Brand, reply: &Reply| match reply {
            Reply::SayAndHangUp { words } => tell(words),
            _ => self.write(call, brand, reply),
        };
        let signal = Signal::AgentCalledIn {
            agent: agent.id.clone(),
            carrier_ref: voice.caller_ref.clone(),
            doubted: voice.is_doubted,
        };
        // Answered from the state each time: there is no answer that may be repeated while the caller waits.
        let handled = self.switchboard.answer(call, &signal, Listener { key: None, write: &write }).await?;
        Ok(Some(handled.body))
    }

    /// An agent who called in, and was asked to accept, pressed the supervisor's key instead.
    fn find_code_call(&self, door: Door, form: &Form) -> Option<VoiceCall> {
        if door != Door::AgentAccept {
            return None;
        }
        let What::Voice(voice) = webhook::read(Door::Voice, None, form, None, &self.account).ok()?.what else {
            return None;
        };
        Some(voice).filter(|voice| voice.is_inbound && voice.key == Some(SUPERVISOR_KEY) && !voice.is_over)
    }

    /// Their leg of the call they called about is over, and the code has a call of its own; none where no code is heard.
    async fn leave_leg_for_code(
        &self,
        voice: &VoiceCall,
        minted: Minted,
        signals: &[Signal],
        key: Option<&str>,
    ) -> Result<Option<String>, Trouble> {
        let Some((_, rules)) = self.switchboard.rulebook().load_current().await? else { return Ok(None) };
        if !rules.brand_of(&voice.to).is_some_and(|brand| hears_supervisor(&rules, brand)) {
            return Ok(None);
        }
        for signal in signals {
            self.switchboard.take_note(minted.call, signal).await?;
        }
        if let Some(leg) = minted.leg {
            let over = Signal::LegFinished { leg, outcome: LegOutcome::Completed };
            self.switchboard.take_note(minted.call, &over).await?;
        }
        self.answer_agent(voice, key).await
    }

    async fn new_call(&self, voice: &VoiceCall) -> Result<Option<NewCall>, Trouble> {
        let Some((rules_version, rules)) = self.switchboard.rulebook().load_current().await? else {
            return Err(SwitchboardError::NoRules.into());
        };
        let now = self.clock.now();
        Ok(rules.brand_of(&voice.to).map(|brand| NewCall {
            id: CallId(self.ids.draw(now)),
            brand: brand.id.clone(),
            number: voice.to.clone(),
            caller: voice.from.clone(),
            caller_name: voice.caller_name.clone(),
            caller_ref: voice.caller_ref.clone(),
            rules_version,
            at: now,
        }))
    }

    /// A document could not be had: the call's state knows what comes next; a call we never saw begins now.
    async fn answer_fallback(&self, voice: &VoiceCall, key: Option<&str>) -> Result<String, Trouble> {
        match self.store.find_call_by_caller_ref(&voice.caller_ref).await? {
            Some(call) => {
                let write = |call: &Call, brand: &Brand, reply: &Reply| self.write(call, brand, reply);
                let signal = Signal::CallerAsks { at: CallerDoor::Elsewhere };
                Ok(self.switchboard.answer(call.id, &signal, Listener { key, write: &write }).await?.body)
            }
            None => self.answer_voice(voice, key).await,
        }
    }

    /// What a safe reply led to, or the end of a call: known by the caller's leg alone. A call that the store missed is
    /// adopted when the request says who called whom.
    async fn answer_by_caller(
        &self,
        door: Door,
        caller_ref: &CarrierRef,
        signals: &[Signal],
        form: &Form,
        key: Option<&str>,
    ) -> Result<String, Trouble> {
        let known = self.store.find_call_by_caller_ref(caller_ref).await?;
        let (call, is_adopted) = match known {
            Some(call) => (call.id, false),
            None if door == Door::VoicemailDone => match self.adopt(form).await? {
                Some(call) => (call, true),
                None => return Ok(String::new()),
            },
            None if door == Door::CallStatus => {
                // An agent who called in by themselves: a leg of the call they called about.
                if let Some(leg) = self.store.find_live_leg(caller_ref).await?
                    && (signals.contains(&Signal::CallerGone) || signals.contains(&Signal::CallerFailed))
                {
                    let over = Signal::LegFinished { leg: leg.number, outcome: LegOutcome::Completed };
                    self.switchboard.take_note(leg.call, &over).await?;
                }
                return Ok(String::new());
            }
            None => return Err(SwitchboardError::UnknownCall.into()),
        };
        let Some((last, before)) = signals.split_last() else { return Ok(String::new()) };
        if !is_adopted && door == Door::VoicemailDone {
            // The safe reply recorded although the call is known to wait: its phones stop.
            self.switchboard.take_note(call, &Signal::Adopted).await?;
        }
        for signal in before {
            self.switchboard.take_note(call, signal).await?;
        }
        let write = |call: &Call, brand: &Brand, reply: &Reply| self.write(call, brand, reply);
        Ok(self.switchboard.answer(call, last, Listener { key, write: &write }).await?.body)
    }

    async fn adopt(&self, form: &Form) -> Result<Option<CallId>, Trouble> {
        let incoming = webhook::read(Door::Voice, None, form, None, &self.account)?;
        let What::Voice(voice) = incoming.what else { return Ok(None) };
        let Some(new) = self.new_call(&voice).await? else { return Ok(None) };
        Ok(Some(self.switchboard.adopt(new).await?.id))
    }

    fn write(&self, call: &Call, brand: &Brand, reply: &Reply) -> String {
        let approve = |phone: &PhoneNumber| self.switchboard.destinations().approve(phone).ok();
        let context = RenderContext {
            call,
            addresses: &self.addresses,
            voice: brand.voice.as_deref().unwrap_or(VOICE),
            language: &brand.language,
            caller_id: &call.number,
            talk_limit_s: self.talk_limit_s,
            approve: &approve,
        };
        twiml::render(reply, &context, self.clock.now())
    }
}

fn reply(door: Door, document: String) -> HttpResponse {
    if door.kind() == DoorKind::Status {
        return HttpResponse::NoContent().finish();
    }
    // Whoever asked is gone; a document without a hang-up could let a leg through that nobody accepted on.
    let document = if document.is_empty() { BARE_HANGUP.to_owned() } else { document };
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/xml; charset=utf-8")).body(document)
}

/// Serves the audio that callers hear: `GET /audio/{name}`.
pub async fn serve_audio(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let Some(audio) = super::audio::find_audio(&format!("/audio/{path}")) else {
        return HttpResponse::NotFound().finish();
    };
    let known = request.headers().get("if-none-match").and_then(|value| value.to_str().ok());
    if known == Some(audio.etag.as_str()) {
        return HttpResponse::NotModified().finish();
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "audio/wav"))
        .insert_header(("ETag", audio.etag.as_str()))
        .insert_header(("Cache-Control", "public, max-age=86400"))
        .body(audio.bytes.as_slice())
}
