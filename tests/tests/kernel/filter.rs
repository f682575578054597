//! Filters of the live stream: what is shown is what they ask for of everything there is, whatever
//! part of them the kernel decides.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{SocketAddr, TcpListener, TcpStream},
};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use rustix::process::getpid;
use serde_json::{Value, json};
use sockwatch_tests::{
    flows::{Pair, begin_to_connect_far, churn, churn_events, sk, tcp4},
    json::{Record, Watch},
    netns::{Netns, link_to_nobody, pretend_far_is_known, sysctl},
    role::own_comm,
    story::{exactly, path},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        filters_show_what_they_ask_for,
        a_port_that_the_kernel_chooses_later_counts,
        a_syn_that_nobody_answers_is_shown_with_its_port,
        what_is_undecided_at_the_end_is_not_shown,
        a_filter_that_matches_nothing_is_decided_in_the_kernel,
        the_classic_hook_takes_filters_too,
        every_state_word_is_taken,
        the_snapshot_is_filtered,
    ]
}

/// What a filter asks for, of a transition and the local port of its connection.
type Wanted = fn(&Value, u64) -> bool;

/// Words, and what they ask for.
const FILTERS: [(&str, Wanted); 30] = [
    ("dst :5000 or dst :5006", |event, _| {
        port(event, "dport", &[5000, 5006])
    }),
    ("dst :5000 dst 127.0.0.1", |event, _| {
        port(event, "dport", &[5000])
    }),
    ("sport = :5000", |_, sport| sport == 5000),
    ("dport = :5000 and sport gt :5010", |event, sport| {
        port(event, "dport", &[5000]) && sport > 5010
    }),
    ("sport != :5000", |_, sport| sport != 5000),
    ("sport = :80,5006", |_, sport| sport == 5006),
    ("dport = :5000-5009", |event, _| {
        port(event, "dport", &[5000, 5006])
    }),
    ("src 127.0.0.1 sport gt :5000", |event, sport| {
        event["src"] == "127.0.0.1" && sport > 5000
    }),
    ("src 127/8", |event, _| event["src"] == "127.0.0.1"),
    ("not src 127/8", |event, _| event["src"] != "127.0.0.1"),
    ("dst [::1]", |event, _| event["dst"] == "::1"),
    ("dst ::1/128 or sport = :5010", |event, sport| {
        event["dst"] == "::1" || sport == 5010
    }),
    ("src ::/0", |event, _| event["family"] == "inet6"),
    ("-4", |event, _| event["family"] == "inet"),
    ("-6 dst [::ffff:127.0.0.1]", |event, _| {
        event["family"] == "inet6" && event["dst"] == "127.0.0.1"
    }),
    ("-t4 state syn-sent", |event, _| {
        event["family"] == "inet" && in_state(event, &["syn-sent"])
    }),
    ("state established", |event, _| {
        in_state(event, &["established"])
    }),
    ("state fin-wait-2 state last-ack", |event, _| {
        in_state(event, &["fin-wait-2", "last-ack"])
    }),
    (
        "exclude established exclude closed --on enter",
        |event, _| event["new"] != "established" && event["new"] != "closed",
    ),
    ("state closed --on leave", |event, _| {
        event["old"] == "closed"
    }),
    ("state connected dport = :5006", |event, _| {
        port(event, "dport", &[5006])
    }),
    ("cause = refused", |event, _| event["cause"] == "refused"),
    ("cause = refused,reset-by-peer", |event, _| {
        event["cause"] == "refused" || event["cause"] == "reset-by-peer"
    }),
    ("not cause = refused dport = :9", |event, _| {
        event["cause"] != "refused" && port(event, "dport", &[9])
    }),
    ("dwell >= 0s", |event, _| !event["dwell_ns"].is_null()),
    ("age < 1h and sport = :5000", |event, sport| {
        !event["age_ns"].is_null() && sport == 5000
    }),
    ("uid = 0 and dst :9", |event, _| port(event, "dport", &[9])),
    ("uid != 0", |event, _| event["uid"].is_null()),
    ("dev lo", |_, _| false),
    (
        "fwmark 0 and ( dport = :9 or sport = :5006 )",
        |event, sport| port(event, "dport", &[9]) || sport == 5006,
    ),
];

fn port(event: &Value, key: &str, any: &[u64]) -> bool {
    event[key].as_u64().is_some_and(|port| any.contains(&port))
}

/// Whether a transition enters or leaves one of the states. The first of an accepted connection
/// leaves none: its listener was listening, not it.
fn in_state(event: &Value, states: &[&str]) -> bool {
    let is = |key: &str| {
        event[key]
            .as_str()
            .is_some_and(|state| states.contains(&state))
    };
    is("old") || is("new")
}

fn split(words: &str) -> Vec<&str> {
    words.split_whitespace().collect()
}

/// Connections of both families, closed in several ways, and one that is refused.
fn traffic() -> Result<()> {
    for (listen, connect) in [
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("[::1]:5006", "[::1]:5006"),
        ("[::]:5010", "127.0.0.1:5010"),
    ] {
        let peer: SocketAddr = connect.parse()?;
        let listener = TcpListener::bind(listen)?;
        let pair = Pair::between(listener, peer)?;
        let listener = pair.listener.try_clone()?;
        pair.close_by_client()?;
        let pair = Pair::between(listener, peer)?;
        let listener = pair.listener.try_clone()?;
        pair.close_by_server()?;
        Pair::between(listener, peer)?.reset_by_client()?;
    }
    let refused = TcpStream::connect("127.0.0.1:9");
    ensure!(refused.is_err(), "somebody listens on port 9");
    Ok(())
}

/// What has to be the same with and without a filter.
const KEYS: [&str; 10] = [
    "sk", "proto", "family", "src", "dst", "dport", "old", "new", "owner", "cause",
];

/// That, and what has to be known or unknown alike.
fn essence(event: &Value) -> String {
    let known = |key: &str| {
        if event[key].is_null() {
            "unknown"
        } else {
            "known"
        }
    };
    let exact = KEYS.map(|key| format!("{key}={}", event[key]));
    let spans = ["dwell_ns", "age_ns"].map(|key| format!("{key} {}", known(key)));
    [exact.join(" "), spans.join(" ")].join(" ")
}

fn local_ports(record: &Record) -> BTreeMap<String, u64> {
    let mut ports = BTreeMap::new();
    for event in record.transitions() {
        if let (Some(sk), Some(sport)) = (event["sk"].as_str(), event["sport"].as_u64()) {
            ports.insert(sk.to_owned(), sport);
        }
    }
    ports
}

/// The local port of a transition, be it known only later; a half-open connection has no `sk`.
fn sport(event: &Value, ports: &BTreeMap<String, u64>) -> u64 {
    let later = || event["sk"].as_str().and_then(|sk| ports.get(sk).copied());
    event["sport"].as_u64().or_else(later).unwrap_or(0)
}

/// What a trace of everything has of that which is wanted.
fn wanted_of(everything: &Record, wanted: Wanted) -> BTreeSet<String> {
    let ports = local_ports(everything);
    let chosen = everything.transitions().into_iter();
    chosen
        .filter(|event| wanted(event, sport(event, &ports)))
        .map(essence)
        .collect()
}

fn filters_show_what_they_ask_for(netns: &Netns) -> Result<()> {
    let everything = Watch::start(netns, &[])?;
    let started = FILTERS.map(|(words, _)| Watch::start(netns, &split(words)));
    traffic()?;
    let everything = everything.finish()?;
    ensure!(everything.transitions().len() > 60, "too little traffic");
    for ((words, wanted), watch) in FILTERS.into_iter().zip(started) {
        let record = watch?.finish().context(words)?;
        let shown: BTreeSet<String> = record.transitions().into_iter().map(essence).collect();
        let wanted = wanted_of(&everything, wanted);
        ensure!(
            shown == wanted,
            "{words}: missing {:#?}, too many {:#?}",
            wanted.difference(&shown).collect::<Vec<_>>(),
            shown.difference(&wanted).collect::<Vec<_>>()
        );
        let unported = record.matching(&json!({"sport": null}));
        // What `or` joins to it may be true before the port is known.
        let asks_for_it = words.contains("sport") && !words.contains(" or ");
        ensure!(!asks_for_it || unported.is_empty(), "{words}: {unported:?}");
    }
    let own = [
        (format!("pid = {}", getpid().as_raw_nonzero()), true),
        (format!("comm = {}", own_comm()?), true),
        (format!("netns = {}", netns.inode), true),
        ("comm = no-such-*".to_owned(), false),
    ];
    for (words, all) in own {
        let watch = Watch::start(netns, &split(&words))?;
        churn(2)?;
        let shown = watch.finish()?.transitions().len();
        let expected = if all { churn_events(2) } else { 0 };
        ensure!(shown == expected, "{words}: {shown}");
    }
    Ok(())
}

fn a_port_that_the_kernel_chooses_later_counts(netns: &Netns) -> Result<()> {
    sysctl("net.ipv4.ip_local_port_range", "50000 50003")?;
    for words in ["-t sport = :50001", "src :50001", "-t ( sport = :50001 )"] {
        let watch = Watch::start(netns, &split(words))?;
        let peer = "127.0.0.1:5000".parse()?;
        let mut listener = TcpListener::bind(peer)?;
        let mut found = None;
        let mut pairs = Vec::new();
        while found.is_none() {
            let pair = Pair::between(listener, peer)?;
            listener = pair.listener.try_clone()?;
            if pair.client.local_addr()?.port() == 50001 {
                found = Some(pair.client_sk.clone());
            }
            pairs.push(pair);
        }
        for pair in pairs {
            pair.reset_by_client()?;
        }
        let record = watch.finish()?;
        let sk = found.context("found")?;
        let way = path(
            &["closed", "syn-sent", "established", "closed"],
            json!({"sk": sk, "sport": 50001, "cause": "aborted"}),
        );
        exactly(&record.transitions(), &way).context(words)?;
        let opened = record.matching(&json!({"new": "syn-sent", "sport": 50001}));
        ensure!(opened.len() == 1, "{words}: {opened:?}");
    }
    Ok(())
}

fn a_syn_that_nobody_answers_is_shown_with_its_port(netns: &Netns) -> Result<()> {
    link_to_nobody()?;
    pretend_far_is_known()?;
    sysctl("net.ipv4.ip_local_port_range", "50000 50000")?;
    let mut watch = Watch::start(netns, &["-t", "sport", "=", ":50000"])?;
    let connecting = tcp4()?;
    begin_to_connect_far(&connecting)?;
    let shown = json!({"sk": sk(&connecting)?, "new": "syn-sent", "sport": 50000});
    watch.wait_for(&shown, 1)?;
    watch.finish().map(drop)
}

fn what_is_undecided_at_the_end_is_not_shown(netns: &Netns) -> Result<()> {
    let watch = Watch::start(netns, &split("-t sport = :1 or dport = :1"))?;
    churn(3)?;
    let record = watch.finish()?;
    ensure!(record.transitions().is_empty());
    ensure!(record.total("filtered")? >= churn_events(3) as u64);
    Ok(())
}

fn a_filter_that_matches_nothing_is_decided_in_the_kernel(netns: &Netns) -> Result<()> {
    for words in ["dst 192.0.2.1", "dport = :1", "-6 dst [2001:db8::1]"] {
        let watch = Watch::start(netns, &split(words))?;
        churn(50)?;
        let record = watch.finish()?;
        ensure!(record.transitions().is_empty(), "{words}");
        let filtered = record.total("filtered")?;
        ensure!(filtered >= churn_events(50) as u64, "{words}: {filtered}");
        // Listeners are remembered, connections are not.
        let sockets = record.total("sockets")?;
        let pushed = record
            .stderr
            .iter()
            .any(|line| line.contains("passed by the kernel"));
        ensure!(pushed, "{words}: -v does not say it: {:?}", record.stderr);
        ensure!(sockets < 50, "{words}: {sockets} sockets");
    }
    Ok(())
}

fn the_classic_hook_takes_filters_too(netns: &Netns) -> Result<()> {
    let hook = ["--hook", "tracepoint"];
    let filters = ["dst :5000 or dst :5006", "src ::/0", "-t4 state syn-sent"];
    for words in filters {
        let (_, wanted) = FILTERS
            .into_iter()
            .find(|(known, _)| *known == words)
            .context("a filter of the list")?;
        // Which alone has the timers.
        let everything = Watch::start(netns, &["--no-minisock"])?;
        let watch = Watch::start(netns, &[&hook[..], &split(words)].concat())?;
        traffic()?;
        let everything = everything.finish()?;
        let record = watch.finish()?;
        let pairs = |events: Vec<&Value>| -> Vec<String> {
            let mut pairs: Vec<_> = events
                .iter()
                .map(|event| format!("{} {} {}", event["old"], event["new"], event["dport"]))
                .collect();
            pairs.sort();
            pairs
        };
        let ports = local_ports(&everything);
        // What is learnt by looking comes when it comes.
        let told = json!({"observed": "event"});
        let mut chosen = everything.matching(&told);
        chosen.retain(|event| wanted(event, sport(event, &ports)));
        let (shown, chosen) = (pairs(record.matching(&told)), pairs(chosen));
        ensure!(shown == chosen, "{words}: {shown:#?} is not {chosen:#?}");
    }
    Ok(())
}

fn every_state_word_is_taken(netns: &Netns) -> Result<()> {
    for state in sockwatch_tests::expressions::STATES {
        let words = ["--duration", "0", "-t", "state", state];
        let watch = Watch::start(netns, &words).context(*state)?;
        watch.wait().context(*state)?;
    }
    Ok(())
}

fn the_snapshot_is_filtered(netns: &Netns) -> Result<()> {
    let pair = Pair::open()?;
    let port = pair.listener.local_addr()?.port();
    let words = format!("--snapshot state established sport = :{port}");
    let mut watch = Watch::start(netns, &split(&words))?;
    watch.wait_for(&json!({"type": "socket"}), 1)?;
    let record = watch.finish()?;
    let rows: Vec<_> = record.of_type("socket").collect();
    let row = json!({"sk": pair.server_sk, "state": "established", "sport": port});
    exactly(&rows, &[row])
}
