//! When a night's summary and the week's are due: once an occurrence, and of several missed ones only the latest.
//!
//! What they say belongs to `render`, where they go to the routes.

use chrono::{Datelike, Days, Weekday};

use super::{Instant, ids::GameDate, schedule::WallTime};

/// When a handoff's summaries are made. Read live.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timetable {
    /// The night's summary, on its game date.
    pub daily_at: WallTime,
    /// The day on which the week before it is summed up.
    pub weekly_on: Weekday,
    /// When on that day.
    pub weekly_at: WallTime,
}

/// A summary that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The night, or the last day of the week.
    pub on: GameDate,
    /// When it was due.
    pub at: Instant,
}

/// Days looked back for the latest occurrence: a week and the day at hand.
const DAYS_BACK: u64 = 8;

impl Timetable {
    /// The latest night whose summary's time has come, exactly then included.
    pub fn daily(&self, today: GameDate, now: Instant) -> Option<Due> {
        days_back(today).find_map(|on| {
            let at = self.daily_at.instant_on(on.0);
            (at <= now).then_some(Due { on, at })
        })
    }

    /// The latest week whose summary's time has come: the seven days up to the day before it.
    pub fn weekly(&self, today: GameDate, now: Instant) -> Option<Due> {
        let days = days_back(today).filter(|day| day.0.weekday() == self.weekly_on);
        let mut due = days.map(|day| (day.0 - Days::new(1), self.weekly_at.instant_on(day.0)));
        due.find(|(_, at)| *at <= now).map(|(last, at)| Due {
            on: GameDate(last),
            at,
        })
    }

    /// When the summary of the week that ends on this day is due.
    pub fn week_at(&self, last: GameDate) -> Instant {
        self.weekly_at.instant_on(last.0 + Days::new(1))
    }

    /// The first instant after now at which either may be due.
    pub fn next_at(&self, today: GameDate, now: Instant) -> Option<Instant> {
        let days = (0..=DAYS_BACK).map(|ahead| today.0 + Days::new(ahead));
        let instants = days.flat_map(|day| {
            let weekly = (day.weekday() == self.weekly_on).then(|| self.weekly_at.instant_on(day));
            [Some(self.daily_at.instant_on(day)), weekly]
        });
        instants.flatten().filter(|at| *at > now).min()
    }
}

/// A day ahead, as the calendar's date may be behind the schedule's, and then back.
fn days_back(today: GameDate) -> impl Iterator<Item = GameDate> {
    let from = today.0 + Days::new(1);
    (0..=DAYS_BACK + 1).map(move |back| GameDate(from - Days::new(back)))
}

/// The first day of the week that ends on this one.
pub fn week_before(last: GameDate) -> GameDate {
    GameDate(last.0 - Days::new(6))
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::{Due, Timetable, week_before};
    use crate::domain::{Instant, ids::GameDate, schedule::WallTime};

    fn timetable() -> Timetable {
        let at = |text| WallTime::parse(text, None).unwrap();
        Timetable {
            daily_at: at("07:10 America/Los_Angeles"),
            weekly_on: Weekday::Mon,
            weekly_at: at("08:00 America/Los_Angeles"),
        }
    }

    fn date(text: &str) -> GameDate {
        GameDate(text.parse().unwrap())
    }

    fn instant(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn a_nights_summary_is_due_from_its_time_on_and_yesterdays_before_it() {
        let on = |now| {
            let due = timetable().daily(date("2026-01-19"), instant(now));
            due.map(|due| due.on.to_string()).unwrap()
        };
        assert_eq!(on("2026-01-19T15:09:59.999999Z"), "2026-01-18");
        assert_eq!(on("2026-01-19T15:10:00Z"), "2026-01-19");
    }

    #[test]
    fn a_weeks_summary_is_due_on_its_day_for_the_seven_days_before() {
        let due = |now| {
            timetable()
                .weekly(date("2026-01-19"), instant(now))
                .unwrap()
        };
        // 19 January 2026 is a Monday.
        let monday = due("2026-01-19T16:00:00Z");
        let expected = Due {
            on: date("2026-01-18"),
            at: instant("2026-01-19T16:00:00Z"),
        };
        assert_eq!(monday, expected);
        assert_eq!(week_before(monday.on), date("2026-01-12"));
        assert_eq!(due("2026-01-19T15:59:59Z").on, date("2026-01-11"));
    }

    #[test]
    fn over_a_clock_change_the_times_of_day_stay() {
        let next = timetable().next_at(date("2026-03-08"), instant("2026-03-08T00:00:00Z"));
        assert_eq!(next, Some(instant("2026-03-08T14:10:00Z")));
        let next = timetable().next_at(date("2026-03-09"), instant("2026-03-09T14:10:00Z"));
        assert_eq!(next, Some(instant("2026-03-09T15:00:00Z")), "the week's");
    }
}
