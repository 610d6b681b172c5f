use super::*;
use proptest::prelude::*;

proptest! {
    /// The 64-bit short cut is the exact requantisation.
    #[test]
    fn product_equals_requantise_single(
        x in -(1i64 << 33)..(1i64 << 33), mantissa in (1u32 << 30)..(1 << 31), exponent in -40i32..34,
        mode in 0usize..5,
    ) {
        let mode = Rounding::ALL[mode];
        let factor = Scale::from_parts(mantissa, exponent).unwrap();
        let mut rounder = Rounder::new(mode, 0, 0);
        let expected = crate::numeric::requantise_single(x, factor, &mut rounder);
        prop_assert_eq!(product(x, factor, &mut rounder), expected);
    }
}
