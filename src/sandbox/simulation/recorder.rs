//! The recorder: what callers leave there, and when its file is ready.

use super::Ms;
use super::agenda::Happening;
use super::callers::{Place, Recording};
use super::world::World;
use crate::call::signal::Signal;
use crate::ids::CarrierRef;

impl World {
    /// The caller stops speaking, by silence or a key, or hangs up.
    pub(super) fn message_over(&mut self, call: usize) {
        let Some(Place::Recording { since }) = self.callers.get(call).map(|caller| caller.place) else { return };
        let hangs_up = self.chance.hits(600);
        if hangs_up {
            return self.caller_gone(call);
        }
        let (recording, seconds) = self.stop_recording(call, since);
        self.ask_caller_anew(call, Signal::VoicemailTaken { recording, seconds });
    }

    /// What the recorder leaves: a message, or nothing when it is too short.
    pub(super) fn stop_recording(&mut self, call: usize, since: Ms) -> (Option<CarrierRef>, Option<u32>) {
        let seconds = u32::try_from((self.now - since) / 1_000).unwrap_or(0);
        if seconds == 0 {
            if self.chance.hits(300) {
                // The carrier names what it did not keep. Contract twilio.md 4.3.
                let recording = Some(CarrierRef::new(&format!("RE{}-absent", self.recordings.len())));
                self.callback(call, Signal::RecordingAbsent { recording });
            }
            return (None, None);
        }
        let number = self.recordings.len();
        let name = CarrierRef::new(&format!("RE{number}"));
        if self.ladder_of == Some(call) {
            self.rung(&format!("  carrier: recorded {seconds} s"));
        }
        // Recorded by a door that never got through to the store: no call, and none to look for it.
        let is_known = self.shelf.find(call).is_some();
        self.recordings.push(Recording { call, name: name.clone(), seconds, ready: false, is_known });
        let at = self.now + self.chance.between(1_000, 12_000);
        self.agenda.put(at, Happening::RecordingDone { recording: number });
        (Some(name), Some(seconds))
    }

    pub(super) fn recording_done(&mut self, number: usize) {
        let Some(recording) = self.recordings.get_mut(number) else { return };
        recording.ready = true;
        let (call, name, seconds) = (recording.call, recording.name.clone(), recording.seconds);
        self.callback(call, Signal::RecordingReady { recording: name.clone(), seconds });
        if self.chance.hits(500) {
            let text = (!self.chance.hits(200)).then(|| "words".to_owned());
            self.callback(call, Signal::Transcribed { recording: name, text });
        }
    }
}
