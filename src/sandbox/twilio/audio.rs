//! Sound files: those the stand-in hands out, and the length of those it is told to play.

/// Samples a second of the telephone network.
const RATE: u32 = 8000;

/// A WAV file of `seconds` of a soft 440 Hz tone: 16 bit PCM at 8 kHz, which is Twilio's 128 kbit/s a channel.
#[must_use]
pub fn wav(seconds: u32, channels: u16) -> Vec<u8> {
    let channels = channels.max(1);
    let frames = seconds.max(1).saturating_mul(RATE);
    let data_bytes = frames.saturating_mul(u32::from(channels)).saturating_mul(2);
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&data_bytes.saturating_add(36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&channels.to_le_bytes());
    file.extend_from_slice(&RATE.to_le_bytes());
    file.extend_from_slice(&(RATE.saturating_mul(u32::from(channels)).saturating_mul(2)).to_le_bytes());
    file.extend_from_slice(&channels.saturating_mul(2).to_le_bytes());
    file.extend_from_slice(&16_u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&data_bytes.to_le_bytes());
    for frame in 0..frames {
        // A triangle wave needs no floating point: 18 samples a period is 444 Hz.
        let phase = frame % 18;
        let height = if phase < 9 { phase } else { 18 - phase };
        let sample = i16::try_from(height).unwrap_or(0).saturating_mul(400).saturating_sub(1800);
        for _ in 0..channels {
            file.extend_from_slice(&sample.to_le_bytes());
        }
    }
    file
}

/// An MP3 file of `seconds` of silence: MPEG-2 layer III, mono, 32 kbit/s at 22.05 kHz.
#[must_use]
pub fn mp3(seconds: u32) -> Vec<u8> {
    // 576 samples a frame; a frame of zeros after its header decodes to silence. 72 * 32000 / 22050 = 104 bytes.
    let frames = seconds.max(1).saturating_mul(22_050).div_ceil(576);
    let mut file = Vec::new();
    for _ in 0..frames {
        file.extend_from_slice(&[0xFF, 0xF3, 0x40, 0xC4]);
        file.extend_from_slice(&[0; 100]);
    }
    file
}

/// How long a WAV file plays, in milliseconds; nothing when it is not one.
#[must_use]
pub fn wav_millis(file: &[u8]) -> Option<u64> {
    if file.get(0..4)? != b"RIFF" || file.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut at = 12_usize;
    let mut bytes_per_second = 0_u64;
    loop {
        let name = file.get(at..at.checked_add(4)?)?;
        let size_bytes: [u8; 4] = file.get(at.checked_add(4)?..at.checked_add(8)?)?.try_into().ok()?;
        let size = u32::from_le_bytes(size_bytes);
        let body = at.checked_add(8)?;
        if name == b"fmt " {
            let rate: [u8; 4] = file.get(body.checked_add(8)?..body.checked_add(12)?)?.try_into().ok()?;
            bytes_per_second = u64::from(u32::from_le_bytes(rate));
        }
        if name == b"data" {
            return (u64::from(size) * 1000).checked_div(bytes_per_second);
        }
        at = body.checked_add(usize::try_from(size).ok()?)?.checked_add(usize::try_from(size % 2).ok()?)?;
    }
}

#[cfg(test)]
mod tests {
    use super::{mp3, wav, wav_millis};

    #[test]
    fn a_tone_is_as_long_as_asked() {
        assert_eq!(wav_millis(&wav(17, 1)), Some(17_000));
        assert_eq!(wav_millis(&wav(3, 2)), Some(3_000));
        assert_eq!(wav_millis(b"not a sound"), None);
        assert_eq!(mp3(1).len(), 39 * 104);
    }
}
