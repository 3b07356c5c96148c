//! How a report looks to people: when it is made, the zone of its times, and how wide it may be.
//!
//! Guarantees: each time says by how much it differs from UTC, or stands below the name of its zone.

use crate::base::clock::UnixTime;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How a report looks to people.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The zone of its times.
    pub zone: Zone,
    /// When it is made.
    pub now: UnixTime,
    /// The width of the terminal; `None`: it is none, and nothing is cut.
    pub columns: Option<usize>,
}

/// A time zone; UTC by default.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// UTC, or the zone of this machine (`TZ`, /etc/localtime).
    #[must_use]
    pub fn of(utc: bool) -> Self {
        if utc { Self::default() } else { Self(TimeZone::system()) }
    }

    /// The zone that is always so many seconds before UTC.
    #[cfg(test)]
    pub(super) fn ahead_of_utc(seconds: i32) -> Self {
        Self(TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).unwrap_or(jiff::tz::Offset::UTC)))
    }

    /// A time as RFC 3339 writes it, in this zone.
    #[must_use]
    pub fn time(&self, at: UnixTime) -> String {
        let Some(instant) = instant(at) else { return String::new() };
        let offset = self.0.to_offset(instant);
        if offset.is_zero() { instant.to_string() } else { instant.display_with_offset(offset).to_string() }
    }

    /// The same for who reads the zone's name elsewhere: `2026-11-29 08:00:05`.
    #[must_use]
    pub fn clock(&self, at: UnixTime) -> String {
        instant(at)
            .map(|instant| self.0.to_datetime(instant).strftime("%Y-%m-%d %H:%M:%S").to_string())
            .unwrap_or_default()
    }

    /// Seconds that a clock of this zone is ahead of UTC then.
    #[must_use]
    pub fn offset_s(&self, at: UnixTime) -> i32 {
        instant(at).map_or(0, |instant| self.0.to_offset(instant).seconds())
    }

    /// Its name, with the difference to UTC then: `Europe/Berlin, UTC+01:00`.
    #[must_use]
    pub fn name(&self, at: UnixTime) -> String {
        let minutes = self.offset_s(at) / 60;
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        let sign = if minutes < 0 { '-' } else { '+' };
        let offset = if minutes == 0 { "UTC".to_owned() } else { format!("UTC{sign}{hours:02}:{rest:02}") };
        match self.0.iana_name() {
            // Etc/UTC, too.
            Some(name) if !name.ends_with("UTC") => format!("{name}, {offset}"),
            _ => offset,
        }
    }
}

fn instant(at: UnixTime) -> Option<Timestamp> {
    Timestamp::from_second(i64::from(at.0)).ok()
}

/// A time as RFC 3339 writes it, in UTC: for programs.
pub(super) fn utc(at: UnixTime) -> String {
    Zone::default().time(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_named_with_its_difference_to_utc() {
        let at = UnixTime(1_800_000_000);
        assert_eq!(
            (Zone::default().name(at), Zone::default().clock(at)),
            ("UTC".to_owned(), "2027-01-15 08:00:00".to_owned())
        );
        let india = Zone::ahead_of_utc(19_800);
        assert_eq!((india.name(at), india.clock(at)), ("UTC+05:30".to_owned(), "2027-01-15 13:30:00".to_owned()));
        assert_eq!(Zone::ahead_of_utc(-9_000).name(at), "UTC-02:30");
    }
}
