//! Where this kernel's functions lie: `/proc/kallsyms`.
//!
//! The kernel hides the addresses (shows them as 0) from those who have no CAP_SYSLOG, and from all
//! with `kernel.kptr_restrict` 2.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
};

use sockwatch_common::layout::Symbols;

const PATH: &str = "/proc/kallsyms";

/// Bytes read at a time: the kernel makes the text as it is read.
const CHUNK: usize = 1 << 18;

/// A symbol that is looked for: its name, where its address goes, and where the address of the next
/// symbol goes, if that is asked for.
struct Wanted {
    name: &'static [u8],
    address: fn(&mut Symbols) -> &mut u64,
    end: Option<fn(&mut Symbols) -> &mut u64>,
}

const WANTED: [Wanted; 5] = [
    Wanted {
        name: b"tw_timer_handler",
        address: |symbols| &mut symbols.tw_timer_handler,
        end: None,
    },
    Wanted {
        name: b"reqsk_timer_handler",
        address: |symbols| &mut symbols.reqsk_timer_handler,
        end: None,
    },
    Wanted {
        name: b"tcp_write_timer",
        address: |symbols| &mut symbols.tcp_write_timer,
        end: None,
    },
    Wanted {
        name: b"tcp_v4_rcv",
        address: |symbols| &mut symbols.tcp_v4_rcv,
        end: Some(|symbols| &mut symbols.tcp_v4_rcv_end),
    },
    Wanted {
        name: b"tcp_v6_rcv",
        address: |symbols| &mut symbols.tcp_v6_rcv,
        end: Some(|symbols| &mut symbols.tcp_v6_rcv_end),
    },
];

/// Looks the functions up. What is not there, or hidden, is [`Symbols::ABSENT`]'s. Takes tens of
/// milliseconds.
///
/// # Errors
/// The file can't be read.
pub(super) fn symbols() -> io::Result<Symbols> {
    find(BufReader::with_capacity(CHUNK, File::open(PATH)?))
}

fn find(mut text: impl BufRead) -> io::Result<Symbols> {
    let mut symbols = Symbols::ABSENT;
    let mut missing = WANTED.len();
    let mut open: Vec<&Wanted> = Vec::new();
    let mut line = Vec::new();
    while missing > 0 || !open.is_empty() {
        line.clear();
        if text.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let Some((address, name)) = parse(&line) else {
            continue;
        };
        // Aliases share an address.
        open.retain(|wanted| match wanted.end {
            Some(end) if address > *(wanted.address)(&mut symbols) => {
                *end(&mut symbols) = address;
                false
            }
            _ => true,
        });
        let Some(wanted) = WANTED.iter().find(|wanted| wanted.name == name) else {
            continue;
        };
        missing -= 1;
        if address == 0 {
            continue;
        }
        *(wanted.address)(&mut symbols) = address;
        if wanted.end.is_some() {
            open.push(wanted);
        }
    }
    Ok(symbols)
}

/// `ffffffff82035b40 T tcp_v4_rcv`, and for a module's symbol its name behind a tab.
fn parse(line: &[u8]) -> Option<(u64, &[u8])> {
    let (address, rest) = line.split_at_checked(16)?;
    let address = u64::from_str_radix(str::from_utf8(address).ok()?, 16).ok()?;
    let name = rest.get(3..)?.trim_ascii_end();
    let name = name.split(|&byte| byte == b'\t').next()?;
    Some((address, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"ffffffff81000000 T _text\n\
        ffffffff820089f0 t tw_timer_handler\n\
        ffffffff82035b40 T tcp_v4_rcv\n\
        ffffffff82035b40 T __pfx_alias\n\
        ffffffff82037000 T tcp_v4_early_demux\n\
        ffffffffc0a0b000 t tcp_v6_rcv\t[ipv6]\n\
        ffffffffc0a0c000 t tcp6_proc_exit\t[ipv6]\n";

    #[test]
    fn symbols_and_their_ends_are_found() {
        let symbols = find(TEXT).unwrap();
        assert_eq!(symbols.tw_timer_handler, 0xffff_ffff_8200_89f0);
        assert_eq!(symbols.tcp_v4_rcv, 0xffff_ffff_8203_5b40);
        assert_eq!(symbols.tcp_v4_rcv_end, 0xffff_ffff_8203_7000);
        assert_eq!(symbols.tcp_v6_rcv_end, 0xffff_ffff_c0a0_c000);
        assert_eq!(
            symbols.reqsk_timer_handler,
            Symbols::ABSENT.reqsk_timer_handler
        );
    }

    #[test]
    fn hidden_addresses_and_nonsense_are_no_symbols() {
        let hidden = b"0000000000000000 t tw_timer_handler\nnonsense\n\xff\n0000000000000000 T x\n";
        assert_eq!(find(&hidden[..]).unwrap(), Symbols::ABSENT);
    }
}
