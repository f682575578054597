//! A row of a dump, in the words of the model.
//!
//! No I/O. Does not merge rows with what the probes saw.

use super::view::Reply;
use crate::model::{Family, Proto, SocketInfo, TcpState, Tuple};

/// A socket that a dump showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedSocket {
    /// Transport protocol: that of the dump.
    pub proto: Proto,
    /// Socket cookie. The dump gives one to every socket that had none, half-open ones too, and
    /// their accepted connections inherit it (`inet_csk_clone_lock`).
    pub cookie: u64,
    /// Both ends.
    pub tuple: Tuple,
    /// Its state; half-open is `SynRecv`, as `ss` shows it.
    pub state: TcpState,
    /// What else it carries.
    pub info: SocketInfo,
}

impl SeedSocket {
    /// From a reply to a dump of `proto` in the network namespace with inode number `netns`.
    ///
    /// `None` if the family is neither IPv4 nor IPv6.
    pub(super) fn from_reply(
        reply: &Reply<'_>,
        extras: &super::view::Extras,
        proto: Proto,
        netns: u32,
    ) -> Option<Self> {
        let family = Family::from_kernel(u16::from(reply.family()))?;
        let state = match TcpState::from_kernel(reply.state()) {
            TcpState::NewSynRecv => TcpState::SynRecv,
            state => state,
        };
        Some(Self {
            proto,
            cookie: reply.cookie(),
            tuple: Tuple::from_kernel(
                family,
                (&reply.src_be(), reply.sport()),
                (&reply.dst_be(), reply.dport()),
            ),
            state,
            info: SocketInfo {
                netns: Some(netns),
                ifindex: Some(reply.ifindex()),
                mark: extras.mark,
                uid: uid(reply),
                cgroup_id: extras.cgroup_id,
                inode: Some(u64::from(reply.inode())),
            },
        })
    }
}

/// The owner, unless the kernel could not tell.
///
/// Minisockets, half-open connections and (until Linux 6.16) sockets that no file holds are shown
/// with uid 0 (`inet_twsk_diag_fill`, `inet_req_diag_fill`, `sock_i_uid`); none has an inode.
fn uid(reply: &Reply<'_>) -> Option<u32> {
    let untold = reply.inode() == 0 && reply.uid() == 0;
    (!untold).then(|| reply.uid())
}
