//! Reads a table of a document field by field.

use std::ops::RangeInclusive;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::fault::{Faults, Place, Placed};
use super::forms::{DATE_FORM, INSTANT_FORM, parse_date, parse_instant};
use super::node::{Content, Node, Table};
use super::placeholder;

/// One table, whose fields are asked for by name; what nobody asked for is unknown.
pub(super) struct Fields<'n> {
    table: &'n Table<'n>,
    place: Place,
    /// What the table is, for messages: `brand`.
    what: &'static str,
    asked: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    pub(super) fn new(table: &'n Table<'n>, place: Place, what: &'static str) -> Self {
        Self { table, place, what, asked: Vec::new() }
    }

    /// Where the table stands.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Where a field stands, or would.
    pub(super) fn place_of(&self, name: &str) -> Place {
        let span = self.find(name).map_or_else(|| self.place.span.clone(), |node| node.span.clone());
        self.place.below(name, span)
    }

    fn find(&self, name: &str) -> Option<&'n Node<'n>> {
        self.table.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub(super) fn value(&mut self, name: &'static str) -> Option<&'n Node<'n>> {
        self.asked.push(name);
        self.find(name)
    }

    /// Every field, for a table whose names are data.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (&'n str, Placed<&'n Node<'n>>)> {
        let place = self.place;
        self.table
            .iter()
            .map(move |(key, node)| (key.name, Placed { value: node, place: place.below(key.name, key.span.clone()) }))
    }

    /// Notes that a field was not understood: what it is, and what is allowed.
    pub(super) fn refuse_kind(&self, faults: &mut Faults<'_>, name: &'static str, node: &Node<'_>, allowed: &str) {
        faults.add(&self.place_of(name), format!("`{name}` is {}; allowed: {allowed}", node.kind()));
    }

    /// Notes a fault at a field.
    pub(super) fn refuse(&self, faults: &mut Faults<'_>, name: &str, message: impl Into<String>) {
        faults.add(&self.place_of(name), message);
    }

    /// Notes a fault if a field is there that has no meaning beside the others.
    pub(super) fn refuse_if_there(&mut self, faults: &mut Faults<'_>, name: &'static str, belongs_to: &str) {
        if self.value(name).is_some() {
            self.refuse(faults, name, format!("`{name}` belongs to {belongs_to}"));
        }
    }

    pub(super) fn text(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Option<Placed<&'n str>> {
        let node = self.value(name)?;
        if let Content::Text(text) = node.content {
            return Some(Placed { value: text, place: self.place_of(name) });
        }
        self.refuse_kind(faults, name, node, "a text in quotes");
        None
    }

    /// A text of words to be shown or spoken: 1 to `chars_max` characters, none of them a control character.
    pub(super) fn words(&mut self, faults: &mut Faults<'_>, name: &'static str, chars_max: usize) -> Option<String> {
        let text = self.text(faults, name)?;
        check_words(faults, name, &text, chars_max)
    }

    /// Words in which `{opens}` stands for the sentence that tells when the brand opens, and nothing else is in braces.
    pub(super) fn words_with_opening(
        &mut self,
        faults: &mut Faults<'_>,
        name: &'static str,
        chars_max: usize,
    ) -> Option<String> {
        let words = self.words(faults, name, chars_max)?;
        if let Some(unknown) = placeholder::find_unknown(&words) {
            let told =
                format!("`{{{}}}` in `{name}` stands for nothing; allowed: {}", shown(unknown), placeholder::OPENS);
            self.refuse(faults, name, told);
            return None;
        }
        Some(words)
    }

    /// A field that must be there: a fault is noted if it is not. `read` notes its own faults.
    pub(super) fn required<T>(
        &mut self,
        faults: &mut Faults<'_>,
        name: &'static str,
        read: impl FnOnce(&mut Self, &mut Faults<'_>) -> Option<T>,
    ) -> Option<T> {
        if !self.has(name) {
            self.asked.push(name);
            self.refuse(faults, name, format!("this {} has no `{name}`", self.what));
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
            faults.add(&text.place, format!("`{name}` is `{}`; allowed: {allowed}", shown(text.value)));
        }
        value.map(|value| Placed { value, place: text.place })
    }

    pub(super) fn integer(
        &mut self,
        faults: &mut Faults<'_>,
        name: &'static str,
        allowed: RangeInclusive<i64>,
    ) -> Option<i64> {
        let node = self.value(name)?;
        let number = if let Content::Integer(number) = node.content { number } else { None };
        let fits = number.filter(|number| allowed.contains(number));
        if fits.is_none() {
            let seen = number.map_or_else(|| node.kind().to_owned(), |number| number.to_string());
            let (from, to) = (allowed.start(), allowed.end());
            self.refuse(faults, name, format!("`{name}` is {seen}; allowed: a whole number from {from} to {to}"));
        }
        fits
    }

    /// A whole number of small range, `default` if absent.
    pub(super) fn count(
        &mut self,
        faults: &mut Faults<'_>,
        name: &'static str,
        allowed: RangeInclusive<u32>,
        default: u32,
    ) -> u32 {
        let allowed = i64::from(*allowed.start())..=i64::from(*allowed.end());
        self.integer(faults, name, allowed).and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    }

    /// A span in whole seconds, `default_s` if absent.
    pub(super) fn seconds(
        &mut self,
        faults: &mut Faults<'_>,
        name: &'static str,
        allowed: RangeInclusive<u32>,
        default_s: u32,
    ) -> Duration {
        Duration::from_secs(self.count(faults, name, allowed, default_s).into())
    }

    pub(super) fn boolean(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Option<bool> {
        let node = self.value(name)?;
        if let Content::Boolean(is_true) = node.content {
            return Some(is_true);
        }
        self.refuse_kind(faults, name, node, "true or false");
        None
    }

    /// A date, quoted or not.
    pub(super) fn date(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Option<Placed<NaiveDate>> {
        let node = self.value(name)?;
        let read = node.moment().as_deref().and_then(parse_date);
        if read.is_none() {
            self.refuse_moment(faults, name, node, DATE_FORM);
        }
        read.map(|value| Placed { value, place: self.place_of(name) })
    }

    /// An instant with its offset, quoted or not.
    pub(super) fn instant(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Option<DateTime<Utc>> {
        let node = self.value(name)?;
        let read = node.moment().as_deref().and_then(parse_instant);
        if read.is_none() {
            self.refuse_moment(faults, name, node, INSTANT_FORM);
        }
        read
    }

    fn refuse_moment(&self, faults: &mut Faults<'_>, name: &'static str, node: &Node<'_>, allowed: &str) {
        match node.moment() {
            Some(text) => self.refuse(faults, name, format!("`{name}` is `{}`; allowed: {allowed}", shown(&text))),
            None => self.refuse_kind(faults, name, node, allowed),
        }
    }

    /// A list of texts; empty if the field is absent.
    pub(super) fn texts(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Vec<Placed<&'n str>> {
        let items = self.items(faults, name, "a list of texts, [\"…\"]");
        let text = |item: Placed<&'n Node<'n>>| match item.value.content {
            Content::Text(text) => Some(Placed { value: text, place: item.place }),
            _ => {
                let kind = item.value.kind();
                faults.add(&item.place, format!("an item of `{name}` is {kind}; allowed: a text in quotes"));
                None
            }
        };
        items.into_iter().filter_map(text).collect()
    }

    /// A list of dates, quoted or not; empty if the field is absent.
    pub(super) fn dates(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Vec<Placed<NaiveDate>> {
        let items = self.items(faults, name, "a list of dates");
        let date = |item: Placed<&'n Node<'n>>| {
            let date = item.value.moment().as_deref().and_then(parse_date);
            if date.is_none() {
                faults.add(&item.place, format!("an item of `{name}` is no date; allowed: {DATE_FORM}"));
            }
            date.map(|value| Placed { value, place: item.place })
        };
        items.into_iter().filter_map(date).collect()
    }

    fn items(&mut self, faults: &mut Faults<'_>, name: &'static str, allowed: &str) -> Vec<Placed<&'n Node<'n>>> {
        let Some(node) = self.value(name) else {
            return Vec::new();
        };
        let Content::List(items) = &node.content else {
            self.refuse_kind(faults, name, node, allowed);
            return Vec::new();
        };
        let list = self.place_of(name);
        let placed = |(index, item): (usize, &'n Node<'n>)| Placed {
            value: item,
            place: list.below(&index.to_string(), item.span.clone()),
        };
        items.iter().enumerate().map(placed).collect()
    }

    pub(super) fn table(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Option<Self> {
        let node = self.value(name)?;
        if let Content::Table(table) = &node.content {
            return Some(Fields::new(table, self.place_of(name), name));
        }
        self.refuse_kind(faults, name, node, "a table");
        None
    }

    /// A list of tables `[[name]]`; empty if the field is absent.
    pub(super) fn tables(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Vec<Self> {
        let items = self.items(faults, name, &format!("[[{name}]]"));
        let table = |item: Placed<&'n Node<'n>>| match &item.value.content {
            Content::Table(table) => Some(Fields::new(table, item.place, name)),
            _ => {
                let kind = item.value.kind();
                faults.add(&item.place, format!("an item of `{name}` is {kind}; allowed: [[{name}]]"));
                None
            }
        };
        items.into_iter().filter_map(table).collect()
    }

    /// Notes every field that nobody asked for.
    pub(super) fn finish(self, faults: &mut Faults<'_>) {
        for (key, _) in self.table {
            if !self.asked.contains(&key.name) {
                let allowed = self.asked.join(", ");
                faults.add(
                    &self.place.below(key.name, key.span.clone()),
                    format!("`{}` is unknown in a {}; allowed: {allowed}", shown(key.name), self.what),
                );
            }
        }
    }
}

/// Words of at most so many characters; a fault otherwise.
pub(super) fn check_words(
    faults: &mut Faults<'_>,
    name: &str,
    text: &Placed<&str>,
    chars_max: usize,
) -> Option<String> {
    let length = text.value.chars().count();
    if text.value.trim().is_empty() || length > chars_max || text.value.chars().any(char::is_control) {
        faults.add(&text.place, format!("`{name}` has {length} characters; allowed: 1 to {chars_max}, on one line"));
        return None;
    }
    Some(text.value.to_owned())
}

/// What stood there, short enough for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
