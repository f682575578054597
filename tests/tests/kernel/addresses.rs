//! Addresses and ports: both families, the one inside the other, and when a port is known.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener};

use anyhow::Result;
use libtest_mimic::Trial;
use rustix::net::{AddressFamily, bind, connect};
use serde_json::json;
use sockwatch_tests::{
    flows::{LOOPBACK, Pair, sk, socket, tcp4},
    json::Watch,
    netns::Netns,
    story::{exactly, in_order},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        ipv6,
        ipv4_on_an_ipv6_listener,
        ipv4_from_an_ipv6_socket,
        without_timers_the_port_is_unknown_until_it_is_chosen,
        bound_port_is_known_at_once,
    ]
}

fn ipv6(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind("[::1]:0")?;
    let address = listener.local_addr()?;
    let pair = Pair::between(listener, address)?;
    let (client, server) = (pair.client_sk.clone(), pair.server_sk.clone());
    let port = pair.client.local_addr()?.port();
    pair.close_by_client()?;
    watch.wait_until(&client, "time-wait")?;
    watch.wait_until_closed(&[&server])?;
    let record = watch.finish()?;
    let side = |sport, dport| {
        json!({
            "new": "established", "family": "inet6", "src": "::1", "sport": sport,
            "dst": "::1", "dport": dport,
        })
    };
    in_order(&record.of_socket(&client), &[side(port, address.port())])?;
    in_order(&record.of_socket(&server), &[side(address.port(), port)])?;
    let listening = json!({"family": "inet6", "src": "::1", "dst": "::", "dport": null});
    exactly(&record.matching(&json!({"new": "listening"})), &[listening])
}

fn ipv4_on_an_ipv6_listener(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind("[::]:0")?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.local_addr()?.port()));
    let pair = Pair::between(listener, address)?;
    let established = json!({"sk": pair.server_sk, "new": "established"});
    watch.wait_for(&established, 1)?;
    let record = watch.finish()?;
    let mapped = json!({
        "family": "inet6", "src": "127.0.0.1", "sport": address.port(), "dst": "127.0.0.1",
        "dport": pair.client.local_addr()?.port(),
        "owner": {"pid": std::process::id(), "how": "unaccepted"},
    });
    exactly(&record.matching(&established), &[mapped])
}

fn ipv4_from_an_ipv6_socket(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let port = listener.local_addr()?.port();
    let client = socket(AddressFamily::INET6, None)?;
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
    connect(&client, &SocketAddrV6::new(mapped, port, 0, 0))?;
    let established = json!({"sk": sk(&client)?, "new": "established"});
    watch.wait_for(&established, 1)?;
    let record = watch.finish()?;
    let told = json!({"family": "inet6", "src": "127.0.0.1", "dst": "127.0.0.1", "dport": port});
    exactly(&record.matching(&established), &[told])
}

fn without_timers_the_port_is_unknown_until_it_is_chosen(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &["--no-minisock"])?;
    let pair = Pair::open()?;
    let sk = pair.client_sk.clone();
    let (port, _) = pair.ports()?;
    pair.reset_by_client()?;
    watch.wait_until_closed(&[&sk])?;
    let record = watch.finish()?;
    let ports = [json!(null), json!(port), json!(port)];
    let expected: Vec<_> = ports.iter().map(|port| json!({"sport": port})).collect();
    exactly(&record.of_socket(&sk), &expected)
}

fn bound_port_is_known_at_once(netns: &Netns) -> Result<()> {
    const PORT: u16 = 20_123;
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let client = tcp4()?;
    bind(&client, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, PORT))?;
    connect(
        &client,
        &listener.local_addr()?.to_string().parse::<SocketAddrV4>()?,
    )?;
    let sk = sk(&client)?;
    watch.wait_for(&json!({"sk": sk, "new": "established"}), 1)?;
    let record = watch.finish()?;
    let (begun, done) = (
        json!({"new": "syn-sent", "sport": PORT}),
        json!({"sport": PORT}),
    );
    exactly(&record.of_socket(&sk), &[begun, done])
}
