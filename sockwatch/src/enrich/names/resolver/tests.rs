//! The resolver with lookups that answer when they are told to.

use std::{sync::mpsc, time::Duration};

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

fn address(n: u32) -> IpAddr {
    std::net::Ipv4Addr::from(0x0a00_0000 + n).into()
}

/// Waits for the next answer and takes it in at `now`.
fn wait(resolver: &mut Resolver, now: MonoNs) {
    let answer = resolver.answers.recv_timeout(DEADLINE).unwrap();
    resolver.learn(answer, now);
}

#[test]
fn the_first_sight_asks_and_the_next_has_the_name() {
    let mut resolver = Resolver::spawn(|a| Some(format!("host-{a}"))).unwrap();
    assert_eq!(resolver.name(address(1), MonoNs(1)), None);
    wait(&mut resolver, MonoNs(1));
    assert_eq!(resolver.name(address(1), MonoNs(2)), Some("host-10.0.0.1"));
    assert_eq!(resolver.pending, 0);
}

#[test]
fn absence_is_remembered_for_its_time() {
    let mut resolver = Resolver::spawn(|_| None).unwrap();
    resolver.name(address(1), MonoNs(0));
    wait(&mut resolver, MonoNs(0));
    resolver.name(address(1), MonoNs(NO_NAME_TTL.0 - 1));
    assert_eq!(resolver.pending, 0);
    resolver.name(address(1), MonoNs(NO_NAME_TTL.0));
    assert_eq!(resolver.pending, 1);
}

#[test]
fn an_outdated_name_serves_until_the_new_one_is_there() {
    let mut answers = ["first", "second"].into_iter();
    let mut resolver = Resolver::spawn(move |_| answers.next().map(Into::into)).unwrap();
    resolver.name(address(1), MonoNs(0));
    wait(&mut resolver, MonoNs(0));
    let late = MonoNs(NAME_TTL.0);
    assert_eq!(resolver.name(address(1), late), Some("first"));
    wait(&mut resolver, late);
    assert_eq!(resolver.name(address(1), late), Some("second"));
}

#[test]
fn a_stuck_lookup_neither_blocks_nor_grows() {
    let (release, held) = mpsc::channel::<()>();
    let mut resolver = Resolver::spawn(move |_| {
        held.recv().ok();
        None
    })
    .unwrap();
    for n in 0..20_000 {
        assert_eq!(resolver.name(address(n), MonoNs(n.into())), None);
    }
    assert!(resolver.pending <= QUEUE + 1);
    assert!(resolver.cache.len() <= 2 * REMEMBERED);
    drop(release);
}

#[test]
fn what_was_used_lately_is_kept() {
    let mut resolver = Resolver::spawn(|a| Some(a.to_string() + ".test")).unwrap();
    resolver.name(address(0), MonoNs(0));
    wait(&mut resolver, MonoNs(0));
    for n in 1..20_000 {
        resolver.name(address(n), MonoNs(1));
        if n % 1000 == 0 {
            assert_eq!(resolver.name(address(0), MonoNs(1)), Some("10.0.0.0.test"));
        }
    }
}
