//! What differs from the week in the document: calendars, lists of holidays, and what callers get while it is closed.

use std::collections::{BTreeMap, BTreeSet};

use super::calendar::{AfterHours, Calendar, HolidayList, SpecialDay, Until};
use super::fault::{Faults, Placed};
use super::file::{NAME_CHARS_MAX, read_id};
use super::file_path::{Occasion, read_path};
use super::forms::{DATE_FORM, PUBLIC_FORM, parse_date, parse_public};
use super::node::Content;
use super::path::Path;
use super::reader::{Fields, check_words, shown};
use super::seen::Seen;
use super::week::read_day;
use crate::ids::HolidayListId;

pub(super) fn read_calendar(fields: &mut Fields<'_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Calendar {
    let Some(mut fields) = fields.table(faults, "calendar") else {
        return Calendar::default();
    };
    let mut holidays = Vec::new();
    for text in fields.texts(faults, "holidays") {
        let id = HolidayListId::new(text.value);
        if holidays.contains(&id) {
            faults.add(&text.place, format!("list of holidays `{id}` stands twice"));
        } else {
            holidays.push(id);
            seen.refer("list of holidays", text.value, text.place);
        }
    }
    let mut days: Vec<SpecialDay> = Vec::new();
    let mut dates = BTreeSet::new();
    for day in fields.tables(faults, "day") {
        let Some((day, on)) = read_special_day(day, faults) else {
            continue;
        };
        if dates.insert(day.on) {
            days.push(day);
        } else {
            faults.add(&on, format!("{} stands twice in this calendar", day.on));
        }
    }
    days.sort_by_key(|day| day.on);
    let closed_until = read_until(&mut fields, faults, "closed_until");
    let open_until = read_until(&mut fields, faults, "open_until");
    fields.finish(faults);
    Calendar { holidays, days, closed_until, open_until }
}

fn read_special_day(mut fields: Fields<'_>, faults: &mut Faults<'_>) -> Option<(SpecialDay, super::fault::Place)> {
    let on = fields.required(faults, "on", |fields, faults| fields.date(faults, "on"));
    let hours = read_day(&mut fields, faults, "hours");
    let name = fields.words(faults, "name", NAME_CHARS_MAX);
    fields.finish(faults);
    on.map(|on| (SpecialDay { on: on.value, hours, name }, on.place))
}

fn read_until(fields: &mut Fields<'_>, faults: &mut Faults<'_>, name: &'static str) -> Option<Until> {
    let mut fields = fields.table(faults, name)?;
    let from = fields.instant(faults, "from");
    let until = fields.required(faults, "until", |fields, faults| fields.instant(faults, "until"));
    let reason = fields.words(faults, "reason", NAME_CHARS_MAX);
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        fields.refuse(faults, "until", "`until` is not later than `from`");
    }
    fields.finish(faults);
    until.map(|until| Until { from, until, reason })
}

pub(super) fn read_after_hours(fields: &mut Fields<'_>, faults: &mut Faults<'_>, has_operator: bool) -> AfterHours {
    let Some(mut fields) = fields.table(faults, "after_hours") else {
        return AfterHours::default();
    };
    let path = read_path(&mut fields, faults, Occasion::Closed, has_operator);
    let mut own = |name| {
        let mut fields = fields.table(faults, name)?;
        let path = fields
            .required(faults, "path", |fields, faults| Some(read_path(fields, faults, Occasion::Closed, has_operator)));
        fields.finish(faults);
        path
    };
    let after_hours: [Option<Path>; 3] = [own("holiday"), own("special_day"), own("closed_until")];
    fields.finish(faults);
    let [holiday, special_day, closed_until] = after_hours;
    AfterHours { path, holiday, special_day, closed_until }
}

pub(super) fn read_holiday_list(
    mut fields: Fields<'_>,
    faults: &mut Faults<'_>,
    seen: &mut Seen,
) -> Option<HolidayList> {
    let id = read_id(&mut fields, faults, seen, "list of holidays");
    let name = fields.required(faults, "name", |fields, faults| fields.words(faults, "name", NAME_CHARS_MAX));
    let public = fields.parsed(faults, "public", PUBLIC_FORM, parse_public);
    let dates = read_holiday_dates(&mut fields, faults);
    let mut except = Vec::new();
    let mut excepted = BTreeSet::new();
    for date in fields.dates(faults, "except") {
        if excepted.insert(date.value) {
            except.push(date.value);
        } else {
            faults.add(&date.place, format!("{} stands twice in `except`", date.value));
        }
    }
    except.sort();
    if public.is_none() && !except.is_empty() {
        fields.refuse(faults, "except", "`except` belongs to a list with `public`; this one names its dates itself");
    }
    fields.finish(faults);
    Some(HolidayList {
        id: HolidayListId::new(&id?),
        name: name?,
        public: public.map(|public| public.value),
        dates,
        except,
    })
}

/// A table of dates, each with what the day is called.
fn read_holiday_dates(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> BTreeMap<chrono::NaiveDate, String> {
    let mut dates = BTreeMap::new();
    let Some(table) = fields.table(faults, "dates") else {
        return dates;
    };
    for (name, value) in table.into_entries() {
        let Some(date) = parse_date(name) else {
            faults.add(&value.place, format!("`{}` is no date; allowed: {DATE_FORM}", shown(name)));
            continue;
        };
        let Content::Text(text) = value.value.content else {
            let kind = value.value.kind();
            faults.add(&value.place, format!("the name of {name} is {kind}; allowed: a text in quotes"));
            continue;
        };
        let text = Placed { value: text, place: value.place };
        if let Some(words) = check_words(faults, name, &text, NAME_CHARS_MAX) {
            dates.insert(date, words);
        }
    }
    dates
}
