//! The counts of a `summary` record.

use super::object::{Object, Value, field};
use crate::model::summary::{ByFamily, Summary, TcpSummary};

pub(super) fn counts(object: &mut Object<'_>, summary: &Summary) {
    field!(object, "sockets", summary.sockets);
    field!(object, "tcp_total", summary.tcp_total());
    field!(object, "tcp", &summary.tcp);
    field!(object, "raw", summary.raw);
    field!(object, "udp", summary.udp);
    field!(object, "tcp_hashed", summary.tcp_hashed);
    field!(object, "fragments", summary.fragments);
}

impl Value for &TcpSummary {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "established", self.established);
        field!(object, "closed", self.closed);
        field!(object, "orphaned", self.orphaned);
        field!(object, "time_wait", self.time_wait);
        object.end();
    }
}

impl Value for ByFamily {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "inet", self.inet);
        field!(object, "inet6", self.inet6);
        object.end();
    }
}
