//! `offhook export`: prints the rules in force, or those of a version, as a routing file.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::config::Settings;
use crate::publishing::Desk;
use crate::rules::export;

/// Which rules.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The version; the one in force if absent.
    #[arg(long, value_name = "NUMBER")]
    pub version: Option<u32>,
}

/// Prints rules; importing the output of those in force changes nothing.
///
/// # Errors
/// Nothing was ever published, there is no such version, or the store fails.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    let desk = super::open_desk(&settings).await?;
    let text = match args.version {
        Some(version) => text_of(version, &desk).await?,
        None => text_in_force(&desk).await?,
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The rules in force, as a routing file.
///
/// # Errors
/// As [`run`].
pub async fn text_in_force(desk: &Desk) -> anyhow::Result<String> {
    match desk.load_in_force().await.context("could not load the rules in force")? {
        Some((_, rules)) => Ok(export(&rules)),
        None => bail!("no rules have been published yet; `offhook import routing.toml` does that"),
    }
}

async fn text_of(version: u32, desk: &Desk) -> anyhow::Result<String> {
    let (_, rules) = desk.load_version(version).await.with_context(|| format!("could not load version {version}"))?;
    Ok(export(&rules))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::import;
    use super::*;
    use crate::clock::{CountedIds, SystemClock};
    use crate::config::Settings;
    use crate::publishing::Upon;
    use crate::rules::file;
    use crate::store::model::ModelStore;

    #[actix_web::test]
    async fn what_was_imported_is_exported() {
        let policy = Arc::new(Settings::default().destinations.policy());
        let desk = Desk::over(Arc::new(ModelStore::new()), Arc::new(SystemClock), Arc::new(CountedIds::new(7)), policy);
        assert!(text_in_force(&desk).await.unwrap_err().to_string().contains("no rules have been published"));
        let rules = file::parse("routing.toml", include_str!("../../examples/routing.toml")).unwrap();
        let told = import::publish(rules, Upon::Whatever, "Ana", None, &desk).await.unwrap();
        assert_eq!(told, "version 1 is live: brands 2, numbers 2, agents 5\n");
        let text = text_in_force(&desk).await.unwrap();
        let again = file::parse("routing.toml", &text).unwrap();
        let told = import::publish(again, Upon::Whatever, "Ben", None, &desk).await.unwrap();
        assert_eq!(told, "version 1 is live: brands 2, numbers 2, agents 5\nnothing changed\n");
        let slower = text.replacen("max_wait_s = 25", "max_wait_s = 40", 1);
        let told = import::publish(
            file::parse("routing.toml", &slower).unwrap(),
            Upon::Version(1),
            "Ben",
            Some("slower"),
            &desk,
        )
        .await
        .unwrap();
        assert_eq!(
            told,
            "version 2 is live: brands 2, numbers 2, agents 5\nchanges since version 1: 1\n  \
             /brand/acme-movers/max_wait_s: 25 becomes 40\n"
        );
        assert_eq!(text_in_force(&desk).await.unwrap(), slower.replace("version = 1", "version = 2"));
        assert_eq!(text_of(1, &desk).await.unwrap(), text);
        let late = file::parse("routing.toml", &text).unwrap();
        let refused = import::publish(late, Upon::Version(1), "Cleo", None, &desk).await.unwrap_err().to_string();
        let lines: Vec<&str> = refused.lines().collect();
        assert_eq!(lines[0], "nothing was published: the file was made from version 1, and version 2 is in force");
        assert!(lines[1].starts_with("version 2 by Ben at ") && lines[1].ends_with(" UTC: slower"), "{refused}");
        assert_eq!(lines[2..], ["changes since version 1: 1", "  /brand/acme-movers/max_wait_s: 25 becomes 40"]);
        assert_eq!(text_in_force(&desk).await.unwrap(), slower.replace("version = 1", "version = 2"));
        assert!(format!("{:#}", text_of(3, &desk).await.unwrap_err()).ends_with("there is no version 3"));
    }
}
