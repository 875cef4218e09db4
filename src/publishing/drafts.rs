//! Drafts: kept, changed, copied into, taken away.

use crate::ids::{BrandId, DraftId};
use crate::rules::copy::{BrandPart, CopyRefused, NewBrand, add_brand_like, copy_brand};
use crate::rules::file::RoutingFileError;
use crate::rules::{Rules, export};
use crate::store::{Draft, DraftSave};
use crate::switchboard::reading::{aside, read_apart};

use super::{Desk, Document, Refused, check_words, nothing};

/// Longest name of a draft.
pub const NAME_CHARS_MAX: usize = 80;

/// Most drafts: more than anybody keeps apart, few enough for one list.
pub const DRAFTS_MAX: u32 = 100;

/// What a save changes; what is absent stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct DraftChange<'d> {
    /// What the draft is for.
    pub name: Option<&'d str>,
    /// The rules; for a new draft, those in force if absent.
    pub document: Option<Document<'d>>,
    /// The version they are made from, 0 for none; for a new draft, the one in force if absent. A draft whose base is not in
    /// force any more is given the newer one once its changes were looked at.
    pub base: Option<u32>,
}

impl Desk {
    /// A draft, and its rules, or their faults if they cannot be read since an upgrade.
    ///
    /// # Errors
    /// `Absent`, the store's.
    pub async fn load_draft(&self, id: DraftId) -> Result<(Draft, Result<Rules, RoutingFileError>), Refused> {
        let draft = self.store.find_draft(id).await?.ok_or_else(|| Refused::absent("draft", id))?;
        let body = draft.body.clone();
        let rules = aside(move || read_apart("draft", &body)).await;
        Ok((draft, rules))
    }

    /// Keeps a new draft.
    ///
    /// # Errors
    /// `Faults`, `Field`, `TooManyDrafts`, `Absent` for the base, the store's.
    pub async fn create_draft(&self, change: DraftChange<'_>, by: &str) -> Result<(Draft, Rules), Refused> {
        let given = match change.document {
            Some(document) => Some(self.check(document).await?),
            None => None,
        };
        let in_force = self.load_in_force().await?;
        let base = match change.base {
            Some(base) => self.check_base(base).await?,
            None => in_force.as_ref().map_or(0, |(version, _)| *version),
        };
        let rules = given.or_else(|| in_force.map(|(_, rules)| (*rules).clone())).unwrap_or_else(nothing);
        self.keep(change.name.unwrap_or("Draft"), rules, base, by).await
    }

    /// Saves a draft.
    ///
    /// # Errors
    /// `DraftChanged` when its revision is not `revision`, `Absent`, `Faults`, `Field`, the store's.
    pub async fn save_draft(
        &self,
        id: DraftId,
        revision: u32,
        change: DraftChange<'_>,
        by: &str,
    ) -> Result<(Draft, Rules), Refused> {
        let given = match change.document {
            Some(document) => Some(self.check(document).await?),
            None => None,
        };
        let (draft, stored) = self.load_draft(id).await?;
        let rules = match given {
            Some(rules) => rules,
            None => stored.map_err(Refused::Faults)?,
        };
        let base = match change.base {
            Some(base) => self.check_base(base).await?,
            None => draft.head.base,
        };
        let name = match change.name {
            Some(name) => check_words("name", name, NAME_CHARS_MAX)?,
            None => draft.head.name,
        };
        let (rules, body) = written(rules).await;
        self.write(id, revision, DraftSave { name, body, base, by: by.to_owned() }, rules).await
    }

    /// Takes a draft away.
    ///
    /// # Errors
    /// `DraftChanged` when its revision is not `revision`, `Absent`, the store's.
    pub async fn delete_draft(&self, id: DraftId, revision: u32, by: &str) -> Result<(), Refused> {
        let gone = self.store.delete_draft(id, revision, by, self.clock.now()).await;
        gone.map_err(|error| Refused::of_draft(error, id))
    }

    /// Copies parts of a brand to another, in a draft if one is named with its revision, or else in a new draft of the rules
    /// in force.
    ///
    /// # Errors
    /// `Absent`, `DraftChanged`, `Faults` when the copy would break the rules, `TooManyDrafts`, the store's.
    pub async fn copy_parts(
        &self,
        from: &BrandId,
        to: &BrandId,
        parts: &[BrandPart],
        draft: Option<(DraftId, u32)>,
        by: &str,
    ) -> Result<(Draft, Rules), Refused> {
        let name = format!("{from} copied to {to}");
        let (from, to, parts) = (from.clone(), to.clone(), parts.to_vec());
        self.rework(draft, &name, by, move |rules| copy_brand(rules, &from, &to, &parts)).await
    }

    /// Adds a brand that is like another, as [`Self::copy_parts`] does.
    ///
    /// # Errors
    /// As [`Self::copy_parts`].
    pub async fn copy_brand(
        &self,
        from: &BrandId,
        new: NewBrand,
        draft: Option<(DraftId, u32)>,
        by: &str,
    ) -> Result<(Draft, Rules), Refused> {
        let name = format!("{} like {from}", new.id);
        let from = from.clone();
        self.rework(draft, &name, by, move |rules| add_brand_like(rules, &from, new)).await
    }

    async fn rework(
        &self,
        draft: Option<(DraftId, u32)>,
        name: &str,
        by: &str,
        work: impl FnOnce(&Rules) -> Result<Rules, CopyRefused> + Send + 'static,
    ) -> Result<(Draft, Rules), Refused> {
        if let Some((id, revision)) = draft {
            let (draft, rules) = self.load_draft(id).await?;
            if draft.head.revision != revision {
                return Err(Refused::DraftChanged);
            }
            let rules = rules.map_err(Refused::Faults)?;
            let rules = aside(move || work(&rules)).await.map_err(Refused::of_copy)?;
            let (rules, body) = written(rules).await;
            let (name, base) = (draft.head.name, draft.head.base);
            let save = DraftSave { name, body, base, by: by.to_owned() };
            return self.write(id, revision, save, rules).await;
        }
        let in_force = self.load_in_force().await?;
        let (base, rules) = in_force.ok_or_else(|| Refused::absent("version", "in force"))?;
        let rules = aside(move || work(&rules)).await.map_err(Refused::of_copy)?;
        let name: String = name.chars().take(NAME_CHARS_MAX).collect();
        self.keep(&name, rules, base, by).await
    }

    async fn keep(&self, name: &str, rules: Rules, base: u32, by: &str) -> Result<(Draft, Rules), Refused> {
        let name = check_words("name", name, NAME_CHARS_MAX)?;
        let kept = self.store.list_drafts(DRAFTS_MAX).await?;
        if kept.len() >= usize::try_from(DRAFTS_MAX).unwrap_or(usize::MAX) {
            return Err(Refused::TooManyDrafts);
        }
        let now = self.clock.now();
        let (rules, body) = written(rules).await;
        let save = DraftSave { name, body, base, by: by.to_owned() };
        Ok((self.store.create_draft(DraftId(self.ids.draw(now)), save, now).await?, rules))
    }

    async fn write(
        &self,
        id: DraftId,
        revision: u32,
        save: DraftSave,
        rules: Rules,
    ) -> Result<(Draft, Rules), Refused> {
        let saved = self.store.save_draft(id, revision, save, self.clock.now()).await;
        Ok((saved.map_err(|error| Refused::of_draft(error, id))?, rules))
    }

    async fn check_base(&self, base: u32) -> Result<u32, Refused> {
        if base > 0 && self.store.find_rules(base).await?.is_none() {
            return Err(Refused::absent("version", base));
        }
        Ok(base)
    }
}

/// The rules, and how they are stored.
async fn written(rules: Rules) -> (Rules, String) {
    aside(move || {
        let body = export(&rules);
        (rules, body)
    })
    .await
}

impl Refused {
    fn of_copy(refused: CopyRefused) -> Self {
        match refused {
            CopyRefused::NoSuchBrand(brand) => Self::absent("brand", brand),
            CopyRefused::WouldBreak(faults) => Self::Copy { new: None, faults },
            CopyRefused::NewWouldBreak { place, faults } => Self::Copy { new: Some(place), faults },
        }
    }
}
