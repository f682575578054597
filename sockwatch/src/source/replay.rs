//! Recorded ring records: the kernel's own bytes, one record after the other.
//!
//! Only splits them; [`super::ebpf::decode`] reads them.

use std::mem::offset_of;

use sockwatch_common::record::Header;

/// The records of a recording, in order. Each says its own length; the first that does not fit
/// ends the recording, and comes out as it is.
pub fn records(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let len = bytes
            .get(offset_of!(Header, len)..)
            .and_then(|rest| rest.first_chunk::<2>());
        let len = len.map_or(0, |&len| usize::from(u16::from_ne_bytes(len)));
        let len = if len == 0 {
            bytes.len()
        } else {
            len.min(bytes.len())
        };
        let (record, rest) = bytes.split_at(len);
        bytes = rest;
        Some(record)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::ebpf::{Malformed, decode};

    #[test]
    fn damaged_recordings_end_and_never_panic() {
        let recording = include_bytes!("../../tests/fixtures/lives.ring");
        let good = records(recording).count();
        assert!(good > 50 && records(recording).all(|record| decode(record).is_ok()));
        for len in 0..recording.len().min(2_000) {
            let whole = records(&recording[..len])
                .filter(|record| decode(record).is_ok())
                .count();
            assert!(whole <= good);
        }
        for at in 0..400 {
            let mut damaged = recording[..2_000].to_vec();
            damaged[at] ^= 0xff;
            let _counted = records(&damaged).map(decode).count();
        }
        assert_eq!(
            records(&[0; 100]).map(decode).collect::<Vec<_>>(),
            [Err(Malformed)]
        );
    }
}
