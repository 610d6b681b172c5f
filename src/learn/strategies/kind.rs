//! The list of strategies, their parameters and defaults.

use super::super::{BiasPolicy, CwrStar, Head, HeadConfig, Joint, LearnError, SlotFormat, SlotName, Strategy};
use super::anchored::Anchored;
use super::ar1::Ar1Star;
use super::distilled::Distilled;
use super::lda::StreamingLda;
use super::means::NearestMean;
use super::replay::Replay;
use std::fmt;
use std::str::FromStr;

/// How the importance of a weight is taken after an experience, and what becomes of earlier ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Importance {
    /// EWC, one anchor and importance for each experience (S7).
    Separate,
    /// EWC, one anchor; importance = decay · old + new (S8).
    Online {
        /// Share of the old importance that stays.
        decay: f64,
    },
    /// MAS; importance = alpha · old + (1 − alpha) · new (S9).
    Sensitivity {
        /// Share of the old importance that stays.
        alpha: f64,
    },
}

/// How a replayed latent is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredLatent {
    /// As the head's `features` slot holds it.
    Features,
    /// One bit a feature: its sign; read back as ± the mean magnitude of the first experience's features (S13).
    OneBit,
}

/// Which samples an experience trains on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainOn {
    /// Its own.
    Own,
    /// All that have arrived.
    SoFar,
    /// The first experience everything, later ones nothing.
    AllAtOnce,
}

/// A strategy and its parameters; the text form is its name with default parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StrategyKind {
    /// CWR*: consolidated rows, weight of the past √(past / current) (S1).
    CwrStar,
    /// CWR+: rows start at zero, running mean over experiences (S2).
    CwrPlus,
    /// SGD on each experience, nothing kept (S3).
    Naive,
    /// All data at once: the upper bound (S4).
    Joint,
    /// All data so far at each experience (S5).
    Cumulative,
    /// Learning without forgetting (S6).
    Lwf {
        /// Weight of the distillation.
        alpha: f64,
        /// Temperature.
        temperature: f64,
    },
    /// A quadratic pull to earlier weights: EWC or MAS (S7–S9).
    Anchored {
        /// Weight of the penalty.
        lambda: f64,
        /// Which importance.
        importance: Importance,
    },
    /// Streaming linear discriminant analysis (S10).
    Slda {
        /// Shrinkage ε of the covariance towards the identity.
        shrinkage: f64,
    },
    /// Nearest class mean (S11).
    NearestMean,
    /// SGD on new samples and stored ones (S12, S13).
    Replay {
        /// Latents that the buffer holds.
        buffer: usize,
        /// Replayed samples of a minibatch.
        per_step: usize,
        /// How they are stored.
        stored: StoredLatent,
        /// A quota for each class seen instead of one reservoir.
        balanced: bool,
    },
    /// AR1*: CWR* above a binary layer that learns straight through under synaptic intelligence (S14).
    Ar1Star {
        /// Weight of the penalty.
        lambda: f64,
        /// Learning rate of the layer as a share of the head's.
        layer_rate: f64,
    },
}

impl StrategyKind {
    /// Names in experiment files.
    pub const NAMES: [&'static str; 13] = [
        "cwr-star",
        "cwr-plus",
        "naive",
        "joint",
        "cumulative",
        "lwf",
        "ewc",
        "ewc-online",
        "mas",
        "slda",
        "nearest-mean",
        "replay",
        "ar1-star",
    ];

    /// The name in experiment files and records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CwrStar => "cwr-star",
            Self::CwrPlus => "cwr-plus",
            Self::Naive => "naive",
            Self::Joint => "joint",
            Self::Cumulative => "cumulative",
            Self::Lwf { .. } => "lwf",
            Self::Anchored { importance: Importance::Separate, .. } => "ewc",
            Self::Anchored { importance: Importance::Online { .. }, .. } => "ewc-online",
            Self::Anchored { importance: Importance::Sensitivity { .. }, .. } => "mas",
            Self::Slda { .. } => "slda",
            Self::NearestMean => "nearest-mean",
            Self::Replay { .. } => "replay",
            Self::Ar1Star { .. } => "ar1-star",
        }
    }

    /// Which samples its experiences train on.
    pub fn train_on(&self) -> TrainOn {
        match self {
            Self::Cumulative => TrainOn::SoFar,
            Self::Joint => TrainOn::AllAtOnce,
            _ => TrainOn::Own,
        }
    }

    /// One pass over the data is all that it takes.
    pub fn single_pass(&self) -> bool {
        matches!(self, Self::Slda { .. } | Self::NearestMean)
    }

    /// Checks the parameters; the error names the one at fault.
    pub fn validate(&self) -> Result<(), LearnError> {
        let check = |name, value: f64, ok: bool, allowed| {
            if ok { Ok(()) } else { Err(LearnError::HyperParameter { name, value, allowed }) }
        };
        let share = |x: f64| (0.0..=1.0).contains(&x);
        match *self {
            Self::Lwf { alpha, temperature } => {
                check("alpha", alpha, alpha.is_finite() && alpha >= 0.0, "0 or a positive number")?;
                check("temperature", temperature, temperature.is_finite() && temperature > 0.0, "a positive number")
            }
            Self::Anchored { lambda, importance } => {
                check("lambda", lambda, lambda.is_finite() && lambda >= 0.0, "0 or a positive number")?;
                match importance {
                    Importance::Separate => Ok(()),
                    Importance::Online { decay } => check("decay", decay, share(decay), "from 0 to 1"),
                    Importance::Sensitivity { alpha } => check("alpha", alpha, share(alpha), "from 0 to 1"),
                }
            }
            Self::Slda { shrinkage } => {
                check("shrinkage", shrinkage, shrinkage > 0.0 && shrinkage <= 1.0, "above 0 to 1")
            }
            Self::Ar1Star { lambda, layer_rate } => {
                check("lambda", lambda, lambda.is_finite() && lambda >= 0.0, "0 or a positive number")?;
                check("layer_rate", layer_rate, layer_rate > 0.0 && layer_rate <= 1000.0, "above 0 to 1000")
            }
            Self::Replay { buffer, per_step, .. } => {
                check("buffer", buffer as f64, (1..=10_000_000).contains(&buffer), "from 1 to 10000000")?;
                check("replayed", per_step as f64, (1..=60_000).contains(&per_step), "from 1 to 60000")
            }
            _ => Ok(()),
        }
    }

    /// The head as this strategy needs it: room for replayed samples, a 32-bit bias for scores with an offset.
    pub fn head_config(&self, config: &HeadConfig) -> HeadConfig {
        let mut own = config.clone();
        match self {
            Self::Replay { per_step, .. } => own.batch += per_step,
            Self::Slda { .. } | Self::NearestMean => {
                own.bias = BiasPolicy::AsTrained;
                let slot = own.precision.slot_mut(SlotName::Bias);
                if slot.number().is_some_and(|f| f.is_integer()) {
                    slot.format = OFFSET.parse::<SlotFormat>().unwrap_or(slot.format);
                }
            }
            _ => {}
        }
        own
    }

    /// The strategy with nothing learnt.
    ///
    /// Errors as [`Head::new`] and [`Self::validate`].
    pub fn build(
        &self,
        config: &HeadConfig,
        classes: usize,
        features: usize,
        seed: u64,
    ) -> Result<Box<dyn Strategy>, LearnError> {
        self.validate()?;
        let head = Head::new(self.head_config(config), classes, features, seed)?;
        Ok(match *self {
            Self::CwrStar => Box::new(CwrStar::of(head, false)),
            Self::CwrPlus => Box::new(CwrStar::of(head, true)),
            Self::Naive | Self::Joint | Self::Cumulative => Box::new(Joint::of(head)),
            Self::Lwf { alpha, temperature } => Box::new(Distilled::new(head, alpha, temperature)?),
            Self::Anchored { lambda, importance } => Box::new(Anchored::new(head, lambda, importance)?),
            Self::Slda { shrinkage } => Box::new(StreamingLda::new(head, shrinkage)),
            Self::NearestMean => Box::new(NearestMean::new(head)),
            Self::Replay { buffer, per_step, stored, balanced } => {
                Box::new(Replay::new(head, (buffer, per_step), stored, balanced, seed))
            }
            Self::Ar1Star { lambda, layer_rate } => {
                let rate = layer_rate * config.learning_rate;
                Box::new(Ar1Star::new(head, lambda, rate)?)
            }
        })
    }
}

/// Format of the offsets of linear scores: 32 bits, as every integer inference engine keeps a bias.
const OFFSET: &str = "int32:static(-256,256)";

impl fmt::Display for StrategyKind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

impl FromStr for StrategyKind {
    type Err = LearnError;

    fn from_str(text: &str) -> Result<Self, LearnError> {
        let anchored = |lambda, importance| Self::Anchored { lambda, importance };
        Ok(match text {
            "cwr-star" => Self::CwrStar,
            "cwr-plus" => Self::CwrPlus,
            "naive" => Self::Naive,
            "joint" => Self::Joint,
            "cumulative" => Self::Cumulative,
            "lwf" => Self::Lwf { alpha: 1.0, temperature: 2.0 },
            "ewc" => anchored(100.0, Importance::Separate),
            "ewc-online" => anchored(100.0, Importance::Online { decay: 1.0 }),
            "mas" => anchored(1.0, Importance::Sensitivity { alpha: 0.5 }),
            "slda" => Self::Slda { shrinkage: 1e-4 },
            "nearest-mean" => Self::NearestMean,
            "ar1-star" => Self::Ar1Star { lambda: 100.0, layer_rate: 0.1 },
            "replay" => Self::Replay { buffer: 300, per_step: 32, stored: StoredLatent::OneBit, balanced: true },
            other => {
                return Err(LearnError::UnknownStrategy { name: other.to_owned(), allowed: Self::NAMES.join(", ") });
            }
        })
    }
}
