//! Dumps that are begun before their turn, on other threads.
//!
//! Their replies wait in their sockets, one datagram each, until they are read in their order. Where
//! the kernel lets one thread ask at a time (`sock_diag_mutex`, before Linux 6.9) nothing is gained,
//! and a thread lost.

use std::{
    collections::VecDeque,
    num::NonZero,
    thread::{self, JoinHandle},
};

use super::super::wire::{self, Begun, WireError};

/// Requests that will be made, in this order.
pub(super) struct Ahead {
    foreseen: VecDeque<Foreseen>,
    /// How many threads ask at a time, this one too.
    at_once: usize,
}

struct Foreseen {
    request: Vec<u8>,
    thread: Option<JoinHandle<Result<Begun, WireError>>>,
}

impl Ahead {
    /// Begins nothing yet.
    pub(super) fn new(requests: Vec<Vec<u8>>) -> Self {
        let at_once = match requests.len() {
            0 | 1 => 1,
            _ => thread::available_parallelism().map_or(1, NonZero::get),
        };
        let foreseen = requests.into_iter().map(|request| Foreseen {
            request,
            thread: None,
        });
        Self {
            foreseen: foreseen.collect(),
            at_once,
        }
    }

    /// Begins `request`, if that was not done yet, and those behind it.
    pub(super) fn begin(&mut self, request: &[u8]) -> Result<Begun, WireError> {
        let place = self
            .foreseen
            .iter()
            .position(|foreseen| foreseen.request == request);
        let own = place.and_then(|place| self.foreseen.remove(place));
        for next in self.foreseen.iter_mut().take(self.at_once - 1) {
            if next.thread.is_none() {
                next.thread = begin_apart(&next.request);
            }
        }
        own.and_then(|own| own.thread?.join().ok())
            .unwrap_or_else(|| wire::begin(request))
    }
}

/// On a thread, which is in the network namespace of the one that starts it.
fn begin_apart(request: &[u8]) -> Option<JoinHandle<Result<Begun, WireError>>> {
    let request = request.to_vec();
    thread::Builder::new()
        .name("sock_diag".into())
        .spawn(move || wire::begin(&request))
        .ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::{
        model::{Family, Proto},
        source::diag::{
            request::{LISTEN, dump_request},
            wire::{DATAGRAM_BYTES, SEQUENCE},
        },
    };

    #[test]
    fn whatever_is_asked_for_gets_its_own_replies() {
        let _listeners = ["127.0.0.1:0", "[::1]:0"].map(|end| TcpListener::bind(end).unwrap());
        let families = [Family::Inet, Family::Inet6];
        let request = |family| dump_request(Proto::Tcp, family, LISTEN, SEQUENCE);
        let mut ahead = Ahead::new(families.map(request).to_vec());
        // The second of them out of turn, and both again when they are no more foreseen.
        ahead.at_once = 2;
        for family in [1, 0, 0, 1].map(|place| families[place]) {
            let mut shown = Vec::new();
            let begun = ahead.begin(&request(family)).unwrap();
            let mut buffer = Vec::with_capacity(DATAGRAM_BYTES);
            begun
                .read(&mut buffer, |payload| shown.push(payload[0]))
                .unwrap();
            assert!(!shown.is_empty());
            assert!(shown.iter().all(|&number| number == family.number()));
        }
        assert!(ahead.foreseen.is_empty());
    }
}
