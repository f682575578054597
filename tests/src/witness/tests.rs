//! Lines of a kernel's own trace.

use super::*;

const TRACE: &str = "\
 a worker-75  [001] ..s1. 24377.208160: inet_sock_set_state: family=AF_INET6 protocol=IPPROTO_TCP sport=7001 dport=55486 saddr=127.0.0.6 daddr=127.0.0.6 saddrv6=fd98:0:0:3::3 daddrv6=fd98:0:0:3::2 oldstate=TCP_FIN_WAIT1 newstate=TCP_FIN_WAIT2
 a worker-75  [001] ..s1. 24377.208163: inet_sock_set_state: family=AF_INET6 protocol=IPPROTO_TCP sport=7001 dport=1 saddr=10.0.0.1 daddr=10.0.0.2 saddrv6=::ffff:10.0.0.1 daddrv6=::ffff:10.0.0.2 oldstate=TCP_FIN_WAIT1 newstate=TCP_FIN_WAIT2
 a worker-75  [001] ..s1. 24377.208170: inet_sock_set_state: family=AF_INET protocol=IPPROTO_TCP sport=5 dport=6 saddr=10.0.0.3 daddr=10.0.0.4 saddrv6=::ffff:10.0.0.3 daddrv6=::ffff:10.0.0.4 oldstate=TCP_FIN_WAIT1 newstate=TCP_FIN_WAIT2
 a worker-75  [001] ..s.. 24377.300000: timer_expire_entry: timer=00000000e3e6 function=tw_timer_handler now=4296 baseclk=4296
 a worker-75  [001] ..s.. 24377.300001: timer_expire_entry: timer=00000000e3e7 function=process_timeout now=4296 baseclk=4296
";

#[test]
fn a_trace_tells_sockets_and_ends() {
    let withheld = Withheld::read(TRACE);
    for addresses in [
        "fd98:0:0:3::3:7001 fd98:0:0:3::2:55486",
        "10.0.0.1:7001 10.0.0.2:1",
        "10.0.0.3:5 10.0.0.4:6",
    ] {
        assert!(withheld.has(addresses), "{addresses}: {withheld:?}");
    }
    assert!(!withheld.has("10.0.0.4:6 10.0.0.3:5"));
    assert_eq!(withheld.sockets.len(), 3);
    for state in ["time-wait", "fin-wait-2"] {
        assert_eq!(withheld.ends(state), Some(("tw_timer_handler", 1)));
    }
    assert_eq!(withheld.ends("syn-recv"), Some(("reqsk_timer_handler", 0)));
    assert_eq!(withheld.ends("established"), None);
}

/// Events of sockets, and among them some that are not.
const OTHERS: &str = "\
CPU:0 [LOST 5 EVENTS]
         worker-75   [000] D.s2.  1478.733324: timer_start: timer=000000005f550a68 function=reqsk_timer_handler expires=4295262146 [timeout=250] bucket_expiry=4295262152 cpu=0 idx=121 flags=P
         worker-75   [000] d..1.  1478.733337: timer_start: timer=0000000019548e00 function=tcp_write_timer expires=4295262146 [timeout=250] bucket_expiry=4295262152 cpu=0 idx=121 flags=
         worker-75   [000] D.s4.  1478.733642: timer_start: timer=000000009002c6c9 function=tw_timer_handler expires=4295276896 [timeout=15000] bucket_expiry=4295277056 cpu=0 idx=221 flags=
         worker-75   [000] ..s2.  1478.733648: tcp_destroy_sock: family=AF_INET sport=55302 dport=34405 saddr=127.0.0.1 daddr=127.0.0.1 saddrv6=::ffff:127.0.0.1 daddrv6=::ffff:127.0.0.1 sock_cookie=6e8de
         worker-75   [000] ..s2.  1478.733651: kfree_skb: skbaddr=00000000336028e7 rx_sk=0000000000000000 protocol=2048 location=sk_stream_kill_queues+0x57/0xf0 reason: QUEUE_PURGE
         worker-75   [000] ..s1.  1478.733685: tcp_send_reset: skbaddr=00000000336028e7 skaddr=0000000000000000 src=127.0.0.1:9 dest=127.0.0.1:38414 state=UNKNOWN reason=NO_SOCKET
         worker-75   [000] ..s1.  1478.733694: kfree_skb: skbaddr=00000000336028e7 rx_sk=0000000000000000 protocol=2048 location=tcp_v4_rcv+0x91/0x13f0 reason: NO_SOCKET
         worker-75   [000] ..s1.  1478.734057: kfree_skb: skbaddr=00000000a1598511 rx_sk=0000000000000000 protocol=34525 location=tcp_v6_rcv+0x34f/0x13b0 reason: NO_SOCKET
";

/// Those of sockets.
const OF_SOCKETS: [&str; 6] = [
    "timer_start: timer=000000005f550a68 function=reqsk_timer_handler ",
    "timer_start: timer=000000009002c6c9 function=tw_timer_handler ",
    "tcp_destroy_sock: family=AF_INET sport=55302 dport=34405 ",
    "tcp_send_reset: skbaddr=00000000336028e7 ",
    "location=tcp_v4_rcv+0x91/0x13f0 ",
    "location=tcp_v6_rcv+0x34f/0x13b0 ",
];

#[test]
fn only_what_is_of_sockets_counts() {
    let mut withheld = Withheld::read(OTHERS);
    let told = withheld.to_string();
    assert_eq!(told.lines().count(), OF_SOCKETS.len(), "{told}");
    for (event, what) in told.lines().zip(OF_SOCKETS) {
        assert!(
            event.starts_with("worker-75 ") && event.contains(what),
            "{event}"
        );
    }
    // Nothing has changed its state or ended.
    assert!(withheld.sockets.is_empty());
    assert_eq!(withheld.expired, [0, 0]);

    withheld.extend(Withheld::read(TRACE));
    assert_eq!(withheld.total, OF_SOCKETS.len() + 4);
    withheld.extend(Withheld::read(TRACE));
    assert_eq!((withheld.sockets.len(), withheld.expired), (3, [2, 0]));
}

#[test]
fn of_many_the_first_are_told_and_the_rest_are_counted() {
    let mut withheld = Withheld::read(&OTHERS.repeat(3));
    for (more, total) in [("", 18), ("and 16 more", 36)] {
        let told = withheld.to_string();
        assert_eq!(withheld.total, total);
        assert!(told.ends_with(more), "{told}");
        assert_eq!(withheld.first.len(), TOLD.min(total));
        withheld.extend(withheld.clone());
    }
}

#[test]
fn a_trace_of_nothing_tells_nothing() {
    for nothing in ["", " a worker-75 [001] ..s1. 1.0: kfree_skb: "] {
        let withheld = Withheld::read(nothing);
        assert!(withheld.is_empty());
        assert_eq!(withheld.to_string(), "");
    }
}
