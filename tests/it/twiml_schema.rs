//! Judges TwiML by the contract's schema: elements, attributes, values, children, and what a context allows.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a check for tests, which fail by panicking")]

use roxmltree::{Document, Node};
use serde_json::Value;

/// Checks a document. `context` is a name under `contexts` of the schema, or `None` for an ordinary call document.
///
/// # Errors
///
/// Every fault found.
///
/// # Panics
///
/// When the schema is missing or does not know the context.
pub fn check_twiml(context: Option<&str>, xml: &str) -> Result<(), Vec<String>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/contracts/twilio");
    let text = std::fs::read_to_string(format!("{folder}/twiml-schema.json")).expect("the schema is there");
    let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let document = Document::parse(xml).map_err(|error| vec![error.to_string()])?;
    let mut faults = Vec::new();
    if xml.len() >= 65_536 {
        faults.push("the document is too large".to_owned());
    }
    let root = document.root_element();
    if root.tag_name().name() != "Response" {
        faults.push("the root is not Response".to_owned());
    }
    if let Some(context) = context {
        let allowed = schema["contexts"][context]["allowed_verbs"].as_array().expect("the context is known");
        for verb in root.children().filter(Node::is_element) {
            if !allowed.contains(&Value::from(verb.tag_name().name())) {
                faults.push(format!("{} is not allowed in {context}", verb.tag_name().name()));
            }
        }
    }
    check_element(&schema["elements"], root, &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn check_element(elements: &Value, node: Node<'_, '_>, faults: &mut Vec<String>) {
    let name = node.tag_name().name();
    let Some(rule) = elements.get(name) else {
        faults.push(format!("{name} is unknown"));
        return;
    };
    for attribute in node.attributes() {
        match rule["attributes"].get(attribute.name()) {
            Some(form) if fits(form, attribute.value()) => {}
            Some(_) => faults.push(format!("{name}.{} is {:?}", attribute.name(), attribute.value())),
            None => faults.push(format!("{name}.{} is unknown", attribute.name())),
        }
    }
    let text: String = node.children().filter_map(|child| child.is_text().then(|| child.text()).flatten()).collect();
    if name == "Say" && !(1..=4096).contains(&text.chars().count()) {
        faults.push("Say has no text or too much".to_owned());
    }
    let children: Vec<_> = node.children().filter(Node::is_element).collect();
    if name == "Dial" && children.len() > 10 {
        faults.push("Dial rings more than ten".to_owned());
    }
    for child in children {
        let known = rule["children"].as_array().is_some_and(|all| all.contains(&Value::from(child.tag_name().name())));
        if !known {
            faults.push(format!("{} stands in {name}", child.tag_name().name()));
        }
        check_element(elements, child, faults);
    }
}

fn fits(form: &Value, value: &str) -> bool {
    let listed = |word: &str| form["values"].as_array().is_some_and(|all| all.contains(&Value::from(word)));
    match form["type"].as_str().unwrap_or("string") {
        "boolean" => matches!(value, "true" | "false"),
        "integer" => value.parse::<i64>().is_ok_and(|number| {
            number >= form["min"].as_i64().unwrap_or(i64::MIN) && number <= form["max"].as_i64().unwrap_or(i64::MAX)
        }),
        "enum" => listed(value),
        "enum-list" => !value.is_empty() && value.split(' ').all(listed),
        "url" => value.starts_with("https://") || (value.is_empty() && form["allowEmpty"] == Value::Bool(true)),
        _ => {
            let short = form["maxLength"]
                .as_u64()
                .is_none_or(|max| u64::try_from(value.chars().count()).is_ok_and(|count| count <= max));
            let shaped = form["pattern"].as_str().is_none_or(|pattern| {
                let schema = serde_json::json!({ "pattern": pattern });
                jsonschema::is_valid(&schema, &Value::from(value))
            });
            short && shaped
        }
    }
}
