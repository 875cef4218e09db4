//! The real `offhook serve`, as a process of its own between both stand-ins: how soon it is ready, how much it holds.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::line::{ACCOUNT_SID, AUTH_TOKEN, Dialler, Line, PUBLIC_BASE_URL};
use super::load::median;
use super::service::NUMBER;
use crate::sandbox::chatwoot::{self, ChatwootStandIn};
use crate::sandbox::twilio::{self, TwilioStandIn};

/// Starts of which the median counts.
const STARTS: u32 = 5;
/// Calls that the process takes before its memory is looked at.
const CALLS: u32 = 5;
/// How long it is left alone then.
const IDLE: Duration = Duration::from_secs(2);
/// Longest that a start may take at all.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// What was seen.
pub(super) struct Seen {
    /// Milliseconds from the start of the process until it was ready; the median of some.
    pub cold_start: f64,
    /// Resident megabytes (of 1,000,000 bytes), everything counted that the process shows as its own; none if this
    /// system does not say.
    pub idle_memory: Option<f64>,
}

/// Both stand-ins.
struct Neighbours {
    twilio: TwilioStandIn,
    chatwoot: ChatwootStandIn,
}

impl Neighbours {
    async fn start() -> anyhow::Result<Self> {
        Ok(Self {
            twilio: TwilioStandIn::start(twilio::Options {
                account_sid: ACCOUNT_SID.to_owned(),
                auth_token: AUTH_TOKEN.to_owned(),
                numbers: vec![NUMBER.to_owned()],
                ..twilio::Options::default()
            })
            .await?,
            chatwoot: ChatwootStandIn::start(chatwoot::Options::default()).await?,
        })
    }

    async fn stop(self) {
        self.twilio.stop().await;
        self.chatwoot.stop().await;
    }
}

/// Starts the service over the database at `path` some times; the last time it also takes a few calls.
pub(super) async fn watch(path: &Path) -> anyhow::Result<Seen> {
    let neighbours = Neighbours::start().await?;
    let mut starts = Vec::new();
    let mut idle_memory = None;
    for start in 1..=STARTS {
        let (mut process, address, took) = begin(path, &neighbours).await?;
        starts.push(took.as_secs_f64() * 1_000.0);
        if start == STARTS {
            idle_memory = look_at_memory(&process, address).await?;
        }
        process.kill().await?;
    }
    neighbours.stop().await;
    Ok(Seen { cold_start: median(starts), idle_memory })
}

/// Resident megabytes of the service over the database at `path` once it has taken a few calls; none if this system does
/// not say.
pub(super) async fn watch_memory(path: &Path) -> anyhow::Result<Option<f64>> {
    let neighbours = Neighbours::start().await?;
    let (mut process, address, _) = begin(path, &neighbours).await?;
    let held = look_at_memory(&process, address).await?;
    process.kill().await?;
    neighbours.stop().await;
    Ok(held)
}

async fn begin(path: &Path, neighbours: &Neighbours) -> anyhow::Result<(Child, SocketAddr, Duration)> {
    let program = std::env::current_exe().context("could not find this program")?;
    let folder = path.parent().context("the database lies in no folder")?;
    let began = Instant::now();
    let mut process = Command::new(program)
        .arg("serve")
        .current_dir(folder)
        .env_clear()
        .env("OFFHOOK_SERVER__BIND", "127.0.0.1:0")
        .env("OFFHOOK_SERVER__PUBLIC_BASE_URL", PUBLIC_BASE_URL)
        .env("OFFHOOK_DATABASE__URL", format!("sqlite://{}", path.display()))
        .env("OFFHOOK_TWILIO__API_BASE_URL", neighbours.twilio.base_url())
        .env("OFFHOOK_TWILIO__ACCOUNT_SID", ACCOUNT_SID)
        .env("OFFHOOK_TWILIO__AUTH_TOKENS", AUTH_TOKEN)
        .env("OFFHOOK_CHATWOOT__BASE_URL", neighbours.chatwoot.base_url())
        .env("OFFHOOK_CHATWOOT__ACCOUNT_ID", neighbours.chatwoot.account_id().to_string())
        .env("OFFHOOK_CHATWOOT__API_TOKEN", neighbours.chatwoot.admin_token())
        .env("OFFHOOK_CHATWOOT__WEBHOOK_SECRETS", "not-a-real-secret-of-the-bench")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("could not start the service")?;
    let address = tokio::time::timeout(READY_WITHIN, listening_at(&mut process)).await??;
    let mut line = Line::open(address).await?;
    while line.get("/readyz").await? != 200 {
        ensure!(began.elapsed() < READY_WITHIN, "the service does not become ready");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok((process, address, began.elapsed()))
}

async fn listening_at(process: &mut Child) -> anyhow::Result<SocketAddr> {
    let printed = process.stdout.take().context("the service has no output")?;
    let line = BufReader::new(printed).lines().next_line().await?.context("the service ended at once")?;
    let line: serde_json::Value = serde_json::from_str(&line)?;
    let address =
        line.get("listening").and_then(serde_json::Value::as_str).context("the service does not say where")?;
    Ok(address.parse()?)
}

async fn look_at_memory(process: &Child, address: SocketAddr) -> anyhow::Result<Option<f64>> {
    let mut line = Line::open(address).await?;
    for number in 0..CALLS {
        line.ring(&Dialler::new(9_000_000 + number).voice_request(NUMBER)).await?;
    }
    for path in ["/healthz", "/metrics", "/version", "/readyz"] {
        line.get(path).await?;
    }
    tokio::time::sleep(IDLE).await;
    let Some(id) = process.id() else { return Ok(None) };
    let Ok(status) = tokio::fs::read_to_string(format!("/proc/{id}/status")).await else { return Ok(None) };
    let resident =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).and_then(|rest| rest.split_whitespace().next());
    let Some(kib) = resident.and_then(|kib| kib.parse::<f64>().ok()) else { return Ok(None) };
    Ok(Some(kib * 1_024.0 / 1_000_000.0))
}
