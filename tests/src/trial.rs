//! A kernel test as a trial of libtest-mimic.

use std::{
    error::Error,
    fmt,
    sync::{PoisonError, RwLock},
};

use anyhow::Result;
use libtest_mimic::{Completion, Failed, Trial};

use crate::{netns::Netns, privilege};

/// What a kernel test does, in a namespace of its own.
pub type Body = fn(&Netns) -> Result<()>;

/// Ordinary trials share it, those that load or count the whole machine have it for themselves.
static MACHINE: RwLock<()> = RwLock::new(());

/// A trial that minds only its own namespace.
pub fn shared(name: &str, body: Body) -> Trial {
    Trial::ignorable_test(name, move || {
        let _others_may_run = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
        complete(body)
    })
}

/// A trial beside which no other runs.
pub fn alone(name: &str, body: Body) -> Trial {
    Trial::ignorable_test(name, move || {
        let _nobody_else_runs = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
        complete(body)
    })
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
