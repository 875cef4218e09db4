use proptest::prelude::*;

use super::*;

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
}

fn online() -> Belief {
    let mut belief = Belief::unknown(at(0));
    belief.hear(Heard::cable(Some(Status::Online), at(0)), GRACE);
    belief
}

fn judged(belief: &Belief, ms: i64) -> Verdict {
    belief.is_available(at(ms), &Limits::default())
}

fn why_not(belief: &Belief, ms: i64) -> Option<Reason> {
    match judged(belief, ms) {
        Verdict::Available { .. } => None,
        Verdict::Unavailable { reason, .. } => Some(reason),
    }
}

#[test]
fn before_anything_is_heard_the_shift_alone_decides() {
    let belief = Belief::unknown(at(0));
    assert_eq!(judged(&belief, 5), Verdict::Available { by: Source::ShiftAlone, age: TimeDelta::zero() });
}

#[test]
fn a_chosen_status_is_obeyed_at_once_over_the_websocket() {
    for (status, reason) in [(Status::Busy, Reason::Busy), (Status::Offline, Reason::Offline)] {
        let mut belief = online();
        assert!(belief.hear(Heard::cable(Some(status), at(3_000)), GRACE));
        assert_eq!(why_not(&belief, 3_000), Some(reason));
        assert_eq!(belief.since, at(3_000));
        assert!(belief.hear(Heard::cable(Some(Status::Online), at(6_000)), GRACE));
        assert_eq!(why_not(&belief, 6_000), None);
    }
}

#[test]
fn online_and_busy_are_believed_at_once_over_rest_too() {
    let mut belief = online();
    belief.hear(Heard::rest(Status::Busy, at(1)), GRACE);
    assert_eq!(judged(&belief, 2), unavailable(Reason::Busy, Source::Rest, 1));
    belief.hear(Heard::rest(Status::Online, at(3)), GRACE);
    assert_eq!(why_not(&belief, 3), None);
}

fn unavailable(reason: Reason, by: Source, age_ms: i64) -> Verdict {
    Verdict::Unavailable { reason, by, age: TimeDelta::milliseconds(age_ms) }
}

#[test]
fn an_absence_is_believed_after_exactly_sixty_seconds() {
    for absent in [|ms| Heard::cable(None, at(ms)), |ms| Heard::rest(Status::Offline, at(ms))] {
        let mut belief = online();
        belief.hear(absent(3_000), GRACE);
        belief.hear(absent(62_999), GRACE);
        assert_eq!(why_not(&belief, 62_999), None);
        assert!(belief.hear(absent(63_000), GRACE));
        assert_eq!(why_not(&belief, 63_000), Some(Reason::Absent));
    }
}

#[test]
fn a_quiet_tab_that_answers_once_a_minute_stays_available() {
    let mut belief = online();
    for second in 0..600 {
        let status = (second % 60 < 19).then_some(Status::Online);
        belief.hear(Heard::cable(status, at(second * 1_000)), GRACE);
        assert_eq!(why_not(&belief, second * 1_000), None, "{second}");
    }
}

#[test]
fn one_absence_and_then_silence_is_chatwoot_out_of_reach() {
    let mut belief = online();
    belief.hear(Heard::cable(None, at(1)), GRACE);
    assert_eq!(why_not(&belief, 120_000), None);
}

#[test]
fn an_absence_on_either_side_of_an_outage_is_not_one_long_absence() {
    let mut belief = online();
    belief.hear(Heard::cable(None, at(1_000)), GRACE);
    belief.hear(Heard::cable(None, at(600_000)), GRACE);
    assert_eq!(why_not(&belief, 600_000), None);
    belief.hear(Heard::cable(None, at(660_000)), GRACE);
    assert_eq!(why_not(&belief, 660_000), Some(Reason::Absent));
}

#[test]
fn the_last_known_state_holds_for_half_an_hour_to_the_millisecond() {
    let mut belief = online();
    belief.hear(Heard::cable(Some(Status::Busy), at(1_000)), GRACE);
    let end = 1_000 + HOLD.num_milliseconds();
    assert_eq!(judged(&belief, end - 1), unavailable(Reason::Busy, Source::Cable, end - 1_001));
    assert_eq!(judged(&belief, end), Verdict::Available { by: Source::ShiftAlone, age: HOLD });
}

#[test]
fn who_chose_offline_and_closed_the_browser_is_offline_by_choice() {
    let mut belief = online();
    belief.hear(Heard::cable(Some(Status::Offline), at(1)), GRACE);
    belief.hear(Heard::cable(None, at(2)), GRACE);
    belief.hear(Heard::cable(None, at(90_000)), GRACE);
    assert_eq!(why_not(&belief, 90_000), Some(Reason::Offline));
    assert_eq!(belief.since, at(1));
}

#[test]
fn the_agents_own_switch_stands_above_chatwoot() {
    let mut belief = online();
    belief.switch(PhoneSwitch::Off, at(10));
    assert_eq!(judged(&belief, 15), unavailable(Reason::SwitchedOff, Source::Switch, 5));
    assert_eq!(why_not(&belief, 10 * HOLD.num_milliseconds()), Some(Reason::SwitchedOff), "off never expires");
    belief.hear(Heard::cable(Some(Status::Offline), at(20)), GRACE);
    belief.switch(PhoneSwitch::On, at(30));
    assert_eq!(judged(&belief, 31), Verdict::Available { by: Source::Switch, age: TimeDelta::milliseconds(1) });
}

#[test]
fn off_until_half_past_two_ends_at_half_past_two() {
    let mut belief = online();
    belief.switch(PhoneSwitch::OffUntil(at(60_000)), at(10));
    assert_eq!(why_not(&belief, 59_999), Some(Reason::SwitchedOff));
    assert_eq!(why_not(&belief, 60_000), None);
    belief.hear(Heard::cable(Some(Status::Busy), at(60_001)), GRACE);
    assert_eq!(why_not(&belief, 60_001), Some(Reason::Busy));
}

#[test]
fn a_belief_survives_being_stored() {
    let mut belief = online();
    belief.switch(PhoneSwitch::OffUntil(at(60_000)), at(10));
    let stored = serde_json::to_string(&belief).unwrap();
    assert_eq!(serde_json::from_str::<Belief>(&stored).unwrap(), belief);
}

fn any_report() -> impl Strategy<Value = (Option<Status>, bool, i64)> {
    let status =
        prop_oneof![Just(None), Just(Some(Status::Online)), Just(Some(Status::Busy)), Just(Some(Status::Offline))];
    (status, any::<bool>(), 0_i64..40_000)
}

/// Reports with the spans between them turned into instants.
fn heard(reports: &[(Option<Status>, bool, i64)]) -> Vec<Heard> {
    let mut now = 0;
    let mut all = Vec::new();
    for (status, is_cable, wait) in reports {
        now += wait;
        all.push(match (status, is_cable) {
            (status, true) => Heard::cable(*status, at(now)),
            (Some(status), false) => Heard::rest(*status, at(now)),
            (None, false) => Heard::rest(Status::Offline, at(now)),
        });
    }
    all
}

proptest! {
    #[test]
    fn whatever_is_heard_a_switch_that_is_off_wins(reports in proptest::collection::vec(any_report(), 0..40)) {
        let mut belief = online();
        belief.switch(PhoneSwitch::Off, at(0));
        for report in heard(&reports) {
            belief.hear(report, GRACE);
            prop_assert!(!belief.is_available(report.at, &Limits::default()).is_available());
        }
    }

    /// The rules of the table at the head of the file, told over the whole history rather than step by step.
    #[test]
    fn the_belief_is_what_the_history_says(reports in proptest::collection::vec(any_report(), 1..40)) {
        let mut belief = online();
        let mut history = vec![Heard::cable(Some(Status::Online), at(0))];
        for report in heard(&reports) {
            belief.hear(report, GRACE);
            history.push(report);
            let last = history.iter().rposition(|h| h.believed_at_once().is_some()).unwrap();
            let said = history[last].status.unwrap();
            let missed_for = history.get(last + 1).map_or(TimeDelta::zero(), |first| report.at - first.at);
            let is_absent = history.len() > last + 1 && missed_for >= GRACE && said != Status::Offline;
            let wanted = match said {
                _ if is_absent => Some(Reason::Absent),
                Status::Online => None,
                Status::Busy => Some(Reason::Busy),
                Status::Offline => Some(Reason::Offline),
            };
            prop_assert_eq!(why_not(&belief, report.at.timestamp_millis()), wanted);
        }
    }

    #[test]
    fn a_late_report_changes_nothing(reports in proptest::collection::vec(any_report(), 1..20), late in 1_i64..100_000) {
        let mut belief = online();
        for report in heard(&reports) {
            belief.hear(report, GRACE);
        }
        let before = belief;
        let last = belief.last_heard_at.unwrap();
        belief.hear(Heard::cable(Some(Status::Offline), last - TimeDelta::milliseconds(late)), GRACE);
        prop_assert_eq!(before, belief);
    }
}
