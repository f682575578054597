//! Memory as `ss -m` shows it: `skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d0)`.

use crate::{model::Memory, sink::put};

/// Appends it.
pub(super) fn write(out: &mut Vec<u8>, memory: &Memory) {
    let mut part = |name: &str, count: u32| {
        out.extend_from_slice(name.as_bytes());
        put::number(out, count);
    };
    part("skmem:(r", memory.rmem_alloc_bytes);
    part(",rb", memory.rcvbuf_bytes);
    part(",t", memory.wmem_alloc_bytes);
    part(",tb", memory.sndbuf_bytes);
    part(",f", memory.fwd_alloc_bytes);
    part(",w", memory.wmem_queued_bytes);
    part(",o", memory.optmem_bytes);
    part(",bl", memory.backlog_bytes);
    if let Some(drops) = memory.drops {
        part(",d", drops);
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_name() {
        let memory = Memory {
            rmem_alloc_bytes: 1,
            rcvbuf_bytes: 2,
            wmem_alloc_bytes: 3,
            sndbuf_bytes: 4,
            fwd_alloc_bytes: 5,
            wmem_queued_bytes: 6,
            optmem_bytes: 7,
            backlog_bytes: 8,
            drops: Some(9),
        };
        let written = |memory: &Memory| {
            let mut out = Vec::new();
            write(&mut out, memory);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(&memory), "skmem:(r1,rb2,t3,tb4,f5,w6,o7,bl8,d9)");
        let older = Memory {
            drops: None,
            ..memory
        };
        assert_eq!(written(&older), "skmem:(r1,rb2,t3,tb4,f5,w6,o7,bl8)");
    }
}
