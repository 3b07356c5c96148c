//! Letters that show their readers nothing: refused where nobody would get more, counted where some rows do not.

use super::{CAMPAIGN, Found, check, spring};
use crate::folder::Folder;

fn told(found: &[Found]) -> Vec<(&str, &str, &str)> {
    let of_letters = found.iter().filter(|found| ["template", "empty-letter"].contains(&found.check.as_str()));
    of_letters.map(|found| (found.severity.as_str(), found.place.as_str(), found.says.as_str())).collect()
}

fn sent(folder: &Folder, data: &str) -> crate::folder::Ran {
    folder.run(&["send", "w.toml", "--data", data, "--sink", "--config", "engine.toml", "--progress", "none"])
}

#[test]
fn a_letter_that_shows_nobody_anything_is_refused_by_check_and_by_send() {
    let only = |key: &str| CAMPAIGN.replace("html = \"letter.html\"\ntext = \"letter.txt\"\n", key);
    let mjml = "<mjml><mj-head><mj-title>News</mj-title></mj-head><mj-body></mj-body></mjml>";
    for (number, (keys, file, text)) in [
        (only("html = \"l.html\"\n"), "l.html", ""),
        (only("text = \"l.txt\"\n"), "l.txt", ""),
        (only("text = \"l.txt\"\n"), "l.txt", " \r\n\t\r\n"),
        (only("html = \"l.html\"\n"), "l.html", "<html><head><title>T</title></head><body>\n&nbsp;</body></html>\n"),
        (only("html = \"l.mjml\"\n"), "l.mjml", mjml),
        (only("html = \"l.html\"\ntext = \"l.html\"\n"), "l.html", "\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = spring();
        folder.put("w.toml", keys);
        folder.put(file, text);
        let (ran, found) = check(&folder, "w.toml");
        let says = "the letter is empty: it would show its readers nothing";
        assert_eq!((ran.code, told(&found)), (Some(2), vec![("error", file, says)]), "{text:?} {found:#?}");
        let ran = sent(&folder, &format!("d{number}"));
        assert!(ran.code == Some(2) && ran.err.contains(says), "{text:?} {ran:?}");
    }
    // A file that goes along may be all that is meant.
    let folder = spring();
    folder.put("w.toml", only("text = \"l.txt\"\nattachments = [{ file = \"a.pdf\" }]\n"));
    folder.put("l.txt", "\n");
    folder.put("a.pdf", "%PDF-1.4 x");
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!((ran.code, told(&found)), (Some(0), vec![]), "{found:#?}");
}

#[test]
fn rows_whose_letter_comes_out_empty_are_counted() {
    let folder = spring();
    folder.put("w.toml", CAMPAIGN.replace("text = \"letter.txt\"\n", ""));
    folder.put("letter.html", "<body>{% if city == \"Oslo\" %}<p>Hello, <a href=\"{{ unsubscribe_url }}\">unsubscribe</a></p>{% endif %}</body>");
    let (ran, found) = check(&folder, "w.toml");
    let says = "the letter comes out empty for 2 of 4 rows (such as bob@b.example)";
    assert_eq!((ran.code, told(&found)), (Some(0), vec![("warning", "list.csv:3", says)]), "{found:#?}");
    let ran = sent(&folder, "data");
    assert!(ran.code == Some(0) && ran.err.contains("2 letters were empty"), "{ran:?}");

    folder.put("letter.html", "<body>{% for line in [] %}{{ line }}{% endfor %} {{ city if city == \"Rome\" }}</body>");
    let (ran, found) = check(&folder, "w.toml");
    let says = "the letter comes out empty for everybody";
    assert_eq!((ran.code, told(&found)), (Some(2), vec![("error", "letter.html", says)]), "{found:#?}");
}
