//! Host names of addresses, waited for: each address is asked for once.
//!
//! For a list, which is complete or wrong. A stream, which must not wait, has `resolver`.

use std::{fmt, net::IpAddr};

use rustc_hash::FxHashMap;

/// Names of addresses.
pub struct Hosts<L = fn(IpAddr) -> Option<String>> {
    lookup: L,
    known: FxHashMap<IpAddr, Option<String>>,
}

impl<L: FnMut(IpAddr) -> Option<String>> Hosts<L> {
    /// Names as `lookup` has them, which may block.
    pub fn new(lookup: L) -> Self {
        Self {
            lookup,
            known: FxHashMap::default(),
        }
    }

    /// The name of `address`.
    pub fn name(&mut self, address: IpAddr) -> Option<&str> {
        let lookup = &mut self.lookup;
        let name = self.known.entry(address).or_insert_with(|| lookup(address));
        name.as_deref()
    }
}

impl<L> fmt::Debug for Hosts<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hosts").field(&self.known.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_asked_for_once() {
        let mut asked = 0;
        let mut hosts = Hosts::new(|address: IpAddr| {
            asked += 1;
            address.is_loopback().then(|| "home".to_owned())
        });
        let (home, away) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([10, 0, 0, 1]));
        for _ in 0..3 {
            assert_eq!(hosts.name(home), Some("home"));
            assert_eq!(hosts.name(away), None);
        }
        assert_eq!(asked, 2);
    }
}
