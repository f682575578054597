//! Ring records to model values, in place: the ABI structures stop here.
//!
//! No record is trusted: a wrong length or an unknown kind or family is [`Malformed`], counted
//! by the reader, never a panic.

use std::mem::offset_of;

use sockwatch_common::record::{self, kind, known, sock_flag, task_flag};

use crate::model::{
    Comm, Context, Family, MonoNs, Observed, Proto, SocketInfo, SocketKey, TcpNumbers, TcpState,
    Transition, Tuple,
};

/// What one ring record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "boxing would allocate once per event"
)]
pub enum Record {
    /// A socket changed its state.
    Transition(Transition),
    /// A socket is gone.
    Destroy(Destroyed),
}

/// A socket that will emit no more transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// Its cookie, 0 where unknown.
    pub cookie: u64,
    /// Address of its `struct sock`.
    pub sk: u64,
}

/// A record that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads the field `$field` of record type `$ty`, whose length has been checked.
macro_rules! get {
    ($bytes:ident, $ty:ty, $field:ident: $int:ty) => {{
        const AT: usize = offset_of!($ty, $field);
        const LEN: usize = size_of::<$int>();
        let mut field = [0; LEN];
        field.copy_from_slice(&$bytes[AT..AT + LEN]);
        <$int>::from_ne_bytes(field)
    }};
}

/// Decodes one record.
///
/// # Errors
/// [`Malformed`] for a record of unknown kind, of a length that its kind does not have, or of an
/// address family that is not IP.
pub fn decode(bytes: &[u8]) -> Result<Record, Malformed> {
    let kind = bytes
        .first_chunk::<2>()
        .map(|&kind| u16::from_ne_bytes(kind));
    let record = match kind {
        Some(kind::TRANSITION) => bytes
            .try_into()
            .ok()
            .and_then(transition)
            .map(Record::Transition),
        Some(kind::DESTROY) => bytes.try_into().ok().map(destroyed).map(Record::Destroy),
        _ => None,
    };
    record.ok_or(Malformed)
}

type TransitionBytes = [u8; size_of::<record::Transition>()];
type DestroyBytes = [u8; size_of::<record::Destroy>()];

fn transition(bytes: &TransitionBytes) -> Option<Transition> {
    macro_rules! raw {
        ($field:ident: $int:ty) => {
            get!(bytes, record::Transition, $field: $int)
        };
    }
    let known = raw!(known: u32);
    let family = Family::from_kernel(raw!(family: u16))?;
    let proto = Proto::from_kernel(raw!(protocol: u16));
    let sk = raw!(sk: u64);
    let old = TcpState::from_kernel(bytes[offset_of!(record::Transition, old)]);
    let new = TcpState::from_kernel(bytes[offset_of!(record::Transition, new)]);
    // Before 6.15 a child is not filled in yet at its first event, and carries its listener's
    // cookie; that it has no peer yet gives those kernels away.
    let unfinished = old == TcpState::Listen && new == TcpState::SynRecv && raw!(dport: u16) == 0;
    let has_cookie = known & known::COOKIE != 0 && !unfinished;
    let cookie = if has_cookie { raw!(cookie: u64) } else { 0 };
    let sock_flags = fact(
        known,
        known::SOCK_FLAGS,
        bytes[offset_of!(record::Transition, sock_flags)],
    );
    Some(Transition {
        at: MonoNs(raw!(mono_ns: u64)),
        key: SocketKey::new(proto, cookie, sk),
        sk,
        proto,
        tuple: tuple(bytes, family),
        old,
        new,
        info: info(bytes, known),
        sk_err: fact(known, known::SK_ERR, raw!(sk_err: u32)),
        shutdown: fact(
            known,
            known::SHUTDOWN,
            bytes[offset_of!(record::Transition, shutdown)],
        ),
        dead: sock_flags.map(|flags| flags & sock_flag::DEAD != 0),
        done: sock_flags.map(|flags| flags & sock_flag::DONE != 0),
        context: context(bytes, known),
        tcp: tcp(bytes, known),
        observed: Observed::Event,
    })
}

fn fact<T>(known: u32, bit: u32, value: T) -> Option<T> {
    (known & bit != 0).then_some(value)
}

fn array<const AT: usize>(bytes: &TransitionBytes) -> &[u8; 16] {
    bytes[AT..].first_chunk().unwrap_or(&[0; 16])
}

fn tuple(bytes: &TransitionBytes, family: Family) -> Tuple {
    Tuple::from_kernel(
        family,
        (
            array::<{ offset_of!(record::Transition, saddr) }>(bytes),
            get!(bytes, record::Transition, sport: u16),
        ),
        (
            array::<{ offset_of!(record::Transition, daddr) }>(bytes),
            get!(bytes, record::Transition, dport: u16),
        ),
    )
}

fn info(bytes: &TransitionBytes, known: u32) -> SocketInfo {
    SocketInfo {
        netns: fact(
            known,
            known::NETNS,
            get!(bytes, record::Transition, netns: u32),
        ),
        ifindex: fact(
            known,
            known::IFINDEX,
            get!(bytes, record::Transition, ifindex: u32),
        ),
        mark: fact(
            known,
            known::MARK,
            get!(bytes, record::Transition, mark: u32),
        ),
        uid: fact(known, known::UID, get!(bytes, record::Transition, uid: u32)),
        cgroup_id: fact(
            known,
            known::CGROUP,
            get!(bytes, record::Transition, cgroup_id: u64),
        ),
        inode: fact(
            known,
            known::INODE,
            get!(bytes, record::Transition, inode: u64),
        ),
    }
}

fn context(bytes: &TransitionBytes, known: u32) -> Option<Context> {
    let task_flags = bytes[offset_of!(record::Transition, task_flags)];
    fact(
        known,
        known::TASK,
        Context {
            pid: get!(bytes, record::Transition, pid: u32),
            comm: Comm::from_kernel(*array::<{ offset_of!(record::Transition, comm) }>(bytes)),
            kernel_thread: known & known::TASK_FLAGS != 0 && task_flags & task_flag::KTHREAD != 0,
        },
    )
}

fn tcp(bytes: &TransitionBytes, known: u32) -> Option<TcpNumbers> {
    // Until it is measured, srtt_us is 0 and the deviation a mere default (`tcp_init_sock`).
    let rtt_us = Some(get!(bytes, record::Transition, rtt_us: u32)).filter(|&rtt| rtt != 0);
    fact(
        known,
        known::TCP,
        TcpNumbers {
            rtt_us,
            rttvar_us: rtt_us.and(Some(get!(bytes, record::Transition, rttvar_us: u32))),
            retrans: get!(bytes, record::Transition, retrans: u32),
            bytes_acked: get!(bytes, record::Transition, bytes_acked: u64),
            bytes_received: get!(bytes, record::Transition, bytes_received: u64),
            segs_out: get!(bytes, record::Transition, segs_out: u32),
            segs_in: get!(bytes, record::Transition, segs_in: u32),
            cwnd: get!(bytes, record::Transition, cwnd: u32),
        },
    )
}

fn destroyed(bytes: &DestroyBytes) -> Destroyed {
    Destroyed {
        cookie: get!(bytes, record::Destroy, cookie: u64),
        sk: get!(bytes, record::Destroy, sk: u64),
    }
}
