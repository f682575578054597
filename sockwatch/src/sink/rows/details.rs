//! What stands behind the columns of a row: a file here for each part of it, in the order in which `ss`
//! shows them.

mod inet;
mod memory;
mod netlink;
mod packet;
mod rate;
mod tcp_info;
mod timer;
mod unix;
mod upper;
mod users;
mod xdp;

use crate::{
    model::{Ask, Details, Netid, Peer, Row, Users, details::InetDetails, holders::Contexts},
    sink::put,
};

/// What is shown behind the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a part that is shown"
)]
pub struct DetailOptions {
    /// Who holds the socket.
    pub users: bool,
    /// With which security contexts.
    pub contexts: Contexts,
    /// Who holds the other end.
    pub peers: bool,
    /// The timer that runs, and with [`DetailOptions::info`] the options that TCP negotiated.
    pub timers: bool,
    /// What identifies the socket and its owner, and more.
    pub extended: bool,
    /// The filter of a packet socket.
    pub bpf: bool,
    /// Type of service.
    pub tos: bool,
    /// Path of the cgroup.
    pub cgroup: bool,
    /// Options of a socket with IP addresses, on a line of their own.
    pub sockopt: bool,
    /// Memory, on a line of its own.
    pub memory: bool,
    /// What the protocol knows inside, on the line of the memory.
    pub info: bool,
    /// No lines of its own for anything.
    pub one_line: bool,
    /// Rates with all their digits.
    pub numeric: bool,
}

impl DetailOptions {
    /// Nothing.
    pub const NONE: Self = Self {
        users: false,
        contexts: Contexts::None,
        peers: false,
        timers: false,
        extended: false,
        bpf: false,
        tos: false,
        cgroup: false,
        sockopt: false,
        memory: false,
        info: false,
        one_line: false,
        numeric: false,
    };

    /// Whether anything is.
    pub const fn any(self) -> bool {
        self.users
            || self.peers
            || self.timers
            || self.extended
            || self.bpf
            || self.tos
            || self.cgroup
            || self.sockopt
            || self.memory
            || self.info
    }

    /// What the header calls it.
    pub(super) const fn header(self) -> &'static str {
        if self.users || self.peers {
            "Process"
        } else {
            ""
        }
    }

    /// What the kernel has to be asked for; the few numbers of TCP, too, if `numbers`.
    pub fn ask(self, numbers: bool) -> Ask {
        Ask {
            memory: self.memory,
            numbers,
            info: self.info,
            tos: self.tos,
            extended: self.extended,
            filter: self.bpf,
        }
    }

    /// Whether the path of the cgroup is shown.
    pub const fn cgroup_paths(self) -> bool {
        self.extended || self.cgroup
    }
}

/// What is known of a socket besides its row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// Path of its cgroup below the cgroup2 mount.
    pub cgroup: Option<&'a str>,
    /// Who holds it.
    pub users: Users<'a>,
    /// The socket at the other end.
    pub peer: Option<Peer<'a>>,
}

/// Appends it all.
pub(super) fn write(out: &mut Vec<u8>, row: &Row<'_>, beside: &Beside<'_>, options: DetailOptions) {
    let mut parts = Parts::new(out, options.one_line);
    if options.users && !beside.users.is_empty() {
        users::write(parts.next(), beside.users, options.contexts);
    }
    if let Some(peer) = beside.peer.as_ref().filter(|_| options.peers) {
        users::write_peer(parts.next(), peer, options.contexts);
    }
    match &row.details {
        Details::Unix(details) => return unix::write(&mut parts, row, details, options),
        Details::Packet(details) => return packet::write(&mut parts, row, details, options),
        Details::Netlink(details) => return netlink::write(&mut parts, row, details, options),
        Details::Xdp(details) => return xdp::write(&mut parts, row, details, options),
        // The kernel tells no more than there is in the columns.
        Details::Vsock(_) => return,
        Details::None | Details::Inet(_) => {}
    }
    if let Some(timer) = row.timer.filter(|_| options.timers) {
        timer::write(parts.next(), timer);
    }
    let inet = row.details.inet();
    if options.extended && row.netid.is_inet() {
        inet::extended(&mut parts, row, beside.cgroup);
    }
    if let Some(inet) = inet.filter(|_| options.tos) {
        inet::tos(&mut parts, inet);
    }
    if options.cgroup {
        inet::cgroup(&mut parts, row, beside.cgroup);
    }
    if let Some(sockopt) = inet
        .and_then(|inet| inet.sockopt)
        .filter(|_| options.sockopt)
    {
        parts.line();
        inet::sockopt(parts.next(), sockopt);
    }
    if has_line(row, options) {
        parts.line();
        parts.indent();
    }
    if let Some(memory) = row.memory.filter(|_| options.memory) {
        memory::write(parts.next(), &memory);
    }
    if let Some(inet) = inet.filter(|_| options.info) {
        info(&mut parts, row, inet, options);
    }
}

/// Whether there is a line for memory and what the protocol knows. Of a minisocket neither is known,
/// and it has one.
fn has_line(row: &Row<'_>, options: DetailOptions) -> bool {
    if row.details.inet().is_some() {
        options.memory || (options.info && row.netid != Netid::Udp)
    } else {
        options.memory && row.memory.is_some()
    }
}

/// What the protocol knows inside.
fn info(parts: &mut Parts<'_>, row: &Row<'_>, inet: &InetDetails<'_>, options: DetailOptions) {
    let manner = tcp_info::Manner {
        options: options.timers,
        numeric: options.numeric,
        state: row.state,
    };
    tcp_info::write(parts, inet.tcp_info, inet.congestion.as_ref(), manner);
    upper::md5(parts, inet.md5);
    if let Some(ulp) = &inet.ulp {
        upper::ulp(parts, ulp);
    }
    if let Some(mptcp) = inet.mptcp {
        upper::mptcp(parts, mptcp);
    }
}

/// Appends `uid:1000 ino:7 sk:55`; the user is left out if it is root or unknown.
fn identity(parts: &mut Parts<'_>, row: &Row<'_>) {
    if let Some(uid @ 1..) = row.info.uid {
        put::number(parts.named("uid:"), uid);
    }
    put::number(parts.named("ino:"), row.info.inode.unwrap_or(0));
    if let Some(cookie) = row.cookie {
        put::hex(parts.named("sk:"), cookie);
    }
}

/// Which sides of a connection are open, by `sk_shutdown`.
const fn open_sides(shutdown: u8) -> &'static str {
    match shutdown & 3 {
        0 => "<->",
        1 => "-->",
        2 => "<--",
        _ => "---",
    }
}

/// Parts, with a blank between them, over one line or several.
struct Parts<'o> {
    out: &'o mut Vec<u8>,
    one_line: bool,
    /// Nothing was written yet.
    first: bool,
}

impl<'o> Parts<'o> {
    fn new(out: &'o mut Vec<u8>, one_line: bool) -> Self {
        Self {
            out,
            one_line,
            first: true,
        }
    }

    /// Where the next part goes.
    fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b' ');
        }
        self.out
    }

    /// Where the next part goes, behind its name, which needs no escape.
    fn named(&mut self, name: &'static str) -> &mut Vec<u8> {
        let out = self.next();
        out.extend_from_slice(name.as_bytes());
        out
    }

    /// Adds a number and its name, unless it is 0.
    fn count(&mut self, name: &'static str, number: impl Into<u64>) {
        let number = number.into();
        if number != 0 {
            put::number(self.named(name), number);
        }
    }

    /// Adds a number and its name, unless it is 0 or unknown.
    fn known(&mut self, name: &'static str, number: Option<impl Into<u64>>) {
        if let Some(number) = number {
            self.count(name, number);
        }
    }

    /// Adds a span, in milliseconds, and its name, unless it is 0.
    fn ms(&mut self, name: &'static str, us: u32) {
        if us != 0 {
            put::general(self.named(name), us.into(), 3, 6);
        }
    }

    /// Begins a line that belongs to the one above, unless all goes on one. It begins with a tab,
    /// like those of `ss`, which scripts look for; it is there even if nothing follows.
    fn line(&mut self) {
        if !self.one_line {
            self.out.extend_from_slice(b"\n\t");
            self.first = true;
        }
    }

    /// Has a blank stand before the next part, wherever that is.
    fn indent(&mut self) {
        self.first &= self.one_line;
    }
}
