//! One tree for both forms of the document, so that one reader serves the routing file and its JSON form.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with its place in the text; JSON has no places, and all of it is at the beginning.
pub(super) struct Node<'t> {
    pub(super) content: Content<'t>,
    pub(super) span: Range<usize>,
}

/// What a value is.
pub(super) enum Content<'t> {
    Text(&'t str),
    /// `None` if it is too large for any field.
    Integer(Option<i64>),
    Float,
    Boolean(bool),
    /// A date or an instant that the text did not quote.
    Moment(String),
    List(Vec<Node<'t>>),
    Table(Table<'t>),
    Nothing,
}

/// Fields in the order of the text.
pub(super) type Table<'t> = Vec<(Key<'t>, Node<'t>)>;

/// The name of a field, with its place.
pub(super) struct Key<'t> {
    pub(super) name: &'t str,
    pub(super) span: Range<usize>,
}

impl<'t> Node<'t> {
    /// What a table of the file holds.
    pub(super) fn of_file(table: &'t DeTable<'_>) -> Self {
        Self { content: Content::Table(table_of_file(table)), span: 0..0 }
    }

    fn of_file_value(value: &'t Spanned<DeValue<'_>>) -> Self {
        let content = match value.get_ref() {
            DeValue::String(text) => Content::Text(text),
            DeValue::Integer(number) => Content::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
            DeValue::Float(_) => Content::Float,
            DeValue::Boolean(is_true) => Content::Boolean(*is_true),
            DeValue::Datetime(moment) => Content::Moment(moment.to_string()),
            DeValue::Array(items) => Content::List(items.iter().map(Self::of_file_value).collect()),
            DeValue::Table(table) => Content::Table(table_of_file(table)),
        };
        Self { content, span: value.span() }
    }

    /// What a JSON document holds; a field that is `null` is absent.
    pub(super) fn of_json(value: &'t Value) -> Self {
        let content = match value {
            Value::Null => Content::Nothing,
            Value::Bool(is_true) => Content::Boolean(*is_true),
            Value::Number(number) if number.is_f64() => Content::Float,
            Value::Number(number) => Content::Integer(number.as_i64()),
            Value::String(text) => Content::Text(text),
            Value::Array(items) => Content::List(items.iter().map(Self::of_json).collect()),
            Value::Object(fields) => Content::Table(
                fields
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(name, value)| (Key { name, span: 0..0 }, Self::of_json(value)))
                    .collect(),
            ),
        };
        Self { content, span: 0..0 }
    }

    /// The text, or the date as it was written.
    pub(super) fn moment(&self) -> Option<Cow<'t, str>> {
        match &self.content {
            Content::Text(text) => Some(Cow::Borrowed(text)),
            Content::Moment(text) => Some(Cow::Owned(text.clone())),
            Content::Integer(_)
            | Content::Float
            | Content::Boolean(_)
            | Content::List(_)
            | Content::Table(_)
            | Content::Nothing => None,
        }
    }

    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self.content {
            Content::Text(_) => "a text",
            Content::Integer(_) => "a whole number",
            Content::Float => "a number with a point",
            Content::Boolean(_) => "true or false",
            Content::Moment(_) => "a date",
            Content::List(_) => "a list",
            Content::Table(_) => "a table",
            Content::Nothing => "nothing",
        }
    }
}

fn table_of_file<'t>(table: &'t DeTable<'_>) -> Table<'t> {
    let field = |(name, value): (&'t Spanned<_>, &'t Spanned<DeValue<'_>>)| {
        let name: &'t Spanned<Cow<'_, str>> = name;
        (Key { name: name.get_ref(), span: name.span() }, Node::of_file_value(value))
    };
    table.iter().map(field).collect()
}
