//! Text from outside, made safe for a terminal.
//!
//! Process names, host names and paths may hold any bytes: an escape sequence in one of them must
//! not reach the terminal, nor a character that hides or reorders what stands around it.

/// Appends `bytes` to `out` so that every line, colour and cursor stays where it is.
///
/// Printable text stays as it is. A backslash becomes `\\`, a control or invisible character
/// `\n`-like or `\u{1b}`-like, a byte that is not UTF-8 `\xff`-like.
pub fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.iter().all(|&b| is_plain(b)) {
        out.extend_from_slice(bytes);
        return;
    }
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| escape_char(c, out));
        for &byte in chunk.invalid() {
            out.extend_from_slice(b"\\x");
            out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
}

const fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte < 0x7f && byte != b'\\'
}

fn escape_char(c: char, out: &mut Vec<u8>) {
    // Quotes are the one thing that escape_debug escapes and a terminal does not mind.
    if c == '\'' || c == '"' {
        out.push(c as u8);
        return;
    }
    let mut utf8 = [0; 4];
    for escaped in c.escape_debug() {
        out.extend_from_slice(escaped.encode_utf8(&mut utf8).as_bytes());
    }
}

const fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + (nibble - 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        escape(bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn printable_text_stays() {
        assert_eq!(escaped(b"tmux: server"), "tmux: server");
        assert_eq!(escaped("żółw 'x' \"y\"".as_bytes()), "żółw 'x' \"y\"");
    }

    #[test]
    fn what_a_terminal_obeys_is_spelt_out() {
        assert_eq!(escaped(b"\x1b[31mred\x07"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(escaped(b"a\nb\tc\\d\x7f"), "a\\nb\\tc\\\\d\\u{7f}");
        assert_eq!(escaped("c1\u{9b}31m".as_bytes()), "c1\\u{9b}31m");
        assert_eq!(escaped("bidi\u{202e}txt".as_bytes()), "bidi\\u{202e}txt");
        assert_eq!(
            escaped("zero\u{200b}width".as_bytes()),
            "zero\\u{200b}width"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_bytes() {
        assert_eq!(escaped(b"ok\xff\xc3"), "ok\\xff\\xc3");
    }

    #[test]
    fn nothing_unprintable_is_left_of_any_byte() {
        for byte in 0..=255 {
            let shown = escaped(&[byte]);
            assert!(!shown.chars().any(char::is_control), "{byte}: {shown:?}");
        }
    }
}
