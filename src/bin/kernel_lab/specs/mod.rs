//! Every C twin: the operation it carries out, what its trip counts may be made of, and its cases.

mod bits;

use crate::cases::Spec;

/// All twins, in the order of the kernel files.
pub fn all() -> Vec<Spec> {
    bits::specs()
}
