use proptest::prelude::*;

use super::super::{diff, file, generated};
use super::*;

const TWO: &str = r#"
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme"
time_zone = "America/New_York"
max_wait_s = 40
language = "de-DE"
after_hours = { path = "operator" }
operator = { number = "+15550100009" }
menu = { prompt = "Press 1.", default = "sales", option = [{ key = "1", intent = "sales" }] }
[[brand.intent]]
id = "sales"
name = "sales"
[[brand]]
id = "beta"
name = "Beta"
inbox = "Beta"
time_zone = "UTC"
[[brand.intent]]
id = "moves"
name = "moves"
[[brand.intent]]
id = "gone"
name = "gone"
[[number]]
number = "+15550100002"
brand = "beta"
intent = "moves"
"#;

fn copied(parts: &[BrandPart]) -> Result<Rules, CopyRefused> {
    let rules = file::parse("routing.toml", TWO).unwrap();
    copy_brand(&rules, &BrandId::new("acme"), &BrandId::new("beta"), parts)
}

#[test]
fn only_the_parts_asked_for_are_copied() {
    let rules = copied(&[BrandPart::Ringing]).unwrap();
    let beta = &rules.brands[1];
    assert_eq!((beta.max_wait.as_secs(), beta.language.as_str(), beta.name.as_str()), (40, "en-US", "Beta"));
    let rules = copied(&[BrandPart::Texts]).unwrap();
    assert_eq!((rules.brands[1].max_wait.as_secs(), rules.brands[1].language.as_str()), (25, "de-DE"));
}

#[test]
fn an_intent_that_a_number_of_the_copy_names_stays() {
    let rules = copied(&[BrandPart::Menu]).unwrap();
    let ids: Vec<&str> = rules.brands[1].intents.iter().map(|intent| intent.id.as_str()).collect();
    assert_eq!(ids, ["sales", "moves"]);
    assert!(rules.brands[1].menu.is_some());
}

#[test]
fn a_copy_that_leads_nowhere_is_refused_with_its_place() {
    let Err(CopyRefused::WouldBreak(broken)) = copied(&[BrandPart::AfterHours]) else {
        panic!("the copy has no operator line");
    };
    assert_eq!(broken.faults[0].pointer, "/brand/1/after_hours/path");
    assert!(copied(&[BrandPart::AfterHours, BrandPart::Operator]).is_ok());
    let nobody = copy_brand(&copied(&[]).unwrap(), &BrandId::new("acme"), &BrandId::new("zeta"), &[]);
    assert_eq!(nobody, Err(CopyRefused::NoSuchBrand(BrandId::new("zeta"))));
}

#[test]
fn a_brand_like_another_differs_in_what_makes_it_its_own() {
    let rules = file::parse("routing.toml", TWO).unwrap();
    let new = |id: &str, inbox: &str| NewBrand { id: BrandId::new(id), name: "Gamma".into(), inbox: inbox.into() };
    let more = add_brand_like(&rules, &BrandId::new("acme"), new("gamma", "Gamma")).unwrap();
    let paths: Vec<String> = diff::diff(&rules, &more).into_iter().map(|change| change.path).collect();
    assert_eq!(paths, ["/brand/gamma"]);
    for taken in [new("beta", "Gamma"), new("gamma", "Beta"), new("Ga mma", "Gamma")] {
        assert!(matches!(
            add_brand_like(&rules, &BrandId::new("acme"), taken),
            Err(CopyRefused::NewWouldBreak { place: 2, .. })
        ));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn copying_a_brand_to_itself_changes_nothing(rules in generated::rules()) {
        let id = rules.brands[0].id.clone();
        // Its own intents stay only where a number or the source has them, and here the source has them all.
        prop_assert_eq!(copy_brand(&rules, &id, &id, &BrandPart::ALL).unwrap(), rules);
    }
}
