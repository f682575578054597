//! TCP, UDP, raw, DCCP, SCTP and MPTCP sockets.
//!
//! Knows the meaning of the fields; where they lie, `view` does. What SCTP tells of itself is not read.

mod congestion;
mod md5;
mod mptcp;
mod tcp_info;
mod ulp;

use super::{
    super::view::{Extras, Reply},
    Read, Reader, memory,
};
use crate::model::{
    Ask, Details, Endpoint, Family, Netid, Row, SocketInfo, TcpNumbers, TcpState, Timer, TimerKind,
    Tuple,
    details::{Congestion, InetDetails, Md5Key, MptcpInfo, SocketOptions, TcpInfo},
};

/// Reads replies to a dump of one protocol.
pub(in super::super) struct Inet {
    /// The protocol that was asked for; replies do not tell it.
    netid: Netid,
    /// Inode number of the network namespace.
    netns: Option<u32>,
    /// What was asked for.
    ask: Ask,
    /// Of the last row.
    scratch: Scratch,
}

/// What a row refers to.
#[derive(Default)]
struct Scratch {
    tcp_info: TcpInfo,
    mptcp: MptcpInfo,
    md5: Vec<Md5Key>,
    ulp: ulp::Scratch,
}

impl Inet {
    /// For replies that show only what all do.
    pub(in super::super) fn new(netid: Netid, netns: Option<u32>) -> Self {
        Self::asked(netid, netns, Ask::default())
    }

    /// For replies to a request that asks for more. What comes unasked is read, too, if it is not dear.
    pub(in super::super) fn asked(netid: Netid, netns: Option<u32>, ask: Ask) -> Self {
        Self {
            netid,
            netns,
            ask,
            scratch: Scratch::default(),
        }
    }

    /// The few numbers of TCP, and how many attributes made no sense.
    fn numbers(&self, extras: &Extras<'_>) -> (Option<TcpNumbers>, u32) {
        match extras.info {
            Some(bytes) if self.netid == Netid::Tcp => {
                let numbers = tcp_info::numbers(bytes);
                (numbers, u32::from(numbers.is_none()))
            }
            _ => (None, 0),
        }
    }
}

impl Reader for Inet {
    /// `None` also if the family is neither IPv4 nor IPv6.
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>> {
        let reply = Reply::new(payload)?;
        let extras = reply.extras();
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
        let (tcp, mut malformed) = self.numbers(&extras);
        malformed += extras.malformed;
        let mut memory = None;
        if let Some(bytes) = extras.memory {
            malformed += u32::from(!memory::set(&mut memory, bytes));
        }
        let mut details = InetDetails {
            sockopt: extras.sockopt.map(SocketOptions),
            tos: extras.tos,
            tclass: extras.tclass,
            class_id: extras.class_id,
            ..InetDetails::default()
        };
        if self.ask.info {
            malformed += self.scratch.info(self.netid, &extras, &mut details);
        }
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
            memory,
            details: Details::Inet(details),
            reply: payload,
            ..Row::new(self.netid, state, local, peer)
        };
        Some(Read { row, malformed })
    }
}

impl Scratch {
    /// What the protocol knows inside. Says how many attributes made no sense.
    fn info<'a>(
        &'a mut self,
        netid: Netid,
        extras: &Extras<'a>,
        details: &mut InetDetails<'a>,
    ) -> u32 {
        let mut malformed = 0;
        match (netid, extras.info) {
            (Netid::Tcp, Some(bytes)) => {
                // What it is too short for is counted with the numbers.
                if let Some(info) = tcp_info::read(bytes) {
                    self.tcp_info = info;
                    details.tcp_info = Some(&self.tcp_info);
                }
            }
            (Netid::Mptcp, Some(bytes)) => match mptcp::read(bytes) {
                Some(info) => {
                    self.mptcp = info;
                    details.mptcp = Some(&self.mptcp);
                }
                None => malformed += 1,
            },
            _ => {}
        }
        let (congestion, wrong) = congestion_of(extras);
        details.congestion = congestion;
        malformed += wrong;
        if let Some(bytes) = extras.md5 {
            malformed += md5::read(bytes, &mut self.md5);
            details.md5 = &self.md5;
        }
        if let Some(bytes) = extras.ulp {
            let (ulp, wrong) = ulp::read(bytes, &mut self.ulp);
            details.ulp = Some(ulp);
            malformed += wrong;
        }
        malformed
    }
}

/// The congestion control, and how many attributes of it made no sense.
fn congestion_of<'a>(extras: &Extras<'a>) -> (Option<Congestion<'a>>, u32) {
    let (bytes, read): (_, fn(&[u8]) -> _) = match (extras.vegas, extras.dctcp, extras.bbr) {
        (_, _, Some(bytes)) => (Some(bytes), congestion::bbr),
        (_, Some(bytes), _) => (Some(bytes), congestion::dctcp),
        (vegas, ..) => (vegas, congestion::vegas),
    };
    let numbers = bytes.and_then(read);
    let name = extras.congestion.map(text);
    let told = name.is_some() || numbers.is_some();
    (
        told.then_some(Congestion { name, numbers }),
        u32::from(bytes.is_some() && numbers.is_none()),
    )
}

/// A text of the kernel, up to its NUL.
fn text(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == 0);
    &bytes[..end.unwrap_or(bytes.len())]
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
