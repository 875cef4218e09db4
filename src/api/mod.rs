//! JSON for the dashboard and for scripts, under `/api/v1`.
//!
//! Every route is registered inside [`routes`], behind one authoriser; a route cannot be reached any other way. Whatever
//! goes wrong is told as a problem document (RFC 9457).

use actix_web::dev::HttpServiceFactory;
use actix_web::{middleware, web};

pub mod authorise;
pub mod calls;
pub mod problem;

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
        .wrap(middleware::from_fn(authorise::authorise))
        .configure(register)
        .service(web::resource("/session").route(web::get().to(authorise::session)))
        .default_service(web::to(problem::not_found))
}

/// Every resource of the API.
pub fn resources(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/calls").route(web::get().to(calls::list_calls)))
        .service(web::resource("/calls/{id}").route(web::get().to(calls::show_call)));
}
