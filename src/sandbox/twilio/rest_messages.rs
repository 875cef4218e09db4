//! `Messages` over REST (contract 5.5). The description of the API that the contract brings leaves them out, so their
//! parameters are named here.

use serde_json::json;

use super::engine::Engine;
use super::openapi::{Form, Refusal};
use super::rest::{Answer, Asked};
use super::schema::is_e164;

/// The longest body, in characters.
const BODY_CHARS_MAX: usize = 1_600;

/// What may be sent.
const PARAMETERS: [&str; 4] = ["To", "From", "Body", "StatusCallback"];

/// A text that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The account's number.
    pub from: String,
    /// The phone.
    pub to: String,
    /// The words.
    pub body: String,
}

impl Engine {
    /// Takes a text, or says what is wrong with the request.
    pub(super) fn send_text(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        if asked.method != "POST" || !asked.query.is_empty() {
            return Err(Refusal::new(405, 20004, "Method not allowed"));
        }
        if !asked.content_type.starts_with("application/x-www-form-urlencoded") {
            return Err(Refusal::new(415, 20415, "the body is not a form"));
        }
        let form = Form::plain(asked.body);
        if let Some(unknown) = form.names().find(|name| !PARAMETERS.contains(name)) {
            return Err(Refusal::bad(20001, format!("unknown parameter {unknown}")));
        }
        let field = |name: &str| form.one(name).unwrap_or_default().to_owned();
        let (to, from, body) = (field("To"), field("From"), field("Body"));
        if !is_e164(&to) {
            return Err(Refusal::bad(21_211, format!("Invalid 'To' Phone Number: {to}")));
        }
        if self.number(&from).is_none() {
            return Err(Refusal::bad(
                21_606,
                format!("The 'From' phone number {from} is not a valid, SMS-capable number"),
            ));
        }
        if body.is_empty() {
            return Err(Refusal::bad(21_602, "Message body is required"));
        }
        if body.chars().count() > BODY_CHARS_MAX {
            return Err(Refusal::bad(21_617, "The concatenated message body exceeds the 1600 character limit"));
        }
        if let Some(code) = self.refusals.get(&to).filter(|code| [21_408, 21_610, 21_614].contains(*code)) {
            return Err(Refusal::world(400, *code, format!("the text to {to} was refused")));
        }
        let sid = self.fresh_sid("SM");
        self.texts.push(Text { from: from.clone(), to: to.clone(), body: body.clone() });
        let account = &self.account_sid;
        Ok(Answer::Json(
            201,
            json!({
                "sid": sid,
                "account_sid": account,
                "to": to,
                "from": from,
                "body": body,
                "status": "queued",
                "direction": "outbound-api",
                "error_code": null,
                "error_message": null,
            }),
        ))
    }
}
