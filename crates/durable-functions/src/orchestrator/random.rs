//! Random numbers that are the same at every replay.

use std::convert::Infallible;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _, TryRng};
use uuid::Uuid;

/// A generator of random numbers that gives the same ones at every replay: what
/// [`OrchestrationContext::rng`](crate::OrchestrationContext::rng) gives.
///
/// It implements the traits of `rand_core` 0.10, so everything in the `rand` crate works with it.
/// It is not for secrets: whoever knows the instance's ids can compute its numbers.
#[derive(Clone, Debug)]
pub struct OrchestrationRng(ChaCha8Rng);

impl OrchestrationRng {
    /// The seed is made of what no replay changes: instance, run and how many generators there
    /// were before.
    pub(super) fn new(instance_id: &str, execution_id: &str, number: u32) -> Self {
        let name = format!("{execution_id}\n{number}\n{instance_id}");
        let first = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        let second = Uuid::new_v5(&first, name.as_bytes());
        let mut seed = [0; 32];
        for (to, from) in seed
            .iter_mut()
            .zip(first.as_bytes().iter().chain(second.as_bytes()))
        {
            *to = *from;
        }
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// A number of 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number of 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 0 up to, but without, `end`, each as likely as the others; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // the first numbers of the last, incomplete round would be likelier
        let odd = u64::MAX.checked_rem(end).map_or(0, |rest| (rest + 1) % end);
        loop {
            let number = self.next_u64();
            if number <= u64::MAX - odd {
                return number.checked_rem(end).unwrap_or(0);
            }
        }
    }

    /// A number from 0 up to, but without, 1.
    pub fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl TryRng for OrchestrationRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of running instances must not change with a release.
    #[test]
    fn numbers_are_frozen() {
        let mut rng = OrchestrationRng::new("i", "e", 0);
        let first = [rng.next_u64(), rng.next_u64()];
        let mut again = OrchestrationRng::new("i", "e", 0);
        assert_eq!([again.next_u64(), again.next_u64()], first);
        assert_eq!(
            first,
            [6_083_537_980_759_174_563, 3_508_041_444_561_000_943]
        );
        for other in [
            OrchestrationRng::new("i", "e", 1),
            OrchestrationRng::new("i", "f", 0),
            OrchestrationRng::new("j", "e", 0),
        ] {
            assert_ne!(other.clone().next_u64(), first[0]);
        }
    }

    #[test]
    fn numbers_stay_below_the_end() {
        let mut rng = OrchestrationRng::new("i", "e", 0);
        let mut seen = [0; 6];
        for _ in 0..6_000 {
            seen[usize::try_from(rng.below(6)).unwrap()] += 1;
        }
        assert!(
            seen.iter().all(|count| (800..1_200).contains(count)),
            "{seen:?}"
        );
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
        assert!((0..1_000).all(|_| (0.0..1.0).contains(&rng.next_f64())));
    }
}
