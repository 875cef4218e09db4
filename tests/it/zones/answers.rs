//! The oracle's answers, in the form that `oracle.py` describes.

use std::ops::Range;

/// Read from first to last, in the order in which they were written.
pub(super) struct Answers {
    bytes: Vec<u8>,
    at: usize,
}

impl Answers {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.bytes.get(self.at..self.at + N).expect("the oracle wrote less than it announced");
        self.at += N;
        taken.try_into().unwrap()
    }

    fn number(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    /// The release of the zone data, such as `2025b`.
    pub(super) fn release(&mut self) -> String {
        String::from_utf8(self.take::<5>().to_vec()).unwrap()
    }

    /// The changes of the clock: second, offset before, offset after.
    pub(super) fn changes(&mut self) -> Vec<(i64, i32, i32)> {
        let count = self.number();
        let mut change =
            || (i64::from_le_bytes(self.take()), i32::from_le_bytes(self.take()), i32::from_le_bytes(self.take()));
        (0..count).map(|_| change()).collect()
    }

    /// The minutes that were looked at.
    pub(super) fn spans(&mut self) -> Vec<Range<u32>> {
        self.runs().into_iter().map(|(first, end)| first..end).collect()
    }

    /// The minutes that are open.
    pub(super) fn runs(&mut self) -> Vec<(u32, u32)> {
        let count = self.number();
        (0..count).map(|_| (self.number(), self.number())).collect()
    }

    /// Everything was read.
    pub(super) fn finish(&self) {
        assert_eq!(self.at, self.bytes.len(), "the oracle wrote more than it announced");
    }
}
