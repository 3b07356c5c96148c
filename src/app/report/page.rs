//! A report as one page of HTML: no script, nothing from elsewhere, readable in light, in dark, and printed.

use super::digest::Digest;
use super::{Zone, plot};
use crate::app::config::values::duration_text;
use crate::app::destination;
use crate::app::figures::{count, rate, share};
use crate::mail::Disposition;
use std::fmt::Write;
use std::time::Duration;

/// Sites that the page's table shows.
const SITES: usize = 50;

const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#fbfbfd;--card:#fff;--fg:#1c2330;--dim:#5b6577;--rule:#e2e6ee}\
@media(prefers-color-scheme:dark){:root{--bg:#12151b;--card:#1a1f28;--fg:#e7eaf0;--dim:#9aa5b8;--rule:#2c3441}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}\
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 4rem}\
h1{font-size:1.7rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}p{color:var(--dim);margin:.3rem 0}\
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.7rem;margin:1.4rem 0}\
.card,figure,.scroll{background:var(--card);border:1px solid var(--rule);border-radius:.6rem}\
.card{padding:.7rem .9rem;border-top:3px solid var(--mark,var(--rule))}\
.card b{display:block;font-size:1.45rem;font-variant-numeric:tabular-nums}.card span{color:var(--dim)}\
figure{margin:0;padding:.6rem;overflow-x:auto}svg{display:block;width:100%;min-width:36rem;height:auto}\
svg text{fill:var(--dim);font-family:system-ui,sans-serif}\
.key span{margin-right:1.2rem;color:var(--dim)}.key i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}\
.damage{color:#b3261e;font-weight:600;overflow-wrap:anywhere}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}\
th,td{padding:.4rem .8rem;text-align:right;border-bottom:1px solid var(--rule);font-variant-numeric:tabular-nums}\
tr:last-child td{border-bottom:0}th{color:var(--dim);font-weight:600}th.l,td.l{text-align:left;overflow-wrap:anywhere}";

/// The page.
pub(super) fn html(digest: &Digest, zone: &Zone) -> String {
    let name = escape(&digest.name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{name} – posthaste</title><style>{STYLE}</style></head><body><main>\n<h1>{name}</h1>\n"
    );
    head(digest, zone, &mut page);
    cards(digest, &mut page);
    figure("Outcomes over time", &plot::over_time(digest, zone), true, &mut page);
    figure("Largest sites", &plot::sites(digest), true, &mut page);
    figure("Most frequent replies", &plot::replies(digest), false, &mut page);
    sites(digest, &mut page);
    replies(digest, &mut page);
    page.push_str("</main></body></html>\n");
    page
}

fn head(digest: &Digest, zone: &Zone, page: &mut String) {
    if !digest.destination.is_empty() {
        let words = destination::words(&digest.destination) + &destination::words_of_earlier(&digest.moved_from);
        let _ = writeln!(page, "<p>Destination: {}.</p>", escape(&words));
    }
    for damage in &digest.damage {
        let _ = writeln!(page, "<p class=\"damage\">Damaged: {}</p>", escape(damage));
    }
    if let (Some(first), Some(last)) = (digest.first_at, digest.last_at) {
        let _ = writeln!(
            page,
            "<p>First attempt {}, last event {} ({}): {} delivered.</p>",
            zone.time(first),
            zone.time(last),
            duration_text(Duration::from_secs(digest.span_s().into())),
            rate(digest.rate_per_s())
        );
    }
    if let Some(held) = &digest.held {
        let _ = writeln!(page, "<p><b>Held</b>: {}. {}.</p>", escape(&held.says), escape(&held.hint));
    }
    if let Some(told) = digest.told_cut_off() {
        let _ = writeln!(page, "<p>{}.</p>", escape(&told));
    }
    let _ = writeln!(
        page,
        "<p>{} recipients{}, {} attempts; {} rows rejected, {} duplicates; {} may have got a second copy.</p>",
        count(digest.counts.all()),
        if digest.rows.loading { " so far" } else { "" },
        count(digest.attempts),
        count(digest.rows.rejected),
        count(digest.rows.duplicates),
        count(digest.possible_duplicates)
    );
}

fn cards(digest: &Digest, page: &mut String) {
    page.push_str("<div class=\"cards\">\n");
    for disposition in Disposition::ALL {
        let n = digest.counts.get(disposition);
        if n == 0 && disposition != Disposition::Delivered {
            continue;
        }
        let mark = colour(disposition).map(|c| format!(" style=\"--mark:{c}\"")).unwrap_or_default();
        let part = share(n, digest.counts.all());
        let word = disposition.word().replace('_', " ");
        let _ = writeln!(page, "<div class=\"card\"{mark}><b>{}</b><span>{word} · {part}</span></div>", count(n));
    }
    page.push_str("</div>\n");
}

fn colour(disposition: Disposition) -> Option<String> {
    let (_, c) = plot::SHOWN.into_iter().find(|(shown, _)| *shown == disposition)?;
    Some(format!("#{:02x}{:02x}{:02x}", c.0, c.1, c.2))
}

fn figure(title: &str, svg: &str, key: bool, page: &mut String) {
    if svg.is_empty() {
        return;
    }
    let _ = writeln!(page, "<h2>{title}</h2>");
    if key {
        page.push_str("<p class=\"key\">");
        for (disposition, _) in plot::SHOWN {
            let colour = colour(disposition).unwrap_or_default();
            let _ = write!(page, "<span><i style=\"background:{colour}\"></i>{}</span>", disposition.word());
        }
        page.push_str("</p>\n");
    }
    // The backend fixes a size; the page scales by the view box instead.
    let scaled = svg.replacen("<svg ", "<svg role=\"img\" ", 1);
    let _ = writeln!(page, "<figure>{scaled}</figure>");
}

fn sites(digest: &Digest, page: &mut String) {
    let top = digest.top_sites(SITES);
    if top.is_empty() {
        return;
    }
    let _ = writeln!(page, "<h2>Sites ({} of {})</h2>", top.len(), count(digest.sites() as u64));
    page.push_str("<div class=\"scroll\"><table><tr><th class=\"l\">site</th><th>recipients</th>");
    for (disposition, _) in plot::SHOWN {
        let _ = write!(page, "<th>{}</th>", disposition.word());
    }
    page.push_str("</tr>\n");
    for (name, counts) in top {
        let _ = write!(page, "<tr><td class=\"l\">{}</td><td>{}</td>", escape(name), count(counts.all()));
        for (disposition, _) in plot::SHOWN {
            let _ = write!(page, "<td>{}</td>", count(counts.get(disposition)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}

fn replies(digest: &Digest, page: &mut String) {
    let top = digest.top_replies(10);
    if top.is_empty() {
        return;
    }
    page.push_str("<h2>Last replies</h2>\n<div class=\"scroll\"><table>");
    page.push_str("<tr><th>recipients</th><th class=\"l\">code</th><th class=\"l\">text</th></tr>\n");
    for (kind, n) in top {
        let enhanced = kind.enhanced.map(|e| format!(" {e}")).unwrap_or_default();
        let expired = if kind.expired { "expired; last: " } else { "" };
        let text = escape(&kind.text);
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td class=\"l\">{}{enhanced}</td><td class=\"l\">{expired}{text}</td></tr>",
            count(n),
            kind.code
        );
    }
    page.push_str("</table></div>\n");
}

/// Text for HTML, in content and in attributes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
