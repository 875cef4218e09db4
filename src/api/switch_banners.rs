//! Banners about switches, supervisors' codes and answer rates. Source: DESIGN.md section 8, THREATS.md T-28 and T-40.

use chrono::{DateTime, Utc};

use super::Problem;
use super::banners::{Banner, Severity};
use crate::app::App;
use crate::call::switch::SwitchKind;
use crate::rules::Rules;
use crate::store::{BrandSwitch, StoreError};
use crate::switchboard::codes::ROTATE_AFTER;

/// Switches that are told; more at once than brands anybody has.
const SWITCHES_MAX: u32 = 1_000;

/// Everything that should be known of them now.
pub(super) async fn list(app: &App) -> Result<Vec<Banner>, Problem> {
    let now = app.clock.now();
    let of_store = |error: StoreError| Problem::unavailable(error.to_string());
    let Ok(Some((_, rules))) = app.switchboard.rulebook().load_current().await else { return Ok(Vec::new()) };
    let on = app.store.list_switches_on(now, SWITCHES_MAX).await.map_err(of_store)?;
    let mut banners: Vec<Banner> = on.iter().map(|one| about_switch(one, &rules)).collect();
    let guard = app.store.find_code_guard(now).await.map_err(of_store)?;
    if let Some(until) = guard.locked_until.filter(|until| *until > now) {
        let message = format!(
            "Too many wrong supervisors' codes were keyed in: the keypad is locked until {until}. Overrides can be turned \
             on the screen.",
            until = time(until)
        );
        banners.push(Banner { code: "codes_locked", severity: Severity::Warning, message, since: now });
    }
    banners.extend(about_old_codes(app, &rules, now).await.map_err(of_store)?);
    for brand in &rules.brands {
        let is_overridden = on.iter().any(|one| one.asked.brand == brand.id && one.asked.kind == SwitchKind::Override);
        if brand.operator.is_none() || is_overridden {
            continue;
        }
        let looked = app.switchboard.look_at_answer_rate(&brand.id, now).await;
        if let Some(collapse) = looked.map_err(|error| Problem::unavailable(error.to_string()))? {
            let message = format!(
                "{}: {} of the last {} calls were answered, usually {:.0} of 100 are. An override would send calls to the \
                 operator line.",
                brand.name,
                collapse.recent.answered,
                collapse.recent.offered,
                collapse.usual_rate * 100.0
            );
            banners.push(Banner { code: "override_suggested", severity: Severity::Warning, message, since: now });
        }
    }
    Ok(banners)
}

fn about_switch(one: &BrandSwitch, rules: &Rules) -> Banner {
    let asked = &one.asked;
    let brand = rules.find_brand(&asked.brand);
    let name = brand.map_or_else(|| asked.brand.to_string(), |brand| brand.name.clone());
    let (until, who, reason) = (time(asked.until), &asked.by, &asked.reason);
    let has_line = brand.is_some_and(|brand| brand.operator.is_some());
    let (code, severity, what) = match asked.kind {
        SwitchKind::Override if has_line => {
            ("override_on", Severity::Warning, format!("Calls to {name} go to the operator line"))
        }
        SwitchKind::Override => (
            "override_on",
            Severity::Error,
            format!("Calls to {name} are overridden, but there is no operator line, so they go to the team"),
        ),
        SwitchKind::Flood => ("flood_declared", Severity::Warning, format!("A flood of calls to {name} is declared")),
    };
    let message = format!("{what} until {until}. Turned on by {who}: {reason}");
    Banner { code, severity, message, since: one.began_at }
}

async fn about_old_codes(app: &App, rules: &Rules, now: DateTime<Utc>) -> Result<Option<Banner>, StoreError> {
    let codes = app.store.list_codes().await?;
    let is_theirs = |id| rules.supervisors.iter().any(|known| known.id == id);
    let old: Vec<_> = codes
        .into_iter()
        .filter(|code| code.set_at + ROTATE_AFTER <= now && is_theirs(code.supervisor.clone()))
        .collect();
    let Some(oldest) = old.iter().map(|code| code.set_at).min() else { return Ok(None) };
    let names: Vec<&str> = old.iter().map(|code| code.supervisor.as_str()).collect();
    let message = format!("Supervisors' codes are older than 90 days: {}. Draw new ones.", names.join(", "));
    Ok(Some(Banner { code: "codes_old", severity: Severity::Warning, message, since: oldest + ROTATE_AFTER }))
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%H:%M UTC on %-d %B").to_string()
}
