//! Lines of terminals of every width.

use super::*;

/// As of a list: a state, two ends, details.
fn columns() -> Vec<Column> {
    let column = |name, align, gap| Column {
        name,
        align,
        least: 0,
        gap,
    };
    vec![
        column("State", Align::Left, 1),
        column("Local:", Align::Right, 0),
        column("Port", Align::Left, 1),
        column("Peer:", Align::Right, 0),
        column("Port", Align::Left, 1),
        column("", Align::Left, 1),
    ]
}

const ROWS: [[&str; 6]; 3] = [
    ["State", "Local:", "Port", "Peer:", "Port", ""],
    ["ESTAB", "127.0.0.1:", "80", "1.2.3.4:", "54321", "ino:77"],
    ["LISTEN", "*:", "8080", "*:", "*", "ino:7 users:11"],
];

fn lines(terminal: Option<usize>) -> Vec<String> {
    let mut block = Block::new(columns(), 0);
    for cell in ROWS.concat() {
        block.cell(|out| out.extend_from_slice(cell.as_bytes()));
    }
    let mut out = Vec::new();
    block.render(terminal, &mut out, |_| {});
    let text = String::from_utf8(out).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn what_does_not_fit_begins_a_line_of_the_terminal() {
    for (line, parts) in lines(Some(24)).iter().zip([
        &["State       Local:Port", "   Peer:Port"][..],
        &["ESTAB   127.0.0.1:80", "1.2.3.4:54321", "ino:77"],
        &["LISTEN          *:8080", "      *:*", "ino:7 users:11"],
    ]) {
        let (last, before) = parts.split_last().unwrap();
        let filled = before.iter().map(|part| format!("{part:24}"));
        let wrapped = filled.chain([(*last).to_owned()]).collect::<String>();
        assert_eq!(*line, wrapped);
    }
}

#[test]
fn no_width_glues_breaks_or_pads() {
    for terminal in 1..200 {
        for (line, cells) in lines(Some(terminal)).iter().zip(ROWS) {
            assert!(!line.ends_with(' '), "{terminal}: {line:?}");
            let [state, local, port, peer, peer_port, details] = cells;
            let together = [
                state.to_owned(),
                format!("{local}{port}"),
                format!("{peer}{peer_port}"),
                details.to_owned(),
            ];
            let words: Vec<_> = line.split_whitespace().collect();
            assert_eq!(words.join(" "), together.join(" ").trim_end());
            for word in together.iter().filter(|word| !word.is_empty()) {
                let begin = line.find(word.as_str()).unwrap();
                let end = begin + word.len() - 1;
                // The widest of its column is 15 characters.
                if terminal > 16 {
                    assert_eq!(begin / terminal, end / terminal, "{terminal}: {line:?}");
                }
            }
        }
    }
}

#[test]
fn one_line_is_filled_and_never_exceeded() {
    let plain = lines(None);
    let least = plain.iter().map(String::len).max().unwrap();
    for terminal in least..120 {
        let longest = lines(Some(terminal)).iter().map(String::len).max();
        assert_eq!(longest, Some(terminal));
    }
    assert_eq!(lines(Some(0)), plain);
}
