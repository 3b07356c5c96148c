//! Lists with too many bad records: what of them is known before anything is loaded, and what stops later.

use super::*;
use crate::base::many::figure;

#[test]
fn too_many_bad_records_at_the_start_stop_it_before_the_first_chunk() {
    // Of a short list all are counted, of a long one those that are judged together.
    for (rows, rejected, records) in [(20_000, 2000, 20_000), (LONG, 1000, 10_000)] {
        let mut house = House::new("l.csv", people(rows).replace("7@", "7 "));
        house.max_rejected = 0.05;
        let told = house.load();
        let [Loaded::Failed(error)] = &told[..] else { panic!("{told:?}") };
        let text = error.to_string();
        let [bad, all] = [rejected, records].map(|n| figure(n as u64));
        let counted = format!(": {bad} of {all} records rejected, more than max_rejected allows; line 9: ");
        assert!(text.contains(&counted), "{text}");
        assert!(
            text.contains("; line 19: ") && text.contains("; line 29: ") && !text.contains("; line 39: "),
            "{text}"
        );
        assert!(text.ends_with("campaign/rejects.csv"), "{text}");
        assert_eq!(house.rejects().len(), rejected);
        assert!(house.rows().is_empty());
        house.max_rejected = 0.2;
        assert_eq!(house.totals().rows, rows as u64 / 10 * 9);
    }
}

#[test]
fn too_many_bad_records_far_down_a_short_list_stop_it_before_the_first_chunk() {
    let list = people(60_000) + &"nobody,nowhere\n".repeat(5000);
    let jsonl: String = (0..60_000)
        .map(|n| format!("{{\"email\": \"p{n}@d{}.example\", \"name\": \"Person {n}\"}}\n", n % 9))
        .chain(std::iter::repeat_n("{\"email\": \"nowhere\"}\n".to_owned(), 5000))
        .collect();
    for (name, octets) in [
        ("l.csv", list.clone().into_bytes()),
        ("l.csv.gz", gzip(list.as_bytes())),
        ("l.jsonl", jsonl.into_bytes()),
        ("l.csv", encoding_rs::mem::decode_latin1(list.as_bytes()).encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ] {
        let mut house = House::new(name, octets);
        house.max_rejected = 0.05;
        let told = house.load();
        let [Loaded::Failed(LoadError::TooManyRejected { rejections, .. })] = &told[..] else { panic!("{told:?}") };
        assert_eq!((rejections.rejected, rejections.records), (5000, 65_000), "{name}");
        assert_eq!((house.writer().chunks(), house.rejects().len()), (0, 5000), "{name}");
    }
}

#[test]
fn too_many_bad_records_later_on_a_long_list_pause_it_and_it_can_go_on() {
    let mut list = people(LONG);
    list.push_str(&"nobody,nowhere\n".repeat(8000));
    let mut house = House::new("l.csv", list);
    house.max_rejected = 0.05;
    let told = house.load();
    let [Loaded::Chunk(_), Loaded::Chunk(_), Loaded::Stopped(r)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((r.rejected, r.records), (3685, 73_685));
    assert!(matches!(house.load()[..], [Loaded::Stopped(_)]), "it stops again while nothing was mended");
    house.max_rejected = 0.5;
    let totals = house.totals();
    assert_eq!((totals.rows, totals.rejected, totals.records), (70_000, 8000, 78_000));
    assert_eq!(house.rejects().len(), 8000);
}

/// Who notes what is said of recipients to come.
#[derive(Default)]
struct Waiting(std::cell::RefCell<Vec<Option<u64>>>);

impl Onlooker for Waiting {
    fn read(&self, _records: u64, _is_ahead: bool) {}
    fn cleaned(&self, _line: u64, _field: &[u8]) {}
    fn came_again(&self, _line: u64) {}
    fn expects(&self, more: Option<u64>) {
        self.0.borrow_mut().push(more);
    }
}

#[test]
fn it_is_told_how_many_are_to_come_where_that_can_be_known() {
    for (name, list, is_known) in
        [("l.csv", people(LONG).into_bytes(), true), ("l.csv.gz", gzip(people(LONG).as_bytes()), false)]
    {
        let (house, waiting) = (House::new(name, list), Waiting::default());
        let spec = LoadSpec { onlooker: Some(&waiting), ..house.spec() };
        load(&spec, &mut house.writer(), &AtomicBool::new(false), |_| ControlFlow::Continue(()));
        let told = waiting.0.take();
        let [first, .., Some(0)] = &told[..] else { panic!("{name}: {told:?}") };
        match first {
            // Behind the first 10,000 records; their numbers have fewer digits.
            Some(more) => assert!(is_known && (60_000..66_000).contains(more), "{name}: {told:?}"),
            None => assert!(!is_known, "{name}"),
        }
    }
}
