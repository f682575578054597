//! Requests for dumps.
//!
//! Builds bytes; sends nothing.

use netlink_packet_core::{
    NLA_HEADER_SIZE, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use netlink_packet_sock_diag::{
    IPPROTO_IP, SOCK_DIAG_BY_FAMILY, SockDiagMessage,
    inet::{ExtensionFlags, InetRequest, SocketId, StateFlags},
};

use crate::model::{Family, Proto, StateSet, TcpState};

/// `INET_DIAG_REQ_PROTOCOL`: a u32 that takes the place of `sdiag_protocol`, since Linux 5.9.
const INET_DIAG_REQ_PROTOCOL: u16 = 3;

/// Size of that attribute, bytes.
const ATTRIBUTE_BYTES: usize = NLA_HEADER_SIZE + size_of::<u32>();

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

/// The bytes of a request for all sockets of `proto` and `family` in the states of `state_bits`.
pub(super) fn dump_request(
    proto: Proto,
    family: Family,
    state_bits: u32,
    sequence: u32,
) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.sequence_number = sequence;
    let request = DumpRequest::new(proto, family, state_bits);
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// `inet_diag_req_v2`, followed by the protocol where a byte can't hold it.
struct DumpRequest {
    inner: SockDiagMessage,
    wide_protocol: Option<u32>,
}

impl DumpRequest {
    fn new(proto: Proto, family: Family, state_bits: u32) -> Self {
        // IPPROTO_IP has no handler: a kernel that does not know the attribute refuses the request,
        // where 262 cut to a byte would give it TCP.
        let (protocol, wide_protocol) = match u8::try_from(proto.number()) {
            Ok(number) => (number, None),
            Err(_) => (IPPROTO_IP, Some(u32::from(proto.number()))),
        };
        let socket_id = match family {
            Family::Inet => SocketId::new_v4(),
            Family::Inet6 => SocketId::new_v6(),
        };
        Self {
            inner: SockDiagMessage::InetRequest(InetRequest {
                family: family.number(),
                protocol,
                extensions: ExtensionFlags::empty(),
                states: StateFlags::from_bits_retain(state_bits),
                socket_id,
            }),
            wide_protocol,
        }
    }
}

impl NetlinkSerializable for DumpRequest {
    fn message_type(&self) -> u16 {
        SOCK_DIAG_BY_FAMILY
    }

    fn buffer_len(&self) -> usize {
        let attribute = self.wide_protocol.map_or(0, |_| ATTRIBUTE_BYTES);
        NetlinkSerializable::buffer_len(&self.inner) + attribute
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let (request, attribute) =
            buffer.split_at_mut(NetlinkSerializable::buffer_len(&self.inner));
        self.inner.serialize(request);
        if let Some(number) = self.wide_protocol {
            let fields = [
                &size_as_u16(attribute).to_ne_bytes()[..],
                &INET_DIAG_REQ_PROTOCOL.to_ne_bytes(),
                &number.to_ne_bytes(),
            ];
            attribute.copy_from_slice(&fields.concat());
        }
    }
}

/// `nla_len` of an attribute of ours, which is always short.
fn size_as_u16(attribute: &[u8]) -> u16 {
    u16::try_from(attribute.len()).unwrap_or(u16::MAX)
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
    fn half_open_goes_by_both_numbers() {
        assert_eq!(state_bits(StateSet::ALL), 0x1ffe);
        assert_eq!(state_bits(StateSet::of(&[TcpState::SynRecv])), 0x1008);
        assert_eq!(state_bits(StateSet::of(&[TcpState::Listen])), 0x400);
        assert_eq!(state_bits(StateSet::of(&[TcpState::BoundInactive])), 0);
    }
}
