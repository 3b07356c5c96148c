//! Lists with too many bad records: what of them is known before anything is loaded, and what stops later.

use super::*;

#[test]
fn too_many_bad_records_at_the_start_stop_it_before_the_first_chunk() {
    // Of a short list all are counted, of a long one those that are judged together.
    for (rows, rejected, records) in [(20_000, 2000, 20_000), (LONG, 1000, 10_000)] {
        let mut house = House::new("l.csv", people(rows).replace("7@", "7 "));
        house.max_rejected = 0.05;
        let told = house.load();
        let [Loaded::Failed(error)] = &told[..] else { panic!("{told:?}") };
        let text = error.to_string();
        let counted = format!(": {rejected} of {records} records rejected, more than max_rejected allows; line 9: ");
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
