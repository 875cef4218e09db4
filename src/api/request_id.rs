//! Names the request that is being answered, so that a problem document and a line in the log can be put together.

use std::future::Future;

use uuid::Uuid;

/// The header of every answer that carries it.
pub const HEADER: &str = "x-request-id";

tokio::task_local! {
    static CURRENT: Uuid;
}

/// Answers a request under this name.
pub async fn answer_as<F: Future>(id: Uuid, answer: F) -> F::Output {
    CURRENT.scope(id, answer).await
}

/// The name of the request being answered, as it stands in the header and the logs; none outside of one.
#[must_use]
pub fn find_current() -> Option<String> {
    CURRENT.try_with(|id| id.simple().to_string()).ok()
}
