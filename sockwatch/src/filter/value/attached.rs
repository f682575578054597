//! What a socket is attached to: a device, a mark, a cgroup.

use super::link::no_device;
use super::number::{number, unsigned};
use super::{Names, Wrong};
use crate::filter::error::shown;
use crate::filter::expr::{CgroupTest, Compare, Term};

/// The name of a device, or else its index, 0 for none.
pub(super) fn dev<'t>(
    compare: Compare,
    text: &'t str,
    names: &mut Names<'_>,
) -> Result<Term, Wrong<'t>> {
    let index = names.lookup.device(text).or_else(|| unsigned(text));
    let ifindex = index.ok_or_else(|| no_device(text))?;
    Ok(Term::Dev { compare, ifindex })
}

/// `V` or `V/M`.
pub(super) fn mark(compare: Compare, text: &str) -> Result<Term, Wrong<'_>> {
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (bits(value)?, bits(mask)?),
        None => (bits(text)?, u32::MAX),
    };
    Ok(Term::Mark {
        compare,
        value,
        mask,
    })
}

/// 32 bits, of which C reads -1 as all.
fn bits(text: &str) -> Result<u32, Wrong<'_>> {
    let signed = || {
        i32::try_from(number(text).ok()?)
            .ok()
            .map(i32::cast_unsigned)
    };
    unsigned(text).or_else(signed).ok_or_else(|| {
        Wrong::new(text, format!("`{}` is no mark", shown(text)))
            .expected("a number of 32 bits, or VALUE/MASK")
            .hint("`fwmark 0x10/0xff`")
    })
}

/// `PATH`: this cgroup; `^PATH`: with all below it.
pub(super) fn cgroup<'t>(
    compare: Compare,
    text: &'t str,
    names: &mut Names<'_>,
) -> Result<Term, Wrong<'t>> {
    let subtree = text.strip_prefix('^');
    let path = subtree.unwrap_or(text);
    let found = names.lookup.cgroup(path).map_err(|why| {
        let message = format!("there is no cgroup `{}`: {}", shown(path), shown(&why));
        Wrong::new(path, message).expected("a path below the cgroup2 mount")
    })?;
    let cgroup = match subtree {
        Some(_) => CgroupTest::Subtree { path: found.path },
        None => CgroupTest::Exactly {
            id: found.id,
            path: found.path,
        },
    };
    Ok(Term::Cgroup { compare, cgroup })
}
