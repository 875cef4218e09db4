//! Memory that was freed, given back to the system. A crate of its own, since the C library offers that only as an unsafe
//! function and Offhook itself forbids unsafe code.

/// Asks the C library's heaps to give back every whole page that nobody uses. Returns whether any was.
///
/// glibc gives memory back by itself from the end of a heap only, so what a start or the reading of large rules left behind
/// stays with the process for good. While one heap is looked through, the threads that use it wait: well under a
/// millisecond for a heap of some megabytes. Elsewhere than with glibc it does nothing.
///
/// Source: `malloc_trim(3)`; all heaps since glibc 2.8.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[must_use]
pub fn give_back() -> bool {
    #[expect(unsafe_code, reason = "the C library has no safe way to ask for this")]
    // SAFETY: takes no pointer, touches only what is free, and may be called from any thread at any time.
    let released = unsafe { libc::malloc_trim(0) };
    released != 0
}

/// Nothing to do: other C libraries give memory back by themselves, or have no such function.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
#[must_use]
pub fn give_back() -> bool {
    false
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::give_back;

    /// Kibibytes that this process holds.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    fn what_lies_freed_between_what_is_kept_goes_back() {
        // Blocks of 8 KiB, of which every sixteenth is kept: nothing can be given back from the end of the heap.
        let mut blocks: Vec<Option<Vec<u8>>> = (0..4_096).map(|_| Some(vec![1; 8_192])).collect();
        for (number, block) in blocks.iter_mut().enumerate() {
            if number % 16 != 15 {
                block.take();
            }
        }
        let before = resident();
        assert!(give_back());
        let after = resident();
        assert!(after + 20_000 < before, "{before} KiB before, {after} KiB after");
        assert_eq!(blocks.iter().flatten().count(), 256, "what is kept stays");
    }
}
