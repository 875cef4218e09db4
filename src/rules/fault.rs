//! What is wrong with a document: every fault with its line and its path, so that all of them are told at once.

use std::fmt;
use std::ops::Range;

/// Most faults told of one document: more help nobody, and each costs a look through the text.
pub const FAULTS_MAX: usize = 500;

/// One fault of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1; none where the document has no lines, as JSON has not.
    pub line: Option<usize>,
    /// JSON pointer to the field, such as `/brand/0/calendar/day/1/hours/0`; empty for the whole document. The field
    /// may be absent. Source: RFC 6901.
    pub pointer: String,
    /// What is wrong, what was seen and what is allowed.
    pub message: String,
}

/// A document that cannot be used. The message has one line a fault: `routing.toml:14: … (/brand/0/inbox)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingFileError {
    /// The document, as it was named to us.
    pub file: String,
    /// At most [`FAULTS_MAX`], by line; never empty.
    pub faults: Vec<Fault>,
}

impl fmt::Display for RoutingFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let end_of_last = if index == 0 { "" } else { "\n" };
            write!(f, "{end_of_last}{}:", self.file)?;
            if let Some(line) = fault.line {
                write!(f, "{line}:")?;
            }
            write!(f, " {}", fault.message)?;
            if !fault.pointer.is_empty() {
                write!(f, " ({})", fault.pointer)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for RoutingFileError {}

/// Where a value stands, or should.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) span: Range<usize>,
    pub(super) pointer: String,
}

impl Place {
    /// A field or an item below.
    pub(super) fn below(&self, name: &str, span: Range<usize>) -> Self {
        Self { span, pointer: format!("{}/{}", self.pointer, escaped(name)) }
    }
}

/// A name as it stands in a JSON pointer. Source: RFC 6901, section 3.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// Gathers faults of one document.
pub(super) struct Faults<'t> {
    /// The text that the places are of; none if it has no lines.
    text: Option<&'t str>,
    list: Vec<Fault>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(text: Option<&'t str>) -> Self {
        Self { text, list: Vec::new() }
    }

    pub(super) fn add(&mut self, place: &Place, message: impl Into<String>) {
        if self.list.len() >= FAULTS_MAX {
            return;
        }
        let line = self.text.map(|text| text.bytes().take(place.span.start).filter(|b| *b == b'\n').count() + 1);
        self.list.push(Fault { line, pointer: place.pointer.clone(), message: message.into() });
    }

    /// How many there are so far; at most [`FAULTS_MAX`].
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// What was read, if nothing was wrong.
    pub(super) fn conclude<T>(mut self, file: &str, read: Option<T>) -> Result<T, RoutingFileError> {
        self.list.sort_by_key(|fault| fault.line);
        match read {
            Some(read) if self.list.is_empty() => Ok(read),
            _ => Err(RoutingFileError { file: file.to_owned(), faults: self.list }),
        }
    }
}
