//! Details of sockets without IP addresses.

use super::*;
use crate::sink::samples;

/// Everything of the sockets without IP addresses.
fn others(details: DetailOptions) -> String {
    let options = RowOptions { details, ..OPTIONS };
    let mut list = Rows::new(options, numeric());
    let mut out = Vec::new();
    samples::others::each(|row| list.push(row, &Beside::default(), &mut out, |_| {}));
    list.finish(&mut out, |_| {});
    String::from_utf8(out).unwrap()
}

const EVERYTHING: DetailOptions = DetailOptions {
    extended: true,
    bpf: true,
    memory: true,
    ..DetailOptions::NONE
};

#[test]
fn details_of_sockets_without_ip_addresses() {
    insta::assert_snapshot!(others(EVERYTHING));
}

#[test]
fn details_on_one_line_are_the_same() {
    let shown = others(DetailOptions {
        one_line: true,
        ..EVERYTHING
    });
    let lines = others(EVERYTHING).replace("\n\t", " ");
    assert_eq!(shown, lines);
    assert!(!shown.contains('\t'));
}

#[test]
fn each_detail_is_shown_only_if_it_is_asked_for() {
    let memory = others(DetailOptions {
        memory: true,
        ..DetailOptions::NONE
    });
    assert!(memory.contains("skmem:(r1,") && !memory.contains("ino:"));
    let filters = others(DetailOptions {
        bpf: true,
        ..DetailOptions::NONE
    });
    assert!(filters.contains("\n\tbpf filter (2):  0x28 0 0 12, 0x06 1 2 4294967295,\n"));
    assert!(!filters.contains("skmem") && !filters.contains("ver:"));
}
