//! The same document as JSON, for the API and the screens: fields of the same names, an absent one `null`.
//!
//! Dates and instants are texts. One reader serves both forms, so both refuse the same faults; these have a JSON pointer
//! and no line.

use serde_json::{Map, Value};

use super::Rules;
use super::export::document;
use super::fault::{Faults, RoutingFileError};
use super::file::read_document;
use super::node::Node;

/// How messages call the document.
const NAME: &str = "rules";

/// Reads rules from JSON.
///
/// # Errors
/// As [`super::file::parse`], but for what is no JSON.
pub fn parse(document: &Value) -> Result<Rules, RoutingFileError> {
    let mut faults = Faults::new(None);
    let rules = read_document(&Node::of_json(document), &mut faults);
    faults.conclude(NAME, rules)
}

/// Writes rules as JSON, every value spelled out. Reading it gives the same rules again.
#[must_use]
pub fn to_json(rules: &Rules) -> Value {
    let fields = document(rules);
    Value::Object(fields.iter().map(|(name, tree)| ((*name).to_owned(), tree.to_json())).collect::<Map<_, _>>())
}
