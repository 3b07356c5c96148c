//! The plot of a page, as SVG that takes its text colour from the page.
//!
//! Guarantees: an empty campaign gives an empty plot, never a failure; the axis is divided at times that people count in, in the
//! zone of the report.

use super::digest::{Counts, Digest};
use super::look::Zone;
use crate::app::figures::count;
use crate::base::clock::UnixTime;
use crate::mail::Disposition;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use std::ops::Range;

/// A part of the recipients: its name, its colour, and how many of these counts it has. Told apart in light, in dark, and by most
/// colour-blind eyes.
pub(super) type Part = (&'static str, RGBColor, fn(&Counts) -> u64);
/// All recipients, part by part.
pub(super) const PARTS: [Part; 4] = [
    ("delivered", RGBColor(0x1a, 0x9e, 0x77), |counts| counts.get(Disposition::Delivered)),
    ("bounced", RGBColor(0xd5, 0x4b, 0x3d), |counts| counts.get(Disposition::Bounced)),
    ("waiting", RGBColor(0xe0, 0x9f, 0x1f), Counts::waiting),
    ("other", RGBColor(0x8a, 0x94, 0xa6), |counts| {
        counts.all() - counts.get(Disposition::Delivered) - counts.get(Disposition::Bounced) - counts.waiting()
    }),
];
const GREY: RGBColor = RGBColor(0x80, 0x88, 0x96);
/// Spans of time, in seconds, that an axis is divided by.
const STEPS: [u32; 23] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 345_600,
    604_800, 1_209_600, 2_419_200,
];

/// How large a plot is, for whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    width: u32,
    height: u32,
    font: u32,
    columns: usize,
    ticks: u32,
}

/// On a desk, and on paper.
pub(super) const WIDE: Format = Format { width: 900, height: 280, font: 15, columns: 120, ticks: 7 };
/// On a phone.
pub(super) const NARROW: Format = Format { width: 380, height: 240, font: 13, columns: 50, ticks: 4 };

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Recipients by the time of the last thing that happened to them: a column for each span, divided by where they stand. With it
/// comes the length of the spans, in seconds.
pub(super) fn over_time(digest: &Digest, zone: &Zone, format: Format) -> (String, u32) {
    let (bins, width_s) = digest.over_time(format.columns);
    let mut svg = String::new();
    match columns(&mut svg, &bins, width_s, zone, format) {
        Ok(()) => (svg, width_s),
        Err(_) => (String::new(), width_s),
    }
}

fn columns(svg: &mut String, bins: &[(u32, Counts)], width_s: u32, zone: &Zone, format: Format) -> Drawn {
    let (Some((first, _)), Some((last, _))) = (bins.first(), bins.last()) else { return Ok(()) };
    let most = bins.iter().map(|(_, counts)| counts.all()).max().unwrap_or(0);
    let times = Times::new(*first..last.saturating_add(width_s), zone, format.ticks);
    let wide_apart = times.step >= 86_400 || times.to.saturating_sub(times.from) <= 86_400;
    let label = |at: &u32| label(*at, times.step, wide_apart, zone);
    // The last time stands below the right end, with half of it behind that.
    let longest = times.key_points(0usize).iter().map(|at| label(at).len()).max().unwrap_or(0) as u32;
    let root = SVGBackend::with_string(svg, (format.width, format.height)).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(10)
        .margin_right((longest * format.font * 3).div_ceil(10).max(10))
        .x_label_area_size(2 * format.font)
        .y_label_area_size(format.font / 2 * (count(most).len() as u32 + 2))
        .build_cartesian_2d(times.clone(), 0u64..(most + most / 12).max(1))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GREY.mix(0.25))
        .axis_style(GREY.mix(0.6))
        .label_style(("sans-serif", format.font).into_font().color(&GREY))
        .x_labels(format.ticks as usize)
        .y_labels(most.clamp(1, 5) as usize)
        .x_label_formatter(&label)
        .y_label_formatter(&|n| count(*n))
        .draw()?;
    let gap = u32::from(bins.len() as u32 * 5 < format.width);
    for (n, (_, colour, _)) in PARTS.iter().enumerate() {
        let below = |counts: &Counts, parts: usize| PARTS.iter().take(parts).map(|(_, _, of)| of(counts)).sum::<u64>();
        let filled = bins.iter().filter(|(_, counts)| below(counts, n + 1) > below(counts, n));
        chart.draw_series(filled.map(|(at, counts)| {
            let corners = [(*at, below(counts, n + 1)), (at.saturating_add(width_s), below(counts, n))];
            let mut column = Rectangle::new(corners, colour.filled());
            column.set_margin(0, 0, 0, gap);
            column
        }))?;
    }
    root.present()
}

/// What stands at a time of the axis.
fn label(at: u32, step: u32, is_plain: bool, zone: &Zone) -> String {
    let text = zone.clock(UnixTime(at));
    let (date, clock) = text.split_once(' ').unwrap_or(("", &text));
    let date = date.get(5..).unwrap_or_default();
    let clock = if step < 60 { clock } else { clock.get(..5).unwrap_or(clock) };
    match step {
        86_400.. => date.to_owned(),
        _ if is_plain => clock.to_owned(),
        _ => format!("{date} {clock}"),
    }
}

/// An axis of times, divided at whole minutes, hours or days of its zone.
#[derive(Clone, Debug)]
struct Times {
    from: u32,
    to: u32,
    step: u32,
    /// Seconds that the zone is ahead of UTC, at the beginning.
    ahead_s: i32,
}

impl Times {
    fn new(span: Range<u32>, zone: &Zone, ticks: u32) -> Self {
        let (from, to) = (span.start, span.end.max(span.start.saturating_add(1)));
        let fits = |step: &&u32| (to - from) / **step <= ticks;
        let step = STEPS.iter().find(fits).or(STEPS.last()).copied().unwrap_or(1);
        // Longer than years: as many as fit.
        let step = step.max((to - from) / ticks.max(1) / 86_400 * 86_400);
        Self { from, to, step, ahead_s: zone.offset_s(UnixTime(from)) }
    }
}

impl Ranged for Times {
    type FormatOption = NoDefaultFormatting;
    type ValueType = u32;

    fn map(&self, at: &u32, (left, right): (i32, i32)) -> i32 {
        let part = (f64::from(*at) - f64::from(self.from)) / f64::from(self.to - self.from);
        left + (f64::from(right - left) * part).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<u32> {
        let local = i64::from(self.from) + i64::from(self.ahead_s);
        let missing = (-local).rem_euclid(i64::from(self.step)) as u32;
        (self.from.saturating_add(missing)..=self.to).step_by(self.step as usize).collect()
    }

    fn range(&self) -> Range<u32> {
        self.from..self.to
    }
}

impl ValueFormatter<u32> for Times {
    fn format(at: &u32) -> String {
        at.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_divided_at_times_that_people_count_in() {
        let t0 = 1_800_000_000;
        let labels = |span_s: u32, zone: &Zone| {
            let times = Times::new(t0..t0 + span_s, zone, 4);
            let plain = times.step >= 86_400 || span_s <= 86_400;
            times.key_points(0usize).iter().map(|at| label(*at, times.step, plain, zone)).collect::<Vec<_>>()
        };
        let utc = Zone::default();
        assert_eq!(labels(3, &utc), ["08:00:00", "08:00:01", "08:00:02", "08:00:03"]);
        assert_eq!(labels(3_600, &utc), ["08:00", "08:15", "08:30", "08:45", "09:00"]);
        assert_eq!(labels(3 * 86_400, &utc), ["01-16", "01-17", "01-18"]);
        assert_eq!(labels(100_000, &utc), ["01-15 12:00", "01-15 18:00", "01-16 00:00", "01-16 06:00"]);
        assert_eq!(labels(7_200, &Zone::ahead_of_utc(19_800)), ["13:30", "14:00", "14:30", "15:00", "15:30"]);
    }
}
