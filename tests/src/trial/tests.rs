//! Which trials are run again.

use std::cell::Cell;

use super::*;

/// A timer of a TIME-WAIT, and one that is nobody's business here.
const END: &str = " a-1 [001] ..s.. 24377.300000: timer_expire_entry: timer=00000000e3e6 function=tw_timer_handler now=4296 baseclk=4296";
const OTHER: &str = " a-1 [001] ..s.. 24377.300001: timer_expire_entry: timer=00000000e3e7 function=process_timeout now=4296 baseclk=4296";

/// How often a trial is run that ends so, `withheld` being the trace of each run; and how it ends.
fn runs(ends: &[Result<(), &'static str>], withheld: &[&str]) -> (usize, Result<()>) {
    let (begun, looks) = (Cell::new(0), Cell::new(0));
    let run = || {
        let end = ends[begun.replace(begun.get() + 1)];
        end.map_err(anyhow::Error::msg)
    };
    let look = || {
        // Before each run there is something, too, which is nothing to that run.
        let before = looks.replace(looks.get() + 1) % 2 == 0;
        Withheld::read(if before {
            END
        } else {
            withheld[begun.get() - 1]
        })
    };
    let end = judged("a trial", run, look);
    (begun.get(), end)
}

#[test]
fn only_what_was_withheld_is_a_reason_to_run_again() {
    let failed = Err("no line");
    for (ends, withheld, times) in [
        (&[Ok(())][..], &[END][..], 1),
        (&[failed], &[""], 1),
        (&[failed], &[OTHER], 1),
        (&[failed, Ok(())], &[END, ""], 2),
        (&[failed, failed], &[END, OTHER], 2),
        (&[failed, failed, Ok(())], &[END, END, ""], 3),
        (&[failed, failed, failed], &[END, END, END], 3),
    ] {
        let (run, end) = runs(ends, withheld);
        assert_eq!(run, times, "{ends:?} {withheld:?}");
        assert_eq!(
            end.is_ok(),
            ends[times - 1].is_ok(),
            "{ends:?} {withheld:?}"
        );
    }
}

#[test]
fn the_failure_that_stands_is_the_last() {
    let (_, end) = runs(&[Err("first"), Err("second")], &[END, ""]);
    assert_eq!(end.unwrap_err().to_string(), "second");
}

#[test]
fn what_sockwatch_has_no_part_in_is_not_explained() {
    let withheld = Withheld::read(END);
    for error in [
        NotHere("needs another kernel").into(),
        NotMade("the network drops segments".to_owned()).into(),
    ] {
        assert!(!is_explained(&error, &withheld), "{error}");
    }
    assert!(is_explained(&anyhow::Error::msg("no line"), &withheld));
}
