//! The summary for people, as `ss -s` prints it.

use std::io::{self, Write as _};

use crate::model::summary::{ByFamily, Summary};

/// Appends it. What is not known is `-`.
pub fn write(summary: &Summary, out: &mut Vec<u8>) {
    // Writing to memory can't fail.
    let _never = try_write(summary, out);
}

fn try_write(summary: &Summary, out: &mut Vec<u8>) -> io::Result<()> {
    let tcp = &summary.tcp;
    let closed = tcp
        .closed
        .map_or_else(|| "-".to_owned(), |closed| closed.to_string());
    writeln!(out, "Total: {}", summary.sockets)?;
    writeln!(
        out,
        "TCP:   {} (estab {}, closed {closed}, orphaned {}, timewait {})",
        summary.tcp_total(),
        tcp.established,
        tcp.orphaned,
        tcp.time_wait
    )?;
    writeln!(out, "\nTransport Total     IP        IPv6")?;
    for (name, count) in [
        ("RAW", summary.raw),
        ("UDP", summary.udp),
        ("TCP", summary.tcp_hashed),
        ("INET", summary.inet()),
        ("FRAG", summary.fragments),
    ] {
        let ByFamily { inet, inet6 } = count;
        writeln!(out, "{name}\t  {:<9} {inet:<9} {inet6}", count.total())?;
    }
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::samples;

    #[test]
    fn the_table_is_that_of_ss() {
        let mut out = Vec::new();
        let mut summary = samples::SUMMARY;
        write(&summary, &mut out);
        let expected = "Total: 11\nTCP:   21 (estab 4, closed 8, orphaned 1, timewait 2)\n\n\
                        Transport Total     IP        IPv6\n\
                        RAW\t  3         3         0\n\
                        UDP\t  9         1         8\n\
                        TCP\t  11        6         5\n\
                        INET\t  23        10        13\n\
                        FRAG\t  4         4         0\n\n";
        assert_eq!(str::from_utf8(&out).unwrap(), expected);
        summary.tcp.closed = None;
        out.clear();
        write(&summary, &mut out);
        let unknown = String::from_utf8(out).unwrap();
        assert!(
            unknown.contains("TCP:   13 (estab 4, closed -, "),
            "{unknown}"
        );
    }
}
