//! The plots of a page, as SVG that takes its text colour from the page.
//!
//! Guarantees: foreign text is escaped by the backend; an empty campaign gives an empty plot, never a failure.

use super::Zone;
use super::digest::{Counts, Digest};
use crate::app::figures::count;
use crate::base::clock::UnixTime;
use crate::mail::Disposition;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What is drawn, each with its colour: told apart in light, in dark, and by most colour-blind eyes.
pub(super) const SHOWN: [(Disposition, RGBColor); 4] = [
    (Disposition::Delivered, RGBColor(0x1a, 0x9e, 0x77)),
    (Disposition::Deferred, RGBColor(0xe0, 0x9f, 0x1f)),
    (Disposition::Bounced, RGBColor(0xd5, 0x4b, 0x3d)),
    (Disposition::Waiting, RGBColor(0x8a, 0x94, 0xa6)),
];
const GREY: RGBColor = RGBColor(0x80, 0x88, 0x96);
const WIDTH: u32 = 900;
const ROW: i32 = 26;

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Outcomes over time: a line for each.
pub(super) fn over_time(digest: &Digest, zone: &Zone) -> String {
    let (bins, width_s) = digest.over_time(180);
    let mut svg = String::new();
    match lines(&mut svg, &bins, width_s, zone) {
        Ok(()) => svg,
        Err(_) => String::new(),
    }
}

fn lines(svg: &mut String, bins: &[(u32, Counts)], width_s: u32, zone: &Zone) -> Drawn {
    let (Some((first, _)), Some((last, _))) = (bins.first(), bins.last()) else { return Ok(()) };
    let most = bins.iter().flat_map(|(_, counts)| SHOWN.map(|(d, _)| counts.get(d))).max().unwrap_or(0);
    let root = SVGBackend::with_string(svg, (WIDTH, 280)).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(10)
        .x_label_area_size(32)
        .y_label_area_size(78)
        .build_cartesian_2d(*first..first.saturating_add(1).max(*last), 0u64..most + most / 12 + 1)?;
    let text = ("sans-serif", 16).into_font().color(&GREY);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GREY.mix(0.25))
        .axis_style(GREY.mix(0.6))
        .label_style(text)
        .x_labels(5)
        .y_labels(5)
        .x_label_formatter(&|at| clock(*at, last.saturating_sub(*first), zone))
        .y_label_formatter(&|n| count(*n))
        .y_desc(format!("recipients in {width_s} s"))
        .draw()?;
    for (disposition, colour) in SHOWN {
        let points = bins.iter().map(|(at, counts)| (*at, counts.get(disposition)));
        // A curve along the axis says nothing.
        if bins.iter().any(|(_, counts)| counts.get(disposition) > 0) {
            chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
            // A single bin is no line: a point shows it.
            if bins.len() == 1 {
                chart.draw_series(points.map(|point| Circle::new(point, 4, colour.filled())))?;
            }
        }
    }
    root.present()
}

/// The time of day; with the date when the plot spans more than a day.
fn clock(at: u32, span_s: u32, zone: &Zone) -> String {
    let text = zone.time(UnixTime(at));
    let (date, clock) = text.split_once('T').unwrap_or(("", &text));
    // Behind the seconds the zone stands, which the head of the page says.
    let clock = clock.get(..8).unwrap_or(clock);
    if span_s > 86_400 {
        format!("{} {}", date.get(5..).unwrap_or_default(), clock.get(..5).unwrap_or(clock))
    } else {
        clock.into()
    }
}

/// Largest sites: a bar each, divided by outcome.
pub(super) fn sites(digest: &Digest) -> String {
    let bars = digest.top_sites(15).into_iter().map(|(name, counts)| {
        let rest = counts.all() - SHOWN.iter().map(|(d, _)| counts.get(*d)).sum::<u64>();
        let parts = SHOWN.map(|(d, colour)| (counts.get(d), colour)).into_iter().chain([(rest, GREY)]);
        (name.to_owned(), parts.collect())
    });
    bar_chart(bars.collect())
}

/// Most frequent replies: a bar each, coloured by class.
pub(super) fn replies(digest: &Digest) -> String {
    let bars = digest.top_replies(10).into_iter().map(|(kind, n)| {
        let colour = match kind.code / 100 {
            2 => SHOWN[0].1,
            4 => SHOWN[1].1,
            5 => SHOWN[2].1,
            _ => GREY,
        };
        let enhanced = kind.enhanced.map(|e| format!(" {e}")).unwrap_or_default();
        let expired = if kind.expired { "expired; last: " } else { "" };
        (format!("{}{enhanced} {expired}{}", kind.code, kind.text), vec![(n, colour)])
    });
    bar_chart(bars.collect())
}

type Bar = (String, Vec<(u64, RGBColor)>);

fn bar_chart(bars: Vec<Bar>) -> String {
    let mut svg = String::new();
    match draw_bars(&mut svg, &bars) {
        Ok(()) => svg,
        Err(_) => String::new(),
    }
}

fn draw_bars(svg: &mut String, bars: &[Bar]) -> Drawn {
    const LEFT: i32 = 330;
    const RIGHT: i32 = 100;
    let whole = |bar: &Bar| bar.1.iter().map(|(n, _)| n).sum::<u64>();
    let Some(most) = bars.iter().map(whole).max() else { return Ok(()) };
    let root = SVGBackend::with_string(svg, (WIDTH, (bars.len() as i32 * ROW + 8) as u32)).into_drawing_area();
    let pixels = |n: u64| (n as f64 / most.max(1) as f64 * f64::from(WIDTH as i32 - LEFT - RIGHT)).round() as i32;
    let font = ("sans-serif", 16).into_font().color(&GREY);
    for (row, bar) in bars.iter().enumerate() {
        let y = row as i32 * ROW + 4;
        let label: String = shorten(&bar.0, 46);
        let right = font.pos(Pos::new(HPos::Right, VPos::Center));
        root.draw(&Text::new(label, (LEFT - 8, y + ROW / 2 - 2), right))?;
        let mut from = 0;
        for &(n, colour) in bar.1.iter().filter(|(n, _)| *n > 0) {
            let (x0, x1) = (LEFT + pixels(from), LEFT + pixels(from + n).max(pixels(from) + 1));
            root.draw(&Rectangle::new([(x0, y), (x1, y + ROW - 8)], colour.filled()))?;
            from += n;
        }
        let left = font.pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(count(whole(bar)), (LEFT + pixels(from) + 6, y + ROW / 2 - 2), left))?;
    }
    root.present()
}

fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
