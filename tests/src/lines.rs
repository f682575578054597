//! Lines of a pipe, read as fast as they come by a thread of their own: whoever writes them never
//! waits for a test.

use std::{
    io::{BufRead as _, BufReader, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use anyhow::{Result, bail};

use crate::PATIENCE;

/// The lines that have come and have not been taken yet.
pub struct Lines {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<Vec<u8>>,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: Option<Vec<u8>>) {
        let mut state = self.lock();
        match line {
            Some(line) => state.lines.push(line),
            None => state.ended = true,
        }
        self.changed.notify_all();
    }
}

/// What [`Lines::take`] found.
pub enum Taken {
    /// At least one line, without the newline.
    Lines(Vec<Vec<u8>>),
    /// All lines have been taken and no more will come.
    Ended,
    /// Nothing came before the deadline.
    Late,
}

impl Lines {
    /// Begins to read.
    pub fn read(from: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let filled = Arc::clone(&shared);
        thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n') {
                let Ok(line) = line else { break };
                filled.push(Some(line));
            }
            filled.push(None);
        });
        Self { shared }
    }

    /// All lines until the writer ends.
    ///
    /// # Errors
    /// Those of `each`; and when the writer goes on for longer than [`PATIENCE`].
    pub fn take_rest(&self, mut each: impl FnMut(Vec<Vec<u8>>) -> Result<()>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.take(deadline) {
                Taken::Lines(lines) => each(lines)?,
                Taken::Ended => return Ok(()),
                Taken::Late => bail!("the output does not end"),
            }
        }
    }

    /// The lines that have come since the last call; waits for one if there is none.
    pub fn take(&self, deadline: Instant) -> Taken {
        let state = self.shared.lock();
        let left = deadline.saturating_duration_since(Instant::now());
        let waiting = |state: &mut State| state.lines.is_empty() && !state.ended;
        let waited = self.shared.changed.wait_timeout_while(state, left, waiting);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match (state.lines.is_empty(), state.ended) {
            (false, _) => Taken::Lines(std::mem::take(&mut state.lines)),
            (true, true) => Taken::Ended,
            (true, false) => Taken::Late,
        }
    }
}
