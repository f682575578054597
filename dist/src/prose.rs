//! What manual pages say besides the options: short, and where the whole of it is.

/// A section of a page.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) blocks: &'static [Block],
}

/// A piece of a section. What stands between backquotes is bold.
#[derive(Clone, Copy)]
pub(crate) enum Block {
    Text(&'static str),
    /// A word, and what it means.
    Item(&'static str, &'static str),
    /// What is wanted, and the line to type, as it is.
    Example(&'static str, &'static str),
}

use Block::{Example, Item, Text};

/// The sections before and behind the options of a page.
pub(crate) struct Prose {
    pub(crate) before: &'static [Section],
    pub(crate) behind: &'static [Section],
}

/// What is said of a command.
pub(crate) fn of(command: &str) -> &'static Prose {
    match command {
        "list" => &LIST,
        "doctor" => &DOCTOR,
        _ => &SOCKWATCH,
    }
}

/// Whether one of the pages has a section of this title; other titles are headings of options.
pub(crate) fn is_title(title: &str) -> bool {
    let pages = [&SOCKWATCH, &LIST, &DOCTOR];
    let mut sections = pages
        .into_iter()
        .flat_map(|prose| prose.before.iter().chain(prose.behind));
    title == "COMMANDS" || sections.any(|section| section.title == title.trim_matches('"'))
}

const SOCKWATCH: Prose = Prose {
    before: &[Section {
        title: "DESCRIPTION",
        blocks: &[
            Text(
                "Prints every TCP state change of the machine as it happens, in every network \
                 namespace: once each, with how long the state lasted, which process owns the \
                 socket, and why it was closed. Options and filter words are those of ss(8).",
            ),
            Text(
                "`sockwatch list` prints the sockets that there are now. `sockwatch doctor` says \
                 what this kernel and this user can do.",
            ),
        ],
    }],
    behind: &[
        FILTER,
        Section {
            title: "OUTPUT FORMATS",
            blocks: &[Text(
                "Text is for people and may change. JSON lines (`--json`) have a version, `v`, \
                 within which keys are only added; docs/events-jsonl.md describes each, and \
                 sockwatch/schema has a JSON Schema. Data goes to standard output, everything else \
                 to standard error.",
            )],
        },
        Section {
            title: "CAPABILITIES",
            blocks: &[Text(
                "Root has them all. For others: CAP_BPF, CAP_PERFMON and CAP_SYSLOG, as by \
                 `setcap cap_bpf,cap_perfmon,cap_syslog+ep` `FILE`.",
            )],
        },
        EXIT_STATUS,
        Section {
            title: "ENVIRONMENT",
            blocks: &[
                Item(
                    "`NO_COLOR`",
                    "If set and not empty, no colours, unless `--color=always`.",
                ),
                Item("`TZ`", "The time zone of the times in text. JSON has UTC."),
            ],
        },
        Section {
            title: "EXAMPLES",
            blocks: &[
                Example(
                    "Every change, addresses and ports as numbers:",
                    "sockwatch -n",
                ),
                Example(
                    "Every SYN sent over IPv4, and what became of it:",
                    "sockwatch -t4 state syn-sent",
                ),
                Example(
                    "Connections to web servers:",
                    "sockwatch dst :443 or dst :80",
                ),
                Example("Who is refused, and where:", "sockwatch cause = refused"),
                Example(
                    "Connects that took longer than 100 ms:",
                    "sockwatch --on leave state syn-sent 'dwell > 100ms'",
                ),
                Example(
                    "What nginx does, but for its health checks:",
                    "sockwatch comm = nginx not dst 10.0.0.7:8080",
                ),
                Example(
                    "First what exists already, with its owners:",
                    "sockwatch --snapshot -p",
                ),
                Example(
                    "JSON lines, for five seconds, to a file:",
                    "sockwatch --json --duration 5 --output tcp.jsonl",
                ),
            ],
        },
        Section {
            title: "SEE ALSO",
            blocks: &[Text(
                "`sockwatch-list`(1), `sockwatch-doctor`(1), `ss`(8), `tcp`(7), `capabilities`(7)",
            )],
        },
    ],
};

const LIST: Prose = Prose {
    before: &[Section {
        title: "DESCRIPTION",
        blocks: &[
            Text(
                "Prints the sockets that there are, with the options, the filter language and the \
                 columns of ss(8), or as JSON lines. Without options: sockets of every table that \
                 are connected; `-a` adds all others, `-l` shows those that listen.",
            ),
            Text(
                "docs/coming-from-ss.md goes through the options of ss one by one, and tells the \
                 differences.",
            ),
        ],
    }],
    behind: &[
        FILTER,
        Section {
            title: "EXIT STATUS",
            blocks: &[
                Item("`0`", "Everything asked for was printed, be it nothing."),
                Item(
                    "`1`",
                    "Runtime error; or a table or family that an option names could not be read, \
                     and the rest was printed.",
                ),
                Item("`2`", "The options or the filter make no sense."),
                Item("`3`", "Not permitted, or not supported here."),
            ],
        },
        Section {
            title: "ENVIRONMENT",
            blocks: &[Item(
                "`COLUMNS`",
                "The width over which columns are spread, instead of the terminal's.",
            )],
        },
        Section {
            title: "EXAMPLES",
            blocks: &[
                Example("All TCP sockets:", "sockwatch list -tan"),
                Example("What listens, on TCP and UDP:", "sockwatch list -tuln"),
                Example(
                    "ssh, in both directions:",
                    "sockwatch list -tn '( sport = :ssh or dport = :ssh )'",
                ),
                Example(
                    "All TCP sockets with their timers, numbers and holders:",
                    "sockwatch list -tanoip",
                ),
                Example("How many there are of each kind:", "sockwatch list -s"),
                Example(
                    "Close what is connected to a peer:",
                    "sockwatch list -K dst 192.0.2.7",
                ),
                Example(
                    "Who waits for an answer to a SYN:",
                    "sockwatch list -t state syn-sent",
                ),
                Example(
                    "The unix sockets below /run, as JSON:",
                    "sockwatch list -xa --json src '/run/*'",
                ),
                Example(
                    "Sockets of one container, and of one process:",
                    "sockwatch list -tan container 3f2a9c or pid = 4242",
                ),
            ],
        },
        Section {
            title: "SEE ALSO",
            blocks: &[Text(
                "`sockwatch`(1), `sockwatch-doctor`(1), `ss`(8), `sock_diag`(7)",
            )],
        },
    ],
};

const DOCTOR: Prose = Prose {
    before: &[Section {
        title: "DESCRIPTION",
        blocks: &[Text(
            "Tries everything that sockwatch can do on this machine and prints a line for each, \
             with the cure for each no. docs/requirements.md says what each version of the kernel \
             and each capability adds.",
        )],
    }],
    behind: &[
        Section {
            title: "EXIT STATUS",
            blocks: &[
                Item("`0`", "The live trace works."),
                Item("`3`", "It does not."),
            ],
        },
        Section {
            title: "SEE ALSO",
            blocks: &[Text(
                "`sockwatch`(1), `sockwatch-list`(1), `capabilities`(7)",
            )],
        },
    ],
};

const FILTER: Section = Section {
    title: "FILTER",
    blocks: &[
        Text(
            "States first, then one expression; quoted or not, among the options or behind them. \
             Signs and parentheses are words of their own.",
        ),
        Item(
            "`state` STATE, `exclude` STATE",
            "established, syn-sent, syn-recv, fin-wait-1, fin-wait-2, time-wait, closed, \
             close-wait, last-ack, listening, closing, bound-inactive; and all, connected, \
             synchronized, bucket, big.",
        ),
        Item(
            "`src` HOST, `dst` HOST",
            "An address, a prefix, a host name or a pattern of unix names, with a port behind a \
             colon, or the port alone.",
        ),
        Item(
            "`sport` PORT, `dport` PORT",
            "A port, several (:80,443) or a range (:8000-8099), behind = != < <= > >= or nothing.",
        ),
        Item(
            "`dev` DEVICE, `fwmark` MARK/MASK, `cgroup` PATH, `autobound`",
            "What the socket is bound to, its mark, where it was created (^PATH: there and below), \
             and whether the kernel chose its port.",
        ),
        Item(
            "`pid` `comm` `uid` `user` `netns` `container` `dwell` `age` `rtt` `retrans` `cause`",
            "Words that ss does not have.",
        ),
        Item(
            "`and` `or` `not` `(` `)`",
            "From left to right; and and or have the same precedence, as in ss.",
        ),
        Text("docs/filter.md has the whole language."),
    ],
};

const EXIT_STATUS: Section = Section {
    title: "EXIT STATUS",
    blocks: &[
        Item(
            "`0`",
            "The trace ended as it was asked to, or its reader went away.",
        ),
        Item("`1`", "Runtime error."),
        Item("`2`", "The options or the filter make no sense."),
        Item("`3`", "Not permitted, or not supported here."),
    ],
};

#[cfg(test)]
mod tests {
    use sockwatch_tests::command_line::words;

    use super::*;

    #[test]
    fn examples_are_command_lines() {
        let pages = [&SOCKWATCH, &LIST, &DOCTOR];
        let sections = pages.into_iter().flat_map(|prose| prose.behind);
        let mut tried = 0;
        for block in sections.flat_map(|section| section.blocks) {
            if let Example(_, line) = block {
                let parsed = sockwatch::app::command().try_get_matches_from(words(line));
                assert!(parsed.is_ok(), "{line}: {parsed:?}");
                tried += 1;
            }
        }
        assert!(tried > 10);
    }
}
