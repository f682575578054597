//! How the churn makes sockets and brings two together: the way between them, the listeners that
//! stay, and who came in there.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketFlags, SocketType, acceptfrom_with, bind, connect,
    getsockname, listen, socket_with, sockopt,
};

use super::worker::Worker;
use crate::itest::site::{Place, Site, addresses};

/// The first of the ports of listeners that stay.
const FIRST_PORT: u16 = 7_000;

/// Room for those who wait to be accepted, and for half-open ones, by thread. Where it is small, SYN
/// cookies take over.
const BACKLOGS: [i32; 2] = [1_024, 48];

/// How long somebody who came in is kept for a story that was given up.
const KEPT: Duration = Duration::from_secs(20);

/// How often, and how long apart, a story looks whether its client came in.
const LOOKS: u32 = 80;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// How a client gets to a listener.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    /// Index of the client's namespace.
    pub(super) client: usize,
    /// Index of the listener's.
    pub(super) server: usize,
    /// Of the client's socket; IPv4 addresses are mapped where it is IPv6.
    pub(super) family: AddressFamily,
    /// The listener's address.
    pub(super) address: IpAddr,
    /// The client's address.
    pub(super) from: IpAddr,
    /// The listener for both families.
    dual: bool,
}

impl Route {
    /// From one namespace to the listener for IPv4 of another.
    pub(super) fn v4(client: usize, server: usize) -> Self {
        Self {
            client,
            server,
            family: AddressFamily::INET,
            address: addresses(server, client)[0],
            from: addresses(client, server)[0],
            dual: false,
        }
    }
}

/// Both ends of a connection.
pub(super) struct Ends {
    /// The end that connected.
    pub(super) client: OwnedFd,
    /// The end that was accepted.
    pub(super) server: OwnedFd,
}

impl Ends {
    /// Both, in random order.
    pub(super) fn shuffled(self, worker: &mut Worker) -> (OwnedFd, OwnedFd) {
        if worker.dice.coin() {
            (self.client, self.server)
        } else {
            (self.server, self.client)
        }
    }
}

type Then = Box<dyn FnOnce(&mut Worker, Ends) -> Result<()> + Send>;

impl Worker {
    /// Any way there is.
    pub(super) fn route(&mut self) -> Route {
        let places = self.site.places.len();
        let (client, server) = (self.dice.below(places), self.dice.below(places));
        let v6 = usize::from(self.dice.once_in(3));
        let mapped = v6 == 0 && self.dice.once_in(4);
        Route {
            client,
            server,
            family: if v6 == 1 || mapped {
                AddressFamily::INET6
            } else {
                AddressFamily::INET
            },
            address: addresses(server, client)[v6],
            from: addresses(client, server)[v6],
            dual: v6 == 1 || self.dice.coin(),
        }
    }

    /// A way over loopback.
    pub(super) fn route_within(&mut self) -> Route {
        loop {
            let route = self.route();
            if route.client == route.server {
                return route;
            }
        }
    }

    /// Where the listener is, as a socket of the route's family has to name it.
    pub(super) fn target(&self, route: &Route) -> SocketAddr {
        dialled(route.family, route.address, self.inbox.port(route.dual))
    }

    /// A socket that never waits, in the namespace with this index.
    pub(super) fn socket(&self, place: usize, family: AddressFamily) -> Result<OwnedFd> {
        socket(&self.site.places[place], family)
    }

    /// Makes a connection and goes on when both ends are there.
    pub(super) fn meet(
        &mut self,
        route: Route,
        then: impl FnOnce(&mut Self, Ends) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let client = self.socket(route.client, route.family)?;
        self.meet_by(client, route, then)
    }

    /// Likewise with a socket of one's own.
    pub(super) fn meet_by(
        &mut self,
        client: OwnedFd,
        route: Route,
        then: impl FnOnce(&mut Self, Ends) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        begin_to_connect(&client, &self.target(&route))?;
        let then = Box::new(then);
        if self.dice.once_in(4) {
            // It waits to be accepted, unless somebody else's turn comes first.
            let hold = self.dice.hold();
            return self.later(hold, move |worker| {
                worker.await_it(client, route, LOOKS, then)
            });
        }
        self.await_it(client, route, LOOKS, then)
    }

    fn await_it(&mut self, client: OwnedFd, route: Route, looks: u32, then: Then) -> Result<()> {
        let local = address(getsockname(&client)?)?;
        if let Some(server) = self.inbox.take(&route, local)? {
            return then(self, Ends { client, server });
        }
        let Some(looks) = looks.checked_sub(1) else {
            bail!("nobody came in");
        };
        self.later(BETWEEN_LOOKS, move |worker| {
            worker.await_it(client, route, looks, then)
        })
    }
}

/// The listeners that stay, two in each namespace, and who came in.
pub(super) struct Inbox {
    listeners: Vec<[OwnedFd; 2]>,
    first_port: u16,
    arrived: HashMap<(usize, bool, SocketAddr), (OwnedFd, Instant)>,
}

impl Inbox {
    /// Listens everywhere, for one thread of the churn.
    pub(super) fn open(site: &Site, worker: u64) -> Result<Self> {
        let first_port = FIRST_PORT + 2 * u16::try_from(worker)?;
        let backlog = BACKLOGS[usize::try_from(worker)? % BACKLOGS.len()];
        let mut listeners = Vec::new();
        for place in &site.places {
            let v4 = listener(place, Ipv4Addr::UNSPECIFIED.into(), first_port, backlog)?;
            let dual = listener(place, Ipv6Addr::UNSPECIFIED.into(), first_port + 1, backlog)?;
            listeners.push([v4, dual]);
        }
        Ok(Self {
            listeners,
            first_port,
            arrived: HashMap::new(),
        })
    }

    /// The port of the listener for IPv4, or of that for both families.
    pub(super) fn port(&self, dual: bool) -> u16 {
        self.first_port + u16::from(dual)
    }

    /// The end that belongs to the client at `local`, if it came in.
    fn take(&mut self, route: &Route, local: SocketAddr) -> Result<Option<OwnedFd>> {
        let (place, dual) = (route.server, route.dual);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        loop {
            match acceptfrom_with(&self.listeners[place][usize::from(dual)], flags) {
                Ok((end, Some(peer))) => {
                    let peer = address(peer)?;
                    let arrived = (end, Instant::now());
                    self.arrived.insert((place, dual, peer), arrived);
                }
                Ok((_, None)) | Err(Errno::CONNABORTED) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error).context("cannot accept"),
            }
        }
        self.arrived.retain(|_, (_, since)| since.elapsed() < KEPT);
        let taken = self.arrived.remove(&(place, dual, local));
        Ok(taken.map(|(end, _)| end))
    }
}

/// A socket that never waits.
fn socket(place: &Place, family: AddressFamily) -> Result<OwnedFd> {
    place.enter()?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(family, SocketType::STREAM, flags, None).context("cannot make a socket")
}

/// A listener; port 0 for any.
pub(in crate::itest) fn listener(
    place: &Place,
    at: IpAddr,
    port: u16,
    backlog: i32,
) -> Result<OwnedFd> {
    let listener = socket(place, family_of(at))?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    bind(&listener, &SocketAddr::new(at, port)).context("cannot bind a listener")?;
    listen(&listener, backlog).context("cannot listen")?;
    Ok(listener)
}

/// The family that an address is of.
pub(super) fn family_of(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    }
}

/// Begins to connect and does not wait.
pub(super) fn begin_to_connect(socket: &OwnedFd, target: &SocketAddr) -> Result<()> {
    let mut connected = connect(socket, target);
    if connected == Err(Errno::CONNABORTED) {
        // That was about the attempt before, which failed unheard.
        connected = connect(socket, target);
    }
    match connected {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot connect to {target}")),
    }
}

/// An address in the words of a socket of this family.
pub(super) fn dialled(family: AddressFamily, address: IpAddr, port: u16) -> SocketAddr {
    match address {
        IpAddr::V4(v4) if family == AddressFamily::INET6 => {
            SocketAddrV6::new(v4.to_ipv6_mapped(), port, 0, 0).into()
        }
        other => SocketAddr::new(other, port),
    }
}

/// An address as the kernel tells it, IPv4-mapped ones as IPv4.
pub(super) fn address(any: SocketAddrAny) -> Result<SocketAddr> {
    let address = SocketAddr::try_from(any).context("not an IP address")?;
    Ok(SocketAddr::new(address.ip().to_canonical(), address.port()))
}
