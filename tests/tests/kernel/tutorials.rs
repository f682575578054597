//! What tutorials of `ss` teach, with `sockwatch list` instead: every row is there, and whatever `ss`
//! says in it.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use sockwatch_tests::{
    binary,
    command_line::words,
    listing::{self, Listing},
    netns::Netns,
    population::PORTID,
    process::output,
};

use super::both::Both;

pub(super) fn trials() -> Vec<Trial> {
    trials![
        options_of_tutorials_show_what_ss_shows,
        filters_of_tutorials_show_what_ss_shows,
        holders_are_those_that_ss_finds,
        ss_reads_what_was_dumped,
    ]
}

/// What stands behind `ss` to show all of some kind.
const OPTIONS: &[&str] = &[
    "",
    "-t",
    "-t -a",
    "-A tcp",
    "-at",
    "-ua",
    "-a -A udp",
    "-u -a",
    "-w -a",
    "-x -a",
    "-nt",
    "-ltn",
    "-aun",
    "-tuwl",
    "-l",
    "-a",
    "-tn -o",
    "-tano",
    "-tl -f inet",
    "-tl -4",
    "-tl6",
    "-tl -f inet6",
    "-f inet",
    "-f inet6 -a",
    "-f unix",
    "-f link -a",
    "-A udp,tcp",
    "-a -A udp,tcp,raw",
    "-4",
    "-6",
    "-tr",
    "-tar",
    "-H -tan",
    "-O -tan",
    "-tan --no-header",
    "--tcp --all --numeric",
];

/// Filters, with the options that a tutorial has beside them. `{}` is the directory of unix sockets.
const FILTERS: &[&str] = &[
    "-t4 state established",
    "-t4 state time-wait",
    "-t4 state syn-sent",
    "-4 state time-wait",
    "-6 state established",
    "-4 state closing",
    "-at '( dport = :ssh or sport = :ssh )'",
    "-o state established '( dport = :ssh or sport = :ssh )'",
    "-o state established '( dport = :smtp or sport = :smtp )'",
    r"-o state established \( dport = :http or sport = :http \)",
    "-o state fin-wait-1 '( sport = :http or sport = :https )' dst 192.168.1/24",
    "-nt '( dst :443 or dst :80 )'",
    "-nt dst 192.168.1.5",
    "-nt dst 192.168.1.5/16",
    "-nt dst 192.168.1.1:80",
    "-nt src 127.0.0.1 sport gt :5000",
    "-ntl sport eq :smtp",
    "-nt sport gt :1024",
    "-nt dport lt :100",
    "-nt dport ne :22",
    "-nt state connected dport = :80",
    "-x src {}/*",
    "-xa src {}/*",
    "dst 192.168.0.0/16",
    "dst 192.168.1.5",
    "dst 192.168.1.1:http",
    "dst 192.168.1.1:smtp",
    "dst 192.168.1.1:443",
    "src 192.168.1.1",
    "src 192.168.1.1:http",
    "src 192.168.1.1:80",
    "sport = :http",
    "dport = :http",
    r"dport \> :1024",
    r"sport \> :1024",
    r"sport \< :32000",
    "sport eq :22",
    "dport != :22",
    "state connected sport = :http",
    r"\( sport = :http or sport = :https \)",
    "-tan 'sport = :22'",
    "-ta exclude listening",
    "state all sport = :ssh",
];

/// Lines that ask who holds the sockets.
const HOLDERS: &[&str] = &[
    "-ltp",
    "-tpr",
    "-ntlp sport eq :smtp",
    "-pl",
    "-lp",
    "-tuwlp",
    "-tanp",
    "-tanop",
    "-uap",
    "-xap",
    "-p -A udp,tcp",
    "-tap state established",
    "-tp dst 192.168.0.0/16",
];

fn settle() -> Result<Both> {
    let mut both = Both::settle()?;
    both.population.serve().context("services")?;
    Ok(both)
}

/// The same words for both: whatever `ss` says has to be there, and no socket more. Returns how many
/// sockets there were.
fn compare(both: &mut Both, line: &str) -> Result<usize> {
    let words = words(&both.in_place(line)?);
    let ss = rows(Command::new("ss").args(&words)).context("ss")?;
    let mut ours = binary::command(&["list"])?;
    let ours = rows(ours.args(&words)).context("sockwatch")?;
    let missing = listing::missing(&ss, &ours);
    let count = |listing: &Listing| listing.values().map(Vec::len).sum::<usize>();
    let differ = !missing.is_empty() || count(&ss) != count(&ours);
    let differing = differ.then(|| {
        let missing = missing.join("\n  ");
        format!("{} rows of {}\n  {missing}", count(&ours), count(&ss))
    });
    both.tell(line, differing);
    Ok(count(&ss))
}

/// What a tool lists. Netlink sockets come and go with every tool that runs: of those only the
/// population's counts.
fn rows(command: &mut Command) -> Result<Listing> {
    let text = output(command)?;
    let is_headless = !text.contains("Local Address:Port");
    let header = if is_headless {
        "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
    } else {
        ""
    };
    let mut rows = listing::rows(&format!("{header}{text}"))?;
    let portid = format!("/{PORTID}");
    let other = |row: &[String]| row.first().is_some_and(|first| first == "Netid nl");
    rows.retain(|ends, rows| ends.contains(&portid) || !rows.iter().any(|row| other(row)));
    Ok(rows)
}

/// What one line after the other shows; `most` lines have to show something.
fn show_the_same(lines: &[&str], most: usize) -> Result<()> {
    let mut both = settle()?;
    let mut telling = 0;
    for line in lines {
        telling += usize::from(compare(&mut both, line)? > 0);
    }
    ensure!(
        telling >= most,
        "only {telling} of {} show something",
        lines.len()
    );
    both.agree(lines.len())
}

fn options_of_tutorials_show_what_ss_shows(_netns: &Netns) -> Result<()> {
    show_the_same(OPTIONS, OPTIONS.len())
}

fn filters_of_tutorials_show_what_ss_shows(_netns: &Netns) -> Result<()> {
    show_the_same(FILTERS, FILTERS.len() - 1)
}

fn holders_are_those_that_ss_finds(_netns: &Netns) -> Result<()> {
    show_the_same(HOLDERS, HOLDERS.len())
}

/// `-D` writes what `ss` can read, of the sockets that the filter selects. IPv4 alone: ss stops at the end
/// of the first family.
fn ss_reads_what_was_dumped(_netns: &Netns) -> Result<()> {
    let mut both = settle()?;
    let file = both.in_place("{}/dump")?;
    for line in [
        "-t4a",
        "-t4a sport = :http",
        "-t4 dst 192.168.0.0/16",
        "-t4 state time-wait",
    ] {
        output(binary::command(&["list", "-D", &file])?.args(words(line)))?;
        let said = rows(Command::new("ss").args(words(line)))?;
        // The file has no more than the filter left.
        let read = rows(Command::new("ss").arg("-t4a").env("TCPDIAG_FILE", &file))?;
        let differ = !said.keys().eq(read.keys());
        both.tell(
            line,
            differ.then(|| format!("{said:#?}\nbut read: {read:#?}")),
        );
    }
    both.agree(4)
}
