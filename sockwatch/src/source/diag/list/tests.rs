//! Lists of our own namespace, which take no privilege.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    os::{linux::net::SocketAddrExt, unix::net},
};

use rustix::io::Errno;

use super::*;
use crate::model::{Endpoint, TcpState};

fn all(_: Netid, _: Family) -> Shown {
    Shown::All
}

fn everything() -> Query<'static> {
    Query {
        netids: &Netid::ALL,
        families: &AddressFamily::ALL,
        states: StateSet::ALL,
        shown: &all,
        ask: Ask::default(),
    }
}

/// A row's table, state, and local port.
type Seen = (Netid, TcpState, Option<u16>);

fn seen(query: &Query<'_>) -> (Vec<Seen>, Listed) {
    let mut rows = Vec::new();
    let listed = list(None, query, |row| {
        let port = match row.local {
            Endpoint::Ip { port, .. } => Some(port),
            _ => None,
        };
        rows.push((row.netid, row.state, port));
    })
    .unwrap();
    (rows, listed)
}

fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

#[test]
fn tables_come_in_the_order_of_ss() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let (rows, listed) = seen(&everything());
    assert_eq!(listed.malformed, 0);
    let udp = (
        Netid::Udp,
        TcpState::Close,
        Some(udp.local_addr().unwrap().port()),
    );
    let tcp = (Netid::Tcp, TcpState::Listen, Some(port_of(&tcp)));
    assert_eq!(rows.iter().filter(|row| **row == udp).count(), 1);
    assert_eq!(rows.iter().filter(|row| **row == tcp).count(), 1);
    // The request's own socket.
    assert!(rows.iter().any(|row| row.0 == Netid::Netlink));
    let dumps: Vec<_> = rows
        .iter()
        .map(|row| DUMPS.iter().position(|dump| dump.contains(&row.0)))
        .collect();
    assert!(dumps.is_sorted());
}

#[test]
fn the_dumps_show_every_table_once() {
    assert_eq!(DUMPS.concat(), Netid::ALL);
    for together in DUMPS {
        for netid in together {
            assert_eq!(netid.families(), together[0].families());
        }
    }
}

#[test]
fn unix_sockets_are_sorted_out_by_type() {
    let name = format!("sockwatch-list-{}", std::process::id());
    let address = net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = net::UnixListener::bind_addr(&address).unwrap();
    let named = |netids: &[Netid]| {
        let query = Query {
            netids,
            ..everything()
        };
        let mut found = Vec::new();
        list(None, &query, |row| match row.local {
            Endpoint::Unix { name: shown, .. } if shown[..].ends_with(name.as_bytes()) => {
                found.push((row.netid, shown.to_vec()));
            }
            _ => {}
        })
        .unwrap();
        found
    };
    let stream = vec![(Netid::UnixStream, format!("@{name}").into_bytes())];
    assert_eq!(named(&[Netid::UnixDgram, Netid::UnixStream]), stream);
    assert_eq!(named(&[Netid::UnixDgram]), []);
}

#[test]
fn states_and_families_narrow_the_list() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = port_of(&listener);
    let count = |states: &[TcpState], family| {
        let query = Query {
            netids: &[Netid::Tcp],
            families: &[family],
            states: StateSet::of(states),
            ..everything()
        };
        let ours = |row: &&Seen| row.2 == Some(port);
        seen(&query).0.iter().filter(ours).count()
    };
    assert_eq!(count(&[TcpState::Listen], AddressFamily::Inet), 1);
    assert_eq!(count(&[TcpState::Established], AddressFamily::Inet), 0);
    assert_eq!(count(&[TcpState::Listen], AddressFamily::Inet6), 0);
    assert_eq!(count(&[TcpState::Close], AddressFamily::Inet), 0);
}

#[test]
fn the_program_decides_in_the_kernel() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = port_of(&listener);
    // sport >= port and sport <= port; to jump 4 past the end is to reject.
    let program = move |_, _| {
        let op = |code: u8, yes: u8, no: u16| {
            let [n0, n1] = no.to_ne_bytes();
            [code, yes, n0, n1]
        };
        let ge = [op(2, 8, 20), op(0, 0, port)];
        let le = [op(3, 8, 12), op(0, 0, port)];
        Shown::Passed([ge.concat(), le.concat()].concat())
    };
    let query = Query {
        netids: &[Netid::Tcp],
        families: &[AddressFamily::Inet],
        shown: &program,
        ..everything()
    };
    let (rows, listed) = seen(&query);
    assert_eq!(rows, [(Netid::Tcp, TcpState::Listen, Some(port))]);
    assert_eq!(listed.lesser, []);
}

#[test]
fn a_refused_program_costs_no_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let row = (Netid::Tcp, TcpState::Listen, Some(port_of(&listener)));
    let query = Query {
        netids: &[Netid::Tcp],
        families: &[AddressFamily::Inet],
        shown: &|_, _| Shown::Passed(vec![250, 4, 4, 0]),
        ..everything()
    };
    let (rows, listed) = seen(&query);
    assert_eq!(rows.iter().filter(|seen| **seen == row).count(), 1);
    assert_eq!((listed.lesser.len(), listed.absent.len()), (1, 0));
    assert!(
        listed.lesser[0]
            .why
            .starts_with("tcp inet: the kernel refused")
    );
}

/// Passes every socket: a jump to its end.
fn pass(_: Netid, _: Family) -> Shown {
    Shown::Passed(vec![1, 4, 4, 0])
}

/// Local ports and states of a list of TCP sockets that may hold so many bytes back.
fn ports(query: &Query<'_>, held_bytes: usize) -> (Vec<(AddressFamily, TcpState, u16)>, Listed) {
    let mut rows = Vec::new();
    let mut lister = Lister::new(query, None, |row: &Row<'_>| {
        if let Endpoint::Ip { family, port, .. } = row.local {
            rows.push((family.into(), row.state, port));
        }
    });
    lister.held_bytes = held_bytes;
    let listed = lister.run();
    (rows, listed)
}

#[test]
fn one_walk_for_both_families_shows_what_two_show() {
    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let v6 = TcpListener::bind("[::1]:0").unwrap();
    let held: Vec<_> = [&v4, &v6, &v4, &v6]
        .iter()
        .map(|listener| TcpStream::connect(listener.local_addr().unwrap()).unwrap())
        .collect();
    let bound = rustix::net::socket(
        rustix::net::AddressFamily::INET6,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    rustix::net::bind(&bound, &"[::1]:0".parse::<std::net::SocketAddr>().unwrap()).unwrap();
    let mut ours: Vec<u16> = held
        .iter()
        .map(|stream| stream.local_addr().unwrap().port())
        .collect();
    let bound = std::net::TcpListener::from(bound);
    ours.extend([port_of(&v4), port_of(&v6), port_of(&bound)]);
    let list =
        |families: &[AddressFamily], shown: &(dyn Fn(Netid, Family) -> Shown + Sync), limit| {
            let query = Query {
                netids: &[Netid::Tcp],
                families,
                shown,
                ..everything()
            };
            let (mut rows, listed) = ports(&query, limit);
            assert_eq!(
                (listed.degraded, listed.lesser, listed.malformed),
                (vec![], vec![], 0)
            );
            rows.retain(|row| ours.contains(&row.2));
            rows
        };
    let both = [AddressFamily::Inet, AddressFamily::Inet6];
    let mut apart = list(&both[..1], &all, 0);
    apart.extend(list(&both[1..], &all, 0));
    // Each connection has two ends.
    assert!(apart.len() >= 10, "{apart:?}");
    for shown in [all, pass] {
        for limit in [tcp::HELD_BYTES, 300, 0] {
            assert_eq!(list(&both, &shown, limit), apart, "{limit}");
        }
    }
}

#[test]
fn what_shows_nothing_is_not_asked_for() {
    let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let only_v6 = |_, family| match family {
        Family::Inet => Shown::Nothing,
        Family::Inet6 => Shown::All,
    };
    let query = Query {
        netids: &[Netid::Raw, Netid::Udp, Netid::Tcp],
        shown: &only_v6,
        ..everything()
    };
    let (rows, _) = ports(&query, tcp::HELD_BYTES);
    assert!(rows.iter().all(|row| row.0 == AddressFamily::Inet6));
}

#[test]
fn numbers_of_tcp_come_when_asked_for() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = connection.local_addr().unwrap().port();
    for asked in [false, true] {
        let query = Query {
            netids: &[Netid::Tcp],
            ask: Ask {
                numbers: asked,
                ..Ask::default()
            },
            ..everything()
        };
        let mut numbers = Vec::new();
        list(None, &query, |row| {
            if matches!(row.local, Endpoint::Ip { port: ours, .. } if ours == port) {
                numbers.push(row.tcp.is_some());
            }
        })
        .unwrap();
        assert_eq!(numbers, [asked]);
    }
}

#[test]
fn a_reply_that_does_not_fit_is_asked_for_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let query = Query {
        netids: &[Netid::Tcp],
        families: &[AddressFamily::Inet],
        states: StateSet::of(&[TcpState::Listen]),
        ..everything()
    };
    let mut found = 0;
    let mut lister = Lister::new(&query, None, |row: &Row<'_>| {
        found += usize::from(
            matches!(row.local, Endpoint::Ip { port, .. } if port == port_of(&listener)),
        );
    });
    lister.buffer = Vec::with_capacity(64);
    assert_eq!(lister.run().degraded, []);
    assert_eq!(found, 1);
}

#[test]
fn a_file_that_is_no_network_namespace_is_an_error() {
    let other = std::fs::File::open("/proc/self/ns/uts").unwrap();
    let netns = Netns {
        inode: 1,
        name: Some("blue".to_owned()),
        fd: other.into(),
    };
    let error = list(Some(&netns), &everything(), |row| panic!("{row:?}")).unwrap_err();
    let line = crate::explain::one_line(&error);
    let begin = "cannot list the sockets of network namespace \"blue\": not ";
    assert!(line.starts_with(begin), "{line}");
}

#[test]
fn a_table_that_is_not_there_is_absent_and_one_that_is_refused_has_failed() {
    let query = everything();
    let mut lister = Lister::new(&query, None, |row: &Row<'_>| panic!("{row:?}"));
    let refused = |errno: Errno| Err(WireError::Refused(errno.into()));
    for family in ["inet", "inet6"] {
        let absent = refused(Errno::NOENT);
        lister.note(&[Netid::Dccp], Netid::Dccp, family, absent);
        lister.note(&[Netid::Udp], Netid::Udp, family, refused(Errno::NOENT));
        lister.note(&[Netid::Sctp], Netid::Sctp, family, refused(Errno::PERM));
    }
    assert_eq!(lister.absent, [Netid::Dccp]);
    assert_eq!(lister.failed, [Netid::Udp, Netid::Sctp]);
    assert_eq!(lister.failures.into_degraded(WHAT).len(), 2);
}
