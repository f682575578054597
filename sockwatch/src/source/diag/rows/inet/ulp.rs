//! `INET_DIAG_ULP_INFO`: attributes in an attribute (`include/uapi/linux/inet_diag.h`, `tls.h`, `mptcp.h`).

use super::{
    super::super::attributes::{Attributes, set},
    text,
};
use crate::model::details::{Subflow, SubflowFlags, Tls, Ulp};

const NAME: u16 = 1;
const TLS: u16 = 2;
const MPTCP: u16 = 3;

/// What an upper layer refers to.
#[derive(Default)]
pub(super) struct Scratch {
    tls: Tls,
    subflow: Subflow,
}

/// Reads it, and says how many attributes made no sense.
pub(super) fn read<'a>(bytes: &'a [u8], scratch: &'a mut Scratch) -> (Ulp<'a>, u32) {
    let mut name = &[][..];
    let (mut has_tls, mut has_subflow) = (false, false);
    let mut within = 0;
    let malformed = Attributes::new(bytes).read(|kind, bytes| {
        match kind {
            NAME => name = text(bytes),
            TLS => {
                has_tls = true;
                scratch.tls = Tls::default();
                within += tls(bytes, &mut scratch.tls);
            }
            MPTCP => {
                has_subflow = true;
                scratch.subflow = Subflow::default();
                within += subflow(bytes, &mut scratch.subflow);
            }
            _ => {}
        }
        true
    });
    let ulp = Ulp {
        name,
        tls: has_tls.then_some(&scratch.tls),
        mptcp: has_subflow.then_some(&scratch.subflow),
    };
    (ulp, malformed + within)
}

fn tls(bytes: &[u8], tls: &mut Tls) -> u32 {
    Attributes::new(bytes).read(|kind, bytes| match kind {
        1 => set(&mut tls.version, bytes, u16::from_ne_bytes),
        2 => set(&mut tls.cipher, bytes, u16::from_ne_bytes),
        3 => set(&mut tls.tx_conf, bytes, u16::from_ne_bytes),
        4 => set(&mut tls.rx_conf, bytes, u16::from_ne_bytes),
        5 => {
            tls.zc_ro_tx = true;
            true
        }
        6 => {
            tls.rx_no_pad = true;
            true
        }
        _ => true,
    })
}

fn subflow(bytes: &[u8], subflow: &mut Subflow) -> u32 {
    Attributes::new(bytes).read(|kind, bytes| match kind {
        1 => set(&mut subflow.token_rem, bytes, u32::from_ne_bytes),
        2 => set(&mut subflow.token_loc, bytes, u32::from_ne_bytes),
        3 => set(&mut subflow.relwrite_seq, bytes, u32::from_ne_bytes),
        4 => set(&mut subflow.map_seq, bytes, u64::from_ne_bytes),
        5 => set(&mut subflow.map_sfseq, bytes, u32::from_ne_bytes),
        6 => set(&mut subflow.ssn_offset, bytes, u32::from_ne_bytes),
        7 => set(&mut subflow.map_datalen_bytes, bytes, u16::from_ne_bytes),
        8 => set(&mut subflow.flags, bytes, |bits| {
            SubflowFlags(u32::from_ne_bytes(bits))
        }),
        9 => set(&mut subflow.id_rem, bytes, u8::from_ne_bytes),
        10 => set(&mut subflow.id_loc, bytes, u8::from_ne_bytes),
        _ => true,
    })
}
