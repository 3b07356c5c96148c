//! A list beside a table that was made from another one.

use super::*;

#[test]
fn a_list_in_the_place_of_another_adds_who_is_new_and_tells_who_is_gone() {
    let mut house = House::new("l.csv", people(300));
    assert_eq!((house.totals().rows, house.totals().removed), (300, 0));
    let front = people(200).replace("p7@", "P7@").replace("p8@d8.example", "\"\"\"p8\"\"@d8.example\"");
    fs::write(&house.list, front + "New,new@n.example\nAgain,NEW@n.example\nBad,bad\n").unwrap();
    let difference = house.take_another();
    assert_eq!((difference.new, difference.gone.len()), (1, 100));
    // Too few good ones among the first: nothing is added, and it can be tried again.
    house.max_rejected = 0.0;
    assert!(house.error().contains("more than max_rejected allows"));
    assert_eq!(house.rows().len(), 300);
    house.max_rejected = 0.1;
    let totals = house.totals();
    assert_eq!((totals.rows, totals.removed, totals.rejected, totals.duplicates), (301, 100, 1, 1));
    assert_eq!(totals.records, totals.rows - totals.removed + totals.rejected + totals.duplicates);
    assert_eq!(house.rows().last().unwrap(), "new@n.example|New");
    assert_eq!(house.rejects().len(), 1);
    let manifest = house.writer().manifest().clone();
    assert!(!manifest.adding && manifest.list.unwrap().blake3.is_some());
}

#[test]
fn a_list_is_judged_as_a_load_would_and_what_cannot_be_read_is_counted() {
    let mut house = House::new("l.csv", people(10));
    house.totals();
    fs::write(&house.list, people(8) + "Bad,p8 at d8.example\nN\0,p9@d9.example\n").unwrap();
    house.max_rejected = 0.2;
    let found = house.compared(&[]).unwrap();
    let first = found.first_unreadable.unwrap();
    assert_eq!((found.new, found.gone, found.unreadable, first.0), (0, vec![row_of(&house, "p8@d8.example")], 1, 10));
    house.max_rejected = 0.1;
    let error = house.compared(&[]).unwrap_err().to_string();
    assert!(error.contains("2 of 10 records rejected, more than max_rejected allows; line 10: "), "{error}");
    fs::write(&house.list, people(8).replace("name", "nom")).unwrap();
    assert!(house.compared(&[]).unwrap_err().to_string().contains("no column \"name\""));
    assert_eq!(house.rejects().len(), 0, "it wrote something");
}

#[test]
fn rows_with_other_values_are_counted_and_other_spellings_or_columns_are_none() {
    let house = House::new("l.csv", people(10));
    house.totals();
    fs::write(&house.list, people(10).replace("p7@", "P7@").replace("Person 3", "Persona 3")).unwrap();
    let found = house.compared(&[]).unwrap();
    assert_eq!((found.new, found.gone.len(), found.altered), (0, 0, 1));
    let wider: String = people(10).lines().map(|line| format!("{line},more\n")).collect();
    fs::write(&house.list, wider).unwrap();
    assert_eq!(house.compared(&[]).unwrap().altered, 0, "a column that nobody uses");
}

fn row_of(house: &House, mailbox: &str) -> u32 {
    house.rows().iter().position(|row| row.starts_with(mailbox)).unwrap() as u32
}

#[test]
fn who_was_withdrawn_and_is_back_is_taken_in_once_as_a_new_row() {
    let house = House::new("l.csv", people(10));
    house.totals();
    let mut withdrawn = ["p3@", "p5@", "p7@"].map(|who| row_of(&house, who));
    withdrawn.sort_unstable();
    let list: String =
        people(10).lines().filter(|line| !line.contains("p7@")).map(|line| format!("{line}\n")).collect();
    fs::write(&house.list, list.clone() + "new,new@n.example\ntwice,P3@d3.example\n").unwrap();
    let found = house.compared(&withdrawn).unwrap();
    assert_eq!((found.new, found.back, found.gone.len()), (1, 2, 1));
    house.writer().begin_adding(found.print, false, true).unwrap();
    let load = || {
        let mut last = None;
        load(
            &LoadSpec { readmitted: &withdrawn, ..house.spec() },
            &mut house.writer(),
            &AtomicBool::new(false),
            |told| {
                last = Some(told);
                ControlFlow::Continue(())
            },
        );
        last
    };
    let Some(Loaded::End(totals)) = load() else { panic!() };
    assert_eq!((totals.rows, totals.removed, totals.duplicates), (13, 3, 1));
    assert_eq!(totals.records, totals.rows - totals.removed + totals.rejected + totals.duplicates);
    let rows = house.rows();
    let copies = |who: &str| rows.iter().filter(|row| row.starts_with(who)).count();
    assert_eq!(["p3@", "p5@", "p7@", "p1@", "new@"].map(copies), [2, 2, 1, 1, 1]);
    let found = house.compared(&withdrawn).unwrap();
    assert_eq!((found.new, found.back, found.gone.len()), (0, 0, 1));
}
