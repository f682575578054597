//! What the churn is made of: every story, how often it comes, and how it begins.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, accept_with, bind, connect, getsockname, listen, sockopt,
};

use super::dice::Dice;
use super::sockets::{Route, address, begin_to_connect, dialled, family_of, listener};
use super::worker::Worker;
use super::{ends, half_open};

/// One way in which sockets come and go.
pub(super) struct Story {
    /// As the report has it.
    pub(super) name: &'static str,
    /// How often it comes, relative to the others.
    weight: usize,
    /// Its first step.
    pub(super) begin: fn(&mut Worker) -> Result<()>,
}

const fn story(name: &'static str, weight: usize, begin: fn(&mut Worker) -> Result<()>) -> Story {
    Story {
        name,
        weight,
        begin,
    }
}

static STORIES: [Story; 17] = [
    story("closed in order", 30, |worker| {
        let route = worker.route();
        worker.meet(route, ends::in_order)
    }),
    story("half-closed", 8, |worker| {
        let route = worker.route();
        worker.meet(route, ends::half_closed)
    }),
    story("aborted", 12, |worker| {
        let route = worker.route();
        worker.meet(route, ends::aborted)
    }),
    story("left unread", 6, |worker| {
        let route = worker.route();
        worker.meet(route, ends::unread)
    }),
    story("blocked", 4, ends::blocked),
    story("disconnected", 3, |worker| {
        let route = worker.route_within();
        worker.meet(route, move |worker, ends| {
            ends::disconnected(worker, route, ends)
        })
    }),
    story("killed", 1, |worker| {
        let route = worker.route();
        worker.meet(route, move |worker, ends| {
            ends::killed(worker, route.client, ends)
        })
    }),
    story("refused and retried", 6, retried),
    story("no answer", 3, half_open::no_answer),
    story("late answer", 1, half_open::late_answer),
    story("half-open", 10, half_open::half_open),
    story("half-open, listener goes", 2, half_open::listener_goes),
    story("unaccepted", 4, unaccepted),
    story("bound only", 4, bound_only),
    story("talks to itself", 2, to_itself),
    story("addresses used again", 3, |worker| {
        used_again(worker, false)
    }),
    story("addresses used in TIME-WAIT", 3, |worker| {
        used_again(worker, true)
    }),
];

/// The names of all.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    STORIES.iter().map(|story| story.name)
}

/// One by chance and weight.
pub(super) fn pick(dice: &mut Dice) -> &'static Story {
    let mut at = dice.below(STORIES.iter().map(|story| story.weight).sum());
    let picked = STORIES.iter().find(|story| {
        let here = at < story.weight;
        at = at.saturating_sub(story.weight);
        here
    });
    picked.unwrap_or(&STORIES[0])
}

/// A socket is refused, and connects to somebody else then.
fn retried(worker: &mut Worker) -> Result<()> {
    let route = worker.route();
    let client = worker.socket(route.client, route.family)?;
    let closed = dialled(route.family, route.address, 9);
    match connect(&client, &closed) {
        Ok(()) => bail!("somebody listens at {closed}"),
        Err(Errno::INPROGRESS | Errno::CONNREFUSED) => {}
        Err(error) => return Err(error).context("cannot connect"),
    }
    let hold = worker.dice.hold();
    worker.later(hold, move |worker| {
        // Takes the refusal away, if connect(2) did not.
        let _refused = sockopt::socket_error(&client)?;
        if worker.dice.once_in(4) {
            return Ok(());
        }
        worker.meet_by(client, route, ends::in_order)
    })
}

/// A listener goes while some of those who came in wait to be accepted, or even to come in.
fn unaccepted(worker: &mut Worker) -> Result<()> {
    let route = worker.route();
    let backlog = i32::try_from(worker.dice.below(8))?;
    let at = listener(&worker.site.places[route.server], route.address, 0, backlog)?;
    let port = address(getsockname(&at)?)?.port();
    let target = dialled(route.family, route.address, port);
    let mut kept = Vec::new();
    for _ in 0..=worker.dice.below(6) {
        let client = worker.socket(route.client, route.family)?;
        begin_to_connect(&client, &target)?;
        kept.push(client);
    }
    let hold = worker.dice.hold();
    worker.later(hold, move |worker| {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        for _ in 0..worker.dice.below(3) {
            match accept_with(&at, flags) {
                Ok(server) => kept.push(server),
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error).context("cannot accept"),
            }
        }
        if worker.dice.coin() {
            drop(at);
            return close_one_by_one(worker, kept);
        }
        let hold = worker.dice.hold();
        worker.later(hold, move |worker| {
            drop(at);
            close_one_by_one(worker, kept)
        })
    })
}

fn close_one_by_one(worker: &mut Worker, mut sockets: Vec<OwnedFd>) -> Result<()> {
    if sockets.pop().is_none() {
        return Ok(());
    }
    let hold = worker.dice.between(0, 400);
    worker.later(hold, move |worker| close_one_by_one(worker, sockets))
}

/// A socket is bound; sometimes it listens later.
fn bound_only(worker: &mut Worker) -> Result<()> {
    let route = worker.route();
    let socket = worker.socket(route.server, family_of(route.address))?;
    bind(&socket, &SocketAddr::new(route.address, 0))?;
    let hold = worker.dice.hold();
    worker.later(hold, move |worker| {
        if worker.dice.coin() {
            return Ok(());
        }
        listen(&socket, 4)?;
        let hold = worker.dice.hold();
        worker.later(hold, move |_| {
            drop(socket);
            Ok(())
        })
    })
}

/// A socket connects to itself: both SYNs and both FINs cross.
fn to_itself(worker: &mut Worker) -> Result<()> {
    let place = worker.dice.below(worker.site.places.len());
    let socket = worker.socket(place, AddressFamily::INET)?;
    bind(&socket, &SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))?;
    let itself = address(getsockname(&socket)?)?;
    begin_to_connect(&socket, &itself)?;
    let hold = worker.dice.hold();
    worker.later(hold, move |_| {
        drop(socket);
        Ok(())
    })
}

/// The same addresses for one connection after the other. In TIME-WAIT they are free again after a
/// second, for whoever closed first; for the other they are free at once.
fn used_again(worker: &mut Worker, client_first: bool) -> Result<()> {
    let route = worker.route_within();
    let port = u16::try_from(worker.number)? * 1_000 + u16::try_from(worker.dice.below(1_000))?;
    let local = dialled(route.family, route.from, 21_000 + port);
    let rounds = 1 + worker.dice.below(4);
    use_once(worker, route, local, client_first, rounds)
}

fn use_once(
    worker: &mut Worker,
    route: Route,
    local: SocketAddr,
    client_first: bool,
    rounds: usize,
) -> Result<()> {
    let client = worker.socket(route.client, route.family)?;
    sockopt::set_socket_reuseaddr(&client, true)?;
    bind(&client, &local).context("the port is taken")?;
    worker.meet_by(client, route, move |worker, ends| {
        let (first, second) = if client_first {
            (ends.client, ends.server)
        } else {
            (ends.server, ends.client)
        };
        drop(first);
        let pause = worker.dice.between(0, 60);
        worker.later(pause, move |worker| {
            drop(second);
            if rounds == 1 {
                return Ok(());
            }
            let at_least = Duration::from_millis(1_100) * u32::from(client_first);
            let pause = at_least + worker.dice.between(1, 500);
            worker.later(pause, move |worker| {
                use_once(worker, route, local, client_first, rounds - 1)
            })
        })
    })
}
