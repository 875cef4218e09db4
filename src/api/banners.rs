//! What everybody who looks at a screen should know now.

use actix_web::{get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::openapi::Refusals;
use super::{Operator, Problem, phone_banners, switch_banners};
use crate::app::App;
use crate::telemetry::Chain;

/// Something that everybody should know.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Banner {
    /// What it is about, stable: `rules_broken`, `override_on`, `flood_declared`, `codes_locked`, `codes_wrong`,
    /// `codes_old`, `calls_capped`, `calls_refused`, `override_suggested`, `phones_refused`, `account_full`,
    /// `dead_letters`, `chatwoot_silent`.
    pub(super) code: &'static str,
    /// How bad it is.
    pub(super) severity: Severity,
    /// In words, with what to do.
    pub(super) message: String,
    /// Since when.
    pub(super) since: DateTime<Utc>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Calls go on, and somebody has to act.
    Warning,
    /// Calls are not taken as they should be.
    Error,
}

/// What everybody should know now; empty if all is well.
#[utoipa::path(
    tag = "session",
    responses((status = 200, description = "The worst first.", body = Vec<Banner>), Refusals),
)]
#[get("/banners")]
pub(super) async fn list_banners(_: Operator, app: web::Data<App>) -> Result<web::Json<Vec<Banner>>, Problem> {
    // Looks again if what is known is old; what is known then is told even if that failed.
    let looked = app.switchboard.rulebook().load_current().await;
    if let Err(error) = looked {
        tracing::debug!(error = %Chain(&error), "the rules could not be looked at for the banners");
    }
    let mut banners: Vec<Banner> = broken_rules(&app).into_iter().collect();
    banners.extend(switch_banners::list(&app).await?);
    banners.extend(phone_banners::list(&app).await?);
    banners.extend(dead_letters(&app).await?);
    banners.extend(silent_chatwoot(&app));
    banners.sort_by_key(|banner| (banner.severity == Severity::Warning, banner.since));
    Ok(web::Json(banners))
}

async fn dead_letters(app: &App) -> Result<Option<Banner>, Problem> {
    let figures = app.store.load_figures(app.clock.now()).await;
    let dead = figures.map_err(Problem::unavailable)?.dead;
    let Some(since) = dead.oldest else { return Ok(None) };
    let message = format!(
        "Given up after many tries: {} notes, voicemails or other things to do for calls. `/api/v1/outbox/dead` says what \
         and why; mend that, then replay each.",
        dead.count
    );
    Ok(Some(Banner { code: "dead_letters", severity: Severity::Warning, message, since }))
}

fn silent_chatwoot(app: &App) -> Option<Banner> {
    if app.is_chatwoot_answering() {
        return None;
    }
    let message =
        "Chatwoot does not answer, or refuses our token. Calls go on by what was last known of it; notes and \
        voicemails wait for it for up to 72 hours."
            .to_owned();
    Some(Banner { code: "chatwoot_silent", severity: Severity::Warning, message, since: app.clock.now() })
}

fn broken_rules(app: &App) -> Option<Banner> {
    let trouble = app.switchboard.rulebook().find_trouble()?;
    let version = trouble.version;
    let (severity, now) = match trouble.in_force {
        Some(in_force) => (Severity::Warning, format!("Calls go on under version {in_force}, the last good one.")),
        None => (Severity::Error, "No other version can be read, so callers hear the safe reply.".to_owned()),
    };
    let message =
        format!("Version {version} of the rules cannot be read ({}). {now} Publish a good version.", trouble.reason);
    Some(Banner { code: "rules_broken", severity, message, since: trouble.since })
}
