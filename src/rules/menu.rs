//! The menu a caller hears, and what each key is for.

use std::time::Duration;

use super::path::Path;
use crate::ids::IntentId;

/// What a caller may choose from. Source: DESIGN.md section 2.4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// What is played.
    pub prompt: Prompt,
    /// One to nine, keys unique: a digit or `#`; `*` is the supervisor's.
    pub options: Vec<MenuOption>,
    /// The intent of a caller who presses nothing, or the wrong key too often.
    pub default: IntentId,
    /// How often the prompt is repeated; 0 to 3.
    pub retries: u32,
    /// How long a key is waited for after the prompt; 1 to 10 s.
    pub wait: Duration,
}

/// What is played.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Spoken; 1 to 500 characters.
    Words(String),
    /// An audio file's public `https` address; at most 500 characters.
    Audio(String),
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuOption {
    /// A digit or `#`.
    pub key: char,
    /// What it is for.
    pub intent: IntentId,
}

/// What a caller calls about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Stands in the label `intent-<id>`; unique within the brand.
    pub id: IntentId,
    /// Spoken to agents, such as `sales` in "sales call from Jane Doe".
    pub name: String,
    /// Only agents with this skill are rung.
    pub skill: Option<String>,
    /// Said to the caller after the choice, instead of the brand's greeting.
    pub greeting: Option<String>,
    /// When nobody takes it, instead of the brand's path.
    pub fallback: Option<Path>,
}
