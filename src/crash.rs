//! Crash points: named places where a test kills the process, to see that nothing is lost. Compiled in with the feature
//! `test-seams` alone.

/// Every crash point of the product, for the test that visits each.
pub const CRASH_POINTS: &[&str] = &[
    "switchboard.before_save",
    "switchboard.after_save",
    "outbox.after_lease",
    "outbox.before_request",
    "outbox.after_request",
    "outbox.after_settle",
    "carrier.after_placing",
    "carrier.after_cancel",
    "carrier.before_fetch",
    "carrier.after_fetch",
    "recording.after_download",
    "recording.after_store",
    "inbox.after_contact",
    "inbox.after_conversation",
    "inbox.after_link",
    "inbox.after_message",
    "inbox.after_note",
    "inbox.after_voicemail",
    "inbox.after_missed",
    "inbox.after_assignment",
    "inbox.after_labels",
    "inbox.after_end",
];

/// Kills the process here if `OFFHOOK_TEST_CRASH_AT` names this point.
#[macro_export]
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "test-seams")]
        $crate::crash::reach($name);
    };
}

/// Ends the process at once, as a power cut would, if this is the point that a test chose.
///
/// With `name@3` the third time counts.
///
/// # Panics
///
/// With `panic:name` the work alone breaks off, with somebody's words in the message.
#[cfg(feature = "test-seams")]
pub fn reach(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static VISITS: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::disallowed_methods, reason = "a seam of tests, not a setting")]
    let Ok(chosen) = std::env::var("OFFHOOK_TEST_CRASH_AT") else { return };
    let panics = chosen.strip_prefix("panic:");
    let chosen = panics.unwrap_or(&chosen);
    let (point, visit) = chosen.split_once('@').unwrap_or((chosen, "1"));
    if point == name && VISITS.fetch_add(1, Ordering::SeqCst) + 1 == visit.parse().unwrap_or(1) {
        assert!(panics.is_none(), "Jane Doe lives at Zanzibar Lane");
        std::process::abort();
    }
}
