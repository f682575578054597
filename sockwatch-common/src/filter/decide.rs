//! Whether an event is dropped: the same code in the kernel programs and in user space's tests.
//!
//! It reads through two traits, one fact at a time and only what it needs, and it errs towards
//! passing: a fact that is not known, or can still change, fits every condition.
#![expect(
    clippy::inline_always,
    reason = "a BPF function that is not inlined is a separate program to the verifier"
)]

use super::{CLAUSES, Filter, Head, Prefix, STATES, Test, address, need, sort};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const IPPROTO_TCP: u16 = 6;
const IPPROTO_DCCP: u16 = 33;
const IPPROTO_SCTP: u16 = 132;
const IPPROTO_MPTCP: u16 = 262;
const TCP_SYN_SENT: u8 = 2;
const TCP_SYN_RECV: u8 = 3;
const TCP_CLOSE: u8 = 7;
const TCP_LISTEN: u8 = 10;
/// The second word of `::ffff:0.0.0.0`.
const MAPPED_ANY: u64 = u64::from_ne_bytes([0, 0, 0xff, 0xff, 0, 0, 0, 0]);

/// The fields of a [`Filter`], however they are read.
pub trait Rules {
    /// [`Filter::head`]
    fn head(&self) -> Head;
    /// Row `state` of [`Filter::kept`]; `state` is below [`STATES`].
    fn kept(&self, state: usize) -> u32;
    /// Number `clause` of [`Filter::tests`].
    fn test(&self, clause: usize) -> Test;
    /// Prefix of the local address (0) or the peer's (1) of number `clause`.
    fn prefix(&self, clause: usize, end: usize) -> Prefix;
}

impl Rules for Filter {
    fn head(&self) -> Head {
        self.head
    }

    fn kept(&self, state: usize) -> u32 {
        self.kept[state]
    }

    fn test(&self, clause: usize) -> Test {
        self.tests[clause]
    }

    fn prefix(&self, clause: usize, end: usize) -> Prefix {
        self.prefixes[clause][end]
    }
}

/// What is asked of a socket. Ports in host order; 0 stands for what is not known.
pub trait Socket {
    /// `sk_protocol`
    fn protocol(&self) -> u16;
    /// `skc_family`
    fn family(&self) -> u16;
    /// Inode number of the network namespace.
    fn netns(&self) -> Option<u32>;
    /// `skc_num`: 0 before a port is chosen, and again once a chosen one is given back.
    fn num(&self) -> u16;
    /// `inet_sport`: the port of the last connection until the next one's is chosen.
    fn sport(&self) -> u16;
    /// `skc_dport`
    fn dport(&self) -> u16;
    /// Local address, as [`Prefix`] has it.
    fn src(&self) -> [u64; 2];
    /// The peer's address.
    fn dst(&self) -> [u64; 2];
    /// From which ports the kernel chooses one for this socket, as far as it tells.
    fn local_ports(&self) -> (u32, u32);
    /// Whether an earlier connection of the same socket may have passed.
    fn may_be_known(&self) -> bool;
    /// Takes note that a child came without its peer, as before Linux 6.15.
    fn note_bare_child(&self);
    /// Whether one ever did.
    fn children_are_bare(&self) -> bool;
}

/// What is known of the socket at this event; a range where it is not known exactly.
struct Facts {
    sport: (u32, u32),
    /// Whether the connection may end without ever having had a local port.
    may_have_none: bool,
    dport: (u32, u32),
    netns: (u32, u32),
    src: [u64; 2],
    dst: [u64; 2],
}

impl Facts {
    const UNKNOWN: Self = Self {
        sport: ANY_PORT,
        may_have_none: false,
        dport: ANY_PORT,
        netns: (0, u32::MAX),
        src: [0; 2],
        dst: [0; 2],
    };
}

const ANY_PORT: (u32, u32) = (0, u16::MAX as u32);

/// Whether the change of `socket` from `old` to `new` can matter to nobody.
#[inline(always)]
pub fn drops(rules: &impl Rules, socket: &impl Socket, old: u8, new: u8) -> bool {
    let head = rules.head();
    if head.active == 0 {
        return false;
    }
    let protocol = socket.protocol();
    let is_tcp = protocol == IPPROTO_TCP;
    let opens = old == TCP_CLOSE && new == TCP_SYN_SENT;
    // The graph of states is TCP's.
    if is_tcp && is_left_out(rules, old, new) && !(opens && socket.may_be_known()) {
        return true;
    }
    let mut facts = Facts::UNKNOWN;
    if is_tcp && head.needs & need::TUPLE != 0 {
        learn_tuple(&mut facts, head.needs, socket, old, new);
    }
    learn_netns(&mut facts, head.needs, socket);
    let protocols = protocol_bits(protocol);
    !fits_a_clause(rules, head, socket, protocols, &facts)
}

/// Whether `mini`, a half-open connection or a TIME-WAIT, can matter to nobody. It has its ports and
/// addresses from its begin to its end, so all that is told of it is judged alike.
#[inline(always)]
pub fn drops_mini(rules: &impl Rules, mini: &impl Socket) -> bool {
    let head = rules.head();
    if head.active == 0 {
        return false;
    }
    let mut facts = Facts::UNKNOWN;
    if head.needs & need::TUPLE != 0 {
        let (sport, dport) = (u32::from(mini.num()), u32::from(mini.dport()));
        facts.sport = (sport, sport);
        facts.dport = (dport, dport);
        learn_addresses(&mut facts, head.needs, mini);
    }
    learn_netns(&mut facts, head.needs, mini);
    !fits_a_clause(rules, head, mini, sort::TCP, &facts)
}

#[inline(always)]
fn fits_a_clause(
    rules: &impl Rules,
    head: Head,
    socket: &impl Socket,
    protocols: u32,
    facts: &Facts,
) -> bool {
    let families = family_bits(socket.family());
    for clause in 0..CLAUSES {
        if clause >= head.clauses as usize {
            break;
        }
        let test = rules.test(clause);
        if test.sorts & families != 0
            && test.sorts & protocols != 0
            && overlap(facts.dport, (test.dport_low, test.dport_high))
            && (overlap(facts.sport, (test.sport_low, test.sport_high))
                || facts.may_have_none && test.sport_low == 0)
            && overlap(facts.netns, (test.netns_low, test.netns_high))
            && (test.addresses == 0 || fits_addresses(rules, clause, test.addresses, facts))
        {
            return true;
        }
    }
    false
}

#[inline(always)]
fn is_left_out(rules: &impl Rules, old: u8, new: u8) -> bool {
    let (old, new) = (usize::from(old), usize::from(new));
    // Both below 16; the mask is for the verifier.
    (old | new) < STATES && rules.kept(old & (STATES - 1)) >> new & 1 == 0
}

/// Learns what belongs to the connection, as far as it is known and will stay.
///
/// A listener's own tuple is not its children's, and it has to be known when they come, so nothing
/// is asked of it. The same goes for sockets that are not TCP: an MPTCP one gets its ports and
/// addresses late, and must tell of its end, since no other event does.
#[inline(always)]
fn learn_tuple(facts: &mut Facts, needs: u32, socket: &impl Socket, old: u8, new: u8) {
    if new == TCP_LISTEN || old == TCP_LISTEN && new == TCP_CLOSE {
        return;
    }
    let dport = socket.dport();
    if dport == 0 {
        if old == TCP_LISTEN {
            socket.note_bare_child();
        }
        return;
    }
    // The first event of such a child has passed, so the one that completes it has to.
    if old == TCP_SYN_RECV && socket.children_are_bare() {
        return;
    }
    let opens = old == TCP_CLOSE && new == TCP_SYN_SENT;
    // A connection before this one may have passed: what is remembered of the socket has to learn
    // that `closed` has ended.
    if opens && socket.may_be_known() {
        return;
    }
    facts.dport = (u32::from(dport), u32::from(dport));
    if needs & need::SPORT != 0 {
        (facts.sport, facts.may_have_none) = sport(socket, opens, old == TCP_SYN_SENT);
    }
    learn_addresses(facts, needs, socket);
}

#[inline(always)]
fn learn_addresses(facts: &mut Facts, needs: u32, socket: &impl Socket) {
    if needs & need::SRC != 0 {
        facts.src = socket.src();
    }
    if needs & need::DST != 0 {
        facts.dst = socket.dst();
    }
}

#[inline(always)]
fn learn_netns(facts: &mut Facts, needs: u32, socket: &impl Socket) {
    if needs & need::NETNS != 0
        && let Some(netns) = socket.netns()
    {
        facts.netns = (netns, netns);
    }
}

/// The local port, and whether there may be none. connect() has the kernel choose it after the
/// transition to `SYN_SENT`, and fails where there is none left to choose; what ends `SYN_SENT` is
/// judged as that transition was, because it tells the port of it.
#[inline(always)]
fn sport(socket: &impl Socket, opens: bool, was_opening: bool) -> ((u32, u32), bool) {
    let num = u32::from(socket.num());
    if opens || was_opening {
        let range = socket.local_ports();
        let may_be_chosen = num == 0 || was_opening && range.0 <= num && num <= range.1;
        let chosen = if may_be_chosen { range } else { (num, num) };
        return (chosen, may_be_chosen);
    }
    let known = if num == 0 {
        u32::from(socket.sport())
    } else {
        num
    };
    let known = if known == 0 { ANY_PORT } else { (known, known) };
    (known, false)
}

#[inline(always)]
fn overlap(fact: (u32, u32), wanted: (u32, u32)) -> bool {
    fact.0 <= wanted.1 && wanted.0 <= fact.1
}

#[inline(always)]
fn fits_addresses(rules: &impl Rules, clause: usize, addresses: u32, facts: &Facts) -> bool {
    if addresses & address::SRC != 0 {
        let outside = addresses & address::SRC_OUTSIDE != 0;
        if !fits_address(facts.src, rules.prefix(clause, 0), outside) {
            return false;
        }
    }
    if addresses & address::DST != 0 {
        let outside = addresses & address::DST_OUTSIDE != 0;
        return fits_address(facts.dst, rules.prefix(clause, 1), outside);
    }
    true
}

#[inline(always)]
fn fits_address(fact: [u64; 2], prefix: Prefix, outside: bool) -> bool {
    let is_unknown = fact[0] == 0 && (fact[1] == 0 || fact[1] == MAPPED_ANY);
    let low = (fact[0] ^ prefix.value[0]) & prefix.mask[0];
    let high = (fact[1] ^ prefix.value[1]) & prefix.mask[1];
    is_unknown || (low | high != 0) == outside
}

#[inline(always)]
fn family_bits(family: u16) -> u32 {
    match family {
        AF_INET => sort::INET,
        AF_INET6 => sort::INET6,
        _ => sort::FAMILIES,
    }
}

#[inline(always)]
fn protocol_bits(protocol: u16) -> u32 {
    match protocol {
        IPPROTO_TCP => sort::TCP,
        IPPROTO_MPTCP => sort::MPTCP,
        IPPROTO_SCTP => sort::SCTP,
        IPPROTO_DCCP => sort::DCCP,
        // Where the field is not known.
        0 => sort::PROTOCOLS,
        _ => sort::OTHER,
    }
}
