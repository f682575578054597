//! Names for ports and addresses, as `ss` shows them without `-n` and with `-r`.
//!
//! Neither opens a connection for a lookup nor waits for one: a host name is there the next time
//! its address is printed. The names are raw; whoever prints them escapes them.

pub mod hosts;
pub mod protocols;
pub mod resolver;
pub mod services;

use std::net::IpAddr;

use crate::model::{MonoNs, Netid, event::Degraded};

use resolver::Resolver;
use services::Services;

/// Which names are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameOptions {
    /// Service names for ports: on unless `-n`.
    pub services: bool,
    /// Host names for addresses: only with `-r`.
    pub hosts: bool,
}

/// Names for ports and addresses.
#[derive(Debug, Default)]
pub struct Names {
    services: Option<Services>,
    resolver: Option<Resolver>,
}

impl Names {
    /// No names at all, and no lookups: `-n`.
    pub fn numeric() -> Self {
        Self::default()
    }

    /// Names from these sources.
    pub const fn new(services: Option<Services>, resolver: Option<Resolver>) -> Self {
        Self { services, resolver }
    }

    /// Loads what is wanted from this machine; what cannot be had is told and stays numeric.
    pub fn load(options: NameOptions) -> (Self, Vec<Degraded>) {
        let mut names = Self::numeric();
        let mut degraded = Vec::new();
        if options.services {
            match Services::load() {
                Ok(services) => names.services = Some(services),
                Err(error) => degraded.push(told("service names", &error)),
            }
        }
        if options.hosts {
            match Resolver::spawn(resolver::reverse_dns) {
                Ok(resolver) => names.resolver = Some(resolver),
                Err(error) => degraded.push(told("host names", &error)),
            }
        }
        (names, degraded)
    }

    /// The name of the service on `port` of a table, if it has one.
    pub fn service(&self, table: Netid, port: u16) -> Option<&str> {
        self.services.as_ref()?.name(table, port)
    }

    /// The name of `address`, if it is known by now. If not, it is asked for, and a later call has
    /// it. `now` may be the time of the event that is being printed.
    pub fn host(&mut self, address: IpAddr, now: MonoNs) -> Option<&str> {
        if address.is_unspecified() {
            return None;
        }
        self.resolver.as_mut()?.name(address, now)
    }
}

fn told(what: &'static str, error: &dyn std::error::Error) -> Degraded {
    let why = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    Degraded { what, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_names_nothing() {
        let mut names = Names::numeric();
        assert_eq!(names.service(Netid::Tcp, 80), None);
        assert_eq!(names.host(IpAddr::from([127, 0, 0, 1]), MonoNs(0)), None);
    }

    #[test]
    fn what_cannot_be_loaded_is_told_with_its_reason() {
        let error = services::ServicesError::Read {
            path: "/nowhere",
            source: std::io::ErrorKind::NotFound.into(),
        };
        assert_eq!(
            told("service names", &error).why,
            "cannot read /nowhere: entity not found"
        );
    }
}
