mod others;

use std::net::IpAddr;

use super::*;
use crate::{
    model::{Endpoint, Family, Netid, TcpState},
    sink::samples,
};

const OPTIONS: RowOptions = RowOptions {
    netid: true,
    state: true,
    queues: true,
    details: DetailOptions::NONE,
    header: true,
    terminal: None,
};

fn named() -> RowNames {
    let services = "ssh 22/tcp\nhttp 80/tcp\ndomain 53/udp\nhigh 40000/tcp\n";
    RowNames {
        services: Some(Services::parse(services, 32768..=60999)),
        protocols: Some(Protocols::parse("icmp 1\nospf 89\n")),
        hosts: None,
        devices: Some(Devices::here().unwrap()),
    }
}

fn numeric() -> RowNames {
    RowNames {
        services: None,
        protocols: None,
        ..named()
    }
}

fn ip(family: Family, address: &str, port: u16) -> Endpoint<'static> {
    let address: IpAddr = address.parse().unwrap();
    Endpoint::Ip {
        family,
        address,
        port,
    }
}

fn inet(netid: Netid, state: TcpState, local: (&str, u16), peer: (&str, u16)) -> Row<'static> {
    let family = if peer.0.contains(':') {
        Family::Inet6
    } else {
        Family::Inet
    };
    let (local, peer) = (ip(family, local.0, local.1), ip(family, peer.0, peer.1));
    Row::new(netid, state, local, peer)
}

fn unix(name: &'static [u8], inode: u32, peer: u32) -> Row<'static> {
    let end = |name, inode| Endpoint::Unix { name, inode };
    Row::new(
        Netid::UnixStream,
        TcpState::Established,
        end(name, inode),
        end(b"", peer),
    )
}

fn packet(protocol: u16, ifindex: u32) -> Row<'static> {
    let end = |protocol, ifindex| Endpoint::Link { protocol, ifindex };
    Row::new(
        Netid::PacketRaw,
        TcpState::Close,
        end(protocol, ifindex),
        end(0, 0),
    )
}

fn netlink(protocol: u8, portid: u32) -> Row<'static> {
    let end = |portid| Endpoint::Netlink { protocol, portid };
    Row::new(Netid::Netlink, TcpState::Close, end(portid), end(0))
}

/// One of each kind, and of each look.
fn rows() -> Vec<Row<'static>> {
    use TcpState::{Close, Established, Listen};
    let mut bound = inet(Netid::Tcp, Listen, ("0.0.0.0", 80), ("0.0.0.0", 0));
    bound.info.ifindex = Some(1);
    (bound.recv_q, bound.send_q) = (2, 4096);
    let mut v6_only = inet(Netid::Tcp, Listen, ("::", 81), ("::", 0));
    v6_only.ipv6_only = Some(true);
    // No process has this id.
    let mut connected = netlink(0, 2_000_000_000);
    connected.peer_group = Some(0);
    let vsock = |cid, port| Endpoint::Vsock { cid, port };
    vec![
        netlink(0, 0),
        netlink(16, u32::MAX - 4095),
        netlink(200, u32::MAX),
        connected,
        packet(3, 0),
        packet(0x0800, 1),
        packet(0x1234, 9_999_999),
        packet(0, 0),
        unix(b"/run/x y", 1001, 1002),
        unix(b"", 1002, 1001),
        unix(b"@a\x1b[31m\n", 1003, 0),
        inet(Netid::Raw, Close, ("0.0.0.0", 1), ("0.0.0.0", 0)),
        inet(Netid::Raw, Close, ("::", 255), ("::", 0)),
        inet(Netid::Udp, Close, ("127.0.0.1", 53), ("0.0.0.0", 0)),
        bound,
        v6_only,
        inet(Netid::Tcp, Listen, ("::", 80), ("::", 0)),
        inet(
            Netid::Tcp,
            Established,
            ("127.0.0.1", 40000),
            ("127.0.0.1", 80),
        ),
        inet(Netid::Tcp, Established, ("127.0.0.1", 80), ("::1", 40000)),
        Row::new(
            Netid::VsockStream,
            Listen,
            vsock(u32::MAX, 22),
            vsock(u32::MAX, u32::MAX),
        ),
    ]
}

fn render(options: RowOptions, names: RowNames, rows: &[Row<'_>]) -> String {
    let mut list = Rows::new(options, names);
    let mut out = Vec::new();
    for row in rows {
        list.push(row, &Beside::default(), &mut out, |_| {});
    }
    list.finish(&mut out, |_| {});
    String::from_utf8(out).unwrap()
}

#[test]
fn with_names() {
    insta::assert_snapshot!(render(OPTIONS, named(), &rows()));
}

#[test]
fn numbers() {
    insta::assert_snapshot!(render(OPTIONS, numeric(), &rows()));
}

#[test]
fn columns_can_be_left_out() {
    let options = RowOptions {
        netid: false,
        state: false,
        details: DetailOptions::NONE,
        queues: false,
        header: false,
        terminal: None,
    };
    let row = inet(
        Netid::Tcp,
        TcpState::Listen,
        ("127.0.0.1", 1),
        ("0.0.0.0", 0),
    );
    let rows = [
        row,
        inet(
            Netid::Tcp,
            TcpState::Listen,
            ("1.1.1.1", 65535),
            ("0.0.0.0", 0),
        ),
    ];
    let shown = render(options, numeric(), &rows);
    assert_eq!(
        shown,
        "127.0.0.1:1     0.0.0.0:*\n  1.1.1.1:65535 0.0.0.0:*\n"
    );
}

#[test]
fn a_list_of_nothing_has_its_header() {
    let header = "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port\n";
    assert_eq!(render(OPTIONS, numeric(), &[]), header);
    let without = RowOptions {
        header: false,
        ..OPTIONS
    };
    assert_eq!(render(without, numeric(), &[]), "");
}

#[test]
fn no_line_ends_in_a_blank_and_none_is_broken() {
    for terminal in [None, Some(20), Some(200)] {
        let options = RowOptions {
            terminal,
            ..OPTIONS
        };
        let shown = render(options, named(), &rows());
        assert_eq!(shown.lines().count(), rows().len() + 1);
        assert!(shown.lines().all(|line| !line.ends_with(' ')));
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
    }
}

#[test]
fn spare_room_is_spread_and_never_exceeded() {
    let plain = render(OPTIONS, numeric(), &rows());
    let wide = render(
        RowOptions {
            terminal: Some(120),
            ..OPTIONS
        },
        numeric(),
        &rows(),
    );
    let longest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest(&plain) < longest(&wide) && longest(&wide) <= 120);
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&plain), words(&wide));
}

#[test]
fn host_names_are_shown_where_there_are_some() {
    let names = RowNames {
        hosts: Some(Hosts::new(|_| Some("h\x07ome".to_owned()))),
        ..numeric()
    };
    let row = inet(Netid::Tcp, TcpState::Listen, ("::1", 1), ("::", 0));
    let shown = render(OPTIONS, names, &[row]);
    assert!(
        shown.contains(" h\\u{7}ome:1 ") && shown.ends_with(" *:*\n"),
        "{shown}"
    );
}

#[test]
fn thousands_may_hold_one_socket() {
    use crate::model::holders::{ContextId, Gathering, Task};
    let mut found = Gathering::default();
    for pid in 1..=4000 {
        found.descriptor(5, pid, ContextId::NONE);
        found.task(Task {
            pid,
            tid: None,
            comm: crate::model::Comm::from_bytes(b"worker"),
            context: ContextId::NONE,
        });
    }
    let holders = found.finish();
    let mut options = OPTIONS;
    options.details.users = true;
    let mut list = Rows::new(options, numeric());
    let mut out = Vec::new();
    let row = inet(Netid::Tcp, TcpState::Listen, ("::1", 1), ("::", 0));
    for inode in [5, 6, 5] {
        let beside = Beside {
            users: holders.users(inode),
            ..Beside::default()
        };
        list.push(&row, &beside, &mut out, |_| {});
    }
    list.finish(&mut out, |_| {});
    let shown = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(
        lines[0].ends_with("Peer Address:Port Process"),
        "{}",
        lines[0]
    );
    let holders = |line: &str| line.matches("worker").count();
    let counts: Vec<usize> = lines.iter().copied().map(holders).collect();
    assert_eq!(counts, [0, 4000, 0, 4000]);
    assert!(lines[3].ends_with(r#"("worker",pid=1,fd=1))"#));
    assert!(lines[2].ends_with("*:*"), "{}", lines[2]);
}

#[test]
fn a_long_list_comes_out_in_blocks() {
    let mut list = Rows::new(OPTIONS, numeric());
    let mut out = Vec::new();
    let row = inet(
        Netid::Tcp,
        TcpState::Listen,
        ("127.0.0.1", 1),
        ("0.0.0.0", 0),
    );
    let mut pushed = 0;
    while out.is_empty() {
        list.push(&row, &Beside::default(), &mut out, |_| {});
        pushed += 1;
    }
    let lines = String::from_utf8(out).unwrap().lines().count();
    assert_eq!(lines, pushed + 1);
}

/// Everything that `ss` shows behind the columns.
const ALL_DETAILS: DetailOptions = DetailOptions {
    users: false,
    contexts: crate::model::holders::Contexts::None,
    peers: false,
    timers: true,
    extended: true,
    tos: true,
    cgroup: true,
    sockopt: true,
    memory: true,
    info: true,
    bpf: false,
    one_line: false,
    numeric: false,
};

fn deep(details: DetailOptions, cgroup: Option<&str>) -> String {
    let options = RowOptions {
        details,
        header: false,
        ..OPTIONS
    };
    let mut list = Rows::new(options, numeric());
    let mut out = Vec::new();
    let beside = Beside {
        cgroup,
        ..Beside::default()
    };
    samples::deep::each(|row| list.push(row, &beside, &mut out, |_| {}));
    list.finish(&mut out, |_| {});
    String::from_utf8(out).unwrap()
}

#[test]
fn details_over_lines() {
    insta::assert_snapshot!(deep(ALL_DETAILS, Some("/a\u{1b}b")));
}

#[test]
fn details_on_one_line_and_numbers_in_full() {
    let details = DetailOptions {
        one_line: true,
        numeric: true,
        ..ALL_DETAILS
    };
    insta::assert_snapshot!(deep(details, None));
}

#[test]
fn each_detail_by_itself() {
    for (details, expected) in [
        (
            DetailOptions {
                extended: true,
                ..DetailOptions::NONE
            },
            "uid:1000 ino:4711 sk:abc fwmark:0x2a cgroup:/x v6only:1 -->",
        ),
        (
            DetailOptions {
                tos: true,
                ..DetailOptions::NONE
            },
            "tos:0x10 tclass:0 class_id:0x10001",
        ),
        (
            DetailOptions {
                cgroup: true,
                ..DetailOptions::NONE
            },
            "cgroup:/x",
        ),
    ] {
        let text = deep(details, Some("/x"));
        let first = text.lines().next().unwrap();
        let (_, behind) = first.split_once("40000 ").unwrap();
        assert_eq!(behind, expected);
    }
    let memory = DetailOptions {
        memory: true,
        ..DetailOptions::NONE
    };
    let text = deep(memory, None);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 12, "{text}");
    assert!(lines[0].ends_with(":40000"));
    assert_eq!(lines[1], "\t skmem:(r1,rb2,t3,tb4,f5,w6,o7,bl8,d9)");
    // The listener tells nothing.
    assert_eq!(lines[9], "\t");
}
