//! The reply reader: the same replies whatever the pieces, in bounded memory.
//!
//! The first octet is the size of the pieces, the rest is what the server says.

use posthaste::smtp::reader::{LINE_MAX, Malformed, Reader, TEXT_MAX};

/// A reply, taken down.
type Said = (u16, String, Vec<u8>);

pub fn run(data: &[u8]) {
    let mut stream = data;
    let size = usize::from(super::octet(&mut stream)).max(1);
    let (whole, end) = read(&mut stream.chunks(stream.len().max(1)));
    let (pieces, end_of_pieces) = read(&mut stream.chunks(size));
    assert_eq!((&whole, end), (&pieces, end_of_pieces), "pieces of {size} read otherwise than the whole");
    for (code, _, text) in whole {
        assert!(
            (200..600).contains(&code) && text.len() <= TEXT_MAX.max(LINE_MAX + 1),
            "{code}: {} octets",
            text.len()
        );
    }
}

fn read(pieces: &mut dyn Iterator<Item = &[u8]>) -> (Vec<Said>, Option<Malformed>) {
    let (mut reader, mut said) = (Reader::new(), Vec::new());
    for piece in pieces {
        let mut input = piece;
        loop {
            match reader.next(&mut input) {
                Ok(Some(reply)) => said.push((reply.code, format!("{:?}", reply.enhanced), reply.text.to_vec())),
                Ok(None) => break,
                Err(malformed) => return (said, Some(malformed)),
            }
        }
        assert!(input.is_empty(), "input was left lying");
        assert!(reader.memory() <= 4 * (LINE_MAX + TEXT_MAX), "{} octets are held", reader.memory());
    }
    (said, None)
}
