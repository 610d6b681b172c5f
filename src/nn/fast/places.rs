//! A place in memory for every map, reused once its last reader has run.

use super::plan::{Draft, Instruction, Operand, Program};
use super::tail::Post;
use crate::nn::{GraphSpec, Info, Kind, Source, TensorType};

/// Gives the maps of all instructions their places.
pub(super) fn assign(
    spec: &GraphSpec,
    infos: &[Info],
    readers: &[usize],
    drafts: Vec<Draft>,
    features: Source,
) -> Program {
    let last = spec.nodes.len() - 1;
    let mut places = Places {
        slots: Vec::new(),
        owners: Vec::new(),
        free: Vec::new(),
        of: vec![None; spec.nodes.len()],
        last_use: last_uses(&drafts, spec.nodes.len(), features),
    };
    let mut instructions = Vec::with_capacity(drafts.len());
    for (i, draft) in drafts.into_iter().enumerate() {
        let wanted =
            readers[draft.instruction.node] > draft.signs.len() && !draft.signs.contains(&draft.instruction.node);
        instructions.push(places.place(i, draft, wanted, infos));
        places.release(i);
    }
    let (output, features) = (places.operand(Source::Node(last)), places.operand(features));
    Program { instructions, slots: places.slots, output, features }
}

/// The last instruction that reads each node; its own where nobody does, never an end for what the caller reads.
fn last_uses(drafts: &[Draft], nodes: usize, features: Source) -> Vec<usize> {
    let mut last_use = vec![0; nodes];
    for (i, draft) in drafts.iter().enumerate() {
        last_use[draft.instruction.node] = i;
        draft.signs.iter().for_each(|n| last_use[*n] = i);
        for source in draft.inputs.iter().chain(&draft.added) {
            if let Source::Node(n) = source {
                last_use[*n] = i;
            }
        }
    }
    for source in [features, Source::Node(nodes - 1)] {
        if let Source::Node(n) = source {
            last_use[n] = usize::MAX;
        }
    }
    last_use
}

struct Places {
    slots: Vec<TensorType>,
    /// Nodes whose maps lie in each place now.
    owners: Vec<Vec<usize>>,
    free: Vec<usize>,
    of: Vec<Option<usize>>,
    last_use: Vec<usize>,
}

impl Places {
    fn operand(&self, source: Source) -> Operand {
        match source {
            Source::Image => Operand::Image,
            Source::Node(n) => Operand::Slot(self.of[n].expect("inputs have places before their readers run")),
        }
    }

    fn place(&mut self, i: usize, draft: Draft, wanted: bool, infos: &[Info]) -> Instruction {
        let Draft { mut instruction, inputs, added, signs } = draft;
        instruction.inputs = inputs.iter().map(|s| self.operand(*s)).collect();
        let operands: Vec<Operand> = added.iter().map(|s| self.operand(*s)).collect();
        let mut left = operands.iter();
        for post in &mut instruction.posts {
            if let Post::Add(operand) = post {
                *operand = *left.next().expect("one operand for each sum");
            }
        }
        let ty = infos[instruction.node].ty;
        if wanted {
            let in_place = match (instruction.posts.first(), operands.first()) {
                (Some(Post::Add(_)), Some(Operand::Slot(slot))) => {
                    let read_elsewhere =
                        instruction.inputs.contains(&operands[0]) || operands[1..].contains(&operands[0]);
                    (!read_elsewhere && self.slots[*slot] == ty && self.dies(*slot, i)).then_some(*slot)
                }
                _ => None,
            };
            if in_place.is_some() {
                instruction.posts[0] = Post::AddInPlace;
            }
            let slot = in_place.unwrap_or_else(|| self.take(ty));
            self.own(slot, instruction.node);
            instruction.out = Some(slot);
        }
        if !signs.is_empty() {
            let slot = self.take(TensorType::new(ty.shape, Kind::Bits { planes: 1 }));
            signs.iter().for_each(|n| self.own(slot, *n));
            instruction.signs = Some(slot);
        }
        instruction
    }

    fn take(&mut self, ty: TensorType) -> usize {
        if let Some(i) = self.free.iter().position(|slot| self.slots[*slot] == ty) {
            return self.free.swap_remove(i);
        }
        self.slots.push(ty);
        self.owners.push(Vec::new());
        self.slots.len() - 1
    }

    fn own(&mut self, slot: usize, node: usize) {
        self.owners[slot].push(node);
        self.of[node] = Some(slot);
    }

    fn dies(&self, slot: usize, i: usize) -> bool {
        self.owners[slot].iter().all(|n| self.last_use[*n] <= i)
    }

    /// Frees the places whose maps nobody reads after instruction `i`.
    fn release(&mut self, i: usize) {
        for slot in 0..self.slots.len() {
            if !self.owners[slot].is_empty() && self.dies(slot, i) {
                self.owners[slot].clear();
                self.free.push(slot);
            }
        }
    }
}
