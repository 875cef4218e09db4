//! The door of the REST server: authentication, the switch of its health, routing, lists, errors (contract 5.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::engine::Engine;
use super::openapi::{Form, Refusal, check, operation};

/// A request, taken apart.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) authorization: Option<&'a str>,
    pub(super) content_type: &'a str,
    pub(super) body: &'a [u8],
}

/// A reply, before it is anybody's HTTP.
pub(super) enum Answer {
    Json(u16, Value),
    Sound(&'static str, Vec<u8>),
    Empty(u16),
    /// The call was created, but nobody is told.
    Lost,
}

impl Engine {
    /// Answers a request; what it breaks is kept as a violation.
    pub(super) fn answer(&mut self, asked: &Asked<'_>) -> Answer {
        match self.route(asked) {
            Ok(answer) => {
                self.changed();
                answer
            }
            Err(refusal) => {
                if refusal.is_fault {
                    self.violate(refusal.code, format!("{} {}: {}", asked.method, asked.path, refusal.message));
                }
                refused(&refusal)
            }
        }
    }

    fn is_known(&self, authorization: Option<&str>) -> bool {
        let expected = format!("{}:{}", self.account_sid, self.auth_token);
        let sent =
            authorization.and_then(|value| value.strip_prefix("Basic ")).and_then(|coded| STANDARD.decode(coded).ok());
        sent.is_some_and(|sent| sent == expected.as_bytes())
    }

    fn route(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        if !self.is_known(asked.authorization) {
            return Err(Refusal::new(401, 20003, "Authenticate"));
        }
        let root = self.root();
        let missing = || Refusal::world(404, 20404, format!("The requested resource {} was not found", asked.path));
        let rest = asked.path.strip_prefix(&root).ok_or_else(missing)?;
        if let Some(file) =
            rest.strip_prefix("/Recordings/").filter(|file| !file.ends_with(".json") && !file.contains('/'))
        {
            return self.media(asked, file).ok_or_else(missing)?;
        }
        let rest = rest.strip_suffix(".json").ok_or_else(missing)?;
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        if parts == ["Messages"] {
            return self.send_text(asked);
        }
        let Some(template) = template(&parts) else {
            return Err(missing());
        };
        let method = asked.method.to_ascii_lowercase();
        let Some(operation) = operation(template, &method) else {
            return Err(Refusal::new(405, 20004, "Method not allowed"));
        };
        let form = read(asked, operation)?;
        self.serve(template, &method, &parts, &form, asked).ok_or_else(missing)?
    }

    fn serve(
        &mut self,
        template: &str,
        method: &str,
        parts: &[&str],
        form: &Form,
        asked: &Asked<'_>,
    ) -> Option<Result<Answer, Refusal>> {
        let name = template.strip_prefix("/2010-04-01/Accounts/{AccountSid}/").unwrap_or("account");
        let second = parts.get(1).copied().unwrap_or_default();
        let fourth = parts.get(3).copied().unwrap_or_default();
        Some(match (method, name) {
            ("get", "account") => Ok(Answer::Json(200, self.account_json())),
            ("get", "Balance.json") => {
                let account = &self.account_sid;
                Ok(Answer::Json(200, json!({ "account_sid": account, "balance": "42.00", "currency": "USD" })))
            }
            ("post", "Calls.json") => self.create_call(form),
            ("get", "Calls.json") => Ok(self.list_calls(form, asked)),
            ("get", "Calls/{Sid}.json") => Ok(Answer::Json(200, self.call_json(self.calls.get(second)?))),
            ("post", "Calls/{Sid}.json") => {
                self.calls.get(second)?;
                self.update_call(second, form)
            }
            ("delete", "Calls/{Sid}.json") => {
                let over = !self.calls.get(second)?.is_live();
                if over { Ok(Answer::Empty(204)) } else { Err(Refusal::bad(20409, "the call is still in progress")) }
            }
            ("post", "Calls/{CallSid}/Recordings.json") => {
                self.calls.get(second)?;
                self.create_recording(second, form)
            }
            ("get", "Calls/{CallSid}/Recordings.json") => {
                self.calls.get(second)?;
                Ok(self.list_recordings(form, asked, Some(second)))
            }
            ("post", "Calls/{CallSid}/Recordings/{Sid}.json") => self.update_recording(second, fourth, form)?,
            ("get", "Calls/{CallSid}/Recordings/{Sid}.json") => {
                let file = self
                    .recordings
                    .iter()
                    .find(|file| file.sid == fourth && file.call_sid.as_deref() == Some(second))?;
                Ok(Answer::Json(200, self.recording_json(file, true)))
            }
            _ => return self.serve_rooms(name, method, parts, form, asked),
        })
    }

    fn serve_rooms(
        &mut self,
        name: &str,
        method: &str,
        parts: &[&str],
        form: &Form,
        asked: &Asked<'_>,
    ) -> Option<Result<Answer, Refusal>> {
        let second = parts.get(1).copied().unwrap_or_default();
        let fourth = parts.get(3).copied().unwrap_or_default();
        Some(match (method, name) {
            ("get", "Conferences.json") => Ok(self.list_conferences(form, asked)),
            ("get", "Conferences/{Sid}.json") => Ok(Answer::Json(200, self.conference_json(self.conference(second)?))),
            ("post", "Conferences/{Sid}.json") => self.update_conference(second, form)?,
            ("get", "Conferences/{ConferenceSid}/Participants.json") => self.list_participants(second, form, asked)?,
            ("post", "Conferences/{ConferenceSid}/Participants.json") => self.create_participant(second, form),
            (_, "Conferences/{ConferenceSid}/Participants/{CallSid}.json") => {
                self.participant(method, second, fourth, form)?
            }
            ("get", "Recordings.json") => Ok(self.list_recordings(form, asked, None)),
            ("get" | "delete", "Recordings/{Sid}.json") => self.recording(method, second, form)?,
            ("get", "Recordings/{RecordingSid}/Transcriptions.json") => {
                self.recordings.iter().find(|file| file.sid == second)?;
                Ok(self.list_transcriptions(form, asked, Some(second)))
            }
            ("get", "Transcriptions.json") => Ok(self.list_transcriptions(form, asked, None)),
            ("get" | "delete", "Transcriptions/{Sid}.json") => self.transcription(method, second)?,
            ("get", "IncomingPhoneNumbers.json") => Ok(self.list_numbers(form, asked)),
            ("get", "IncomingPhoneNumbers/{Sid}.json") => {
                let number = self.numbers.iter().find(|number| number.sid == second)?;
                Ok(Answer::Json(200, self.number_json(number)))
            }
            ("post", "IncomingPhoneNumbers/{Sid}.json") => self.update_number(second, form)?,
            _ => Err(Refusal::new(501, 20501, format!("this stand-in has no {method} {name}"))),
        })
    }

    /// A page of a list, in the envelope of this API (contract 5.1).
    pub(super) fn page(&self, asked: &Asked<'_>, name: &str, form: &Form, all: Vec<Value>) -> Answer {
        let size = form.number("PageSize").unwrap_or(50);
        let page = form.number("Page").unwrap_or(0);
        let start = page.saturating_mul(size);
        let skip = usize::try_from(start).unwrap_or(usize::MAX);
        let take = usize::try_from(size).unwrap_or(usize::MAX);
        let total = all.len();
        let shown: Vec<Value> = all.into_iter().skip(skip).take(take).collect();
        let filters: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(
                url::form_urlencoded::parse(asked.query.as_bytes())
                    .filter(|(key, _)| !matches!(&**key, "Page" | "PageSize" | "PageToken")),
            )
            .finish();
        let joint = if filters.is_empty() { "" } else { "&" };
        let address = |page: u64| format!("{}?{filters}{joint}PageSize={size}&Page={page}", asked.path);
        let more = skip.saturating_add(shown.len()) < total;
        let end = start.saturating_add(u64::try_from(shown.len()).unwrap_or(0)).saturating_sub(1);
        let next = more.then(|| format!("{}&PageToken=PA{page}", address(page.saturating_add(1))));
        let mut body = json!({
            "first_page_uri": address(0),
            "next_page_uri": next,
            "previous_page_uri": page.checked_sub(1).map(address),
            "uri": address(page),
            "page": page,
            "page_size": size,
            "start": start,
            "end": if shown.is_empty() { start } else { end },
        });
        if let Some(fields) = body.as_object_mut() {
            fields.insert(name.to_owned(), Value::Array(shown));
        }
        Answer::Json(200, body)
    }
}

/// Twilio's error shape.
pub(super) fn refused(refusal: &Refusal) -> Answer {
    Answer::Json(
        refusal.status,
        json!({
            "code": refusal.code,
            "message": refusal.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", refusal.code),
            "status": refusal.status,
        }),
    )
}

fn read(asked: &Asked<'_>, operation: &'static Value) -> Result<Form, Refusal> {
    let pairs = |bytes: &[u8]| url::form_urlencoded::parse(bytes).into_owned().collect::<Vec<(String, String)>>();
    if asked.method == "POST" {
        if !asked.content_type.starts_with("application/x-www-form-urlencoded") {
            return Err(Refusal::new(415, 20415, "the body is not a form"));
        }
        if !asked.query.is_empty() {
            return Err(Refusal::bad(20422, "parameters of a POST belong in its body"));
        }
        return check(operation, pairs(asked.body), true);
    }
    check(operation, pairs(asked.query.as_bytes()), false)
}

/// The path of the description that these parts fit.
fn template(parts: &[&str]) -> Option<&'static str> {
    let inside = match parts {
        [] => return Some("/2010-04-01/Accounts/{Sid}.json"),
        ["Calls"] => "Calls.json",
        ["Calls", _] => "Calls/{Sid}.json",
        ["Calls", _, "Recordings"] => "Calls/{CallSid}/Recordings.json",
        ["Calls", _, "Recordings", _] => "Calls/{CallSid}/Recordings/{Sid}.json",
        ["Conferences"] => "Conferences.json",
        ["Conferences", _] => "Conferences/{Sid}.json",
        ["Conferences", _, "Participants"] => "Conferences/{ConferenceSid}/Participants.json",
        ["Conferences", _, "Participants", _] => "Conferences/{ConferenceSid}/Participants/{CallSid}.json",
        ["Recordings"] => "Recordings.json",
        ["Recordings", _] => "Recordings/{Sid}.json",
        ["Recordings", _, "Transcriptions"] => "Recordings/{RecordingSid}/Transcriptions.json",
        ["Transcriptions"] => "Transcriptions.json",
        ["Transcriptions", _] => "Transcriptions/{Sid}.json",
        ["IncomingPhoneNumbers"] => "IncomingPhoneNumbers.json",
        ["IncomingPhoneNumbers", _] => "IncomingPhoneNumbers/{Sid}.json",
        ["Balance"] => "Balance.json",
        _ => return None,
    };
    TEMPLATES.iter().find(|known| known.strip_prefix("/2010-04-01/Accounts/{AccountSid}/") == Some(inside)).copied()
}

const TEMPLATES: [&str; 17] = [
    "/2010-04-01/Accounts/{AccountSid}/Calls.json",
    "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json",
    "/2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Recordings.json",
    "/2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Recordings/{Sid}.json",
    "/2010-04-01/Accounts/{AccountSid}/Conferences.json",
    "/2010-04-01/Accounts/{AccountSid}/Conferences/{Sid}.json",
    "/2010-04-01/Accounts/{AccountSid}/Conferences/{ConferenceSid}/Participants.json",
    "/2010-04-01/Accounts/{AccountSid}/Conferences/{ConferenceSid}/Participants/{CallSid}.json",
    "/2010-04-01/Accounts/{AccountSid}/Recordings.json",
    "/2010-04-01/Accounts/{AccountSid}/Recordings/{Sid}.json",
    "/2010-04-01/Accounts/{AccountSid}/Recordings/{RecordingSid}/Transcriptions.json",
    "/2010-04-01/Accounts/{AccountSid}/Transcriptions.json",
    "/2010-04-01/Accounts/{AccountSid}/Transcriptions/{Sid}.json",
    "/2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers.json",
    "/2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers/{Sid}.json",
    "/2010-04-01/Accounts/{AccountSid}/Balance.json",
    "/2010-04-01/Accounts/{Sid}.json",
];
