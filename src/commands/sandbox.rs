//! `offhook sandbox`: the stand-ins alone, so that other programs can judge them.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use crate::config::Settings;
use crate::rules::Rules;
use crate::sandbox::chatwoot::{self, ChatwootStandIn};
use crate::sandbox::exchange::{CUSTOMERS, ROUTING};
use crate::sandbox::page::{self, PageServer};
use crate::sandbox::stage::StandIns;
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
    /// Also serves the page of the demonstration on this port, and its API, by which other programs dial, answer, press
    /// keys and turn switches; 0 takes a free one. The line then has `"page":{"base_url"}` as well.
    #[arg(long)]
    pub page_port: Option<u16>,
}

/// Starts both, prints one JSON line, and runs until interrupted.
///
/// # Errors
/// A port is in use; it is named.
pub async fn run(args: Args, _: Settings) -> anyhow::Result<ExitCode> {
    let listener = args
        .page_port
        .map(|port| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))
                .with_context(|| format!("could not listen on port {port} for the page"))
        })
        .transpose()?;
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
    let page = listener.map(|listener| show_page(&twilio, &chatwoot, &rules, listener)).transpose()?;
    let mut line = json!({
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
    if let (Some(page), Some(line)) = (&page, line.as_object_mut()) {
        line.insert("page".to_owned(), json!({ "base_url": page.url.trim_end_matches('/') }));
    }
    writeln!(std::io::stdout(), "{line}")?;
    super::serve::wait_for_the_end().await?;
    if let Some(page) = page {
        page.stop().await;
    }
    twilio.stop().await;
    chatwoot.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn show_page(
    twilio: &TwilioStandIn,
    chatwoot: &ChatwootStandIn,
    rules: &Rules,
    listener: TcpListener,
) -> anyhow::Result<PageServer> {
    // The service is somebody else's here, and so is its panel.
    let stage = StandIns::new(twilio.clone(), chatwoot.clone(), rules, String::new());
    page::serve_on(stage.into_stage(), listener).context("could not serve the page")
}
