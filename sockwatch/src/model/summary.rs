//! How many sockets a network namespace has, kind by kind.

/// Counts of one network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Sockets of every family that a process or the kernel has open.
    pub sockets: u64,
    /// TCP by state.
    pub tcp: TcpSummary,
    /// Raw sockets.
    pub raw: ByFamily,
    /// UDP sockets that are bound.
    pub udp: ByFamily,
    /// TCP sockets in the kernel's tables: listening, or with a peer. No minisockets.
    pub tcp_hashed: ByFamily,
    /// Queues of fragments that wait for the rest of their datagram.
    pub fragments: ByFamily,
}

impl Summary {
    /// Raw, UDP and TCP together.
    pub const fn inet(&self) -> ByFamily {
        ByFamily {
            inet: self.raw.inet + self.udp.inet + self.tcp_hashed.inet,
            inet6: self.raw.inet6 + self.udp.inet6 + self.tcp_hashed.inet6,
        }
    }

    /// TCP sockets of all states, minisockets in TIME-WAIT included; those that are closed only where
    /// their number is known.
    pub fn tcp_total(&self) -> u64 {
        let tcp = &self.tcp;
        self.tcp_hashed.total() + tcp.time_wait + tcp.closed.unwrap_or(0)
    }
}

/// TCP sockets by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpSummary {
    /// ESTABLISHED and CLOSE-WAIT: `CurrEstab` (RFC 4022, `tcpCurrEstab`).
    pub established: u64,
    /// Neither listening nor with a peer. `None`: the kernel counts them for all namespaces
    /// together, and there are others.
    pub closed: Option<u64>,
    /// No process holds them any more, but they have something to send or to wait for.
    pub orphaned: u64,
    /// Minisockets: TIME-WAIT, and FIN-WAIT-2 without a process.
    pub time_wait: u64,
}

/// A count of sockets of either family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByFamily {
    /// IPv4.
    pub inet: u64,
    /// IPv6, sockets that use it for IPv4 included.
    pub inet6: u64,
}

impl ByFamily {
    /// Both.
    pub const fn total(self) -> u64 {
        self.inet + self.inet6
    }
}
