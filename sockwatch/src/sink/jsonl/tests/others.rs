//! Sockets without IP addresses.

use super::*;

/// The lines of the sockets without IP addresses.
fn others() -> String {
    let mut jsonl = Jsonl::new();
    let mut out = Vec::new();
    samples::others::each(|row| {
        let event = RowEvent {
            at: MonoNs(7),
            killed: false,
            row,
            owner: None,
            cgroup: None,
            device: (row.device() == Some(1)).then_some("l\u{f6}"),
            users: None,
            peer: None,
        };
        jsonl.write_row(&event, samples::WALL, &mut out);
    });
    String::from_utf8(out).unwrap()
}

#[test]
fn sockets_without_ip_addresses_byte_for_byte() {
    insta::assert_snapshot!(others());
}

#[test]
fn sockets_without_ip_addresses_match_the_schema() {
    let validator = validator();
    for line in others().lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        if let Err(error) = validator.validate(&value) {
            panic!("{error}\n{line}");
        }
    }
}
