//! What differs between two versions of the rules, by the names of things and not by their places in a list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::Rules;
use super::export::document;
use super::fault::escaped;
use super::tree::{Branch, Tree};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where, like a JSON pointer but by name: `/brand/acme-movers/calendar/day/2026-12-24/hours`, `/brand/acme/roster/ana`.
    /// A path that ends at a list stands for the order of its items.
    pub path: String,
    /// What stood there, as in the document's JSON form; none if nothing did.
    pub before: Option<Value>,
    /// What stands there now; none if nothing does.
    pub after: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{}: {before} becomes {after}", self.path),
            (None, Some(after)) => write!(f, "{}: {after} is new", self.path),
            (Some(before), None) => write!(f, "{}: {before} is gone", self.path),
            (None, None) => f.write_str(&self.path),
        }
    }
}

/// By which field the items of a list of tables are told apart, first that there is.
const NAMES: [&str; 5] = ["id", "number", "on", "key", "from"];

/// Lists whose items are members, each of which comes and goes by itself.
const MEMBERS: [&str; 6] = ["roster", "skills", "holidays", "brands", "emergency_numbers", "except"];

/// What has to change in `before` to make it `after`, in the order of the document; nothing if they say the same. The
/// version is not a change.
#[must_use]
pub fn diff(before: &Rules, after: &Rules) -> Vec<Change> {
    let same_version = |rules: &Rules| {
        let mut fields = document(rules);
        fields.retain(|(name, _)| *name != "version");
        fields
    };
    let mut changes = Changes(Vec::new());
    changes.of_fields("", &same_version(before), &same_version(after));
    changes.0
}

struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, path: &str, before: Option<Value>, after: Option<Value>) {
        self.0.push(Change { path: path.to_owned(), before, after });
    }

    fn of_fields(&mut self, path: &str, before: &Branch, after: &Branch) {
        for (name, now) in after {
            let was = before.iter().find(|(known, _)| known == name).map_or(&Tree::Absent, |(_, was)| was);
            self.of_value(&format!("{path}/{name}"), name, was, now);
        }
    }

    fn of_value(&mut self, path: &str, name: &str, before: &Tree, after: &Tree) {
        match (before, after) {
            (before, after) if before == after => {}
            (Tree::Table(before), Tree::Table(after)) | (Tree::Inline(before), Tree::Inline(after)) => {
                self.of_fields(path, before, after);
            }
            (Tree::Tables(before), Tree::Tables(after)) => self.of_tables(path, before, after),
            (Tree::Dates(before), Tree::Dates(after)) => {
                let json = |dates: &BTreeMap<_, String>, date| dates.get(&date).map(|name| Value::from(name.as_str()));
                let dates: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
                for date in dates {
                    let (was, is) = (json(before, date), json(after, date));
                    if was != is {
                        self.add(&format!("{path}/{date}"), was, is);
                    }
                }
            }
            (Tree::List(before), Tree::List(after)) if MEMBERS.contains(&name) => {
                self.of_members(path, before, after);
            }
            (before, after) => self.add(path, there(before), there(after)),
        }
    }

    fn of_tables(&mut self, path: &str, before: &[Branch], after: &[Branch]) {
        let (was, is) = (by_name(before), by_name(after));
        let item_path = |name: &str| format!("{path}/{}", escaped(name));
        for fields in before {
            let name = name_of(fields);
            if !is.contains_key(&name) {
                self.add(&item_path(&name), Some(Tree::Table(fields.clone()).to_json()), None);
            }
        }
        for fields in after {
            let name = name_of(fields);
            match was.get(&name) {
                Some(was) => self.of_fields(&item_path(&name), was, fields),
                None => self.add(&item_path(&name), None, Some(Tree::Table(fields.clone()).to_json())),
            }
        }
        self.of_order(path, &names_of(before), &names_of(after));
    }

    fn of_members(&mut self, path: &str, before: &[Tree], after: &[Tree]) {
        let names = |members: &[Tree]| -> Vec<String> { members.iter().map(text_of).collect() };
        let (was, is) = (names(before), names(after));
        let (was_there, is_there): (BTreeSet<_>, BTreeSet<_>) = (was.iter().collect(), is.iter().collect());
        for name in was.iter().filter(|name| !is_there.contains(name)) {
            self.add(&format!("{path}/{}", escaped(name)), Some(Value::from(name.as_str())), None);
        }
        for name in is.iter().filter(|name| !was_there.contains(name)) {
            self.add(&format!("{path}/{}", escaped(name)), None, Some(Value::from(name.as_str())));
        }
        self.of_order(path, &was, &is);
    }

    /// One change for the list if those that stay stand in another order. It matters: a brand shows its first number.
    fn of_order(&mut self, path: &str, before: &[String], after: &[String]) {
        let (was, is): (BTreeSet<_>, BTreeSet<_>) = (before.iter().collect(), after.iter().collect());
        let stays = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| was.contains(name) && is.contains(name)).cloned().collect()
        };
        if stays(before) != stays(after) {
            self.add(path, Some(Value::from(before.to_vec())), Some(Value::from(after.to_vec())));
        }
    }
}

fn there(tree: &Tree) -> Option<Value> {
    (*tree != Tree::Absent).then(|| tree.to_json())
}

fn by_name(items: &[Branch]) -> BTreeMap<String, &Branch> {
    items.iter().map(|fields| (name_of(fields), fields)).collect()
}

fn names_of(items: &[Branch]) -> Vec<String> {
    items.iter().map(name_of).collect()
}

fn name_of(fields: &Branch) -> String {
    let named = |wanted: &&str| fields.iter().find(|(name, _)| name == wanted).map(|(_, tree)| text_of(tree));
    NAMES.iter().find_map(named).unwrap_or_default()
}

fn text_of(tree: &Tree) -> String {
    match tree {
        Tree::Text(text) | Tree::Moment(text) => text.clone(),
        Tree::Absent
        | Tree::Integer(_)
        | Tree::Boolean(_)
        | Tree::List(_)
        | Tree::Tables(_)
        | Tree::Table(_)
        | Tree::Inline(_)
        | Tree::Dates(_) => tree.to_json().to_string(),
    }
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
