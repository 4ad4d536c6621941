//! What is kept in memory of instances and entities that nobody works on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What one takes besides its texts, roughly, in bytes.
const OVERHEAD: usize = 512;

/// The states that were used last, up to a number of bytes in all.
#[derive(Debug)]
pub(super) struct Idle<S> {
    by_id: HashMap<Arc<str>, Kept<S>>,
    /// The ids in the order of use.
    order: BTreeMap<u64, Arc<str>>,
    next: u64,
    bytes: usize,
    limit: usize,
}

#[derive(Debug)]
struct Kept<S> {
    state: S,
    size: usize,
    place: u64,
}

impl<S> Idle<S> {
    /// Keeps so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            by_id: HashMap::new(),
            order: BTreeMap::new(),
            next: 0,
            bytes: 0,
            limit,
        }
    }

    /// Keeps a state of so many bytes, and lets go of those that were not used for longest.
    pub(super) fn keep(&mut self, id: &Arc<str>, state: S, size: usize) {
        drop(self.take(id));
        let size = size.saturating_add(OVERHEAD);
        if size > self.limit {
            return;
        }
        let place = self.next;
        self.next += 1;
        self.order.insert(place, Arc::clone(id));
        self.by_id
            .insert(Arc::clone(id), Kept { state, size, place });
        self.bytes += size;
        while self.bytes > self.limit {
            let Some((_, oldest)) = self.order.first_key_value() else {
                return;
            };
            let oldest = Arc::clone(oldest);
            drop(self.take(&oldest));
        }
    }

    /// Takes a state out.
    pub(super) fn take(&mut self, id: &str) -> Option<S> {
        let kept = self.by_id.remove(id)?;
        self.order.remove(&kept.place);
        self.bytes -= kept.size;
        Some(kept.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Arc<str> {
        number.to_string().into()
    }

    #[test]
    fn those_that_were_not_used_for_longest_go() {
        let size = 1_000;
        let mut idle = Idle::new(3 * (size + OVERHEAD));
        for number in 0..3 {
            idle.keep(&id(number), number, size);
        }
        // Used again: now 1 is the oldest.
        let zero = idle.take("0").unwrap();
        idle.keep(&id(0), zero, size);
        idle.keep(&id(3), 3, size);
        assert_eq!(idle.take("1"), None);
        assert_eq!(
            [idle.take("0"), idle.take("2"), idle.take("3")],
            [Some(0), Some(2), Some(3)]
        );
        assert_eq!((idle.bytes, idle.order.len()), (0, 0));
    }

    #[test]
    fn a_large_one_makes_room_for_itself_and_too_large_a_one_is_not_kept() {
        let limit = 10 * OVERHEAD;
        let mut idle = Idle::new(limit);
        for number in 0..9 {
            idle.keep(&id(number), number, 0);
        }
        idle.keep(&id(9), 9, limit);
        assert_eq!((idle.take("9"), idle.by_id.len()), (None, 9));
        idle.keep(&id(0), 10, limit - 2 * OVERHEAD);
        assert_eq!(
            (idle.take("0"), idle.take("7"), idle.take("8")),
            (Some(10), None, Some(8))
        );
        assert_eq!((idle.bytes, idle.order.len()), (0, 0));
    }
}
