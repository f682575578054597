//! A network namespace for each test: its thread and every child it starts are inside.

use std::{
    fs::{self, File},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    panic,
    path::PathBuf,
    process::{self, Command},
    thread,
};

use anyhow::{Context as _, Result};
use rustix::thread::{LinkNameSpaceType, gettid, move_into_link_name_space};

use crate::{names, process::output};

/// The namespace of the running test. It goes when the last one inside it has gone.
#[derive(Clone, Debug)]
pub struct Netns {
    /// Inode number, as `netns` in the output.
    pub inode: u32,
    path: PathBuf,
}

impl Netns {
    /// Runs `body` on a thread in a fresh namespace, whose only device, `lo`, is up.
    pub fn run<T: Send + 'static>(
        body: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inside = thread::spawn(move || body(&Self::enter()?));
        inside
            .join()
            .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    }

    fn enter() -> Result<Self> {
        unshare()?;
        ip("link set lo up")?;
        let thread = gettid().as_raw_nonzero();
        let path = PathBuf::from(format!("/proc/{}/task/{thread}/ns/net", process::id()));
        let inode = fs::metadata(&path)
            .context("cannot look at the namespace")?
            .ino();
        Ok(Self {
            inode: inode.try_into()?,
            path,
        })
    }

    /// For `-N`.
    pub fn path(&self) -> Result<&str> {
        self.path.to_str().context("/proc is text")
    }
}

#[allow(unsafe_code, reason = "the one call that std does not have")]
fn unshare() -> Result<()> {
    use rustix::thread::{UnshareFlags, unshare_unsafe};
    // SAFETY: only FILES can break what other threads rely on; it is not among the flags.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.context("cannot make a network namespace")
}

/// Moves the calling thread, and whatever it starts from now on, into the namespace of this file.
pub fn enter(netns: &File) -> Result<()> {
    move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))
        .context("cannot enter a network namespace")
}

/// `ip` of iproute2, in the namespace of the calling thread.
pub fn ip(args: &str) -> Result<()> {
    output(Command::new("ip").args(args.split_whitespace())).map(drop)
}

/// Sets `net.ipv4.NAME` or the like of the calling thread's namespace.
pub fn sysctl(name: &str, value: &str) -> Result<()> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    fs::write(&path, value).with_context(|| format!("cannot write {path}"))
}

/// An address on the far side of a link.
pub const FAR: [u8; 4] = [10, 231, 0, 2];

/// A link whose other end belongs to nobody: nothing that is sent to [`FAR`] is answered, the
/// question who that is neither.
pub fn link_to_nobody() -> Result<()> {
    ip("link add near type veth peer name far")?;
    ip("address add 10.231.0.1/24 dev near")?;
    ip("link set near up")?;
    ip("link set far up")
}

/// Sends what is for `network` to [`FAR`], so to nobody, once it is pretended that it is known.
pub fn route_to_nobody(network: &str) -> Result<()> {
    ip(&format!("route add {network} via 10.231.0.2 dev near"))
}

/// Makes it known who [`FAR`] is, so that packets do leave, for nobody.
pub fn pretend_far_is_known() -> Result<()> {
    ip("neighbour replace 10.231.0.2 lladdr 02:00:00:00:00:99 dev near nud permanent")
}

/// A namespace that has a name, `ip netns`'s way; deleted when dropped.
pub struct Named {
    /// The name.
    pub name: String,
}

impl Named {
    /// Makes one; `label` tells those of one process apart.
    pub fn new(label: &str) -> Result<Self> {
        let name = format!("{}-{label}", names::own());
        ip(&format!("netns add {name}"))?;
        let named = Self { name };
        ip(&format!("-n {} link set lo up", named.name))?;
        Ok(named)
    }

    /// Its file; [`enter`] takes it.
    pub fn open(&self) -> Result<File> {
        let path = format!("/run/netns/{}", self.name);
        File::open(&path).with_context(|| format!("cannot open {path}"))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // Nothing more can be done about one that stays.
        let _stays = ip(&format!("netns delete {}", self.name));
    }
}
