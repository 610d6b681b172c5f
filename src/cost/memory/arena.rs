//! Offsets for buffers that live for a while: no two live at the same time overlap.

/// A buffer and the calls between which it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifetime {
    /// Name.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// First call that uses it.
    pub first: usize,
    /// Last call that uses it; it is live in both.
    pub last: usize,
}

impl Lifetime {
    fn meets(&self, other: &Lifetime) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// A buffer at its offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The buffer.
    pub buffer: Lifetime,
    /// Offset in the arena, a multiple of the alignment.
    pub offset: u64,
}

/// Where every buffer lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArenaPlan {
    /// In the order of the buffers given.
    pub placements: Vec<Placement>,
    /// Size of the arena.
    pub bytes: u64,
    /// No plan can be smaller: the largest sum of buffers alive at once, each rounded up to the alignment.
    pub lower_bound: u64,
}

/// Assigns offsets greedily: largest buffer first, each at the lowest aligned offset where it meets no other live buffer.
///
/// Ties go to the earlier and then to the first given buffer, so the plan depends on the list only. `None` if sizes add
/// up to more than 2⁶⁴. Source: "greedy by size" of Pisarchyk and Lee, Efficient memory management for deep neural net
/// inference, 2020; as TensorFlow Lite Micro's planner does, offsets are real and peak is what a linker would see.
pub fn plan_arena(buffers: &[Lifetime], align: u64) -> Option<ArenaPlan> {
    let align = align.max(1);
    let mut order: Vec<usize> = (0..buffers.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(buffers[i].bytes), buffers[i].first, i));
    let mut offsets: Vec<Option<u64>> = vec![None; buffers.len()];
    let mut end = 0u64;
    for &index in &order {
        let buffer = &buffers[index];
        let mut taken: Vec<(u64, u64)> = Vec::new();
        for (other, offset) in buffers.iter().zip(&offsets) {
            if let Some(offset) = offset.filter(|_| other.bytes > 0 && buffer.meets(other)) {
                taken.push((offset, offset.checked_add(other.bytes)?));
            }
        }
        taken.sort_unstable();
        let mut at = 0u64;
        for (from, to) in taken {
            if from >= at.checked_add(buffer.bytes)? {
                break;
            }
            at = at.max(to.checked_next_multiple_of(align)?);
        }
        offsets[index] = Some(at);
        end = end.max(at.checked_add(buffer.bytes)?);
    }
    let placements = buffers
        .iter()
        .zip(offsets)
        .map(|(buffer, offset)| Placement { buffer: buffer.clone(), offset: offset.unwrap_or(0) })
        .collect();
    Some(ArenaPlan {
        placements,
        bytes: end.checked_next_multiple_of(align)?,
        lower_bound: lower_bound(buffers, align)?,
    })
}

/// Largest sum of live bytes over all calls; only a call where a buffer starts can hold the maximum.
fn lower_bound(buffers: &[Lifetime], align: u64) -> Option<u64> {
    let mut largest = 0u64;
    for start in buffers {
        let live = buffers.iter().filter(|b| b.first <= start.first && start.first <= b.last);
        let mut sum = 0u64;
        for buffer in live {
            sum = sum.checked_add(buffer.bytes.checked_next_multiple_of(align)?)?;
        }
        largest = largest.max(sum);
    }
    Some(largest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn buffer(name: &str, bytes: u64, first: usize, last: usize) -> Lifetime {
        Lifetime { name: name.to_owned(), bytes, first, last }
    }

    #[test]
    fn two_halves_of_a_chain_share_their_bytes() {
        // a → b → c: a and b meet, b and c meet, a and c do not.
        let plan =
            plan_arena(&[buffer("a", 100, 0, 1), buffer("b", 60, 1, 2), buffer("c", 90, 2, 3)], 8).expect("small");
        let offsets: Vec<u64> = plan.placements.iter().map(|p| p.offset).collect();
        assert_eq!(offsets, [0, 104, 0]);
        assert_eq!(plan.bytes, 168);
        assert_eq!(plan.lower_bound, 104 + 64);
    }

    #[test]
    fn a_gap_between_two_buffers_is_used() {
        let plan = plan_arena(
            &[buffer("wide", 64, 0, 0), buffer("top", 48, 0, 2), buffer("small", 16, 1, 1), buffer("fits", 40, 1, 2)],
            8,
        )
        .expect("small");
        assert_eq!(plan.placements[1].offset, 64);
        assert_eq!(plan.placements[3].offset, 0, "below `top`, where `wide` was");
        assert_eq!(plan.placements[2].offset, 40);
        assert_eq!(plan.bytes, 112);
    }

    #[test]
    fn sizes_beyond_64_bits_are_refused() {
        assert_eq!(plan_arena(&[buffer("a", u64::MAX - 3, 0, 0), buffer("b", 9, 0, 0)], 8), None);
    }

    proptest! {
        #[test]
        fn live_buffers_never_overlap_and_no_plan_is_below_its_bound(
            list in prop::collection::vec((0u64..500, 0usize..20, 0usize..8), 0..40),
            shift in 0u32..7,
        ) {
            let align = 1u64 << shift;
            let buffers: Vec<Lifetime> =
                list.iter().map(|&(bytes, first, len)| buffer("b", bytes, first, first + len)).collect();
            let plan = plan_arena(&buffers, align).expect("small");
            for (i, a) in plan.placements.iter().enumerate() {
                prop_assert_eq!(a.offset % align, 0);
                prop_assert!(a.offset + a.buffer.bytes <= plan.bytes);
                for b in &plan.placements[..i] {
                    let apart = a.offset + a.buffer.bytes <= b.offset || b.offset + b.buffer.bytes <= a.offset;
                    let empty = a.buffer.bytes == 0 || b.buffer.bytes == 0;
                    prop_assert!(apart || empty || !a.buffer.meets(&b.buffer), "{:?} {:?}", a, b);
                }
            }
            let sum: u64 = buffers.iter().map(|b| b.bytes.next_multiple_of(align)).sum();
            prop_assert!(plan.lower_bound <= plan.bytes && plan.bytes <= sum);
        }
    }
}
