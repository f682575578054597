//! What works on top of a TCP socket, in the kernel (`INET_DIAG_ULP_INFO`): TLS, or a connection of MPTCP.

/// An upper layer protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ulp<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// What TLS tells.
    pub tls: Option<&'a Tls>,
    /// What MPTCP tells of this subflow.
    pub mptcp: Option<&'a Subflow>,
}

/// `TLS_INFO_` (`include/uapi/linux/tls.h`). `None`: not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Version as on the wire: 0x0304 is TLS 1.3.
    pub version: Option<u16>,
    /// Number of the cipher.
    pub cipher: Option<u16>,
    /// Who encrypts.
    pub tx_conf: Option<u16>,
    /// Who decrypts.
    pub rx_conf: Option<u16>,
    /// Files are sent without a copy.
    pub zc_ro_tx: bool,
    /// Records are expected without padding.
    pub rx_no_pad: bool,
}

/// The name of a version of TLS.
pub const fn tls_version(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0303 => "1.2",
        0x0304 => "1.3",
        _ => return None,
    })
}

/// The name of a cipher: `TLS_CIPHER_`.
pub const fn tls_cipher(number: u16) -> Option<&'static str> {
    Some(match number {
        51 => "aes-gcm-128",
        52 => "aes-gcm-256",
        53 => "aes-ccm-128",
        54 => "chacha20-poly1305",
        55 => "sm4-gcm",
        56 => "sm4-ccm",
        57 => "aria-gcm-128",
        58 => "aria-gcm-256",
        _ => return None,
    })
}

/// Who does the work in one direction: `TLS_CONF_`.
pub const fn tls_conf(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "none",
        2 => "sw",
        3 => "hw",
        4 => "hw-record",
        _ => return None,
    })
}

/// `MPTCP_SUBFLOW_ATTR_` (`include/uapi/linux/mptcp.h`). `None`: not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subflow {
    /// What it is, and how far it got.
    pub flags: Option<SubflowFlags>,
    /// Token of the peer's connection; 0 if this end did not need it.
    pub token_rem: Option<u32>,
    /// Token of this end's connection.
    pub token_loc: Option<u32>,
    /// Number of the peer's address.
    pub id_rem: Option<u8>,
    /// Number of this end's address.
    pub id_loc: Option<u8>,
    /// Sequence number of the next byte to send, relative.
    pub relwrite_seq: Option<u32>,
    /// Data sequence number of the mapping.
    pub map_seq: Option<u64>,
    /// Its sequence number in the subflow.
    pub map_sfseq: Option<u32>,
    /// Offset of the subflow's sequence numbers.
    pub ssn_offset: Option<u32>,
    /// Length of the mapping, bytes.
    pub map_datalen_bytes: Option<u16>,
}

/// Bits `MPTCP_SUBFLOW_FLAG_`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubflowFlags(pub u32);

impl SubflowFlags {
    /// The flags from bit 0 on, by the letters of `ss` and the names of the kernel.
    const FLAGS: [(u8, &'static str); 9] = [
        (b'M', "mcap_rem"),
        (b'm', "mcap_loc"),
        (b'J', "join_rem"),
        (b'j', "join_loc"),
        (b'B', "bkup_rem"),
        (b'b', "bkup_loc"),
        (b'e', "fully_established"),
        (b'c', "connected"),
        (b'v', "mapvalid"),
    ];

    /// Those that are set, as letters and as words.
    pub fn set(self) -> impl Iterator<Item = (u8, &'static str)> {
        super::words_of(&Self::FLAGS, self.0)
    }
}
