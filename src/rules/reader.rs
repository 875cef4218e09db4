//! Reads a TOML table field by field and keeps every fault with its line, so that all of them are told at once.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One fault of a routing file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, what was seen and what is allowed.
    pub message: String,
}

/// A routing file that cannot be used. The message has one line a fault: `routing.toml:14: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingFileError {
    /// The file, as it was named to us.
    pub file: String,
    /// Every fault, by line; never empty.
    pub faults: Vec<Fault>,
}

impl fmt::Display for RoutingFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let end_of_last = if index == 0 { "" } else { "\n" };
            write!(f, "{end_of_last}{}:{}: {}", self.file, fault.line, fault.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for RoutingFileError {}

/// Gathers faults of one text.
pub(super) struct Faults<'t> {
    text: &'t str,
    pub(super) list: Vec<Fault>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, list: Vec::new() }
    }

    pub(super) fn add(&mut self, span: &Range<usize>, message: impl Into<String>) {
        let line = self.text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1;
        self.list.push(Fault { line, message: message.into() });
    }
}

/// A text with its place.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// One table, whose fields are asked for by name; what nobody asked for is unknown.
pub(super) struct Fields<'t, 'i> {
    table: &'t DeTable<'i>,
    span: Range<usize>,
    /// What the table is, for messages: `brand`.
    what: &'static str,
    asked: Vec<&'static str>,
}

impl<'t, 'i> Fields<'t, 'i> {
    pub(super) fn new(table: &'t DeTable<'i>, span: Range<usize>, what: &'static str) -> Self {
        Self { table, span, what, asked: Vec::new() }
    }

    pub(super) fn span(&self) -> &Range<usize> {
        &self.span
    }

    pub(super) fn value(&mut self, name: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.asked.push(name);
        self.table.get(name)
    }

    pub(super) fn text(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Option<Placed<&'t str>> {
        let value = self.value(name)?;
        match value.get_ref().as_str() {
            Some(text) => Some(Placed { value: text, span: value.span() }),
            None => {
                faults.add(&value.span(), format!("`{name}` is {}; allowed: a text in quotes", kind(value)));
                None
            }
        }
    }

    /// A text of words to be shown or spoken: 1 to `chars_max` characters, none of them a control character.
    pub(super) fn words(&mut self, faults: &mut Faults<'_>, name: &'static str, chars_max: usize) -> Option<String> {
        let text = self.text(faults, name)?;
        let length = text.value.chars().count();
        if text.value.trim().is_empty() || length > chars_max || text.value.chars().any(char::is_control) {
            faults.add(&text.span, format!("`{name}` has {length} characters; allowed: 1 to {chars_max}, on one line"));
            return None;
        }
        Some(text.value.to_owned())
    }

    /// A field that must be there: a fault is noted if it is not. `read` notes its own faults.
    pub(super) fn required<T>(
        &mut self,
        faults: &mut Faults<'_>,
        name: &'static str,
        read: impl FnOnce(&mut Self, &mut Faults<'_>) -> Option<T>,
    ) -> Option<T> {
        if !self.table.contains_key(name) {
            self.asked.push(name);
            faults.add(&self.span, format!("this {} has no `{name}`", self.what));
            return None;
        }
        read(self, faults)
    }

    /// A text that `parse` understands; otherwise a fault says what is `allowed`.
    pub(super) fn parsed<T>(
        &mut self,
        faults: &mut Faults<'_>,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Placed<T>> {
        let text = self.text(faults, name)?;
        let value = parse(text.value);
        if value.is_none() {
            faults.add(&text.span, format!("`{name}` is `{}`; allowed: {allowed}", shown(text.value)));
        }
        value.map(|value| Placed { value, span: text.span })
    }

    pub(super) fn integer(
        &mut self,
        faults: &mut Faults<'_>,
        name: &'static str,
        allowed: RangeInclusive<i64>,
    ) -> Option<i64> {
        let value = self.value(name)?;
        let number =
            value.get_ref().as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        let fits = number.filter(|number| allowed.contains(number));
        if fits.is_none() {
            let seen = number.map_or_else(|| kind(value).to_owned(), |number| number.to_string());
            faults.add(
                &value.span(),
                format!("`{name}` is {seen}; allowed: a whole number from {} to {}", allowed.start(), allowed.end()),
            );
        }
        fits
    }

    pub(super) fn boolean(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Option<bool> {
        let value = self.value(name)?;
        let read = value.get_ref().as_bool();
        if read.is_none() {
            faults.add(&value.span(), format!("`{name}` is {}; allowed: true or false", kind(value)));
        }
        read
    }

    /// A list of texts; empty if the field is absent.
    pub(super) fn texts(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Vec<Placed<&'t str>> {
        self.value(name).map(|value| texts_of(faults, name, value)).unwrap_or_default()
    }

    pub(super) fn table(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Option<Self> {
        let value = self.value(name)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            faults.add(&value.span(), format!("`{name}` is {}; allowed: a table", kind(value)));
        }
        table.map(|table| Fields::new(table, value.span(), name))
    }

    /// A list of tables `[[name]]`; empty if the field is absent.
    pub(super) fn tables(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Vec<Self> {
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            faults.add(&value.span(), format!("`{name}` is {}; allowed: [[{name}]]", kind(value)));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_table() {
                Some(table) => tables.push(Fields::new(table, item.span(), name)),
                None => faults.add(&item.span(), format!("an item of `{name}` is {}; allowed: [[{name}]]", kind(item))),
            }
        }
        tables
    }

    /// Notes every field that nobody asked for.
    pub(super) fn finish(self, faults: &mut Faults<'_>) {
        for name in self.table.keys() {
            if !self.asked.contains(&name.get_ref().as_ref()) {
                let allowed = self.asked.join(", ");
                faults.add(
                    &name.span(),
                    format!("`{}` is unknown in a {}; allowed: {allowed}", shown(name.get_ref()), self.what),
                );
            }
        }
    }
}

/// The texts of a list.
pub(super) fn texts_of<'t>(
    faults: &mut Faults<'_>,
    name: &str,
    value: &'t Spanned<DeValue<'_>>,
) -> Vec<Placed<&'t str>> {
    let Some(items) = value.get_ref().as_array() else {
        faults.add(&value.span(), format!("`{name}` is {}; allowed: a list of texts, [\"…\"]", kind(value)));
        return Vec::new();
    };
    let mut texts = Vec::new();
    for item in items.iter() {
        match item.get_ref().as_str() {
            Some(text) => texts.push(Placed { value: text, span: item.span() }),
            None => {
                faults.add(&item.span(), format!("an item of `{name}` is {}; allowed: a text in quotes", kind(item)));
            }
        }
    }
    texts
}

fn kind(value: &Spanned<DeValue<'_>>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// What stood there, short enough for a message.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
