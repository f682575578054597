//! Netlink attributes, read where they lie.
//!
//! Framing only: does not know what any attribute means.

use netlink_packet_core::{NLA_ALIGNTO, NLA_HEADER_SIZE, NLA_TYPE_MASK};

/// An attribute whose length makes no sense; nothing can be found behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Iterator over attributes: type, payload.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// The attributes in these bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Gives each attribute to `understand`, which says whether it made sense. Returns how many did
    /// not.
    pub(super) fn read(self, mut understand: impl FnMut(u16, &'a [u8]) -> bool) -> u32 {
        let mut malformed = 0;
        for attribute in self {
            let understood = match attribute {
                Ok((kind, bytes)) => understand(kind, bytes),
                Err(Malformed) => false,
            };
            malformed += u32::from(!understood);
        }
        malformed
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let whole = std::mem::take(&mut self.rest);
        if whole.is_empty() {
            return None;
        }
        let Some(&[len0, len1, kind0, kind1]) = whole.first_chunk() else {
            return Some(Err(Malformed));
        };
        let length = usize::from(u16::from_ne_bytes([len0, len1]));
        let kind = u16::from_ne_bytes([kind0, kind1]) & NLA_TYPE_MASK;
        let Some(payload) = whole.get(NLA_HEADER_SIZE..length) else {
            return Some(Err(Malformed));
        };
        // The last one need not be padded.
        self.rest = whole
            .get(length.next_multiple_of(NLA_ALIGNTO)..)
            .unwrap_or_default();
        Some(Ok((kind, payload)))
    }
}

/// Takes the value from the first bytes of an attribute, which may have grown. `false`: too short.
pub(super) fn set<T, const N: usize>(
    slot: &mut Option<T>,
    bytes: &[u8],
    read: fn([u8; N]) -> T,
) -> bool {
    let Some((first, _)) = bytes.split_first_chunk() else {
        return false;
    };
    *slot = Some(read(*first));
    true
}
