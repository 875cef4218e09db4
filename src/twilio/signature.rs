//! Whether a request comes from Twilio: `X-Twilio-Signature`, over the raw request. Source: contract section 1.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::params::Form;

/// What is verified: the request as it arrived, before anything is decoded.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The public address, from [`public_url`]; never built from headers.
    pub url: &'a str,
    /// The `Content-Type` header, if there is one.
    pub content_type: Option<&'a str>,
    /// The raw body.
    pub body: &'a [u8],
    /// The `X-Twilio-Signature` header, if there is one.
    pub signature: Option<&'a str>,
}

/// The request is not from Twilio, or not as Twilio sent it. Answer 403 with an empty body and do nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not match the request")]
pub struct NotSigned;

/// The address under which Twilio sees a request: the configured base, then path and query byte for byte.
///
/// `path_and_query` is the unparsed request target. The result never has a fragment.
#[must_use]
pub fn public_url(public_base_url: &str, path_and_query: &str) -> String {
    let target = path_and_query.split('#').next().unwrap_or_default();
    format!("{}{target}", public_base_url.trim_end_matches('/'))
}

/// Checks the signature against each accepted token, and says which one matched (0 is the first).
///
/// All tokens and both port forms are tried whether or not one has matched, each compared in constant time. An empty
/// token never matches.
///
/// # Errors
///
/// [`NotSigned`] for a missing, malformed or wrong signature, a body whose hash is wrong, or a body of a kind that
/// Twilio does not sign.
pub fn verify(request: &SignedRequest<'_>, tokens: &[SecretString]) -> Result<usize, NotSigned> {
    let given = request.signature.ok_or(NotSigned)?.as_bytes();
    let tail = signed_tail(request)?;
    let mut found = None;
    for (index, token) in tokens.iter().enumerate() {
        for url in port_candidates(request.url) {
            let expected = sign(token.expose_secret(), &url, &tail);
            let matches = expected.is_some_and(|expected| bool::from(expected.as_bytes().ct_eq(given)));
            if matches && found.is_none() {
                found = Some(index);
            }
        }
    }
    found.ok_or(NotSigned)
}

/// The signature of one URL with what follows it, in base64; `None` for an empty token.
fn sign(token: &str, url: &str, tail: &[u8]) -> Option<String> {
    if token.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).ok()?;
    mac.update(url.as_bytes());
    mac.update(tail);
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

/// What is signed after the URL: the glued parameters of a form, nothing for JSON (its hash is in the URL).
fn signed_tail(request: &SignedRequest<'_>) -> Result<Vec<u8>, NotSigned> {
    let media =
        request.content_type.and_then(|header| header.split(';').next()).map(|media| media.trim().to_ascii_lowercase());
    match media.as_deref() {
        Some("application/x-www-form-urlencoded") => Ok(glue(&Form::decode(request.body))),
        Some("application/json") => {
            let hash = body_hash_in_query(request.url).ok_or(NotSigned)?;
            let actual = hex::encode(Sha256::digest(request.body));
            if bool::from(actual.as_bytes().ct_eq(hash.as_bytes())) { Ok(Vec::new()) } else { Err(NotSigned) }
        }
        Some(_) | None if request.body.is_empty() => Ok(Vec::new()),
        Some(_) | None => Err(NotSigned),
    }
}

/// Names in byte order, each with its distinct values in byte order, without separators.
fn glue(form: &Form) -> Vec<u8> {
    let mut sorted: BTreeMap<&[u8], BTreeSet<&[u8]>> = BTreeMap::new();
    for (name, value) in form.raw_pairs() {
        sorted.entry(name).or_default().insert(value);
    }
    let mut glued = Vec::new();
    for (name, values) in sorted {
        for value in values {
            glued.extend_from_slice(name);
            glued.extend_from_slice(value);
        }
    }
    glued
}

fn body_hash_in_query(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    let mut hashes = query.split('&').filter_map(|pair| pair.strip_prefix("bodySHA256="));
    let hash = hashes.next()?;
    // Two hashes would leave open which one was meant.
    hashes.next().is_none().then_some(hash)
}

/// The URL without a port and with one: Twilio signs either. Contract section 1.2.
fn port_candidates(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return vec![url.to_owned()];
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    // A colon inside the brackets of an IPv6 address or before an `@` does not begin a port.
    let host_from = authority.rfind(['@', ']']).unwrap_or(0);
    let (host, port) = match authority.rfind(':') {
        Some(at) if at >= host_from => {
            let (host, port) = authority.split_at(at);
            (host, port.trim_start_matches(':'))
        }
        Some(_) | None => (authority, ""),
    };
    let port = match (port, scheme) {
        ("", "https") => "443",
        ("", _) => "80",
        (port, _) => port,
    };
    vec![format!("{scheme}://{host}{tail}"), format!("{scheme}://{host}:{port}{tail}")]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const TOKEN: &str = "fixture-token";

    fn vectors() -> Vec<Value> {
        let text = include_str!("../../tests/fixtures/contracts/twilio/signature-vectors.json");
        let file: Value = serde_json::from_str(text).unwrap();
        file["vectors"].as_array().unwrap().clone()
    }

    #[test]
    fn every_vector_of_the_official_libraries_is_judged_alike() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 49);
        for vector in vectors {
            let body = vector["raw_body"].as_str().unwrap_or_default();
            let request = SignedRequest {
                url: vector["url"].as_str().unwrap(),
                content_type: vector["content_type"].as_str(),
                body: body.as_bytes(),
                signature: vector["signature"].as_str(),
            };
            let tokens = [SecretString::from(vector["auth_token"].as_str().unwrap())];
            assert_eq!(verify(&request, &tokens).is_ok(), vector["valid"].as_bool().unwrap(), "{}", vector["name"]);
        }
    }

    fn signed(url: &str, body: &str) -> String {
        sign(TOKEN, url, &glue(&Form::decode(body.as_bytes()))).unwrap()
    }

    fn check(url: &str, body: &[u8], signature: &str) -> Result<usize, NotSigned> {
        let content_type = Some("application/x-www-form-urlencoded; charset=UTF-8");
        let request = SignedRequest { url, content_type, body, signature: Some(signature) };
        verify(&request, &[SecretString::from(TOKEN)])
    }

    #[test]
    fn the_token_that_matched_is_named_during_a_rotation() {
        let url = "https://voice.example.com/twilio/voice";
        let signature = signed(url, "A=1");
        let request = SignedRequest {
            url,
            content_type: Some("application/x-www-form-urlencoded"),
            body: b"A=1",
            signature: Some(&signature),
        };
        let tokens = [SecretString::from("another"), SecretString::from(TOKEN)];
        assert_eq!(verify(&request, &tokens), Ok(1));
        assert_eq!(verify(&request, &[]), Err(NotSigned));
        assert_eq!(verify(&request, &[SecretString::from("")]), Err(NotSigned));
        assert_eq!(verify(&SignedRequest { signature: None, ..request }, &tokens), Err(NotSigned));
    }

    #[test]
    fn a_body_of_a_kind_that_is_never_signed_is_refused() {
        let url = "https://voice.example.com/twilio/voice";
        let signature = signed(url, "");
        for content_type in [None, Some("text/plain"), Some("multipart/form-data")] {
            let request = SignedRequest { url, content_type, body: b"Digits=1", signature: Some(&signature) };
            assert_eq!(verify(&request, &[SecretString::from(TOKEN)]), Err(NotSigned));
        }
    }

    #[test]
    fn the_public_address_keeps_the_query_byte_for_byte() {
        assert_eq!(
            public_url("https://h.example/off/", "/twilio/x?b=%2b&a=1#rc=1"),
            "https://h.example/off/twilio/x?b=%2b&a=1"
        );
    }

    proptest! {
        #[test]
        fn every_one_bit_change_is_refused(
            values in proptest::collection::vec("[ -~]{0,12}", 1..6),
            place in any::<prop::sample::Index>(),
            bit in 0_u8..8,
            part in 0_u8..3,
        ) {
            let url = "https://voice.example.com/twilio/left?call=42&step=3";
            let body = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(values.iter().enumerate().map(|(at, value)| (format!("Key{at}"), value)))
                .finish();
            let signature = signed(url, &body);
            prop_assert_eq!(check(url, body.as_bytes(), &signature), Ok(0));
            let parts: [&[u8]; 3] = [url.as_bytes(), body.as_bytes(), signature.as_bytes()];
            let mut changed = parts[usize::from(part)].to_vec();
            let at = place.index(changed.len());
            changed[at] ^= 1 << bit;
            match part {
                // The letter case of a percent escape is spelling: the parameters are the same.
                1 if Form::decode(&changed) == Form::decode(body.as_bytes()) => {}
                1 => prop_assert!(check(url, &changed, &signature).is_err()),
                0 => if let Ok(changed) = std::str::from_utf8(&changed) {
                    prop_assert!(check(changed, body.as_bytes(), &signature).is_err());
                },
                _ => if let Ok(changed) = std::str::from_utf8(&changed) {
                    prop_assert!(check(url, body.as_bytes(), changed).is_err());
                },
            }
        }
    }
}
