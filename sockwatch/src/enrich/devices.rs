//! Names and indexes of network devices, of one network namespace.
//!
//! Asked of the kernel when they are needed, and remembered: a device that is renamed or removed
//! meanwhile keeps what was seen first.

use std::os::fd::OwnedFd;

use rustc_hash::FxHashMap;
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with},
};

/// The devices of a network namespace.
#[derive(Debug)]
pub struct Devices {
    /// It stands for the namespace in which it was made. Unbound UDP sockets are in no list, ours
    /// neither.
    socket: OwnedFd,
    names: FxHashMap<u32, Option<Box<str>>>,
}

impl Devices {
    /// Those of the network namespace of the calling thread; any thread may ask for them later.
    ///
    /// # Errors
    /// When no socket can be made.
    pub fn here() -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC;
        Ok(Self {
            socket: socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?,
            names: FxHashMap::default(),
        })
    }

    /// The index of the device with this name.
    pub fn index(&self, name: &str) -> Option<u32> {
        netdevice::name_to_index(&self.socket, name).ok()
    }

    /// The name of the device with this index.
    pub fn name(&mut self, index: u32) -> Option<&str> {
        let socket = &self.socket;
        let name = self.names.entry(index).or_insert_with(|| {
            let name = netdevice::index_to_name(socket, index).ok()?;
            Some(name.into())
        });
        name.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_device_is_the_first() {
        let mut devices = Devices::here().unwrap();
        assert_eq!(devices.index("lo"), Some(1));
        assert_eq!(devices.name(1), Some("lo"));
        assert_eq!(devices.name(1), Some("lo"));
        assert_eq!(devices.name(u32::MAX), None);
        for none in [
            "",
            "no-such-device",
            "much-longer-than-any-name-of-a-device",
        ] {
            assert_eq!(devices.index(none), None, "{none:?}");
        }
    }
}
