//! The filters of contacts and conversations: which keys and operators they take, and what they find.

use serde_json::Value;

use super::call::{Answer, Call};
use super::world::World;

/// A key Chatwoot knows of itself, with the operators it takes.
pub(super) type Standard = (&'static str, &'static [&'static str]);

/// The operators of custom attributes.
const CUSTOM: &[&str] =
    &["equal_to", "not_equal_to", "contains", "does_not_contain", "is_present", "is_not_present", "starts_with"];

/// One condition of a filter.
#[derive(Debug)]
pub(super) struct Rule {
    key: String,
    operator: String,
    values: Vec<String>,
    /// Whether the next condition is an alternative.
    is_or: bool,
}

/// A JSON value as a filter compares it.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The custom attribute keys defined for a model.
pub(super) fn defined_keys(world: &World, model: &str) -> Vec<String> {
    let of_model =
        world.definitions.values().filter(|one| one.get("attribute_model").and_then(Value::as_str) == Some(model));
    of_model.filter_map(|one| Some(one.get("attribute_key")?.as_str()?.to_owned())).collect()
}

/// Reads the conditions of a request; each fault is 422 in Chatwoot's words.
pub(super) fn read(call: &Call, standard: &[Standard], defined: &[String]) -> Result<Vec<Rule>, Answer> {
    let mut rules = Vec::new();
    for condition in call.value("payload").and_then(Value::as_array).into_iter().flatten() {
        let word = |name: &str| condition.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (key, operator) = (word("attribute_key"), word("filter_operator"));
        let known = standard.iter().find(|(name, _)| *name == key).map(|(_, operators)| *operators);
        let Some(operators) = known.or_else(|| defined.contains(&key).then_some(CUSTOM)) else {
            let keys: Vec<&str> = standard.iter().map(|(name, _)| *name).collect();
            let (keys, hint) = (keys.join(","), "or a custom attribute defined in the account.");
            return Err(Answer::error(
                422,
                &format!("Invalid attribute key - [{key}]. The key should be one of [{keys}] {hint}"),
            ));
        };
        if !operators.contains(&operator.as_str()) {
            let list = operators.join(",");
            return Err(Answer::error(
                422,
                &format!("Invalid operator. The allowed operators for {key} are [{list}]."),
            ));
        }
        let values = match condition.get("values") {
            Some(Value::Array(values)) => values.iter().map(text).collect(),
            Some(Value::Null) | None => Vec::new(),
            Some(value) => vec![text(value)],
        };
        if values.is_empty() && !operator.ends_with("present") {
            return Err(Answer::error(422, &format!("Invalid value. The values provided for {key} are invalid")));
        }
        let is_or = word("query_operator").eq_ignore_ascii_case("or");
        rules.push(Rule { key, operator, values, is_or });
    }
    Ok(rules)
}

/// Whether the conditions hold; "and" binds closer than "or", as in SQL.
pub(super) fn holds(rules: &[Rule], values_of: impl Fn(&str) -> Vec<String>) -> bool {
    let (mut any, mut all) = (false, true);
    for rule in rules {
        all &= one_holds(rule, &values_of(&rule.key));
        if rule.is_or {
            (any, all) = (any || all, true);
        }
    }
    any || all
}

fn one_holds(rule: &Rule, own: &[String]) -> bool {
    let wanted: Vec<String> = rule.values.iter().map(|value| with_plus(&rule.key, value).to_lowercase()).collect();
    let own: Vec<String> = own.iter().map(|value| value.to_lowercase()).collect();
    let any = |test: &dyn Fn(&str, &str) -> bool| own.iter().any(|own| wanted.iter().any(|wanted| test(own, wanted)));
    match rule.operator.as_str() {
        "equal_to" => any(&|own, wanted| own == wanted),
        "not_equal_to" => !any(&|own, wanted| own == wanted),
        "contains" => any(&|own, wanted| own.contains(wanted)),
        "does_not_contain" => !any(&|own, wanted| own.contains(wanted)),
        "starts_with" => any(&|own, wanted| own.starts_with(wanted)),
        "is_greater_than" => any(&|own, wanted| own > wanted),
        "is_less_than" => any(&|own, wanted| own < wanted),
        "is_present" => !own.is_empty(),
        "is_not_present" => own.is_empty(),
        _ => false,
    }
}

/// Chatwoot forces the plus sign on telephone numbers.
fn with_plus(key: &str, value: &str) -> String {
    if key == "phone_number" && !value.starts_with('+') { format!("+{value}") } else { value.to_owned() }
}
