//! What is shown: the selection options of the command line, and the filter language of `ss`. A
//! filter narrows the output and never what enters the table.
//!
//! Pure: it looks at model values and knows no time; names are looked up by whoever calls
//! ([`lookup`]).

pub mod bytecode;
mod container;
pub mod error;
mod eval;
pub mod expr;
mod glob;
mod lex;
pub mod lookup;
mod needs;
pub mod parse;
mod ports;
pub mod prefilter;
#[cfg(test)]
pub(crate) mod samples;
mod selection;
mod states;
pub mod tables;
pub mod traced;
mod value;
pub mod view;
mod words;

pub use bytecode::Bytecode;
pub use error::{Diagnostic, FilterError, Severity};
pub use expr::Expr;
pub use lookup::{Context, Lookup};
pub use needs::Needs;
pub use parse::{Filter, FilterFile, Source, parse};
pub use prefilter::{Matter, Prefilter};
pub use selection::{Facts, On, Selection};
pub use tables::{Choice, Tables};
pub use traced::is_traced;
pub use view::{Verdict, View};
pub use words::vocabulary;
