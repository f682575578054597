//! Who holds a socket, as `ss -p` shows it: `users:(("COMM",pid=PID,fd=FD),...)`; and, which `ss` does not
//! show, the other end: `peer:("NAME",("COMM",pid=PID,fd=FD),...)`, of a unix socket with its name.

use crate::{
    model::{Peer, User, Users, holders::Contexts},
    sink::{escape::escape, put},
};

/// What stands for a context that is not known.
const UNKNOWN: &[u8] = b"unavailable";

/// Appends those that hold it.
pub(super) fn write(out: &mut Vec<u8>, users: Users<'_>, contexts: Contexts) {
    out.extend_from_slice(b"users:(");
    let begin = out.len();
    list(out, begin, users, contexts);
    out.push(b')');
}

/// Appends the other end.
pub(super) fn write_peer(out: &mut Vec<u8>, peer: &Peer<'_>, contexts: Contexts) {
    out.extend_from_slice(b"peer:(");
    let begin = out.len();
    if !peer.name.is_empty() {
        out.push(b'"');
        escape(peer.name, out);
        out.push(b'"');
    }
    list(out, begin, peer.users, contexts);
    out.push(b')');
}

/// With commas between them, and between them and what there is since `begin`.
fn list(out: &mut Vec<u8>, begin: usize, users: Users<'_>, contexts: Contexts) {
    for user in users.iter() {
        if out.len() > begin {
            out.push(b',');
        }
        one(out, &user, contexts);
    }
}

fn one(out: &mut Vec<u8>, user: &User<'_>, contexts: Contexts) {
    out.extend_from_slice(b"(\"");
    escape(user.comm.as_bytes(), out);
    out.extend_from_slice(b"\",pid=");
    put::number(out, user.pid);
    if let Some(tid) = user.tid {
        out.extend_from_slice(b",tid=");
        put::number(out, tid);
    }
    if contexts != Contexts::None {
        out.extend_from_slice(b",proc_ctx=");
        escape(user.proc_ctx.unwrap_or(UNKNOWN), out);
    }
    out.extend_from_slice(b",fd=");
    put::number(out, user.fd);
    if contexts == Contexts::Sockets {
        out.extend_from_slice(b",sock_ctx=");
        escape(user.sock_ctx.unwrap_or(UNKNOWN), out);
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Comm,
        holders::{ContextId, Gathering, Task},
    };

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn holders_look_as_with_ss() {
        let mut found = Gathering::default();
        let context = found.context(b"user_u:user_r:x_t:s0");
        let task = |pid, comm: &[u8], tid, context| Task {
            pid,
            tid,
            comm: Comm::from_bytes(comm),
            context,
        };
        found.descriptor(5, 3, ContextId::NONE);
        found.descriptor(5, 200, context);
        found.task(task(7, b"a b\"c", None, context));
        found.descriptor(5, 4, ContextId::NONE);
        found.task(task(9, b"\x1b[31m\xff)", Some(10), ContextId::NONE));
        let holders = found.finish();
        let users = holders.users(5);
        assert_eq!(
            text(|out| write(out, users, Contexts::None)),
            r#"users:(("\u{1b}[31m\xff)",pid=9,tid=10,fd=4),("a b"c",pid=7,fd=200),("a b"c",pid=7,fd=3))"#
        );
        let shown = text(|out| write(out, users, Contexts::Sockets));
        let known =
            r#"("a b"c",pid=7,proc_ctx=user_u:user_r:x_t:s0,fd=200,sock_ctx=user_u:user_r:x_t:s0)"#;
        let unknown = r"pid=9,tid=10,proc_ctx=unavailable,fd=4,sock_ctx=unavailable)";
        assert!(shown.contains(known) && shown.contains(unknown), "{shown}");
        let shown = text(|out| write(out, users, Contexts::Processes));
        assert!(!shown.contains("sock_ctx"), "{shown}");
    }

    #[test]
    fn a_peer_has_its_name_and_its_holders() {
        let mut found = Gathering::default();
        found.descriptor(5, 3, ContextId::NONE);
        found.task(Task {
            pid: 7,
            tid: None,
            comm: Comm::from_bytes(b"x"),
            context: ContextId::NONE,
        });
        let holders = found.finish();
        let shown = |name, inode| {
            let peer = Peer {
                inode: Some(inode),
                name,
                users: holders.users(inode),
                ..Peer::default()
            };
            text(|out| write_peer(out, &peer, Contexts::None))
        };
        assert_eq!(shown(b"", 5), r#"peer:(("x",pid=7,fd=3))"#);
        assert_eq!(shown(b"@a\n", 5), r#"peer:("@a\n",("x",pid=7,fd=3))"#);
        assert_eq!(shown(b"/x", 6), r#"peer:("/x")"#);
        assert_eq!(shown(b"", 6), "peer:()");
    }
}
