//! A kernel test as a trial of libtest-mimic.

use std::{error::Error, fmt, process::ExitCode};

use anyhow::Result;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::{netns::Netns, privilege};

/// What a kernel test does, in a namespace of its own.
pub type Body = fn(&Netns) -> Result<()>;

/// The trial of a test.
pub fn kernel(name: &str, body: Body) -> Trial {
    Trial::ignorable_test(name, move || complete(body))
}

/// Runs the trials that the command line asks for, one at a time whatever it says: a process that is
/// being started holds a copy of every descriptor until its exec, so a socket that another test
/// closes at that moment would be closed later, and by that process.
pub fn run(trials: Vec<Trial>) -> ExitCode {
    let arguments = Arguments {
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn complete(body: Body) -> Result<Completion, Failed> {
    if let Some(missing) = privilege::missing() {
        return Ok(Completion::ignored_with(missing));
    }
    match Netns::run(body) {
        Ok(()) => Ok(Completion::Completed),
        Err(error) => match error.downcast_ref::<NotHere>() {
            Some(NotHere(why)) => Ok(Completion::ignored_with(why)),
            None => Err(Failed::from(format!("{error:#}"))),
        },
    }
}

/// What a test needs is not to be had on this machine, and why: it shows as ignored.
#[derive(Debug)]
pub struct NotHere(pub &'static str);

impl fmt::Display for NotHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for NotHere {}
