//! Which family a value speaks of: its prefix, or what an option prefers.

use crate::model::AddressFamily;

/// The families that `ss` knows a prefix of.
const WITH_PREFIX: [AddressFamily; 6] = [
    AddressFamily::Inet,
    AddressFamily::Inet6,
    AddressFamily::Unix,
    AddressFamily::Link,
    AddressFamily::Netlink,
    AddressFamily::Vsock,
];

/// The family whose prefix `text` has, and the rest.
pub(super) fn of_host(text: &str) -> (Option<AddressFamily>, &str) {
    split(text, &WITH_PREFIX)
}

/// The same for a port. There the other families have a prefix too: as a port, the word is no more
/// than a mistake to `ss`.
pub(super) fn of_port(text: &str) -> (Option<AddressFamily>, &str) {
    split(text, &AddressFamily::ALL)
}

fn split<'t>(text: &'t str, families: &[AddressFamily]) -> (Option<AddressFamily>, &'t str) {
    let found = text.split_once(':').and_then(|(prefix, rest)| {
        let family = families.iter().find(|family| family.word() == prefix)?;
        Some((*family, rest))
    });
    found.map_or((None, text), |(family, rest)| (Some(family), rest))
}
