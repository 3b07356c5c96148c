//! What is known of a list and of a letter that is made from others: told with the place in what people wrote.

use super::{CAMPAIGN, Found, HTML, check, place_of, spring};
use crate::lists::{western, workbook};

/// What was found by this word: its place, and what it says.
fn by<'f>(found: &'f [Found], word: &str) -> Vec<(&'f str, &'f str)> {
    found.iter().filter(|found| found.check == word).map(|found| (found.place.as_str(), found.says.as_str())).collect()
}

#[test]
fn all_that_the_loader_cleans_drops_and_finds_is_told_with_its_lines() {
    let folder = spring();
    folder.put("w.toml", CAMPAIGN.replace("30%", "60%").replace("list.csv", "list.txt"));
    let list = "E-Mail;first_name;city\r\n\u{a0}j\u{fc}rgen@a.example;J\u{fc}rgen;Oslo\r\nmailto:bo@b.example;Bo;Oslo\r\n\
                Cy <cy@c.example>;Cy;Oslo\r\ncy@C.example;Cy;Oslo\r\n'di@d.example';Di;Oslo\r\nJ@gmial.com;J\u{f6};Oslo\r\n\
                postmaster@e.example;P;Oslo\r\nnobody;N;Oslo\r\nann@a.example;Ann;Oslo\r\nBO@b.example;B;Oslo\r\n";
    folder.put("list.txt", western(&list.replace("j\u{fc}rgen@", "jurgen@").replace("E-Mail", "email")));
    folder.put("suppressed.txt", "ann@a.example\n");
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!(ran.code, Some(0), "{found:#?}");
    let told = |word| by(&found, word);
    let form = told("list-form");
    assert!(
        form.len() == 1
            && form[0].0 == "list.txt"
            && form[0].1.contains("Windows-1252 (\"J\u{fc}rgen\"), separated by semicolons"),
        "{form:?}"
    );
    assert_eq!(
        told("cleaned"),
        [(
            "list.txt:2",
            "4 addresses are cleaned: what stands around them is taken away (line 2: `\\u{a0}jurgen@a.example`, line 3: \
             `mailto:bo@b.example`, line 4: `Cy <cy@c.example>`, …)"
        )]
    );
    assert_eq!(told("duplicates"), [("list.txt:5", "2 rows are on it twice (lines 5, 11)")]);
    assert_eq!(told("role-address")[0].0, "list.txt:8");
    assert_eq!(told("suppressed"), [("list.txt:10", "1 recipient is suppressed (such as ann@a.example)")]);
    assert_eq!(told("rejected-row"), [("list.txt:9", "the row of \"nobody\" is rejected: the address has no @")]);
    let slips = told("domain-slip");
    assert!(
        slips.len() == 1 && slips[0].0.starts_with("list.txt:7 ") && slips[0].1.contains("from gmail.com"),
        "{slips:?}"
    );
    assert_eq!(found.len(), 7, "{found:#?}");
}

#[test]
fn a_sender_at_a_free_provider_is_told_by_whichever_way_but_by_its_own_servers() {
    let folder = spring();
    folder.put("w.toml", CAMPAIGN.replace("<news@acme.example>\"\nreply", "<acme.garden@gmail.com>\"\nreply"));
    for (way, told) in [
        (&["--sink"][..], true),
        (&["--smarthost", "mail.acme.example:587"], true),
        (&["--smarthost", "mygmail.com"], true),
        (&["--smarthost", "smtp.gmail.com:587"], false),
        (&["--smarthost", "smtp-relay.gmail.com"], false),
    ] {
        folder.put("engine.toml", super::ENGINE.replace("route = \"mx\"\n", ""));
        let (_, found) = super::check_with(&folder, "w.toml", &[&["--offline"][..], way].concat());
        let said: Vec<&str> =
            found.iter().map(|found| found.check.as_str()).filter(|check| *check == "free-mail-sender").collect();
        assert_eq!(said.len(), usize::from(told), "{way:?}: {found:#?}");
    }
}

#[test]
fn rows_of_a_sheet_that_a_filter_hides_are_told_for_they_get_the_letter() {
    let folder = spring();
    folder.put("w.toml", CAMPAIGN.replace("list.csv", "list.xlsx"));
    folder.put("list.xlsx", workbook::filtered());
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!(ran.code, Some(0), "{found:#?}");
    let told = by(&found, "hidden-rows");
    let says = "2 rows are hidden on the sheet, and read as all others (the first: row 3)";
    assert_eq!(told, [("list.xlsx:3", says)], "{found:#?}");
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
    assert!(ran.code == Some(0) && ran.err.contains(&format!("warning: list.xlsx:3: {says}")), "{ran:?}");
}

#[test]
fn what_is_found_of_a_letter_has_its_place_in_what_people_wrote_whatever_was_made_of_it() {
    let folder = spring();
    let keys = "inline_css = true\nbase_url = \"https://acme.example/\"\nhtml = ";
    folder.put("w.toml", CAMPAIGN.replace("html = ", keys));
    let style = "<link rel=\"stylesheet\" href=\"https://fonts.example/x\">\n<style>";
    let page = HTML
        .replace("<style>", style)
        .replace("\"https://acme.example/spring\"", "\"http://acme.example/spring\"")
        .replace("</body>", "{% include 'parts/foot.html' %}\n</body>");
    folder.put("letter.html", &page);
    let foot = "<p>x</p>\n<p>[Company] and <img src=\"https://acme.example/x.png\"></p>\n";
    folder.put("parts/foot.html", foot);
    let (_, found) = check(&folder, "w.toml");
    let mut places: Vec<String> = found.iter().map(|found| format!("{} {}", found.check, found.place)).collect();
    places.sort();
    let in_page = |what: &str| format!("letter.html:{}", place_of(&page, what));
    assert_eq!(
        places,
        [
            format!("http-link {}", in_page("http://acme.example/spring")),
            format!("image-alt parts/foot.html:{}", place_of(foot, "<img")),
            format!("placeholder parts/foot.html:{}", place_of(foot, "[Company]")),
            format!("remote-style {}", in_page("https://fonts.example/x")),
            "without-effect w.toml:7:12".to_owned(),
        ],
        "{found:#?}"
    );
}

#[test]
fn what_is_found_of_mjml_has_its_place_in_the_file_that_it_stands_in() {
    let folder = spring();
    folder.put("w.toml", CAMPAIGN.replace("letter.html", "letter.mjml").replace("text = \"letter.txt\"\n", ""));
    let letter = "<mjml><mj-head><mj-style>a{b}</mj-style></mj-head>\n<mj-body><mj-section><mj-column>\n\
                  <mj-text>Dear {{ first_name }},\n*|CITY|* is ready.</mj-text>\n\
                  <mj-image src=\"img/t.jpg\" />\n<mj-button href=\"http://acme.example\">Go</mj-button>\n\
                  </mj-column></mj-section>\n<mj-include path=\"parts/foot.mjml\" /></mj-body></mjml>\n";
    let foot = "<mj-section><mj-column>\n<mj-text>Lorem ipsum <a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></mj-text>\n\
                </mj-column></mj-section>\n";
    folder.put("letter.mjml", letter);
    folder.put("parts/foot.mjml", foot);
    let (_, found) = check(&folder, "w.toml");
    let mut places: Vec<String> = found.iter().map(|found| format!("{} {}", found.check, found.place)).collect();
    places.sort();
    let in_letter = |what: &str| format!("letter.mjml:{}", place_of(letter, what));
    assert_eq!(
        places,
        [
            format!("foreign-tag {}", in_letter("*|CITY")),
            format!("http-link {}", in_letter("http://")),
            format!("image-alt {}", in_letter("<mj-image")),
            format!("placeholder parts/foot.mjml:{}", place_of(foot, "Lorem")),
            format!("relative-link {}", in_letter("img/t.jpg")),
            "text-part letter.mjml".to_owned(),
        ],
        "{found:#?}"
    );
}

#[test]
fn a_way_out_in_a_file_that_is_read_is_one() {
    let folder = spring();
    let way = "<p><a href=\"https://acme.example/u/{{ token }}\">Unsubscribe</a> - Acme Garden, 1 Example Street</p>";
    folder.put("letter.html", HTML.replace(way, "{% include \"foot.html\" %}"));
    folder.put("foot.html", way);
    let (ran, found) = check(&folder, "w.toml");
    assert!(ran.code == Some(0) && found.is_empty(), "{found:#?}");
}

#[test]
fn what_kind_of_a_column_was_made_out_is_told_and_every_cell_that_is_none_of_its_type() {
    let folder = spring();
    folder.put("list.csv", "email,first_name,city\nann@a.example,1,Oslo\nbob@b.example,2,Oslo\n");
    folder.put("letter.txt", format!("{{% if first_name > 1 %}}x{{% endif %}}{}", super::TEXT));
    let (_, found) = check(&folder, "w.toml");
    let told = by(&found, "column-type");
    assert!(
        told.len() == 1 && told[0].1.contains("`first_name` is read as a number: so are all 2 cells"),
        "{found:#?}"
    );
    // Faults of all places are told, each by itself, and hide nothing else.
    folder.put("list.csv", "email,first_name,city\nann@a.example,1,Oslo\nbob@b.example,B,Oslo\n");
    folder.put("letter.txt", format!("{{{{ first_name + 1 }}}} [Company] {{{{ city * 2 }}}}\n{}", super::TEXT));
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!(ran.code, Some(2));
    let places: Vec<&str> = by(&found, "template").iter().map(|(place, _)| *place).collect();
    assert_eq!(places, ["letter.txt:1:4", "letter.txt:1:35"], "{found:#?}");
    assert_eq!(by(&found, "placeholder").len(), 1, "{found:#?}");
}

#[test]
fn templates_are_read_where_their_encoding_is_certain_and_else_it_is_said_where_not() {
    let folder = spring();
    let text = super::TEXT.replace("Dear", "Gr\u{fc}\u{df}e");
    folder.put("letter.txt", western(&text));
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!(ran.code, Some(0), "{found:#?}");
    let told = by(&found, "template-encoding");
    assert_eq!(told, [("letter.txt", "the template is read as Windows-1252 (\"Gr\u{fc}\u{df}e\")")], "{found:#?}");
    assert_eq!(found.len(), 1, "{found:#?}");
    for (octets, place, says) in [
        (&b"one\ntwo\0\nunsubscribe"[..], "letter.txt:2:4", "a NUL character"),
        (b"one\n\x1b[2J unsubscribe", "letter.txt:2:1", "an escape character (ESC)"),
        (b"\xd0\xcf\xc3\xa4 \xff\xfe\n", "letter.txt:1:1", "encoding"),
    ] {
        folder.put("letter.txt", octets);
        let (ran, found) = check(&folder, "w.toml");
        let errors: Vec<_> = found.iter().filter(|found| found.severity == "error").collect();
        assert!(ran.code == Some(2) && errors.len() == 1, "{found:#?}");
        assert!(errors[0].place == place && errors[0].says.contains(says), "{errors:#?}");
    }
}

#[test]
fn a_campaign_that_goes_on_is_told_again_what_still_holds_in_a_line_each_and_so_are_programs() {
    let folder = spring();
    folder.put(
        "list.csv",
        "email,first_name,city,status\nann@a.example,Ann,Oslo,\nnobody,N,Oslo,\nbob@b.example,,Oslo,bounced\n\
                            cyd@c.example,Cyd,Oslo,\n",
    );
    folder.put("w.toml", CAMPAIGN.replace("30%", "60%"));
    folder.put("letter.html", HTML.replace("\"https://acme.example/spring\"", "\"http://acme.example/spring\""));
    let send = |more: &[&str]| folder.run(&[&["send", "w.toml", "--data", "data", "--sink"], more].concat());
    let ran = send(&["--limit", "1"]);
    assert!(ran.code == Some(3) && ran.err.contains("  hint: write `https://acme.example/spring`"), "{ran:?}");
    let file = "data/sink/spring/rejects.csv";
    let known = [
        ("http-link", "letter.html:"),
        ("status-unused", "list.csv:4: by the column \"status\" 1 of 4 rows shall get nothing (bounced 1)"),
        ("empty-field", "list.csv:4: 1 of 3 rows have nothing in \"first_name\""),
    ];
    for more in [&["--limit", "1", "--json"][..], &["--json"], &["--json"]] {
        let ran = send(more);
        let is_over = ran.code == Some(0);
        let lines: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("warning: ")).collect();
        // Of a campaign that is over nobody's letter has a gap any more.
        for (check, says) in &known[..if ran.err.contains("is complete: nothing is left") { 2 } else { 3 }] {
            let line = lines.iter().find(|line| line.ends_with(&format!("[{check}]")));
            assert!(line.is_some_and(|line| line.contains(says)), "{check}: {ran:?}");
        }
        let rejected = format!("warning: 1 row of list.csv was rejected, and it gets no letter: see {file}");
        assert_eq!(lines.iter().filter(|line| line.contains("reject")).collect::<Vec<_>>(), [&&*rejected], "{ran:?}");
        assert!(!ran.err.contains("hint: write"), "{ran:?}");
        let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((object["rejected"].as_u64(), object["rejects_file"].as_str()), (Some(1), Some(file)));
        let warnings = object["warnings"].as_array().unwrap();
        assert!(warnings.iter().any(|one| one["check"] == "http-link" && one["place"] != "" && one["says"] != ""));
        assert_eq!(is_over, object["waiting"] == 0, "{ran:?}");
    }
}
