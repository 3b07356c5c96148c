//! TLS sessions that are kept to be resumed: a full handshake costs as much as dozens of messages.
//!
//! Guarantees: what one verification brought is never offered to another (each has a number of its own, and rustls also
//! compares the verifier); the number of peers is bounded over all verifications, the one that came first goes first.

use hashbrown::HashMap;
use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tickets of one peer (TLS 1.3: each serves once). As many sessions can begin at one time without a full handshake.
const TICKETS_MAX: usize = 8;

/// A verification's number, and the peer.
type Key = (u64, ServerName<'static>);

#[derive(Default)]
struct Peer {
    group: Option<NamedGroup>,
    session: Option<Tls12ClientSessionValue>,
    tickets: VecDeque<Tls13ClientSessionValue>,
}

#[derive(Default)]
struct Kept {
    peers: HashMap<Key, Peer>,
    /// The order in which the peers came.
    order: VecDeque<Key>,
}

/// The sessions of all verifications of a configuration.
#[derive(Clone)]
pub(super) struct Sessions {
    kept: Arc<Mutex<Kept>>,
    peers_max: usize,
}

impl Sessions {
    pub(super) fn new(peers_max: usize) -> Self {
        Self { kept: Arc::default(), peers_max }
    }

    /// The part of them that belongs to one verification.
    pub(super) fn of(&self, verification: u64) -> Arc<Part> {
        Arc::new(Part { all: self.clone(), verification })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self, key: Key, change: impl FnOnce(&mut Peer)) {
        if self.peers_max == 0 {
            return;
        }
        let kept = &mut *self.kept();
        if let Some(peer) = kept.peers.get_mut(&key) {
            return change(peer);
        }
        if kept.peers.len() >= self.peers_max
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.peers.remove(&oldest);
        }
        kept.order.push_back(key.clone());
        change(kept.peers.entry(key).or_default());
    }
}

/// The sessions of one verification.
pub(super) struct Part {
    all: Sessions,
    verification: u64,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("verification", &self.verification).finish_non_exhaustive()
    }
}

impl Part {
    fn key(&self, name: &ServerName<'_>) -> Key {
        (self.verification, name.to_owned())
    }

    fn get<T>(&self, name: &ServerName<'_>, take: impl FnOnce(&mut Peer) -> Option<T>) -> Option<T> {
        self.all.kept().peers.get_mut(&self.key(name)).and_then(take)
    }
}

impl ClientSessionStore for Part {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.all.edit((self.verification, name), |peer| peer.group = Some(group));
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.get(name, |peer| peer.group)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.all.edit((self.verification, name), |peer| peer.session = Some(value));
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.get(name, |peer| peer.session.clone())
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.get(name, |peer| peer.session.take());
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.all.edit((self.verification, name), |peer| {
            if peer.tickets.len() >= TICKETS_MAX {
                peer.tickets.pop_front();
            }
            peer.tickets.push_back(value);
        });
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.get(name, |peer| peer.tickets.pop_back())
    }
}
