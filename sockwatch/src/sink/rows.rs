//! Sockets in rows and columns, as `ss` prints them.
//!
//! Columns are as wide as their widest cell, so nothing comes out before a block is full or the list
//! is over. No escape sequences. What is behind the columns is written by `details`.

mod details;
mod endpoint;
mod layout;

use crate::{
    enrich::{
        devices::Devices,
        names::{hosts::Hosts, protocols::Protocols, services::Services},
    },
    model::Row,
    sink::put,
};
pub use details::{Beside, DetailOptions};
use layout::{Align, Block, Column};

/// Cells of a block, bytes: where a list is longer, widths are measured anew.
const BLOCK_BYTES: usize = 4 << 20;

/// How rows look.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column")]
pub struct RowOptions {
    /// The column Netid.
    pub netid: bool,
    /// The column State.
    pub state: bool,
    /// The columns Recv-Q and Send-Q.
    pub queues: bool,
    /// What is shown behind the columns.
    pub details: DetailOptions,
    /// Whether the columns are named.
    pub header: bool,
    /// Columns of the terminal, over which spare room is spread; `None` for a pipe.
    pub terminal: Option<usize>,
}

/// What the numbers of a row are called; without a source they stay numbers.
#[derive(Debug, Default)]
pub struct RowNames {
    /// Of ports.
    pub services: Option<Services>,
    /// Of IP protocols, ethertypes, netlink protocols and the processes behind port ids: what `-n`
    /// turns off, too.
    pub protocols: Option<Protocols>,
    /// Of addresses.
    pub hosts: Option<Hosts>,
    /// Of devices, which `-n` does not turn off.
    pub devices: Option<Devices>,
}

/// A list of rows.
#[derive(Debug)]
pub struct Rows {
    options: RowOptions,
    names: RowNames,
    block: Block,
    header_due: bool,
}

impl Rows {
    /// A list without a row yet.
    pub fn new(options: RowOptions, names: RowNames) -> Self {
        Self {
            options,
            names,
            block: Block::new(columns(options), BLOCK_BYTES + BLOCK_BYTES / 8),
            header_due: options.header,
        }
    }

    /// Adds a row, and to `out` the lines of a block that is full; after each `full` may take what is
    /// there.
    pub fn push(
        &mut self,
        row: &Row<'_>,
        beside: &Beside<'_>,
        out: &mut Vec<u8>,
        full: impl FnMut(&mut Vec<u8>),
    ) {
        self.begin();
        let RowOptions {
            netid,
            state,
            queues,
            details,
            ..
        } = self.options;
        let block = &mut self.block;
        if netid {
            block.cell(|out| out.extend_from_slice(row.netid.column().as_bytes()));
        }
        if state {
            block.cell(|out| out.extend_from_slice(row.state.display_name().as_bytes()));
        }
        if queues {
            block.cell(|out| put::number(out, row.recv_q));
            block.cell(|out| put::number(out, row.send_q));
        }
        let names = &mut self.names;
        block.cell(|out| endpoint::local_address(out, row, names));
        block.cell(|out| endpoint::local_port(out, row, names));
        block.cell(|out| endpoint::peer_address(out, row, names));
        block.cell(|out| endpoint::peer_port(out, row, names));
        if details.any() {
            block.cell(|out| details::write(out, row, beside, details));
        }
        if self.block.bytes() >= BLOCK_BYTES {
            self.block.render(self.options.terminal, out, full);
        }
    }

    /// Adds the lines that are left to `out`, as [`Rows::push`] does; the header is there even if no
    /// row is.
    pub fn finish(&mut self, out: &mut Vec<u8>, full: impl FnMut(&mut Vec<u8>)) {
        self.begin();
        self.block.render(self.options.terminal, out, full);
    }

    fn begin(&mut self) {
        if std::mem::take(&mut self.header_due) {
            for column in columns(self.options) {
                self.block
                    .cell(|out| out.extend_from_slice(column.name.as_bytes()));
            }
        }
    }
}

/// The narrowest queue column: numbers of up to six digits don't move what is behind them.
const QUEUE: usize = 6;

fn columns(options: RowOptions) -> Vec<Column> {
    let left = |name, least| Column {
        name,
        align: Align::Left,
        least,
        gap: 1,
    };
    // The port follows without a gap.
    let address = |name| Column {
        name,
        align: Align::Right,
        least: 0,
        gap: 0,
    };
    let details = options
        .details
        .any()
        .then(|| left(options.details.header(), 0));
    let netid = options.netid.then(|| left("Netid", 0));
    let state = options.state.then(|| left("State", 0));
    let queues = [left("Recv-Q", QUEUE), left("Send-Q", QUEUE)];
    let queues = queues.into_iter().filter(|_| options.queues);
    let ends = [
        address("Local Address:"),
        left("Port", 0),
        address("Peer Address:"),
        left("Port", 0),
    ];
    netid
        .into_iter()
        .chain(state)
        .chain(queues)
        .chain(ends)
        .chain(details)
        .collect()
}

#[cfg(test)]
mod tests;
