//! `-t -u -x -4 -f -A -a -l ...`: which tables, families and states the options select, by the rules
//! of `ss`.
//!
//! Does not read the command line, and knows nothing of expressions.

use crate::model::{AddressFamily, Netid, StateSet, TcpState};

/// One option of the selection. Their order matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// `-t -u -w -M -S -d`: a table.
    Table(Netid),
    /// `-4 -6 -x -0 -f --vsock --tipc --xdp`: a family.
    Family(AddressFamily),
    /// `-A`: a list of tables.
    Query(Query),
    /// `-a`, `-l`, `-B`: states.
    States(StateOption),
}

/// An option that names states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateOption {
    /// `-a`: every state.
    All,
    /// `-l`: listening, and closed, which is what sockets without connections are that could
    /// receive.
    Listening,
    /// `-B`: bound, but neither listening nor connecting.
    BoundInactive,
}

impl StateOption {
    const fn states(self) -> StateSet {
        match self {
            Self::All => StateSet::ALL,
            Self::Listening => StateSet::of(&[TcpState::Listen, TcpState::Close]),
            Self::BoundInactive => StateSet::of(&[TcpState::BoundInactive]),
        }
    }
}

/// The value of `-A`: `tcp,udp`, `all,!unix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(Vec<Step>);

/// Tables that are added, or with `!` removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    add: bool,
    tables: &'static [Netid],
}

/// A word of `-A` that names no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no table '{0}'; tables are {words}", words = table_words().join(" "))]
pub struct UnknownTable(pub String);

impl Query {
    /// From the value of `-A`: names with commas between them, `!` before what is left out.
    ///
    /// # Errors
    /// A name is not that of a table.
    pub fn parse(value: &str) -> Result<Self, UnknownTable> {
        let step = |word: &str| {
            let name = word.strip_prefix('!').unwrap_or(word);
            match NAMED.iter().find(|named| named.has(name)) {
                Some(named) => Ok(Step {
                    add: name.len() == word.len(),
                    tables: named.tables,
                }),
                None => Err(UnknownTable(name.to_owned())),
            }
        };
        value
            .split(',')
            .map(step)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The tables that it names one by one, or in groups of their own kind: neither `all` nor what is
    /// removed.
    pub fn asked_for(&self) -> impl Iterator<Item = Netid> {
        let steps = self.0.iter();
        let added = steps.filter(|step| step.add && step.tables.len() < INET.len());
        added.flat_map(|step| step.tables.iter().copied())
    }
}

/// What `-A` calls some tables.
struct Named {
    word: &'static str,
    tables: &'static [Netid],
}

impl Named {
    /// A single table also has the name of its column Netid.
    fn has(&self, name: &str) -> bool {
        let is_column = |table: &Netid| table.column() == name;
        name == self.word || matches!(self.tables, [one] if is_column(one))
    }
}

const fn named(word: &'static str, tables: &'static [Netid]) -> Named {
    Named { word, tables }
}

const INET: &[Netid] = &[
    Netid::Tcp,
    Netid::Udp,
    Netid::Raw,
    Netid::Dccp,
    Netid::Sctp,
    Netid::Mptcp,
];

const NAMED: [Named; 21] = [
    named("all", &Netid::ALL),
    named("inet", INET),
    named("tcp", &[Netid::Tcp]),
    named("udp", &[Netid::Udp]),
    named("raw", &[Netid::Raw]),
    named("dccp", &[Netid::Dccp]),
    named("sctp", &[Netid::Sctp]),
    named("mptcp", &[Netid::Mptcp]),
    named(
        "unix",
        &[Netid::UnixStream, Netid::UnixDgram, Netid::UnixSeqpacket],
    ),
    named("unix_stream", &[Netid::UnixStream]),
    named("unix_dgram", &[Netid::UnixDgram]),
    named("unix_seqpacket", &[Netid::UnixSeqpacket]),
    named("packet", &[Netid::PacketRaw, Netid::PacketDgram]),
    named("packet_raw", &[Netid::PacketRaw]),
    named("packet_dgram", &[Netid::PacketDgram]),
    named("netlink", &[Netid::Netlink]),
    named("vsock", &[Netid::VsockStream, Netid::VsockDgram]),
    named("vsock_stream", &[Netid::VsockStream]),
    named("vsock_dgram", &[Netid::VsockDgram]),
    named("tipc", &[Netid::Tipc]),
    named("xdp", &[Netid::Xdp]),
];

/// The words that `-A` takes.
pub fn table_words() -> [&'static str; 21] {
    NAMED.map(|named| named.word)
}

/// Connected, or on the way: not TIME-WAIT and, in its own bit, not SYN-RECV. The kernel's bits for
/// half-open requests and for sockets that are merely bound are in it, as in `ss` since 6.8.
const CONN: StateSet = StateSet::ALL.without(StateSet::of(&[
    TcpState::Listen,
    TcpState::Close,
    TcpState::TimeWait,
    TcpState::SynRecv,
]));

const NONE: StateSet = StateSet::of(&[]);
const ESTABLISHED: StateSet = StateSet::of(&[TcpState::Established]);
const CLOSED: StateSet = StateSet::of(&[TcpState::Close]);
const TIPC: StateSet = StateSet::of(&[TcpState::Established, TcpState::Listen, TcpState::Close]);

/// The states that are shown of a table when nothing names any.
const fn states_of_table(table: Netid) -> StateSet {
    match table {
        Netid::Udp | Netid::Raw => ESTABLISHED,
        Netid::Netlink | Netid::PacketRaw | Netid::PacketDgram | Netid::UnixDgram | Netid::Xdp => {
            CLOSED
        }
        Netid::Tipc => TIPC,
        Netid::Tcp
        | Netid::Mptcp
        | Netid::Dccp
        | Netid::Sctp
        | Netid::UnixStream
        | Netid::UnixSeqpacket
        | Netid::VsockStream
        | Netid::VsockDgram => CONN,
    }
}

/// The states that are shown when an option names a family.
const fn states_of_family(family: AddressFamily) -> StateSet {
    match family {
        AddressFamily::Link | AddressFamily::Netlink | AddressFamily::Xdp => CLOSED,
        AddressFamily::Tipc => TIPC,
        AddressFamily::Inet | AddressFamily::Inet6 | AddressFamily::Unix | AddressFamily::Vsock => {
            CONN
        }
    }
}

/// What is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// The tables, in the order of [`Netid::ALL`]; none where the options contradict each other.
    pub netids: Vec<Netid>,
    /// The families, in the order of [`AddressFamily::ALL`].
    pub families: Vec<AddressFamily>,
    /// The states.
    pub states: StateSet,
    /// The family named last: that of addresses and ports without a prefix. None if that is an IP
    /// family and the other one is named too.
    pub preferred: Option<AddressFamily>,
    /// Whether the options name a table or a family.
    pub named: bool,
    /// The states of the tables and families named, whatever else names states.
    usual: StateSet,
}

impl Tables {
    /// What these options select, in the order of the command line.
    ///
    /// A table or family adds its usual states. A table without one of its families has all of
    /// them, and a family without one of its tables all of those. Nothing selected is everything
    /// but TIPC.
    pub fn of(choices: &[Choice]) -> Self {
        let mut chosen = Chosen::default();
        for choice in choices {
            chosen.take(choice);
        }
        chosen.complete();
        let usual = if chosen.anything { chosen.usual } else { CONN };
        Self {
            netids: keep(&Netid::ALL, &chosen.netids),
            families: keep(&AddressFamily::ALL, &chosen.families),
            states: chosen.states.unwrap_or(usual),
            preferred: chosen.preferred,
            named: chosen.anything,
            usual,
        }
    }

    /// With the states of the filter's `state` and `exclude`, which replace those of the options. Where
    /// they leave none, the usual states of the tables come back.
    #[must_use]
    pub fn with_states(self, words: Option<StateSet>) -> Self {
        let states = match words {
            None => self.states,
            Some(words) if words.is_empty() => self.usual,
            Some(words) => words,
        };
        Self { states, ..self }
    }

    /// The selected families of a table.
    pub fn families_of(&self, table: Netid) -> impl Iterator<Item = AddressFamily> {
        let families = table.families().iter().copied();
        families.filter(|family| self.families.contains(family))
    }
}

/// What the options have said so far.
#[derive(Debug)]
struct Chosen {
    netids: Vec<Netid>,
    families: Vec<AddressFamily>,
    preferred: Option<AddressFamily>,
    usual: StateSet,
    states: Option<StateSet>,
    /// Whether a table or family was named.
    anything: bool,
    queried: bool,
}

impl Default for Chosen {
    fn default() -> Self {
        Self {
            netids: Vec::new(),
            families: Vec::new(),
            preferred: None,
            usual: NONE,
            states: None,
            anything: false,
            queried: false,
        }
    }
}

impl Chosen {
    fn take(&mut self, choice: &Choice) {
        match choice {
            Choice::Table(table) => self.table(*table),
            Choice::Family(family) => {
                self.anything = true;
                self.families.push(*family);
                let other = match family {
                    AddressFamily::Inet => Some(AddressFamily::Inet6),
                    AddressFamily::Inet6 => Some(AddressFamily::Inet),
                    _ => None,
                };
                // Of both IP families neither is meant alone: addresses tell theirs themselves.
                let both = other.is_some_and(|other| self.families.contains(&other));
                self.preferred = (!both).then_some(*family);
                self.usual = self.usual.union(states_of_family(*family));
            }
            Choice::Query(query) => self.query(query),
            Choice::States(option) => self.states = Some(option.states()),
        }
    }

    fn table(&mut self, table: Netid) {
        self.anything = true;
        self.netids.push(table);
        self.usual = self.usual.union(states_of_table(table));
    }

    /// The first one makes the tables named so far forgotten, and `CONN` the states.
    fn query(&mut self, query: &Query) {
        self.anything = true;
        if !std::mem::replace(&mut self.queried, true) {
            self.netids.clear();
            self.states = self.states.or(Some(CONN));
        }
        for step in &query.0 {
            if step.add {
                step.tables.iter().for_each(|&table| self.table(table));
            } else {
                self.netids.retain(|table| !step.tables.contains(table));
            }
        }
    }

    fn complete(&mut self) {
        if !self.anything {
            let usual = Netid::ALL.into_iter().filter(|&table| table != Netid::Tipc);
            self.netids.extend(usual);
        }
        for table in &self.netids {
            let families = table.families();
            if !families.iter().any(|family| self.families.contains(family)) {
                self.families.extend(families);
            }
        }
        for family in &self.families {
            let tables = || {
                Netid::ALL
                    .into_iter()
                    .filter(|table| table.families().contains(family))
            };
            if !tables().any(|table| self.netids.contains(&table)) {
                self.netids.extend(tables());
            }
        }
    }
}

/// Those of `all` that are among `wanted`: in order, and each once.
fn keep<T: Copy + PartialEq>(all: &[T], wanted: &[T]) -> Vec<T> {
    let all = all.iter().copied();
    all.filter(|one| wanted.contains(one)).collect()
}

#[cfg(test)]
mod tests;
