//! What a row alone does not say: owners, paths of cgroups, who chose a port.
//!
//! Each is found out only where the filter, or the output, asks for it.

use std::ops::RangeInclusive;

use rustc_hash::FxHashSet;

use super::super::{
    Failure, clock,
    config::ListConfig,
    owners::{self, Found},
};
use super::{list_failure, peers::Peers, what_to_show};
use crate::{
    enrich::{cgroup::Paths, local_ports, owners::Search},
    explain::one_line,
    filter::{Expr, Needs, View, bytecode, expr::Term},
    model::{Ask, Endpoint, Holders, MonoNs, Owner, Peer, Row, TcpState, Users},
    source::diag::{self, Query, inside},
};

/// The first name of a unix socket that the kernel chooses: `@` and five hex digits
/// (`net/unix/af_unix.c`, `unix_autobind`).
const AUTOBIND_DIGITS: usize = 5;

/// Ports of vsock from here on are given to sockets that ask for none (`net/vmw_vsock/af_vsock.c`,
/// `LAST_RESERVED_PORT`).
const VSOCK_RESERVED: u32 = 1023;

/// What is known besides the rows.
pub(super) struct Facts {
    holders: Option<Holders>,
    /// Whether holders that hide are still to be searched for, once a socket is met that nobody seems
    /// to hold.
    may_be_hidden: bool,
    /// The processes that hold the row's socket, if the filter asks for them.
    processes: Option<Vec<Owner>>,
    peers: Option<Peers>,
    cgroups: Option<Paths>,
    ports: Option<ChosenPorts>,
    at: MonoNs,
}

/// What the output has besides a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct More<'a> {
    /// Who holds it; `None` where nobody was looked for.
    pub(super) users: Option<Users<'a>>,
    pub(super) peer: Option<Peer<'a>>,
    pub(super) cgroup: Option<&'a str>,
    /// It was closed just now.
    pub(super) killed: bool,
}

/// Ports that the kernel chose.
struct ChosenPorts {
    /// Cookies of the sockets whose port nobody bound.
    unbound: FxHashSet<u64>,
    /// What the kernel chooses from.
    range: RangeInclusive<u16>,
}

impl Facts {
    /// Finds out what `needs` and the output ask for.
    pub(super) fn gather(
        config: &ListConfig,
        query: &Query<'_>,
        needs: Needs,
    ) -> Result<Self, Failure> {
        let wants_cgroups = needs.cgroup_path || config.json || config.details.cgroup_paths();
        let mut facts = Self {
            holders: None,
            may_be_hidden: false,
            processes: needs.owners.then(Vec::new),
            peers: None,
            cgroups: wants_cgroups.then(|| Paths::find().ok()).flatten(),
            ports: None,
            at: clock::mono(),
        };
        if needs.autobound {
            facts.ports = Some(chosen_ports(config, query)?);
        }
        if config.details.peers {
            facts.peers = Some(Peers::find(&config.tables, config.netns.as_ref())?);
        }
        if needs.owners || config.json || config.details.users || config.details.peers {
            facts.holders = facts.find_holders(config, query, needs)?;
        }
        Ok(facts)
    }

    /// Gives `each` the view of a row, and what the output may want.
    pub(super) fn of(&mut self, row: &Row<'_>, each: impl FnOnce(&View<'_>, More<'_>)) {
        let autobound = self.autobound(row);
        if self.may_be_hidden && self.seems_unheld(row) {
            self.search_the_hidden();
        }
        let holders = self.holders.as_ref();
        let inode = row.info.inode.unwrap_or(0);
        let users = holders.map(|holders| holders.users(inode));
        if let Some(processes) = &mut self.processes {
            processes.clear();
            processes.extend(users.unwrap_or_default().processes());
        }
        let peers = self.peers.as_ref().zip(holders);
        let paths = self.cgroups.as_mut();
        let cgroup = paths
            .zip(row.info.cgroup_id)
            .and_then(|(paths, id)| paths.path(id, self.at));
        let view = View {
            cgroup,
            autobound,
            owners: self.processes.as_deref().unwrap_or_default(),
            rtt: row.tcp.and_then(|tcp| tcp.rtt()),
            retrans: row.tcp.map(|tcp| tcp.retrans.into()),
            ..View::of(row.netid, row.local, row.peer, &row.info)
        };
        let more = More {
            users,
            peer: peers.and_then(|(peers, holders)| peers.of(row, holders)),
            cgroup,
            killed: false,
        };
        each(&view, more);
    }

    fn autobound(&self, row: &Row<'_>) -> Option<bool> {
        match row.local {
            Endpoint::Ip { port, .. } => {
                let ports = self.ports.as_ref()?;
                Some(ports.range.contains(&port) && ports.unbound.contains(&row.cookie?))
            }
            other => autobound_by_name(&other),
        }
    }

    /// Who holds sockets, if that can be found out; it has to be where the filter asks for it.
    fn find_holders(
        &mut self,
        config: &ListConfig,
        query: &Query<'_>,
        needs: Needs,
    ) -> Result<Option<Holders>, Failure> {
        let all_are_asked_for = needs.owners || config.details.peers;
        // A dump costs less than a search among many, and may show that nobody need be found.
        let wanted = (!all_are_asked_for && is_narrow(config) && owners::are_many())
            .then(|| self.wanted(config, query, needs))
            .transpose()?;
        let found = owners::find_quickly(Search {
            wanted: wanted.as_ref(),
            owner_only: !config.details.users && !all_are_asked_for,
            threads: config.threads,
            contexts: config.details.contexts,
            limit: None,
        });
        match found {
            // Who hides may hold what others hold, too.
            Ok(found) if found.may_be_hidden && needs.owners => {
                let found = owners::find(Search::default());
                Ok(Some(told_of(found.map_err(Failure::runtime)?)))
            }
            Ok(found) if found.may_be_hidden => {
                self.may_be_hidden = true;
                Ok(Some(found.holders))
            }
            Ok(found) => Ok(Some(told_of(found))),
            Err(error) if needs.owners => Err(Failure::runtime(error)),
            Err(error) => {
                log::warn!("{}", one_line(&error));
                Ok(None)
            }
        }
    }

    fn seems_unheld(&self, row: &Row<'_>) -> bool {
        let holders = self.holders.as_ref().zip(row.info.inode);
        holders.is_some_and(|(holders, inode)| inode != 0 && holders.users(inode).is_empty())
    }

    fn search_the_hidden(&mut self) {
        self.may_be_hidden = false;
        match owners::find(Search::default()) {
            Ok(found) => self.holders = Some(told_of(found)),
            Err(error) => log::warn!("{}", one_line(&error)),
        }
    }

    /// Inode numbers of the sockets that the filter leaves.
    fn wanted(
        &mut self,
        config: &ListConfig,
        query: &Query<'_>,
        needs: Needs,
    ) -> Result<FxHashSet<u64>, Failure> {
        let mut wanted = FxHashSet::default();
        let query = Query {
            ask: Ask {
                numbers: needs.tcp_info,
                ..Ask::default()
            },
            ..*query
        };
        let listed = diag::list(config.netns.as_ref(), &query, |row| {
            let inode = row.info.inode.filter(|&inode| inode != 0);
            self.of(row, |view, _| {
                wanted.extend(inode.filter(|_| config.filter.matches(view)));
            });
        });
        listed.map_err(list_failure)?;
        Ok(wanted)
    }
}

/// Whether few sockets are to be expected.
fn is_narrow(config: &ListConfig) -> bool {
    config.filter != Expr::EVERYTHING || !config.tables.states.contains(TcpState::Established)
}

/// Says what was not seen.
fn told_of(found: Found) -> Holders {
    if let Some(why) = found.unseen() {
        log::warn!("owners: {why}");
    }
    found.holders
}

/// The kernel's half of `autobound` is no part of a reply: it is asked for by a program of its own.
fn chosen_ports(config: &ListConfig, query: &Query<'_>) -> Result<ChosenPorts, Failure> {
    let autobound = Expr::Term(Term::Autobound);
    let shown = |netid, family| what_to_show(bytecode::compile(&autobound, netid, family, false));
    let inet: Vec<_> = query
        .netids
        .iter()
        .copied()
        .filter(|netid| netid.is_inet())
        .collect();
    let query = Query {
        netids: &inet,
        shown: &shown,
        ask: Ask::default(),
        ..*query
    };
    let mut unbound = FxHashSet::default();
    diag::list(config.netns.as_ref(), &query, |row| {
        unbound.extend(row.cookie);
    })
    .map_err(list_failure)?;
    let range = match &config.netns {
        Some(netns) => inside::inside(netns, local_ports::range).map_err(Failure::runtime)?,
        None => local_ports::range(),
    };
    Ok(ChosenPorts { unbound, range })
}

/// Whether the kernel chose the name: for families where it shows. `None` for those with ports.
fn autobound_by_name(end: &Endpoint<'_>) -> Option<bool> {
    match *end {
        Endpoint::Unix { name: b"", .. } => Some(true),
        Endpoint::Unix { name, .. } => Some(name.strip_prefix(b"@").is_some_and(|rest| {
            rest.len() == AUTOBIND_DIGITS && rest.iter().all(u8::is_ascii_hexdigit)
        })),
        Endpoint::Link { protocol, ifindex } => Some(protocol == 0 && ifindex == 0),
        Endpoint::Netlink { portid, .. } => Some(portid.cast_signed() < 0),
        Endpoint::Vsock { port, .. } => Some(port > VSOCK_RESERVED),
        Endpoint::Xdp { .. } | Endpoint::Tipc => Some(false),
        Endpoint::Ip { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_kernel_chose_are_known_by_their_look() {
        let unix = |name: &'static [u8]| autobound_by_name(&Endpoint::Unix { name, inode: 1 });
        for (name, expected) in [
            (&b""[..], true),
            (b"@0001f", true),
            (b"@0001", false),
            (b"@0001g", false),
            (b"00001f", false),
            (b"@00001f", false),
        ] {
            assert_eq!(unix(name), Some(expected), "{name:?}");
        }
        let netlink = |portid| {
            autobound_by_name(&Endpoint::Netlink {
                protocol: 0,
                portid,
            })
        };
        assert_eq!(netlink(4242), Some(false));
        assert_eq!(netlink(u32::MAX - 7), Some(true));
        let vsock = |port| autobound_by_name(&Endpoint::Vsock { cid: 2, port });
        assert_eq!(vsock(1023), Some(false));
        assert_eq!(vsock(1024), Some(true));
        let packet = |protocol, ifindex| autobound_by_name(&Endpoint::Link { protocol, ifindex });
        assert_eq!(packet(0, 0), Some(true));
        assert_eq!(packet(3, 0), Some(false));
        assert_eq!(packet(0, 1), Some(false));
    }
}
