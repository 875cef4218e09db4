//! `offhook sandbox`: the stand-ins alone, so that other programs can judge them.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use crate::config::Settings;
use crate::sandbox::chatwoot::{self, ChatwootStandIn};
use crate::sandbox::exchange::{CUSTOMERS, ROUTING};
use crate::sandbox::twilio::{self, Behaviour, PhoneKind, TwilioStandIn};

/// On which ports.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Twilio's port on the loopback address; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub twilio_port: u16,
    /// Chatwoot's port on the loopback address; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub chatwoot_port: u16,
}

/// Starts both, prints one JSON line, and runs until interrupted.
///
/// # Errors
/// A port is in use; it is named.
pub async fn run(args: Args, _: Settings) -> anyhow::Result<ExitCode> {
    let rules = crate::rules::file::parse("routing.toml", ROUTING)?;
    let twilio = TwilioStandIn::start(twilio::Options {
        port: args.twilio_port,
        numbers: rules.numbers.iter().map(|number| number.number.as_e164().to_owned()).collect(),
        ..twilio::Options::default()
    })
    .await
    .with_context(|| format!("could not listen on port {} for Twilio", args.twilio_port))?;
    for (number, name) in CUSTOMERS {
        twilio.add_phone(number, name, PhoneKind::Customer, Behaviour::Manual);
    }
    for agent in &rules.agents {
        twilio.add_phone(agent.phone.as_e164(), &agent.name, PhoneKind::Agent, Behaviour::Manual);
    }
    let chatwoot =
        ChatwootStandIn::start(chatwoot::Options { port: args.chatwoot_port, ..chatwoot::Options::default() })
            .await
            .with_context(|| format!("could not listen on port {} for Chatwoot", args.chatwoot_port))?;
    let line = json!({
        "twilio": {
            "base_url": twilio.base_url(),
            "account_sid": twilio.account_sid(),
            "auth_token": twilio.auth_token(),
        },
        "chatwoot": {
            "base_url": chatwoot.base_url(),
            "account_id": chatwoot.account_id(),
            "admin_token": chatwoot.admin_token(),
            "agent_token": chatwoot.agent_token(),
            "agent2_token": chatwoot.agent2_token(),
            "admin_email": chatwoot.admin_email(),
            "admin_password": chatwoot.admin_password(),
        },
    });
    writeln!(std::io::stdout(), "{line}")?;
    super::serve::wait_for_the_end().await?;
    twilio.stop().await;
    chatwoot.stop().await;
    Ok(ExitCode::SUCCESS)
}
