//! A UDP port that questions to one server leave from.
//!
//! A socket for each question would be three system calls and a registration with the kernel's poller for each; here
//! many questions share one, and all answers that have come in are read at one waking. What makes an answer hard to
//! forge stays: the kernel chooses the port at random, each question has a random id, an answer must repeat the
//! question, and a port is given up after [`QUESTIONS_MAX`] questions.
//!
//! Guarantees: an answer is taken only from the server's address, once, for a question under way; at most
//! [`UNDER_WAY_MAX`] questions are under way, so that their answers fit into the socket's buffer; a question that is
//! abandoned leaves nothing behind.
//! Leaves to others: when to ask again, and what the answer says.

use super::question::{question, refuses_unread, repeats};
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Questions under way on one port.
pub(super) const UNDER_WAY_MAX: usize = 64;
/// Questions at most on one port, before another one is opened.
const QUESTIONS_MAX: usize = 512;
/// Answers read at one waking, before others get their turn.
const READ_MAX: usize = 256;
/// No answer over UDP is longer, in octets: hickory announces 1232.
const ANSWER_OCTETS_MAX: usize = 4096;

/// What a question gets: the octets of its answer, or why there will be none.
type Answered = Result<Vec<u8>, io::Error>;

/// An open port.
#[derive(Debug)]
pub(super) struct Port {
    shared: Arc<Shared>,
    reader: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    socket: UdpSocket,
    desk: Mutex<Desk>,
}

#[derive(Debug)]
struct Desk {
    /// By id.
    waiting: HashMap<u16, Waiting>,
    /// Random ids that were not used yet, none of them twice: an [`Asked`] whose answer is there may outlive its entry,
    /// and must not take another's with it when it goes.
    ids: Vec<u16>,
}

#[derive(Debug)]
struct Waiting {
    question: Box<[u8]>,
    answer: oneshot::Sender<Answered>,
}

/// A question under way; forgotten when dropped.
#[derive(Debug)]
pub(super) struct Asked {
    shared: Arc<Shared>,
    id: u16,
    /// Where the answer comes in.
    pub(super) answer: oneshot::Receiver<Answered>,
}

impl Port {
    /// Opens a port towards `server`; must be called on a runtime, which reads it from then on.
    pub(super) fn open(server: SocketAddr) -> io::Result<Self> {
        let any = match server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = std::net::UdpSocket::bind((any, 0))?;
        socket.set_nonblocking(true)?;
        // A connected socket takes nothing from any other address.
        socket.connect(server)?;
        let desk = Desk { waiting: HashMap::with_capacity(UNDER_WAY_MAX), ids: random_ids()? };
        let shared = Arc::new(Shared { socket: UdpSocket::from_std(socket)?, desk: Mutex::new(desk) });
        let reader = tokio::spawn(read(shared.clone())).abort_handle();
        Ok(Self { shared, reader })
    }

    /// Whether it takes more questions, or one on it still waits.
    pub(super) fn is_of_use(&self) -> bool {
        let desk = self.shared.desk();
        // Its runtime may be gone, when one resolver is used on several.
        !self.reader.is_finished() && (!desk.ids.is_empty() || !desk.waiting.is_empty())
    }

    /// Enters a question, a whole message, and writes its id into it. `None` if there is no room, now or ever.
    pub(super) fn enter(&self, message: &mut [u8]) -> Option<Asked> {
        let question = question(message)?.into();
        let mut desk = self.shared.desk();
        if desk.waiting.len() >= UNDER_WAY_MAX || self.reader.is_finished() {
            return None;
        }
        let id = desk.ids.pop()?;
        message.get_mut(..2)?.copy_from_slice(&id.to_be_bytes());
        let (sender, answer) = oneshot::channel();
        desk.waiting.insert(id, Waiting { question, answer: sender });
        Some(Asked { shared: self.shared.clone(), id, answer })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Asked {
    /// Sends the message that was entered; also a second time, when no answer came.
    pub(super) async fn send(&self, message: &[u8]) -> io::Result<()> {
        self.shared.socket.send(message).await.map(|_len| ())
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.shared.desk().waiting.remove(&self.id);
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an answer to its question; what answers no question is dropped.
    fn deliver(&self, octets: &[u8]) {
        let Some(&[high, low, flags]) = octets.get(..3).and_then(|head| head.first_chunk()) else { return };
        let id = u16::from_be_bytes([high, low]);
        let mut desk = self.desk();
        let Some(waiting) = desk.waiting.get(&id) else { return };
        let is_response = flags & 0x80 != 0;
        if !is_response || !(repeats(octets, &waiting.question) || refuses_unread(octets)) {
            return;
        }
        if let Some(waiting) = desk.waiting.remove(&id) {
            // Nobody waits any more: then it is of no use.
            let _abandoned = waiting.answer.send(Ok(octets.to_vec()));
        }
    }

    /// The kernel says that the server is not there: nobody need wait.
    fn fail(&self, error: &io::Error) {
        for (_, waiting) in self.desk().waiting.drain() {
            let _abandoned = waiting.answer.send(Err(io::Error::new(error.kind(), error.to_string())));
        }
    }
}

async fn read(shared: Arc<Shared>) {
    let mut buffer = vec![0; ANSWER_OCTETS_MAX];
    while shared.socket.readable().await.is_ok() {
        for _ in 0..READ_MAX {
            match shared.socket.try_recv(&mut buffer) {
                Ok(len) => shared.deliver(buffer.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => shared.fail(&error),
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Nearly [`QUESTIONS_MAX`] ids: those that the system gives twice are taken once.
fn random_ids() -> io::Result<Vec<u16>> {
    let mut octets = [0; 2 * QUESTIONS_MAX];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| io::Error::other("the system has no random numbers"))?;
    let mut taken = HashSet::with_capacity(QUESTIONS_MAX);
    let ids = octets.chunks_exact(2).filter_map(|pair| pair.first_chunk().map(|id| u16::from_be_bytes(*id)));
    Ok(ids.filter(|&id| taken.insert(id)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_many_and_each_is_used_once() {
        for _ in 0..100 {
            let ids = random_ids().unwrap();
            assert!(ids.len() > QUESTIONS_MAX - 32);
            assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        }
    }

    /// A question with this id and one label.
    fn message(id: u16) -> Vec<u8> {
        let [high, low] = id.to_be_bytes();
        [&[high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], b"\x01a\x00\x00\x0f\x00\x01".as_slice()].concat()
    }

    /// Enters a question; has it answered, unless it is one of those `left` to wait.
    fn entered(port: &Port, left: bool) -> Option<Asked> {
        let mut question = message(0);
        let asked = port.enter(&mut question)?;
        if !left {
            question[2] |= 0x80;
            port.shared.deliver(&question);
        }
        Some(asked)
    }

    #[tokio::test]
    async fn who_has_its_answer_and_goes_late_takes_no_other_question_along() {
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..50 {
            let port = Port::open(server.local_addr().unwrap()).unwrap();
            let answered: Vec<Asked> = (0..400).filter_map(|_| entered(&port, false)).collect();
            let mut waiting: Vec<Asked> = (0..UNDER_WAY_MAX).filter_map(|_| entered(&port, true)).collect();
            assert_eq!((answered.len(), waiting.len()), (400, UNDER_WAY_MAX));
            for mut asked in answered {
                assert!(asked.answer.try_recv().unwrap().is_ok());
            }
            let waits = |asked: &mut Asked| matches!(asked.answer.try_recv(), Err(oneshot::error::TryRecvError::Empty));
            assert!(waiting.iter_mut().all(waits));
        }
    }
}
