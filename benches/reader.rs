//! The reply reader: single replies by reference, multi-line ones, and replies cut in two.

use divan::{Bencher, black_box, counter::ItemsCount};
use posthaste::smtp::reader::Reader;

fn main() {
    divan::main();
}

const REPLIES: usize = 100;

fn read(reader: &mut Reader, mut input: &[u8]) -> usize {
    let mut replies = 0;
    while let Ok(Some(reply)) = reader.next(&mut input) {
        black_box(reply);
        replies += 1;
    }
    replies
}

#[divan::bench]
fn one_line(bencher: Bencher) {
    let stream = b"250 2.1.5 Recipient ok, go on please\r\n".repeat(REPLIES);
    let mut reader = Reader::new();
    bencher.counter(ItemsCount::new(REPLIES)).bench_local(|| assert_eq!(read(&mut reader, &stream), REPLIES));
}

#[divan::bench]
fn three_lines(bencher: Bencher) {
    let stream =
        b"550-5.1.1 The account does not exist.\r\n550-5.1.1 Check the address.\r\n550 5.1.1 id 1\r\n".repeat(REPLIES);
    let mut reader = Reader::new();
    bencher.counter(ItemsCount::new(REPLIES)).bench_local(|| assert_eq!(read(&mut reader, &stream), REPLIES));
}

#[divan::bench]
fn cut_in_two(bencher: Bencher) {
    let (head, tail) = b"250 2.1.5 Recipient ok, go on please\r\n".split_at(10);
    let mut reader = Reader::new();
    bencher.counter(ItemsCount::new(REPLIES)).bench_local(|| {
        for _ in 0..REPLIES {
            assert_eq!(read(&mut reader, head) + read(&mut reader, tail), 1);
        }
    });
}
