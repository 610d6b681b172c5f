//! numpy's legacy random permutation, so that published class orders and pixel permutations can be drawn again from their seeds.

const N: usize = 624;
const M: usize = 397;

/// The Mersenne Twister MT19937 as `numpy.random.RandomState(seed)` seeds and steps it (Matsumoto and Nishimura 1998).
struct Twister {
    state: [u32; N],
    at: usize,
}

impl Twister {
    fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for i in 1..N {
            let before = state[i - 1];
            let place = u32::try_from(i).expect("624 fits");
            state[i] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(place);
        }
        Self { state, at: N }
    }

    fn next(&mut self) -> u32 {
        if self.at == N {
            for i in 0..N {
                let joined = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + M) % N] ^ (joined >> 1) ^ odd;
            }
            self.at = 0;
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// A number in `0..=most`: bits up to the highest of `most`, drawn again until they fit.
    fn up_to(&mut self, most: u32) -> u32 {
        let mask = u32::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let draw = self.next() & mask;
            if draw <= most {
                return draw;
            }
        }
    }
}

/// `numpy.random.RandomState(seed).permutation(n)`, and what `shuffle` makes of `arange(n)`; n below 2³².
pub fn permutation(n: usize, seed: u32) -> Vec<usize> {
    permutations(1, n, seed).remove(0)
}

/// So many permutations, drawn one after the other from one `RandomState(seed)`.
pub fn permutations(count: usize, n: usize, seed: u32) -> Vec<Vec<usize>> {
    let mut twister = Twister::new(seed);
    let mut one = || {
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            let other = twister.up_to(u32::try_from(last).unwrap_or(u32::MAX));
            order.swap(last, usize::try_from(other).expect("a place in the list"));
        }
        order
    };
    (0..count).map(|_| one()).collect()
}

#[cfg(test)]
mod tests {
    use super::permutation;

    /// Printed by numpy 2: `numpy.random.RandomState(seed).permutation(n)`.
    #[test]
    fn permutations_equal_numpys() {
        assert_eq!(permutation(10, 42), [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
        assert_eq!(permutation(100, 1993)[..8], [68, 56, 78, 8, 23, 84, 90, 65]);
        let pixels = permutation(784, 0);
        let sum: usize = pixels.iter().enumerate().map(|(i, p)| i * p).sum();
        assert_eq!((&pixels[..6], sum), (&PIXELS_0.0[..], PIXELS_0.1));
        assert_eq!(permutation(1, 7), [0]);
        assert_eq!(permutation(0, 7), Vec::<usize>::new());
    }

    /// First six of `RandomState(0).permutation(784)` and Σ i·p.
    const PIXELS_0: ([usize; 6], usize) = ([693, 85, 647, 392, 765, 14], 119_958_478);
}
