//! chatwoot.
