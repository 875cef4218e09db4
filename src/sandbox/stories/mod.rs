//! Named stories: a call played from the first ring to the end, told by who heard what when, and judged by what the
//! stand-ins saw.

mod plays;
mod scene;

use std::io::Write;
use std::process::ExitCode;

pub use scene::{ACME, AGENTS, JANE, OMAR, PRIYA, Played, RUTH, SAM, Scene};

use crate::sandbox::exchange::ExchangeOptions;

/// A story's name and how it is played.
pub type Play = (&'static str, for<'a> fn(&'a mut Scene) -> Played<'a>);

/// Every story, in the order `all` plays them.
pub const PLAYS: &[Play] = plays::PLAYS;

/// Plays one story, or `all`, and prints who heard what when. Ends with 1 if one did not end as it should.
///
/// # Errors
/// There is no story of that name.
pub async fn play_named(name: &str) -> anyhow::Result<ExitCode> {
    let chosen: Vec<&Play> = PLAYS.iter().filter(|(known, _)| name == "all" || name == *known).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = PLAYS.iter().map(|(known, _)| *known).collect();
        anyhow::bail!("there is no story named {name:?}; there are: {}, all", known.join(", "));
    }
    let mut failed = 0;
    for (name, play) in chosen {
        let folder = std::env::temp_dir().join(format!("offhook-story-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let url = format!("sqlite://{}", folder.join("offhook.sqlite").display());
        let outcome = play_on(ExchangeOptions::manual(&url), *play).await;
        let _ = std::fs::remove_dir_all(&folder);
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n== {name}")?;
        match outcome {
            Ok(told) => writeln!(out, "{told}\n-- {name}: as it should")?,
            Err(error) => {
                failed += 1;
                writeln!(out, "{error:#}\n-- {name}: NOT as it should")?;
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays one story over an exchange of its own; tells who heard what when.
///
/// # Errors
/// What was not as it should be, with the telling so far.
pub async fn play_on(
    options: ExchangeOptions,
    play: for<'a> fn(&'a mut Scene) -> Played<'a>,
) -> anyhow::Result<String> {
    let mut scene = Scene::start(options).await?;
    let outcome = play(&mut scene).await;
    let told = scene.tell();
    let judged = outcome.and_then(|()| scene.judge());
    scene.stop().await;
    match judged {
        Ok(()) => Ok(told),
        Err(error) => Err(error.context(told)),
    }
}
