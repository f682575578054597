//! The look of the lines, and what is called the obstacle.

use super::*;

fn way(needs: Check, hook: Check) -> Way {
    Way {
        checks: [needs, hook],
    }
}

/// An ordinary user: something of every state.
fn ordinary_user() -> Findings {
    Findings {
        needed: vec![
            Check::ok("kernel", "6.18.0 x86_64"),
            Check::no("capabilities", "without CAP_BPF", "run it as root"),
            Check::no("ring buffer", "refused", "as for capabilities"),
        ],
        ways: vec![
            way(
                Check::ok("BTF", "every field found"),
                Check::no("tp_btf", "refused", "as for capabilities"),
            ),
            way(
                Check::no("tracefs", "not mounted", "mount it"),
                Check::no("tracepoint", "needs tracefs", "as for tracefs"),
            ),
        ],
        rest: vec![
            Check::part("cgroup2", "/mnt/\x1b[2J").with_cure("mount it"),
            Check::info("kptr_restrict", "0"),
        ],
    }
}

fn rendered(findings: &Findings, colour: bool) -> String {
    let text = String::from_utf8(findings.render(colour)).unwrap();
    text.replace('\x1b', "␛")
}

#[test]
fn plain() {
    insta::assert_snapshot!(rendered(&ordinary_user(), false));
}

#[test]
fn coloured() {
    insta::assert_snapshot!(rendered(&ordinary_user(), true));
}

#[test]
fn the_obstacle_is_what_everything_else_follows_from() {
    let mut findings = ordinary_user();
    assert_eq!(
        findings.obstacle().unwrap(),
        "capabilities: without CAP_BPF; cure: run it as root"
    );
    findings.needed.truncate(1);
    assert_eq!(
        findings.obstacle().unwrap(),
        "tp_btf: refused; cure: as for capabilities; and tracefs: not mounted; cure: mount it"
    );
}

#[test]
fn one_way_is_enough() {
    let mut findings = ordinary_user();
    findings.ways[1].checks[1] = Check::part("tracepoint", "attached");
    assert_eq!(findings.obstacle(), None);
}
