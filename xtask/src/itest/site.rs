//! Where the churn takes place: network namespaces, each linked to each, and each with a link to
//! nobody. Each has other limits, so that the same close ends in another way.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt as _;
use std::thread;

use anyhow::{Context as _, Result};
use sockwatch_tests::names;
use sockwatch_tests::netns::{
    FAR, Named, enter, ip, link_to_nobody, pretend_far_is_known, route_to_nobody, sysctl,
};

/// `net.ipv4` settings of each namespace. In the first a FIN-WAIT-2 without an owner lasts longer
/// than TIME-WAIT, so that it stays a full socket at first; in the last it times out soon, and
/// there may be so few TIME-WAIT that most are refused.
const LIMITS: [&[(&str, &str)]; 3] = [
    &[("tcp_fin_timeout", "62"), ("tcp_synack_retries", "2")],
    &[("tcp_syn_retries", "1"), ("tcp_orphan_retries", "2")],
    &[
        ("tcp_fin_timeout", "2"),
        ("tcp_max_tw_buckets", "300"),
        ("tcp_synack_retries", "1"),
        ("tcp_tw_reuse", "1"),
    ],
];

/// One namespace.
pub(super) struct Place {
    /// Inode number of the namespace.
    pub(super) netns: u32,
    file: File,
    /// Kept for its end.
    _named: Named,
}

impl Place {
    /// Moves the calling thread there.
    pub(super) fn enter(&self) -> Result<()> {
        enter(&self.file)
    }

    fn make(label: &str) -> Result<Self> {
        let named = Named::new(label)?;
        let file = named.open()?;
        let netns = file.metadata()?.ino().try_into()?;
        Ok(Self {
            netns,
            file,
            _named: named,
        })
    }

    /// Runs `body` on a thread that is there.
    pub(super) fn run<T: Send>(&self, body: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.enter()?;
                body()
            });
            inside.join().ok().context("a thread panicked")?
        })
    }
}

/// All of them.
pub(super) struct Site {
    /// Where the churn is.
    pub(super) places: Vec<Place>,
    /// Where nothing is but markers.
    pub(super) aside: Place,
}

impl Site {
    /// Makes them; those that one left behind who was killed go first.
    pub(super) fn make() -> Result<Self> {
        remove_left_behind()?;
        let aside = Place::make("aside")?;
        let mut places = Vec::new();
        for (index, limits) in LIMITS.iter().enumerate() {
            let place = Place::make(&index.to_string())?;
            place.run(|| furnish(limits))?;
            places.push(place);
        }
        let site = Self { places, aside };
        for to in 1..site.places.len() {
            for from in 0..to {
                site.link(from, to)?;
            }
        }
        Ok(site)
    }

    fn link(&self, from: usize, to: usize) -> Result<()> {
        let (near, far) = (format!("to{to}"), format!("to{from}"));
        self.places[from].run(|| {
            ip(&format!(
                "link add {near} type veth peer name {far} netns {}-{to}",
                names::own()
            ))
        })?;
        for (here, there, device) in [(from, to, near), (to, from, far)] {
            self.places[here].run(|| {
                let [v4, v6] = addresses(here, there);
                ip(&format!("address add {v4}/24 dev {device}"))?;
                ip(&format!("address add {v6}/64 dev {device} nodad"))?;
                ip(&format!(
                    "address add {}/24 dev {device}",
                    unsure(here, there)
                ))?;
                ip(&format!("link set {device} up"))
            })?;
        }
        Ok(())
    }
}

fn furnish(limits: &[(&str, &str)]) -> Result<()> {
    link_to_nobody()?;
    pretend_far_is_known()?;
    route_to_nobody("198.18.0.0/15")?;
    ip("address add fd99::1/64 dev near nodad")?;
    ip("neighbour replace fd99::2 lladdr 02:00:00:00:00:99 dev near nud permanent")?;
    ip("route add fd9a::/64 via fd99::2 dev near")?;
    limits
        .iter()
        .try_for_each(|(name, value)| sysctl(&format!("net.ipv4.{name}"), value))
}

/// A peer that never answers.
pub(super) const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(FAR[0], FAR[1], FAR[2], FAR[3]));

/// Addresses that belong to nobody but have a way there: IPv4, IPv6.
pub(super) fn nobodies(number: u32) -> [IpAddr; 2] {
    let v4 = u32::from_be_bytes([198, 18, 0, 0]) + (number & 0x1_ffff);
    let v6 = 0xfd9a_u128 << 112 | u128::from(number);
    [Ipv4Addr::from(v4).into(), Ipv6Addr::from(v6).into()]
}

/// What a namespace can be reached at from nobody's addresses: IPv4, IPv6.
pub(super) fn beside_nobody() -> [IpAddr; 2] {
    let v6 = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1);
    [Ipv4Addr::new(10, 231, 0, 1).into(), v6.into()]
}

/// The addresses of `place` on its link to `other`, or of loopback: IPv4, IPv6.
pub(super) fn addresses(place: usize, other: usize) -> [IpAddr; 2] {
    if place == other {
        return [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    let (link, side) = (number(place + other), number(place) + 1);
    let v6 = Ipv6Addr::new(0xfd98, 0, 0, link.into(), 0, 0, 0, side.into());
    [Ipv4Addr::new(10, 232, link, side).into(), v6.into()]
}

/// An address of `place` on its link to `other` that answers do not always find.
pub(super) fn unsure(place: usize, other: usize) -> IpAddr {
    Ipv4Addr::new(10, 232, number(place + other), 101 + number(place)).into()
}

/// Lets answers from `here` to the [`unsure`] address of `there` get lost, or arrive again.
pub(super) fn lose_answers(here: &Place, [from, to]: [usize; 2], lose: bool) -> Result<()> {
    let entry = format!("{} dev to{to}", unsure(to, from));
    here.run(|| {
        if lose {
            ip(&format!(
                "neighbour replace {entry} lladdr 02:00:00:00:00:98 nud permanent"
            ))
        } else {
            ip(&format!("neighbour delete {entry}"))
        }
    })
}

fn number(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

fn remove_left_behind() -> Result<()> {
    let Ok(names) = fs::read_dir("/run/netns") else {
        // There has never been one with a name.
        return Ok(());
    };
    for name in names {
        let name = name.context("/run/netns")?.file_name();
        let name = name.to_string_lossy();
        if names::is_left_behind(&name) {
            ip(&format!("netns delete {name}"))?;
        }
    }
    Ok(())
}
