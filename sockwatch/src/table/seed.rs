//! Sockets that a dump shows. The stream of events knows better: of what that has told of, or
//! ended, a row says nothing new.

use rustc_hash::FxHashSet;

use super::{
    Entry, Follow, Table,
    ends::Ends,
    minis::{Facts, Request, Stands, TimeWait},
};
use crate::model::{MonoNs, Nanos, Owner, Proto, SocketInfo, SocketKey, TcpState, Tuple};

/// A socket that a dump shows.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// Identity, as [`SocketKey::seeded`] makes it.
    pub key: SocketKey,
    /// Transport protocol.
    pub proto: Proto,
    /// Both ends.
    pub tuple: Tuple,
    /// Its state; half-open is `SynRecv`.
    pub state: TcpState,
    /// What else it carries.
    pub info: SocketInfo,
    /// Who holds it.
    pub owner: Option<Owner>,
    /// Whether it is a minisocket: half-open, TIME-WAIT, or the FIN-WAIT-2 of an orphan.
    pub minisocket: bool,
    /// How long a minisocket has left, as far as that is known.
    pub left: Option<Nanos>,
    /// When it was seen.
    pub at: MonoNs,
}

impl Seed {
    fn ends(&self) -> Ends {
        Ends::new(&self.tuple, self.info.netns)
    }
}

impl Table {
    /// A dump of existing sockets is under way: remember what ends meanwhile.
    pub fn begin_seed(&mut self) {
        self.gone_during_seed = Some(FxHashSet::default());
    }

    /// The last row of the dump has been given to [`Table::seed`].
    pub fn end_seed(&mut self) {
        self.gone_during_seed = None;
    }

    /// Takes in a socket of the dump, unless the stream has told of it already. Returns whether the
    /// row says anything new.
    pub fn seed(&mut self, seed: &Seed) -> bool {
        let gone = self
            .gone_during_seed
            .as_ref()
            .is_some_and(|gone| gone.contains(&seed.key));
        if gone || self.slot(seed.key).is_some() || self.knows_minisocket(seed) {
            return false;
        }
        if seed.minisocket && self.follow(seed.state) == Follow::Ignored {
            return true;
        }
        let slot = self.insert(Entry {
            owner: seed.owner,
            ..Entry::new(
                seed.key,
                seed.proto,
                (seed.tuple, seed.info.netns),
                seed.state,
            )
        });
        if seed.minisocket {
            self.seed_minisocket(slot, seed);
        }
        true
    }

    fn knows_minisocket(&self, seed: &Seed) -> bool {
        let ends = seed.ends();
        let known = match seed.state {
            TcpState::SynRecv => self.minis.request(&ends),
            _ => self.minis.timewait(&ends),
        };
        seed.minisocket && known.is_some()
    }

    /// How minisockets in this state are followed.
    fn follow(&self, state: TcpState) -> Follow {
        match state {
            TcpState::SynRecv => self.followed.requests,
            _ => self.followed.timewaits,
        }
    }

    fn seed_minisocket(&mut self, slot: u32, seed: &Seed) {
        let stands = if seed.state == TcpState::SynRecv {
            Stands::Request(Request {
                had_listener: self.listeners.serve(seed.tuple.sport, seed.info.netns),
                ended: false,
                ifindex: seed.info.ifindex.unwrap_or(0),
            })
        } else {
            Stands::TimeWait(Box::new(TimeWait::new(seed.state, seed.at, seed.info)))
        };
        self.attach(slot, Facts::seeded(stands));
        // Its FIN is not watched for, unless the stream says so later.
        if self.follow(seed.state) == Follow::Told && seed.state != TcpState::FinWait2 {
            self.look_again(slot, seed.left, seed.at);
        } else {
            self.look_next(slot, seed.at);
        }
    }
}
