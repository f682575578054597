//! Lines of a kernel's own trace.

use super::*;

const TRACE: &str = "\
# tracer: nop
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
