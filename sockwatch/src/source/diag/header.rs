//! The fixed structure that a reply begins with, read where it lies.
//!
//! Knows no structure in particular: offsets are the caller's.

use super::attributes::Attributes;

/// The first `N` bytes of a reply. Integers are in the byte order of the machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a, const N: usize>(&'a [u8; N]);

impl<'a, const N: usize> Header<'a, N> {
    /// The structure, and the attributes behind it; `None` if the reply is too short.
    pub(super) fn split(payload: &'a [u8]) -> Option<(Self, Attributes<'a>)> {
        let (header, attributes) = payload.split_first_chunk()?;
        Some((Self(header), Attributes::new(attributes)))
    }

    /// The bytes at `offset`, as they lie.
    pub(super) fn bytes<const M: usize>(self, offset: usize) -> [u8; M] {
        let mut bytes = [0; M];
        bytes.copy_from_slice(&self.0[offset..offset + M]);
        bytes
    }

    pub(super) fn u8(self, offset: usize) -> u8 {
        self.0[offset]
    }

    pub(super) fn u16(self, offset: usize) -> u16 {
        u16::from_ne_bytes(self.bytes(offset))
    }

    pub(super) fn u32(self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.bytes(offset))
    }

    /// A cookie, low word first (`net/core/sock_diag.c`, `sock_diag_save_cookie`).
    pub(super) fn cookie(self, offset: usize) -> u64 {
        u64::from(self.u32(offset + 4)) << 32 | u64::from(self.u32(offset))
    }
}
