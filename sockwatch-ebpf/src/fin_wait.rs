//! FIN-WAIT-2 to TIME-WAIT inside a minisocket. No timer need tell of it, but the segment that
//! causes it is dropped after use, in the function that received it.

use aya_ebpf::{
    macros::map,
    maps::{HashMap, PerCpuArray},
};
use sockwatch_common::{
    ends::Ends,
    record::{Mini, known, mini, mini_flag},
};

use crate::{
    filter::mapped,
    globals::global,
    memory::{Memory, Probe},
    minisocket::{self, Kind},
    transition::{AF_INET6, now, pointer, words_to_bytes},
};

const TCP_FIN_WAIT2: u8 = 5;
const TCP_TIME_WAIT: u8 = 6;
/// Byte of the TCP header with the flags, and two of them (RFC 9293 section 3.1).
const TCP_FLAGS_AT: u32 = 13;
const FIN: u8 = 1 << 0;
const RST: u8 = 1 << 2;

/// Minisockets in FIN-WAIT-2: their addresses. 0 stands for one whose address is not known, because
/// it was there before; the loader puts it in.
#[map]
static FIN_WAIT2: HashMap<Ends, u64> = HashMap::with_max_entries(65_536, 0);

/// The minisocket that ended last on each CPU: the segment that did it is dropped behind it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Ended {
    key: Ends,
    /// 0 once it is known how.
    address: u64,
    mono_ns: u64,
}

/// How long after the end of a minisocket a segment is dropped that may have caused it. The kernel
/// drops it in the same breath; an interrupt may come between.
const BREATH_NS: u64 = 1_000_000;

#[map]
static ENDED: PerCpuArray<Ended> = PerCpuArray::with_max_entries(1, 0);

/// Takes note of a minisocket whose timer was set. False where there is no room for it.
#[inline(always)]
pub fn watch(record: &Mini) -> bool {
    if let Some(ended) = ended_here()
        && ended.address == record.address
    {
        // It has not ended: its timer was set anew.
        ended.address = 0;
    }
    record.state != TCP_FIN_WAIT2 || FIN_WAIT2.insert(key(record), record.address, 0).is_ok()
}

/// Takes note of a minisocket that has ended, unless its timer is set anew.
#[inline(always)]
pub fn ended(record: &Mini) {
    let key = key(record);
    if record.state == TCP_FIN_WAIT2 || FIN_WAIT2.get_ptr(key).is_some() {
        let _unwatched = FIN_WAIT2.remove(key);
    }
    note_end(key, record);
}

/// As [`ended`], of a half-open connection.
#[inline(always)]
pub fn request_ended(record: &Mini) {
    note_end(key(record), record);
}

#[inline(always)]
fn note_end(key: Ends, record: &Mini) {
    if let Some(ended) = ended_here() {
        *ended = Ended {
            key,
            address: record.address,
            mono_ns: record.mono_ns,
        };
    }
}

#[inline(always)]
fn ended_here() -> Option<&'static mut Ended> {
    let ended = ENDED.get_ptr_mut(0)?;
    // SAFETY: the map has this entry for every CPU, and the verifier has seen the null check.
    Some(unsafe { &mut *ended })
}

#[inline(always)]
fn key(record: &Mini) -> Ends {
    Ends {
        saddr: address(record.family, record.saddr),
        daddr: address(record.family, record.daddr),
        netns: record.netns,
        sport: record.sport,
        dport: record.dport,
    }
}

/// IPv4 as IPv4-mapped: a segment does not tell the family of the socket.
#[inline(always)]
fn address(family: u16, bytes: [u8; 16]) -> [u64; 2] {
    let bytes = u128::from_le_bytes(bytes);
    if family == AF_INET6 {
        [bytes as u64, (bytes >> 64) as u64]
    } else {
        mapped(bytes as u64)
    }
}

/// A segment was dropped by the code at `location`.
#[inline(always)]
pub fn dropped(skb: *const u8, location: u64) {
    let Some(segment) = segment(skb, location) else {
        return;
    };
    if let Some(watched) = FIN_WAIT2.get_ptr(segment.key) {
        // SAFETY: the verifier has seen the null check; at worst the entry is another's by now.
        tell_fin(&segment, unsafe { watched.read() });
    } else {
        tell_end(&segment);
    }
}

/// Tells that the minisocket at `address` has gone on to TIME-WAIT, if that is what the segment did.
#[inline(always)]
fn tell_fin(segment: &Segment, address: u64) {
    if address == 0 {
        if segment.flags & FIN != 0 && FIN_WAIT2.remove(segment.key).is_ok() {
            record_bare(&segment.key, 0, mini::FIN, 0);
        }
        return;
    }
    let socket = address as *const u8;
    if Probe::read::<u8>(socket, global!(LAYOUT.tw_substate)) == Some(TCP_TIME_WAIT)
        && FIN_WAIT2.remove(segment.key).is_ok()
    {
        minisocket::record(Kind::TimeWait, socket, mini::FIN, 0);
    }
}

/// Tells that the segment has ended a minisocket, if it is the end that this CPU saw last.
#[inline(always)]
fn tell_end(segment: &Segment) {
    let Some(ended) = ended_here() else {
        return;
    };
    if ended.address == 0 || ended.key != segment.key || now() - ended.mono_ns > BREATH_NS {
        return;
    }
    let address = core::mem::take(&mut ended.address);
    let is_reset = segment.flags & RST != 0;
    let flags = if is_reset { mini_flag::RST } else { 0 };
    record_bare(&segment.key, address, mini::SEGMENT, flags);
}

struct Segment {
    key: Ends,
    flags: u8,
}

/// The TCP segment in `skb`, if TCP's receiving function dropped it.
#[inline(always)]
fn segment(skb: *const u8, location: u64) -> Option<Segment> {
    let v4 = global!(SYMBOLS.tcp_v4_rcv)..global!(SYMBOLS.tcp_v4_rcv_end);
    let v6 = global!(SYMBOLS.tcp_v6_rcv)..global!(SYMBOLS.tcp_v6_rcv_end);
    let is_v4 = v4.contains(&location);
    if !is_v4 && !v6.contains(&location) {
        return None;
    }
    let head = pointer::<Probe>(skb, global!(LAYOUT.skb_head))?;
    let ip = u32::from(Probe::read::<u16>(skb, global!(LAYOUT.network_header))?);
    let tcp = u32::from(Probe::read::<u16>(skb, global!(LAYOUT.transport_header))?);
    let dev = pointer::<Probe>(skb, global!(LAYOUT.skb_dev))?;
    let net = pointer::<Probe>(dev, global!(LAYOUT.dev_net))?;
    let (source, target) = if is_v4 {
        (
            mapped(u64::from(Probe::read::<u32>(head, ip + 12)?)),
            mapped(u64::from(Probe::read::<u32>(head, ip + 16)?)),
        )
    } else {
        (words(head, ip + 8)?, words(head, ip + 24)?)
    };
    Some(Segment {
        key: Ends {
            saddr: target,
            daddr: source,
            netns: Probe::read::<u32>(net, global!(LAYOUT.net_inum))?,
            sport: u16::from_be(Probe::read::<u16>(head, tcp + 2)?),
            dport: u16::from_be(Probe::read::<u16>(head, tcp)?),
        },
        flags: Probe::read::<u8>(head, tcp + TCP_FLAGS_AT)?,
    })
}

#[inline(always)]
fn words(base: *const u8, offset: u32) -> Option<[u64; 2]> {
    Some([
        Probe::read::<u64>(base, offset)?,
        Probe::read::<u64>(base, offset + 8)?,
    ])
}

/// A record of which no more is known than the connection and, unless it is 0, the address.
#[inline(always)]
fn record_bare(key: &Ends, address: u64, event: u8, flags: u8) {
    minisocket::tell(address, event, flags, |record| {
        record.state = TCP_TIME_WAIT;
        record.family = AF_INET6;
        record.netns = key.netns;
        record.known = known::NETNS;
        record.sport = key.sport;
        record.dport = key.dport;
        record.saddr = words_to_bytes(key.saddr);
        record.daddr = words_to_bytes(key.daddr);
    });
}
