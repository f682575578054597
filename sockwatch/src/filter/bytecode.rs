//! A filter as a program for the kernel: `INET_DIAG_REQ_BYTECODE` of a sock_diag dump
//! (`net/ipv4/inet_diag.c`, `inet_diag_bc_run`).
//!
//! The program passes every socket that the expression is true of, and others where the kernel does
//! not know what is asked: the evaluator decides on what comes. Sends nothing.
//!
//! A kernel may refuse a program that it does not understand (EINVAL): dump without it then.

mod bounds;
mod emit;

use std::fmt;

use super::expr::{End, Expr};
use crate::model::{Family, Netid};

/// Longest program, bytes: an attribute's length, with its header of four, is a u16, and operations
/// are aligned to four.
pub const MAX_BYTES: usize = 65_528;

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytecode {
    /// The payload of the attribute, in the byte order of the machine.
    pub bytes: Vec<u8>,
    /// What it passes; in words by `Display`.
    pub pushed: Condition,
    /// Whether it passes those sockets only that the expression is true of. What is asked of
    /// processes and paths is not known in the kernel, for one.
    pub exact: bool,
}

impl Bytecode {
    /// Whether it passes no socket at all: then the dump can be spared.
    pub fn passes_nothing(&self) -> bool {
        self.pushed == Condition::False
    }
}

/// The program for a dump of one table and family, or `None` where there is nothing that the kernel
/// could leave out.
///
/// `may_mark`: whether the caller has CAP_NET_ADMIN, without which the kernel refuses a program that
/// asks for marks.
///
/// `autobound` becomes the kernel's half of it: that nobody bound the port. Whether the port is in
/// the range for such ports is left to the evaluator.
pub fn compile(expr: &Expr, netid: Netid, family: Family, may_mark: bool) -> Option<Bytecode> {
    // `sctp_diag` runs no programs.
    if !netid.is_inet() || netid == Netid::Sctp {
        return None;
    }
    let table = bounds::Table {
        netid,
        family,
        may_mark,
    };
    let bounds = table.bounds(expr);
    let mut pushed = bounds.upper;
    let mut exact = pushed == bounds.lower;
    loop {
        if pushed == Condition::True {
            return None;
        }
        if let Some(bytes) = emit::program(&pushed) {
            return Some(Bytecode {
                bytes,
                pushed,
                exact,
            });
        }
        pushed = coarser(pushed)?;
        exact = false;
    }
}

/// A condition that is true of more sockets, and takes less room: without the largest of the parts
/// that all have to be true.
fn coarser(condition: Condition) -> Option<Condition> {
    let Condition::All(mut parts) = condition else {
        return None;
    };
    let sizes = parts.iter().map(emit::size);
    let (largest, _) = sizes.enumerate().max_by_key(|&(_, size)| size)?;
    parts.remove(largest);
    Some(Condition::all(parts))
}

/// What a program tests, in words that say what the kernel does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Every socket.
    True,
    /// No socket.
    False,
    /// One test.
    Test(Test),
    /// The contrary.
    Not(Box<Condition>),
    /// All of two or more.
    All(Vec<Condition>),
    /// Any of two or more.
    Any(Vec<Condition>),
}

impl Condition {
    fn all(parts: Vec<Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::True => {}
                Self::False => return Self::False,
                Self::All(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Self::True,
            1 => kept.remove(0),
            _ => Self::All(kept),
        }
    }

    fn any(parts: Vec<Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::False => {}
                Self::True => return Self::True,
                Self::Any(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Self::False,
            1 => kept.remove(0),
            _ => Self::Any(kept),
        }
    }

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}

impl From<bool> for Condition {
    fn from(is_true: bool) -> Self {
        if is_true { Self::True } else { Self::False }
    }
}

/// One operation of the kernel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `INET_DIAG_BC_S_COND`, `INET_DIAG_BC_D_COND`
    Host {
        /// Which end.
        end: End,
        /// In this prefix, as the kernel compares families.
        prefix: Option<super::expr::Prefix>,
        /// With this port.
        port: Option<u16>,
    },
    /// `INET_DIAG_BC_S_GE`, `INET_DIAG_BC_D_GE`
    PortFrom(End, u16),
    /// `INET_DIAG_BC_S_LE`, `INET_DIAG_BC_D_LE`
    PortTo(End, u16),
    /// `INET_DIAG_BC_AUTO`
    Auto,
    /// `INET_DIAG_BC_DEV_COND`
    Dev(u32),
    /// `INET_DIAG_BC_MARK_COND`
    Mark {
        /// Mark after masking.
        value: u32,
        /// Mask.
        mask: u32,
    },
    /// `INET_DIAG_BC_CGROUP_COND`
    Cgroup(u64),
}

/// As words of the filter language, as far as it has words for it.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self], between: &str| {
            f.write_str("( ")?;
            for (place, part) in parts.iter().enumerate() {
                if place > 0 {
                    write!(f, " {between} ")?;
                }
                write!(f, "{part}")?;
            }
            f.write_str(" )")
        };
        match self {
            Self::True => f.write_str("every socket"),
            Self::False => f.write_str("no socket"),
            Self::Test(test) => write!(f, "{test}"),
            Self::Not(inner) => write!(f, "not {inner}"),
            Self::All(parts) => list(f, parts, "and"),
            Self::Any(parts) => list(f, parts, "or"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |end: &End| match end {
            End::Src => "src",
            End::Dst => "dst",
        };
        let port = |end: &End| match end {
            End::Src => "sport",
            End::Dst => "dport",
        };
        match self {
            Self::Host {
                end,
                prefix: None,
                port: Some(number),
            } => write!(f, "{} = :{number}", port(end)),
            Self::Host {
                end,
                prefix,
                port: number,
            } => {
                f.write_str(host(end))?;
                match prefix {
                    Some(prefix) => write!(f, " [{}/{}]", prefix.address, prefix.len)?,
                    None => f.write_str(" *")?,
                }
                number.map_or(Ok(()), |number| write!(f, ":{number}"))
            }
            Self::PortFrom(end, number) => write!(f, "{} >= :{number}", port(end)),
            Self::PortTo(end, number) => write!(f, "{} <= :{number}", port(end)),
            Self::Auto => f.write_str("autobound"),
            Self::Dev(ifindex) => write!(f, "dev = {ifindex}"),
            Self::Mark { value, mask } => write!(f, "fwmark = {value:#x}/{mask:#x}"),
            Self::Cgroup(id) => write!(f, "cgroup id {id}"),
        }
    }
}

impl fmt::Display for Bytecode {
    /// What was pushed, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = if self.exact { "" } else { " (the rest here)" };
        write!(
            f,
            "the kernel passes {}{rest}, {} bytes",
            self.pushed,
            self.bytes.len()
        )
    }
}

#[cfg(test)]
mod tests;
