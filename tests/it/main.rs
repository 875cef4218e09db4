
mod twiml_documents;
pub mod twiml_schema;
