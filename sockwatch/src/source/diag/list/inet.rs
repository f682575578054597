//! Dumps of sockets with IP addresses: with a program and, where the kernel refuses it, without; of raw
//! sockets from /proc, where the kernel can't dump them.
//!
//! How TCP's dumps are put together is left to `tcp`.

use super::{
    super::{
        proc_raw,
        refusal::{is_absence, is_for_the_program},
        request::{InetDump, inet},
        rows::Inet,
        wire::{self, Begun, Ended, SEQUENCE, WireError},
    },
    Lister, Shown, add_new,
};
use crate::model::{Family, Netid, Proto, Row};

impl<F: FnMut(&Row<'_>)> Lister<'_, F> {
    /// A dump of sockets with IP addresses, other than TCP's.
    pub(super) fn inet(
        &mut self,
        netid: Netid,
        family: Family,
        states: u32,
    ) -> Result<Ended, WireError> {
        let shown = (self.query.shown)(netid, family);
        let protocol = ip_protocol(netid).filter(|_| shown != Shown::Nothing);
        let Some(protocol) = protocol else {
            return Ok(Ended::default());
        };
        let dump = InetDump {
            protocol,
            family,
            state_bits: states,
            ask: self.query.ask,
            program: shown.program(),
        };
        let request = inet(&dump, SEQUENCE);
        let ended = self.inet_rows(netid, &dump, &request, wire::begin(&request));
        match ended {
            Err(error) if netid == Netid::Raw && is_absence(&error) => {
                self.proc_raw(family);
                Ok(Ended::default())
            }
            ended => ended,
        }
    }

    /// The rows of `dump`, of which `request` was made, without its program if the kernel refuses it.
    pub(super) fn inet_rows(
        &mut self,
        netid: Netid,
        dump: &InetDump<'_>,
        request: &[u8],
        begun: Result<Begun, WireError>,
    ) -> Result<Ended, WireError> {
        let mut reader = Inet::asked(netid, self.netns, dump.ask);
        let ended = self.read(&[netid], request, begun, &mut reader);
        if dump.program.is_none() || !ended.as_ref().is_err_and(is_for_the_program) {
            return ended;
        }
        // The request is judged before the first row is sent.
        let plain = InetDump {
            program: None,
            ..*dump
        };
        let ended = self.rows(&[netid], &inet(&plain, SEQUENCE), &mut reader);
        if ended.is_ok() {
            let subject = format!("{} {}", netid.word(), dump.family.word());
            let reason = "the kernel refused the filter; everything is filtered here";
            self.lesser.add(subject, reason.to_owned());
        }
        ended
    }

    fn proc_raw(&mut self, family: Family) {
        let subject = format!("raw {}", family.word());
        let states = self.query.states;
        let each = &mut self.each;
        let read = proc_raw::list(family, self.netns, |row| {
            if states.contains(row.state) {
                each(row);
            }
        });
        match read {
            Ok(malformed) => {
                self.tally.malformed += malformed;
                let reason = "the kernel has no raw_diag; /proc/net/raw tells no devices, marks, \
                              cgroups or cookies";
                self.lesser.add(subject, reason.to_owned());
            }
            Err(error) => {
                let reason = format!("cannot read /proc/net/raw: {error}");
                self.failures.add(subject, reason);
                add_new(&mut self.failed, &[Netid::Raw]);
            }
        }
    }
}

/// The protocol number of a table of sockets with IP addresses.
fn ip_protocol(netid: Netid) -> Option<u16> {
    match netid {
        Netid::Raw => Some(255),
        Netid::Udp => Some(17),
        Netid::Tcp => Some(Proto::Tcp.number()),
        Netid::Dccp => Some(Proto::Dccp.number()),
        Netid::Sctp => Some(Proto::Sctp.number()),
        Netid::Mptcp => Some(Proto::Mptcp.number()),
        _ => None,
    }
}
