use super::*;
use AddressFamily::{Inet, Inet6, Link, Unix};

/// `-t -4 -A LIST -f FAMILY ...`, with blanks between.
fn tables(options: &str) -> Tables {
    let mut words = options.split(' ').filter(|word| !word.is_empty());
    let mut choices = Vec::new();
    while let Some(word) = words.next() {
        let table = |netid| Choice::Table(netid);
        choices.push(match word {
            "-t" => table(Netid::Tcp),
            "-u" => table(Netid::Udp),
            "-w" => table(Netid::Raw),
            "-M" => table(Netid::Mptcp),
            "-4" => Choice::Family(Inet),
            "-6" => Choice::Family(Inet6),
            "-x" => Choice::Family(Unix),
            "-0" => Choice::Family(Link),
            "--tipc" => Choice::Family(AddressFamily::Tipc),
            "--vsock" => Choice::Family(AddressFamily::Vsock),
            "-A" => Choice::Query(Query::parse(words.next().unwrap()).unwrap()),
            "-a" => Choice::States(StateOption::All),
            "-l" => Choice::States(StateOption::Listening),
            "-B" => Choice::States(StateOption::BoundInactive),
            other => panic!("{other}"),
        });
    }
    Tables::of(&choices)
}

fn words(tables: &Tables) -> String {
    let words: Vec<_> = tables.netids.iter().map(|table| table.word()).collect();
    words.join(" ")
}

fn families(tables: &Tables) -> String {
    let words: Vec<_> = tables.families.iter().map(|one| one.word()).collect();
    words.join(" ")
}

const UNIX: &str = "unix_stream unix_dgram unix_seqpacket";
const IP: &str = "raw udp tcp dccp sctp mptcp";

#[test]
fn tables_and_families_complete_each_other() {
    for (options, expected, of) in [
        ("-t", "tcp", "inet inet6"),
        ("-t -t", "tcp", "inet inet6"),
        ("-t -4", "tcp", "inet"),
        ("-4 -t", "tcp", "inet"),
        ("-4 -6 -t", "tcp", "inet inet6"),
        ("-6", IP, "inet6"),
        ("-t -u -4", "udp tcp", "inet"),
        ("-x -u", &format!("{UNIX} udp"), "inet inet6 unix"),
        ("-x -4", &format!("{UNIX} {IP}"), "inet unix"),
        ("-t -M", "tcp mptcp", "inet inet6"),
        ("-0", "packet_raw packet_dgram", "link"),
        ("--vsock", "vsock_stream vsock_dgram", "vsock"),
        ("--tipc -t", "tcp tipc", "inet inet6 tipc"),
        ("-A tcp", "tcp", "inet inet6"),
        ("-A u_dgr", "unix_dgram", "unix"),
        ("-A unix", UNIX, "unix"),
        ("-A inet,!udp", "raw tcp dccp sctp mptcp", "inet inet6"),
        ("-A tcp -A udp", "udp tcp", "inet inet6"),
        ("-A !tcp", "", ""),
        ("-A all,!all", "", ""),
        // What stands before the first -A is forgotten, what stands behind is not.
        ("-t -A udp", "udp", "inet inet6"),
        ("-A udp -t", "udp tcp", "inet inet6"),
        ("-t -A udp -A raw", "raw udp", "inet inet6"),
        // Families are not forgotten.
        ("-x -A tcp", &format!("{UNIX} tcp"), "inet inet6 unix"),
        ("-4 -A tcp", "tcp", "inet"),
    ] {
        let got = tables(options);
        assert_eq!(
            (words(&got).as_str(), families(&got).as_str()),
            (expected, of),
            "{options}"
        );
    }
}

#[test]
fn nothing_is_everything_but_tipc() {
    let all = tables("");
    assert_eq!(all.netids.len(), Netid::ALL.len() - 1);
    assert!(!all.netids.contains(&Netid::Tipc));
    assert_eq!(all.states, CONN);
    assert_eq!(tables("-a").netids, all.netids);
    assert!(tables("-A all").netids.contains(&Netid::Tipc));
    assert_eq!(tables("-A all,!tcp").netids.len(), Netid::ALL.len() - 1);
}

#[test]
fn states_are_those_of_what_is_selected() {
    let both = CONN.union(CLOSED);
    for (options, expected) in [
        ("-t", CONN),
        ("-4", CONN),
        ("-x", CONN),
        ("-u", ESTABLISHED),
        ("-w", ESTABLISHED),
        ("-u -w", ESTABLISHED),
        ("-0", CLOSED),
        ("-t -0", both),
        ("-u -0", ESTABLISHED.union(CLOSED)),
        ("-u -4", CONN),
        ("--tipc", TIPC),
        // -A takes no notice of what it names.
        ("-A udp", CONN),
        ("-A packet_raw", CONN),
        ("-u -A udp", CONN),
        ("-A tcp -u", CONN),
        ("-a -A tcp", StateSet::ALL),
        ("-A tcp -a", StateSet::ALL),
        // The last of these counts, wherever it stands.
        ("-t -a", StateSet::ALL),
        ("-l -t", StateOption::Listening.states()),
        ("-t -a -l", StateOption::Listening.states()),
        ("-t -l -a", StateSet::ALL),
        ("-B -t", StateSet::of(&[TcpState::BoundInactive])),
    ] {
        assert_eq!(tables(options).states, expected, "{options}");
    }
}

#[test]
fn the_usual_states_have_half_open_and_merely_bound_sockets() {
    let usual = tables("").states;
    assert!(usual.contains(TcpState::NewSynRecv) && !usual.contains(TcpState::SynRecv));
    assert!(usual.contains(TcpState::BoundInactive) && usual.contains(TcpState::SynSent));
    for left_out in [TcpState::Listen, TcpState::Close, TcpState::TimeWait] {
        assert!(!usual.contains(left_out));
    }
}

#[test]
fn state_words_replace_the_options() {
    let listening = StateSet::of(&[TcpState::Listen]);
    for options in ["-t", "-t -a", "-l -t", "-A tcp", ""] {
        let with = |words| tables(options).with_states(words).states;
        assert_eq!(with(Some(listening)), listening, "{options}");
        assert_eq!(with(None), tables(options).states);
        assert_eq!(with(Some(NONE)), CONN);
    }
    let nothing = Some(NONE);
    assert_eq!(tables("-u -a").with_states(nothing).states, ESTABLISHED);
}

#[test]
fn states_name_no_table() {
    for (options, named) in [
        ("", false),
        ("-a -l", false),
        ("-t", true),
        ("-4 -a", true),
        ("-A all", true),
    ] {
        assert_eq!(tables(options).named, named, "{options}");
    }
}

#[test]
fn the_last_family_is_preferred() {
    assert_eq!(tables("-t").preferred, None);
    assert_eq!(tables("-6 -4 -6").preferred, None);
    assert_eq!(tables("-6 -x").preferred, Some(Unix));
    assert_eq!(tables("-x -4 -A unix").preferred, Some(Inet));
}

#[test]
fn a_table_has_its_selected_families() {
    let of = |options, table| tables(options).families_of(table).collect::<Vec<_>>();
    assert_eq!(of("-4", Netid::Udp), [Inet]);
    assert_eq!(of("-t -x", Netid::Tcp), [Inet, Inet6]);
    assert_eq!(of("-t -x", Netid::UnixDgram), [Unix]);
}

#[test]
fn queries_name_tables() {
    for bad in ["", "bogus", "tcp,", "tcp, udp", "!", "!!tcp", "TCP"] {
        assert!(Query::parse(bad).is_err(), "{bad:?}");
    }
    let error = Query::parse("tcp,bogus").unwrap_err().to_string();
    assert!(
        error.starts_with("there is no table 'bogus'; tables are all inet tcp "),
        "{error}"
    );
    for word in table_words() {
        assert!(Query::parse(word).is_ok());
    }
    let asked = |value| Query::parse(value).unwrap().asked_for().collect::<Vec<_>>();
    assert_eq!(asked("tcp,!udp"), [Netid::Tcp]);
    assert_eq!(asked("all,!udp"), []);
    assert_eq!(asked("inet"), []);
}
