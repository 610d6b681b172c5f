//! Board profiles: what a board's core, memories and power cost, every number with its source.
//!
//! A profile is a TOML file in `hw_profiles/`; it names a core, whose table of instruction classes is in
//! `hw_profiles/cores/`. Each number carries `value`, `kind` (measured, vendor, model or assumed), `source`, and `low`
//! and `high` where it is uncertain, so that a prediction can say what it rests on. This room knows nothing of kernels,
//! networks or predictions; only [`load`] reads files.
//!
//! Flow: text → raw TOML → checked [`Profile`], or an error with file, line, column, key and the way out.
//!
//! ```
//! let board = tinyprec::profile::load("stm32l4r5")?;
//! assert_eq!(board.core.core, "cortex-m4");
//! assert_eq!(board.clock_mhz.value, 120.0);
//! assert!(tinyprec::profile::load("stm32l4r6").unwrap_err().to_string().contains("built in are stm32l4r5"));
//! # Ok::<(), tinyprec::profile::ProfileError>(())
//! ```

mod board;
mod builtin;
mod check;
mod core;
mod error;
mod isa;
mod load;
mod locate;
mod numbers;
mod overrides;
mod quantity;
mod raw;
mod rewrite;
mod source;

pub use board::{CacheLevel, Flash, Path, Power, Profile, Ram, Supply};
pub use builtin::{board_names, board_text, core_names, core_text};
pub use check::Finding;
pub use core::{
    BranchTimes, ClassKey, CoreNumber, CoreTable, Pairing, Pipeline, RuleRow, RuleSum, ScoreRow, Scoreboard, Spacing,
    Ticks, UnitUse,
};
pub use error::{Problem, ProfileError};
pub use isa::{Class, Operand, Width};
pub use load::{base_name, builtin, load};
pub use locate::Place;
pub use quantity::{End, Kind, Quantity};
