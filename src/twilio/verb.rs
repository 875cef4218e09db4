//! One element of TwiML, and the only writer of XML in this room. Source: threat T-18, contract section 2.1.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// The longest text of a `Say`, in characters. Source: contract section 2.1.
pub(super) const SAY_CHARS_MAX: usize = 4096;

/// The largest document, in bytes. Source: contract section 2.1, error 11750.
pub(super) const DOCUMENT_BYTES_MAX: usize = 64 * 1024;

/// Said to nobody: what is answered where a document could not be written or has nobody to hear it. It hangs up.
pub(super) const BARE_HANGUP: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Hangup/></Response>";

/// One element, its attributes in the order they were given.
#[derive(Debug, Clone)]
pub(super) struct Verb {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Self>,
    text: String,
}

impl Verb {
    /// An empty element.
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), children: Vec::new(), text: String::new() }
    }

    /// Spoken text in that voice; nothing when there is nothing to say, since an empty `Say` is an error.
    pub(super) fn say(words: &str, voice: &str, language: &str) -> Option<Self> {
        let words: String = legal(words).chars().take(SAY_CHARS_MAX).collect();
        (!words.trim().is_empty())
            .then(|| Self::new("Say").with("voice", voice).with("language", language).text(&words))
    }

    /// The same, with an attribute.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and words are given as they stand")]
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, legal(&value.to_string())));
        self
    }

    /// The same, with these inside.
    pub(super) fn holding(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// The same, with that text.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.text = legal(text);
        self
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let mut start = BytesStart::new(self.name);
        for (name, value) in &self.attributes {
            start.push_attribute((*name, value.as_str()));
        }
        if self.children.is_empty() && self.text.is_empty() {
            return writer.write_event(Event::Empty(start));
        }
        writer.write_event(Event::Start(start))?;
        if !self.text.is_empty() {
            writer.write_event(Event::Text(BytesText::new(&self.text)))?;
        }
        for child in &self.children {
            child.write(writer)?;
        }
        writer.write_event(Event::End(BytesEnd::new(self.name)))
    }
}

/// A whole document. One that cannot be written or is too large becomes one that hangs up.
pub(super) fn write_document(verbs: impl IntoIterator<Item = Verb>) -> String {
    let mut writer = Writer::new(Vec::new());
    let written = writer
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| Verb::new("Response").holding(verbs).write(&mut writer));
    match (written, String::from_utf8(writer.into_inner())) {
        (Ok(()), Ok(document)) if document.len() < DOCUMENT_BYTES_MAX => document,
        (_, _) => BARE_HANGUP.to_owned(),
    }
}

/// The text without characters that XML 1.0 forbids, even escaped.
fn legal(text: &str) -> String {
    text.chars()
        .filter(|char| matches!(char, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..))
        .collect()
}
