//! Braces that are no tags: those of style sheets and scripts are told with their place, tags of other engines with what to
//! write instead, and a campaign may have its tags in brackets.

use crate::folder::Folder;

/// The campaign of `folder.rs`, whose letter is the file `html`.
fn campaign(html: &str, more: &str) -> String {
    let whole = crate::folder::CAMPAIGN.replace("text = \"w.txt\"", &format!("html = \"{html}\""));
    whole.replace("[recipients]", &format!("{more}\n[recipients]"))
}

/// What a send says of a letter that it refuses.
fn refused(html: &str) -> String {
    let folder = Folder::new();
    folder.put("w.toml", campaign("w.html", ""));
    folder.put("w.html", html);
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--dry-run"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.err
}

#[test]
fn minified_style_sheets_are_told_with_line_column_and_caret() {
    let told = refused("<html>\n<style>@media x{#top{color:red}}</style>\n<p>Hello {{ first }}, and goodbye. #}\n");
    assert!(
        told.contains("w.html:2:16: `{#top{color:red}}</style` in a style sheet reads as the beginning of a comment"),
        "{told}"
    );
    let lines: Vec<&str> = told.lines().collect();
    let at =
        lines.iter().position(|line| line.contains("  | <style>@media x{#top{")).unwrap_or_else(|| panic!("{told}"));
    assert_eq!(lines[at].find("{#top"), lines[at + 1].find('^'), "{told}");
    assert!(told.contains("`{ #`") && told.contains("{% raw %}") && told.contains("syntax = \"brackets\""), "{told}");
    // Of a long line what stands around the place.
    let told =
        refused(&format!("<style>{}@media x{{#top{{a:b}}}}{}</style>", "p{a:b}".repeat(400), "q{c:d}".repeat(400)));
    let line = told.lines().find(|line| line.contains("  | …")).unwrap_or_else(|| panic!("{told}"));
    assert!(line.chars().count() < 100 && line.ends_with('…'), "{line}");
    for (html, place, what) in [
        ("<style>a{b:url(x{%23y%}z)}</style>", "w.html:1:17", "a statement"),
        ("<p>x</p>\n<script>f({{a:1}})</script>", "w.html:2:11", "a value"),
        ("<style>{# all of it </style><p>#}", "w.html:1:8", "a comment"),
    ] {
        let told = refused(html);
        assert!(told.contains(place) && told.contains(&format!("reads as the beginning of {what}")), "{html}\n{told}");
    }
}

#[test]
fn each_place_is_told_in_included_files_style_sheets_and_mjml() {
    let folder = Folder::new();
    folder.put("w.toml", campaign("w.html", "inline_css = true"));
    folder.put("w.html", "<link rel=stylesheet href=\"a.css\"><p>{% include \"part.html\" %}{{ first }}");
    folder.put("a.css", "p{color:red}\n@media x{#y{z:a}}");
    folder.put("part.html", "<b>b</b>\n<style>@media x{#y{z:a}}</style>");
    let told = folder.run(&["send", "w.toml", "--data", "data", "--dry-run"]).err;
    assert!(told.contains("a.css:2:9: ") && told.contains("part.html:2:16: "), "{told}");
    let letter = |head: &str| {
        format!(
            "<mjml><mj-head>{head}</mj-head><mj-body><mj-section><mj-column><mj-text>Hi {{{{ first }}}}</mj-text></mj-column></mj-section></mj-body></mjml>"
        )
    };
    folder.put("w.toml", campaign("w.mjml", ""));
    folder.put("w.mjml", letter("<mj-style>@media x{#y{z:a}}</mj-style>"));
    let told = folder.run(&["send", "w.toml", "--data", "data", "--dry-run"]).err;
    assert!(told.contains("w.mjml:1:34: ") && told.contains("in a style sheet"), "{told}");
    folder.put("w.mjml", letter("<mj-include path=\"a.css\" type=\"css\" />"));
    let told = folder.run(&["send", "w.toml", "--data", "data", "--dry-run"]).err;
    assert!(told.contains("a.css:2:9: ") && told.contains("in a style sheet"), "{told}");
}

#[test]
fn check_tells_every_place_at_once_with_its_excerpt() {
    let folder = Folder::new();
    folder.put("w.toml", campaign("w.html", ""));
    folder.put(
        "w.html",
        "<style>a{#b{c:d}}</style>\n<p>{{#if first}}x{{/if}} {{ first | default: \"you\" }} {{ first&nbsp;}}",
    );
    let ran = folder.run(&["check", "w.toml", "--data", "data", "--json"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let found: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let all: Vec<(&str, &str, &str)> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["check"] == "template")
        .map(|f| (f["place"].as_str().unwrap(), f["hint"].as_str().unwrap(), f["excerpt"].as_str().unwrap()))
        .collect();
    let places: Vec<&str> = all.iter().map(|(place, ..)| *place).collect();
    assert_eq!(places, ["w.html:1:9", "w.html:2:4", "w.html:2:18", "w.html:2:26", "w.html:2:55"], "{}", ran.out);
    assert!(all[1].1.starts_with("write {% if first %}; `posthaste convert FILE --from handlebars`"), "{all:?}");
    assert!(all[3].1.starts_with("write {{ first|default(\"you\") }}"), "{all:?}");
    assert!(all[4].1 == "write {{ first }}" && all[4].2.ends_with('^'), "{all:?}");
}

#[test]
fn names_and_filters_of_other_engines_are_told_with_ours() {
    for (tag, ours) in [
        ("{{ FNAME }}", "did you mean `first`?"),
        ("{{ contact.FIRSTNAME }}", "write first_name"),
        ("{{ unsubscribe }}", "did you mean `unsubscribe_url`?"),
        ("{{ first_name|upcase }}", "Liquid calls it so; here it is written upper"),
        ("{{ first_name|titlecase }}", "did you mean `title`?"),
    ] {
        let folder = Folder::new();
        let column = if tag.contains("FNAME") { "first" } else { "first_name" };
        folder.put("w.csv", format!("email,{column}\nann@a.example,Ann\n"));
        folder.put("w.txt", format!("Dear {tag},\n"));
        folder.put("w.toml", crate::folder::CAMPAIGN.replace("Hello {{ first }}", "Hello"));
        let ran = folder.run(&["send", "w.toml", "--data", "data", "--dry-run"]);
        assert_eq!(ran.code, Some(2), "{tag}: {ran:?}");
        assert!(ran.err.contains("w.txt:1:") && ran.err.contains(ours), "{tag}: {}", ran.err);
    }
}

#[test]
fn tags_of_other_engines_in_the_text_are_warned_of_with_ours() {
    for (tag, ours) in [
        ("*|FNAME|*", "write {{ first }}"),
        ("*|IF:FNAME|*", "write {% if first %}; `posthaste convert FILE --from mailchimp` translates a whole letter"),
        ("<a href=\"*|UNSUB|*\">", "write {{ unsubscribe_url }}"),
        ("<a href=\"<%asm_group_unsubscribe_raw_url%>\">", "write {{ unsubscribe_url }}"),
        ("%FIRST%", "write {{ first }}"),
        ("%%first%%", "write {{ first }}"),
        ("[[first]]", "write {{ first }}"),
        ("{first}", "write {{ first }}"),
        ("{$first}", "write {{ first }}"),
        ("{!first}", "write {{ first }}"),
        ("$[FIRST|friend|]$", "write {{ first }}"),
        ("[[FIRSTNAME OR \"friend\"]]", "write {{ first }}"),
        ("[firstname,fallback=friend]", "write {{ first }}"),
        ("@FIRST@", "write {{ first }}"),
        ("%%=v(@first)=%%", "write {{ name }} with the name of a column of the list"),
        ("{# of <b>x</b> {# note #}", "write #} where it ends, or a blank between { and # where it is text"),
        ("[FIRST]", "write {{ first }}"),
        ("[First Name]", "write {{ first }}"),
        ("-first-", "write {{ first }}"),
        ("${first}", "write {{ first }}"),
        ("<%= first %>", "write {{ first }}"),
        ("<a href=\"https://a.example/%7B%7B%20first%7Cupper%20%7D%7D\">", "write {{ first|upper }}"),
        ("&#123;&#123; first &#125;&#125;", "write {{ first }}"),
        ("{<b>{first}</b>}", "put the HTML around the whole tag, such as <b>{{ name }}</b>"),
        ("[% if first %]", "set syntax = \"brackets\" under [content] of the campaign's file, or write it in braces"),
        ("{# not translated: *|ARCHIVE|* #}", "write what is meant, or take the comment out"),
    ] {
        let folder = Folder::new();
        folder.put("w.html", format!("<p>This is a letter.\n{tag} and so on."));
        folder.put("w.toml", campaign("w.html", ""));
        let ran = folder.run(&["check", "w.toml", "--data", "data", "--json"]);
        let found: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let mut all = found["findings"].as_array().unwrap().iter();
        let is_one = |check: &serde_json::Value| {
            ["foreign-tag", "placeholder", "untranslated", "comment-in-comment"].iter().any(|c| check == c)
        };
        let one = all.find(|finding| is_one(&finding["check"])).unwrap_or_else(|| panic!("{tag}: {}", ran.out));
        assert_eq!(one["hint"], ours, "{tag}: {one}");
        assert!(one["place"].as_str().unwrap().starts_with("w.html:2:"), "{tag}: {one}");
    }
}

#[test]
fn tags_of_other_engines_in_keys_are_told_too() {
    let folder = Folder::new();
    let more = "return_path = \"b+{token}@acme.example\"\n[unsubscribe]\nurl = \"https://acme.example/u/%7B%7B%20token%20%7D%7D\"\n";
    folder.put("w.toml", campaign("w.html", more).replace("{{ first }}", "*|FNAME|*"));
    folder.put("w.html", "<p>Hello, this is a letter. <a href=\"{{ unsubscribe_url }}\">Unsubscribe</a>");
    let ran = folder.run(&["check", "w.toml", "--data", "data"]);
    assert!(ran.out.contains("w.toml:7:31: ") && ran.out.contains("write {{ token }}"), "{}", ran.out);
    assert!(ran.out.contains("w.toml:3:18: ") && ran.out.contains("write {{ first }}"), "{}", ran.out);
    assert!(!ran.out.contains("`{token}`"), "{}", ran.out);
}

#[test]
fn a_campaign_in_brackets_works_with_all_that_has_tags() {
    let folder = Folder::new();
    let more = "preheader = \"For [[ first ]]\"\ninline_css = true\nreply_to = \"[[ first ]] <help@acme.example>\"\n\
                [content]\nsyntax = \"brackets\"\n[links]\nutm = { source = \"[[ campaign ]]\" }\n[headers]\nX-Who = \"[[ first|upper ]] {{ first }}\"\n\
                [unsubscribe]\nurl = \"https://acme.example/u/[[ token ]]\"\n";
    folder.put("w.toml", campaign("w.html", more).replace("Hello {{ first }}", "Hello [[ first ]] {#1}"));
    folder.put(
        "w.html",
        "<html><head><style>@media x{#y{z:a}}p{color:red}</style></head><body><p>Dear [% if first %][[ first ]][% else %]you[% endif %],\
         [# a note #] {{ braces }} and [% raw %][[ these ]][% endraw %] stay.</p>[% include \"part.html\" %]\
         <a href=\"https://a.example/\">a</a> <a href=\"[[ unsubscribe_url ]]\">Unsubscribe</a></body></html>",
    );
    folder.put("part.html", "<i>[[ first|lower ]] {%x%}</i>");
    let letters = folder.delivers(&[]);
    let letter = String::from_utf8(letters.concat()).unwrap();
    let body = letter.replace("=\r\n", "").replace("=3D", "=");
    for part in [
        "Subject: Hello Ann {#1}",
        "To: ann@a.example",
        "Reply-To: Ann <help@acme.example>",
        "X-Who: ANN {{ first }}",
        "@media x{#y{z:a}}p{color:red}",
        "<p style=\"color: red\">Dear Ann, {{ braces }} and [[ these ]] stay.</p>",
        "<i>ann {%x%}</i>",
        "For Ann",
        "https://a.example/?utm_source=w",
        "https://acme.example/u/",
    ] {
        assert!(body.contains(part), "{part} is not in\n{body}");
    }
    // Errors keep their places.
    folder.put("w.html", "<style>@media x{#y{z:a}}</style>\n<p>{{ x }} [[ frist ]]");
    let told = folder.run(&["send", "w.toml", "--data", "data2", "--dry-run"]).err;
    assert!(told.contains("w.html:2:15: no column of the list is called `frist`"), "{told}");
    folder.put("w.html", "<p>[[ first ]\n");
    let told = folder.run(&["send", "w.toml", "--data", "data2", "--dry-run"]).err;
    assert!(told.contains("w.html:") && told.contains("in brackets: [[ name ]]"), "{told}");
    // What is left in braces is told.
    folder.put("w.html", "<p>Dear {{ first }}, [[ first ]]<a href=\"[[ unsubscribe_url ]]\">Unsubscribe</a>");
    let ran = folder.run(&["check", "w.toml", "--data", "data2"]);
    assert!(ran.out.contains("`{{ first }}` is a tag of Jinja") && ran.out.contains("write [[ first ]]"), "{ran:?}");
}

#[test]
fn mjml_in_brackets_and_a_preview_of_it() {
    let folder = Folder::new();
    folder.put("w.toml", campaign("w.mjml", "[content]\nsyntax = \"brackets\"").replace("{{ first }}", "[[ first ]]"));
    folder.put(
        "w.mjml",
        "<mjml><mj-head><mj-style>@media x{#y{z:a}}</mj-style></mj-head><mj-body><mj-section><mj-column>\
         <mj-text>Hi [[ first ]] {{ x }}</mj-text><mj-include path=\"part.mjml\" /></mj-column></mj-section></mj-body></mjml>",
    );
    folder.put("part.mjml", "<mj-text>[% if first %]part of [[ first ]][% endif %]</mj-text>");
    let ran = folder.run(&["preview", "w.toml", "--write", "out"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let html = folder.read("out/w-1.html");
    for part in ["Hi Ann {{ x }}", "part of Ann", "@media x{#y{z:a}}"] {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
    let wrong = campaign("w.mjml", "[content]\nsyntax = \"erb\"");
    folder.put("w.toml", wrong);
    let ran = folder.run(&["check", "w.toml"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains("w.toml:6:10: ") && ran.out.contains("must be \"jinja\" or \"brackets\""), "{ran:?}");
}

#[test]
fn words_of_other_languages_in_a_tag_are_told_with_the_tag_to_write() {
    let folder = Folder::new();
    folder.put("w.csv", "email,first,plan,points\nann@a.example,Ann,Pro,5\nbob@b.example,Bob,Free,200\n");
    folder.put("w.toml", crate::folder::CAMPAIGN);
    let told = |letter: &str| {
        folder.put("w.txt", format!("Dear {{{{ first }}}}, {letter}\n"));
        let ran = folder.run(&["check", "w.toml", "--data", "data", "--json"]);
        let found: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let all = found["findings"].as_array().unwrap();
        let errors = all.iter().filter(|finding| finding["check"] == "template");
        errors.map(|finding| finding["hint"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    for (theirs, hint, ours) in [
        (
            "{% if plan %}a{% elseif points %}b{% endif %}",
            "write {% elif points %}",
            "{% if plan %}a{% elif points %}b{% endif %}",
        ),
        (
            "{% if plan && points %}a{% endif %}",
            "write {% if plan and points %}",
            "{% if plan and points %}a{% endif %}",
        ),
        ("{% if plan || points %}a{% endif %}", "write {% if plan or points %}", "{% if plan or points %}a{% endif %}"),
        ("{% if !plan %}a{% endif %}", "write {% if not plan %}", "{% if not plan %}a{% endif %}"),
        (
            "{% if plan contains \"P\" %}a{% endif %}",
            "write {% if \"P\" in plan %}",
            "{% if \"P\" in plan %}a{% endif %}",
        ),
        ("{% if plan %}a{% end %}", "write {% endif %}", "{% if plan %}a{% endif %}"),
        ("{{ plan ? \"a\" : \"b\" }}", "write {{ \"a\" if plan else \"b\" }}", "{{ \"a\" if plan else \"b\" }}"),
        (
            "{% if plan == \"Pro\" or \"Free\" %}a{% endif %}",
            "write plan in [\"Pro\", \"Free\"]",
            "{% if plan in [\"Pro\", \"Free\"] %}a{% endif %}",
        ),
        (
            "{{ \"a\" if plan != \"Pro\" and \"Free\" }}",
            "write plan not in [\"Pro\", \"Free\"]",
            "{{ \"a\" if plan not in [\"Pro\", \"Free\"] }}",
        ),
        (
            "{% if points|number > 100 %}a{% endif %}",
            "compare points itself, without |number",
            "{% if points > 100 %}a{% endif %}",
        ),
        (
            "{% if points|number == 100 %}a{% endif %}",
            "compare points itself, without |number",
            "{% if points == 100 %}a{% endif %}",
        ),
    ] {
        let hints = told(theirs);
        assert!(matches!(hints.as_slice(), [one] if one.contains(hint)), "{theirs}: {hints:?}");
        assert_eq!(told(ours), Vec::<String>::new(), "{ours}");
    }
    let hints = told("{% unless plan %}a{% endunless %}");
    assert!(hints.len() == 2 && hints[1].starts_with("write {% endif %}"), "{hints:?}");
    for right in
        ["{% if plan or \"\" %}a{% endif %}", "{{ plan or \"Free\" }}", "{% set p = plan or \"Free\" %}{{ p }}"]
    {
        assert_eq!(told(right), Vec::<String>::new(), "{right}");
    }
}

#[test]
fn what_listmonk_keeps_within_a_column_is_told_as_a_column_to_make() {
    let folder = Folder::new();
    folder.put("w.toml", crate::folder::CAMPAIGN.replace("Hello {{ first }}", "Hello"));
    folder.put("w.csv", "email,name,attributes\nann@a.example,Ann,\"{\"\"city\"\": \"\"Oslo\"\"}\"\n");
    folder.put("w.txt", "Dear {{ .Subscriber.Name }} in {{ .Subscriber.Attribs.city }}\n");
    let ran = folder.run(&["check", "w.toml", "--data", "data"]);
    assert!(ran.out.contains("hint: write {{ name }}"), "{ran:?}");
    assert!(ran.out.contains("give the list a column city of its own, and write {{ city }} here"), "{ran:?}");
    folder.put("w.txt", "Dear {{ name }} in {{ attributes.city }}\n");
    let ran = folder.run(&["check", "w.toml", "--data", "data"]);
    assert!(ran.out.contains("give the list a column `city` of its own, or make it JSON lines"), "{ran:?}");
    folder.put("w.csv", "email,name,city\nann@a.example,Ann,Oslo\n");
    folder.put("w.txt", "Dear {{ name }} in {{ city }}\n");
    let ran = folder.run(&["check", "w.toml", "--data", "data"]);
    assert!(!ran.out.contains("[template]"), "{ran:?}");
}

#[test]
fn a_tag_of_the_other_kind_in_the_way_out_is_told_with_ours() {
    let folder = Folder::new();
    folder.put("w.html", "<p>Hello, this is a letter.");
    for (more, url, hint) in [
        ("[content]\nsyntax = \"brackets\"\n", "{{ token }}", "tags are in brackets in this campaign: [[ token ]]"),
        ("", "[[ token ]]", "tags are in braces in this campaign: {{ token }}"),
        ("", "{token}", "a tag has two braces: {{ token }}"),
    ] {
        let more = format!("{more}[unsubscribe]\nurl = \"https://acme.example/u/{url}\"\n");
        folder.put("w.toml", campaign("w.html", &more).replace("{{ first }}", "you"));
        let ran = folder.run(&["check", "w.toml", "--data", "data"]);
        assert!(ran.code == Some(2) && ran.out.contains(hint), "{url}: {}", ran.out);
    }
}
