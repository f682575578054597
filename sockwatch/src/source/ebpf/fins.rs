//! The connections whose FIN the programs look for, as far as they are told of them from here: those
//! that were minisockets in FIN-WAIT-2 before the programs were attached.

use std::io;

use aya::{
    Ebpf,
    maps::{HashMap, MapData, MapError},
};
use sockwatch_common::ends::Ends;

use super::{LoadError, take_map};
use crate::model::{Tuple, ipv6_octets};

/// Name of the map.
const MAP: &str = "FIN_WAIT2";

/// The address of a minisocket that is not known.
const UNKNOWN: u64 = 0;

/// `BPF_NOEXIST`: the programs may have seen the minisocket meanwhile, and know its address.
const ONLY_NEW: u64 = 1;

/// [`Ends`] as aya writes it to a map.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct EndsPod(Ends);

// SAFETY: `repr(C)` of integers alone, without padding, as its assertion sees to.
unsafe impl aya::Pod for EndsPod {}

/// The map of the programs.
pub(super) struct Fins(HashMap<MapData, EndsPod, u64>);

impl Fins {
    pub(super) fn open(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        let map = HashMap::try_from(take_map(ebpf, MAP)?);
        let map = map.map_err(|source| LoadError::Map { name: MAP, source })?;
        Ok(Self(map))
    }

    /// Has the programs look for the FIN of a connection; false where they have no room.
    pub(super) fn watch(&mut self, tuple: &Tuple, netns: u32) -> bool {
        match self
            .0
            .insert(EndsPod(ends(tuple, netns)), UNKNOWN, ONLY_NEW)
        {
            Ok(()) => true,
            Err(MapError::SyscallError(error)) => {
                error.io_error.kind() == io::ErrorKind::AlreadyExists
            }
            Err(_) => false,
        }
    }
}

/// What a segment of a connection tells of it.
fn ends(tuple: &Tuple, netns: u32) -> Ends {
    Ends::new(
        (ipv6_octets(tuple.src), tuple.sport),
        (ipv6_octets(tuple.dst), tuple.dport),
        netns,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    #[test]
    fn ipv4_is_mapped_as_the_programs_do_it() {
        let (Ok(src), Ok(dst)) = ("10.0.0.1".parse(), "10.0.0.2".parse()) else {
            panic!("addresses");
        };
        let tuple = Tuple {
            family: Family::Inet6,
            src,
            sport: 40_000,
            dst,
            dport: 80,
        };
        let expected = Ends {
            saddr: [0, 0x0100_000a_ffff_0000],
            daddr: [0, 0x0200_000a_ffff_0000],
            netns: 7,
            sport: 40_000,
            dport: 80,
        };
        assert_eq!(ends(&tuple, 7), expected);
    }
}
