//! What is shown: the selection options of the command line. A filter narrows the output and never
//! what enters the table.
//!
//! Pure: it looks at model values and knows no time.

mod selection;

pub use selection::{Facts, On, Selection};
