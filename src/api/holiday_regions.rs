//! Whose public holidays are known, for whoever chooses one for a list.

use actix_web::{get, web};
use serde::Serialize;

use super::openapi::Refusals;
use super::{Operator, Problem};
use crate::rules::holidays::{Region, YEARS};

/// Whose public holidays are known, and for which years.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HolidayRegions {
    /// The first year whose holidays are known.
    first_year: i32,
    /// The last.
    last_year: i32,
    /// By country; the country itself stands before its regions.
    regions: Vec<HolidayRegion>,
}

/// A country, or a region of one where holidays differ.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HolidayRegion {
    /// What `public` of a list of holidays says: `US`, `US-TX`. Source: ISO 3166-2.
    code: String,
    /// The country: `US`.
    country: String,
    /// The region within it: `TX`; null for the country itself.
    #[schema(required)]
    region: Option<String>,
}

/// Countries and regions whose public holidays a list may take over.
#[utoipa::path(
    tag = "rules",
    responses((status = 200, description = "All of them.", body = HolidayRegions), Refusals),
)]
#[get("/rules/holiday-regions")]
pub(super) async fn list_holiday_regions(_: Operator) -> Result<web::Json<HolidayRegions>, Problem> {
    let told = |code: String| {
        let (country, region) =
            code.split_once('-').map_or((code.as_str(), None), |(country, region)| (country, Some(region)));
        HolidayRegion { country: country.to_owned(), region: region.map(str::to_owned), code }
    };
    let regions = Region::codes().map(told).collect();
    Ok(web::Json(HolidayRegions { first_year: *YEARS.start(), last_year: *YEARS.end(), regions }))
}
