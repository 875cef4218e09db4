//! The shape of the house: who may know whom, which crates stay in which rooms, how long a file gets.
//!
//! Reads the sources as text. Tests inside the sources are left out: they may look anywhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Rooms without input or output, clock or chance, and what each may use. Everybody else may use all of them.
const PURE: [(&str, &[&str]); 6] = [
    ("ids", &[]),
    ("phone_number", &[]),
    ("rules", &["ids", "phone_number"]),
    ("shortlist", &["ids", "phone_number", "rules"]),
    ("call", &["ids", "phone_number", "rules", "shortlist"]),
    ("simulator", &["call", "ids", "phone_number", "rules", "shortlist"]),
];

/// Usable from every room that is not pure and no stand-in: settings, the time, the names of spans and metrics, crash points.
const EVERYBODYS: [&str; 5] = ["config", "clock", "telemetry", "crash", "crash_point"];

/// Every other room and what it may use besides. A neighbour's `door` is the part of it that faces inwards.
const ARROWS: [(&str, &[&str]); 28] = [
    // The shell.
    ("clock", &[]),
    ("config", &[]),
    ("telemetry", &[]),
    ("crash", &[]),
    ("store", &[]),
    ("switchboard", &["store"]),
    ("availability", &["chatwoot", "chatwoot::door", "store", "switchboard"]),
    ("outbox", &["chatwoot", "store", "switchboard", "twilio"]),
    ("publishing", &["store", "switchboard"]),
    ("rehearsal", &["store", "switchboard"]),
    ("api", &["app", "publishing", "rehearsal", "store", "switchboard"]),
    ("dashboard", &[]),
    // The neighbours.
    ("twilio", &[]),
    ("twilio::door", &["store", "switchboard", "twilio"]),
    ("chatwoot", &[]),
    ("chatwoot::door", &["chatwoot", "store"]),
    // What puts rooms together.
    (
        "app",
        &[
            "availability",
            "chatwoot",
            "chatwoot::door",
            "outbox",
            "publishing",
            "store",
            "switchboard",
            "twilio",
            "twilio::door",
            "workers",
        ],
    ),
    ("workers", &[]),
    ("server", &["api", "app", "chatwoot::door", "dashboard", "seams", "twilio", "twilio::door"]),
    ("seams", &["app"]),
    ("bench", &["app", "sandbox::chatwoot", "sandbox::simulation", "sandbox::twilio", "server", "store"]),
    (
        "commands",
        &[
            "api",
            "app",
            "bench",
            "publishing",
            "rehearsal",
            "sandbox::chatwoot",
            "sandbox::exchange",
            "sandbox::page",
            "sandbox::stage",
            "sandbox::stories",
            "sandbox::twilio",
            "seams",
            "server",
            "store",
        ],
    ),
    ("main", &["commands"]),
    // The demonstration, which runs the service as `commands` does.
    ("sandbox::page", &["dashboard"]),
    ("sandbox::stage", &["sandbox::chatwoot", "sandbox::page", "sandbox::twilio"]),
    ("sandbox::exchange", &["app", "chatwoot", "sandbox::chatwoot", "sandbox::twilio", "server", "store", "twilio"]),
    ("sandbox::simulation", &[]),
    ("sandbox::stories", &["sandbox::chatwoot", "sandbox::exchange", "sandbox::twilio"]),
];

/// The stand-ins judge our clients, so they share nothing with the service but the clock that tests turn.
const STAND_INS: [(&str, &[&str]); 2] = [("sandbox::twilio", &["clock"]), ("sandbox::chatwoot", &["clock"])];

/// Crates that stay in the rooms named; a `sandbox` stands for all of its rooms.
const CRATES: [(&str, &[&str]); 17] = [
    ("sea_orm", &["store"]),
    ("sea_orm_migration", &["store"]),
    ("offhook_migrations", &["store"]),
    ("actix_web", &["api", "bench", "chatwoot::door", "dashboard", "sandbox", "seams", "server", "twilio::door"]),
    ("utoipa", &["api"]),
    ("utoipa_actix_web", &["api"]),
    ("reqwest", &["chatwoot", "sandbox", "twilio"]),
    ("tokio_tungstenite", &["chatwoot"]),
    ("rust_embed", &["dashboard"]),
    ("quick_xml", &["twilio"]),
    ("actix_ws", &["sandbox"]),
    ("actix_multipart", &["sandbox"]),
    ("roxmltree", &["sandbox"]),
    ("liquid", &["sandbox"]),
    ("rand", &["clock", "sandbox"]),
    ("clap", &["commands", "main"]),
    ("anyhow", &["app", "bench", "commands", "main", "sandbox"]),
];

/// What a pure room has no need of: web, database, HTTP, runtime, logs, chance.
const NOT_PURE: [&str; 9] =
    ["actix_web", "sea_orm", "reqwest", "tokio", "tracing", "metrics", "futures_util", "rand", "async_trait"];

/// Lines of a file of `src`. A longer one holds two concepts.
const LINES_MAX: usize = 500;

/// Words that name no thing.
const NO_NAMES: [&str; 5] = ["utils", "util", "helpers", "common", "manager"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of `src`, without comments and without its tests.
struct Source {
    /// Below `src`, such as `call/mod.rs`.
    path: String,
    /// Its module path, such as `["call"]`.
    module: Vec<String>,
    /// All of it.
    text: String,
    /// What the product consists of.
    code: String,
}

impl Source {
    fn room(&self) -> String {
        room_of(&self.module).unwrap_or_else(|| "lib".to_owned())
    }
}

/// The room that a module path lies in; none for the root and for `sandbox` itself.
fn room_of(module: &[String]) -> Option<String> {
    match module {
        [first, second, ..] if first == "sandbox" => Some(format!("sandbox::{second}")),
        [first, second, ..] if second == "door" => Some(format!("{first}::door")),
        [first] if first == "sandbox" => None,
        [first, ..] => Some(first.clone()),
        [] => None,
    }
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            files_below(&entry, found);
        } else {
            found.push(entry);
        }
    }
}

/// Every file of `src` that belongs to the product.
fn sources() -> Vec<Source> {
    let folder = root().join("src");
    let mut files = Vec::new();
    files_below(&folder, &mut files);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let read = |file: &PathBuf| std::fs::read_to_string(file).unwrap();
    // Files that are compiled for tests alone: `#[cfg(test)] mod name;`.
    let mut tests = BTreeSet::new();
    for file in &files {
        let text = read(file);
        for (at, _) in text.match_indices("#[cfg(test)]") {
            let mut lines = text[at..].lines().skip(1).skip_while(|line| line.starts_with("#["));
            let declared = lines.next().unwrap_or_default().trim_start_matches("pub").trim_start_matches("(crate)");
            if let Some(name) = declared.trim().strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
                let inside = file.file_name().is_some_and(|name| name == "mod.rs" || name == "lib.rs");
                let parent = if inside { file.parent().unwrap().to_owned() } else { file.with_extension("") };
                tests.insert(parent.join(format!("{name}.rs")));
                tests.insert(file.parent().unwrap().join(format!("{name}.rs")));
            }
        }
    }
    files.retain(|file| !tests.contains(file) && !file.to_str().unwrap().ends_with("tests.rs"));
    files
        .iter()
        .map(|file| {
            let text = read(file);
            let path = file.strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/");
            let mut module: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
            }
            let code = without_tests_and_comments(&text);
            Source { path, module, text, code }
        })
        .collect()
}

fn without_tests_and_comments(text: &str) -> String {
    // A block of tests is the last thing of its file.
    let product = text.find("#[cfg(test)]\nmod tests {").map_or(text, |at| &text[..at]);
    let lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Where `word` stands as a whole word.
fn places<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back();
        let after = code[*at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The names of a path that begins at `at`: `crate::twilio::rest` gives three. A group ends it.
fn path_at(code: &str, at: usize) -> Vec<String> {
    let end = code[at..].find(|letter: char| !is_word(letter) && letter != ':').map_or(code.len(), |end| at + end);
    code[at..end].split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Every room that the file names, by `crate::…` or `super::…`.
fn rooms_used(source: &Source) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let whole = places(&source.code, "crate").filter(|at| source.code[*at..].starts_with("crate::"));
    for at in whole {
        let path = path_at(&source.code, at);
        let room = room_of(&path[1..]);
        let room =
            room.unwrap_or_else(|| panic!("{}: name one room a line, not `{}{{…}}`", source.path, path.join("::")));
        used.insert(room);
    }
    for at in places(&source.code, "super") {
        // Only the first of `super::super` begins a path; `pub(super)` is none.
        if source.code[..at].ends_with("::") || !source.code[at..].starts_with("super::") {
            continue;
        }
        let path = path_at(&source.code, at);
        let up = path.iter().take_while(|name| *name == "super").count();
        let mut module = source.module.clone();
        module.truncate(module.len().saturating_sub(up));
        module.extend(path[up..].iter().cloned());
        used.extend(room_of(&module));
    }
    used.remove(&source.room());
    used
}

/// What a room may use, or nothing for a room that stands in no table.
fn allowed(room: &str) -> Option<BTreeSet<&'static str>> {
    let pure = PURE.iter().map(|(name, _)| *name);
    if let Some((_, uses)) = PURE.iter().chain(&STAND_INS).find(|(name, _)| *name == room) {
        return Some(uses.iter().copied().collect());
    }
    let (_, uses) = ARROWS.iter().find(|(name, _)| *name == room)?;
    Some(uses.iter().copied().chain(pure).chain(EVERYBODYS).collect())
}

#[track_caller]
fn none_of(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.path != "lib.rs" && source.path != "sandbox/mod.rs") {
        let room = source.room();
        let Some(allowed) = allowed(&room) else {
            faults.push(format!("{}: the room `{room}` stands in no table of this test", source.path));
            continue;
        };
        // The binary knows the library by its name.
        let mut used = rooms_used(source);
        if room == "main" {
            used.extend(places(&source.code, "offhook").filter_map(|at| room_of(&path_at(&source.code, at)[1..])));
        }
        for other in used.iter().filter(|other| !allowed.contains(other.as_str())) {
            faults.push(format!("{}: `{room}` may not use `{other}`", source.path));
        }
    }
    none_of(&faults);
}

#[test]
fn every_room_in_the_tables_exists() {
    let rooms: BTreeSet<String> = sources().iter().map(Source::room).collect();
    let named = PURE.iter().chain(&ARROWS).chain(&STAND_INS).map(|(room, _)| (*room).to_owned());
    none_of(&named.filter(|room| !rooms.contains(room)).collect::<Vec<_>>());
}

#[test]
fn pure_rooms_do_nothing_but_decide() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| PURE.iter().any(|(room, _)| *room == source.room())) {
        for forbidden in NOT_PURE.iter().chain(&[
            "async",
            "await",
            "println",
            "std::fs",
            "std::env",
            "std::net",
            "Instant",
            "SystemTime",
        ]) {
            if places(&source.code, forbidden).next().is_some() {
                faults.push(format!("{}: a pure room has no `{forbidden}`", source.path));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut faults = Vec::new();
    for source in sources() {
        let room = source.room();
        for (name, rooms) in CRATES {
            let is_home = rooms.iter().any(|home| room == *home || room.starts_with(&format!("{home}::")));
            let is_used = places(&source.code, name).any(|at| source.code[at + name.len()..].starts_with("::"));
            if is_used && !is_home {
                faults.push(format!("{}: `{name}` belongs to {}", source.path, rooms.join(", ")));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn the_stand_ins_share_nothing_with_the_clients_they_judge() {
    for source in sources().iter().filter(|source| STAND_INS.iter().any(|(room, _)| *room == source.room())) {
        for client in ["crate::twilio", "crate::chatwoot", "crate::outbox", "crate::call"] {
            // Tests too: a stand-in that was tried with our client only would share its mistakes.
            assert!(!source.text.contains(client), "{} knows {client}", source.path);
        }
    }
}

#[test]
fn a_carrier_document_is_built_and_never_pasted_together() {
    let mut faults = Vec::new();
    let is_the_builder = |source: &&Source| source.path == "twilio/verb.rs";
    // The stand-ins play a carrier, the bench weighs documents; neither hands one to a phone.
    let is_aside = |source: &&Source| ["sandbox/", "bench/"].iter().any(|room| source.path.starts_with(room));
    for source in sources().iter().filter(|source| !is_aside(source) && !is_the_builder(source)) {
        for opening in ["\"<Response", "\"<Say", "\"<Dial", "\"<Gather", "\"<?xml", "\"<{"] {
            if source.code.contains(opening) {
                faults.push(format!("{}: {opening}…: documents come from twilio::verb", source.path));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn only_the_store_speaks_sql() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.room() != "store") {
        for verb in ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM ", "\"CREATE TABLE ", "\"PRAGMA "] {
            if source.code.contains(verb) {
                faults.push(format!("{}: {verb}…", source.path));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn files_are_short_shallow_and_named_after_things() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{}: {lines} lines, at most {LINES_MAX}", source.path));
        }
        let names: Vec<&str> = source.path.trim_end_matches(".rs").split('/').collect();
        if names.len() > 3 {
            faults.push(format!("{}: folders are two deep at most", source.path));
        }
        if names.iter().any(|name| NO_NAMES.contains(name)) {
            faults.push(format!("{}: name the thing", source.path));
        }
    }
    none_of(&faults);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let homes = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut files = Vec::new();
    for folder in
        ["src", "migrations/src", "tests/it", "docs", "examples", "scripts", "dashboard-app/src", "dashboard-app/e2e"]
    {
        files_below(&root().join(folder), &mut files);
    }
    files.extend(
        [
            "README.md",
            "CHANGELOG.md",
            "Cargo.toml",
            "Dockerfile",
            "Makefile",
            "config.example.toml",
            "dashboard-app/package-lock.json",
        ]
        .map(|name| root().join(name)),
    );
    let mut faults = Vec::new();
    for file in files {
        // Pictures are no text.
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        for home in homes.iter().filter(|home| text.contains(**home)) {
            faults.push(format!("{}: {home}", file.strip_prefix(root()).unwrap().display()));
        }
    }
    none_of(&faults);
}

/// What the container's build context leaves out cannot be compiled in. Its image has no stand-ins.
#[test]
fn the_container_gets_every_file_that_is_compiled_in() {
    let ignored = std::fs::read_to_string(root().join(".dockerignore")).unwrap();
    let let_in: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let (mut faults, mut seen) = (Vec::new(), 0);
    for source in sources().iter().filter(|source| !source.path.starts_with("sandbox/")) {
        let folder = root().join("src").join(&source.path).parent().unwrap().to_owned();
        for named in source.code.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let file = folder.join(named).canonicalize().unwrap();
            let file = file.strip_prefix(root()).unwrap();
            seen += 1;
            if !let_in.iter().any(|part| file.starts_with(part)) {
                faults.push(format!("{}: {} is not let in by .dockerignore", source.path, file.display()));
            }
        }
    }
    assert!(seen > 0, "no file is compiled in");
    none_of(&faults);
}
