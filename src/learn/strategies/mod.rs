//! Every way of learning a stream over the frozen backbone, all on one quantised [`Head`](super::Head).
//!
//! `docs/strategies.md` numbers the formulas (S1 …). A strategy is chosen by a [`StrategyKind`], which builds it, says which
//! samples each experience trains on, and lists its kernel calls from shapes alone.
//!
//! Flow: experiment file → [`StrategyKind`] → [`StrategyKind::build`] → [`Strategy`](super::Strategy).
//!
//! ```
//! use tinyprec::learn::*;
//! let kind: StrategyKind = "ewc".parse()?;
//! let config = HeadConfig::new(Precision::preset("hybrid-16")?, 0.1);
//! let strategy = kind.build(&config, 10, 512, 1)?;
//! // 2 bytes of master, 1 of the forward copy and 2 of consolidated weights; an anchor and an importance more after each experience.
//! assert_eq!(strategy.state_bytes(), (2 + 1 + 2) * 10 * 512);
//! # Ok::<(), LearnError>(())
//! ```

mod anchored;
mod ar1;
mod calls;
mod calls_layer;
mod distilled;
mod kind;
mod layer;
mod lda;
mod means;
mod pull;
mod replay;

pub use calls::Moment;
pub use kind::{Importance, StoredLatent, StrategyKind, TrainOn};
