//! What is shown: the selection options of the command line, and the filter language of `ss`. A
//! filter narrows the output and never what enters the table.
//!
//! Pure: it looks at model values and knows no time; names are looked up by whoever calls
//! ([`lookup`]).

pub mod expr;
pub mod lookup;
pub mod prefilter;
mod selection;
pub mod view;

pub use expr::Expr;
pub use lookup::{Context, Lookup};
pub use prefilter::Prefilter;
pub use selection::{Facts, On, Selection};
pub use view::{Verdict, View};
