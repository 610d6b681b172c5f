//! Rounding to whole numbers in a few additions: a call of the C library's `floor` costs more than the rest of a term.

/// Above it the spacing of `f64` is 1: adding it rounds to a whole number.
const SPACING_OF_ONE: f64 = 4_503_599_627_370_496.0;

/// As [`f64::floor`].
pub fn floor(x: f64) -> f64 {
    -ceil(-x)
}

/// As [`f64::ceil`].
pub fn ceil(x: f64) -> f64 {
    if x.abs() >= SPACING_OF_ONE / 2.0 || x.is_nan() {
        return x.ceil();
    }
    // Ties to even may land below x, never more than a half.
    let near = if x < 0.0 { (x - SPACING_OF_ONE) + SPACING_OF_ONE } else { (x + SPACING_OF_ONE) - SPACING_OF_ONE };
    if near < x { near + 1.0 } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_equal_the_librarys(bits in any::<u64>(), n in -1_000_000i32..1_000_000, eighths in 0u8..8) {
            for x in [f64::from_bits(bits), f64::from(n), f64::from(n) + f64::from(eighths) / 8.0] {
                if x.is_nan() {
                    prop_assert!(ceil(x).is_nan() && floor(x).is_nan());
                } else {
                    prop_assert_eq!((ceil(x), floor(x)), (x.ceil(), x.floor()));
                }
            }
        }
    }
}
