//! Sends a request and judges the answer. Source: contract section 5.1, threat T-32.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::TwilioError;

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a request that got no answer means.
pub(super) fn lost(attempt: &'static str, error: reqwest::Error) -> TwilioError {
    if error.is_connect() || error.is_builder() {
        TwilioError::Unreachable { attempt, source: error.without_url() }
    } else {
        TwilioError::UnknownResult { attempt }
    }
}

/// The answer as that type.
pub(super) async fn read_json<T: DeserializeOwned>(
    attempt: &'static str,
    request: RequestBuilder,
) -> Result<T, TwilioError> {
    let response = accept(attempt, request.send().await.map_err(|error| lost(attempt, error))?).await?;
    let body = read_body(attempt, response, ANSWER_BYTES_MAX).await?;
    serde_json::from_slice(&body).map_err(|_| TwilioError::Malformed { attempt })
}

/// The response, if it is a success.
pub(super) async fn accept(attempt: &'static str, response: Response) -> Result<Response, TwilioError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        let header = response.headers().get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        return Err(TwilioError::SlowDown { attempt, retry_after });
    }
    let body = read_body(attempt, response, ANSWER_BYTES_MAX).await.unwrap_or_default();
    Err(judge(attempt, status.as_u16(), &body))
}

/// What an answer that is no success means.
pub(super) fn judge(attempt: &'static str, status: u16, body: &[u8]) -> TwilioError {
    let code = serde_json::from_slice::<ErrorBody>(body).ok().and_then(|body| body.code);
    match (code, status) {
        (Some(20429), _) | (_, 429) => TwilioError::SlowDown { attempt, retry_after: None },
        (_, 500..) => TwilioError::UnknownResult { attempt },
        (code, status) => TwilioError::Refused { attempt, code, status },
    }
}

/// The whole body, at most `max` bytes.
pub(super) async fn read_body(attempt: &'static str, mut response: Response, max: usize) -> Result<Bytes, TwilioError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| TwilioError::UnknownResult { attempt })? {
        if body.len() + chunk.len() > max {
            return Err(TwilioError::Malformed { attempt });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    code: Option<u32>,
}
