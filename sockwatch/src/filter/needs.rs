//! Which facts an expression asks for, so that those that cost something are fetched only then.

use super::expr::{CgroupTest, Expr, HostTest, Term};

/// The facts that are not in every dump or event, or are dear.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact by itself; any of them can be needed"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// `pid`, `comm`: processes.
    pub owners: bool,
    /// `cgroup`: id of the cgroup.
    pub cgroup_id: bool,
    /// `cgroup ^PATH`, `container`: its path.
    pub cgroup_path: bool,
    /// `rtt`, `retrans`.
    pub tcp_info: bool,
    /// `autobound`: the range of local ports.
    pub autobound: bool,
    /// `fwmark`: takes CAP_NET_ADMIN in a dump.
    pub mark: bool,
    /// `src unix:`: names of unix sockets.
    pub unix_names: bool,
}

impl Expr {
    /// Which facts it asks for.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.add_needs(&mut needs);
        needs
    }

    fn add_needs(&self, needs: &mut Needs) {
        match self {
            Self::Term(term) => term.add_needs(needs),
            Self::Not(inner) => inner.add_needs(needs),
            Self::And(list) | Self::Or(list) => {
                for inner in list {
                    inner.add_needs(needs);
                }
            }
        }
    }
}

impl Term {
    fn add_needs(&self, needs: &mut Needs) {
        match self {
            Self::Pid(..) | Self::Comm(..) => needs.owners = true,
            Self::Cgroup { cgroup, .. } => match cgroup {
                CgroupTest::Exactly { .. } => needs.cgroup_id = true,
                CgroupTest::Subtree { .. } => needs.cgroup_path = true,
            },
            Self::Container(..) => needs.cgroup_path = true,
            Self::Rtt(..) | Self::Retrans(..) => needs.tcp_info = true,
            Self::Autobound => needs.autobound = true,
            Self::Mark { .. } => needs.mark = true,
            Self::Host {
                host: HostTest::Unix(_),
                ..
            } => needs.unix_names = true,
            Self::Host { .. }
            | Self::Port { .. }
            | Self::Dev { .. }
            | Self::Uid(..)
            | Self::Netns(..)
            | Self::Dwell(..)
            | Self::Age(..)
            | Self::Cause(..) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::expr::Compare;

    #[test]
    fn needs_are_found_wherever_they_are() {
        assert_eq!(Expr::EVERYTHING.needs(), Needs::default());
        let pid = Expr::Term(Term::Pid(Compare::Eq, vec![1..=1]));
        let mark = Expr::Term(Term::Mark {
            compare: Compare::Ne,
            value: 1,
            mask: 1,
        });
        let uid = Expr::Term(Term::Uid(Compare::Eq, vec![0..=0]));
        let expr = Expr::And(vec![uid, Expr::Or(vec![Expr::Not(Box::new(pid)), mark])]);
        let wanted = Needs {
            owners: true,
            mark: true,
            ..Needs::default()
        };
        assert_eq!(expr.needs(), wanted);
    }
}
