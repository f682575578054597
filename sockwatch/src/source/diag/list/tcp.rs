//! TCP, whose tables take the kernel long to walk: of each, with 100,000 sockets, about 9 ms.
//!
//! Two things keep that low. Listeners and bound sockets are asked for apart from connections, so
//! that both hashes are walked at the same time; and one walk shows both families where few sockets
//! of IPv6 are to be expected, as those have to wait until all of IPv4 were given.
//!
//! The walk of bound sockets can't be spared where the filter wants a peer: one that was bound by
//! hand and reset keeps its peer's address and port.

use super::{
    super::{
        request::{BOUND_INACTIVE, InetDump, LASTING, LISTEN, inet, tcp_of_both},
        rows::Inet,
        wire::{Begun, Ended, SEQUENCE, WireError},
    },
    Lister, Shown,
    ahead::Ahead,
    replies,
};
use crate::model::{Family, Netid, Proto, Row};

/// Bytes of IPv6 sockets that wait at most: about 8,000 sockets. Where there are more, IPv6 is asked
/// for by itself.
pub(super) const HELD_BYTES: usize = 1 << 20;

/// States that one walk shows.
#[derive(Clone, Copy)]
struct Walk {
    state_bits: u32,
    /// Whether it shows both families.
    both: bool,
}

/// IPv6 sockets of walks that show both families: payloads, each behind its length.
struct Held {
    bytes: Vec<u8>,
    /// Bytes that it may become.
    limit: usize,
    /// There were too many, or the kernel does not know such walks: nothing is held.
    given_up: bool,
}

impl Held {
    fn push(&mut self, payload: &[u8]) {
        if self.bytes.len() + payload.len() > self.limit {
            self.give_up();
        }
        if !self.given_up {
            self.bytes.extend(payload.len().to_ne_bytes());
            self.bytes.extend(payload);
        }
    }

    fn give_up(&mut self) {
        self.given_up = true;
        self.bytes = Vec::new();
    }

    fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first_chunk()?;
            let (payload, behind) = behind.split_at_checked(usize::from_ne_bytes(*length))?;
            rest = behind;
            Some(payload)
        })
    }
}

impl<F: FnMut(&Row<'_>)> Lister<'_, F> {
    /// The sockets in the states of `state_bits`.
    pub(super) fn tcp(&mut self, state_bits: u32) {
        let query = self.query;
        let shown: Vec<_> = Family::ALL
            .into_iter()
            .filter(|&family| query.families.contains(&family.into()))
            .map(|family| (family, (query.shown)(Netid::Tcp, family)))
            .filter(|(_, shown)| *shown != Shown::Nothing)
            .collect();
        let dumps: Vec<_> = shown
            .iter()
            .map(|(family, shown)| InetDump {
                protocol: Proto::Tcp.number(),
                family: *family,
                state_bits,
                ask: query.ask,
                program: shown.program(),
            })
            .collect();
        match dumps[..] {
            [] => {}
            [v4, v6] => self.families(&walks(state_bits, v4.program, v6.program), &v4, &v6),
            [only, ..] => {
                let walks = walks(state_bits, only.program, only.program);
                let requests = walks.iter().map(|walk| walk.of_one(&only).1);
                let mut ahead = Ahead::new(requests.collect());
                for walk in walks {
                    self.one(walk, &only, &mut ahead);
                }
            }
        }
    }

    fn families(&mut self, walks: &[Walk], v4: &InetDump<'_>, v6: &InetDump<'_>) {
        let first = walks.iter().map(|walk| walk.first_request(v4));
        let apart = walks.iter().filter(|walk| !walk.both);
        let requests = first.chain(apart.map(|walk| walk.of_one(v6).1));
        let mut ahead = Ahead::new(requests.collect());
        let mut held = Held {
            bytes: Vec::new(),
            limit: self.held_bytes,
            given_up: false,
        };
        for &walk in walks {
            if !walk.both || held.given_up || !self.both(walk, v4, &mut ahead, &mut held) {
                self.one(walk, v4, &mut ahead);
            }
        }
        for payload in held.payloads() {
            let mut reader = self.tcp_reader();
            let each = &mut self.each;
            self.tally.take(&mut reader, payload, |row| each(row));
        }
        for &walk in walks.iter().filter(|walk| !walk.both || held.given_up) {
            self.one(walk, v6, &mut ahead);
        }
    }

    /// Gives the rows of one family.
    fn one(&mut self, walk: Walk, dump: &InetDump<'_>, ahead: &mut Ahead) {
        let (dump, request) = walk.of_one(dump);
        let begun = ahead.begin(&request);
        let ended = self.inet_rows(Netid::Tcp, &dump, &request, begun);
        self.note(&[Netid::Tcp], Netid::Tcp, dump.family.word(), ended);
    }

    /// Gives the rows of IPv4 and holds those of IPv6. `false`: the kernel refuses to.
    fn both(
        &mut self,
        walk: Walk,
        dump: &InetDump<'_>,
        ahead: &mut Ahead,
        held: &mut Held,
    ) -> bool {
        let request = walk.first_request(dump);
        let begun = ahead.begin(&request);
        let ended = self.split(&request, begun, held);
        if matches!(ended, Err(WireError::Refused(_))) {
            held.give_up();
            return false;
        }
        if let Ok(ended) = &ended {
            self.tally.malformed += ended.malformed;
        }
        self.note(&[Netid::Tcp], Netid::Tcp, "inet and inet6", ended);
        true
    }

    fn split(
        &mut self,
        request: &[u8],
        begun: Result<Begun, WireError>,
        held: &mut Held,
    ) -> Result<Ended, WireError> {
        let mut reader = self.tcp_reader();
        let (tally, each) = (&mut self.tally, &mut self.each);
        replies(request, begun, &mut self.buffer, |payload| {
            if payload.first() == Some(&Family::Inet6.number()) {
                held.push(payload);
            } else {
                tally.take(&mut reader, payload, |row| each(row));
            }
        })
    }

    fn tcp_reader(&self) -> Inet {
        Inet::asked(Netid::Tcp, self.netns, self.query.ask)
    }
}

impl Walk {
    /// What asks for one family.
    fn of_one<'a>(self, dump: &InetDump<'a>) -> (InetDump<'a>, Vec<u8>) {
        let dump = InetDump {
            state_bits: self.state_bits,
            ..*dump
        };
        (dump, inet(&dump, SEQUENCE))
    }

    /// What asks for the first family, or for both.
    fn first_request(self, dump: &InetDump<'_>) -> Vec<u8> {
        let (dump, one) = self.of_one(dump);
        if self.both {
            tcp_of_both(&dump, SEQUENCE)
        } else {
            one
        }
    }
}

/// The walks that show the sockets in the states of `state_bits`, in the order in which one walk
/// would.
fn walks(state_bits: u32, v4: Option<&[u8]>, v6: Option<&[u8]>) -> Vec<Walk> {
    let is_bound = state_bits & BOUND_INACTIVE != 0;
    let early = if is_bound { LISTEN | BOUND_INACTIVE } else { 0 };
    [state_bits & early, state_bits & !early]
        .into_iter()
        .filter(|&state_bits| state_bits != 0)
        .map(|state_bits| Walk {
            state_bits,
            // With a program only some are shown.
            both: v4 == v6 && (v4.is_some() || state_bits & LASTING == 0),
        })
        .collect()
}
