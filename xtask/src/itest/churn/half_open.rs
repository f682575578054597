//! Stories of connections that are half-open, or that nobody answers.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use rustix::net::{AddressFamily, bind};
use sockwatch_tests::syn::Injector;

use super::sockets::{Route, begin_to_connect, listener};
use super::worker::Worker;
use crate::itest::site::{NOBODY, Site, beside_nobody, lose_answers, nobodies, unsure};

/// Those who send SYNs in the name of nobody, one in each namespace.
pub(super) struct Nobodies(Vec<Injector>);

impl Nobodies {
    pub(super) fn open(site: &Site) -> Result<Self> {
        let mut injectors = Vec::new();
        for place in &site.places {
            place.enter()?;
            injectors.push(Injector::open()?);
        }
        Ok(Self(injectors))
    }
}

/// A SYN that was sent in the name of nobody.
#[derive(Clone, Copy)]
struct Sent {
    place: usize,
    from: SocketAddr,
    to: SocketAddr,
    seq: u32,
}

impl Worker {
    fn send_syn(&mut self, place: usize, v6: usize, port: u16) -> Result<Sent> {
        let number = self.dice.number();
        let source = 1_024 + u16::try_from(self.dice.below(60_000))?;
        let sent = Sent {
            place,
            from: SocketAddr::new(nobodies(number)[v6], source),
            to: SocketAddr::new(beside_nobody()[v6], port),
            seq: number,
        };
        self.resend(sent)?;
        Ok(sent)
    }

    fn resend(&self, sent: Sent) -> Result<()> {
        self.nobodies.0[sent.place].syn(sent.from, sent.to, sent.seq)
    }

    fn anywhere(&mut self) -> usize {
        self.dice.below(self.site.places.len())
    }
}

/// A SYN whose answer nobody gets, at a listener that stays; sometimes it is sent again, sometimes
/// taken back.
pub(super) fn half_open(worker: &mut Worker) -> Result<()> {
    let (place, v6) = (worker.anywhere(), usize::from(worker.dice.coin()));
    let dual = v6 == 1 || worker.dice.coin();
    let sent = worker.send_syn(place, v6, worker.inbox.port(dual))?;
    let hold = worker.dice.hold();
    match worker.dice.below(4) {
        0 => worker.later(hold, move |worker| {
            let after_syn = sent.seq.wrapping_add(1);
            worker.nobodies.0[sent.place].reset(sent.from, sent.to, after_syn)
        }),
        1 => worker.later(hold, move |worker| worker.resend(sent)),
        _ => Ok(()),
    }
}

/// The listener goes while connections to it are half-open.
pub(super) fn listener_goes(worker: &mut Worker) -> Result<()> {
    let (place, v6) = (worker.anywhere(), usize::from(worker.dice.coin()));
    let any = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()][v6];
    let port = 10_000 + u16::try_from(worker.dice.below(10_000))?;
    let going = listener(&worker.site.places[place], any, port, 8)?;
    for _ in 0..=worker.dice.below(4) {
        worker.send_syn(place, v6, port)?;
    }
    let hold = worker.dice.hold();
    worker.later(hold, move |_| {
        drop(going);
        Ok(())
    })
}

/// Connecting to somebody who never answers, until it is given up by one or the other.
pub(super) fn no_answer(worker: &mut Worker) -> Result<()> {
    let place = worker.anywhere();
    let target = match worker.dice.below(3) {
        0 => SocketAddr::new(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 2).into(), 80),
        _ => SocketAddr::new(NOBODY, 80),
    };
    let family = if target.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let client = worker.socket(place, family)?;
    begin_to_connect(&client, &target)?;
    // Where one SYN is all that is tried again, the kernel gives up after three seconds.
    let hold = worker.dice.hold() + Duration::from_secs(4) * u32::from(worker.dice.once_in(3));
    worker.later(hold, move |_| {
        drop(client);
        Ok(())
    })
}

/// Answers to the client get lost for a while: it is half-open at one side, and connecting at the
/// other, and then it comes to be.
pub(super) fn late_answer(worker: &mut Worker) -> Result<()> {
    // The two ends belong to this thread alone, and to one story at a time.
    if worker.losing {
        return Ok(());
    }
    let server = usize::try_from(worker.number)?;
    let client = server + 1;
    lose_answers(&worker.site.places[server], [server, client], true)?;
    worker.losing = true;
    let pause = worker.dice.between(300, 1_900);
    worker.later(pause, move |worker| {
        worker.losing = false;
        lose_answers(&worker.site.places[server], [server, client], false)
    })?;
    for _ in 0..4 {
        let route = Route::v4(client, server);
        let socket = worker.socket(client, route.family)?;
        bind(&socket, &SocketAddr::new(unsure(client, server), 0))?;
        worker.meet_by(socket, route, super::ends::in_order)?;
    }
    Ok(())
}
