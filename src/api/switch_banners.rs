//! Banners about switches, supervisors' codes and answer rates. Source: DESIGN.md section 8, THREATS.md T-28 and T-40.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::Problem;
use super::banners::{Banner, Severity};
use crate::app::App;
use crate::call::event::FallbackReason;
use crate::call::explain::tell_at;
use crate::call::floods::FloodStand;
use crate::call::state::Call;
use crate::call::switch::{SwitchKind, SwitchedBy};
use crate::rules::Rules;
use crate::store::{BrandSwitch, StoreError, TRIES_PER_ACCOUNT};
use crate::switchboard::codes::{CODE_REFUSED, CODE_WRONG, ROTATE_AFTER};

/// Switches that are told; more at once than brands anybody has.
const SWITCHES_MAX: u32 = 1_000;

/// Calls that a limit kept from ringing are told for so long.
const CALLS_TOLD_FOR: TimeDelta = TimeDelta::minutes(15);

/// The newest calls that are looked at for it; in a flood there are more, and the banner is up all the same.
const CALLS_MAX: u32 = 200;

/// Wrong codes are told for so long.
const CODES_TOLD_FOR: TimeDelta = TimeDelta::hours(1);

/// The newest lines of the audit that are looked at for it.
const AUDIT_MAX: u32 = 200;

/// Everything that should be known of them now.
pub(super) async fn list(app: &App) -> Result<Vec<Banner>, Problem> {
    let now = app.clock.now();
    let Ok(Some((_, rules))) = app.switchboard.rulebook().load_current().await else { return Ok(Vec::new()) };
    let on = app.store.list_switches_on(now, SWITCHES_MAX).await.map_err(Problem::unavailable)?;
    let mut banners: Vec<Banner> = on.iter().map(|one| about_switch(one, &rules)).collect();
    let guard = app.store.find_code_guard(now).await.map_err(Problem::unavailable)?;
    if let Some(until) = guard.locked_until.filter(|until| *until > now) {
        let message = format!(
            "Too many wrong supervisors' codes were keyed in: the keypad is locked until {until}. Overrides can be turned \
             on the screen.",
            until = tell_at(until, zone_of_all(&rules))
        );
        banners.push(Banner { code: "codes_locked", severity: Severity::Warning, message, since: now });
    }
    banners.extend(about_wrong_codes(app, &rules, now).await.map_err(Problem::unavailable)?);
    banners.extend(about_kept_from_ringing(app, &rules, now).await.map_err(Problem::unavailable)?);
    banners.extend(about_old_codes(app, &rules, now).await.map_err(Problem::unavailable)?);
    for brand in &rules.brands {
        let is_overridden = on.iter().any(|one| one.asked.brand == brand.id && one.asked.kind == SwitchKind::Override);
        if brand.operator.is_none() || is_overridden {
            continue;
        }
        let looked = app.switchboard.look_at_answer_rate(&brand.id, now).await;
        if let Some(collapse) = looked.map_err(Problem::unavailable)? {
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
    let zone = brand.map_or_else(|| zone_of_all(rules), |brand| brand.time_zone);
    let (until, who, reason) = (tell_at(asked.until, zone), tell_who(&asked.by, rules), &asked.reason);
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
    let names: Vec<String> = old.iter().map(|code| name_of(code.supervisor.as_str(), rules)).collect();
    let message = format!("Supervisors' codes are older than 90 days: {}. Draw new ones.", names.join(", "));
    Ok(Some(Banner { code: "codes_old", severity: Severity::Warning, message, since: oldest + ROTATE_AFTER }))
}

/// Codes that were wrong or not looked at, long before there are so many that the keypad is locked.
async fn about_wrong_codes(app: &App, rules: &Rules, now: DateTime<Utc>) -> Result<Option<Banner>, StoreError> {
    let lines = app.store.list_audit(None, AUDIT_MAX).await?;
    let is_failure = |action: &str| action == CODE_WRONG || action == CODE_REFUSED;
    let failed: Vec<DateTime<Utc>> = lines
        .iter()
        .filter(|line| is_failure(&line.action) && now - line.at < CODES_TOLD_FOR)
        .map(|line| line.at)
        .collect();
    let (Some(first), Some(last)) = (failed.iter().min().copied(), failed.iter().max().copied()) else {
        return Ok(None);
    };
    let count =
        if failed.len() == 1 { "A wrong code was".to_owned() } else { format!("{} wrong codes were", failed.len()) };
    let message = format!(
        "{count} keyed in for a supervisor within the last hour, the last at {}. {TRIES_PER_ACCOUNT} within an hour lock the \
         keypad. The audit names the calls.",
        tell_at(last, zone_of_all(rules))
    );
    Ok(Some(Banner { code: "codes_wrong", severity: Severity::Warning, message, since: first }))
}

/// Calls that rang nobody since the account carried no more legs, or as those of a flood. Source: THREATS.md T-04.
async fn about_kept_from_ringing(app: &App, rules: &Rules, now: DateTime<Utc>) -> Result<Vec<Banner>, StoreError> {
    let calls = app.store.list_calls(None, CALLS_MAX).await?;
    let recent: Vec<&Call> = calls.iter().filter(|call| now - call.arrived_at < CALLS_TOLD_FOR).collect();
    let of = |is_such: fn(&Call) -> bool| {
        let such: Vec<&Call> = recent.iter().copied().filter(|call| is_such(call)).collect();
        let since = such.iter().map(|call| call.arrived_at).min()?;
        let count = if such.len() == 1 { "One call".to_owned() } else { format!("{} calls", such.len()) };
        Some((format!("{count} since {}", tell_at(since, zone_of_all(rules))), since))
    };
    let capped = of(|call| call.fallback == Some(FallbackReason::Caps)).map(|(which, since)| Banner {
        code: "calls_capped",
        severity: Severity::Error,
        message: format!(
            "{which} rang nobody: the account carried no more phones. Raise limits.legs_live_max or \
             limits.legs_per_minute_max if the account can do more."
        ),
        since,
    });
    let refused = of(|call| call.flood == Some(FloodStand::Refused)).map(|(which, since)| Banner {
        code: "calls_refused",
        severity: Severity::Warning,
        message: format!("{which} rang nobody: too many came from one caller. Each call's history says which limit."),
        since,
    });
    Ok(capped.into_iter().chain(refused).collect())
}

/// The zone in which what is nobody brand's own is told: that of the brands, if they have one.
fn zone_of_all(rules: &Rules) -> Tz {
    let mut zones = rules.brands.iter().map(|brand| brand.time_zone);
    let first = zones.next().unwrap_or(Tz::UTC);
    if zones.all(|zone| zone == first) { first } else { Tz::UTC }
}

fn tell_who(by: &SwitchedBy, rules: &Rules) -> String {
    match by {
        SwitchedBy::Supervisor(id) => name_of(id.as_str(), rules),
        SwitchedBy::Operator(_) | SwitchedBy::Time => by.to_string(),
    }
}

fn name_of(supervisor: &str, rules: &Rules) -> String {
    let known = rules.supervisors.iter().find(|known| known.id.as_str() == supervisor);
    known.map_or_else(|| supervisor.to_owned(), |known| known.name.clone())
}
