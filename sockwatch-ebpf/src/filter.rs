//! The filter, on what the hooks have at hand. What it decides is [`sockwatch_common::filter`]'s.
//!
//! Without one the verifier prunes all of it.

use core::marker::PhantomData;

use sockwatch_common::filter::{self, Head, Prefix, Rules, Socket, Test};

use crate::{
    globals::global,
    memory::{Memory, Probe},
    transition::{self, AF_INET6, GivenTuple, pointer},
};

/// Whether a child was ever cloned from its listener before its peer was filled in: the kernels
/// that do so (before 6.15) always do, so this is 1 before any such child has its second event.
/// Only ever set.
#[unsafe(no_mangle)]
static mut BARE_CHILDREN: u32 = 0;

/// Whether the change of `sk` from `old` to `new` can matter to nobody.
#[inline(always)]
pub fn drops<M: Memory>(sk: *const u8, old: u8, new: u8, given: Option<&GivenTuple>) -> bool {
    let socket = Sock::<M> {
        sk,
        given,
        memory: PhantomData,
    };
    filter::drops(&Global, &socket, old, new)
}

/// Whether the minisocket at `mini` can matter to nobody.
#[inline(always)]
pub fn drops_mini(mini: *const u8) -> bool {
    let socket = Sock::<Probe> {
        sk: mini,
        given: None,
        memory: PhantomData,
    };
    filter::drops_mini(&Global, &socket)
}

/// Whether the end of `sk` can matter to nobody. No event of a socket without a cookie can have
/// passed: recording one makes a cookie, where the helper may be called. Nor has a dump shown it,
/// which makes one too.
#[inline(always)]
pub fn drops_destroy<M: Memory>(sk: *const u8) -> bool {
    global!(FILTER.head.active) == 1
        && global!(SETTINGS.typed_helpers) == 1
        && M::read::<u64>(sk, global!(LAYOUT.cookie)) == Some(0)
}

/// The loader's rules.
struct Global;

impl Rules for Global {
    #[inline(always)]
    fn head(&self) -> Head {
        Head {
            active: global!(FILTER.head.active),
            clauses: global!(FILTER.head.clauses),
            needs: global!(FILTER.head.needs),
            pad: 0,
        }
    }

    #[inline(always)]
    fn kept(&self, state: usize) -> u32 {
        global!(FILTER.kept[state])
    }

    #[inline(always)]
    fn test(&self, clause: usize) -> Test {
        Test {
            sorts: global!(FILTER.tests[clause].sorts),
            addresses: global!(FILTER.tests[clause].addresses),
            sport_low: global!(FILTER.tests[clause].sport_low),
            sport_high: global!(FILTER.tests[clause].sport_high),
            dport_low: global!(FILTER.tests[clause].dport_low),
            dport_high: global!(FILTER.tests[clause].dport_high),
            netns_low: global!(FILTER.tests[clause].netns_low),
            netns_high: global!(FILTER.tests[clause].netns_high),
        }
    }

    #[inline(always)]
    fn prefix(&self, clause: usize, end: usize) -> Prefix {
        Prefix {
            value: [
                global!(FILTER.prefixes[clause][end].value[0]),
                global!(FILTER.prefixes[clause][end].value[1]),
            ],
            mask: [
                global!(FILTER.prefixes[clause][end].mask[0]),
                global!(FILTER.prefixes[clause][end].mask[1]),
            ],
        }
    }
}

/// A `struct sock`, and the tuple where the hook has it.
struct Sock<'a, M> {
    sk: *const u8,
    given: Option<&'a GivenTuple>,
    memory: PhantomData<M>,
}

impl<M: Memory> Sock<'_, M> {
    #[inline(always)]
    fn net(&self) -> Option<*const u8> {
        pointer::<M>(self.sk, global!(LAYOUT.net))
    }

    #[inline(always)]
    fn address(&self, offset_v4: u32, offset_v6: u32) -> [u64; 2] {
        if self.family() == AF_INET6 {
            if offset_v6 == sockwatch_common::layout::ABSENT {
                return [0; 2];
            }
            let low = M::read::<u64>(self.sk, offset_v6).unwrap_or(0);
            let high = M::read::<u64>(self.sk, offset_v6 + 8).unwrap_or(0);
            [low, high]
        } else {
            mapped(u64::from(M::read::<u32>(self.sk, offset_v4).unwrap_or(0)))
        }
    }
}

impl<M: Memory> Socket for Sock<'_, M> {
    #[inline(always)]
    fn protocol(&self) -> u16 {
        match self.given {
            Some(given) => given.protocol,
            None => M::read::<u16>(self.sk, global!(LAYOUT.sk_protocol)).unwrap_or(0),
        }
    }

    #[inline(always)]
    fn family(&self) -> u16 {
        match self.given {
            Some(given) => given.family,
            None => M::read::<u16>(self.sk, global!(LAYOUT.family)).unwrap_or(0),
        }
    }

    #[inline(always)]
    fn netns(&self) -> Option<u32> {
        M::read::<u32>(self.net()?, global!(LAYOUT.net_inum))
    }

    #[inline(always)]
    fn num(&self) -> u16 {
        M::read::<u16>(self.sk, global!(LAYOUT.num)).unwrap_or(0)
    }

    #[inline(always)]
    fn sport(&self) -> u16 {
        match self.given {
            Some(given) => given.sport,
            None => transition::inet_sport::<M>(self.sk, M::tcp_sock(self.sk, true)),
        }
    }

    #[inline(always)]
    fn dport(&self) -> u16 {
        match self.given {
            Some(given) => given.dport,
            None => u16::from_be(M::read::<u16>(self.sk, global!(LAYOUT.dport)).unwrap_or(0)),
        }
    }

    #[inline(always)]
    fn src(&self) -> [u64; 2] {
        match self.given {
            Some(given) => given_address(given.family, given.saddr),
            None => self.address(global!(LAYOUT.rcv_saddr), global!(LAYOUT.v6_rcv_saddr)),
        }
    }

    #[inline(always)]
    fn dst(&self) -> [u64; 2] {
        match self.given {
            Some(given) => given_address(given.family, given.daddr),
            None => self.address(global!(LAYOUT.daddr), global!(LAYOUT.v6_daddr)),
        }
    }

    #[inline(always)]
    fn local_ports(&self) -> (u32, u32) {
        let packed = global!(LAYOUT.local_ports);
        let pair = global!(LAYOUT.local_ports_pair);
        let any = (0, u32::from(u16::MAX));
        let Some(net) = self.net() else {
            return any;
        };
        if let Some(range) = M::read::<u32>(net, packed) {
            (range & 0xffff, range >> 16)
        } else if let Some(range) = M::read::<u64>(net, pair) {
            (range as u32, (range >> 32) as u32)
        } else {
            any
        }
    }

    #[inline(always)]
    fn may_be_known(&self) -> bool {
        // A socket that has never been connected or bound has no port.
        let has_cookie = global!(SETTINGS.typed_helpers) == 0
            || M::read::<u64>(self.sk, global!(LAYOUT.cookie)) != Some(0);
        has_cookie && self.sport() != 0
    }

    #[inline(always)]
    fn note_bare_child(&self) {
        // SAFETY: one word, only ever set.
        unsafe { core::ptr::write_volatile(&raw mut BARE_CHILDREN, 1) };
    }

    #[inline(always)]
    fn children_are_bare(&self) -> bool {
        // SAFETY: one word, only ever set.
        unsafe { core::ptr::read_volatile(&raw const BARE_CHILDREN) != 0 }
    }
}

#[inline(always)]
fn given_address(family: u16, words: [u64; 2]) -> [u64; 2] {
    if family == AF_INET6 {
        words
    } else {
        mapped(words[0])
    }
}

/// `::ffff:a.b.c.d` of an IPv4 address in network order, in (little-endian) memory.
#[inline(always)]
pub fn mapped(address: u64) -> [u64; 2] {
    [0, address << 32 | 0xffff_0000]
}
