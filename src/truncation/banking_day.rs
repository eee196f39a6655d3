//! Days on which the Federal Reserve settles: Monday to Friday without its holidays (Reg. CC, 12 CFR 229.2). A holiday on a
//! Sunday is kept on the Monday; one on a Saturday is not moved.

use jiff::civil::{Date, Weekday};

use crate::domain::Day;

/// The first banking day after this one.
pub fn next_banking_day(day: Day) -> Day {
    let mut date = day.date();
    // Four days in a row are the most that have no settlement.
    for _ in 0..10 {
        let Ok(next) = date.tomorrow() else { return Day::of(date) };
        date = next;
        if is_banking_day(date) {
            break;
        }
    }
    Day::of(date)
}

fn is_banking_day(date: Date) -> bool {
    if matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
        return false;
    }
    let sunday_before = date.weekday() == Weekday::Monday && date.yesterday().is_ok_and(is_fixed_holiday);
    !is_fixed_holiday(date) && !sunday_before && !is_moving_holiday(date)
}

/// New Year, Juneteenth, Independence, Veterans, Christmas.
fn is_fixed_holiday(date: Date) -> bool {
    matches!((date.month(), date.day()), (1, 1) | (6, 19) | (7, 4) | (11, 11) | (12, 25))
}

/// King, Washington, Memorial, Labor, Columbus, Thanksgiving.
fn is_moving_holiday(date: Date) -> bool {
    let week = (date.day() - 1) / 7 + 1;
    match (date.month(), date.weekday()) {
        (1 | 2, Weekday::Monday) => week == 3,
        (5, Weekday::Monday) => date.day() > 24,
        (9, Weekday::Monday) => week == 1,
        (10, Weekday::Monday) => week == 2,
        (11, Weekday::Thursday) => week == 4,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holidays_and_weekends_are_passed_over() {
        for (day, next) in [
            ("2026-11-03", "2026-11-04"),
            ("2026-11-06", "2026-11-09"),
            ("2026-11-10", "2026-11-12"),
            ("2026-11-25", "2026-11-27"),
            ("2026-12-24", "2026-12-28"),
            ("2026-07-03", "2026-07-06"),
            ("2027-07-02", "2027-07-06"),
            ("2026-05-22", "2026-05-26"),
            ("2026-01-16", "2026-01-20"),
            ("2023-12-29", "2024-01-02"),
            ("2022-12-30", "2023-01-03"),
            ("2024-02-28", "2024-02-29"),
        ] {
            let day: Day = day.parse().unwrap();
            assert_eq!(next_banking_day(day).to_string(), next, "{day}");
        }
    }
}
