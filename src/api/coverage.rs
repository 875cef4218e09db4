//! Hours in which nobody would ring: of the rules in force, and of a draft.

use std::sync::Arc;

use actix_web::{get, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::openapi::{Refusals, Told};
use super::rules_document::problem_of;
use super::{Operator, Problem};
use crate::app::App;
use crate::ids::{BrandId, DraftId};
use crate::publishing::Refused;
use crate::rules::Rules;
use crate::rules::coverage::{Gap, LINT_DAYS, Sheet, Uncovered, total};
use crate::switchboard::reading::aside;

/// Most gaps told of one brand or intent: fourteen days have no more, unless shifts are made of minutes.
const GAPS_MAX: usize = 500;

/// Which brand.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CoverageQuery {
    /// Only this one.
    brand: Option<String>,
}

/// What of the next 14 days' open hours nobody covers.
///
/// Members of a brand's roster with a verified phone cover their shifts, whatever their availability; for an intent that asks
/// for a skill, those who have it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Coverage {
    /// From now.
    from: DateTime<Utc>,
    /// Until; not included.
    until: DateTime<Utc>,
    /// In the order of the document.
    brands: Vec<BrandCoverage>,
}

/// What of a brand's open hours nobody covers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BrandCoverage {
    /// The brand, by id.
    brand: String,
    /// The zone of its hours.
    time_zone: String,
    /// When nobody on its roster could be rung for any call.
    #[serde(flatten)]
    gaps: CoverageGaps,
    /// Its intents, in the order of the document.
    intents: Vec<IntentCoverage>,
}

/// What of a brand's open hours nobody covers who could be rung for an intent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IntentCoverage {
    /// The intent, by id.
    intent: String,
    /// The skill that it asks for; without one, its gaps are the brand's.
    #[schema(required)]
    skill: Option<String>,
    #[serde(flatten)]
    gaps: CoverageGaps,
}

/// Open hours that nobody covers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CoverageGaps {
    /// In order, apart from each other, and exact; the first 500.
    gaps: Vec<CoverageGap>,
    /// How many there are, told or not.
    gaps_total: usize,
    /// How long they are together, in seconds; 0 if somebody is always there.
    uncovered_s: i64,
}

/// One time in which the brand is open and nobody would ring.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CoverageGap {
    /// From.
    from: DateTime<Utc>,
    /// Until; not included.
    until: DateTime<Utc>,
}

impl Coverage {
    /// Of all brands, or of one.
    fn of(rules: &Rules, brand: Option<&BrandId>, at: DateTime<Utc>) -> Result<Self, Refused> {
        let brands = match brand {
            None => rules.brands.iter().collect(),
            Some(id) => vec![rules.brand(id).ok_or_else(|| Refused::absent("brand", id))?],
        };
        let mut sheet = Sheet::new(rules, at, LINT_DAYS);
        let brands = brands.into_iter().map(|brand| BrandCoverage::of(sheet.uncovered(brand))).collect();
        let until = at.checked_add_signed(TimeDelta::days(LINT_DAYS.into())).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Ok(Self { from: at, until, brands })
    }
}

impl BrandCoverage {
    fn of(uncovered: Uncovered<'_>) -> Self {
        let Uncovered { brand, gaps, intents } = uncovered;
        Self {
            brand: brand.id.to_string(),
            time_zone: brand.time_zone.name().to_owned(),
            gaps: CoverageGaps::of(&gaps),
            intents: intents
                .into_iter()
                .map(|(intent, gaps)| IntentCoverage {
                    intent: intent.id.to_string(),
                    skill: intent.skill.clone(),
                    gaps: CoverageGaps::of(&gaps),
                })
                .collect(),
        }
    }
}

impl CoverageGaps {
    fn of(gaps: &[Gap]) -> Self {
        let told = |gap: &Gap| CoverageGap { from: gap.from, until: gap.until };
        Self {
            gaps: gaps.iter().take(GAPS_MAX).map(told).collect(),
            gaps_total: gaps.len(),
            uncovered_s: total(gaps).num_seconds(),
        }
    }
}

/// Open hours of the next 14 days in which nobody would ring under the rules in force, by brand and intent.
#[utoipa::path(
    tag = "rules",
    params(CoverageQuery),
    responses(
        (status = 200, description = "Every brand, covered or not.", body = Coverage),
        Told<400>,
        Told<404>,
        Refusals,
    ),
)]
#[get("/rules/coverage")]
pub(super) async fn show_rules_coverage(
    _: Operator,
    app: web::Data<App>,
    query: web::Query<CoverageQuery>,
) -> Result<web::Json<Coverage>, Problem> {
    let in_force = app.desk.load_in_force().await.map_err(|refused| problem_of(refused, ""))?;
    let (_, rules) = in_force.ok_or_else(|| Problem::not_found("No rules have been published yet."))?;
    answer(&app, rules, query.into_inner()).await
}

/// Open hours of the next 14 days in which nobody would ring under a draft, by brand and intent.
#[utoipa::path(
    tag = "rules",
    params(("id" = String, Path, description = "The draft."), CoverageQuery),
    responses(
        (status = 200, description = "Every brand, covered or not.", body = Coverage),
        Told<400>,
        Told<404>,
        Told<422>,
        Refusals,
    ),
)]
#[get("/rules/drafts/{id}/coverage")]
pub(super) async fn show_draft_coverage(
    _: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    query: web::Query<CoverageQuery>,
) -> Result<web::Json<Coverage>, Problem> {
    let id: DraftId = id.parse().map_err(|_| Problem::not_found("There is no such draft."))?;
    let (_, rules) = app.desk.load_draft(id).await.map_err(|refused| problem_of(refused, ""))?;
    let rules = rules.map_err(|error| problem_of(Refused::Faults(error), "/document"))?;
    answer(&app, Arc::new(rules), query.into_inner()).await
}

async fn answer(app: &App, rules: Arc<Rules>, query: CoverageQuery) -> Result<web::Json<Coverage>, Problem> {
    let brand = query.brand.map(|brand| BrandId::new(&brand));
    let at = app.clock.now();
    let coverage = aside(move || Coverage::of(&rules, brand.as_ref(), at)).await;
    coverage.map(web::Json).map_err(|refused| problem_of(refused, ""))
}
