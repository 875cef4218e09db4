//! Banners about phones that cannot be rung: the carrier refused them, or its account carries no more calls.

use chrono::{DateTime, TimeDelta, Utc};

use super::Problem;
use super::banners::{Banner, Severity};
use crate::app::App;
use crate::ids::{AgentId, BrandId};
use crate::rules::Rules;
use crate::store::LoadedFacts;

/// A full account is told of for so long after it was last found out.
const FULL_TOLD: TimeDelta = TimeDelta::hours(1);

/// Agents asked about in one question.
const ASKED_MAX: usize = 500;

/// Everything that should be known of them now.
pub(super) async fn list(app: &App) -> Result<Vec<Banner>, Problem> {
    let now = app.clock.now();
    let Ok(Some((_, rules))) = app.switchboard.rulebook().load_current().await else { return Ok(Vec::new()) };
    // Facts that depend on no brand.
    let brand = BrandId::new("");
    let mut refused: Vec<&str> = Vec::new();
    let ids: Vec<AgentId> = rules.agents.iter().map(|agent| agent.id.clone()).collect();
    for part in ids.chunks(ASKED_MAX) {
        let loaded = app.store.load_facts(&brand, part, now).await.map_err(Problem::unavailable)?;
        refused.extend(refused_in(&rules, &loaded));
    }
    let account = app.store.load_facts(&brand, &[], now).await.map_err(Problem::unavailable)?;
    let mut banners: Vec<Banner> = about_account(&account, now).into_iter().collect();
    if !refused.is_empty() {
        let message = format!(
            "The carrier refuses to ring {}: the number cannot be called. Correct it in the rules, or have it rung again.",
            refused.join(", ")
        );
        banners.push(Banner { code: "phones_refused", severity: Severity::Warning, message, since: now });
    }
    Ok(banners)
}

fn refused_in<'a>(rules: &'a Rules, loaded: &LoadedFacts) -> Vec<&'a str> {
    let of = |facts: &crate::store::AgentFacts| {
        let agent = rules.find_agent(&facts.agent)?;
        (facts.refused_phone.as_ref() == Some(&agent.phone)).then_some(agent.name.as_str())
    };
    loaded.agents.iter().filter_map(of).collect()
}

fn about_account(account: &LoadedFacts, now: DateTime<Utc>) -> Option<Banner> {
    let carried = account.carried.filter(|carried| now - carried.at < FULL_TOLD)?;
    let message = format!(
        "Twilio's account carries no more calls at once: {} phones could ring when it was last full. Have the account's \
         profile approved at Twilio.",
        carried.legs
    );
    Some(Banner { code: "account_full", severity: Severity::Warning, message, since: carried.at })
}
