//! What cannot be read is told by its place alone: what stands there may be a caller's name, number or words.

/// Where a body makes no sense. Source: threat T-26.
#[derive(Debug, thiserror::Error)]
#[error("{what} at `{path}`, line {line}, column {column}")]
pub struct Nonsense {
    /// No JSON, cut off, or of another shape.
    pub what: &'static str,
    /// The way to it, as in `payload[0].meta.sender`.
    pub path: String,
    /// The line, from 1; 0 where there is none.
    pub line: usize,
    /// The column, from 1; 0 where there is none.
    pub column: usize,
}

impl From<serde_path_to_error::Error<serde_json::Error>> for Nonsense {
    fn from(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let path = error.path().to_string();
        Self { path, ..Self::from(error.into_inner()) }
    }
}

impl From<serde_json::Error> for Nonsense {
    fn from(error: serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Syntax => "no JSON",
            serde_json::error::Category::Eof | serde_json::error::Category::Io => "cut off",
            serde_json::error::Category::Data => "of another shape",
        };
        Self { what, path: ".".to_owned(), line: error.line(), column: error.column() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_place_is_told_and_not_what_stands_there() {
        for text in [r#"{"sender": "Zanzibar Lane"}"#, r#"{"sender": Zanzibar}"#, r#"{"sender": "Zanzibar"#] {
            let mut reader = serde_json::Deserializer::from_str(text);
            let read: Result<HashMap<String, u32>, _> = serde_path_to_error::deserialize(&mut reader);
            let told = Nonsense::from(read.unwrap_err());
            assert!(!format!("{told} {told:?}").contains("Zanzibar"), "{told}");
            assert!(told.line == 1 && told.column > 0, "{told}");
        }
    }
}
