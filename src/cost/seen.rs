//! What the calls of a point cost, so that a call like one before it is looked up: networks repeat their blocks.

use super::memory::N_SLOTS;
use super::table::Cost;

/// Calls back that are looked at: a repeated block has fewer kinds of calls.
const N_BACK: usize = 16;

/// What a call's cost depends on within one point, beside its class.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// The call's dimensions as they are stored.
    pub sizes: &'a [(String, u64)],
    /// Bytes of its buffers by kind.
    pub bytes: [u64; N_SLOTS],
    /// How often it runs.
    pub times: u64,
}

/// Costs of the calls of one point that differ.
#[derive(Debug, Default)]
pub struct Seen {
    calls: Vec<SeenCall>,
    /// Dimensions of one call after the other.
    sizes: Vec<u64>,
}

#[derive(Debug)]
struct SeenCall {
    class: usize,
    times: u64,
    bytes: [u64; N_SLOTS],
    first_size: usize,
    cost: Cost,
}

impl Seen {
    /// Forgets everything: another point is another neighbourhood.
    pub fn clear(&mut self) {
        self.calls.clear();
        self.sizes.clear();
    }

    /// The cost of an equal call of the same class, which fixes operation, element types and names of dimensions.
    pub fn find(&self, class: usize, shape: &Shape) -> Option<Cost> {
        let is_equal = |seen: &&SeenCall| {
            seen.class == class
                && seen.times == shape.times
                && seen.bytes == shape.bytes
                && self.sizes[seen.first_size..].iter().zip(shape.sizes).all(|(seen, (_, size))| seen == size)
        };
        self.calls.iter().rev().take(N_BACK).find(is_equal).map(|seen| seen.cost)
    }

    /// Keeps a cost.
    pub fn push(&mut self, class: usize, shape: &Shape, cost: Cost) {
        let first_size = self.sizes.len();
        self.sizes.extend(shape.sizes.iter().map(|(_, size)| size));
        self.calls.push(SeenCall { class, times: shape.times, bytes: shape.bytes, first_size, cost });
    }
}
