//! `-t -M -4 -6 -l -a -N --on`: which sockets and which side of a transition.

use std::fmt;

use crate::model::{Family, Proto, StateSet, TcpState};

/// Which side of a transition has to be in the selected states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum On {
    /// The state entered.
    Enter,
    /// The state left.
    Leave,
    /// Either.
    #[default]
    Both,
}

/// A selection. Empty lists select everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Transport protocols.
    pub protos: Vec<Proto>,
    /// Families of the socket, not of the addresses: as with `ss`, `-4` leaves out IPv4 traffic on
    /// IPv6 sockets.
    pub families: Vec<Family>,
    /// States.
    pub states: StateSet,
    /// Which side of a transition they are asked of.
    pub on: On,
    /// The one network namespace, by inode number.
    pub netns: Option<u32>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            protos: Vec::new(),
            families: Vec::new(),
            states: StateSet::ALL,
            on: On::Both,
            netns: None,
        }
    }
}

impl Selection {
    /// Whether a transition is shown. `left` is `None` where the socket was in no state before.
    pub fn shows_transition(
        &self,
        socket: &Facts,
        left: Option<TcpState>,
        entered: TcpState,
    ) -> bool {
        self.shows_states(left, entered) && self.shows_socket(socket)
    }

    /// Whether a transition between these states is shown, of a socket that is.
    pub(super) fn shows_states(&self, left: Option<TcpState>, entered: TcpState) -> bool {
        let left = left.map_or(self.states == StateSet::ALL, |state| {
            self.states.contains(state)
        });
        let entered = self.states.contains(entered);
        match self.on {
            On::Enter => entered,
            On::Leave => left,
            On::Both => left || entered,
        }
    }

    /// Whether an existing socket is shown.
    pub fn shows_row(&self, socket: &Facts, state: TcpState) -> bool {
        self.states.contains(state) && self.shows_socket(socket)
    }

    fn shows_socket(&self, socket: &Facts) -> bool {
        (self.protos.is_empty() || self.protos.contains(&socket.proto))
            && (self.families.is_empty() || self.families.contains(&socket.family))
            && (self.netns.is_none() || self.netns == socket.netns)
    }
}

/// What a selection looks at.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Transport protocol.
    pub proto: Proto,
    /// Family of the socket.
    pub family: Family,
    /// Network namespace.
    pub netns: Option<u32>,
}

/// As words of the command line; empty when everything is selected.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = Vec::new();
        words.extend(
            self.protos
                .iter()
                .map(|proto| format!("--{}", proto.word())),
        );
        words.extend(self.families.iter().map(|family| match family {
            Family::Inet => "--ipv4".to_owned(),
            Family::Inet6 => "--ipv6".to_owned(),
        }));
        words.extend(self.netns.map(|netns| format!("netns:{netns}")));
        if self.states != StateSet::ALL {
            let named = (1..=11).map(TcpState::from_kernel);
            let selected = named.filter(|&state| self.states.contains(state));
            words.extend(selected.map(|state| format!("state {}", state.word())));
        }
        match self.on {
            On::Both => {}
            On::Enter => words.push("--on enter".to_owned()),
            On::Leave => words.push("--on leave".to_owned()),
        }
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts = Facts {
        proto: Proto::Tcp,
        family: Family::Inet6,
        netns: Some(7),
    };

    #[test]
    fn states_are_asked_of_the_chosen_side() {
        let states = StateSet::of(&[TcpState::SynSent]);
        let shows = |on, old, new| {
            Selection {
                states,
                on,
                ..Selection::default()
            }
            .shows_transition(&FACTS, Some(old), new)
        };
        assert!(shows(On::Both, TcpState::Close, TcpState::SynSent));
        assert!(shows(On::Both, TcpState::SynSent, TcpState::Established));
        assert!(!shows(On::Enter, TcpState::SynSent, TcpState::Established));
        assert!(!shows(On::Leave, TcpState::Close, TcpState::SynSent));
        assert!(!shows(On::Both, TcpState::Established, TcpState::CloseWait));
    }

    #[test]
    fn sockets_are_selected_by_protocol_family_and_namespace() {
        let all = Selection::default();
        assert!(all.shows_row(&FACTS, TcpState::Unknown(99)));
        assert_eq!(all.to_string(), "");
        let narrow = Selection {
            protos: vec![Proto::Mptcp, Proto::Tcp],
            families: vec![Family::Inet6],
            netns: Some(7),
            states: StateSet::of(&[TcpState::Listen, TcpState::Close]),
            on: On::Enter,
        };
        assert!(narrow.shows_row(&FACTS, TcpState::Listen));
        assert!(!narrow.shows_row(&FACTS, TcpState::Established));
        assert!(!narrow.shows_row(
            &Facts {
                netns: None,
                ..FACTS
            },
            TcpState::Listen
        ));
        assert!(!narrow.shows_row(
            &Facts {
                family: Family::Inet,
                ..FACTS
            },
            TcpState::Listen
        ));
        let words = "--mptcp --tcp --ipv6 netns:7 state closed state listening --on enter";
        assert_eq!(narrow.to_string(), words);
    }
}
