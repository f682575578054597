//! How the model's types look in JSON.

use std::num::NonZeroU64;

use super::object::{List, Object, Text, Value, Word, field};
use crate::{
    model::{Errno, Owner, Peer, TcpNumbers, User, Users, event::Degraded},
    sink::put,
};

/// A socket cookie as `ss -e` prints it after `sk:`: lower-case hex, no zeros in front.
pub(super) struct Cookie(pub(super) NonZeroU64);

impl Value for Cookie {
    fn put(self, out: &mut Vec<u8>) {
        out.push(b'"');
        put::hex(out, self.0.get());
        out.push(b'"');
    }
}

/// An errno by its symbol, or as `errno-N` where it has none here.
impl Value for Errno {
    fn put(self, out: &mut Vec<u8>) {
        if let Some(name) = self.name() {
            return Word(name).put(out);
        }
        out.extend_from_slice(b"\"errno-");
        self.0.put(out);
        out.push(b'"');
    }
}

impl Value for &Owner {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        task(&mut object, self);
        field!(object, "how", Word(self.how.word()));
        object.end();
    }
}

/// A process that closed a socket: how that is known goes without saying.
pub(super) struct Closer<'a>(pub(super) &'a Owner);

impl Value for Closer<'_> {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        task(&mut object, self.0);
        object.end();
    }
}

fn task(object: &mut Object<'_>, owner: &Owner) {
    field!(object, "pid", owner.pid);
    field!(object, "comm", Text(owner.comm.as_bytes()));
}

impl Value for User<'_> {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "pid", self.pid);
        field!(object, "tid", self.tid);
        field!(object, "comm", Text(self.comm.as_bytes()));
        field!(object, "fd", self.fd);
        field!(object, "proc_ctx", self.proc_ctx.map(Text));
        field!(object, "sock_ctx", self.sock_ctx.map(Text));
        object.end();
    }
}

impl Value for Users<'_> {
    fn put(self, out: &mut Vec<u8>) {
        List(self.iter()).put(out);
    }
}

impl Value for Peer<'_> {
    fn put(self, out: &mut Vec<u8>) {
        let name = Some(self.name).filter(|name| !name.is_empty());
        let mut object = Object::begin(out);
        field!(object, "inode", self.inode);
        field!(
            object,
            "sk",
            self.cookie.and_then(NonZeroU64::new).map(Cookie)
        );
        field!(object, "name", name.map(Text));
        field!(object, "users", self.users);
        object.end();
    }
}

impl Value for &TcpNumbers {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "rtt_us", self.rtt_us);
        field!(object, "rttvar_us", self.rttvar_us);
        field!(object, "retrans", self.retrans);
        field!(object, "bytes_acked", self.bytes_acked);
        field!(object, "bytes_received", self.bytes_received);
        field!(object, "segs_out", self.segs_out);
        field!(object, "segs_in", self.segs_in);
        field!(object, "cwnd", self.cwnd);
        object.end();
    }
}

impl Value for &Degraded {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "what", Word(self.what));
        field!(object, "why", Text(self.why.as_bytes()));
        object.end();
    }
}
