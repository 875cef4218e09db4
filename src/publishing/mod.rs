//! The desk where changes of the rules become drafts, and drafts become versions.
//!
//! Whatever comes in is checked before it is kept: a document with a fault is refused with the place of every one. A version
//! is published only upon the version in force, so that nobody overwrites what they have not seen. It refuses to know who may
//! do this (`api` does) and what a rule means (`rules` does). Example: a draft is saved, its difference from the rules in
//! force is looked at, and [`Desk::publish_draft`] makes it version 8; the next call begins under it.

mod drafts;
mod versions;

use std::sync::Arc;

use serde_json::Value;

use crate::clock::{Clock, IdSource};
use crate::rules::diff::Change;
use crate::rules::file::RoutingFileError;
use crate::rules::{DestinationPolicy, Floods, Index, Pausing, Rules, json, outbound};
use crate::store::{Conflict, PublishedRules, Store, StoreError, VersionHead};
use crate::switchboard::SwitchboardError;
use crate::switchboard::reading::{aside, read_apart};
use crate::switchboard::rulebook::Rulebook;

pub use drafts::{DRAFTS_MAX, DraftChange, NAME_CHARS_MAX};
pub use versions::{NOTE_CHARS_MAX, Published, Upon};

/// The desk.
pub struct Desk {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    rulebook: Arc<Rulebook>,
    destinations: Arc<DestinationPolicy>,
}

/// Rules as somebody handed them in.
#[derive(Debug, Clone, Copy)]
pub enum Document<'d> {
    /// A routing file.
    Toml(&'d str),
    /// Its JSON form.
    Json(&'d Value),
}

/// Why the desk did not do what it was asked; nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The document has faults.
    #[error("the rules cannot be used")]
    Faults(#[source] RoutingFileError),
    /// A copy would break the rules.
    #[error("the copy cannot be used")]
    Copy {
        /// The place of the new brand in the document; none for parts of a brand copied to another.
        new: Option<usize>,
        /// Every fault, with its place in the document as it would be.
        #[source]
        faults: RoutingFileError,
    },
    /// There is no such version, draft or brand.
    #[error("there is no {what} {name}")]
    Absent {
        /// `version`, `draft` or `brand`.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// Another version came into force since the one that this was made from.
    #[error("version {} was published meanwhile", .0.in_force)]
    Meanwhile(Box<Meanwhile>),
    /// The draft was saved by somebody else since it was read.
    #[error("the draft was saved meanwhile")]
    DraftChanged,
    /// A version that cannot be read any more cannot be compared or brought back.
    #[error("version {version} cannot be read")]
    Unreadable {
        /// Which.
        version: u32,
        /// Its faults.
        #[source]
        cause: RoutingFileError,
    },
    /// There are as many drafts as may be.
    #[error("there are {DRAFTS_MAX} drafts; publish or delete one first")]
    TooManyDrafts,
    /// A field besides the document.
    #[error("{field}: {allowed}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is allowed.
        allowed: String,
    },
    /// The store failed.
    #[error("the rules could not be read or written")]
    Store(#[from] StoreError),
    /// Others kept publishing.
    #[error("the rules kept changing while they were published")]
    Contended,
}

/// What happened between the version that a change was made from and now.
#[derive(Debug, Clone, PartialEq)]
pub struct Meanwhile {
    /// The version it was made from; 0 if there was none.
    pub base: u32,
    /// The version in force; 0 if there is none.
    pub in_force: u32,
    /// What was published since, newest first; the last twenty at most.
    pub published: Vec<VersionHead>,
    /// What they changed; none if the base cannot be read any more.
    pub changes: Option<Vec<Change>>,
}

impl Desk {
    /// A desk beside the rulebook of the service.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        rulebook: Arc<Rulebook>,
        destinations: Arc<DestinationPolicy>,
    ) -> Self {
        Self { store, clock, ids, rulebook, destinations }
    }

    /// A desk of its own, for a command.
    #[must_use]
    pub fn over(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        destinations: Arc<DestinationPolicy>,
    ) -> Self {
        let rulebook = Arc::new(Rulebook::new(Arc::clone(&store), Arc::clone(&clock)));
        Self::new(store, clock, ids, rulebook, destinations)
    }

    /// Reads a document and looks at all of it.
    ///
    /// # Errors
    /// `Faults`: every fault; if there is none, every number in it that may not be called.
    pub async fn check(&self, document: Document<'_>) -> Result<Rules, Refused> {
        let rules = match document {
            Document::Toml(text) => {
                let text = text.to_owned();
                aside(move || read_apart("rules", &text)).await
            }
            Document::Json(value) => {
                let value = value.clone();
                aside(move || json::parse(&value)).await
            }
        };
        self.check_numbers(rules.map_err(Refused::Faults)?).await
    }

    /// The same rules, if every number in them may be called.
    async fn check_numbers(&self, rules: Rules) -> Result<Rules, Refused> {
        let destinations = Arc::clone(&self.destinations);
        aside(move || {
            let faults = outbound::refused(&rules, &destinations);
            let file = "rules".to_owned();
            if faults.is_empty() { Ok(rules) } else { Err(Refused::Faults(RoutingFileError { file, faults })) }
        })
        .await
    }

    /// The rules in force and their version, as the store has them now.
    ///
    /// # Errors
    /// The store's.
    pub async fn load_in_force(&self) -> Result<Option<(u32, Arc<Rules>)>, Refused> {
        self.rulebook.refresh().await?;
        Ok(self.rulebook.load_current().await?)
    }

    /// The rules of a stored version.
    ///
    /// # Errors
    /// `Absent`, `Unreadable`, the store's.
    pub async fn load_version(&self, version: u32) -> Result<(VersionHead, Rules), Refused> {
        let published = self.store.find_rules(version).await?;
        let published = published.ok_or_else(|| Refused::absent("version", version))?;
        let PublishedRules { head, body } = published;
        let rules = aside(move || read_apart(&format!("version {version}"), &body)).await;
        let rules = rules.map_err(|cause| Refused::Unreadable { version, cause })?;
        Ok((head, Rules { version, ..rules }))
    }

    /// The same, and nothing at all for version 0.
    ///
    /// # Errors
    /// As [`Self::load_version`].
    pub async fn load_version_or_nothing(&self, version: u32) -> Result<Rules, Refused> {
        if version == 0 {
            return Ok(nothing());
        }
        Ok(self.load_version(version).await?.1)
    }
}

impl Refused {
    #[expect(clippy::needless_pass_by_value, reason = "names are text, numbers and ids, and each reads best as it is")]
    pub(crate) fn absent(what: &'static str, name: impl ToString) -> Self {
        Self::Absent { what, name: name.to_string() }
    }

    /// What a store says of a draft.
    fn of_draft(error: StoreError, id: impl ToString) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::absent("draft", id),
            StoreError::Conflict(Conflict::DraftChanged) => Self::DraftChanged,
            error @ (StoreError::Conflict(_) | StoreError::Unavailable { .. } | StoreError::Corrupt { .. }) => {
                Self::Store(error)
            }
        }
    }
}

impl From<SwitchboardError> for Refused {
    fn from(error: SwitchboardError) -> Self {
        match error {
            SwitchboardError::Store(error) => Self::Store(error),
            SwitchboardError::UnknownCall | SwitchboardError::NoRules | SwitchboardError::Contended => Self::Contended,
        }
    }
}

/// A text of words: 1 to `chars_max` characters on one line, without spaces around them.
fn check_words(field: &'static str, text: &str, chars_max: usize) -> Result<String, Refused> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > chars_max || text.chars().any(char::is_control) {
        let allowed = format!("it has {length} characters; allowed: 1 to {chars_max}, on one line");
        return Err(Refused::Field { field, allowed });
    }
    Ok(text.to_owned())
}

/// The rules before anything was published.
fn nothing() -> Rules {
    Rules {
        version: 0,
        brands: Vec::new(),
        numbers: Vec::new(),
        agents: Vec::new(),
        holidays: Vec::new(),
        supervisors: Vec::new(),
        floods: Floods::default(),
        pausing: Pausing::default(),
        index: Index::default(),
    }
}
