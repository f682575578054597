//! Requests as bytes, replies of a real kernel, and the kernel under the test itself: sockets of
//! its own on the loopback device, which everybody may look at.

use std::net::{SocketAddr, TcpListener, TcpStream};

use super::{super::fixtures, *};

fn tuple(local: SocketAddr, peer: SocketAddr) -> Tuple {
    Tuple {
        family: Family::Inet,
        src: local.ip(),
        sport: local.port(),
        dst: peer.ip(),
        dport: peer.port(),
    }
}

fn look_for(src: &str, dst: &str, cookie: u64) -> LookFor {
    let (Ok(src), Ok(dst)) = (src.parse(), dst.parse()) else {
        panic!("{src} {dst}");
    };
    LookFor {
        cookie: NonZeroU64::new(cookie),
        tuple: tuple(src, dst),
        ifindex: 3,
    }
}

/// `nlmsghdr` up to the sequence number, and `inet_diag_req_v2`.
fn request(wanted: &LookFor) -> Vec<u8> {
    let mut bytes = Vec::new();
    exact::append(&mut bytes, wanted, 9);
    assert_eq!(bytes[..4], 72_u32.to_ne_bytes());
    assert_eq!(bytes[4..8], [20, 0, 1, 0]);
    assert_eq!(bytes[8..16], [9, 0, 0, 0, 0, 0, 0, 0]);
    bytes.split_off(16)
}

#[test]
fn a_request_names_the_socket() {
    let mut expected = vec![2, 6, 0, 0, 0, 0, 0, 0, 0x1f, 0x90, 0, 80, 10, 0, 0, 1];
    expected.resize(24 + 4, 0);
    expected.extend([10, 0, 0, 2]);
    expected.resize(24 + 20, 0);
    expected.extend([3, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 0xef, 0xcd, 0xab, 0x90]);
    let wanted = look_for("10.0.0.1:8080", "10.0.0.2:80", 0x90ab_cdef_1234_5678);
    assert_eq!(request(&wanted), expected);
    let bytes = request(&look_for("10.0.0.1:8080", "10.0.0.2:80", 0));
    assert_eq!(bytes[48..], [0xff; 8]);
}

#[test]
fn the_family_is_that_of_the_addresses() {
    let bytes = request(&look_for("[2001:db8::1]:1", "[2001:db8::2]:2", 7));
    assert_eq!(bytes[0], 10);
    assert_eq!(bytes[12..16], [0x20, 1, 0x0d, 0xb8]);
    assert_eq!((bytes[27], bytes[43]), (1, 2));
    let mut mapped = look_for("10.0.0.1:1", "10.0.0.2:2", 7);
    mapped.tuple.family = Family::Inet6;
    assert_eq!(request(&mapped)[0], 2);
}

#[test]
fn replies_tell_the_state() {
    let look = |fixture| looked(&fixtures::bytes(fixture)).unwrap();
    let found = look(fixtures::TIME_WAIT);
    assert_eq!(
        (found.state, found.cookie, found.left),
        (TcpState::TimeWait, 0x1007, Some(Nanos::from_ms(60_000)))
    );
    let found = look(fixtures::SYN_RECV);
    assert_eq!(
        (found.state, found.left),
        (TcpState::SynRecv, Some(Nanos::from_ms(996)))
    );
    assert_eq!(look(fixtures::LISTENER_V6).state, TcpState::Listen);
    assert_eq!(looked(&[0; 71]), Err(Unreadable));
}

/// What is there of `wanted`, in its order.
fn see(lookups: &mut Lookups, wanted: &[LookFor]) -> Vec<Option<TcpState>> {
    let mut seen = vec![Some(TcpState::Unknown(0)); wanted.len()];
    let looked = lookups.look(wanted, |place, found| {
        seen[place] = found.map(|found| found.state);
    });
    assert!(looked.is_ok(), "{looked:?}");
    assert_eq!(lookups.take_malformed(), 0);
    seen
}

#[test]
fn the_kernel_knows_what_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    let ends = |cookie| LookFor {
        cookie: NonZeroU64::new(cookie),
        tuple: tuple(peer, listener.local_addr().unwrap()),
        ifindex: 0,
    };
    let own = netns::own().unwrap();
    let mut lookups = Lookups::open(&own).unwrap();
    let mut cookie = 0;
    lookups
        .look(&[ends(0)], |_, found| cookie = found.unwrap().cookie)
        .unwrap();
    assert_ne!(cookie, 0);
    let established = Some(TcpState::Established);
    // More than are asked at once, so that places are counted across.
    let mut wanted = vec![ends(cookie + 1); 3 * AT_ONCE + 5];
    let mut expected = vec![None; wanted.len()];
    for place in [0, AT_ONCE, 3 * AT_ONCE + 4] {
        wanted[place] = ends(cookie);
        expected[place] = established;
    }
    assert_eq!(see(&mut lookups, &wanted), expected);

    drop(client);
    drop(server);
    // Looked at without its cookie a connection that is gone is not taken for its listener.
    let mut other = ends(0);
    other.tuple = tuple(
        listener.local_addr().unwrap(),
        "127.0.0.1:1".parse().unwrap(),
    );
    assert_eq!(
        see(&mut lookups, &[ends(cookie), other]),
        [Some(TcpState::TimeWait), None]
    );
}
