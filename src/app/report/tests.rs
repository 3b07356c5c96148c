//! Reports over a small made-up campaign, and over a large one.

use super::digest::{BINS_MAX, Digest, REPLIES_MAX, SITES_MAX};
use super::*;
use crate::app::cli::ReportArgs;

/// A campaign of `count` recipients, made up by row.
struct Made {
    count: u32,
    sites: u32,
    make: fn(u32) -> (Disposition, u16, Option<Enhanced>, String),
}

const T0: u32 = 1_800_000_000;

impl Facts for Made {
    fn name(&self) -> &str {
        "welcome"
    }

    fn about(&self) -> About {
        About { subject: "Hello {{ first }}".into(), columns: vec!["E-Mail".into()], ..About::default() }
    }

    fn token(&self, row: u32) -> String {
        format!("token{row}")
    }

    fn rows(&self) -> Rows {
        Rows { rejected: 3, duplicates: 1, loading: false }
    }

    fn damage(&self) -> &[String] {
        &[]
    }

    fn each(&self, visit: &mut Visit<'_>) -> Result<Unread, Failure> {
        for row in 0..self.count {
            let (disposition, code, enhanced, text) = (self.make)(row);
            let tried = u32::from(code != 0);
            visit(&Recipient {
                row,
                address: &format!("r{row}@d.example"),
                domain: "d.example",
                disposition,
                code,
                enhanced,
                text: text.as_bytes(),
                site: if tried == 0 { String::new() } else { format!("mx{}.example", row % self.sites) }.as_str(),
                host: if tried == 0 { "" } else { "mx.example" },
                phase: if tried == 0 { "" } else { "RCPT" },
                listed: None,
                attempts: tried,
                first_at: (tried > 0).then_some(UnixTime(T0 + row)),
                tried_at: (tried > 0).then_some(UnixTime(T0 + row + 1)),
                last_at: (tried > 0).then_some(UnixTime(T0 + row + 1)),
                cut_off: disposition == Disposition::InFlight,
                possible_duplicate: row == 2,
            })?;
        }
        Ok(Unread::default())
    }

    fn timeline(&self, recipient: &Mailbox) -> Result<Option<Timeline>, Failure> {
        if recipient.as_str() != "r1@d.example" {
            return Ok(None);
        }
        let step = |at, attempt, what, code, text: &str| Step {
            at: UnixTime(T0 + at),
            attempt,
            what,
            code,
            enhanced: None,
            text: text.into(),
            phase: if code == 451 { "DATA".into() } else { String::new() },
            site: String::new(),
            host: if code == 0 { String::new() } else { "mx.example".into() },
            after: None,
        };
        let steps = vec![
            step(0, 1, "attempt", 0, ""),
            step(1, 1, "deferred", 451, "later\r\nX: forged"),
            step(301, 2, "delivered", 250, "ok"),
        ];
        Ok(Some(Timeline { disposition: Disposition::Delivered, steps }))
    }
}

fn small() -> Made {
    Made {
        count: 6,
        sites: 2,
        make: |row| match row {
            0..3 => {
                (Disposition::Delivered, 250, Some(Enhanced::new(2, 0, 0)), format!("Ok: queued as 4F{row}A77B12C"))
            }
            3 => (
                Disposition::Bounced,
                550,
                Some(Enhanced::new(5, 1, 1)),
                "<script>alert(\"&\")</script> no, \"such\"".into(),
            ),
            4 => (Disposition::Deferred, 451, None, "<r4@d.example> wait\u{1b}[2J".into()),
            _ => (Disposition::Waiting, 0, None, String::new()),
        },
    }
}

fn args() -> ReportArgs {
    ReportArgs {
        sink: false,
        name: "welcome".into(),
        data: None,
        config: None,
        json: false,
        csv: None,
        attempts: None,
        raw: false,
        html: None,
        recipient: None,
        possible_duplicates: None,
        utc: true,
    }
}

fn written(args: &ReportArgs, facts: &dyn Facts) -> String {
    let mut out = Vec::new();
    assert_eq!(write(args, &Look::default(), facts, &mut out), Ok(Exit::Settled));
    String::from_utf8(out).unwrap()
}

#[test]
fn the_table() {
    let expected = "\
Campaign welcome: stopped
  2 recipients wait: the same `posthaste send` goes on
  subject: Hello {{ first }}
  delivered                3   50.00 %
  bounced                  1   16.67 %
                           1  the address does not exist
  waiting                  2   33.33 %   1 of them deferred
  recipients               6
  rows rejected 3, duplicates 1
  first attempt 2027-01-15T08:00:00Z
  last event    2027-01-15T08:00:05Z (5s)
  5 attempts, 0.6/s delivered
  1 recipient may have got a second copy: --possible-duplicates FILE lists them

Domains (1 of 1)  recipients  delivered  bounced  waiting  other
  d.example                6          3        1        2      0

Sites (2 of 2)  recipients  delivered  bounced  waiting  other
  mx0.example            3          2        0        1      0
  mx1.example            2          1        1        0      0

Last replies, most frequent first
            3  250 2.0.0    Ok: queued as *
            1  451          * wait\\x1b[2J
            1  550 5.1.1    <script>alert(\"&\")</script> no, \"such\"
";
    assert_eq!(written(&args(), &small()), expected);
}

#[test]
fn on_a_terminal_no_line_is_wider_than_it_is() {
    for columns in [40, 60, 80, 120] {
        let look = Look { columns: Some(columns), ..Look::default() };
        let mut out = Vec::new();
        write(&args(), &look, &Made { sites: 3, ..small() }, &mut out).unwrap();
        let table = String::from_utf8(out).unwrap();
        let wide = table.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(wide <= columns, "{wide} of {columns}:\n{table}");
        assert!(table.contains("Sites (3 of 3)") && table.contains("mx0.example"), "{table}");
        // No outcome is left out from 60 columns on.
        let all = table.lines().any(|line| line.starts_with("Sites") && line.ends_with("bounced  waiting  other"));
        assert!(all || columns < 60, "{columns}:\n{table}");
    }
}

#[test]
fn times_are_those_of_a_zone_and_say_which() {
    let at = UnixTime(T0);
    assert_eq!(Zone::default().time(at), "2027-01-15T08:00:00Z");
    let india = Zone::ahead_of_utc(19_800);
    assert_eq!(india.time(at), "2027-01-15T13:30:00+05:30");
    let look = Look { zone: india, ..Look::default() };
    let mut out = Vec::new();
    write(&args(), &look, &small(), &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("  first attempt 2027-01-15T13:30:00+05:30\n"));
    // The page of one that nobody was tried of has a time, too.
    let mut begun = Digest::default();
    begun.about.begun_at = Some(at);
    let page = page::html(&begun, &Zone::ahead_of_utc(19_800), UnixTime(T0 + 60));
    for fact in
        ["Begun</dt><dd>2027-01-15 13:30:00", "Made at</dt><dd>2027-01-15 13:31:00", "Times are of</dt><dd>UTC+05:30"]
    {
        assert!(page.contains(&format!("<dt>{fact}</dd>")), "{fact}: {page}");
    }
}

#[test]
fn csv_has_the_promised_columns_and_one_row_each() {
    let text = written(&ReportArgs { csv: Some("-".into()), ..args() }, &small());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "recipient,disposition,code,enhanced,text,site,host,attempts,first_at,last_at,tried_at,table_row,token,list.E-Mail"
    );
    assert_eq!(lines.len(), 7);
    assert_eq!(
        lines[4],
        "r3@d.example,bounced,550,5.1.1,\"<script>alert(\"\"&\"\")</script> no, \"\"such\"\"\",mx1.example,mx.example,1,\
         2027-01-15T08:00:03Z,2027-01-15T08:00:04Z,2027-01-15T08:00:04Z,3,token3,"
    );
    assert_eq!(lines[6], "r5@d.example,waiting,,,,,,0,,,,5,token5,");
}

#[test]
fn the_json_object() {
    let text = written(&ReportArgs { json: true, ..args() }, &small());
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["campaign"], "welcome");
    assert_eq!((&value["loaded"], &value["delivered"], &value["in_flight"]), (&6.into(), &3.into(), &0.into()));
    assert_eq!(value["sites"][0]["site"], "mx0.example");
    assert_eq!(value["replies"][0]["recipients"], 3);
    assert_eq!(value["first_at"], "2027-01-15T08:00:00Z");
    assert_eq!(text.matches('\n').count(), 1);
}

#[test]
fn the_page_stands_alone_and_escapes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.html");
    assert_eq!(written(&ReportArgs { html: Some(file.clone()), ..args() }, &small()), "");
    let page = std::fs::read_to_string(file).unwrap();
    assert_eq!(page.matches("<svg ").count(), 2, "one for each width");
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
    // Nothing is loaded from elsewhere: the one address is the name of the SVG language.
    assert_eq!(page.matches("http").count(), page.matches("http://www.w3.org/2000/svg").count(), "{page}");
    assert!(!page.contains("src=") && !page.contains("url("));
    assert!(page.contains("prefers-color-scheme:dark") && page.ends_with("</html>\n"));
}

#[test]
fn a_page_tells_the_whole_way_from_the_list_to_the_mailboxes() {
    let page = written(&ReportArgs { html: Some("-".into()), ..args() }, &small());
    for part in [
        "<title>welcome: stopped – posthaste</title>",
        ">Hello <i class=\"slot\">first</i></p>",
        "Of the rows of the list</p>\n<div class=\"step\"><span>Rows of the list</span><i><u style=\"width:100.00%;",
        "<b>10</b><s>100.00 %</s>",
        "<b>3</b><s>30.00 %</s>",
        "<span>Recipients</span><i><u style=\"width:60.00%;",
        "<b>6</b><s>60.00 %</s></div>\n<p class=\"of\">Of the 6 recipients</p>",
        "<span>Tried</span><i><u style=\"width:83.33%;",
        "<span>the address does not exist</span>",
        "<dt>Times are of</dt><dd>UTC</dd>",
        "<td class=\"l\">d.example</td><td>6</td>",
        "<h3>Bounced</h3>",
        "<h3>Waiting, tried before</h3>",
        "<h3>Delivered</h3>",
        "451</td><td class=\"l\">* wait",
    ] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
}

#[test]
fn each_bar_of_a_page_is_as_long_as_the_share_beside_it() {
    let mut digest = Digest::of(&small()).unwrap();
    for (rejected, bars) in [(3, 10), (0, 8)] {
        digest.rows = Rows { rejected, duplicates: 0, loading: false };
        let page = page::html(&digest, &Zone::default(), UnixTime(T0));
        let lines = page.lines().filter(|line| line.starts_with("<div class=\"step") && line.contains("<u "));
        let shares = lines.map(|line| {
            let between = |from: &str, to: &str| line.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
            (between("width:", "%"), between("<s>", " %"))
        });
        let shares: Vec<_> = shares.collect();
        assert!(shares.len() == bars && shares.iter().all(|(bar, share)| bar == share), "{shares:?}");
    }
}

#[test]
fn the_subject_of_a_page_names_its_values_and_one_with_branches_is_a_template() {
    let page = |subject: &str| {
        let mut digest = Digest::default();
        digest.about.subject = subject.to_owned();
        page::html(&digest, &Zone::default(), UnixTime(T0))
    };
    for (subject, shown) in [
        ("1 < 2", "1 &lt; 2"),
        ("{{- a.b | title }}, {{ c }}!", "<i class=\"slot\">a.b</i>, <i class=\"slot\">c</i>!"),
        ("{{ <b> }} {{ open", "<i class=\"slot\">&lt;b&gt;</i> {{ open"),
        ("{% if a %}A{% endif %}", "{% if a %}A{% endif %} <small>(a template)</small>"),
    ] {
        let page = page(subject);
        assert!(page.contains(&format!("<p class=\"subject dim\">{shown}</p>")), "{subject}: {page}");
    }
}

#[test]
fn runs_of_a_second_and_of_nobody_have_a_page_without_guesses() {
    for count in [1, 3] {
        let short = Made { count, sites: 1, make: |_| (Disposition::Delivered, 250, None, "Ok".into()) };
        let page = written(&ReportArgs { html: Some("-".into()), ..args() }, &short);
        assert!(page.contains("<svg ") && page.contains("08:00:01"), "{page}");
        // All of one second.
        let mut digest = Digest::of(&short).unwrap();
        digest.last_at = digest.first_at;
        let page = page::html(&digest, &Zone::default(), UnixTime(T0));
        assert!(page.contains("within a second, at 2027-01-15 08:00:00.") && !page.contains("<svg "), "{page}");
        let table = text::table(&digest, &Look::default());
        assert!(table.contains(" (within a second)\n") && !table.contains("/s delivered"), "{table}");
        assert!(!table.contains(" 1 attempts") && table.starts_with("Campaign welcome: complete\n"), "{table}");
    }
}

#[test]
fn all_forms_have_the_same_numbers() {
    let facts = Made {
        count: 900,
        sites: 7,
        make: |row| match row % 9 {
            0 => (Disposition::Waiting, 0, None, String::new()),
            1 => (Disposition::Waiting, 451, None, "later".into()),
            2 => (Disposition::Deferred, 451, None, "later".into()),
            3 => (Disposition::Bounced, 550, Some(Enhanced::new(5, 1, 1)), "no such user".into()),
            4 => (Disposition::Expired, 451, None, "later".into()),
            5 => (Disposition::Suppressed, 0, None, String::new()),
            6 => (Disposition::Uncertain, 0, None, String::new()),
            7 => (Disposition::InFlight, 0, None, String::new()),
            _ => (Disposition::Delivered, 250, None, "Ok".into()),
        },
    };
    let json: serde_json::Value = serde_json::from_str(&written(&ReportArgs { json: true, ..args() }, &facts)).unwrap();
    let number = |key: &str| json[key].as_u64().unwrap_or_else(|| panic!("{key}: {json}"));
    assert_eq!((number("waiting"), number("deferred"), number("tried")), (300, 200, 500));
    let sums = ["delivered", "bounced", "expired", "suppressed", "cancelled", "uncertain", "waiting", "in_flight"];
    assert_eq!(sums.iter().map(|key| number(key)).sum::<u64>(), number("loaded"));

    let csv = written(&ReportArgs { csv: Some("-".into()), ..args() }, &facts);
    let stand = |word: &str| csv.lines().filter(|line| line.split(',').nth(1) == Some(word)).count() as u64;
    assert_eq!(stand("deferred"), number("deferred"));
    assert_eq!(stand("waiting") + stand("deferred"), number("waiting"));
    let table = written(&args(), &facts);
    let page = written(&ReportArgs { html: Some("-".into()), ..args() }, &facts);
    for key in sums.into_iter().filter(|key| !matches!(*key, "cancelled")) {
        let word = key.replace('_', " ");
        assert!(key == "waiting" || stand(key) == number(key), "{key}");
        assert!(table.contains(&format!("  {word:<12}{:>14}", number(key))), "{key}: {table}");
        assert!(page.contains(&format!("<b>{}</b><span>{word} · ", number(key))), "{key}: {page}");
    }
    let places =
        |key: &str| json[key].as_array().unwrap().iter().map(|one| one["waiting"].as_u64().unwrap()).sum::<u64>();
    assert_eq!((places("domains"), places("sites")), (300, 200), "who was never tried is at no site");
}

#[test]
fn an_empty_campaign_has_a_report_too() {
    let empty = Made { count: 0, ..small() };
    assert!(written(&args(), &empty).contains("recipients               0"));
    let page = written(&ReportArgs { html: Some("-".into()), ..args() }, &empty);
    assert!(!page.contains("<svg") && page.contains("<h1>welcome</h1>"));
}

#[test]
fn the_timeline_of_one_recipient() {
    let text = written(&ReportArgs { recipient: Some("r1@d.example".into()), ..args() }, &small());
    assert_eq!(
        text,
        "r1@d.example: delivered\n  2027-01-15T08:00:00Z  attempt 1  begins\n  2027-01-15T08:00:01Z  attempt 1  deferred    \
         451 later\\x0d X: forged  at DATA  [mx.example]\n  2027-01-15T08:05:01Z  attempt 2  delivered   250 ok  [mx.example]\n"
    );
    let missing = ReportArgs { recipient: Some("x@d.example".into()), ..args() };
    let failure = write(&missing, &Look::default(), &small(), &mut Vec::new()).unwrap_err();
    assert_eq!(failure, Failure::usage("x@d.example is not on the list of campaign welcome"));
}

#[test]
fn possible_duplicates_are_named() {
    let text = written(&ReportArgs { possible_duplicates: Some("-".into()), ..args() }, &small());
    assert_eq!(text, "r2@d.example\n");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let args = ReportArgs { csv: Some("/nonexistent/r.csv".into()), ..args() };
    let failure = write(&args, &Look::default(), &small(), &mut Vec::new()).unwrap_err();
    assert!(failure.message.starts_with("/nonexistent/r.csv: cannot be written"), "{}", failure.message);
}

#[test]
fn a_large_campaign_is_folded_within_bounds() {
    let large = Made {
        count: 200_000,
        sites: 60_000,
        make: |row| {
            (
                Disposition::Delivered,
                250,
                None,
                format!("said {}", "a".repeat(row as usize % 150) + &"b".repeat(row as usize / 1500)),
            )
        },
    };
    let digest = Digest::of(&large).unwrap();
    assert_eq!(digest.counts.all(), 200_000);
    assert!(digest.sites() <= SITES_MAX + 1);
    let sites: u64 = digest.top_sites(usize::MAX).iter().map(|(_, counts)| counts.all()).sum();
    assert_eq!(sites, 200_000);
    let replies = digest.top_replies(usize::MAX);
    assert!(replies.len() <= REPLIES_MAX + 1);
    assert_eq!(replies.iter().map(|(_, n)| n).sum::<u64>(), 200_000);
    let (bins, width_s) = digest.over_time(180);
    assert!(bins.len() <= 180 && bins.len() > 60 && BINS_MAX > 180, "{} bins of {width_s} s", bins.len());
    assert_eq!(bins.iter().map(|(_, counts)| counts.all()).sum::<u64>(), 200_000);
    assert!(bins.windows(2).all(|pair| pair[1].0 - pair[0].0 == width_s));
}
