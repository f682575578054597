//! Ring records to model values, in place: the ABI structures stop here.
//!
//! No record is trusted: a wrong length or an unknown kind or family is [`Malformed`], counted
//! by the reader, never a panic.

use std::{mem::offset_of, num::NonZeroU64};

use sockwatch_common::record::{self, kind, known, mini, mini_flag, sock_flag, task_flag};

use crate::model::{
    Accepted, Comm, Context, Family, MiniKind, MonoNs, Observed, Proto, SocketInfo, SocketKey,
    TcpNumbers, TcpState, Transition, Tuple,
};

/// One ring record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The CPU that wrote it. Records of one CPU are in the order of what they tell.
    pub cpu: u32,
    /// What it says.
    pub told: Told,
}

/// What one ring record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// A socket changed its state.
    Transition(Transition),
    /// A socket is gone.
    Destroy(Destroyed),
    /// The timer of a minisocket told something, or a segment.
    Mini(MiniRecord),
    /// A SYN was sent.
    SynSent(SynSent),
    /// A connection was accepted.
    Accepted(Accepted),
    /// A socket sent a reset.
    Reset(Reset),
}

/// Something that happened to a minisocket or its timer. What it means depends on what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MiniRecord {
    /// When.
    pub at: MonoNs,
    /// Address of the minisocket; 0 where it is not known.
    pub address: u64,
    /// `skc_cookie`.
    pub cookie: Option<NonZeroU64>,
    /// Both ends.
    pub tuple: Tuple,
    /// Namespace, device, mark.
    pub info: SocketInfo,
    /// What it stands for.
    pub kind: MiniKind,
    /// What happened.
    pub event: MiniTold,
}

/// What happened to a minisocket or its timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiniTold {
    /// `timer_start`
    Start {
        /// Whether its FIN is watched for.
        watched: bool,
    },
    /// `timer_cancel`
    Cancel {
        /// Whether its time was over.
        due: bool,
    },
    /// A FIN made a TIME-WAIT of it.
    Fin,
    /// The segment was dropped that ended it.
    Segment {
        /// Whether it was a reset.
        rst: bool,
    },
}

/// The ends of a connection whose SYN has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynSent {
    /// When.
    pub at: MonoNs,
    /// Address of the `struct sock`.
    pub sk: u64,
    /// Both ends.
    pub tuple: Tuple,
}

/// A reset that a socket sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// When.
    pub at: MonoNs,
    /// Address of the `struct sock`.
    pub sk: u64,
    /// A number of `enum sk_rst_reason`.
    pub reason: u32,
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
    let header = bytes.first_chunk::<{ size_of::<record::Header>() }>();
    let header = header.ok_or(Malformed)?;
    let told = match get!(header, record::Header, kind: u16) {
        kind::TRANSITION => bytes
            .try_into()
            .ok()
            .and_then(transition)
            .map(Told::Transition),
        kind::DESTROY => bytes.try_into().ok().map(destroyed).map(Told::Destroy),
        kind::MINI => bytes.try_into().ok().and_then(minisocket).map(Told::Mini),
        kind::SYN_SENT => bytes.try_into().ok().and_then(syn_sent).map(Told::SynSent),
        kind::ACCEPT => bytes.try_into().ok().map(accepted).map(Told::Accepted),
        kind::RESET => bytes.try_into().ok().map(reset).map(Told::Reset),
        _ => None,
    };
    Ok(Record {
        cpu: get!(header, record::Header, cpu: u32),
        told: told.ok_or(Malformed)?,
    })
}

type TransitionBytes = [u8; size_of::<record::Transition>()];
type DestroyBytes = [u8; size_of::<record::Destroy>()];
type MiniBytes = [u8; size_of::<record::Mini>()];
type SynSentBytes = [u8; size_of::<record::SynSent>()];
type AcceptBytes = [u8; size_of::<record::Accept>()];
type ResetBytes = [u8; size_of::<record::Reset>()];

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
        reset: None,
        tcp: tcp(bytes, known),
        observed: Observed::Event,
    })
}

fn fact<T>(known: u32, bit: u32, value: T) -> Option<T> {
    (known & bit != 0).then_some(value)
}

fn array<const AT: usize>(bytes: &[u8]) -> &[u8; 16] {
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

fn minisocket(bytes: &MiniBytes) -> Option<MiniRecord> {
    macro_rules! raw {
        ($field:ident: $int:ty) => {
            get!(bytes, record::Mini, $field: $int)
        };
    }
    let known = raw!(known: u32);
    let flag = |bit| raw!(flags: u8) & bit != 0;
    let event = match raw!(event: u8) {
        mini::START => MiniTold::Start {
            watched: !flag(mini_flag::UNWATCHED),
        },
        mini::CANCEL => MiniTold::Cancel {
            due: flag(mini_flag::DUE),
        },
        mini::FIN => MiniTold::Fin,
        mini::SEGMENT => MiniTold::Segment {
            rst: flag(mini_flag::RST),
        },
        _ => return None,
    };
    let kind = match TcpState::from_kernel(raw!(state: u8)) {
        TcpState::NewSynRecv => MiniKind::Request {
            listener: NonZeroU64::new(raw!(listener_cookie: u64)),
            synack_retrans: raw!(retrans: u8),
        },
        substate @ (TcpState::FinWait2 | TcpState::TimeWait) => MiniKind::TimeWait { substate },
        _ => return None,
    };
    Some(MiniRecord {
        at: MonoNs(raw!(mono_ns: u64)),
        address: raw!(address: u64),
        cookie: NonZeroU64::new(raw!(cookie: u64)),
        tuple: Tuple::from_kernel(
            Family::from_kernel(raw!(family: u16))?,
            (
                array::<{ offset_of!(record::Mini, saddr) }>(bytes),
                raw!(sport: u16),
            ),
            (
                array::<{ offset_of!(record::Mini, daddr) }>(bytes),
                raw!(dport: u16),
            ),
        ),
        info: SocketInfo {
            netns: fact(known, known::NETNS, raw!(netns: u32)),
            ifindex: fact(known, known::IFINDEX, raw!(ifindex: u32)),
            mark: fact(known, known::MARK, raw!(mark: u32)),
            ..SocketInfo::default()
        },
        kind,
        event,
    })
}

fn syn_sent(bytes: &SynSentBytes) -> Option<SynSent> {
    macro_rules! raw {
        ($field:ident: $int:ty) => {
            get!(bytes, record::SynSent, $field: $int)
        };
    }
    Some(SynSent {
        at: MonoNs(raw!(mono_ns: u64)),
        sk: raw!(sk: u64),
        tuple: Tuple::from_kernel(
            Family::from_kernel(raw!(family: u16))?,
            (
                array::<{ offset_of!(record::SynSent, saddr) }>(bytes),
                raw!(sport: u16),
            ),
            (
                array::<{ offset_of!(record::SynSent, daddr) }>(bytes),
                raw!(dport: u16),
            ),
        ),
    })
}

fn accepted(bytes: &AcceptBytes) -> Accepted {
    macro_rules! raw {
        ($field:ident: $int:ty) => {
            get!(bytes, record::Accept, $field: $int)
        };
    }
    Accepted {
        at: MonoNs(raw!(mono_ns: u64)),
        cookie: raw!(cookie: u64),
        sk: raw!(sk: u64),
        by: Context {
            pid: raw!(pid: u32),
            comm: Comm::from_kernel(*array::<{ offset_of!(record::Accept, comm) }>(bytes)),
            kernel_thread: raw!(task_flags: u8) & task_flag::KTHREAD != 0,
        },
    }
}

fn reset(bytes: &ResetBytes) -> Reset {
    Reset {
        at: MonoNs(get!(bytes, record::Reset, mono_ns: u64)),
        sk: get!(bytes, record::Reset, sk: u64),
        reason: get!(bytes, record::Reset, reason: u32),
    }
}
