//! A condition as the bytes of a program.
//!
//! An operation is `struct inet_diag_bc_op` (code u8, yes u8, no u16: how far to go on) and its
//! operand. The kernel checks programs by walking along the yes-jumps (`inet_diag_bc_audit`), so
//! each of ours leads to the next operation, and all that skip are no-jumps, forward. A program
//! that ends exactly at its end passes the socket; one that jumps four bytes beyond does not.

use std::net::IpAddr;

use super::{Condition, End, MAX_BYTES, Test};
use crate::model::Family;

/// `INET_DIAG_BC_*` (`include/uapi/linux/inet_diag.h`).
mod code {
    pub(super) const JMP: u8 = 1;
    pub(super) const S_GE: u8 = 2;
    pub(super) const S_LE: u8 = 3;
    pub(super) const D_GE: u8 = 4;
    pub(super) const D_LE: u8 = 5;
    pub(super) const AUTO: u8 = 6;
    pub(super) const S_COND: u8 = 7;
    pub(super) const D_COND: u8 = 8;
    pub(super) const DEV_COND: u8 = 9;
    pub(super) const MARK_COND: u8 = 10;
    pub(super) const CGROUP_COND: u8 = 13;
}

/// Size of `struct inet_diag_bc_op`, bytes.
const OP_BYTES: u8 = 4;

/// The program; `None` if it would be too long.
pub(super) fn program(condition: &Condition) -> Option<Vec<u8>> {
    let mut program = Program::default();
    let (pass, drop) = (program.label(), program.label());
    // Falls through to its end where it passes.
    program.condition(condition, pass, drop, pass)?;
    program.place(pass);
    program.finish(drop)
}

/// Room that a condition takes, bytes, roughly.
pub(super) fn size(condition: &Condition) -> usize {
    match condition {
        Condition::True | Condition::False => usize::from(OP_BYTES),
        Condition::Test(_) => 20,
        Condition::Not(inner) => size(inner) + usize::from(OP_BYTES),
        Condition::All(parts) | Condition::Any(parts) => parts.iter().map(size).sum(),
    }
}

/// A place in the program that may not be known yet.
type Label = usize;

#[derive(Default)]
struct Program {
    bytes: Vec<u8>,
    /// Where each label is, once that is known.
    places: Vec<Option<usize>>,
    /// Operations whose no-jump goes to a label: where they are.
    jumps: Vec<(usize, Label)>,
}

impl Program {
    fn label(&mut self) -> Label {
        self.places.push(None);
        self.places.len() - 1
    }

    fn place(&mut self, label: Label) {
        self.places[label] = Some(self.bytes.len());
    }

    /// Adds code that goes to `yes` where the condition is true and to `no` where it is not.
    /// `next` is the one of them that will be placed right behind. `None`: too long.
    fn condition(
        &mut self,
        condition: &Condition,
        yes: Label,
        no: Label,
        next: Label,
    ) -> Option<()> {
        match condition {
            Condition::True => self.jump(yes, next),
            Condition::False => self.jump(no, next),
            Condition::Test(test) => {
                if no == next {
                    let behind = self.label();
                    self.test(test, behind);
                    self.jump(yes, next);
                    self.place(behind);
                } else {
                    self.test(test, no);
                    self.jump(yes, next);
                }
            }
            Condition::Not(inner) => return self.condition(inner, no, yes, next),
            Condition::All(parts) => {
                let (last, parts) = parts.split_last()?;
                for part in parts {
                    let behind = self.label();
                    self.condition(part, behind, no, behind)?;
                    self.place(behind);
                }
                return self.condition(last, yes, no, next);
            }
            Condition::Any(parts) => {
                let (last, parts) = parts.split_last()?;
                for part in parts {
                    let behind = self.label();
                    self.condition(part, yes, behind, behind)?;
                    self.place(behind);
                }
                return self.condition(last, yes, no, next);
            }
        }
        (self.bytes.len() <= MAX_BYTES).then_some(())
    }

    fn jump(&mut self, to: Label, next: Label) {
        if to != next {
            self.operation(code::JMP, &[], to);
        }
    }

    /// One operation; goes on behind it where it is true.
    fn operation(&mut self, code: u8, operand: &[u8], no: Label) {
        let length = OP_BYTES.saturating_add(u8::try_from(operand.len()).unwrap_or(u8::MAX));
        self.jumps.push((self.bytes.len(), no));
        self.bytes.extend([code, length, 0, 0]);
        self.bytes.extend(operand);
    }

    fn test(&mut self, test: &Test, no: Label) {
        let port = |number: u16| {
            let [low, high] = number.to_ne_bytes();
            [0, 0, low, high]
        };
        match *test {
            Test::Host {
                end,
                prefix,
                port: number,
            } => {
                let code = match end {
                    End::Src => code::S_COND,
                    End::Dst => code::D_COND,
                };
                let (operand, length) = host_operand(prefix, number);
                self.operation(code, &operand[..length], no);
            }
            Test::PortFrom(End::Src, number) => self.operation(code::S_GE, &port(number), no),
            Test::PortFrom(End::Dst, number) => self.operation(code::D_GE, &port(number), no),
            Test::PortTo(End::Src, number) => self.operation(code::S_LE, &port(number), no),
            Test::PortTo(End::Dst, number) => self.operation(code::D_LE, &port(number), no),
            Test::Auto => self.operation(code::AUTO, &[], no),
            Test::Dev(ifindex) => self.operation(code::DEV_COND, &ifindex.to_ne_bytes(), no),
            Test::Mark { value, mask } => {
                let mut operand = [0; 8];
                operand[..4].copy_from_slice(&value.to_ne_bytes());
                operand[4..].copy_from_slice(&mask.to_ne_bytes());
                self.operation(code::MARK_COND, &operand, no);
            }
            Test::Cgroup(id) => self.operation(code::CGROUP_COND, &id.to_ne_bytes(), no),
        }
    }

    /// Writes the jumps; those to `drop` go beyond the end.
    fn finish(mut self, drop: Label) -> Option<Vec<u8>> {
        if self.bytes.len() > MAX_BYTES {
            return None;
        }
        self.places[drop] = Some(self.bytes.len() + usize::from(OP_BYTES));
        for &(at, label) in &self.jumps {
            let distance = u16::try_from(self.places[label]? - at).ok()?;
            self.bytes[at + 2..at + 4].copy_from_slice(&distance.to_ne_bytes());
        }
        Some(self.bytes)
    }
}

/// `struct inet_diag_hostcond` (family u8, prefix length u8, two bytes of padding, port i32, -1 for
/// any) and the address, in network order; and how many bytes of it count.
fn host_operand(
    prefix: Option<crate::filter::expr::Prefix>,
    port: Option<u16>,
) -> ([u8; 24], usize) {
    let mut operand = [0; 24];
    let port = port.map_or(-1, i32::from);
    operand[4..8].copy_from_slice(&port.to_ne_bytes());
    let Some(prefix) = prefix else {
        return (operand, 8);
    };
    match prefix.address {
        IpAddr::V4(address) => {
            operand[..2].copy_from_slice(&[Family::Inet.number(), prefix.len.min(32)]);
            operand[8..12].copy_from_slice(&address.octets());
            (operand, 12)
        }
        IpAddr::V6(address) => {
            operand[..2].copy_from_slice(&[Family::Inet6.number(), prefix.len.min(128)]);
            operand[8..].copy_from_slice(&address.octets());
            (operand, 24)
        }
    }
}
