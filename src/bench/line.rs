//! A lean Twilio: requests signed beforehand, sent over connections that stay open. It shares the machine's cores with
//! the service, so it does as little as it can.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The account of the bench. Not a real one.
pub(super) const ACCOUNT_SID: &str = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// Its token. Not a real one.
pub(super) const AUTH_TOKEN: &str = "not-a-real-token-of-the-bench";
/// Where Twilio would reach the service; only signatures know it.
pub(super) const PUBLIC_BASE_URL: &str = "https://calls.example.com";

/// A caller who dials.
#[derive(Debug, Clone)]
pub(super) struct Dialler {
    /// `+1555` and seven digits: an area code that nobody has.
    pub phone: String,
    /// The carrier's name of the call: as random as the real ones, so that indexes feel it.
    pub call_sid: String,
    /// The name of the request, the same when it is repeated.
    pub token: String,
}

impl Dialler {
    /// One caller a number; two numbers never share a phone or a call.
    pub(super) fn new(number: u32) -> Self {
        let drawn = hex::encode(Sha1::digest(number.to_be_bytes()));
        let (sid, token) = (drawn.get(..32).unwrap_or_default(), drawn.get(4..).unwrap_or_default());
        Self {
            phone: format!("+1555{:07}", number % 10_000_000),
            call_sid: format!("CA{sid}"),
            token: format!("{}-{}", token, number % 10),
        }
    }

    /// The whole request of a call to `to`, with the parameters of a real one. Contract twilio.md sections 1.1 and 4.
    pub(super) fn voice_request(&self, to: &str) -> Vec<u8> {
        let fields: [(&str, &str); 22] = [
            ("AccountSid", ACCOUNT_SID),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", &self.call_sid),
            ("CallStatus", "ringing"),
            ("CallToken", "%7B%22parentCallInfoToken%22%3A%22not-a-real-token%22%7D"),
            ("Called", to),
            ("CalledCity", ""),
            ("CalledCountry", "US"),
            ("CalledState", ""),
            ("CalledZip", ""),
            ("Caller", &self.phone),
            ("CallerCity", "SPRINGFIELD"),
            ("CallerCountry", "US"),
            ("CallerState", "IL"),
            ("CallerZip", "62701"),
            ("Direction", "inbound"),
            ("From", &self.phone),
            ("FromCity", "SPRINGFIELD"),
            ("FromCountry", "US"),
            ("StirVerstat", "TN-Validation-Passed-A"),
            ("To", to),
            ("ToCountry", "US"),
        ];
        // The fields stand in the order of their names, which is the order in which they are signed.
        let mut signed = format!("{PUBLIC_BASE_URL}/twilio/voice");
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            signed.push_str(name);
            signed.push_str(value);
            form.append_pair(name, value);
        }
        let body = form.finish();
        let signature = Hmac::<Sha1>::new_from_slice(AUTH_TOKEN.as_bytes()).map_or_else(
            |_| String::new(),
            |mut mac| {
                mac.update(signed.as_bytes());
                STANDARD.encode(mac.finalize().into_bytes())
            },
        );
        format!(
            "POST /twilio/voice HTTP/1.1\r\nHost: calls.example.com\r\nUser-Agent: TwilioProxy/1.1\r\n\
             Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nContent-Length: {}\r\n\
             I-Twilio-Idempotency-Token: {}\r\nX-Twilio-Signature: {signature}\r\n\r\n{body}",
            body.len(),
            self.token,
        )
        .into_bytes()
    }
}

/// One connection that stays open.
pub(super) struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("could not reach the service")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(8_192) })
    }

    /// Sends a request and waits for the whole answer: status and body.
    pub(super) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<(u16, String)> {
        self.stream.write_all(request).await?;
        self.read.clear();
        loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the service closed the connection");
            }
            if let Some(answer) = read_answer(&self.read)? {
                return Ok(answer);
            }
        }
    }

    /// Sends a voice webhook; anything but a document with a `<Response>` is an error.
    pub(super) async fn ring(&mut self, request: &[u8]) -> anyhow::Result<String> {
        match self.ask(request).await? {
            (200, body) if body.contains("<Enqueue") || body.contains("<Response>") => Ok(body),
            (status, body) => bail!("a webhook was answered with {status}: {body}"),
        }
    }

    /// Asks for a page.
    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: calls.example.com\r\n\r\n");
        Ok(self.ask(request.as_bytes()).await?.0)
    }
}

/// The answer, once all of it is there. Chunked answers do not occur at the doors that are measured.
fn read_answer(read: &[u8]) -> anyhow::Result<Option<(u16, String)>> {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(read.get(..end).unwrap_or_default())?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("an answer without a status")?;
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |(_, length)| length.trim().parse())?;
    let body = read.get(end + 4..).unwrap_or_default();
    if body.len() < length {
        return Ok(None);
    }
    Ok(Some((status, String::from_utf8_lossy(body).into_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_all_of_it_is_there() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd";
        assert_eq!(read_answer(&whole[..whole.len() - 1]).unwrap(), None);
        assert_eq!(read_answer(whole).unwrap(), Some((200, "abcd".to_owned())));
        assert_eq!(read_answer(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap(), Some((204, String::new())));
    }

    #[test]
    fn callers_differ_and_their_fields_are_in_the_order_of_signing() {
        let (one, other) = (Dialler::new(1), Dialler::new(2));
        assert_ne!((one.phone.as_str(), one.call_sid.as_str()), (other.phone.as_str(), other.call_sid.as_str()));
        let request = String::from_utf8(one.voice_request("+15550100002")).unwrap();
        let body = request.split("\r\n\r\n").nth(1).unwrap();
        let names: Vec<&str> = body.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}
