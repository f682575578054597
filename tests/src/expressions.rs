//! Filter expressions: what people write, and what nobody would.

/// Options that select tables and states; each is also tried without an expression.
pub const SELECTIONS: &[&str] = &[
    "-t",
    "-u",
    "-w",
    "-x",
    "-0",
    "-M",
    "-4",
    "-6",
    "-ta",
    "-ua",
    "-wa",
    "-xa",
    "-0a",
    "-Ma",
    "-4a",
    "-6a",
    "-tl",
    "-ul",
    "-xl",
    "-0l",
    "-l",
    "-a",
    "",
    "-4t",
    "-6t",
    "-t4a",
    "-tu6a",
    "-tuwl",
    "-tu",
    "-xu",
    "-tal",
    "-tla",
    "-f inet",
    "-f inet -a",
    "-f inet6 -a",
    "-f unix -a",
    "-f link -a",
    "-A tcp",
    "-A tcp,udp -a",
    "-A unix_stream -a",
    "-A u_dgr",
    "-a -A all,!tcp",
    "-t -A udp -a",
    "-a -A inet",
    "-f netlink -a",
];

/// Every word that names states.
pub const STATES: &[&str] = &[
    "established",
    "syn-sent",
    "syn-recv",
    "syn-rcv",
    "fin-wait-1",
    "fin-wait-2",
    "time-wait",
    "closed",
    "close",
    "unconnected",
    "close-wait",
    "last-ack",
    "listening",
    "closing",
    "all",
    "connected",
    "synchronized",
    "bucket",
    "ESTABLISHED",
];

/// Expressions over TCP, UDP and raw sockets. A space separates words; `:NAME` is a service.
pub const INET: &[&str] = &[
    "src 127.0.0.1",
    "src = 127.0.0.1",
    "src == 127.0.0.1",
    "src eq 127.0.0.1",
    "dst 127.0.0.1",
    "dst 127.0.0.1:5000",
    "dst :5000",
    "dst :5000 or dst :5006",
    "src 127.0.0.1:*",
    "src *",
    "src *:*",
    "src *:5000",
    "src :",
    "src :*",
    "dst *:40001",
    "src 127.0.0.0/8",
    "src 127/8",
    "src 127.0.0.1/32",
    "src 10.231/16",
    "src 10.231.0.1",
    "src 10.231.0.128/25",
    "src 10.231.0.0/255.255.255.0",
    "src 0.0.0.0",
    "src 0.0.0.0/0",
    "src 0.0.0.0/1",
    "src 128.0.0.0/1",
    "dst 0.0.0.0",
    "src 0177.0.0.1",
    "src 0x7f.0.0.1",
    "src any",
    "src all",
    "src default",
    "dst any:40001",
    "src default:22",
    "src [::1]",
    "src ::1:5006",
    "src ::1/128",
    "src [::1]:5006",
    "src [::1]:*",
    "src fd99::/64",
    "src fd99::/64:5016",
    "src [fd99::/64]:5016",
    "src [fd99::1]",
    "src [fd99:0:0:0:0:0:0:1]:5016",
    "src [::]",
    "src ::/0",
    "dst [::1]",
    "dst [::]",
    "src [::ffff:127.0.0.1]",
    "src [::ffff:127.0.0.1]:5010",
    "dst [::ffff:127.0.0.1]",
    "src [::ffff:0:0/96]",
    "src [127.0.0.1]:5000",
    "src [*]:5000",
    "src []:5000",
    "src localhost",
    "src localhost:5000",
    "sport = :5000",
    "sport = 5000",
    "sport :5000",
    "sport 5000",
    "sport == :5000",
    "sport eq :5000",
    "sport != :5000",
    "sport ne :5000",
    "sport neq :5000",
    "sport < :5006",
    "sport lt :5006",
    "sport <= :5006",
    "sport le :5006",
    "sport leq :5006",
    "sport > :5006",
    "sport gt 5006",
    "sport >= :5006",
    "sport ge :5006",
    "sport geq :5006",
    "sport = :ssh",
    "dport = :ssh",
    "( dport = :ssh or sport = :ssh )",
    "sport = :0x1388",
    "sport = :011610",
    "sport = :+5000",
    "sport = :*",
    "sport = :",
    "sport = *",
    "dport lt :1",
    "dport = 0",
    "sport = :\\5000",
    "dport = :http",
    "sport ge 5000 sport le 5006",
    "src 127.0.0.1 sport gt :5000",
    "src 127.0.0.1 dst 127.0.0.1",
    "src 127.0.0.1:5000 dst 127.0.0.1:40001",
    "not sport = :5000",
    "! sport = :5000",
    "not not sport = :5000",
    "not src 127.0.0.1 and sport gt 5000",
    "not ( src 127.0.0.1 )",
    "sport = :5000 and dport = :40001",
    "sport = :5000 & dport = :40001",
    "sport = :5000 && dport = :40001",
    "sport = :5000 dport = :40001",
    "sport = :5000 || sport = :5006",
    "sport = :5000 | sport = :5006",
    "sport = :5000 or sport = :5006 and dport = :40006",
    "sport = :5006 and dport = :40006 or sport = :5000",
    "sport = :5000 or sport = :5006 src [::1]",
    "( ( sport = :5000 ) or ( sport = :5006 and ( dport = :40006 ) ) )",
    "( sport = :5000 or sport = :5006 ) ( dport = :40001 or dport = :40006 )",
    "dev lo",
    "dev = near",
    "dev != lo",
    "dev 0",
    "dev 999",
    "dev lo or sport = :5000",
    "fwmark 1",
    "fwmark = 0x13/0x3",
    "fwmark != 0x13",
    "not fwmark 0",
];

/// Expressions over unix sockets, `{}` being the directory of the population.
pub const UNIX: &[&str] = &[
    "src {}/*",
    "src *stream*",
    "src *STREAM*",
    "src {}/stream.soc?",
    "src {}/stream.sock",
    "src {}/[a-d]*",
    "src {}/[!a-d]*",
    "src stream.sock",
    "src @sockwatch-hidden",
    "src @*",
    "src *",
    "src unix:",
    "src unix:*Seq*",
    "not src *stream*",
    "src *dgram* or src *Seq*",
    "state listening src *sock*",
    "state established",
    "dst *stream*",
];

/// Expressions over packet sockets.
pub const PACKET: &[&str] = &[
    "src *:lo",
    "src *:1",
    "src ip",
    "src IPv4",
    "src ip:lo",
    "src all",
    "src *:near",
    "not src ip",
    "dev lo",
];

/// An expression over TCP sockets, the same one for the same seed, of words that every `ss` takes to
/// mean the same. Left out are addresses that it compares with those of the other family (0.0.0.0 is
/// `[::]` to it, and `::/0` everything), which shows under `not` and with `dev`.
pub fn random(seed: u64) -> String {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
    let mut words = Vec::new();
    list(&mut dice, 3, &mut words);
    words.join(" ")
}

struct Dice(u64);

impl Dice {
    /// splitmix64
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(1).max(1);
        usize::try_from(self.next() % n).unwrap_or(0)
    }

    fn pick(&mut self, from: &[&str]) -> String {
        from[self.below(from.len())].to_owned()
    }
}

fn list(dice: &mut Dice, depth: usize, words: &mut Vec<String>) {
    for place in 0..=dice.below(4) {
        if place > 0 {
            let joined = dice.pick(&["and", "&", "&&", "or", "|", "||", ""]);
            words.extend(Some(joined).filter(|word| !word.is_empty()));
        }
        for _ in 0..dice.below(5).saturating_sub(2) {
            words.push(dice.pick(&["not", "!"]));
        }
        if depth > 0 && dice.below(4) == 0 {
            words.push("(".to_owned());
            list(dice, depth - 1, words);
            words.push(")".to_owned());
        } else {
            term(dice, words);
        }
    }
}

fn term(dice: &mut Dice, words: &mut Vec<String>) {
    const EQUAL: [&str; 4] = ["=", "==", "eq", ""];
    const UNEQUAL: [&str; 7] = ["=", "==", "eq", "", "!=", "ne", "neq"];
    const ORDERED: [&str; 14] = [
        "=", "", "!=", "neq", "<", "lt", "<=", "leq", "le", ">", "gt", ">=", "geq", "ge",
    ];
    const PORTS: [&str; 13] = [
        ":5000", "5006", ":5010", ":22", ":ssh", ":40001", "40006", ":40011", ":80", "0", "50031",
        "65535", ":0x1388",
    ];
    const HOSTS: [&str; 17] = [
        "127.0.0.1",
        "127.0.0.1:5000",
        "127/8",
        "10.231/16",
        "10.231.0.1:22",
        ":5000",
        "*:22",
        "*",
        "any:5006",
        "[::1]",
        "[::1]:5006",
        "fd99::/64",
        "[fd99::1]:5016",
        "10.231.0.64/26",
        ":ssh",
        "[::ffff:127.0.0.1]",
        "[::ffff:127.0.0.1]:5010",
    ];
    const DEVICES: [&str; 5] = ["lo", "near", "0", "1", "77"];
    const MARKS: [&str; 6] = ["0", "1", "0x13", "0x1/0x3", "0/0x10", "2"];
    let (names, operators, values): (&[&str], &[&str], &[&str]) = match dice.below(8) {
        0..=2 => (&["src", "dst"], &EQUAL, &HOSTS),
        3..=5 => (&["sport", "dport"], &ORDERED, &PORTS),
        6 => (&["dev"], &UNEQUAL, &DEVICES),
        _ => (&["fwmark"], &UNEQUAL, &MARKS),
    };
    let word = dice.pick(names);
    words.push(word);
    words.extend(Some(dice.pick(operators)).filter(|word| !word.is_empty()));
    words.push(dice.pick(values));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_expressions_are_the_same_again_and_many() {
        assert_eq!(random(7), random(7));
        let many: std::collections::HashSet<_> = (0..200).map(random).collect();
        assert!(many.len() > 190, "{}", many.len());
        assert!(many.iter().any(|words| words.contains("dev")));
    }
}
