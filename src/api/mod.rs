//! JSON for the dashboard and for scripts, under `/api/v1`.
//!
//! Every route is registered inside [`routes`], behind one authoriser; a route cannot be reached any other way. Whatever
//! goes wrong is told as a problem document (RFC 9457). What is registered is also what [`openapi::document`] tells.

use actix_web::dev::HttpServiceFactory;
use actix_web::http::header;
use actix_web::{middleware, web};
use utoipa_actix_web::service_config::ServiceConfig;

pub mod agents;
pub mod audit;
pub mod authorise;
pub mod banners;
pub mod callback_tasks;
pub mod calls;
pub mod coverage;
pub mod drafts;
pub mod holiday_regions;
pub mod openapi;
pub mod outbox;
mod phone_banners;
pub mod problem;
pub mod rehearsals;
pub mod request_id;
pub mod rules;
mod rules_document;
pub mod supervisors;
mod switch_banners;
pub mod switches;

pub use authorise::{Authoriser, Operator};
pub use problem::Problem;

/// Where the API begins.
pub const BASE: &str = "/api/v1";

/// The whole API: everything that `register` adds stands behind the authoriser, and so does every unknown path.
pub fn routes(
    authoriser: Authoriser,
    register: impl FnOnce(&mut web::ServiceConfig) + 'static,
) -> impl HttpServiceFactory {
    web::scope(BASE)
        .app_data(web::Data::new(authoriser))
        .app_data(web::QueryConfig::default().error_handler(|error, _| Problem::bad_request(error.to_string()).into()))
        .wrap(middleware::from_fn(authorise::authorise))
        // Numbers and transcripts stay in no cache, and nothing is taken for what it is not. Source: threats T-12 and T-15.
        .wrap(
            middleware::DefaultHeaders::new()
                .add((header::CACHE_CONTROL, "no-store"))
                .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff")),
        )
        .configure(register)
        .default_service(web::to(problem::not_found))
}

/// Adds every resource of the API to a scope.
pub fn register(config: &mut web::ServiceConfig) {
    resources(&mut ServiceConfig::new(config));
}

/// Every resource of the API. `service` alone takes note of a route for the document, so nothing else is used here.
fn resources(config: &mut ServiceConfig<'_>) {
    config
        .service(authorise::session)
        .service(calls::list_calls)
        .service(calls::show_call)
        .service(calls::explain_call);
    config
        .service(rules::show_rules)
        .service(rules::list_rules_versions)
        .service(rules::show_rules_version)
        .service(rules::diff_rules_version)
        .service(rules::roll_back_rules)
        .service(holiday_regions::list_holiday_regions)
        .service(coverage::show_rules_coverage)
        .service(coverage::show_draft_coverage)
        .service(drafts::list_rules_drafts)
        .service(drafts::create_rules_draft)
        .service(drafts::show_rules_draft)
        .service(drafts::save_rules_draft)
        .service(drafts::delete_rules_draft)
        .service(drafts::diff_rules_draft)
        .service(drafts::publish_rules)
        .service(drafts::copy_brand);
    config
        .service(switches::show_override)
        .service(switches::begin_override)
        .service(switches::end_override)
        .service(switches::list_overrides)
        .service(switches::show_flood)
        .service(switches::declare_flood)
        .service(switches::end_flood)
        .service(switches::list_floods)
        .service(supervisors::list_supervisors)
        .service(supervisors::draw_supervisor_code)
        .service(supervisors::remove_supervisor_code);
    config.service(rehearsals::simulate_call).service(rehearsals::replay_calls);
    config.service(agents::trust_agent_phone);
    config.service(banners::list_banners).service(audit::list_audit);
    config.service(outbox::list_dead_letters).service(outbox::replay_dead_letter);
    config.service(callback_tasks::list_callback_tasks).service(callback_tasks::close_callback_task);
}
