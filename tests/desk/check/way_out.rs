//! The way out of a mailing, as large receivers judge it: an error for who asks, a warning for who sends.

use super::{CAMPAIGN, Found, HTML, TEXT, check, spring};
use crate::folder::Folder;

const LINK: &str = "<a href=\"https://acme.example/u/{{ token }}\">Unsubscribe</a>";
const HEADER: &str = "[unsubscribe]\nurl = \"https://acme.example/u/{{ token }}\"\n";

/// A campaign that nobody can leave.
fn closed() -> Folder {
    let folder = spring();
    folder.put("w.toml", CAMPAIGN.replace(HEADER, ""));
    folder.put("letter.html", HTML.replace(LINK, "Bye"));
    folder.put("letter.txt", TEXT.replace("Unsubscribe: https://acme.example/u/{{ token }}", "Bye"));
    folder
}

fn words(found: &[Found]) -> Vec<(&str, &str)> {
    found.iter().map(|found| (found.severity.as_str(), found.check.as_str())).collect()
}

#[test]
fn a_letter_without_any_is_an_error_for_who_asks_and_a_warning_for_who_sends() {
    let folder = closed();
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!((ran.code, words(&found)), (Some(2), vec![("error", "no-way-out")]), "{found:#?}");
    assert!(found[0].place == "w.toml" && found[0].hint.contains("transactional = true"), "{found:#?}");
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
    assert!(ran.code == Some(0) && ran.err.contains("warning: w.toml: the letter has no way out"), "{ran:?}");
    // One way is one.
    let part = [("error", "list-unsubscribe"), ("warning", "list-unsubscribe"), ("warning", "unsubscribe-link")];
    folder.put("letter.txt", TEXT);
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!((ran.code, words(&found)), (Some(0), part[1..].to_vec()), "{found:#?}");
    folder.put("letter.txt", TEXT.replace("Unsubscribe: https://acme.example/u/{{ token }}", "Bye"));
    folder.put("w.toml", CAMPAIGN);
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!((ran.code, words(&found)), (Some(0), vec![part[2], part[2]]), "{found:#?}");
    // Nobody unsubscribes from an order.
    let folder = closed();
    folder.put("w.toml", format!("transactional = true\n{}", folder.read("w.toml")));
    let (ran, found) = check(&folder, "w.toml");
    assert!(ran.code == Some(0) && found.is_empty(), "{found:#?}");
}

#[test]
fn who_mails_thousands_at_large_providers_needs_the_one_click() {
    let folder = spring();
    folder.put("w.toml", CAMPAIGN.replace(HEADER, "[unsubscribe]\nmailto = \"leave@acme.example\"\n"));
    for (count, severity, code) in [(5000, "warning", 0), (5001, "error", 2)] {
        let rows: String = (0..count).map(|n| format!("p{n}@d{}.example,Ann,Oslo\n", n % 9)).collect();
        folder.put("list.csv", format!("email,first_name,city\n{rows}"));
        let (ran, found) = check(&folder, "w.toml");
        let told = words(&found);
        assert!(ran.code == Some(code) && told.contains(&(severity, "list-unsubscribe")), "{count}: {found:#?}");
    }
}

#[test]
fn the_signature_covers_it() {
    let folder = spring();
    let letters = folder.delivers(&["--config", "engine.toml"]);
    assert_eq!(letters.len(), 4);
    for letter in letters {
        let letter = String::from_utf8(letter).unwrap();
        let (head, _) = letter.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", "");
        let signature = head.lines().find_map(|line| line.strip_prefix("DKIM-Signature:")).unwrap();
        let names = signature.split(';').find_map(|tag| tag.trim().strip_prefix("h=")).unwrap();
        let names: Vec<String> = names.split(':').map(|name| name.trim().to_ascii_lowercase()).collect();
        for name in ["list-unsubscribe", "list-unsubscribe-post"] {
            assert!(head.lines().any(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: "))), "{head}");
            assert!(names.iter().any(|signed| signed == name), "{name} (RFC 8058 §4): {names:?}");
        }
    }
}

/// What other services have in the place of a way out: as it stands in the letter, whether there is one here in its place, and what
/// the hint says.
const OTHERS: [(&str, bool, &str); 67] = [
    ("{unsubscription_confirm_url}", true, ""),
    ("[link:subscription_unsubscribe_url]", true, ""),
    ("||unsubscribe||", true, ""),
    ("|UNSUBSCRIBE|", true, ""),
    ("~optout_link~", true, ""),
    ("*|UNSUB|*", true, ""),
    ("*|UPDATE_PROFILE|*", false, "link to a page of your own"),
    ("*|ARCHIVE|*", false, "take the link out"),
    ("{{ unsubscribe }}", true, ""),
    ("{{ mirror }}", false, "take the link out"),
    ("{{ update_profile }}", false, "link to a page of your own"),
    ("{{ unsubscribe_link }}", true, ""),
    ("{{ unsubscribe_link_all }}", true, ""),
    ("{{ organization.unsubscribe_link }}", true, ""),
    ("{{ amazonSESUnsubscribeUrl }}", true, ""),
    ("{% unsubscribe_link %}", true, ""),
    ("{% manage_preferences_link %}", false, "link to a page of your own"),
    ("{% web_view %}", false, "take the link out"),
    ("{{{unsubscribe}}}", true, ""),
    ("{{{unsubscribe_preferences}}}", false, "link to a page of your own"),
    ("{{{ pm:unsubscribe }}}", true, ""),
    ("{{pm:unsubscribe}}", true, ""),
    ("{{ UnsubscribeURL }}", true, ""),
    ("{{ MessageURL }}", false, "take the link out"),
    ("%UNSUBSCRIBELINK%", true, ""),
    ("%UPDATELINK%", false, "link to a page of your own"),
    ("%WEBCOPY%", false, "take the link out"),
    ("%unsubscribe_url%", true, ""),
    ("%tag_unsubscribe_url%", true, ""),
    ("%mailing_list_unsubscribe_url%", true, ""),
    ("{UNSUBSCRIBE}", true, ""),
    ("{unsubscribe_url}", true, ""),
    ("{unsubscribe_text}", true, ""),
    ("{webview_url}", false, "take the link out"),
    ("{ONLINE_VERSION}", false, "take the link out"),
    ("{abmeldelink}", true, ""),
    ("{$unsubscribe}", true, ""),
    ("{$url}", false, "take the link out"),
    ("{$preferences}", false, "link to a page of your own"),
    ("{!remove_web}", true, ""),
    ("[unsubscribe]", true, ""),
    ("[Unsubscribe_Preferences]", false, "link to a page of your own"),
    ("[Weblink]", false, "take the link out"),
    ("[[UNSUB_LINK]]", true, ""),
    ("[[UNSUB_LINK_EN]]", true, ""),
    ("$[UNSUBSCRIBE]$", true, ""),
    ("$[LI:UNSUBSCRIBE]$", true, ""),
    ("$UNSUB$", true, ""),
    ("##unsubscribe##", true, ""),
    ("#unsubscribe#", true, ""),
    ("%%unsub_center_url%%", true, ""),
    ("%%profile_center_url%%", false, "link to a page of your own"),
    ("%%_subscription_center_url%%", false, "link to a page of your own"),
    ("<%asm_group_unsubscribe_raw_url%>", true, ""),
    ("<%asm_preferences_raw_url%>", false, "link to a page of your own"),
    ("https://acme.us1.list-manage.com/unsubscribe?u=1&id=2", true, ""),
    ("https://manage.kmail-lists.com/subscriptions/unsubscribe?a=X", true, ""),
    ("https://acme.activehosted.com/proc.php?nl=1&c=2&act=unsub", true, ""),
    ("https://eu1.hubspotpreferences.com/en/manage/unsubscribe?d=x", true, ""),
    ("https://acme.createsend.com/t/i-u-ab-cd/", true, ""),
    ("https://visitor.constantcontact.com/do?p=un&m=001", true, ""),
    ("https://u1.ct.sendgrid.net/wf/unsubscribe?upn=x", true, ""),
    ("https://preview.mailerlite.io/preferences/123/456", true, ""),
    ("https://r.mail.acme.example/mk/un/abc", true, ""),
    ("https://t1.emailsys1a.net/1/ab/cd/unsubscribe/form.html", true, ""),
    ("https://eu2.cleverreach.com/c/1234?x", true, ""),
    ("https://cl.s7.exct.net/unsub_center.aspx?qs=1", true, ""),
];

#[test]
fn those_of_other_services_are_told_and_the_hint_mends_them() {
    let folder = spring();
    let mut wrong = Vec::new();
    for (theirs, is_way_out, says) in OTHERS {
        let page = HTML.replace("https://acme.example/u/{{ token }}", &theirs.replace('&', "&amp;"));
        let text = TEXT.replace("https://acme.example/u/{{ token }}", theirs);
        for (file, letter, other) in
            [("letter.html", &page, ("letter.txt", TEXT)), ("letter.txt", &text, ("letter.html", HTML))]
        {
            folder.put(file, letter);
            folder.put(other.0, other.1);
            let (_, found) = check(&folder, "w.toml");
            let hint = if is_way_out { "unsubscribe_url" } else { says };
            let is_told = |found: &Found| {
                ["foreign-tag", "template", "way-out-of-one"].contains(&found.check.as_str())
                    && found.hint.contains(hint)
            };
            let others = found.iter().filter(|found| !is_told(found) && found.check != "empty-link").count();
            if !found.iter().any(is_told) || others > 0 {
                wrong.push(format!("{theirs} in {file}: {found:#?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // By the letter.
    folder.put("letter.html", HTML.replace("https://acme.example/u/{{ token }}", "{{ unsubscribe_url }}"));
    folder.put("letter.txt", TEXT.replace("https://acme.example/u/{{ token }}", "{{ unsubscribe_url }}"));
    let (ran, found) = check(&folder, "w.toml");
    assert!(ran.code == Some(0) && found.is_empty(), "{found:#?}");
    folder.put("letter.html", HTML.replace(LINK, "<unsubscribe>Unsubscribe</unsubscribe>"));
    let (_, found) = check(&folder, "w.toml");
    assert!(found.len() == 1 && found[0].hint.starts_with("write <a href=\"{{ unsubscribe_url }}\">"), "{found:#?}");
}

#[test]
fn a_hint_has_its_tags_as_the_campaign_writes_them() {
    let folder = spring();
    let brackets = |text: &str| text.replace("{{", "[[").replace("}}", "]]").replace("{%", "[%").replace("%}", "%]");
    folder.put(
        "w.toml",
        brackets(CAMPAIGN)
            .replace("[headers]", "[content]\nsyntax = \"brackets\"\n[headers]")
            .replace("u/[[ token ]]", "u"),
    );
    folder.put(
        "letter.html",
        brackets(HTML).replace("https://acme.example/spring", "https://acme.example/?e=[[ email ]]"),
    );
    folder.put("letter.txt", brackets(TEXT).replace("u/[[ token ]]", "x").replace("Unsubscribe", "Bye"));
    folder.put("list.csv", "email,first_name,city\nann+x@a.example,Ann,Oslo\nbob@b.example,,Bergen\n");
    let (_, found) = check(&folder, "w.toml");
    let mut words: Vec<&str> = found.iter().map(|found| found.check.as_str()).collect();
    words.sort_unstable();
    assert_eq!(words, ["empty-field", "unencoded-value", "unsubscribe-link", "unsubscribe-url"], "{found:#?}");
    assert!(found.iter().all(|found| found.hint.contains("[[ ") && !found.hint.contains("{{")), "{found:#?}");
}
