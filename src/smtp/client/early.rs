//! Early words: what a peer says about a content before it can have got all of it.
//!
//! No acceptance is among them: a 2yz that comes before the last octet of the content has reached the peer's machine is a word
//! too many (`step`), whichever command it was meant for. A refusal may be one (a server that has seen enough says 552 and
//! hangs up), or a word too many as well. So nobody is refused by it before the peer has hung up behind it, or the replies are
//! proven to be in step. Where the content is not given out whole the session says no more, and waits for the peer's end;
//! another word, or silence, is a deferral.
//!
//! What has reached the peer's machine is told by its owner ([`Session::handle_unheard`](super::Session::handle_unheard)).

use memchr::memrchr;

use crate::base::clock::Instant;
use crate::mail::{Class, ReplyRef};
use crate::smtp::client::end::GARBLED;
use crate::smtp::client::running::{Conclusion, Stage, own};
use crate::smtp::client::{Core, Mode, Phase, Sink};

/// The rule that an early acceptance breaks.
pub(super) const TOO_EARLY: &str = "a content was accepted before all of it was there";
/// Why whoever was refused early, by a peer that did not hang up, is deferred.
const NOT_MEANT: &[u8] =
    b"a refusal came before the whole content was sent, and the server did not hang up; it was not sent whole";

/// How the answer to a DATA begins.
const GO_AHEAD: &[u8] = b"354";

impl Core {
    /// Whether the content that the next reply is about has been read, as this input shows: its last line, and not its first,
    /// answers the DATA behind it. (That the replies before it are neither too few nor too many shows at that one.)
    pub(super) fn shows_content_read(&self, input: &[u8]) -> bool {
        let line_end = input.strip_suffix(b"\n").and_then(|lines| memrchr(b'\n', lines));
        let last = line_end.and_then(|at| input.get(at + 1..));
        last.is_some_and(|line| line.starts_with(GO_AHEAD)) && self.ledger.is_content_before_data()
    }

    /// Whether the peer, when it said what is being read, could not have all of the oldest transaction's content.
    pub(super) fn is_early(&self) -> bool {
        let heard = self.given.saturating_sub(self.unheard);
        self.running.front().is_some_and(|front| !front.is_handed_out() || front.end_at > heard)
    }

    /// Whether a reply that no command is left for may be the refusal of the content that is being sent.
    pub(super) fn may_refuse_early(&self, reply: ReplyRef<'_>) -> bool {
        let refuses = matches!(reply.class(), Class::Transient | Class::Permanent) && !matches!(reply.code, 500 | 502);
        let sends = self.running.front().is_some_and(|front| front.stage == Stage::Content);
        refuses && sends && self.mode != Mode::Chunked && !self.refused_early
    }

    /// It does, if the peer hangs up behind it: nothing more is said.
    pub(super) fn refuse_early(&mut self, now: Instant, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let Some(front) = self.running.front_mut() else { return };
        front.conclude(Conclusion::Refused(reply.to_owned(), Phase::End));
        (self.refused_early, self.shutting, self.quit) = (true, true, true);
        (self.since, self.answered_at) = (now, now);
        self.return_unstarted(None, on);
    }

    /// The peer has not hung up behind such a word.
    pub(super) fn forget_early(&mut self, on: &mut Sink<'_>) {
        self.distrust("a refusal came before the whole content", on);
        self.cut(own(451, GARBLED, NOT_MEANT), Phase::Data, on);
    }
}
