mod stories;

use super::*;
use crate::{
    filter::{
        On,
        expr::{Compare, End, HostTest, Ports, Prefix, Term},
    },
    model::{AddressFamily, Cause, Family, Proto, StateSet, TcpState},
};

fn ports(range: std::ops::RangeInclusive<i64>) -> Vec<Ports> {
    vec![Ports { range, only: None }]
}

fn port(end: End, compare: Compare, number: i64) -> Expr {
    Expr::Term(Term::Port {
        end,
        family: None,
        compare,
        ports: ports(number..=number),
    })
}

fn host(end: End, address: &str, len: u8) -> Expr {
    Expr::Term(Term::Host {
        end,
        host: HostTest::Inet {
            family: None,
            prefixes: vec![Prefix {
                address: address.parse().unwrap(),
                len,
            }],
            ports: Vec::new(),
        },
    })
}

fn not(expr: Expr) -> Expr {
    Expr::Not(Box::new(expr))
}

/// What is pushed, in words.
fn pushed(expr: &Expr) -> String {
    Prefilter::new(&Selection::default(), expr)
        .map_or_else(|| "none".to_owned(), |prefilter| prefilter.to_string())
}

#[test]
fn ports_become_ranges() {
    use Compare::{Eq, Ge, Gt, Lt, Ne};
    use End::{Dst, Src};
    assert_eq!(pushed(&port(Dst, Eq, 443)), "dport 443");
    assert_eq!(pushed(&port(Src, Lt, 1024)), "sport 0-1023");
    assert_eq!(pushed(&port(Src, Gt, 1024)), "sport 1025-65535");
    assert_eq!(pushed(&port(Src, Ne, 22)), "sport 0-21 or sport 23-65535");
    assert_eq!(pushed(&not(port(Src, Ge, 22))), "sport 0-21");
    assert_eq!(pushed(&not(port(Src, Ge, 0))), "nothing");
    assert_eq!(pushed(&port(Src, Eq, 70_000)), "nothing");
    assert_eq!(pushed(&port(Src, Lt, 70_000)), "none");
}

#[test]
fn prefixes_are_bridged_to_mapped_addresses() {
    assert_eq!(pushed(&host(End::Dst, "10.1.2.3", 8)), "dst 10.0.0.0/8");
    assert_eq!(
        pushed(&host(End::Src, "fd00::1", 64)),
        "inet6 src [fd00::]/64"
    );
    assert_eq!(
        pushed(&not(host(End::Dst, "10.1.2.3", 32))),
        "not dst 10.1.2.3/32"
    );
    assert_eq!(
        pushed(&not(host(End::Src, "::1", 128))),
        "inet or inet6 not src [::1]/128"
    );
}

#[test]
fn terms_that_cannot_be_pushed_are_true_under_both_signs() {
    let cause = Expr::Term(Term::Cause(Compare::Eq, vec![Cause::Refused]));
    assert_eq!(pushed(&cause), "none");
    assert_eq!(pushed(&not(cause.clone())), "none");
    let both = Expr::And(vec![cause.clone(), port(End::Dst, Compare::Eq, 443)]);
    assert_eq!(pushed(&both), "dport 443");
    let either = Expr::Or(vec![cause, port(End::Dst, Compare::Eq, 443)]);
    assert_eq!(pushed(&either), "none");
    let unix = Expr::Term(Term::Port {
        end: End::Src,
        family: Some(AddressFamily::Unix),
        compare: Compare::Eq,
        ports: ports(1..=1),
    });
    assert_eq!(pushed(&unix), "nothing");
}

#[test]
fn too_many_clauses_are_merged_with_their_neighbours() {
    let listed = (0..20).map(|n| port(End::Dst, Compare::Eq, 10 * n + i64::from(n > 9) * 20_000));
    let prefilter = Prefilter::new(&Selection::default(), &Expr::Or(listed.collect())).unwrap();
    assert_eq!(prefilter.clauses.len(), CLAUSES);
    // The gap between the two groups is the last that would be bridged.
    let spans_gap = |clause: &Clause| clause.dport.0 < 1_000 && clause.dport.1 > 20_000;
    assert!(!prefilter.clauses.iter().any(spans_gap), "{prefilter}");
}

#[test]
fn a_selection_is_one_condition_more() {
    let selection = Selection {
        protos: vec![Proto::Tcp],
        families: vec![Family::Inet],
        netns: Some(7),
        ..Selection::default()
    };
    let expr = Expr::Or(vec![
        port(End::Dst, Compare::Eq, 443),
        port(End::Src, Compare::Eq, 443),
    ]);
    assert_eq!(
        Prefilter::new(&selection, &expr).unwrap().to_string(),
        "inet tcp dport 443 netns 7 or inet tcp sport 443 netns 7"
    );
    assert_eq!(
        Prefilter::new(&Selection::default(), &Expr::EVERYTHING),
        None
    );
}

/// The changes that are kept, of those that TCP makes.
fn kept(states: &[TcpState], on: On) -> Vec<(u8, u8)> {
    let selection = Selection {
        states: StateSet::of(states),
        on,
        ..Selection::default()
    };
    let kept = states::kept(&selection);
    let changes = [
        (7, 2),
        (2, 1),
        (2, 7),
        (7, 10),
        (10, 7),
        (10, 3),
        (3, 1),
        (1, 4),
        (4, 5),
        (5, 7),
        (1, 8),
        (8, 9),
        (9, 7),
        (1, 7),
    ];
    let is_kept = |&(old, new): &(u8, u8)| kept[usize::from(old)] >> new & 1 == 1;
    changes.into_iter().filter(is_kept).collect()
}

#[test]
fn state_changes_are_left_out_where_nothing_shown_depends_on_them() {
    let listening = kept(&[TcpState::Listen], On::Both);
    assert_eq!(
        listening,
        [(2, 7), (7, 10), (10, 7), (5, 7), (9, 7), (1, 7)],
        "closed is where a listener begins"
    );
    let opening = kept(&[TcpState::SynSent], On::Both);
    assert_eq!(
        opening,
        [
            (7, 2),
            (2, 1),
            (2, 7),
            (7, 10),
            (10, 7),
            (5, 7),
            (9, 7),
            (1, 7)
        ]
    );
    let established = kept(&[TcpState::Established], On::Leave);
    assert_eq!(
        established,
        [
            (7, 2),
            (2, 1),
            (2, 7),
            (7, 10),
            (10, 7),
            (10, 3),
            (3, 1),
            (1, 4),
            (1, 8),
            (1, 7)
        ]
    );
    // What ends `syn-sent` tells the port of what began it.
    assert!(kept(&[TcpState::SynSent], On::Enter).contains(&(2, 1)));
    assert_eq!(kept(&[TcpState::Close], On::Enter).len(), 14);
}

/// A listener that was closed and connects: what is remembered of it has to learn that.
#[test]
fn a_known_socket_that_opens_again_passes_though_its_state_is_not_asked_for() {
    let selection = Selection {
        states: StateSet::of(&[TcpState::Listen]),
        ..Selection::default()
    };
    let expr = port(End::Src, Compare::Eq, 80);
    let filter = Prefilter::new(&selection, &expr).unwrap().to_kernel();
    for (has_cookie, dropped) in [(true, false), (false, true)] {
        assert_eq!(
            stories::opening_is_dropped(&filter, 40_000, has_cookie),
            dropped
        );
    }
}

/// connect() fails where no port is left: then the connection has none, which is less than any.
#[test]
fn an_opening_passes_that_may_get_no_port() {
    for (compare, dropped) in [(Compare::Lt, false), (Compare::Eq, true)] {
        let expr = port(End::Src, compare, 80);
        let filter = Prefilter::new(&Selection::default(), &expr)
            .unwrap()
            .to_kernel();
        assert_eq!(stories::opening_is_dropped(&filter, 0, false), dropped);
    }
}
