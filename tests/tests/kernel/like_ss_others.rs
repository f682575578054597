//! Sockets without IP addresses: what stands behind the columns, against the installed `ss`; and unix
//! sockets whose names want to be something else.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use serde_json::Value;
use sockwatch_tests::{
    binary,
    netns::Netns,
    others::{Others, PORTIDS, bind_unix},
    process::output,
    schema,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        details_are_those_of_ss,
        json_tells_what_the_text_shows,
        a_long_filter_hides_no_socket,
        hostile_names_are_a_row_and_a_line_each,
    ]
}

/// Options, each tried on its own. The installed ss has no -Q.
const OPTIONS: [&str; 24] = [
    "-x",
    "-xa",
    "-xl",
    "-xae",
    "-xam",
    "-xaemO",
    "-xaebmo --tos --cgroup --inet-sockopt --tipcinfo",
    "-f unix -a",
    "-A u_seq,u_dgr -ae",
    "-0",
    "-0l",
    "-0a",
    "-0ae",
    "-0ab",
    "-0abm",
    "-0aebm",
    "-0aebmoO",
    "-f link -ae",
    "-A packet -aem",
    "-A packet",
    "-f netlink -a",
    "-f netlink -aem",
    "-A netlink",
    "-a -A u_str,packet,netlink -emb",
];

fn details_are_those_of_ss(_netns: &Netns) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let _others = Others::settle(directory.path())?;
    for options in OPTIONS {
        for names in ["", "-n"] {
            let options: Vec<&str> = options.split(' ').chain([names]).collect();
            let options: Vec<&str> = options
                .into_iter()
                .filter(|word| !word.is_empty())
                .collect();
            let ss = rows(Command::new("ss").arg("-H").args(&options), of_ss)?;
            let ours = binary::command(&[&["list", "-H"][..], &options].concat())?;
            let ours = rows(&mut { ours }, str::to_owned)?;
            let missing: Vec<_> = ss.difference(&ours).collect();
            let beyond: Vec<_> = ours.difference(&ss).collect();
            ensure!(
                ss == ours,
                "{options:?}: missing {missing:#?}, too many {beyond:#?}"
            );
        }
    }
    Ok(())
}

/// Rows with the lines that belong to them, blanks aside, each with the number of its kind. Of netlink
/// sockets, which come and go with every tool that runs, only ours.
fn rows(command: &mut Command, normal: fn(&str) -> String) -> Result<BTreeSet<String>> {
    let text = output(command)?;
    let mut rows: Vec<String> = Vec::new();
    for line in text.lines() {
        let words = line.split_whitespace().map(normal).collect::<Vec<_>>();
        match rows.last_mut() {
            Some(row) if line.starts_with('\t') => {
                row.push_str(" \\ ");
                row.push_str(&words.join(" "));
            }
            _ => rows.push(words.join(" ")),
        }
    }
    let mut seen = BTreeMap::new();
    let kept = rows.into_iter().filter(|row| !is_of_others(row));
    Ok(kept
        .map(|row| {
            let count = seen.entry(row.clone()).or_insert(0_u32);
            *count += 1;
            format!("{count}. {row}")
        })
        .collect())
}

/// A netlink socket that is not of the population.
fn is_of_others(row: &str) -> bool {
    let netlink = row.starts_with("nl ")
        || row.contains(" sk=0 ")
        || row.split(' ').any(|word| {
            word.split_once(':').is_some_and(|(protocol, portid)| {
                let protocols = ["rtnl", "tcpdiag", "genl", "uevent", "audit", "xfrm", "nft"];
                let known = protocols.contains(&protocol) || protocol.parse::<u8>().is_ok();
                known && (portid.contains("kernel") || portid.contains('/') || is_number(portid))
            })
        });
    netlink && !row.contains(&format!(":{}", PORTIDS / 1000))
}

fn is_number(text: &str) -> bool {
    text.parse::<i64>().is_ok()
}

/// What ss prints as a device is the kernel's number of it, cut as if it were the C library's.
fn of_ss(word: &str) -> String {
    let numbers = word
        .strip_prefix("dev:")
        .and_then(|both| both.split_once('/'));
    let parsed = numbers
        .and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    let Some((major, minor)) = parsed else {
        return word.to_owned();
    };
    let device = minor & 0xff | (major & 0xfff) << 8 | (minor & !0xff) << 12;
    format!("dev:{}/{}", device >> 20, device & 0xf_ffff)
}

/// The lines of `list --json` with these options, each as the schema says.
fn lines(options: &str) -> Result<Vec<Value>> {
    let args: Vec<&str> = ["list", "--json"]
        .into_iter()
        .chain(options.split(' '))
        .collect();
    let text = output(&mut binary::command(&args)?)?;
    ensure!(text.is_ascii(), "not printable everywhere");
    let lines = text.lines().map(|line| {
        let value: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        schema::check(&value)?;
        Ok(value)
    });
    lines.collect()
}

fn json_tells_what_the_text_shows(_netns: &Netns) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let _others = Others::settle(directory.path())?;
    let lines = lines("-a -A unix,packet,netlink -emb")?;
    let count = |is: &dyn Fn(&Value) -> bool| lines.iter().filter(|line| is(line)).count();
    let words = |value: &Value, word: &str| {
        value
            .as_array()
            .is_some_and(|words| words.iter().any(|one| one == word))
    };
    for (what, expected, found) in [
        (
            "listeners with two connections that wait",
            2,
            count(&|line| {
                let pending = &line["unix"]["pending_inodes"];
                pending.as_array().is_some_and(|pending| pending.len() == 2)
            }),
        ),
        (
            "abstract names, of a listener",
            1,
            count(&|line| line["unix"]["abstract"] == true && line["state"] == "listening"),
        ),
        (
            "both sides shut",
            5,
            count(&|line| line["shutdown"] == "both" && line["family"] == "unix"),
        ),
        (
            "files",
            7,
            count(&|line| line["unix"]["file"]["inode"].as_u64().is_some()),
        ),
        (
            "rings to receive",
            3,
            count(&|line| line["packet"]["rx_ring"]["frames"].as_u64() >= Some(8)),
        ),
        (
            "third version",
            1,
            count(&|line| line["packet"]["options"]["tpacket_version"] == 3),
        ),
        (
            "origdev",
            1,
            count(&|line| words(&line["packet"]["options"]["flags"], "origdev")),
        ),
        (
            "cBPF fanout",
            1,
            count(&|line| line["packet"]["fanout"]["type"] == "cbpf"),
        ),
        (
            "filters",
            1,
            count(&|line| line["packet"]["filter"].as_array().is_some()),
        ),
        (
            "on lo",
            16,
            count(&|line| line["device"] == "lo" && line["ifindex"] == 1),
        ),
        (
            "groups beyond 32",
            2,
            // A socket that is in a group comes twice.
            count(&|line| line["netlink"]["groups"] == serde_json::json!([1, 33, 36])),
        ),
    ] {
        ensure!(found == expected, "{what}: {found}, expected {expected}");
    }
    for line in &lines {
        let memory = line["memory"]["rcvbuf_bytes"].as_u64();
        ensure!(memory > Some(0), "no memory: {line}");
    }
    Ok(())
}

/// `ss` loses what comes behind a socket whose filter does not fit into its buffer.
fn a_long_filter_hides_no_socket(_netns: &Netns) -> Result<()> {
    const LONG: usize = 4000;
    // The kernel's messages have no room for such a one.
    const TOO_LONG: usize = 4096;
    let others = Others::around_a_filter(LONG)?;
    let found = lines("-0ab")?;
    ensure!(found.len() == 3, "{found:#?}");
    let long = found
        .iter()
        .filter_map(|line| line["packet"]["filter"].as_array());
    let lengths: Vec<usize> = long.map(Vec::len).collect();
    ensure!(lengths == [LONG], "{lengths:?}");
    let text = output(&mut binary::command(&["list", "-0abO", "-H"])?)?;
    let row = text
        .lines()
        .find(|row| row.contains("bpf filter (4000):  0x00 0 0 4294967295, "));
    let row = row.with_context(|| text.clone())?;
    ensure!(row.ends_with(" 0x06 0 0 4294967295,"), "cut off");
    drop(others);
    let _others = Others::around_a_filter(TOO_LONG)?;
    for (options, all_are_there) in [("-0a", true), ("-0ab", false)] {
        let done = binary::command(&["list", options, "-H"])?.output()?;
        let rows = String::from_utf8(done.stdout)?.lines().count();
        let said = String::from_utf8(done.stderr)?;
        ensure!((rows == 3) == all_are_there, "{options}: {rows} rows");
        ensure!(
            said.contains("filter") != all_are_there,
            "{options}: {said}"
        );
    }
    Ok(())
}

/// Names that are hard to print and hard to tell from something else.
fn hostile_names(directory: &str) -> Vec<Vec<u8>> {
    let hostile: [&[u8]; 25] = [
        b"\n",
        b"a\nu_str LISTEN 0 0 fake 1 * 0",
        b"\r\n\t",
        b"\x1b[2J\x1b[31m",
        b"\x1b]0;title\x07",
        b"\xc2\x9b31m",
        b"\xff\xfe\xfd",
        b"\xc3",
        b"\xe2\x80\xae",
        b"\xe2\x80\x8b",
        b" ",
        b"  leading and trailing  ",
        b"\"quoted\"",
        b"'single'",
        b"\\",
        b"\\n",
        b"{\"v\":1}",
        b"<script>",
        b"%s%n%x",
        b"@not-abstract",
        b"*",
        "żółć🦀".as_bytes(),
        b"\x7f",
        b"\x01\x02\x03\x04",
        b"-",
    ];
    let mut names = Vec::new();
    for number in 0..20 {
        for text in hostile {
            let mut path = format!("{directory}/{number}").into_bytes();
            path.extend(text);
            names.push(path);
            // Abstract, with a NUL inside, and as long as it may be: 107 bytes behind the first NUL.
            let mut hidden = format!("\0{number}\0").into_bytes();
            hidden.extend(text);
            if number % 4 == 0 {
                hidden.resize(108, b'\n');
            }
            names.push(hidden);
        }
    }
    names
}

fn hostile_names_are_a_row_and_a_line_each(_netns: &Netns) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().to_str().context("a path of ours")?;
    let names = hostile_names(path);
    ensure!(names.len() == 1000, "{}", names.len());
    let _sockets = names
        .iter()
        .map(|name| bind_unix(name))
        .collect::<Result<Vec<_>>>()?;
    let text = output(&mut binary::command(&["list", "-xaeH"])?)?;
    let rows: Vec<&str> = text.lines().collect();
    ensure!(rows.len() == names.len(), "{} rows", rows.len());
    for row in &rows {
        ensure!(
            row.starts_with("u_dgr UNCONN 0      0 "),
            "not a row: {row:?}"
        );
        let is_safe = |c: char| !c.is_control() && !"\u{202e}\u{200b}\u{9b}".contains(c);
        ensure!(row.chars().all(is_safe), "not printable: {row:?}");
    }
    let shown: BTreeSet<String> = lines("-xa")?
        .iter()
        .map(|line| {
            let name = line["src"].as_str().context("it has a name")?;
            let is_abstract = line["unix"]["abstract"].as_bool().context("and a kind")?;
            Ok(format!("{is_abstract} {name}"))
        })
        .collect::<Result<_>>()?;
    let expected: BTreeSet<String> = names.iter().map(|name| as_json(name)).collect();
    let missing: Vec<_> = expected.difference(&shown).collect();
    ensure!(missing.is_empty(), "missing: {missing:#?}");
    ensure!(shown.len() == expected.len(), "{} lines", shown.len());
    Ok(())
}

/// A name as JSON has it: `@` for a NUL of an abstract one, U+FFFD for what is not UTF-8.
fn as_json(name: &[u8]) -> String {
    let is_abstract = name.first() == Some(&0);
    let name: Vec<u8> = name
        .iter()
        .map(|&byte| if byte == 0 { b'@' } else { byte })
        .collect();
    format!("{is_abstract} {}", String::from_utf8_lossy(&name))
}
