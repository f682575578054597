//! The port and address of a connection whose SYN has been sent.

use sockwatch_common::record::{SynSent, kind};

use crate::{
    filter,
    globals::global,
    memory::{Memory, Probe},
    ring,
    transition::{addresses, now},
};

pub const TCP_SYN_SENT: u8 = 2;
const TCP_CLOSE: u8 = 7;

/// Records the tuple of `sk`, which is in `TCP_SYN_SENT`.
#[inline(always)]
pub fn record(sk: *const u8) {
    // Judged as what began the state was, and as what will end it.
    if filter::drops::<Probe>(sk, TCP_SYN_SENT, TCP_CLOSE, None) {
        ring::count_filtered();
        return;
    }
    let mono_ns = now();
    let Some(mut entry) = ring::reserve_event::<SynSent>(mono_ns) else {
        return;
    };
    let family = Probe::read::<u16>(sk, global!(LAYOUT.family)).unwrap_or(0);
    let (saddr, daddr) = addresses::<Probe>(sk, family);
    entry.write(SynSent {
        header: ring::header::<SynSent>(kind::SYN_SENT),
        mono_ns,
        sk: sk as u64,
        family,
        sport: Probe::read::<u16>(sk, global!(LAYOUT.num)).unwrap_or(0),
        dport: u16::from_be(Probe::read::<u16>(sk, global!(LAYOUT.dport)).unwrap_or(0)),
        pad: 0,
        saddr,
        daddr,
    });
    ring::submit(entry);
}
