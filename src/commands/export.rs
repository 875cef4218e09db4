//! `offhook export`: prints the rules in force as a routing file.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::RulesStore;
use crate::config::Settings;
use crate::rules::export;

/// Takes nothing.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}

/// Prints the rules in force; importing the output changes nothing.
///
/// # Errors
/// Nothing was ever published, or the store fails.
pub async fn run(_: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    let store = super::open_rules(&settings).await?;
    let text = text_in_force(store.as_ref()).await?;
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The rules in force, as a routing file.
///
/// # Errors
/// As [`run`].
pub async fn text_in_force(store: &dyn RulesStore) -> anyhow::Result<String> {
    match store.find_rules_in_force().await.context("could not load the rules in force")? {
        Some(rules) => Ok(export(&rules)),
        None => bail!("no rules have been published yet; `offhook import routing.toml` does that"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::import;
    use super::*;
    use crate::rules::{Rules, file};

    /// Keeps rules in memory, counting versions as the real store does.
    #[derive(Default)]
    struct InMemory(Mutex<Option<Rules>>);

    #[async_trait::async_trait]
    impl RulesStore for InMemory {
        async fn publish_rules(&self, rules: Rules, _by: &str) -> anyhow::Result<u32> {
            let mut kept = self.0.lock().unwrap();
            let version = kept.as_ref().map_or(1, |kept| kept.version + 1);
            *kept = Some(Rules { version, ..rules });
            Ok(version)
        }

        async fn find_rules_in_force(&self) -> anyhow::Result<Option<Rules>> {
            Ok(self.0.lock().unwrap().clone())
        }
    }

    #[actix_web::test]
    async fn what_was_imported_is_exported() {
        let store = InMemory::default();
        assert!(text_in_force(&store).await.unwrap_err().to_string().contains("no rules have been published"));
        let rules = file::parse("routing.toml", include_str!("../../examples/routing.toml")).unwrap();
        let told = import::publish(rules, "Ana", &store).await.unwrap();
        assert_eq!(told, "version 1 is live: brands 2, numbers 2, agents 5\n");
        let text = text_in_force(&store).await.unwrap();
        import::publish(file::parse("routing.toml", &text).unwrap(), "Ana", &store).await.unwrap();
        assert_eq!(text_in_force(&store).await.unwrap(), text.replace("version = 1", "version = 2"));
    }
}
