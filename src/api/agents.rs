//! Agents' phones, as the carrier sees them.

use actix_web::{HttpResponse, delete, web};

use super::openapi::{Refusals, Told};
use super::{Operator, Problem};
use crate::app::App;
use crate::ids::AgentId;

/// Believes in an agent's phone again that the carrier refused as unreachable. Another phone in the rules needs no such
/// word.
#[utoipa::path(
    tag = "agents",
    params(("id" = String, Path, description = "The agent.")),
    responses((status = 204, description = "The phone is rung again."), Told<404>, Refusals),
)]
#[delete("/agents/{id}/unreachable")]
pub(super) async fn trust_agent_phone(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let trusted = app.store.trust_phone(&AgentId::new(&id), &operator.name(), app.clock.now()).await;
    if trusted.map_err(Problem::unavailable)? {
        // Whoever waits may be offered it at once.
        app.switchboard.calls_stirred.notify_one();
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::not_found("No phone of this agent's was refused by the carrier."))
    }
}
