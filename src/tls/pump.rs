//! Moves octets through a rustls connection: the same for both sides.

use super::TlsError;
use crate::base::out::{Out, Piece};
use rustls::{ConnectionCommon, HandshakeKind};
use smallvec::SmallVec;
use std::io::{self, IoSlice, Read, Write};

/// Plain text is encrypted in steps of this many octets, so that a long content is not held twice.
const STEP: usize = 64 * 1024;

/// What one `read` brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Octets of plain text appended.
    pub plain: usize,
    /// The handshake is not done yet.
    pub handshaking: bool,
    /// There are octets for the peer: call `write` (with nothing to add, if need be).
    pub wants_write: bool,
    /// The peer said that it is done (close_notify): nothing more will come, and what stood behind it was thrown away.
    pub closed: bool,
}

/// Encrypts `plain` and moves everything that is to be sent into `out`.
pub(super) fn write<D>(tls: &mut ConnectionCommon<D>, plain: &[u8], out: &mut Out) -> Result<(), TlsError> {
    if tls.is_handshaking() && !plain.is_empty() {
        return Err(TlsError::TooEarly);
    }
    flush(tls, out);
    let mut rest = plain;
    while !rest.is_empty() {
        let step = rest.get(..STEP).unwrap_or(rest);
        // What rustls reports here is the error that `read` gave earlier.
        let taken = tls.writer().write(step).map_err(|e| broken(&e))?;
        if taken == 0 {
            return Err(broken(&"the connection takes no more data"));
        }
        flush(tls, out);
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(())
}

/// Encrypts all of `plain`, whose pieces are gathered into full records: small ones cost as much as a few KB each. Its
/// buffer is given back to it, for the next time.
pub(super) fn send<D>(tls: &mut ConnectionCommon<D>, plain: &mut Out, out: &mut Out) -> Result<(), TlsError> {
    // Taken first: whatever comes of it, nothing of one connection stays for the next.
    let pieces: SmallVec<[Piece; 4]> = std::iter::from_fn(|| plain.take()).collect();
    if tls.is_handshaking() && !pieces.is_empty() {
        return Err(TlsError::TooEarly);
    }
    flush(tls, out);
    let mut slices: SmallVec<[IoSlice<'_>; 4]> = pieces.iter().map(|piece| IoSlice::new(piece.as_slice())).collect();
    let mut rest = &mut *slices;
    while rest.iter().any(|slice| !slice.is_empty()) {
        // rustls takes as much as it may hold, and no more.
        let taken = tls.writer().write_vectored(rest).map_err(|e| broken(&e))?;
        if taken == 0 {
            return Err(broken(&"the connection takes no more data"));
        }
        flush(tls, out);
        IoSlice::advance_slices(&mut rest, taken);
    }
    drop(slices);
    pieces.into_iter().for_each(|piece| plain.recycle(piece));
    Ok(())
}

/// Decrypts `cipher`, appending what it holds to `plain`: at most `cipher.len()` octets and the rest of one record.
pub(super) fn read<D>(tls: &mut ConnectionCommon<D>, cipher: &[u8], plain: &mut Vec<u8>) -> Result<Progress, TlsError> {
    let before = plain.len();
    let mut rest = cipher;
    let mut closed = false;
    while !rest.is_empty() && !closed {
        let taken = tls.read_tls(&mut rest).map_err(|e| broken(&e))?;
        let state = tls.process_new_packets().map_err(|e| TlsError::peer(&e));
        // Whole records before a broken one are genuine.
        drain(tls, plain);
        closed = state?.peer_has_closed() || taken == 0;
    }
    Ok(Progress {
        plain: plain.len() - before,
        handshaking: tls.is_handshaking(),
        wants_write: tls.wants_write(),
        closed,
    })
}

/// Whether the handshake resumed an earlier session.
pub(super) fn resumed<D>(tls: &ConnectionCommon<D>) -> bool {
    tls.handshake_kind() == Some(HandshakeKind::Resumed)
}

/// The version that was agreed on, in rustls' words ("TLSv1_3").
pub(super) fn version<D>(tls: &ConnectionCommon<D>) -> Option<&'static str> {
    tls.protocol_version().and_then(|v| v.as_str())
}

/// The cipher suite that was agreed on, in IANA's words ("TLS13_AES_256_GCM_SHA384").
pub(super) fn cipher<D>(tls: &ConnectionCommon<D>) -> Option<&'static str> {
    tls.negotiated_cipher_suite().and_then(|s| s.suite().as_str())
}

fn broken(what: &dyn std::fmt::Display) -> TlsError {
    TlsError::peer(&rustls::Error::General(what.to_string()))
}

fn flush<D>(tls: &mut ConnectionCommon<D>, out: &mut Out) {
    while tls.wants_write() {
        // Writing to memory can not fail; should it ever, the octets stay where they are.
        if !matches!(tls.write_tls(&mut Sink(out)), Ok(1..)) {
            return;
        }
    }
}

fn drain<D>(tls: &mut ConnectionCommon<D>, plain: &mut Vec<u8>) {
    // "Would block" is how the reader says that it is empty; the octets it gave before are in `plain`.
    let _empty = tls.reader().read_to_end(plain);
}

struct Sink<'a>(&'a mut Out);

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        pieces.iter().for_each(|piece| self.0.append(piece));
        Ok(pieces.iter().map(|piece| piece.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
