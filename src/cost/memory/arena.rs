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

/// A buffer at its offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The buffer.
    pub buffer: Lifetime,
    /// Offset in the arena, a multiple of the alignment.
    pub offset: u64,
}

/// How a plan was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planner {
    /// Largest buffer first, each at the lowest place where it fits.
    GreedyBySize,
    /// Largest buffer first, each in the smallest gap where it fits.
    BestFitBySize,
    /// In order of first use, each in the smallest gap where it fits.
    BestFitInOrder,
}

impl Planner {
    const ALL: [Planner; 3] = [Planner::GreedyBySize, Planner::BestFitBySize, Planner::BestFitInOrder];

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Planner::GreedyBySize => "greedy by size",
            Planner::BestFitBySize => "best fit by size",
            Planner::BestFitInOrder => "best fit in order of use",
        }
    }
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
    /// The planner whose plan was the smallest.
    pub planner: Planner,
}

/// Assigns offsets by each [`Planner`] and keeps the smallest plan, the first of them on a tie.
///
/// Among equal buffers ties go to the earlier and then to the first given, so the plan depends on the list only. `None`
/// if sizes add up to more than 2⁶⁴. Source: "greedy by size" of Pisarchyk and Lee, Efficient memory management for deep
/// neural net inference, 2020; as TensorFlow Lite Micro's planner does, offsets are real and peak is what a linker would see.
pub fn plan_arena(buffers: &[Lifetime], align: u64) -> Option<ArenaPlan> {
    let spans = Spans::new(buffers.iter().map(|b| (b.first, b.last)).collect());
    let bytes: Vec<u64> = buffers.iter().map(|b| b.bytes).collect();
    let offsets = spans.plan(&bytes, align)?;
    let place = |(buffer, offset): (&Lifetime, u64)| Placement { buffer: buffer.clone(), offset };
    Some(ArenaPlan {
        placements: buffers.iter().zip(offsets.offsets).map(place).collect(),
        bytes: offsets.bytes,
        lower_bound: offsets.lower_bound,
        planner: offsets.planner,
    })
}

/// Who lives beside whom: planned many times with other sizes.
#[derive(Debug, Clone)]
pub struct Spans {
    first: Vec<usize>,
    /// For each buffer, the others alive at the same time.
    neighbours: Vec<Vec<usize>>,
    /// For each buffer, those alive when it starts, itself included.
    alive_at_start: Vec<Vec<usize>>,
}

/// Offsets of one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offsets {
    pub offsets: Vec<u64>,
    pub bytes: u64,
    pub lower_bound: u64,
    pub planner: Planner,
}

impl Spans {
    /// First and last call of each buffer, both included.
    pub fn new(spans: Vec<(usize, usize)>) -> Self {
        let meets = |&(a, b): &(usize, usize), &(c, d): &(usize, usize)| a <= d && c <= b;
        let others = |i: usize| (0..spans.len()).filter(|&j| j != i && meets(&spans[i], &spans[j])).collect();
        let alive = |i: usize| {
            let start = spans[i].0;
            (0..spans.len()).filter(|&j| spans[j].0 <= start && start <= spans[j].1).collect()
        };
        Spans {
            neighbours: (0..spans.len()).map(others).collect(),
            alive_at_start: (0..spans.len()).map(alive).collect(),
            first: spans.into_iter().map(|s| s.0).collect(),
        }
    }

    /// The smallest plan for these sizes; `None` beyond 2⁶⁴ bytes.
    pub fn plan(&self, bytes: &[u64], align: u64) -> Option<Offsets> {
        let align = align.max(1);
        let sizes: Vec<u64> = bytes.iter().map(|b| b.checked_next_multiple_of(align)).collect::<Option<_>>()?;
        sizes.iter().try_fold(0u64, |sum, &size| sum.checked_add(size))?;
        let live = |alive: &Vec<usize>| alive.iter().map(|&i| sizes[i]).sum();
        let lower_bound = self.alive_at_start.iter().map(live).max().unwrap_or(0);
        let mut best: Option<Offsets> = None;
        for planner in Planner::ALL {
            let plan = self.place(&sizes, planner, lower_bound);
            if best.as_ref().is_none_or(|b| plan.bytes < b.bytes) {
                best = Some(plan);
            }
            if best.as_ref().is_some_and(|b| b.bytes == lower_bound) {
                break;
            }
        }
        best
    }

    /// Sizes are multiples of the alignment, so that offsets are too.
    fn place(&self, sizes: &[u64], planner: Planner, lower_bound: u64) -> Offsets {
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        match planner {
            Planner::BestFitInOrder => order.sort_by_key(|&i| (self.first[i], std::cmp::Reverse(sizes[i]), i)),
            _ => order.sort_by_key(|&i| (std::cmp::Reverse(sizes[i]), self.first[i], i)),
        }
        let mut offsets: Vec<Option<u64>> = vec![None; sizes.len()];
        let mut taken: Vec<(u64, u64)> = Vec::new();
        let mut end = 0;
        for &index in &order {
            taken.clear();
            let placed = self.neighbours[index].iter().filter(|&&other| sizes[other] > 0);
            taken.extend(placed.filter_map(|&other| offsets[other].map(|at| (at, at + sizes[other]))));
            taken.sort_unstable();
            let at = gap(&taken, sizes[index], planner);
            offsets[index] = Some(at);
            end = end.max(at + sizes[index]);
        }
        let offsets = offsets.into_iter().map(Option::unwrap_or_default).collect();
        Offsets { offsets, bytes: end, lower_bound, planner }
    }
}

/// The lowest, or the smallest, gap between the sorted `taken` that holds `size` bytes; else on top of them all.
fn gap(taken: &[(u64, u64)], size: u64, planner: Planner) -> u64 {
    let mut top = 0;
    let mut smallest: Option<(u64, u64)> = None;
    for &(from, to) in taken {
        if from >= top + size {
            let width = from - top;
            if planner == Planner::GreedyBySize {
                return top;
            }
            if smallest.is_none_or(|(least, _)| width < least) {
                smallest = Some((width, top));
            }
        }
        top = top.max(to);
    }
    smallest.map_or(top, |(_, at)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meets(a: &Lifetime, b: &Lifetime) -> bool {
        a.first <= b.last && b.first <= a.last
    }

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
    fn the_better_planner_is_kept() {
        // By size, the two of 48 go below the one of 40 and leave a hole that nothing fills; in order of use nothing is lost.
        let list = [buffer("a", 40, 0, 1), buffer("b", 48, 1, 2), buffer("c", 16, 2, 3), buffer("d", 48, 3, 3)];
        let plan = plan_arena(&list, 8).expect("small");
        let spans = Spans::new(list.iter().map(|b| (b.first, b.last)).collect());
        let sizes: Vec<u64> = list.iter().map(|b| b.bytes).collect();
        let each: Vec<u64> = Planner::ALL.iter().map(|&p| spans.place(&sizes, p, 0).bytes).collect();
        assert_eq!(Some(&plan.bytes), each.iter().min(), "{each:?}");
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
                    prop_assert!(apart || empty || !meets(&a.buffer, &b.buffer), "{:?} {:?}", a, b);
                }
            }
            let sum: u64 = buffers.iter().map(|b| b.bytes.next_multiple_of(align)).sum();
            prop_assert!(plan.lower_bound <= plan.bytes && plan.bytes <= sum);
        }
    }
}
