//! A kernel test as a trial of libtest-mimic.
//!
//! Some machines run no program in the kernel while a thread of process 1 is current, softirqs that
//! interrupt it included; of those events sockwatch can't know, and one state change in thousands is
//! among them. So a [`Witness`] follows process 1 in the kernel's own trace, and a trial that fails is
//! judged by what that shows. If it shows an event of sockets while the trial ran, the trial may have
//! failed for that alone: it says which event, and is run again, three times in all at most. If it
//! shows none, the failure stands.
//!
//! This is no retry: luck is no reason to run again, one that passes is never run twice, and what
//! fails because of sockwatch fails again as soon as process 1 keeps out of it. What the witness does
//! not tell: namespaces (so an event may be of another trial's socket, or of another program's), the
//! events of a thread that process 1 has begun during the trial, and whether this machine is of that
//! kind. A panic is not judged, nor what sockwatch has no part in ([`NotHere`], [`NotMade`]).

use std::{
    error::Error,
    fmt,
    process::ExitCode,
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

use anyhow::Result;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::{
    netns::Netns,
    privilege,
    witness::{Withheld, Witness},
};

#[cfg(test)]
mod tests;

/// How often a trial is run at most.
const RUNS: u32 = 3;

/// In whose context there may be no programs.
const INIT: u32 = 1;

/// There from the first trial to the last, where this machine lets it be.
static WITNESS: Mutex<Option<Witness>> = Mutex::new(None);

/// What a kernel test does, in a namespace of its own.
pub type Body = fn(&Netns) -> Result<()>;

/// The trial of a test.
pub fn kernel(name: &str, body: Body) -> Trial {
    let told = name.to_owned();
    Trial::ignorable_test(name, move || complete(&told, body))
}

/// Runs the trials that the command line asks for, one at a time whatever it says: a process that is
/// being started holds a copy of every descriptor until its exec, so a socket that another test
/// closes at that moment would be closed later, and by that process.
pub fn run(trials: Vec<Trial>) -> ExitCode {
    let arguments = Arguments {
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(lock().take());
    conclusion.exit_code()
}

fn complete(name: &str, body: Body) -> Result<Completion, Failed> {
    if let Some(missing) = privilege::missing() {
        return Ok(Completion::ignored_with(missing));
    }
    match judged(name, || Netns::run(body), look) {
        Ok(()) => Ok(Completion::Completed),
        Err(error) => match error.downcast_ref::<NotHere>() {
            Some(NotHere(why)) => Ok(Completion::ignored_with(why)),
            None => Err(Failed::from(format!("{error:#}"))),
        },
    }
}

/// Runs a trial, and again while that is justified. `look` tells what was withheld since the last
/// look.
fn judged(
    name: &str,
    mut run: impl FnMut() -> Result<()>,
    mut look: impl FnMut() -> Withheld,
) -> Result<()> {
    for number in 1.. {
        look();
        let Err(error) = run() else {
            break;
        };
        let withheld = look();
        if !is_explained(&error, &withheld) {
            return Err(error);
        }
        eprintln!(
            "\n{name}: run {number} of at most {RUNS} failed: {error:#}\n\
             Perhaps because programs were not told of this, while process {INIT} was current:\n\
             {withheld}"
        );
        if number == RUNS {
            return Err(error);
        }
        eprintln!("So it is run again.");
    }
    Ok(())
}

/// Whether a run may have failed with this error for what was withheld alone.
fn is_explained(error: &anyhow::Error, withheld: &Withheld) -> bool {
    !withheld.is_empty() && !error.is::<NotHere>() && !error.is::<NotMade>()
}

/// What was withheld since the last look; nothing where nobody can tell.
fn look() -> Withheld {
    static BEGIN: Once = Once::new();
    let mut witness = lock();
    let unknown = |error: anyhow::Error| {
        eprintln!("\nwhat is withheld from programs is not known: {error:#}");
    };
    BEGIN.call_once(|| *witness = Witness::of(INIT).map_err(unknown).ok());
    let seen = witness.as_mut().map(Witness::look).transpose();
    seen.map_err(unknown).ok().flatten().unwrap_or_default()
}

fn lock() -> MutexGuard<'static, Option<Witness>> {
    WITNESS.lock().unwrap_or_else(PoisonError::into_inner)
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

/// What sockwatch was to tell of did not come about, and why: sockwatch has no part in that.
#[derive(Debug)]
pub struct NotMade(pub String);

impl fmt::Display for NotMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for NotMade {}
