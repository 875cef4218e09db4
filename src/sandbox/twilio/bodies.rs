//! The JSON of every resource, with the names and types of Twilio's (contract 5).

use serde_json::{Map, Value, json};

use super::call::{Call, Direction, Status};
use super::conference::{Conference, Participant};
use super::engine::Engine;
use super::numbers::{Number, formatted, rfc2822};
use super::recording::{RecordingFile, Transcription};

const VERSION: &str = "2010-04-01";

impl Engine {
    pub(super) fn root(&self) -> String {
        format!("/{VERSION}/Accounts/{}", self.account_sid)
    }

    fn subresources(&self, path: &str, names: &[(&str, &str)]) -> Value {
        let all =
            names.iter().map(|(name, end)| ((*name).to_owned(), json!(format!("{}{path}/{end}.json", self.root()))));
        Value::Object(all.collect::<Map<String, Value>>())
    }

    pub(super) fn call_json(&self, call: &Call) -> Value {
        let path = format!("/Calls/{}", call.sid);
        let over = call.status.is_final();
        let fresh = call.status == Status::Queued;
        let queued_ms = call.started_at.map_or(0, |at| (at - call.created_at).num_milliseconds());
        let ours = if call.direction == Direction::Inbound { &call.to } else { &call.from };
        json!({
            "account_sid": self.account_sid,
            "answered_by": call.amd.answered_by,
            "api_version": VERSION,
            "caller_name": call.caller_name,
            "date_created": (!fresh).then(|| rfc2822(call.created_at)),
            "date_updated": (!fresh).then(|| rfc2822(call.updated_at)),
            "direction": call.direction.name(),
            "duration": over.then(|| call.duration_s().to_string()),
            "end_time": call.ended_at.filter(|_| call.answered_at.is_some()).map(rfc2822),
            "forwarded_from": call.forwarded_from,
            "from": call.from,
            "from_formatted": formatted(&call.from),
            "group_sid": "",
            "parent_call_sid": call.parent,
            "phone_number_sid": self.number(ours).map(|number| number.sid.clone()),
            "price": Value::Null,
            "price_unit": "USD",
            "sid": call.sid,
            "start_time": call.started_at.filter(|_| call.answered_at.is_some()).map(rfc2822),
            "status": call.status.name(),
            "subresource_uris": self.subresources(&path, &[
                ("notifications", "Notifications"),
                ("recordings", "Recordings"),
                ("payments", "Payments"),
                ("events", "Events"),
                ("siprec", "Siprec"),
                ("streams", "Streams"),
                ("transcriptions", "Transcriptions"),
                ("user_defined_message_subscriptions", "UserDefinedMessageSubscriptions"),
                ("user_defined_messages", "UserDefinedMessages"),
            ]),
            "to": call.to,
            "to_formatted": formatted(&call.to),
            "trunk_sid": "",
            "uri": format!("{}{path}.json", self.root()),
            "queue_time": queued_ms.to_string(),
        })
    }

    pub(super) fn conference_json(&self, conference: &Conference) -> Value {
        let path = format!("/Conferences/{}", conference.sid);
        json!({
            "account_sid": self.account_sid,
            "api_version": VERSION,
            "date_created": rfc2822(conference.created_at),
            "date_updated": rfc2822(conference.updated_at),
            "friendly_name": conference.name,
            "region": "us1",
            "sid": conference.sid,
            "status": conference.status,
            "subresource_uris": self.subresources(&path, &[("participants", "Participants"), ("recordings", "Recordings")]),
            "uri": format!("{}{path}.json", self.root()),
            "reason_conference_ended": conference.reason_ended,
            "call_sid_ending_conference": conference.ended_by,
        })
    }

    pub(super) fn participant_json(&self, conference: &str, one: &Participant) -> Value {
        json!({
            "account_sid": self.account_sid,
            "call_sid": one.call,
            "label": one.label,
            "conference_sid": conference,
            "date_created": rfc2822(one.joined_at),
            "date_updated": rfc2822(one.joined_at),
            "end_conference_on_exit": one.end_on_exit,
            "muted": one.muted,
            "hold": one.hold,
            "status": "connected",
            "start_conference_on_enter": one.start_on_enter,
            "coaching": one.coach.is_some(),
            "call_sid_to_coach": one.coach,
            "queue_time": Value::Null,
            "uri": format!("{}/Conferences/{conference}/Participants/{}.json", self.root(), one.call),
        })
    }

    /// `of_call` gives the shape of `Calls/{CA}/Recordings`, which has fewer members.
    pub(super) fn recording_json(&self, file: &RecordingFile, of_call: bool) -> Value {
        let over = matches!(file.status, "completed" | "absent" | "deleted");
        let path = format!("/Recordings/{}", file.sid);
        let mut body = json!({
            "account_sid": self.account_sid,
            "api_version": VERSION,
            "call_sid": file.call_sid,
            "conference_sid": file.conference_sid,
            "channels": file.channels,
            "date_created": rfc2822(file.started_at),
            "date_updated": rfc2822(file.updated_at),
            "start_time": rfc2822(file.started_at),
            "price": Value::Null,
            "price_unit": if of_call { Value::Null } else { json!("USD") },
            "duration": over.then(|| file.duration_s.to_string()),
            "sid": file.sid,
            "source": file.source,
            "status": file.status,
            "error_code": (file.status == "absent").then_some(16102),
            "encryption_details": Value::Null,
        });
        if let Some(fields) = body.as_object_mut() {
            if of_call {
                let call = file.call_sid.as_deref().unwrap_or_default();
                fields.insert("track".to_owned(), json!(file.track));
                fields.insert("uri".to_owned(), json!(format!("{}/Calls/{call}{path}.json", self.root())));
            } else {
                fields.insert("uri".to_owned(), json!(format!("{}{path}.json", self.root())));
                let inner = [("add_on_results", "AddOnResults"), ("transcriptions", "Transcriptions")];
                fields.insert("subresource_uris".to_owned(), self.subresources(&path, &inner));
                fields.insert("media_url".to_owned(), json!(self.recording_url(&file.sid)));
            }
        }
        body
    }

    pub(super) fn transcription_json(&self, one: &Transcription) -> Value {
        json!({
            "account_sid": self.account_sid,
            "api_version": "2008-08-01",
            "date_created": rfc2822(one.created_at),
            "date_updated": rfc2822(one.updated_at),
            "duration": one.duration_s.to_string(),
            "price": "-0.05000",
            "price_unit": "USD",
            "recording_sid": one.recording,
            "sid": one.sid,
            "status": one.status,
            "transcription_text": if one.status == "in-progress" { "" } else { &one.text },
            "type": "fast",
            "uri": format!("{}/Transcriptions/{}.json", self.root(), one.sid),
        })
    }

    pub(super) fn number_json(&self, number: &Number) -> Value {
        json!({
            "account_sid": self.account_sid,
            "address_requirements": "none",
            "address_sid": "",
            "api_version": VERSION,
            "beta": false,
            "capabilities": { "voice": true, "sms": false, "mms": false, "fax": false },
            "date_created": rfc2822(number.updated_at),
            "date_updated": rfc2822(number.updated_at),
            "emergency_status": "Inactive",
            "emergency_address_sid": "",
            "emergency_address_status": "unregistered",
            "friendly_name": number.friendly_name,
            "identity_sid": "",
            "origin": "twilio",
            "phone_number": number.number,
            "sid": number.sid,
            "sms_application_sid": "",
            "sms_fallback_method": "POST",
            "sms_fallback_url": number.sms_fallback_url,
            "sms_method": "POST",
            "sms_url": number.sms_url,
            "status_callback": number.status_url,
            "status_callback_method": number.status_method.name(),
            "trunk_sid": number.trunk_sid,
            "uri": format!("{}/IncomingPhoneNumbers/{}.json", self.root(), number.sid),
            "voice_application_sid": number.voice_application_sid,
            "voice_caller_id_lookup": number.caller_id_lookup,
            "voice_fallback_method": number.fallback_method.name(),
            "voice_fallback_url": number.fallback_url,
            "voice_method": number.voice_method.name(),
            "voice_url": number.voice_url,
            "voice_receive_mode": "voice",
            "status": "in-use",
            "bundle_sid": "",
            "type": "local",
        })
    }

    pub(super) fn account_json(&self) -> Value {
        let names = [
            ("available_phone_numbers", "AvailablePhoneNumbers"),
            ("calls", "Calls"),
            ("conferences", "Conferences"),
            ("incoming_phone_numbers", "IncomingPhoneNumbers"),
            ("notifications", "Notifications"),
            ("outgoing_caller_ids", "OutgoingCallerIds"),
            ("recordings", "Recordings"),
            ("transcriptions", "Transcriptions"),
            ("addresses", "Addresses"),
            ("signing_keys", "SigningKeys"),
            ("connect_apps", "ConnectApps"),
            ("sip", "SIP"),
            ("authorized_connect_apps", "AuthorizedConnectApps"),
            ("usage", "Usage"),
            ("keys", "Keys"),
            ("applications", "Applications"),
            ("short_codes", "SMS/ShortCodes"),
            ("queues", "Queues"),
            ("messages", "Messages"),
            ("balance", "Balance"),
        ];
        json!({
            "auth_token": "[redacted]",
            "date_created": rfc2822(self.now),
            "date_updated": rfc2822(self.now),
            "friendly_name": "Sandbox",
            "owner_account_sid": self.account_sid,
            "sid": self.account_sid,
            "status": "active",
            "subresource_uris": self.subresources("", &names),
            "type": "Full",
            "uri": format!("{}.json", self.root()),
        })
    }
}
