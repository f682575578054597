//! One state change of one socket, as it was observed.

use super::{Comm, MonoNs, Nanos, Proto, SocketInfo, SocketKey, TcpState, Tuple};

/// How a transition was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// The kernel said so as it happened.
    Event,
    /// The timer of a minisocket told, or the segment that its FIN came in: exact, too.
    Timer,
    /// By looking: it happened some time before.
    Poll,
    /// The kernel's own event, which means no change of the connection as such: the first one of a
    /// socket that comes from a half-open connection, or `closed` where a minisocket goes on.
    Raw,
}

impl Observed {
    /// The value of `observed` in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Timer => "timer",
            Self::Poll => "poll",
            Self::Raw => "raw",
        }
    }
}

/// The task that was running when a transition happened. Whether it has to do with the socket is
/// for the table to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Thread group id, in the initial pid namespace.
    pub pid: u32,
    /// Name of the thread group leader.
    pub comm: Comm,
    /// Whether it is a kernel thread (`PF_KTHREAD`).
    pub kernel_thread: bool,
}

/// Numbers of a `tcp_sock`, under `tcp_info`'s names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpNumbers {
    /// Smoothed round-trip time, microseconds; `None` before the first measurement.
    pub rtt_us: Option<u32>,
    /// Its mean deviation, microseconds.
    pub rttvar_us: Option<u32>,
    /// Segments retransmitted over the socket's life.
    pub retrans: u32,
    /// Bytes the peer has acknowledged.
    pub bytes_acked: u64,
    /// Bytes received in order.
    pub bytes_received: u64,
    /// Segments sent.
    pub segs_out: u32,
    /// Segments received.
    pub segs_in: u32,
    /// Congestion window, segments.
    pub cwnd: u32,
}

impl TcpNumbers {
    /// [`TcpNumbers::rtt_us`] as a span.
    pub fn rtt(&self) -> Option<Nanos> {
        self.rtt_us.map(|us| Nanos(u64::from(us) * 1_000))
    }
}

/// Why a socket sends a reset: a value of the kernel's `enum sk_rst_reason`, as this program spells
/// it: `tcp-abort-on-close`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetReason(pub &'static str);

/// One call of `inet_sock_set_state`, or what a minisocket tells in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: MonoNs,
    /// Whose.
    pub key: SocketKey,
    /// Address of the `struct sock`, for joining the events of one socket while its cookie is not
    /// known. No identity over time.
    pub sk: u64,
    /// Transport protocol.
    pub proto: Proto,
    /// Both ends, as far as the kernel had filled them in.
    pub tuple: Tuple,
    /// The state left.
    pub old: TcpState,
    /// The state entered.
    pub new: TcpState,
    /// The rest of what the socket carries.
    pub info: SocketInfo,
    /// `sk_err`, an errno or 0; `None` where this kernel does not tell.
    pub sk_err: Option<u32>,
    /// `sk_shutdown`: bit 0 receive side, bit 1 send side.
    pub shutdown: Option<u8>,
    /// `SOCK_DEAD`: the socket was orphaned.
    pub dead: Option<bool>,
    /// `SOCK_DONE`: the peer's FIN was received.
    pub done: Option<bool>,
    /// The running task.
    pub context: Option<Context>,
    /// Why it sent a reset with which it ended (`enum sk_rst_reason`, 6.10+), if it did.
    pub reset: Option<ResetReason>,
    /// Taken when `established` is left and when `closed` is entered.
    pub tcp: Option<TcpNumbers>,
    /// How it was learnt.
    pub observed: Observed,
}

impl Transition {
    /// Whether this is the first event of a passive socket, which the kernel clones from its
    /// listener (`inet_csk_clone_lock`): `old` is then the listener's state, in which this socket
    /// never was. A listener itself only goes to `Close`.
    pub fn is_child(&self) -> bool {
        Self::is_child_of(self.old, self.new)
    }

    /// The same of a transition of which only the states are known.
    pub fn is_child_of(old: TcpState, new: TcpState) -> bool {
        old == TcpState::Listen && !matches!(new, TcpState::Close | TcpState::Listen)
    }
}
