//! Kernel tests: the built program on this machine's kernel. Each has a network namespace of its
//! own; what a user may not do, or a kernel can not, shows as ignored.
//!
//! The same program plays the other side of a connection where that has to be another process.

use std::process::ExitCode;

use libtest_mimic::Trial;
use sockwatch_tests::{role, trial};

/// One trial for each function, named after it.
macro_rules! trials {
    ($($name:ident),+ $(,)?) => {
        vec![$(sockwatch_tests::trial::kernel(
            concat!(module_path!(), "::", stringify!($name)),
            $name,
        )),+]
    };
}

#[path = "kernel/addresses.rs"]
mod addresses;
#[path = "kernel/both.rs"]
mod both;
#[path = "kernel/container.rs"]
mod container;
#[path = "kernel/exact.rs"]
mod exact;
#[path = "kernel/existing.rs"]
mod existing;
#[path = "kernel/failed.rs"]
mod failed;
#[path = "kernel/filter.rs"]
mod filter;
#[path = "kernel/flood.rs"]
mod flood;
#[path = "kernel/holders.rs"]
mod holders;
#[path = "kernel/hooks.rs"]
mod hooks;
#[path = "kernel/kill.rs"]
mod kill;
#[path = "kernel/life_connect.rs"]
mod life_connect;
#[path = "kernel/life_fin_wait.rs"]
mod life_fin_wait;
#[path = "kernel/life_half_open.rs"]
mod life_half_open;
#[path = "kernel/life_modes.rs"]
mod life_modes;
#[path = "kernel/life_owner.rs"]
mod life_owner;
#[path = "kernel/life_time_wait.rs"]
mod life_time_wait;
#[path = "kernel/like_ss.rs"]
mod like_ss;
#[path = "kernel/like_ss_inet.rs"]
mod like_ss_inet;
#[path = "kernel/like_ss_others.rs"]
mod like_ss_others;
#[path = "kernel/looks.rs"]
mod looks;
#[path = "kernel/loss.rs"]
mod loss;
#[path = "kernel/lost_ends.rs"]
mod lost_ends;
#[path = "kernel/mptcp.rs"]
mod mptcp;
#[path = "kernel/oracle.rs"]
mod oracle;
#[path = "kernel/orderly.rs"]
mod orderly;
#[path = "kernel/owners.rs"]
mod owners;
#[path = "kernel/run.rs"]
mod run;
#[path = "kernel/selection.rs"]
mod selection;
#[path = "kernel/severed.rs"]
mod severed;
#[path = "kernel/summary.rs"]
mod summary;
#[path = "kernel/text.rs"]
mod text;
#[path = "kernel/tutorials.rs"]
mod tutorials;
#[path = "kernel/users.rs"]
mod users;

fn main() -> ExitCode {
    if let Some(played) = role::play() {
        return played;
    }
    let modules: &[fn() -> Vec<Trial>] = &[
        addresses::trials,
        container::trials,
        exact::trials,
        existing::trials,
        failed::trials,
        filter::trials,
        flood::trials,
        holders::trials,
        hooks::trials,
        kill::trials,
        life_connect::trials,
        life_fin_wait::trials,
        life_half_open::trials,
        life_modes::trials,
        life_owner::trials,
        life_time_wait::trials,
        like_ss::trials,
        like_ss_inet::trials,
        like_ss_others::trials,
        looks::trials,
        loss::trials,
        lost_ends::trials,
        mptcp::trials,
        oracle::trials,
        orderly::trials,
        owners::trials,
        run::trials,
        selection::trials,
        severed::trials,
        summary::trials,
        text::trials,
        tutorials::trials,
        users::trials,
    ];
    trial::run(modules.iter().flat_map(|trials| trials()).collect())
}
