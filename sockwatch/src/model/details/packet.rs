//! Of a packet socket: `include/uapi/linux/packet_diag.h`.

/// What is known of a packet socket besides its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketDetails {
    /// `PACKET_DIAG_INFO`.
    pub info: Option<PacketInfo>,
    /// Ring of received packets: `PACKET_DIAG_RX_RING`.
    pub rx_ring: Option<PacketRing>,
    /// Ring of packets to send: `PACKET_DIAG_TX_RING`.
    pub tx_ring: Option<PacketRing>,
    /// `PACKET_DIAG_FANOUT`.
    pub fanout: Option<Fanout>,
    /// The classic BPF program that packets have to pass: `PACKET_DIAG_FILTER`. Empty: there is none,
    /// it was not asked for, or it is not shown to us.
    pub filter: Vec<Instruction>,
}

impl PacketDetails {
    /// Forgets all but the room.
    pub fn clear(&mut self) {
        let mut filter = std::mem::take(&mut self.filter);
        filter.clear();
        *self = Self {
            filter,
            ..Self::default()
        };
    }
}

/// Options of a packet socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketInfo {
    /// `TPACKET_V1` is 0.
    pub version: u32,
    /// `PACKET_RESERVE`: room before each packet of a ring.
    pub reserve_bytes: u32,
    /// `PACKET_COPY_THRESH`
    pub copy_thresh: u32,
    /// `PACKET_TIMESTAMP`: bits of `SOF_TIMESTAMPING_`.
    pub timestamp: u32,
    /// Options that are on or off.
    pub flags: PacketFlags,
}

/// `PDI_` bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketFlags(pub u32);

impl PacketFlags {
    const WORDS: [&'static str; 5] = ["running", "auxdata", "origdev", "vnethdr", "loss"];

    /// The words of the bits that are known.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        super::words_of(&Self::WORDS, self.0)
    }
}

/// A ring in memory that is shared with the process: `struct packet_diag_ring`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketRing {
    /// Size of a block.
    pub block_bytes: u32,
    /// Blocks.
    pub blocks: u32,
    /// Size of a frame.
    pub frame_bytes: u32,
    /// Frames.
    pub frames: u32,
    /// When a block that is not full is handed over, `TPACKET_V3` only.
    pub retire_ms: u32,
    /// Room for the process in each block, `TPACKET_V3` only.
    pub private_bytes: u32,
    /// `TP_FT_REQ_` bits.
    pub features: u32,
}

/// How the packets of a device are divided among sockets (`net/packet/diag.c`, `pdiag_put_fanout`); its
/// flags are not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fanout(pub u32);

impl Fanout {
    /// The group.
    pub const fn id(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// The number of the way: `PACKET_FANOUT_`.
    pub const fn kind(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The word for it, as `ss` has it or would.
    pub const fn kind_word(self) -> Option<&'static str> {
        Some(match self.kind() {
            0 => "hash",
            1 => "lb",
            2 => "cpu",
            3 => "roll",
            4 => "random",
            5 => "qm",
            6 => "cbpf",
            7 => "ebpf",
            _ => return None,
        })
    }
}

/// An instruction of a classic BPF program: `struct sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// Instructions to skip if it is true.
    pub jt: u8,
    /// Instructions to skip if not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fanout_is_two_numbers() {
        let fanout = Fanout(0x0002_0010);
        assert_eq!((fanout.id(), fanout.kind_word()), (16, Some("cpu")));
        assert_eq!(Fanout(0x0008_0001).kind_word(), None);
    }
}
