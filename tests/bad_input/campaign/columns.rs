//! Templates that are changed midway: a campaign goes on with whichever of its stored columns they name.

use super::*;

const LIST: &str = "mail,n,m\nann@a.example,N1,M1\nbob@a.example,N2,M2\ncyd@a.example,N3,M3\n";

/// The campaign with these other names of columns, and this wait between attempts.
fn campaign(columns: &str, wait: &str) -> String {
    let top = format!("retry = [\"{wait}\"]\n[recipients]");
    let campaign = super::super::CAMPAIGN.replace("[recipients]", &top).replace("Hello {{ first }}", "Hello");
    campaign.replace("\"email\"", "\"mail\"") + columns
}

/// A desk whose campaign has begun with this text, and of whom all wait.
fn waiting(text: &str, columns: &str) -> (Desk, String) {
    let (desk, busy) = (Desk::new(), Receiver::start(&["--defer", "100"]));
    desk.put("w.toml", campaign(columns, "1h"));
    desk.put("w.csv", LIST);
    desk.put("w.txt", text);
    desk.interrupted_after(3, &["deferred"], &to(&busy));
    desk.put("w.toml", campaign(columns, "1s"));
    (desk, busy.address.clone())
}

/// The first line of what each got, in order.
fn lines(mx: &Receiver) -> Vec<String> {
    let files = std::fs::read_dir(mx.kept.path()).unwrap();
    let texts =
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap().replace('\r', "").replace("=\n", ""));
    let mut lines: Vec<String> =
        texts.map(|text| text.split_once("\n\n").unwrap().1.lines().next().unwrap().to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn fewer_or_other_places_of_the_stored_columns_go_on_and_so_does_whatever_the_same_column_is_called() {
    let nick = "columns = { nick = \"n\" }\n";
    let both = "{{ n }}-{{ m }}\n";
    for (before, columns, after, line) in [
        (both, "", "{{ m }}-{{ n }}\n", "M-N"),
        (both, "", "{{ m }}\n", "M"),
        (both, "", "{{ n }}\n", "N"),
        (both, "", "nothing\n", "nothing"),
        (both, "", "{% if m %}{{ m }}{% endif %}\n", "M"),
        ("{{ nick }}-{{ n }}\n", nick, "{{ nick }}-{{ n }}\n", "N-N"),
        ("{{ nick }}-{{ m }}\n", nick, "{{ n }}\n", "N"),
        ("{{ mail }}-{{ m }}\n", "", "{{ m }}-{{ mail }}\n", "M-p@a.example"),
    ] {
        let (desk, _) = waiting(before, columns);
        let mx = Receiver::start(&[]);
        desk.put("w.txt", after);
        desk.sends(&to_with(&mx, &["--move-destination"]), 0);
        mx.delivered(&addresses(&["ann", "bob", "cyd"]));
        let whose = [("1", "ann"), ("2", "bob"), ("3", "cyd")];
        let mut expected = whose.map(|(n, name)| {
            line.replace('N', &format!("N{n}")).replace('M', &format!("M{n}")).replace("p@", &format!("{name}@"))
        });
        expected.sort();
        assert_eq!(lines(&mx), expected, "{before} {after}");
    }
}

#[test]
fn a_column_that_is_not_stored_is_refused_by_name_with_those_that_are() {
    let nick = "columns = { nick = \"n\", who = \"mail\" }\n";
    for (before, after, said) in [
        ("{{ n }}\n", "{{ n }}-{{ m }}\n", ["`m`", "(n)"]),
        ("hello\n", "{{ n }}\n", ["`n`", "(none)"]),
        ("{{ n }}\n", "{{ who }}\n", ["mail", "(n)"]),
    ] {
        let (desk, address) = waiting(before, nick);
        desk.put("w.txt", after);
        let (refused, _) = desk.sends(&["--smarthost", &address], 2);
        says(&refused, &said);
        says(&refused, &["hint: ", "name only these", "who has it already"]);
    }
}
