//! Requests for dumps.
//!
//! Builds bytes; sends nothing, and takes programs as they are.

use netlink_packet_core::{
    NLA_ALIGNTO, NLA_HEADER_SIZE, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_packet_sock_diag::{
    IPPROTO_IP, SOCK_DIAG_BY_FAMILY, SockDiagMessage,
    inet::{ExtensionFlags, InetRequest, SocketId, StateFlags},
};

use crate::model::{Family, Proto, StateSet, TcpState};

/// `INET_DIAG_REQ_BYTECODE`: a program that says which sockets are wanted.
const INET_DIAG_REQ_BYTECODE: u16 = 1;

/// `INET_DIAG_REQ_PROTOCOL`: a u32 that takes the place of `sdiag_protocol`, since Linux 5.9.
const INET_DIAG_REQ_PROTOCOL: u16 = 3;

/// Longest payload of an attribute, bytes: `nla_len` counts its header too.
const PAYLOAD_BYTES: usize = u16::MAX as usize - NLA_HEADER_SIZE;

/// What a request may ask for: states 1 to 12. Bound-inactive sockets (bit 13) are not connections
/// and would cost another walk.
const DUMPED: u32 = 0x1ffe;

/// Half-open connections are `TCP_NEW_SYN_RECV` in the kernel, and `syn-recv` to everybody else.
const SYN_RECV: u32 = StateSet::of(&[TcpState::SynRecv, TcpState::NewSynRecv]).bits();

/// The `idiag_states` that asks for `states`; 0 if no socket can be in one of them.
pub(super) fn state_bits(states: StateSet) -> u32 {
    let bits = states.bits() & DUMPED;
    if bits & SYN_RECV == 0 {
        bits
    } else {
        bits | SYN_RECV
    }
}

/// What a dump asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// Transport protocol.
    pub(super) proto: Proto,
    /// Family of the sockets.
    pub(super) family: Family,
    /// `idiag_states`, see [`state_bits`].
    pub(super) state_bits: u32,
    /// `idiag_ext`: attributes that come only when asked for; bit n - 1 is `INET_DIAG_*` n.
    pub(super) extensions: u8,
    /// Program that the sockets have to pass; empty for none. One that is too long for an attribute
    /// is left out: it could only have narrowed the dump.
    pub(super) bytecode: &'a [u8],
}

impl Wanted<'_> {
    /// All sockets of `proto` and `family` in the states of `state_bits`, with no more than every
    /// reply has.
    pub(super) fn all(proto: Proto, family: Family, state_bits: u32) -> Self {
        Self {
            proto,
            family,
            state_bits,
            extensions: 0,
            bytecode: &[],
        }
    }
}

/// The bytes of a request.
pub(super) fn dump_request(wanted: &Wanted<'_>, sequence: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.sequence_number = sequence;
    let request = DumpRequest::new(wanted);
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// `inet_diag_req_v2`, and the attributes behind it.
struct DumpRequest {
    inner: SockDiagMessage,
    attributes: Vec<u8>,
}

impl DumpRequest {
    fn new(wanted: &Wanted<'_>) -> Self {
        let mut attributes = Vec::new();
        // IPPROTO_IP has no handler: a kernel that does not know the attribute refuses the request,
        // where 262 cut to a byte would give it TCP.
        let protocol = u8::try_from(wanted.proto.number()).unwrap_or_else(|_| {
            let number = u32::from(wanted.proto.number());
            add_attribute(
                &mut attributes,
                INET_DIAG_REQ_PROTOCOL,
                &number.to_ne_bytes(),
            );
            IPPROTO_IP
        });
        if !wanted.bytecode.is_empty() {
            add_attribute(&mut attributes, INET_DIAG_REQ_BYTECODE, wanted.bytecode);
        }
        let socket_id = match wanted.family {
            Family::Inet => SocketId::new_v4(),
            Family::Inet6 => SocketId::new_v6(),
        };
        Self {
            inner: SockDiagMessage::InetRequest(InetRequest {
                family: wanted.family.number(),
                protocol,
                extensions: ExtensionFlags::from_bits_retain(wanted.extensions),
                states: StateFlags::from_bits_retain(wanted.state_bits),
                socket_id,
            }),
            attributes,
        }
    }
}

/// Adds an attribute, unless it is too long to be one. What comes behind it is aligned.
fn add_attribute(attributes: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    if payload.len() > PAYLOAD_BYTES {
        return;
    }
    let length = u16::try_from(NLA_HEADER_SIZE + payload.len()).unwrap_or(u16::MAX);
    attributes.extend(length.to_ne_bytes());
    attributes.extend(kind.to_ne_bytes());
    attributes.extend(payload);
    attributes.resize(attributes.len().next_multiple_of(NLA_ALIGNTO), 0);
}

impl NetlinkSerializable for DumpRequest {
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let bytes = dump_request(&Wanted::all(Proto::Tcp, Family::Inet6, 0x1ffe), 7);
        assert_eq!(bytes, expected(72, 6, 0x1ffe));
    }

    #[test]
    fn mptcp_is_asked_for_in_an_attribute() {
        let bytes = dump_request(&Wanted::all(Proto::Mptcp, Family::Inet6, 0x400), 7);
        let mut wanted = expected(80, 0, 0x400);
        wanted.extend(8_u16.to_ne_bytes());
        wanted.extend(3_u16.to_ne_bytes());
        wanted.extend(262_u32.to_ne_bytes());
        assert_eq!(bytes, wanted);
    }

    #[test]
    fn a_program_comes_last_and_extensions_are_a_byte() {
        let wanted = Wanted {
            extensions: ExtensionFlags::INFO.bits(),
            bytecode: &[1, 4, 8, 0, 5, 5],
            ..Wanted::all(Proto::Tcp, Family::Inet6, 0x400)
        };
        let mut expected = expected(84, 6, 0x400);
        expected[18] = 1 << 1; // INET_DIAG_INFO is 2
        expected.extend(10_u16.to_ne_bytes());
        expected.extend(1_u16.to_ne_bytes());
        expected.extend([1, 4, 8, 0, 5, 5, 0, 0]);
        assert_eq!(dump_request(&wanted, 7), expected);
        let bytecode = vec![0; PAYLOAD_BYTES + 1];
        let too_long = Wanted {
            bytecode: &bytecode,
            ..wanted
        };
        assert_eq!(dump_request(&too_long, 7).len(), 72);
    }

    #[test]
    fn half_open_goes_by_both_numbers() {
        assert_eq!(state_bits(StateSet::ALL), 0x1ffe);
        assert_eq!(state_bits(StateSet::of(&[TcpState::SynRecv])), 0x1008);
        assert_eq!(state_bits(StateSet::of(&[TcpState::Listen])), 0x400);
        assert_eq!(state_bits(StateSet::of(&[TcpState::BoundInactive])), 0);
    }
}
