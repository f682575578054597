//! The ways in which a connection can end.

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, accept_with, connect_unspec,
    getsockname, recv, send, shutdown, sockopt,
};
use sockwatch_tests::ss;

use super::sockets::{Ends, Route, address, begin_to_connect, listener};
use super::worker::Worker;

impl Worker {
    /// Closes after a while.
    fn close_later(&mut self, socket: OwnedFd) -> Result<()> {
        let hold = self.dice.hold();
        self.later(hold, move |_| {
            drop(socket);
            Ok(())
        })
    }
}

/// One end closes, and after a while the other: FIN-WAIT-2 without an owner, CLOSE-WAIT, TIME-WAIT.
pub(super) fn in_order(worker: &mut Worker, ends: Ends) -> Result<()> {
    let (first, second) = ends.shuffled(worker);
    let hold = worker.dice.hold();
    worker.later(hold, move |worker| {
        drop(first);
        worker.close_later(second)
    })
}

/// One end shuts its direction down and stays, so FIN-WAIT-2 has an owner; then both close.
pub(super) fn half_closed(worker: &mut Worker, ends: Ends) -> Result<()> {
    let (first, second) = ends.shuffled(worker);
    shutdown(&first, Shutdown::Write)?;
    let (hold, other_first) = (worker.dice.hold(), worker.dice.coin());
    worker.later(hold, move |worker| {
        let (next, last) = if other_first {
            (second, first)
        } else {
            (first, second)
        };
        drop(next);
        worker.close_later(last)
    })
}

/// One end resets it.
pub(super) fn aborted(worker: &mut Worker, ends: Ends) -> Result<()> {
    let (first, second) = ends.shuffled(worker);
    sockopt::set_socket_linger(&first, Some(Duration::ZERO))?;
    let hold = worker.dice.hold();
    if worker.dice.once_in(3) {
        // The reset comes when the other end has closed its direction already.
        shutdown(&second, Shutdown::Write)?;
    }
    worker.later(hold, move |worker| {
        drop(first);
        worker.close_later(second)
    })
}

/// One end closes with data unread, which is a reset too.
pub(super) fn unread(worker: &mut Worker, ends: Ends) -> Result<()> {
    let (first, second) = ends.shuffled(worker);
    send(&second, b"unread", SendFlags::NOSIGNAL)?;
    let hold = worker.dice.hold();
    worker.later(hold, move |worker| {
        drop(first);
        worker.close_later(second)
    })
}

/// One end is taken back by connect(2) to nothing, and used for another connection.
pub(super) fn disconnected(worker: &mut Worker, route: Route, ends: Ends) -> Result<()> {
    let Ends { client, server } = ends;
    connect_unspec(&client).context("cannot disconnect")?;
    worker.close_later(server)?;
    let hold = worker.dice.hold();
    worker.later(hold, move |worker| worker.meet_by(client, route, in_order))
}

/// Killed from outside, while it is established or waits for the end of TIME-WAIT.
pub(super) fn killed(worker: &mut Worker, place: usize, ends: Ends) -> Result<()> {
    let port = address(getsockname(&ends.client)?)?.port();
    let kill = move |worker: &mut Worker| {
        worker.site.places[place].run(|| ss::kill(&format!("sport = :{port}")))
    };
    if worker.dice.coin() {
        drop(ends);
        return worker.later(Duration::from_millis(50), kill);
    }
    kill(worker)?;
    worker.close_later(ends.client)?;
    worker.close_later(ends.server)
}

/// One end has more to send than the other takes, so that its FIN has to wait: FIN-WAIT-1, CLOSING
/// and LAST-ACK last until somebody reads.
pub(super) fn blocked(worker: &mut Worker) -> Result<()> {
    const SMALL: usize = 4_096;
    let place = worker.dice.below(worker.site.places.len());
    let at = listener(&worker.site.places[place], Ipv4Addr::LOCALHOST.into(), 0, 1)?;
    sockopt::set_socket_recv_buffer_size(&at, SMALL)?;
    let client = worker.socket(place, AddressFamily::INET)?;
    sockopt::set_socket_send_buffer_size(&client, SMALL)?;
    begin_to_connect(&client, &address(getsockname(&at)?)?)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let server = accept_with(&at, flags).context("nobody came in")?;
    drop(at);
    loop {
        match send(&client, &[0; SMALL], SendFlags::NOSIGNAL) {
            Ok(_) => {}
            Err(Errno::AGAIN) => break,
            Err(error) => return Err(error).context("cannot send"),
        }
    }
    match worker.dice.below(4) {
        // FIN-WAIT-1.
        0 => drop(client),
        // CLOSING, when the other's FIN comes.
        1 => {
            drop(client);
            shutdown(&server, Shutdown::Write)?;
        }
        2 => {
            shutdown(&client, Shutdown::Write)?;
            shutdown(&server, Shutdown::Write)?;
            worker.close_later(client)?;
        }
        // LAST-ACK.
        _ => {
            shutdown(&server, Shutdown::Write)?;
            drop(client);
        }
    }
    let hold = worker.dice.hold();
    worker.later(hold, move |worker| read_all(worker, server))
}

/// Reads until the end comes, if it comes soon, and closes.
fn read_all(worker: &mut Worker, socket: OwnedFd) -> Result<()> {
    loop {
        match recv(&socket, &mut [0; 16_384], RecvFlags::empty()) {
            Ok((_, 1..)) => {}
            Ok(_) | Err(Errno::CONNRESET) => return Ok(()),
            Err(Errno::AGAIN) => break,
            Err(error) => return Err(error).context("cannot read"),
        }
    }
    // Those who have to be told that there is room again ask after a while.
    worker.later(Duration::from_millis(30), move |worker| {
        if worker.dice.once_in(50) {
            return Ok(());
        }
        read_all(worker, socket)
    })
}
