//! Requests for dumps.
//!
//! Builds bytes; sends nothing.

pub(super) mod exact;
pub(super) mod other;

use netlink_packet_core::{
    NLA_ALIGNTO, NLA_HEADER_SIZE, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_packet_sock_diag::{
    IPPROTO_IP, SOCK_DIAG_BY_FAMILY, SockDiagMessage,
    inet::{ExtensionFlags, InetRequest, SocketId, StateFlags},
};

use super::wire::TCPDIAG_GETSOCK;
use crate::model::{Ask, Family, Netid, Proto, StateSet, TcpState};

/// `INET_DIAG_REQ_PROTOCOL`: a u32 that takes the place of `sdiag_protocol`, since Linux 5.9.
const INET_DIAG_REQ_PROTOCOL: u16 = 3;

/// `INET_DIAG_REQ_BYTECODE`: a filter for the kernel to run.
const INET_DIAG_REQ_BYTECODE: u16 = 1;

/// What a seed asks for: states 1 to 12. Bound-inactive sockets (bit 13) are not connections
/// and would cost another walk.
const DUMPED: u32 = 0x1ffe;

/// Half-open connections are `TCP_NEW_SYN_RECV` in the kernel, and `syn-recv` to everybody else.
const SYN_RECV: u32 = StateSet::of(&[TcpState::SynRecv, TcpState::NewSynRecv]).bits();

const CLOSE: u32 = StateSet::of(&[TcpState::Close]).bits();

/// Bound sockets in no other table.
pub(super) const BOUND_INACTIVE: u32 = StateSet::of(&[TcpState::BoundInactive]).bits();

/// Listening sockets.
pub(super) const LISTEN: u32 = StateSet::of(&[TcpState::Listen]).bits();

/// States that connections stay in, so that there may be many.
pub(super) const LASTING: u32 = StateSet::of(&[
    TcpState::Established,
    TcpState::TimeWait,
    TcpState::CloseWait,
])
.bits();

/// The `idiag_states` that asks for connections in `states`; 0 if none can be in one of them.
pub(super) fn state_bits(states: StateSet) -> u32 {
    let bits = states.bits() & DUMPED;
    if bits & SYN_RECV == 0 {
        bits
    } else {
        bits | SYN_RECV
    }
}

/// The bits that ask for all sockets of a table in `states`; 0 if none can be in one of them.
pub(super) fn table_state_bits(netid: Netid, states: StateSet) -> u32 {
    let bits = state_bits(states);
    match netid {
        // Nothing closed is in these tables. Asked for along with listeners, as by `ss -l`, it would
        // cost a walk through the whole established hash.
        Netid::Tcp | Netid::Dccp => bits & !CLOSE | states.bits() & BOUND_INACTIVE,
        Netid::Netlink | Netid::PacketRaw | Netid::PacketDgram | Netid::Xdp => bits & CLOSE,
        _ => bits,
    }
}

/// A dump of sockets with IP addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct InetDump<'a> {
    /// Number of the protocol: an `IPPROTO_` constant.
    pub(super) protocol: u16,
    /// Family of the sockets.
    pub(super) family: Family,
    /// `idiag_states`, see [`state_bits`].
    pub(super) state_bits: u32,
    /// The attributes that are wanted besides those that always come.
    pub(super) ask: Ask,
    /// The filter: `struct inet_diag_bc_op` and operands.
    pub(super) program: Option<&'a [u8]>,
}

impl InetDump<'_> {
    fn extensions(&self) -> ExtensionFlags {
        let Ask {
            memory,
            numbers,
            info,
            tos,
            ..
        } = self.ask;
        let asked = [
            (memory, ExtensionFlags::SKMEMINFO),
            (numbers || info, ExtensionFlags::INFO),
            // The numbers of every algorithm.
            (info, ExtensionFlags::VEGASINFO | ExtensionFlags::CONG),
            // With the class of net_cls.
            (tos, ExtensionFlags::TOS | ExtensionFlags::TCLASS),
        ];
        let asked = asked.into_iter().filter(|(asked, _)| *asked);
        asked.map(|(_, flags)| flags).collect()
    }
}

/// The bytes of a request for all sockets of `proto` and `family` in the states of `state_bits`.
pub(super) fn dump_request(
    proto: Proto,
    family: Family,
    state_bits: u32,
    sequence: u32,
) -> Vec<u8> {
    let dump = InetDump {
        protocol: proto.number(),
        family,
        state_bits,
        ask: Ask::default(),
        program: None,
    };
    inet(&dump, sequence)
}

/// The bytes of a request for these sockets.
pub(super) fn inet(dump: &InetDump<'_>, sequence: u32) -> Vec<u8> {
    message(InetMessage::new(dump), sequence)
}

/// The bytes of a request for the TCP sockets of both families: one walk shows them all, in the order
/// of the kernel's tables. Only the older request can ask for that (`inet_diag_dump_compat`); the
/// family and protocol of `dump` are not looked at.
pub(super) fn tcp_of_both(dump: &InetDump<'_>, sequence: u32) -> Vec<u8> {
    message(BothMessage::new(dump), sequence)
}

/// A request with its netlink header.
fn message(request: impl NetlinkSerializable, sequence: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// `inet_diag_req_v2` and attributes.
struct InetMessage {
    inner: SockDiagMessage,
    attributes: Vec<u8>,
}

impl InetMessage {
    fn new(dump: &InetDump<'_>) -> Self {
        let mut attributes = Vec::new();
        if let Some(program) = dump.program {
            append(&mut attributes, INET_DIAG_REQ_BYTECODE, program);
        }
        // IPPROTO_IP has no handler: a kernel that does not know the attribute refuses the request,
        // where 262 cut to a byte would give it TCP.
        let protocol = u8::try_from(dump.protocol).unwrap_or_else(|_| {
            let wide = u32::from(dump.protocol).to_ne_bytes();
            append(&mut attributes, INET_DIAG_REQ_PROTOCOL, &wide);
            IPPROTO_IP
        });
        let socket_id = match dump.family {
            Family::Inet => SocketId::new_v4(),
            Family::Inet6 => SocketId::new_v6(),
        };
        Self {
            inner: SockDiagMessage::InetRequest(InetRequest {
                family: dump.family.number(),
                protocol,
                extensions: dump.extensions(),
                states: StateFlags::from_bits_retain(dump.state_bits),
                socket_id,
            }),
            attributes,
        }
    }
}

impl NetlinkSerializable for InetMessage {
    fn message_type(&self) -> u16 {
        SOCK_DIAG_BY_FAMILY
    }

    fn buffer_len(&self) -> usize {
        NetlinkSerializable::buffer_len(&self.inner) + self.attributes.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let (request, attributes) =
            buffer.split_at_mut(NetlinkSerializable::buffer_len(&self.inner));
        self.inner.serialize(request);
        attributes.copy_from_slice(&self.attributes);
    }
}

/// Size of `struct inet_diag_sockid`; zeros ask for every socket.
const SOCKET_ID_BYTES: usize = 48;

/// `inet_diag_req` (family, two prefix lengths and the extensions, each u8; the socket; u32 states,
/// u32 `idiag_dbs`) and attributes.
struct BothMessage(Vec<u8>);

impl BothMessage {
    fn new(dump: &InetDump<'_>) -> Self {
        let mut bytes = vec![0, 0, 0, dump.extensions().bits()];
        bytes.extend([0; SOCKET_ID_BYTES]);
        bytes.extend(dump.state_bits.to_ne_bytes());
        bytes.extend([0; 4]);
        if let Some(program) = dump.program {
            append(&mut bytes, INET_DIAG_REQ_BYTECODE, program);
        }
        Self(bytes)
    }
}

impl NetlinkSerializable for BothMessage {
    fn message_type(&self) -> u16 {
        TCPDIAG_GETSOCK
    }

    fn buffer_len(&self) -> usize {
        self.0.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.0);
    }
}

/// Appends an attribute. One that is too long for its length field is left out: the kernel then
/// gives more than was asked for.
fn append(attributes: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    let Ok(length) = u16::try_from(NLA_HEADER_SIZE + payload.len()) else {
        return;
    };
    attributes.extend(length.to_ne_bytes());
    attributes.extend(kind.to_ne_bytes());
    attributes.extend(payload);
    let padded = attributes.len().next_multiple_of(NLA_ALIGNTO);
    attributes.resize(padded, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Ask = Ask {
        memory: false,
        numbers: true,
        info: false,
        tos: false,
        extended: false,
        filter: false,
    };

    /// `nlmsghdr` and `inet_diag_req_v2` without its trailing zeros.
    fn expected(length: u32, protocol: u8, states: u32) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(20_u16.to_ne_bytes());
        bytes.extend(0x301_u16.to_ne_bytes());
        bytes.extend(7_u32.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend([10, protocol, 0, 0]);
        bytes.extend(states.to_ne_bytes());
        bytes.resize(72, 0);
        bytes
    }

    #[test]
    fn tcp_is_asked_for_in_the_header() {
        let bytes = dump_request(Proto::Tcp, Family::Inet6, 0x1ffe, 7);
        assert_eq!(bytes, expected(72, 6, 0x1ffe));
    }

    #[test]
    fn mptcp_is_asked_for_in_an_attribute() {
        let bytes = dump_request(Proto::Mptcp, Family::Inet6, 0x400, 7);
        let mut wanted = expected(80, 0, 0x400);
        wanted.extend(8_u16.to_ne_bytes());
        wanted.extend(3_u16.to_ne_bytes());
        wanted.extend(262_u32.to_ne_bytes());
        assert_eq!(bytes, wanted);
    }

    #[test]
    fn the_program_and_the_extensions_are_attached() {
        let dump = InetDump {
            protocol: 17,
            family: Family::Inet6,
            state_bits: 0x82,
            ask: NUMBERS,
            program: Some(&[1, 4, 8, 0, 9, 9]),
        };
        let mut wanted = expected(84, 17, 0x82);
        wanted[18] = 1 << 1;
        wanted.extend(10_u16.to_ne_bytes());
        wanted.extend(1_u16.to_ne_bytes());
        wanted.extend([1, 4, 8, 0, 9, 9, 0, 0]);
        assert_eq!(inet(&dump, 7), wanted);
        let endless = InetDump {
            program: Some(&vec![0; 1 << 16]),
            ..dump
        };
        assert_eq!(inet(&endless, 7).len(), 72);
    }

    #[test]
    fn both_families_are_asked_for_at_once() {
        let dump = InetDump {
            protocol: 6,
            family: Family::Inet,
            state_bits: 0x2400,
            ask: NUMBERS,
            program: Some(&[1, 4, 8, 0]),
        };
        let mut wanted = 84_u32.to_ne_bytes().to_vec();
        wanted.extend(18_u16.to_ne_bytes());
        wanted.extend(0x301_u16.to_ne_bytes());
        wanted.extend(7_u32.to_ne_bytes());
        wanted.extend([0; 4]);
        wanted.extend([0, 0, 0, 1 << 1]);
        wanted.resize(68, 0);
        wanted.extend(0x2400_u32.to_ne_bytes());
        wanted.extend([0; 4]);
        wanted.extend(8_u16.to_ne_bytes());
        wanted.extend(1_u16.to_ne_bytes());
        wanted.extend([1, 4, 8, 0]);
        assert_eq!(tcp_of_both(&dump, 7), wanted);
    }

    #[test]
    fn half_open_goes_by_both_numbers() {
        assert_eq!(state_bits(StateSet::ALL), 0x1ffe);
        assert_eq!(state_bits(StateSet::of(&[TcpState::SynRecv])), 0x1008);
        assert_eq!(state_bits(StateSet::of(&[TcpState::Listen])), 0x400);
        assert_eq!(state_bits(StateSet::of(&[TcpState::BoundInactive])), 0);
    }

    #[test]
    fn tables_are_asked_for_what_they_hold() {
        let all = |netid| table_state_bits(netid, StateSet::ALL);
        assert_eq!(all(Netid::Tcp), 0x3f7e);
        assert_eq!(all(Netid::Udp), 0x1ffe);
        assert_eq!(all(Netid::Netlink), 0x80);
        let idle = StateSet::of(&[TcpState::BoundInactive]);
        assert_eq!(table_state_bits(Netid::Tcp, idle), 0x2000);
        assert_eq!(table_state_bits(Netid::Mptcp, idle), 0);
        let listed = StateSet::of(&[TcpState::Listen, TcpState::Close]);
        assert_eq!(table_state_bits(Netid::Tcp, listed), 0x400);
        assert_eq!(table_state_bits(Netid::UnixStream, listed), 0x480);
    }
}
