//! From a minisocket to a record. Its fields are read by copies: its address comes from that of a
//! timer, which the verifier does not follow.

use sockwatch_common::record::{Mini, kind, known, mini, mini_flag};

use crate::{
    filter, fin_wait,
    globals::global,
    memory::{Memory, Probe},
    ring,
    transition::{addresses, now, pointer},
};

/// `TCP_NEW_SYN_RECV`
const TCP_NEW_SYN_RECV: u8 = 12;

/// Which minisocket it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A `request_sock`.
    Request,
    /// An `inet_timewait_sock`.
    TimeWait,
}

/// Records what happened to the minisocket at `socket`: one of [`mini`], with bits of
/// [`mini_flag`].
#[inline(always)]
pub fn record(sort: Kind, socket: *const u8, event: u8, flags: u8) {
    if filter::drops_mini(socket) {
        ring::count_filtered();
        return;
    }
    tell(socket as u64, event, flags, |record| {
        put_tuple(record, socket);
        put_identity(record, socket);
        match sort {
            Kind::Request => put_request(record, socket),
            Kind::TimeWait => put_timewait(record, socket),
        }
    });
}

/// Commits a record of the minisocket at `address`, with what else `put` knows of it.
#[inline(always)]
pub fn tell(address: u64, event: u8, flags: u8, put: impl FnOnce(&mut Mini)) {
    let mono_ns = now();
    let Some(mut entry) = ring::reserve_event::<Mini>(mono_ns) else {
        return;
    };
    let record = entry.write(Mini::ZERO);
    record.header = ring::header::<Mini>(kind::MINI);
    record.mono_ns = mono_ns;
    record.address = address;
    record.event = event;
    record.flags = flags;
    put(record);
    ring::submit(entry);
}

#[inline(always)]
fn put_tuple(record: &mut Mini, socket: *const u8) {
    record.family = Probe::read::<u16>(socket, global!(LAYOUT.family)).unwrap_or(0);
    record.sport = Probe::read::<u16>(socket, global!(LAYOUT.num)).unwrap_or(0);
    record.dport = u16::from_be(Probe::read::<u16>(socket, global!(LAYOUT.dport)).unwrap_or(0));
    (record.saddr, record.daddr) = addresses::<Probe>(socket, record.family);
}

#[inline(always)]
fn put_identity(record: &mut Mini, socket: *const u8) {
    record.cookie = Probe::read::<u64>(socket, global!(LAYOUT.cookie)).unwrap_or(0);
    if let Some(netns) = netns(socket) {
        record.netns = netns;
        record.known |= known::NETNS;
    }
    if let Some(ifindex) = Probe::read::<u32>(socket, global!(LAYOUT.bound_dev_if)) {
        record.ifindex = ifindex;
        record.known |= known::IFINDEX;
    }
}

/// Inode number of its network namespace.
#[inline(always)]
fn netns(socket: *const u8) -> Option<u32> {
    let net = pointer::<Probe>(socket, global!(LAYOUT.net))?;
    Probe::read::<u32>(net, global!(LAYOUT.net_inum))
}

#[inline(always)]
fn put_mark(record: &mut Mini, socket: *const u8, offset: u32) {
    if let Some(mark) = Probe::read::<u32>(socket, offset) {
        record.mark = mark;
        record.known |= known::MARK;
    }
}

#[inline(always)]
fn put_request(record: &mut Mini, request: *const u8) {
    record.state = TCP_NEW_SYN_RECV;
    record.retrans = Probe::read::<u8>(request, global!(LAYOUT.num_retrans)).unwrap_or(0);
    if let Some(listener) = pointer::<Probe>(request, global!(LAYOUT.listener)) {
        let cookie = Probe::read::<u64>(listener, global!(LAYOUT.cookie));
        record.listener_cookie = cookie.unwrap_or(0);
    }
    put_mark(record, request, global!(LAYOUT.ir_mark));
    if record.event == mini::CANCEL {
        fin_wait::request_ended(record);
    }
}

#[inline(always)]
fn put_timewait(record: &mut Mini, timewait: *const u8) {
    record.state = Probe::read::<u8>(timewait, global!(LAYOUT.tw_substate)).unwrap_or(0);
    put_mark(record, timewait, global!(LAYOUT.tw_mark));
    match record.event {
        mini::START if !fin_wait::watch(record) => record.flags |= mini_flag::UNWATCHED,
        mini::CANCEL => fin_wait::ended(record),
        _ => {}
    }
}
