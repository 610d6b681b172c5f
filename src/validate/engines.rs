//! What an engine whose kernels are not published makes of a kernel set, by family of layers.
//!
//! Engines do not speed up every layer alike: one closed engine takes half of CMSIS-NN's cycles in full
//! convolutions and all of them in dense layers, whose weights are read once. So a factor stands for a family, not for a program.
//!
//! ```
//! use tinyprec::validate::{Efficiency, Family};
//!
//! assert_eq!(Family::of("depthwise"), Family::Separable);
//! assert_eq!(Efficiency::ONE.of(Family::Dense).mid, 1.0);
//! ```

use crate::cost::Range;

/// Layers that software speeds up alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Dense layers: each weight is read once.
    Dense,
    /// Full convolutions, and what runs between layers.
    Convolution,
    /// Depthwise and pointwise convolutions.
    Separable,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 3] = [Family::Dense, Family::Convolution, Family::Separable];

    /// Family of a kind of layer, as [`super::Prediction::kind`] names it.
    pub fn of(kind: &str) -> Family {
        match kind {
            "dense" => Family::Dense,
            "depthwise" | "pointwise" => Family::Separable,
            _ => Family::Convolution,
        }
    }

    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Family::Dense => "dense",
            Family::Convolution => "convolution",
            Family::Separable => "separable",
        }
    }
}

/// Cycles of a software over those of the kernel set that stands for it, by family; positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Efficiency {
    /// Dense layers.
    pub dense: Range,
    /// Full convolutions and the rest.
    pub convolution: Range,
    /// Depthwise and pointwise convolutions.
    pub separable: Range,
}

impl Efficiency {
    /// Software whose structure is open: the kernels are its own.
    pub const ONE: Efficiency =
        Efficiency { dense: Range::exact(1.0), convolution: Range::exact(1.0), separable: Range::exact(1.0) };

    /// The factor of a family.
    pub fn of(&self, family: Family) -> Range {
        match family {
            Family::Dense => self.dense,
            Family::Convolution => self.convolution,
            Family::Separable => self.separable,
        }
    }

    /// From the cycles of MLPerf Tiny's networks over those of microTVM with CMSIS-NN: dense of the autoencoder, convolutions of
    /// ResNet-8, separable of the geometric mean of DS-CNN and MobileNetV1. 95 % within the two networks, widened by a
    /// quarter: another core, one network a family.
    pub(super) fn of_networks([autoencoder, resnet, ds_cnn, mobilenet]: [f64; 4]) -> Efficiency {
        let about = |low: f64, mid: f64, high: f64| Range { low: low / 1.25, mid, high: high * 1.25 };
        Efficiency {
            dense: about(autoencoder, autoencoder, autoencoder),
            convolution: about(resnet, resnet, resnet),
            separable: about(ds_cnn.min(mobilenet), (ds_cnn * mobilenet).sqrt(), ds_cnn.max(mobilenet)),
        }
    }
}
