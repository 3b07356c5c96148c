//! Templates that fail on some rows, or on all of them, as the real program meets them.

use super::refusals::figure;
use super::{Desk, to};

#[test]
fn a_template_that_fails_on_everybody_holds_the_mailing_and_burns_nobody() {
    for recipients in [1000, 5] {
        let (mx, desk) = (super::mx(), Desk::new(recipients));
        desk.put("w.txt", "Dear {{ first }},\n{{ first|int }}.\n");
        let (code, said) = desk.send("w", &to(mx.address));
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("error: held: no message can be made: ") && said.contains("w.txt, line 2"), "{said}");
        assert!(said.contains("--ignore-bounces"), "{said}");
        let report = desk.report("w");
        assert_eq!((figure(&report, "bounced"), figure(&report, "waiting")), (0.into(), recipients.into()), "{report}");
        assert_eq!(figure(&report, "held")["reason"], "rendering", "{report}");
        assert_eq!(mx.seen().said("MAIL"), 0, "nobody was asked");
        desk.put("w.txt", "Dear {{ first }},\nhello.\n");
        desk.delivers(&to(mx.address));
        assert_eq!(mx.seen().messages, recipients);
    }
}

#[test]
fn rows_that_a_template_fails_on_wait_for_a_mended_one_and_the_others_get_their_mail() {
    type IsBad = fn(usize) -> bool;
    let mailing = |rows: usize, is_bad: IsBad| {
        let desk = Desk::new(1);
        let row = |n: usize| format!("p{n}@a.example,{}\n", if is_bad(n) { "x" } else { "1" });
        desk.put("w.csv", &format!("email,first\n{}", (0..rows).map(row).collect::<String>()));
        desk.put("w.txt", "{{ first|int }} hello.\n");
        desk
    };
    let cases: [(usize, IsBad); 5] = [
        (900, |n| n.is_multiple_of(10)),
        (99, |n| n > 0),
        (60, |n| n >= 2),
        (60, |n| n.is_multiple_of(2)),
        (1, |_| true),
    ];
    for (rows, is_bad) in cases {
        let (mx, desk) = (super::mx(), mailing(rows, is_bad));
        let bad = (0..rows).filter(|n| is_bad(*n)).count();
        // The same template fails again, and bounces nobody.
        for _ in 0..2 {
            let (code, said) = desk.send("w", &to(mx.address));
            assert_eq!(code, Some(3), "{said}");
            assert!(said.contains("error: held: ") && said.contains("w.txt, line 1"), "{said}");
            assert!(said.contains("the template must cope") && said.contains("--ignore-bounces"), "{said}");
            let report = desk.report("w");
            assert_eq!((figure(&report, "bounced"), figure(&report, "expired")), (0.into(), 0.into()), "{report}");
            assert_eq!(figure(&report, "waiting"), bad, "{report}");
            assert_eq!(mx.seen().messages, rows - bad);
        }
        desk.put("w.txt", "{{ first }} hello.\n");
        let (code, said) = desk.send("w", &to(mx.address));
        assert_eq!((code, mx.seen().messages), (Some(0), rows), "{said}");
    }
}

#[test]
fn a_template_that_fails_on_too_many_rows_stops_the_mailing_before_its_end() {
    let (mx, desk) = (super::mx(), Desk::new(1));
    let row = |n: usize| format!("p{n}@a.example,{}\n", if n.is_multiple_of(3) { "x" } else { "1" });
    desk.put("w.csv", &format!("email,first\n{}", (0..900).map(row).collect::<String>()));
    desk.put("w.txt", "{{ first|int }} hello.\n");
    let (code, said) = desk.send("w", &to(mx.address));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("error: held: no message could be made for ") && said.contains("w.txt, line 1"), "{said}");
    assert_eq!(figure(&desk.report("w"), "bounced"), 0);
    let (code, said) = desk.start_with("w", &to(mx.address), &["--ignore-bounces"]).wait();
    assert_eq!(code, Some(0), "{said}");
    let report = desk.report("w");
    assert_eq!((figure(&report, "bounced"), figure(&report, "delivered")), (300.into(), 600.into()), "{report}");
}
