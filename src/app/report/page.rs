//! A report as one page of HTML: no script, nothing from elsewhere, readable in light, in dark, on a phone, and printed.

use super::digest::{Counts, Digest, ReplyKind};
use super::look::Zone;
use super::plot::{self, PARTS};
use super::stage::Stage;
use super::text::{pace, took};
use crate::app::config::values::duration_text;
use crate::app::destination;
use crate::app::figures::{count, counted, share};
use crate::base::clock::UnixTime;
use crate::mail::Disposition;
use std::fmt::Write;
use std::time::Duration;

/// Domains, and sites, that the page's tables show.
const PLACES: usize = 50;
/// Replies that it shows, and of one outcome.
const REPLIES: usize = 200;
const REPLIES_OF_ONE: usize = 12;
/// Reasons that stand below an outcome.
const REASONS: usize = 8;

const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#f6f7fa;--card:#fff;--fg:#1c2330;--dim:#586274;--rule:#e0e4ec;--track:#eceff4;--blue:#3d7bd9}\
@media(prefers-color-scheme:dark){:root{--bg:#12151b;--card:#1a1f28;--fg:#e7eaf0;--dim:#9aa5b8;--rule:#2c3441;--track:#262d39;--blue:#5b93e6}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;\
-webkit-text-size-adjust:100%;print-color-adjust:exact;-webkit-print-color-adjust:exact}\
main{max-width:60rem;margin:0 auto;padding:2rem 1.2rem 3rem}\
h1{font-size:1.8rem;line-height:1.2;margin:0;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2.2rem 0 .7rem}h3{font-size:1rem;margin:1.2rem 0 .4rem}\
p{margin:.3rem 0}.dim,footer{color:var(--dim)}.subject{font-size:1.1rem;overflow-wrap:anywhere}.slot{font-style:normal;background:var(--track);border-radius:.25rem;padding:0 .15em}\
.top{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem .8rem}\
.pill{border-radius:1rem;padding:.1rem .75rem;font-weight:600;font-size:.9rem;color:#fff;background:#6b7588}\
.complete{background:#14805f}.sending{background:#2b66bf}.held,.undecided,.damaged{background:#b3372b}.paused,.stopped{background:#8f6410}\
.note{border-left:4px solid #b3372b;background:var(--card);padding:.6rem .9rem;border-radius:.3rem;margin:.8rem 0;overflow-wrap:anywhere}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:1rem 0;color:var(--dim)}dd{margin:0;color:var(--fg);overflow-wrap:anywhere}\
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.7rem;margin:1.2rem 0}\
.card,.box{background:var(--card);border:1px solid var(--rule);border-radius:.6rem}\
.card{padding:.6rem .9rem;border-top:3px solid var(--mark,var(--rule))}\
.card b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}.card span{color:var(--dim)}.card em{font-style:normal;white-space:nowrap}\
.box{padding:.7rem .9rem;overflow-x:auto}\
.step{display:grid;grid-template-columns:minmax(9rem,17rem) 1fr 6.5rem 5rem;gap:.8rem;align-items:center;padding:.22rem 0;font-variant-numeric:tabular-nums}\
.step i{display:block;height:.95rem;border-radius:.2rem;background:var(--track)}.step i u{display:block;height:100%;min-width:2px;border-radius:.2rem}\
.step b,.step s{text-align:right;text-decoration:none;white-space:nowrap}.step s{color:var(--dim)}\
.sub{font-size:.9rem;color:var(--dim);padding:.08rem 0}.sub span{padding-left:1rem}.sub i{height:.55rem}.sub b{font-weight:400}.of{color:var(--dim);font-size:.9rem}.of:not(:first-child){margin-top:.8rem;padding-top:.6rem;border-top:1px solid var(--rule)}\
svg{display:block;width:100%;height:auto}svg text{fill:var(--dim);font-family:system-ui,sans-serif}.narrow{display:none}\
.key{margin:0 0 .4rem}.key span{margin-right:1.1rem;white-space:nowrap}.key i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}\
table{border-collapse:collapse;width:100%}\
th,td{padding:.32rem 0 .32rem .8rem;text-align:right;border-bottom:1px solid var(--rule);font-variant-numeric:tabular-nums;vertical-align:top}\
tr:last-child td{border-bottom:0}th{color:var(--dim);font-weight:600;width:1%;white-space:nowrap}th:first-child,td:first-child{padding-left:0}\
th.l,td.l{text-align:left}th.l{width:auto;white-space:normal}td.l{overflow-wrap:anywhere}td.n{white-space:nowrap}td small{display:block;color:var(--dim)}\
.said td:first-child{width:5rem}.said td:nth-child(2){width:7rem}\
footer{margin-top:2.5rem;font-size:.85rem}\
@media(max-width:620px){main{padding:1.2rem .8rem 2rem}table{font-size:.87rem}th,td{padding-left:.5rem}th{white-space:normal}.box{padding:.6rem}.wide,.w{display:none}.narrow{display:block}\
.cards{grid-template-columns:1fr 1fr}dl{grid-template-columns:7rem 1fr}.said td:first-child{width:3.6rem}.said td:nth-child(2){width:5.6rem}\
.step{grid-template-columns:1fr auto 4.8rem;gap:.1rem .6rem}.step i{grid-column:1/-1;grid-row:2}}\
@media print{body{background:#fff}main{padding-top:0}h2,h3{break-after:avoid}.box,.card,tr{break-inside:avoid}\
.box{overflow:visible}.long{break-inside:auto}table{font-size:.87rem}thead{display:table-header-group}}";

/// The page, as it stands at this time.
pub(super) fn html(digest: &Digest, zone: &Zone, made_at: UnixTime) -> String {
    let name = escape(&digest.name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>{name}: {} – posthaste</title><style>{STYLE}</style></head><body><main>\n",
        digest.stage().word()
    );
    head(digest, zone, made_at, &name, &mut page);
    cards(digest, &mut page);
    funnel(digest, &mut page);
    over_time(digest, zone, &mut page);
    places("Domains", "domain", &digest.top_domains(PLACES), digest.domains(), &mut page);
    if digest.sites() > 1 {
        places("Sites", "site: domains that share their servers", &digest.top_sites(PLACES), digest.sites(), &mut page);
    }
    replies(digest, &mut page);
    footer(digest, zone, &mut page);
    page.push_str("</main></body></html>\n");
    page
}

fn head(digest: &Digest, zone: &Zone, made_at: UnixTime, name: &str, page: &mut String) {
    let stage = digest.stage();
    let class = match stage {
        Stage::NotBegun => "new",
        Stage::Sending => "sending",
        stage => stage.word(),
    };
    let rehearsal = if digest.destination == "sink" { "<span class=\"pill\">rehearsal</span>" } else { "" };
    let _ = writeln!(
        page,
        "<div class=\"top\"><h1>{name}</h1><span class=\"pill {class}\">{}</span>{rehearsal}</div>",
        stage.word()
    );
    if !digest.about.subject.is_empty() {
        let _ = writeln!(page, "<p class=\"subject dim\">{}</p>", subject(&digest.about.subject));
    }
    let says = stage.says(&digest.known(), zone);
    if !says.is_empty() {
        let _ = writeln!(page, "<p>{}.</p>", escape(&capital(&says.replace('`', ""))));
    }
    for damage in &digest.damage {
        let _ = writeln!(page, "<p class=\"note damage\">Damaged: {}</p>", escape(damage));
    }
    if let Some(held) = &digest.held {
        let (since, says, hint) = (zone.clock(held.since), escape(&held.says), escape(&held.hint));
        let _ = writeln!(page, "<p class=\"note\"><b>Held</b> since {since}: {says}.<br>{}.</p>", capital(&hint));
    }
    if let Some(told) = digest.told_cut_off() {
        let _ = writeln!(page, "<p class=\"note\">{}.</p>", escape(&capital(&told)));
    }
    facts(digest, zone, made_at, page);
}

/// A subject as people read it: each value by its name, marked as one. One with branches or remarks stays the template that it is.
fn subject(template: &str) -> String {
    if ["{%", "{#"].iter().any(|sign| template.contains(sign)) {
        return format!("{} <small>(a template)</small>", escape(template));
    }
    let (mut html, mut rest) = (String::new(), template);
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((value, after)) = behind.split_once("}}") else { break };
        let name = value.split('|').next().unwrap_or_default().trim_matches([' ', '-']);
        let _ = write!(html, "{}<i class=\"slot\">{}</i>", escape(before), escape(name));
        rest = after;
    }
    html + &escape(rest)
}

fn facts(digest: &Digest, zone: &Zone, made_at: UnixTime, page: &mut String) {
    page.push_str("<dl>");
    let mut fact = |name: &str, text: &str| {
        if !text.is_empty() {
            let _ = write!(page, "<dt>{name}</dt><dd>{}</dd>", escape(text));
        }
    };
    let earlier = destination::words_of_earlier(&digest.moved_from);
    if !digest.destination.is_empty() {
        fact("Destination", &(destination::words(&digest.destination) + &earlier));
    }
    fact("List", if digest.about.list == "-" { "standard input" } else { &digest.about.list });
    fact("Begun", &digest.about.begun_at.map(|at| zone.clock(at)).unwrap_or_default());
    if let (Some(first), Some(last)) = (digest.first_at, digest.last_at) {
        fact("First attempt", &zone.clock(first));
        fact("Last event", &format!("{} ({})", zone.clock(last), took(digest)));
        fact("Attempts", &format!("{}{}", count(digest.attempts), pace(digest)));
    }
    fact("Made at", &zone.clock(made_at));
    fact("Times are of", &zone.name(digest.first_at.or(digest.about.begun_at).unwrap_or(made_at)));
    if digest.possible_duplicates > 0 {
        fact("Perhaps a second copy", &counted(digest.possible_duplicates, "recipient", "recipients"));
    }
    page.push_str("</dl>\n");
}

fn cards(digest: &Digest, page: &mut String) {
    page.push_str("<div class=\"cards\">\n");
    let all = digest.counts.all();
    let mut card = |word: &str, n: u64, mark: &str| {
        let _ = writeln!(
            page,
            "<div class=\"card\" style=\"--mark:{mark}\"><b>{}</b><span>{word} · <em>{}</em></span></div>",
            count(n),
            share(n, all)
        );
    };
    for (word, colour, of) in PARTS.iter().take(3) {
        card(word, of(&digest.counts), &hex(*colour));
    }
    for (disposition, _) in REST {
        let n = digest.counts.get(disposition);
        if n > 0 {
            card(&disposition.word().replace('_', " "), n, &hex(PARTS[3].1));
        }
    }
    page.push_str("</div>\n");
}

/// Outcomes that are rare enough to be left out where nobody has them, and what they mean.
const REST: [(Disposition, &str); 5] = [
    (Disposition::InFlight, "Being tried now"),
    (Disposition::Expired, "Not deliverable in time"),
    (Disposition::Uncertain, "Perhaps delivered"),
    (Disposition::Suppressed, "On the suppression list"),
    (Disposition::Cancelled, "Withdrawn"),
];

/// From the list to the mailboxes: how many are left at each step, and what became of the others. Rows are parts of the list's
/// rows, and recipients parts of the recipients: in figures as in bars.
fn funnel(digest: &Digest, page: &mut String) {
    let (all, rows) = (digest.counts.all(), digest.rows);
    let read = all + rows.rejected + rows.duplicates;
    if read == 0 {
        return;
    }
    page.push_str("<h2>From the list to the mailboxes</h2>\n<div class=\"box\">\n");
    let so_far = if rows.loading { " so far" } else { "" };
    let grey = hex(PARTS[3].1);
    if read > all {
        let _ = writeln!(page, "<p class=\"of\">Of the rows of the list{so_far}</p>");
        let mut of_rows = Steps { whole: read, page };
        of_rows.step(&format!("Rows of the list{so_far}"), read, &grey);
        for (label, n) in [("rejected: no usable address or message", rows.rejected), ("duplicates", rows.duplicates)] {
            if n > 0 {
                of_rows.sub(label, n, &grey);
            }
        }
        of_rows.step(&format!("Recipients{so_far}"), all, &grey);
    }
    if read > all && all > 0 {
        let of = counted(all, "recipient", "recipients");
        let _ = writeln!(page, "<p class=\"of\">Of the {of}{so_far}</p>");
    }
    let mut steps = Steps { whole: all, page };
    if read == all {
        steps.step(&format!("Recipients{so_far}"), all, &grey);
    }
    if all > 0 {
        of_recipients(digest, &grey, &mut steps);
    }
    page.push_str("</div>\n");
}

fn of_recipients(digest: &Digest, grey: &str, steps: &mut Steps<'_>) {
    let counts = &digest.counts;
    steps.step("Tried", digest.tried, "var(--blue)");
    steps.step("Delivered", counts.get(Disposition::Delivered), &hex(PARTS[0].1));
    for (label, n, of, colour) in [
        ("Bounced", counts.get(Disposition::Bounced), Disposition::Bounced, hex(PARTS[1].1)),
        ("Waiting", counts.waiting(), Disposition::Deferred, hex(PARTS[2].1)),
        ("Not deliverable in time", counts.get(Disposition::Expired), Disposition::Expired, grey.to_owned()),
    ] {
        if n == 0 && of == Disposition::Expired {
            continue;
        }
        steps.step(label, n, &colour);
        for (reason, n) in digest.reasons(of).iter().take(REASONS) {
            steps.sub(&escape(reason.says), *n, &colour);
        }
        if of == Disposition::Deferred && counts.get(Disposition::Waiting) > 0 {
            steps.sub("not tried yet", counts.get(Disposition::Waiting), &colour);
        }
    }
    for (disposition, label) in REST.into_iter().filter(|(rest, _)| *rest != Disposition::Expired) {
        let n = counts.get(disposition);
        if n > 0 {
            steps.step(label, n, grey);
        }
    }
}

/// Lines of the funnel that are parts of one whole.
struct Steps<'p> {
    whole: u64,
    page: &'p mut String,
}

impl Steps<'_> {
    fn step(&mut self, label: &str, n: u64, colour: &str) {
        self.line("step", label, n, colour);
    }

    /// A part of the step above.
    fn sub(&mut self, label: &str, n: u64, colour: &str) {
        self.line("step sub", label, n, colour);
    }

    fn line(&mut self, class: &str, label: &str, n: u64, colour: &str) {
        let share = share(n, self.whole);
        let bar = format!("<u style=\"width:{};background:{colour}\"></u>", share.replace(' ', ""));
        let bar = if n > 0 { bar } else { String::new() };
        let _ = writeln!(
            self.page,
            "<div class=\"{class}\"><span>{label}</span><i>{bar}</i><b>{}</b><s>{share}</s></div>",
            count(n)
        );
    }
}

fn over_time(digest: &Digest, zone: &Zone, page: &mut String) {
    let Some(first) = digest.first_at else { return };
    page.push_str("<h2>Over time</h2>\n<div class=\"box\">\n");
    if digest.span_s() == 0 {
        let _ = writeln!(page, "<p>All of it happened within a second, at {}.</p></div>", zone.clock(first));
        return;
    }
    page.push_str("<p class=\"key dim\">");
    let (bins, _) = digest.over_time(180);
    for (word, colour, of) in PARTS {
        if bins.iter().any(|(_, counts)| of(counts) > 0) {
            let _ = write!(page, "<span><i style=\"background:{}\"></i>{word}</span>", hex(colour));
        }
    }
    page.push_str("</p>\n");
    for (class, format) in [("wide", plot::WIDE), ("narrow", plot::NARROW)] {
        let (svg, width_s) = plot::over_time(digest, zone, format);
        let span = duration_text(Duration::from_secs(width_s.into()));
        // The backend fixes a size; the page scales by the view box instead.
        let label = format!("<svg role=\"img\" aria-label=\"Recipients over time\" class=\"{class}\" ");
        let _ = writeln!(page, "{}", svg.replacen("<svg ", &label, 1));
        let _ = writeln!(
            page,
            "<p class=\"dim {class}\">A column is {span}: recipients by the time of the last thing that happened to them; {}.</p>",
            escape(&zone.name(first))
        );
    }
    page.push_str("</div>\n");
}

fn places(title: &str, head: &str, top: &[(&str, Counts)], all: usize, page: &mut String) {
    if top.is_empty() {
        return;
    }
    let of = if top.len() < all { format!(" ({} of {})", top.len(), count(all as u64)) } else { String::new() };
    let _ = writeln!(page, "<h2>{title}{of}</h2>");
    let _ = write!(page, "<div class=\"box long\"><table><thead><tr><th class=\"l\">{head}</th><th>recipients</th>");
    for (word, _, _) in PARTS {
        let _ = write!(page, "<th class=\"w\">{word}</th>");
    }
    page.push_str("<th>% delivered</th></tr></thead>\n<tbody>");
    for (name, counts) in top {
        let _ = write!(page, "<tr><td class=\"l\">{}</td><td>{}</td>", escape(name), count(counts.all()));
        for (_, _, of) in PARTS {
            let _ = write!(page, "<td class=\"w\">{}</td>", count(of(counts)));
        }
        let delivered = counts.get(Disposition::Delivered);
        let _ = writeln!(page, "<td class=\"n\">{}</td></tr>", share(delivered, counts.all()));
    }
    page.push_str("</tbody></table></div>\n");
}

/// Outcomes that replies are grouped by, and what stands above them.
const GROUPS: [(Disposition, &str); 7] = [
    (Disposition::Bounced, "Bounced"),
    (Disposition::Deferred, "Waiting, tried before"),
    (Disposition::InFlight, "Being tried again"),
    (Disposition::Expired, "Not deliverable in time: the last reply"),
    (Disposition::Uncertain, "Perhaps delivered"),
    (Disposition::Cancelled, "Withdrawn"),
    (Disposition::Delivered, "Delivered"),
];

fn replies(digest: &Digest, page: &mut String) {
    let top = digest.top_replies(REPLIES);
    if top.is_empty() {
        return;
    }
    page.push_str("<h2>What the servers said last</h2>\n");
    for (stands, title) in GROUPS {
        let group: Vec<_> = top.iter().filter(|(kind, _)| kind.stands == stands).collect();
        if group.is_empty() {
            continue;
        }
        let _ = writeln!(page, "<h3>{title}</h3>\n<div class=\"box long\"><table class=\"said\">");
        for (kind, n) in group.iter().take(REPLIES_OF_ONE) {
            reply(kind, *n, page);
        }
        page.push_str("</table>");
        let rest = group.iter().skip(REPLIES_OF_ONE).map(|(_, n)| n).sum::<u64>();
        if rest > 0 {
            let _ = write!(
                page,
                "<p class=\"dim\">{} had other replies.</p>",
                counted(rest, "more recipient", "more recipients")
            );
        }
        page.push_str("</div>\n");
    }
}

fn reply(kind: &ReplyKind, n: u64, page: &mut String) {
    let code = if kind.code == 0 { String::new() } else { kind.code.to_string() };
    let enhanced = kind.enhanced.map(|e| format!(" {e}")).unwrap_or_default();
    let is_good = kind.code / 100 == 2;
    let why = if is_good { String::new() } else { format!("<small>{}</small>", escape(kind.reason.says)) };
    let (before, text) = (kind.before(), escape(&kind.text));
    let _ = writeln!(
        page,
        "<tr><td class=\"n\">{}</td><td class=\"l\">{code}{enhanced}</td><td class=\"l\">{before}{text}{why}</td></tr>",
        count(n)
    );
}

fn footer(digest: &Digest, zone: &Zone, page: &mut String) {
    let zone = digest.last_at.map(|at| format!(" Times are of {}.", zone.name(at))).unwrap_or_default();
    let _ = writeln!(
        page,
        "<footer>Delivered means: the server at the other end took it; whether it went to the inbox, nobody tells. What differs \
         from one recipient to the next in replies is shown as *.{} Made by posthaste.</footer>",
        escape(&zone)
    );
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

fn hex(colour: plotters::style::RGBColor) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
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
