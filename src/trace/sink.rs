//! Who listens to kernel calls.

use super::KernelCall;

/// Receives kernel calls in the order a device would run them.
pub trait Sink {
    /// Takes one call. Implementations must not reorder.
    fn record(&mut self, call: KernelCall);

    /// `false` lets an emitter skip building calls that nobody reads.
    fn listening(&self) -> bool {
        true
    }
}

/// A sink that forgets everything, for runs that only need results.
#[derive(Debug, Default, Clone, Copy)]
pub struct NullSink;

impl Sink for NullSink {
    fn record(&mut self, _call: KernelCall) {}

    fn listening(&self) -> bool {
        false
    }
}

/// A sink that keeps the calls in order and merges equal neighbours into one call with a larger `times`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CallLog {
    calls: Vec<KernelCall>,
}

impl CallLog {
    /// The calls so far, oldest first.
    pub fn calls(&self) -> &[KernelCall] {
        &self.calls
    }

    /// Gives the list away.
    pub fn into_calls(self) -> Vec<KernelCall> {
        self.calls
    }
}

impl Sink for CallLog {
    fn record(&mut self, call: KernelCall) {
        if let Some(last) = self.calls.last_mut()
            && last.same_work(&call)
        {
            last.times += call.times;
            return;
        }
        self.calls.push(call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Op, Phase};

    #[test]
    fn equal_neighbours_merge_and_others_keep_their_order() {
        let mut log = CallLog::default();
        for site in ["a", "a", "b", "a"] {
            log.record(KernelCall::new(Op::Softmax, Phase::HeadForward, site));
        }
        let seen: Vec<_> = log.calls().iter().map(|c| (c.site.as_str(), c.times)).collect();
        assert_eq!(seen, [("a", 2), ("b", 1), ("a", 1)]);
    }
}
