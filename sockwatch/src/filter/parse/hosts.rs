//! The addresses of the hosts that a filter names.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use super::list::{Parsed, Pending};
use crate::filter::error::{FilterError, shown};
use crate::filter::expr::{Expr, HostTest, Prefix, Term};
use crate::filter::lex::Text;
use crate::filter::lookup::Lookup;
use crate::filter::value::Wrong;
use crate::model::AddressFamily;

/// Looks up every host, and puts its addresses where they belong.
pub(super) fn fill(
    parsed: &mut Parsed<'_>,
    text: &Text<'_>,
    lookup: &mut dyn Lookup,
) -> Result<(), FilterError> {
    let mut known = HashMap::new();
    for pending in &parsed.pending {
        if let Entry::Vacant(unknown) = known.entry(pending.host) {
            let addresses = addresses(pending, lookup);
            unknown.insert(addresses.map_err(|wrong| text.error(pending.at, wrong))?);
        }
    }
    let mut found = parsed.pending.iter().filter_map(|pending| {
        known
            .get(&pending.host)
            .map(|prefixes| (pending.term, prefixes.as_slice()))
    });
    if let Some(next) = found.next() {
        let mut filler = Filler {
            term: 0,
            next: Some(next),
            rest: &mut found,
        };
        filler.walk(&mut parsed.expr);
    }
    Ok(())
}

fn addresses<'t>(pending: &Pending<'t>, lookup: &mut dyn Lookup) -> Result<Vec<Prefix>, Wrong<'t>> {
    let host = pending.host;
    let wrong = |why: &str| {
        let message = format!("there is no host `{}`{}", shown(host.name), why);
        Wrong::new(host.name, message).expected("an address or the name of a host")
    };
    let found = lookup.hosts(host.name, host.family);
    let found = found.map_err(|why| wrong(&format!(": {}", shown(&why))))?;
    let wanted = |address: &IpAddr| match host.family {
        Some(AddressFamily::Inet) => address.is_ipv4(),
        Some(AddressFamily::Inet6) => address.is_ipv6(),
        _ => true,
    };
    let prefixes: Vec<Prefix> = found
        .into_iter()
        .filter(wanted)
        .map(|address| Prefix {
            address,
            len: if address.is_ipv4() { 32 } else { 128 },
        })
        .collect();
    // No prefixes would mean every address.
    if prefixes.is_empty() {
        return Err(wrong(match host.family {
            Some(AddressFamily::Inet) => " with an IPv4 address",
            Some(AddressFamily::Inet6) => " with an IPv6 address",
            _ => "",
        }));
    }
    Ok(prefixes)
}

/// Walks the terms in the order in which they were written, as their numbers go.
struct Filler<'p> {
    term: usize,
    next: Option<(usize, &'p [Prefix])>,
    rest: &'p mut dyn Iterator<Item = (usize, &'p [Prefix])>,
}

impl Filler<'_> {
    /// As deep as the parser let the expression be.
    fn walk(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Term(term) => {
                if let Some((_, prefixes)) = self.next.filter(|next| next.0 == self.term) {
                    put(term, prefixes);
                    self.next = self.rest.next();
                }
                self.term += 1;
            }
            Expr::Not(inner) => self.walk(inner),
            Expr::And(list) | Expr::Or(list) => list.iter_mut().for_each(|expr| self.walk(expr)),
        }
    }
}

fn put(term: &mut Term, addresses: &[Prefix]) {
    if let Term::Host {
        host: HostTest::Inet { prefixes, .. },
        ..
    } = term
    {
        prefixes.extend_from_slice(addresses);
    }
}
