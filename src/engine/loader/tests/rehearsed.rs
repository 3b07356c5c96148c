//! Rows of which a letter makes no message, wherever they stand, and how many of the others are looked at.

use super::*;
use crate::content::{Need, Source, Spec};

/// A letter to rows with a name.
fn letter(text: &str) -> Composer {
    let spec = Spec {
        from: "a@a.example".into(),
        subject: "s".into(),
        text: Some(Source { file: "w.txt".into(), text: text.into() }),
        ..Spec::default()
    };
    Composer::compile(spec, &["email".to_owned(), "name".to_owned()], "email").unwrap()
}

fn house(text: &str, names: impl Iterator<Item = String>) -> House {
    let rows: String = (0..).zip(names).map(|(n, name)| format!("p{n}@a.example,{name}\n")).collect();
    let letter = letter(text);
    House { letter: Some(letter), max_rejected: 0.05, ..House::new("list.csv", format!("email,name\n{rows}")) }
}

fn rejects(house: &House) -> String {
    fs::read_to_string(house.campaign().join(REJECTS)).unwrap()
}

#[test]
fn what_a_letter_needs_follows_from_its_templates() {
    for (text, need) in [
        ("{{ name }}", Need::Long),
        ("{{ name|default('you')|upper }}", Need::Patterns),
        ("{{ name|int }}", Need::All),
        ("{% if name %}a{% endif %}", Need::All),
    ] {
        assert_eq!(letter(text).rehearsal(), need, "{text}");
    }
}

#[test]
fn rows_without_a_message_are_rejected_with_their_line_and_their_mailbox() {
    let names = (0..100).map(|n| if n == 41 { "x".to_owned() } else { n.to_string() });
    let house = house("{{ name|int }}", names);
    assert_eq!(house.totals().rejected, 1);
    assert!(
        rejects(&house).contains("\n43,\"w.txt, line 1, column 1: ")
            && rejects(&house).ends_with(",\"p41@a.example\"\n")
    );
    assert!(!house.rows().iter().any(|row| row.contains("p41@")));
}

#[test]
fn too_many_of_them_far_down_the_list_are_found_before_anything_is_taken_in() {
    for rows in [30_000, LONG] {
        let names =
            move |bad: usize| (0..rows).map(move |n| if n >= rows - bad { "x".to_owned() } else { "1".to_owned() });
        let too_many = house("{{ name|int }}", names(rows / 15));
        let told = too_many.load();
        assert!(matches!(told.as_slice(), [Loaded::Failed(LoadError::TooManyRejected { .. })]), "{told:?}");
        assert_eq!(too_many.writer().chunks(), 0);
        assert!(rejects(&too_many).lines().count() > rows / 20);
        let few = house("{{ name|int }}", names(100));
        assert_eq!(few.totals().rejected, 100);
        assert_eq!(rejects(&few).lines().count(), 101, "each is told once");
    }
}

/// A letter whose subject is too long for a name with an x: of these names the others are no kind of their own.
fn too_long(rows: usize, is_bad: impl Fn(usize) -> bool) -> House {
    let spec = Spec {
        from: "a@a.example".into(),
        subject: format!("{{{{ name|replace('x', '{}') }}}}", "y".repeat(9000)),
        text: Some(Source { file: "w.txt".into(), text: "t".into() }),
        ..Spec::default()
    };
    let letter = Composer::compile(spec, &["email".to_owned(), "name".to_owned()], "email").unwrap();
    assert_eq!(letter.rehearsal(), Need::Patterns);
    let names = (0..rows).map(|n| if is_bad(n) { "x".to_owned() } else { "z".to_owned() });
    House { letter: Some(letter), ..house("t", names) }
}

#[test]
fn one_row_that_fails_among_those_that_stand_for_others_has_all_rehearsed() {
    // One in ten, of which one is among each 64th: the others are found all the same, and are too many.
    let told = too_long(2000, |n| n % 10 == 4).load();
    let [Loaded::Failed(LoadError::TooManyRejected { rejections, .. })] = &told[..] else { panic!("{told:?}") };
    assert_eq!((rejections.rejected, rejections.records), (200, 2000));
    // Few are rejected, and nobody of them is taken in.
    let few = too_long(2000, |n| n % 64 == 0);
    assert_eq!((few.totals().rejected, few.rows().len()), (32, 1968));
    let few = too_long(2000, |n| n % 40 == 0);
    assert_eq!((few.totals().rejected, few.rows().len()), (50, 1950));
}

#[test]
fn a_long_list_is_rehearsed_to_its_end_before_anything_is_taken_in_once_a_row_has_failed() {
    let too_many = too_long(LONG, |n| n == 65 || n > 60_000);
    fs::write(&too_many.list, fs::read_to_string(&too_many.list).unwrap().replace("p7@a", "p7@")).unwrap();
    let told = too_many.load();
    let [Loaded::Failed(LoadError::TooManyRejected { rejections, .. })] = &told[..] else { panic!("{told:?}") };
    assert_eq!(rejections.examples[0].0, 9, "those of before are told first: {rejections:?}");
    assert_eq!(too_many.writer().chunks(), 0);
    assert_eq!(rejects(&too_many).lines().count() as u64, rejections.rejected + 1);
    let few = too_long(LONG, |n| n == 65 || n % 1000 == 999);
    fs::write(&few.list, fs::read_to_string(&few.list).unwrap().replace("p7@a", "p7@")).unwrap();
    let totals = few.totals();
    assert_eq!((totals.rejected, totals.rows), (72, LONG as u64 - 72));
    let rejects = rejects(&few);
    assert!(rejects.lines().count() == 73 && rejects.contains("\n9,") && rejects.contains("\n67,"), "{rejects}");
}

#[test]
fn who_is_suppressed_or_in_the_table_is_not_asked() {
    let mut house = house("{{ name|int }}", ["1", "x", "2"].map(str::to_owned).into_iter());
    house.suppression.add(b"p1@a.example").unwrap();
    assert_eq!((house.totals().rejected, house.totals().rows), (0, 3));
    house.letter = Some(letter("{{ (name ~ 'y')|int }}"));
    fs::write(&house.list, "email,name\np0@a.example,1\np1@a.example,x\np2@a.example,2\n").unwrap();
    house.take_another();
    assert_eq!(house.totals().rejected, 0);
}
