//! A table of destinations against the policy of a company in the United States and Canada.

use super::*;
use crate::phone_number::parse_phone_number;

/// What becomes of a number: `ok`, `malformed`, or the reason's first word.
fn fate(policy: &DestinationPolicy, number: &str) -> String {
    let Ok(number) = parse_phone_number(number) else {
        return "malformed".into();
    };
    match policy.approve(&number).map_err(|refused| refused.reason) {
        Ok(target) => {
            assert_eq!(target.number(), &number);
            "ok".into()
        }
        Err(RefusalReason::Region(region)) => region.to_string(),
        Err(reason) => format!("{reason:?}"),
    }
}

fn judge(policy: &DestinationPolicy, table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(number, expected)| {
            let fate = fate(policy, number);
            (fate != *expected).then(|| format!("{number}: {fate}, expected {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn north_america() -> DestinationPolicy {
    DestinationPolicy::new(["US", "CA"], [], [])
}

const NORTH_AMERICA: &[(&str, &str)] = &[
    // The United States.
    ("+12015550123", "ok"),
    ("+12025550143", "ok"),
    ("+12125550100", "ok"),
    ("+13055550100", "ok"),
    ("+13105550100", "ok"),
    ("+14045550100", "ok"),
    ("+14155550100", "ok"),
    ("+16175550100", "ok"),
    ("+17025550100", "ok"),
    ("+18085550100", "ok"),
    ("+19075550100", "ok"),
    ("+19175550100", "ok"),
    ("+13125550100", "ok"),
    ("+15125550100", "ok"),
    ("+12065550100", "ok"),
    // Toll-free.
    ("+18005550100", "ok"),
    ("+18885550100", "ok"),
    ("+18335550100", "ok"),
    // Canada.
    ("+14165550100", "ok"),
    ("+16045550100", "ok"),
    ("+15145550100", "ok"),
    ("+14035550100", "ok"),
    ("+16135550100", "ok"),
    ("+19025550100", "ok"),
    ("+12045550100", "ok"),
    ("+13065550100", "ok"),
    ("+17095550100", "ok"),
    ("+18675550100", "ok"),
    // Kept for fiction.
    ("+15550100003", "ok"),
    ("+15550100199", "ok"),
    ("+15550199999", "ok"),
    // Elsewhere under the same code, whether or not the rest of the number is assigned.
    ("+12425550100", "BS"),
    ("+12423456789", "BS"),
    ("+12465550100", "BB"),
    ("+12645550100", "AI"),
    ("+12684601234", "AG"),
    ("+12845550100", "VG"),
    ("+13405550100", "VI"),
    ("+13452345678", "KY"),
    ("+14415550100", "BM"),
    ("+14735550100", "GD"),
    ("+16495550100", "TC"),
    ("+16585550100", "JM"),
    ("+16645550100", "MS"),
    ("+16705550100", "MP"),
    ("+16715550100", "GU"),
    ("+16845550100", "AS"),
    ("+17215550100", "SX"),
    ("+17585550100", "LC"),
    ("+17675550100", "DM"),
    ("+17845550100", "VC"),
    ("+17875550100", "PR"),
    ("+18095550100", "DO"),
    ("+18295550100", "DO"),
    ("+18495550100", "DO"),
    ("+18685550100", "TT"),
    ("+18695550100", "KN"),
    ("+18765550100", "JM"),
    ("+19395550100", "PR"),
    // Kinds.
    ("+19005550100", "Premium"),
    ("+19002345678", "Premium"),
    ("+12129765555", "Premium"),
    ("+12125551212", "Service"),
    ("+15005550006", "Personal"),
    ("+15332345678", "Personal"),
    // Assigned to nobody.
    ("+17005550100", "ZZ"),
    ("+17105550100", "ZZ"),
    ("+15552345678", "Unlisted"),
    ("+19992345678", "Unlisted"),
    ("+11112345678", "Unlisted"),
    ("+1202555014", "Unlisted"),
    ("+120255501433", "Unlisted"),
    ("+19112345678", "Unlisted"),
];

#[test]
fn north_american_area_codes_are_judged_one_by_one() {
    judge(&north_america(), NORTH_AMERICA);
}

const WORLD: &[(&str, &str)] = &[
    ("+441632960001", "GB"),
    ("+442079460000", "GB"),
    ("+447400123456", "GB"),
    ("+447624123456", "IM"),
    ("+441481256789", "GG"),
    ("+441534456789", "JE"),
    ("+33123456789", "FR"),
    ("+4930123456", "DE"),
    ("+390612345678", "IT"),
    ("+34912345678", "ES"),
    ("+35312345678", "IE"),
    ("+31201234567", "NL"),
    ("+79161234567", "RU"),
    ("+77012345678", "KZ"),
    ("+5215512345678", "MX"),
    ("+525512345678", "MX"),
    ("+5353123456", "CU"),
    ("+50321234567", "SV"),
    ("+50937123456", "HT"),
    ("+2526123456", "SO"),
    ("+252615123456", "SO"),
    ("+23276123456", "SL"),
    ("+37121234567", "LV"),
    ("+6797012345", "FJ"),
    ("+6841234567", "Unlisted"),
    ("+61212345678", "AU"),
    ("+61891641234", "CX"),
    ("+6421123456", "NZ"),
    ("+819012345678", "JP"),
    ("+8613812345678", "CN"),
    ("+919812345678", "IN"),
    ("+9647912345678", "IQ"),
    ("+2348021234567", "NG"),
    ("+27711234567", "ZA"),
    ("+96171123456", "LB"),
    // Premium and shared cost.
    ("+449098790000", "Premium"),
    ("+448712345678", "Premium"),
    ("+33899123456", "Premium"),
    ("+61190012345", "Unlisted"),
    ("+611900123456", "Premium"),
    ("+353 1520", "malformed"),
    ("+3531520123456", "Premium"),
    ("+41900123456", "Premium"),
    ("+43900123456", "Premium"),
    ("+4619001234567", "SE"),
    ("+34803123456", "Premium"),
    ("+390899123456", "Premium"),
    ("+41840123456", "SharedCost"),
    ("+34901123456", "SharedCost"),
    ("+97912345678", "Premium"),
    ("+80812345678", "SharedCost"),
    // Satellite and international networks.
    ("+870773123456", "Satellite"),
    ("+881612345678", "Satellite"),
    ("+881812345678", "Satellite"),
    ("+88213212345", "Satellite"),
    ("+883510012345", "Satellite"),
    ("+878101234567890", "Satellite"),
    ("+87810123456789", "Satellite"),
    ("+8741234567", "Satellite"),
    // Codes that lie nowhere.
    ("+80012345678", "Unlisted"),
    ("+99912345678", "Unlisted"),
    ("+2101234567", "Unlisted"),
    ("+38912345678", "MK"),
    // Short and emergency codes are no numbers.
    ("+911", "malformed"),
    ("+1911", "malformed"),
    ("+112", "malformed"),
    ("+44999", "malformed"),
    ("911", "malformed"),
    ("999", "malformed"),
    ("+1411", "malformed"),
    ("*67", "malformed"),
    ("+1", "malformed"),
    ("", "malformed"),
    ("+12025550143,,1", "malformed"),
    ("+12025550143;ext=1", "malformed"),
    ("0012025550143", "malformed"),
    ("client:ana", "malformed"),
    ("sip:ana@example.com", "malformed"),
    ("+1 202 555 0143", "malformed"),
    ("+1202555014\u{0663}", "malformed"),
];

#[test]
fn the_rest_of_the_world_is_judged_by_region_and_kind() {
    judge(&north_america(), WORLD);
}

#[test]
fn every_area_code_outside_the_two_countries_agrees_with_the_table_of_plans() {
    // What we list by hand must be what the plans say, for an exchange that is assigned there.
    for number in
        ["+12423456789", "+12462345678", "+18762345678", "+17872345678", "+16712345678", "+18682345678", "+14413701234"]
    {
        let ours = parse_phone_number(number).unwrap().region();
        let plans = phonenumber::parse(None, number).unwrap().country().id().and_then(|id| Region::parse(id.as_ref()));
        assert_eq!(ours, plans, "{number}");
    }
}

#[test]
fn prefixes_open_and_close() {
    let policy = DestinationPolicy::new(["US", "GB"], ["+1876", "+4483", "+449", "+870", "+1900"], ["+1202", "+18761"]);
    judge(
        &policy,
        &[
            ("+12125550100", "ok"),
            ("+441632960001", "ok"),
            ("+14165550100", "CA"),
            ("+18762345678", "ok"),
            ("+18761345678", "PrefixDenied"),
            ("+12025550143", "PrefixDenied"),
            ("+12423456789", "BS"),
            // An allowed prefix opens no premium or satellite number.
            ("+449098790000", "Premium"),
            ("+870773123456", "Satellite"),
            ("+19002345678", "Premium"),
            // But a range so new that the table does not list it.
            ("+448300000000", "ok"),
        ],
    );
}

#[test]
fn a_refusal_does_not_repeat_the_number() {
    let number = parse_phone_number("+18765550100").unwrap();
    let refused = north_america().approve(&number).unwrap_err();
    assert_eq!(refused.to_string(), "this number may not be called: its region, JM, is not among the allowed ones");
    assert!(!format!("{refused:?}").contains("5550100"));
}
