//! What became of it, as people and their other programs read it: `report` in all its forms, and `token`.

use crate::folder::{CAMPAIGN, Folder, Ran, Receiver};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to come where it should.
const PATIENCE: Duration = Duration::from_secs(60);

const LIST: &str = "email,first,customer_id,note\n\
                    Ann@A.Example,Ann,K-1,\"=HYPERLINK(\"\"http://x.example\"\")\"\n\
                    bob@b.example,Bob,+49,\"a;=cmd|' /C calc'!A0\"\n\
                    -cid@a.example,Cid,=2+5,@SUM(A1)\n";

/// A campaign with a way out, and keys.
fn folder() -> Folder {
    let folder = Folder::new();
    let more = "return_path = \"b+{token}@acme.example\"\nfeedback_id = \"spring:{{ token }}:acme\"\n\
                [unsubscribe]\nurl = \"https://acme.example/u/{{ token }}\"\n[recipients]\n\
                keys = [\"customer_id\", \"note\"]\n";
    folder.put("w.toml", CAMPAIGN.replace("[recipients]\n", more));
    folder.put("w.csv", LIST);
    folder
}

fn report(folder: &Folder, more: &[&str]) -> Ran {
    folder.run(&[&["report", "w", "--data", "data"], more].concat())
}

fn json(folder: &Folder, more: &[&str]) -> Value {
    let ran = report(folder, &[&["--json"], more].concat());
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

/// The rows of a report's CSV, as a program that reads it has them.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn a_row_of_csv_has_the_lists_own_address_its_keys_and_its_token_and_no_formula() {
    let folder = folder();
    folder.delivers(&[]);
    let safe = rows(&report(&folder, &["--csv", "-"]).out);
    let raw = rows(&report(&folder, &["--csv", "-", "--raw"]).out);
    assert_eq!(safe[0][11..], ["table_row", "token", "list.email", "list.first", "list.customer_id", "list.note"]);
    let of = |rows: &[Vec<String>], name: &str| rows.iter().find(|row| row[14] == name).unwrap().clone();
    assert_eq!(of(&raw, "Ann")[0], "Ann@a.example");
    assert_eq!(of(&raw, "Ann")[13..], ["Ann@A.Example", "Ann", "K-1", "=HYPERLINK(\"http://x.example\")"]);
    assert_eq!(of(&safe, "Ann")[13..], ["Ann@A.Example", "Ann", "K-1", "'=HYPERLINK(\"http://x.example\")"]);
    assert_eq!(of(&safe, "Bob")[13..], ["bob@b.example", "Bob", "'+49", "a;'=cmd|' /C calc'!A0"]);
    assert_eq!(of(&safe, "Cid")[13..], ["'-cid@a.example", "Cid", "'=2+5", "'@SUM(A1)"]);
    assert_eq!((of(&safe, "Cid")[0].as_str(), of(&raw, "Cid")[0].as_str()), ("'-cid@a.example", "-cid@a.example"));
    for cell in safe.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        assert!(!cell.split(';').any(|part| part.trim_start().starts_with('=')), "{cell}");
    }
    let attempts = rows(&report(&folder, &["--attempts", "-"]).out);
    assert_eq!((attempts.len(), attempts[1][4].as_str()), (4, "delivered"));
    assert!(attempts.iter().any(|row| row[0] == "'-cid@a.example"), "{attempts:?}");
}

#[test]
fn keys_of_a_json_list_are_what_they_are_there() {
    let folder = Folder::new();
    folder.put(
        "w.jsonl",
        "{\"email\":\"ann@a.example\",\"first\":\"Ann\",\"id\":7,\"tags\":[\"a\",\"b\"],\"vip\":true,\"none\":null}\n",
    );
    let keys = CAMPAIGN.replace("w.csv", "w.jsonl") + "keys = [\"id\", \"tags\", \"vip\", \"none\"]\n";
    folder.put("w.toml", keys);
    folder.delivers(&[]);
    let rows = rows(&report(&folder, &["--csv", "-"]).out);
    assert_eq!(rows[0][13..], ["list.email", "list.first", "list.id", "list.tags", "list.vip", "list.none"]);
    assert_eq!(rows[1][13..], ["ann@a.example", "Ann", "7", "[\"a\",\"b\"]", "true", ""]);
}

#[test]
fn a_rejected_row_is_no_formula_either() {
    let folder = Folder::new();
    folder.put("w.csv", "email,first\nann@a.example,Ann\n=1+1,x\n\"x;=2+2\",y\n");
    folder.put("w.toml", CAMPAIGN.to_owned() + "max_rejected = \"90%\"\n");
    folder.delivers(&[]);
    let rejects = folder.read("data/campaign/w/rejects.csv");
    assert!(rejects.contains(",\"'=1+1\"") && rejects.contains(",\"x;'=2+2\""), "{rejects}");
}

#[test]
fn what_reports_are_told_of_changes_no_letter_and_a_key_that_is_not_there_is_explained() {
    let folder = Folder::new();
    folder.put("w.csv", "email,customer_id\nann@a.example,1\nbob@a.example,2\n");
    folder.put("w.txt", "Hello.\n");
    let text = CAMPAIGN.replace("{{ first }}", "all").replace("subject", "to = \"news@acme.example\"\nsubject");
    folder.put("w.toml", text.clone() + "keys = [\"customer_id\"]\n");
    let letters = folder.delivers(&[]);
    assert_eq!(letters.len(), 1, "both get one letter in one transaction, whatever their keys are");
    folder.put("w.toml", text + "keys = [\"customer-id\"]\n");
    let ran = folder.run(&["check", "w.toml"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for words in ["recipients.keys names the column \"customer-id\"", "did you mean", "customer_id"] {
        assert!((ran.out.clone() + &ran.err).contains(words), "{words}: {ran:?}");
    }
    // A campaign that has begun keeps what it keeps.
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink", "--limit", "1"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn a_report_says_what_the_campaign_is_where_it_went_and_where_it_stands() {
    let folder = folder();
    let run = |more: &[&str]| folder.run(&[&["send", "w.toml", "--data", "data", "--sink"], more].concat());
    assert_eq!(run(&["--limit", "1"]).code, Some(3));
    let whole = json(&folder, &[]);
    assert_eq!(
        (&whole["state"], &whole["rehearsal"], &whole["subject"], &whole["destination"]),
        (&"stopped".into(), &true.into(), &"Hello {{ first }}".into(), &"sink".into())
    );
    let table = report(&folder, &[]).out;
    assert!(
        table.starts_with("Campaign w: stopped\n  2 recipients wait: the same `posthaste send` goes on\n"),
        "{table}"
    );
    assert!(table.contains("  subject: Hello {{ first }}\n"), "{table}");
    assert_eq!(run(&[]).code, Some(0));
    let whole = json(&folder, &[]);
    assert_eq!((&whole["state"], &whole["tried"]), (&"complete".into(), &3.into()));
    // Another subject is told once it is sent.
    folder.put("w.csv", LIST.to_owned() + "dan@d.example,Dan,K-9,\n");
    folder.put("w.toml", folder.read("w.toml").replace("Hello", "Goodbye"));
    assert_eq!(run(&["--add"]).code, Some(0));
    assert_eq!(json(&folder, &[])["subject"], "Goodbye {{ first }}");
}

/// A server whose mailboxes are all full; where it listens. It is there until the test ends.
fn full_mailboxes() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || full_mailbox(&stream));
        }
    });
    address
}

fn full_mailbox(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.write_all(b"220 mx.example\r\n")?;
    for line in BufReader::new(stream).lines() {
        let reply: &[u8] = match line?.get(..4).unwrap_or_default() {
            "RCPT" => b"450 4.2.2 mailbox full\r\n",
            "DATA" => b"503 5.5.1 no recipients\r\n",
            _ => b"250 2.0.0 ok\r\n",
        };
        stream.write_all(reply)?;
    }
    Ok(())
}

#[test]
fn who_never_got_it_has_the_last_reply_its_host_and_each_attempt() {
    let folder = Folder::new();
    folder.put("w.csv", "email,first\nann@a.example,Ann\nbob@b.example,Bob\n");
    let address = full_mailboxes();
    folder.put("e.toml", "[engine]\nhostname = \"me.example\"\n[delivery]\nretry = [\"1s\"]\nlifetime = \"3s\"\n");
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--smarthost", &address, "--config", "e.toml"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let all = rows(&report(&folder, &["--csv", "-"]).out);
    assert_eq!(all[0][..7], ["recipient", "disposition", "code", "enhanced", "text", "site", "host"]);
    for row in &all[1..] {
        assert_eq!(row[1..7], ["expired", "450", "4.2.2", "mailbox full", &address, "[127.0.0.1]"], "{row:?}");
    }
    let attempts = rows(&report(&folder, &["--attempts", "-"]).out);
    let of_bob: Vec<&Vec<String>> = attempts.iter().filter(|row| row[0] == "bob@b.example").collect();
    let (last, before) = of_bob.split_last().unwrap();
    assert!(before.len() >= 2 && last[4] == "expired", "{of_bob:?}");
    for (number, row) in (1..).zip(before) {
        assert_eq!((row[2].as_str(), row[4].as_str()), (format!("{number}").as_str(), "deferred"), "{of_bob:?}");
        assert_eq!(row[5..], ["450", "4.2.2", "mailbox full", "RCPT", &address, "[127.0.0.1]"], "{of_bob:?}");
    }
    let table = report(&folder, &[]).out;
    assert!(table.contains("450 4.2.2    expired; last: mailbox full"), "{table}");
}

#[test]
fn behind_a_smarthost_the_recipients_domains_show_and_bounces_have_reasons() {
    let folder = folder();
    let list: String = (0..40).map(|n| format!("p{n}@d{}.example,P,K,\n", n % 4)).collect();
    folder.put("w.csv", "email,first,customer_id,note\n".to_owned() + &list);
    folder.put("w.toml", "max_bounced = \"100%\"\n".to_owned() + &folder.read("w.toml"));
    let receiver = Receiver::start_with(&folder.path().join("kept"), &["--reject", "30", "--seed", "3"]);
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--smarthost", &receiver.address, "--ignore-bounces"]);
    receiver.end();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let whole = json(&folder, &[]);
    let domains: Vec<&str> =
        whole["domains"].as_array().unwrap().iter().map(|d| d["domain"].as_str().unwrap()).collect();
    assert_eq!(domains, ["d0.example", "d1.example", "d2.example", "d3.example"]);
    assert_eq!(whole["sites"].as_array().unwrap().len(), 1);
    let bounced = whole["bounced"].as_u64().unwrap();
    let reasons = whole["reasons"].as_array().unwrap();
    assert!(bounced > 0 && reasons.iter().all(|reason| reason["outcome"] == "bounced"), "{whole}");
    assert_eq!(reasons.iter().map(|reason| reason["recipients"].as_u64().unwrap()).sum::<u64>(), bounced, "{whole}");
    let table = report(&folder, &[]).out;
    assert!(table.contains("Domains (4 of 4)") && table.contains("Sites (1 of 1)"), "{table}");
}

#[test]
fn the_page_has_everything_in_it_and_the_zone_of_its_times() {
    let folder = folder();
    folder.delivers(&[]);
    let page = |utc: &[&str]| {
        let words = [&["report", "w", "--data", "data", "--html", "r.html"], utc].concat();
        assert!(folder.command(&words).env("TZ", "Asia/Kolkata").status().unwrap().success());
        folder.read("r.html")
    };
    let india = page(&[]);
    assert!(india.contains("<dd>Asia/Kolkata, UTC+05:30</dd>"), "{india}");
    assert!(page(&["--utc"]).contains("<dd>UTC</dd>"));
    for part in [
        "Hello <i class=\"slot\">first</i>",
        "<dt>Made at</dt><dd>20",
        "<thead><tr>",
        "From the list to the mailboxes",
        ">a.example<",
        ">complete<",
        "<h3>Delivered</h3>",
    ] {
        assert!(india.contains(part), "{part}: {india}");
    }
    for outside in ["<script", "<link", "<img", "src=", "url(", "@import"] {
        assert!(!india.contains(outside), "{outside}");
    }
}

/// `posthaste token` of a text that comes by standard input.
fn token(folder: &Folder, text: &[u8]) -> Ran {
    let mut command = folder.command(&["token", "-", "--data", "data", "--utc"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn a_token_is_found_in_whatever_holds_it() {
    let folder = folder();
    let letters = folder.delivers(&[]);
    let of_bob = letters.iter().find(|letter| memchr::memmem::find(letter, b"To: bob@b.example").is_some()).unwrap();
    let letter = String::from_utf8(of_bob.clone()).unwrap();
    let header = |name: &str| {
        let folded = letter.replace("\r\n ", " ");
        folded.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {letter}")).to_owned()
    };
    let raw = rows(&report(&folder, &["--csv", "-", "--raw"]).out);
    let row = raw.iter().find(|row| row[0] == "bob@b.example").unwrap();
    let bounce = format!(
        "From: MAILER-DAEMON@b.example\r\nContent-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\r\nIt failed.\r\n--x\r\n\
         Content-Type: message/rfc822\r\n\r\n{letter}\r\n--x--\r\n"
    );
    for text in [
        row[12].clone(),
        row[12].to_uppercase(),
        header("List-Unsubscribe: "),
        header("Feedback-ID: "),
        header("Message-ID: "),
        format!("to=<b+{}@acme.example>, relay=none", row[12]),
        bounce,
    ] {
        let ran = token(&folder, text.as_bytes());
        assert_eq!(ran.code, Some(0), "{text}: {ran:?}");
        assert!(ran.out.starts_with("bob@b.example: delivered\n"), "{text}: {ran:?}");
        for words in ["  campaign w\n", "  list.customer_id: +49\n", "  attempt 1  delivered ", row[12].as_str()] {
            assert!(ran.out.contains(words), "{words}: {ran:?}");
        }
    }
    let ran = folder.run(&["token", &row[12], "--data", "data", "--json"]);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&found["found"][0]["recipient"], &found["found"][0]["list"]["first"], &found["found"][0]["rehearsal"]),
        (&"bob@b.example".into(), &"Bob".into(), &false.into())
    );
}

#[test]
fn what_is_no_token_of_ours_is_told_apart() {
    let folder = folder();
    folder.delivers(&[]);
    let raw = rows(&report(&folder, &["--csv", "-", "--raw"]).out);
    let good = &raw[1][12];
    // Its last characters are of the signature.
    let forged = format!("{}{}", &good[..31], if good.ends_with('a') { 'b' } else { 'a' });
    let ran = token(&folder, forged.as_bytes());
    assert!(ran.code == Some(1) && ran.out.contains("wrong signature"), "{ran:?}");
    assert!(!ran.out.contains("@a.example") && !ran.out.contains("@b.example"), "nobody is named: {ran:?}");
    let ran = token(&folder, b"no such thing");
    assert!(ran.code == Some(1) && ran.out.contains("no token and no Message-ID"), "{ran:?}");
    // A campaign that cannot be read may be the one that it is of.
    let manifest = folder.path().join("data/campaign/w/manifest");
    let whole = fs::read(&manifest).unwrap();
    fs::write(&manifest, &whole[..100]).unwrap();
    let ran = token(&folder, good.as_bytes());
    assert!(ran.code == Some(1) && ran.err.contains("campaign/w cannot be read, and nobody of it is found"), "{ran:?}");
    fs::write(&manifest, whole).unwrap();
    assert_eq!(token(&folder, good.as_bytes()).code, Some(0));
    // A campaign that is gone from here.
    fs::remove_dir_all(folder.path().join("data/campaign/w")).unwrap();
    let ran = token(&folder, good.as_bytes());
    assert!(ran.code == Some(1) && ran.out.contains("is no token of a campaign that is here"), "{ran:?}");
    // Samples are of no campaign.
    let previewed = folder.run(&["preview", "w.toml", "--row", "1", "--write", "out"]);
    assert_eq!(previewed.code, Some(0), "{previewed:?}");
    let letter = fs::read(folder.path().join("out/w-1.eml")).unwrap();
    let ran = token(&folder, &letter);
    assert!(ran.code == Some(1) && ran.out.contains("of a preview, a check or a test"), "{ran:?}");
}

#[test]
fn the_message_id_of_a_letter_that_several_got_names_all_of_them() {
    let folder = Folder::new();
    folder.put("w.csv", "email\nann@a.example\nbob@a.example\n");
    folder.put("w.txt", "Hello.\n");
    folder.put(
        "w.toml",
        CAMPAIGN.replace("Hello {{ first }}", "Hello").replace("subject", "to = \"news@acme.example\"\nsubject"),
    );
    let letters = folder.delivers(&[]);
    assert_eq!(letters.len(), 1);
    let ran = token(&folder, &letters[0]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out.contains("ann@a.example: delivered\n") && ran.out.contains("bob@a.example: delivered\n"),
        "{ran:?}"
    );
}

#[test]
fn a_send_that_is_paused_is_told_as_paused_and_a_running_one_as_running() {
    let folder = folder();
    let list: String = (0..2_000).map(|n| format!("p{n}@d{}.example,P,K,\n", n % 50)).collect();
    folder.put("w.csv", "email,first,customer_id,note\n".to_owned() + &list);
    let receiver = Receiver::start_with(&folder.path().join("kept"), &["--rtt-ms", "3000"]);
    let words = ["send", "w.toml", "--data", "data", "--smarthost", &receiver.address, "--quiet"];
    let mut child = folder.command(&words).stderr(Stdio::null()).spawn().unwrap();
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
    };
    let comes = |wanted: &str, is_so: &dyn Fn(&Value) -> bool| {
        let start = Instant::now();
        loop {
            let ran = report(&folder, &["--json"]);
            let now: Value = serde_json::from_str(&ran.out).unwrap_or_default();
            if is_so(&now) {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "it is {}, and should be {wanted}: {now}", now["state"]);
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let comes_to = |state: &str| comes(state, &|now| now["state"] == state);
    comes_to("sending");
    signal("-USR1");
    comes_to("paused");
    let table = report(&folder, &["--utc"]).out;
    assert!(table.starts_with("Campaign w: paused\n  since 20") && table.contains("SIGUSR1"), "{table}");
    signal("-USR1");
    comes_to("sending");
    // Before that nobody was tried, and it has not begun.
    comes("in flight", &|now| now["in_flight"].as_u64() > Some(0));
    signal("-KILL");
    child.wait().unwrap();
    comes_to("stopped");
    receiver.end();
}
