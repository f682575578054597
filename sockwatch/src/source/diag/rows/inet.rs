//! TCP, UDP, raw, DCCP, SCTP and MPTCP sockets.
//!
//! Knows the meaning of the fields; where they lie, `view` does.

use super::{
    super::view::{Extras, Reply},
    Read, Reader,
};
use crate::model::{
    Endpoint, Family, Netid, Row, SocketInfo, TcpNumbers, TcpState, Timer, TimerKind, Tuple,
};

/// Reads replies to a dump of one protocol.
pub(in super::super) struct Inet {
    /// The protocol that was asked for; replies do not tell it.
    pub(in super::super) netid: Netid,
    /// Inode number of the network namespace.
    pub(in super::super) netns: Option<u32>,
}

impl Reader for Inet {
    /// `None` also if the family is neither IPv4 nor IPv6.
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>> {
        let reply = Reply::new(payload)?;
        let extras = reply.extras();
        let mut malformed = extras.malformed;
        let family = Family::from_kernel(u16::from(reply.family()))?;
        let state = match TcpState::from_kernel(reply.state()) {
            TcpState::NewSynRecv => TcpState::SynRecv,
            state => state,
        };
        let tuple = Tuple::from_kernel(
            family,
            (&reply.src_be(), reply.sport()),
            (&reply.dst_be(), reply.dport()),
        );
        let tcp = match extras.info {
            Some(bytes) if self.netid == Netid::Tcp => {
                let numbers = tcp_numbers(bytes);
                malformed += u32::from(numbers.is_none());
                numbers
            }
            _ => None,
        };
        let (local, peer) = Endpoint::of_tuple(&tuple);
        let row = Row {
            recv_q: reply.rqueue(),
            send_q: reply.wqueue(),
            info: info(&reply, &extras, self.netns),
            cookie: Some(reply.cookie()),
            ipv6_only: extras.ipv6_only,
            shutdown: extras.shutdown,
            tcp,
            timer: timer(&reply),
            ..Row::new(self.netid, state, local, peer)
        };
        Some(Read { row, malformed })
    }
}

fn info(reply: &Reply<'_>, extras: &Extras<'_>, netns: Option<u32>) -> SocketInfo {
    // Minisockets, half-open connections and (until Linux 6.16) sockets that no file holds are shown
    // with uid 0 (`inet_twsk_diag_fill`, `inet_req_diag_fill`, `sock_i_uid`); none has an inode.
    let uid_untold = reply.inode() == 0 && reply.uid() == 0;
    SocketInfo {
        netns,
        ifindex: Some(reply.ifindex()),
        mark: extras.mark,
        uid: (!uid_untold).then(|| reply.uid()),
        cgroup_id: extras.cgroup_id,
        inode: Some(u64::from(reply.inode())),
    }
}

fn timer(reply: &Reply<'_>) -> Option<Timer> {
    TimerKind::from_kernel(reply.timer()).map(|kind| Timer {
        kind,
        expires_ms: reply.expires_ms(),
        retrans: reply.retrans(),
    })
}

/// `struct tcp_info` (`include/uapi/linux/tcp.h`), as far as Linux 4.2 has it; `None` if it is
/// shorter.
fn tcp_numbers(info: &[u8]) -> Option<TcpNumbers> {
    let at = |offset: usize| {
        let bytes = info.get(offset..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*bytes))
    };
    let wide = |offset: usize| {
        let bytes = info.get(offset..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*bytes))
    };
    // Not measured: `tcp_get_info` gives 0, and the initial deviation.
    let rtt_us = at(68)?;
    let measured = |number: u32| (rtt_us != 0).then_some(number);
    Some(TcpNumbers {
        rtt_us: measured(rtt_us),
        rttvar_us: measured(at(72)?),
        retrans: at(100)?,
        bytes_acked: wide(120)?,
        bytes_received: wide(128)?,
        segs_out: at(136)?,
        segs_in: at(140)?,
        cwnd: at(80)?,
    })
}
