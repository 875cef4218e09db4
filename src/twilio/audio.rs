//! The ringback a waiting caller hears: made here, so that nothing is fetched and nobody else's sound is used.

use std::f64::consts::TAU;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

/// Samples a second; telephones carry no more.
const RATE: u32 = 8000;

/// The paths of the files, by their length in seconds from 1.
const PATHS: [&str; 6] = [
    "/audio/ringback-1.wav",
    "/audio/ringback-2.wav",
    "/audio/ringback-3.wav",
    "/audio/ringback-4.wav",
    "/audio/ringback-5.wav",
    "/audio/ringback-6.wav",
];

/// One file.
#[derive(Debug)]
pub struct AudioFile {
    /// WAV, 8 kHz, 16 bits, mono.
    pub bytes: Vec<u8>,
    /// The quoted entity tag.
    pub etag: String,
}

/// The path of ringback of that many seconds, held within 1 to 6.
#[must_use]
pub fn ringback_path(seconds: u32) -> &'static str {
    let index = usize::try_from(seconds.clamp(1, 6) - 1).unwrap_or(0);
    PATHS.get(index).copied().unwrap_or("/audio/ringback-6.wav")
}

/// The file at a path, made once.
#[must_use]
pub fn find_audio(path: &str) -> Option<&'static AudioFile> {
    static FILES: OnceLock<Vec<AudioFile>> = OnceLock::new();
    let index = PATHS.iter().position(|known| *known == path)?;
    FILES.get_or_init(|| (1..=6).map(make_ringback).collect()).get(index)
}

/// 440 and 480 Hz together, 2 s on and 4 s off: the ringing tone of North America.
fn make_ringback(seconds: u32) -> AudioFile {
    let samples = RATE * seconds;
    let data_bytes = samples * 2;
    let mut bytes = Vec::new();
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(36 + data_bytes).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    bytes.extend_from_slice(&1_u16.to_le_bytes()); // PCM
    bytes.extend_from_slice(&1_u16.to_le_bytes()); // mono
    bytes.extend_from_slice(&RATE.to_le_bytes());
    bytes.extend_from_slice(&(RATE * 2).to_le_bytes());
    bytes.extend_from_slice(&2_u16.to_le_bytes());
    bytes.extend_from_slice(&16_u16.to_le_bytes());
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data_bytes.to_le_bytes());
    for index in 0..samples {
        bytes.extend_from_slice(&sample_at(index).to_le_bytes());
    }
    let etag = format!("\"{}\"", hex::encode(Sha256::digest(&bytes).iter().take(8).copied().collect::<Vec<u8>>()));
    AudioFile { bytes, etag }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a product below 0.5 of the full range fits"
)]
fn sample_at(index: u32) -> i16 {
    if index >= RATE * 2 {
        return 0;
    }
    let at = f64::from(index) / f64::from(RATE);
    let tone = (TAU * 440.0 * at).sin() + (TAU * 480.0 * at).sin();
    (tone * 0.2 * f64::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ringback_has_its_length_and_a_silence_after_two_seconds() {
        for seconds in 0..9 {
            let file = find_audio(ringback_path(seconds)).unwrap();
            let length = usize::try_from(seconds.clamp(1, 6) * RATE * 2).unwrap();
            assert_eq!(file.bytes.len(), 44 + length);
            assert!(file.bytes[44..].iter().any(|byte| *byte != 0));
        }
        let six = find_audio("/audio/ringback-6.wav").unwrap();
        assert!(six.bytes[44 + 32_000..].iter().all(|byte| *byte == 0));
        assert!(find_audio("/audio/other.wav").is_none());
    }
}
