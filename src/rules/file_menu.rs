//! Menus and intents in the document.

use std::time::Duration;

use super::fault::Faults;
use super::file::{NAME_CHARS_MAX, TEXT_CHARS_MAX};
use super::file_path::{Occasion, read_path};
use super::forms::{AUDIO_FORM, ID_FORM, KEY_FORM, is_id, parse_audio, parse_menu_key};
use super::menu::{Intent, Menu, MenuOption, Prompt};
use super::path::Path;
use super::reader::Fields;
use super::seen::Seen;
use crate::ids::IntentId;

/// Most options of a menu: more nobody remembers.
const OPTIONS_MAX: usize = 9;

pub(super) fn read_menu(
    fields: &mut Fields<'_>,
    faults: &mut Faults<'_>,
    seen: &mut Seen,
    brand: &str,
) -> Option<Menu> {
    let mut fields = fields.table(faults, "menu")?;
    let prompt = read_prompt(&mut fields, faults);
    let default =
        fields.required(faults, "default", |fields, faults| read_intent_name(fields, faults, seen, brand, "default"));
    let retries = fields.count(faults, "retries", 0..=3, 1);
    let wait: Duration = fields.seconds(faults, "wait_s", 1..=10, 5);
    let options = read_options(&mut fields, faults, seen, brand);
    fields.finish(faults);
    Some(Menu { prompt: prompt?, options, default: default?, retries, wait })
}

fn read_prompt(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<Prompt> {
    let words = fields.words(faults, "prompt", TEXT_CHARS_MAX);
    let audio = fields.parsed(faults, "audio", AUDIO_FORM, parse_audio);
    if fields.has("prompt") == fields.has("audio") {
        faults.add(fields.place(), "a menu needs either `prompt` or `audio`, not both");
    }
    words.map(Prompt::Words).or_else(|| audio.map(|audio| Prompt::Audio(audio.value)))
}

fn read_options(fields: &mut Fields<'_>, faults: &mut Faults<'_>, seen: &mut Seen, brand: &str) -> Vec<MenuOption> {
    let mut options: Vec<MenuOption> = Vec::new();
    let tables = fields.tables(faults, "option");
    if tables.is_empty() || tables.len() > OPTIONS_MAX {
        let message = format!("this menu has {} options; allowed: 1 to {OPTIONS_MAX}", tables.len());
        fields.refuse(faults, "option", message);
    }
    for mut fields in tables.into_iter().take(OPTIONS_MAX) {
        let key =
            fields.required(faults, "key", |fields, faults| fields.parsed(faults, "key", KEY_FORM, parse_menu_key));
        let intent =
            fields.required(faults, "intent", |fields, faults| read_intent_name(fields, faults, seen, brand, "intent"));
        fields.finish(faults);
        let (Some(key), Some(intent)) = (key, intent) else {
            continue;
        };
        if options.iter().any(|option| option.key == key.value) {
            faults.add(&key.place, format!("key `{}` stands twice in this menu", key.value));
        }
        options.push(MenuOption { key: key.value, intent });
    }
    options
}

fn read_intent_name(
    fields: &mut Fields<'_>,
    faults: &mut Faults<'_>,
    seen: &mut Seen,
    brand: &str,
    name: &'static str,
) -> Option<IntentId> {
    let text = fields.text(faults, name)?;
    seen.refer_within("intent", brand, text.value, text.place);
    Some(IntentId::new(text.value))
}

pub(super) fn read_intents(
    fields: &mut Fields<'_>,
    faults: &mut Faults<'_>,
    seen: &mut Seen,
    brand: &str,
    has_operator: bool,
) -> Vec<Intent> {
    let tables = fields.tables(faults, "intent");
    tables.into_iter().filter_map(|fields| read_intent(fields, faults, seen, brand, has_operator)).collect()
}

fn read_intent(
    mut fields: Fields<'_>,
    faults: &mut Faults<'_>,
    seen: &mut Seen,
    brand: &str,
    has_operator: bool,
) -> Option<Intent> {
    let id = fields.required(faults, "id", |fields, faults| {
        fields.parsed(faults, "id", ID_FORM, |text| is_id(text).then(|| text.to_owned()))
    });
    if let Some(id) = &id {
        seen.claim_within(faults, "intent", brand, &id.value, &id.place);
    }
    let name = fields.required(faults, "name", |fields, faults| fields.words(faults, "name", NAME_CHARS_MAX));
    let skill = fields.parsed(faults, "skill", ID_FORM, |text| is_id(text).then(|| text.to_owned()));
    let greeting = fields.words(faults, "greeting", TEXT_CHARS_MAX);
    let fallback = read_own_fallback(&mut fields, faults, has_operator);
    fields.finish(faults);
    Some(Intent {
        id: IntentId::new(&id?.value),
        name: name?,
        skill: skill.map(|skill| skill.value),
        greeting,
        fallback,
    })
}

fn read_own_fallback(fields: &mut Fields<'_>, faults: &mut Faults<'_>, has_operator: bool) -> Option<Path> {
    let mut fields = fields.table(faults, "fallback")?;
    let path = fields.required(faults, "path", |fields, faults| {
        Some(read_path(fields, faults, Occasion::NobodyAnswers, has_operator))
    });
    fields.finish(faults);
    path
}
