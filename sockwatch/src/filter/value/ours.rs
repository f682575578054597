//! Values of the predicates that `ss` does not have, but times.

use super::number::{NoNumber, elements, number, one_value, range};
use super::{Names, Wrong};
use crate::filter::error::shown;
use crate::filter::expr::{Compare, Glob, NumberSet};
use crate::filter::words::nearest;
use crate::model::Cause;

/// A pattern, or the beginning of an id.
pub(super) fn glob(text: &str) -> Glob {
    Glob {
        pattern: text.as_bytes().to_vec(),
    }
}

/// Numbers and ranges; where an order is asked for, one number.
pub(super) fn numbers(compare: Compare, text: &str) -> Result<NumberSet, Wrong<'_>> {
    set(compare, text, &mut |name| {
        let message = format!("`{}` is no number", shown(name));
        Err(Wrong::new(name, message).expected("numbers and ranges: `1,5,10-19`"))
    })
}

/// Users by number or name.
pub(super) fn users<'t>(
    compare: Compare,
    text: &'t str,
    names: &mut Names<'_>,
) -> Result<NumberSet, Wrong<'t>> {
    set(compare, text, &mut |name| {
        names.lookup.user(name).map(u64::from).ok_or_else(|| {
            let message = format!("there is no user `{}`", shown(name));
            Wrong::new(name, message).expected("the name or number of a user")
        })
    })
}

/// Network namespaces by inode number, name or path.
pub(super) fn namespaces<'t>(text: &'t str, names: &mut Names<'_>) -> Result<NumberSet, Wrong<'t>> {
    set(Compare::Eq, text, &mut |name| {
        names.lookup.netns(name).map(u64::from).map_err(|why| {
            let message = format!(
                "there is no network namespace `{}`: {}",
                shown(name),
                shown(&why)
            );
            let wrong = Wrong::new(name, message);
            wrong.expected("a name of `ip netns`, a path, or an inode number")
        })
    })
}

/// A list of which each element is a number, a range of numbers, or a name.
fn set<'t>(
    compare: Compare,
    text: &'t str,
    named: &mut dyn FnMut(&'t str) -> Result<u64, Wrong<'t>>,
) -> Result<NumberSet, Wrong<'t>> {
    let unsigned = |value: i64, part: &'t str| {
        u64::try_from(value).map_err(|_negative| {
            Wrong::new(part, format!("`{}` is negative", shown(part)))
                .expected("a number from 0 up")
        })
    };
    let mut set = NumberSet::new();
    for element in elements(text) {
        let element = element?;
        if let Some(range) = range(element)? {
            set.push(unsigned(*range.start(), element)?..=unsigned(*range.end(), element)?);
            continue;
        }
        let value = match number(element) {
            Ok(value) => unsigned(value, element)?,
            Err(NoNumber::Text) => named(element)?,
            Err(NoNumber::TooBig) => {
                let message = format!("`{}` is too big a number", shown(element));
                return Err(Wrong::new(element, message));
            }
        };
        set.push(value..=value);
    }
    if compare.is_order() {
        one_value(
            matches!(set.as_slice(), [one] if one.start() == one.end()),
            text,
        )?;
    }
    Ok(set)
}

/// Words of [`Cause`].
pub(super) fn causes(text: &str) -> Result<Vec<Cause>, Wrong<'_>> {
    let words = || Cause::ALL.iter().map(|cause| cause.word());
    let causes = elements(text).map(|element| {
        let element = element?;
        let found = Cause::ALL
            .iter()
            .find(|cause| cause.word() == element)
            .copied();
        found.ok_or_else(|| {
            let hint = match nearest(element, words()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("causes are {}", words().collect::<Vec<_>>().join(" ")),
            };
            Wrong::new(element, format!("there is no cause `{}`", shown(element)))
                .expected("a cause")
                .hint(hint)
        })
    });
    causes.collect()
}
