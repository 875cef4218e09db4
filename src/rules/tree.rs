//! The document as it is written: one tree, from which come the routing file, its JSON form and the differences.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};

use super::forms::instant_text;

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    /// Not there: left out of the file, `null` in JSON.
    Absent,
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// A date or an instant, which the file does not quote.
    Moment(String),
    /// What the file writes on one line.
    List(Vec<Self>),
    /// What the file writes under a head each, `[[name]]`.
    Tables(Vec<Branch>),
    /// Fields in the order in which they are written.
    Table(Branch),
    /// A short table that the file writes on one line.
    Inline(Branch),
    /// A table of days.
    Dates(BTreeMap<NaiveDate, String>),
}

/// The fields of a table.
pub(super) type Branch = Vec<(&'static str, Tree)>;

impl Tree {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn date(date: NaiveDate) -> Self {
        Self::Moment(date_text(date))
    }

    pub(super) fn instant(at: DateTime<Utc>) -> Self {
        Self::Moment(instant_text(at))
    }

    /// Whole seconds: the document has no finer ones.
    pub(super) fn seconds(span: Duration) -> Self {
        Self::Integer(i64::try_from(span.as_secs()).unwrap_or(i64::MAX))
    }

    pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// What `write` makes of a value that may be absent.
    pub(super) fn some<T>(value: Option<T>, write: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Absent, write)
    }

    /// As JSON.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::Text(text) | Self::Moment(text) => Value::String(text.clone()),
            Self::Integer(number) => Value::from(*number),
            Self::Boolean(is_true) => Value::Bool(*is_true),
            Self::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Self::Tables(items) => {
                Value::Array(items.iter().map(|fields| Value::Object(json_fields(fields))).collect())
            }
            Self::Table(fields) | Self::Inline(fields) => Value::Object(json_fields(fields)),
            Self::Dates(dates) => Value::Object(
                dates.iter().map(|(date, name)| (date_text(*date), Value::String(name.clone()))).collect(),
            ),
        }
    }

    /// Whether the file has nothing to say about it: an empty table or list of tables would only be noise.
    fn says_nothing(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::List(items) => items.is_empty(),
            Self::Tables(items) => items.is_empty(),
            Self::Table(fields) | Self::Inline(fields) => fields.iter().all(|(_, tree)| tree.says_nothing()),
            Self::Dates(dates) => dates.is_empty(),
            Self::Text(_) | Self::Integer(_) | Self::Boolean(_) | Self::Moment(_) => false,
        }
    }

    /// Whether it is written behind `name =`, and not under a head of its own.
    fn is_behind_name(&self) -> bool {
        match self {
            Self::Text(_) | Self::Integer(_) | Self::Boolean(_) | Self::Moment(_) | Self::List(_) | Self::Inline(_) => {
                true
            }
            Self::Absent | Self::Table(_) | Self::Tables(_) | Self::Dates(_) => false,
        }
    }
}

fn json_fields(fields: &Branch) -> Map<String, Value> {
    fields.iter().map(|(name, tree)| ((*name).to_owned(), tree.to_json())).collect()
}

/// Writes the fields of the whole document as a routing file.
pub(super) fn write_file(head: &str, fields: &Branch) -> String {
    let mut out = format!("{head}\n");
    write_fields(&mut out, "", fields);
    out
}

/// First what stands behind its name, then the tables, each under a head with its path.
fn write_fields(out: &mut String, path: &str, fields: &Branch) {
    for (name, tree) in fields.iter().filter(|(_, tree)| tree.is_behind_name()) {
        let _ = writeln!(out, "{name} = {}", OneLine(tree));
    }
    for (name, tree) in fields {
        let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
        match tree {
            Tree::Table(fields) if !tree.says_nothing() => {
                let _ = writeln!(out, "\n[{path}]");
                write_fields(out, &path, fields);
            }
            Tree::Tables(items) => {
                for fields in items {
                    let _ = writeln!(out, "\n[[{path}]]");
                    write_fields(out, &path, fields);
                }
            }
            Tree::Dates(dates) if !dates.is_empty() => {
                let _ = writeln!(out, "\n[{path}]");
                for (date, name) in dates {
                    let _ = writeln!(out, "{} = {}", date_text(*date), Quoted(name));
                }
            }
            Tree::Absent
            | Tree::Text(_)
            | Tree::Integer(_)
            | Tree::Boolean(_)
            | Tree::Moment(_)
            | Tree::List(_)
            | Tree::Table(_)
            | Tree::Inline(_)
            | Tree::Dates(_) => {}
        }
    }
}

fn date_text(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}

/// A text in quotes.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        toml::Value::String(self.0.to_owned()).fmt(f)
    }
}

/// A value as it stands behind its name.
struct OneLine<'a>(&'a Tree);

impl Display for OneLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            // Only what says something stands behind a name; the rest has a head.
            Tree::Absent | Tree::Table(_) | Tree::Tables(_) | Tree::Dates(_) => Ok(()),
            Tree::Text(text) => Quoted(text).fmt(f),
            Tree::Integer(number) => number.fmt(f),
            Tree::Boolean(is_true) => is_true.fmt(f),
            Tree::Moment(text) => f.write_str(text),
            Tree::List(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    OneLine(item).fmt(f)?;
                }
                f.write_char(']')
            }
            Tree::Inline(fields) => {
                f.write_str("{ ")?;
                let there = fields.iter().filter(|(_, tree)| !matches!(tree, Tree::Absent));
                for (index, (name, tree)) in there.enumerate() {
                    write!(f, "{}{name} = {}", if index == 0 { "" } else { ", " }, OneLine(tree))?;
                }
                f.write_str(" }")
            }
        }
    }
}
