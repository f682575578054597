//! The view on replies of a real kernel, whole and damaged.

use super::{
    super::{attributes::Malformed, fixtures},
    *,
};

#[test]
fn the_fields_of_an_established_socket() {
    let bytes = fixtures::bytes(fixtures::ESTABLISHED);
    let reply = Reply::new(&bytes).unwrap();
    assert_eq!((reply.family(), reply.state()), (2, 1));
    assert_eq!(
        (reply.timer(), reply.retrans(), reply.expires_ms()),
        (0, 0, 0)
    );
    assert_eq!((reply.sport(), reply.dport()), (40078, 7001));
    assert_eq!(reply.src_be()[..5], [127, 0, 0, 1, 0]);
    assert_eq!(reply.dst_be(), reply.src_be());
    assert_eq!((reply.ifindex(), reply.cookie()), (1, 0x1006));
    assert_eq!((reply.rqueue(), reply.wqueue()), (0, 0));
    assert_eq!((reply.uid(), reply.inode()), (0, 0x704d));
    let extras = Extras {
        mark: Some(42),
        cgroup_id: Some(1),
        shutdown: Some(0),
        ipv6_only: None,
        sockopt: Some(0x52),
        ..Extras::default()
    };
    assert_eq!(reply.extras(), extras);
    let kinds: Vec<_> = reply.attributes.map(|a| a.unwrap().0).collect();
    assert_eq!(kinds, [8, 15, 21, 22]);
}

#[test]
fn the_queues_of_a_listener() {
    let bytes = fixtures::bytes(fixtures::LISTENER_V6);
    let reply = Reply::new(&bytes).unwrap();
    assert_eq!((reply.family(), reply.state()), (10, 10));
    assert_eq!((reply.rqueue(), reply.wqueue()), (0, 9));
    assert_eq!((reply.sport(), reply.dport()), (7002, 0));
    assert_eq!(reply.extras().ipv6_only, Some(false));
}

#[test]
fn a_minisocket_has_a_timer_and_no_cgroup() {
    let bytes = fixtures::bytes(fixtures::TIME_WAIT);
    let reply = Reply::new(&bytes).unwrap();
    assert_eq!(
        (reply.state(), reply.timer(), reply.expires_ms()),
        (6, 3, 60_000)
    );
    assert_eq!(reply.extras().mark, Some(0));
    assert_eq!(reply.extras().cgroup_id, None);
}

#[test]
fn both_words_of_the_cookie_count() {
    let mut bytes = fixtures::bytes(fixtures::ESTABLISHED);
    bytes[48..52].copy_from_slice(&7_u32.to_le_bytes());
    assert_eq!(Reply::new(&bytes).unwrap().cookie(), 0x7_0000_1006);
}

#[test]
fn short_and_unknown_attributes_do_not_hide_the_others() {
    let mut bytes = fixtures::bytes(fixtures::TIME_WAIT);
    bytes.truncate(HEADER_BYTES);
    bytes.extend([6, 0, 15, 0, 1, 2, 0, 0]); // a mark of two bytes
    bytes.extend([8, 0, 0xff, 0x3f, 1, 2, 3, 4]); // a type of the future
    bytes.extend([16, 0, 21, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]); // a cgroup id that has grown
    bytes.extend([5, 0, 8, 0, 3]); // the last one, without padding
    let extras = Reply::new(&bytes).unwrap().extras();
    assert_eq!(extras.malformed, 1);
    assert_eq!(extras.mark, None);
    assert_eq!((extras.cgroup_id, extras.shutdown), (Some(9), Some(3)));
}

#[test]
fn an_overlong_attribute_ends_them() {
    let mut bytes = fixtures::bytes(fixtures::ESTABLISHED);
    bytes[HEADER_BYTES..HEADER_BYTES + 2].copy_from_slice(&200_u16.to_le_bytes());
    let reply = Reply::new(&bytes).unwrap();
    let malformed = Extras {
        malformed: 1,
        ..Extras::default()
    };
    assert_eq!(reply.extras(), malformed);
    assert_eq!(reply.attributes.collect::<Vec<_>>(), [Err(Malformed)]);
}

/// Reads everything there is.
fn read(bytes: &[u8]) {
    if let Some(reply) = Reply::new(bytes) {
        let _ = (reply.sport(), reply.dport(), reply.src_be(), reply.dst_be());
        let _ = (reply.cookie(), reply.inode(), reply.extras());
        assert!(reply.attributes.count() <= bytes.len() / 4 + 1);
    }
}

#[test]
fn no_damage_is_fatal() {
    for fixture in fixtures::INET {
        let whole = fixtures::bytes(fixture);
        for length in 0..whole.len() {
            read(&whole[..length]);
            assert_eq!(
                Reply::new(&whole[..length]).is_some(),
                length >= HEADER_BYTES
            );
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            for value in 0..=255 {
                damaged[at] = value;
                read(&damaged);
            }
        }
    }
}
