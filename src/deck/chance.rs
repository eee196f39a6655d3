//! Chance with a seed: the same seed gives the same deck, byte for byte, on every machine. SplitMix64; not for secrets.

/// A stream of numbers that look drawn by lot.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// One stream for each purpose: the seed of the deck and what the stream is for.
    pub fn of(seed: u64, purpose: &str, number: u64) -> Chance {
        let mut chance = Chance(seed ^ 0x9e37_79b9_7f4a_7c15);
        for byte in purpose.bytes() {
            chance.0 ^= u64::from(byte);
            chance.draw();
        }
        chance.0 ^= number.wrapping_mul(0xd6e8_feb8_6659_fd93);
        chance.draw();
        chance
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// 0 to `limit - 1`; 0 for a limit of 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.draw() % limit }
    }

    /// Both ends included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as u64) as i64
    }

    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// 0 up to 1, 1 left out.
    pub fn unit(&mut self) -> f32 {
        (self.draw() >> 40) as f32 / 16_777_216.0
    }

    /// -1 to 1, more often near 0.
    pub fn spread(&mut self) -> f32 {
        self.unit() + self.unit() - 1.0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// So many digits; the first is not 0.
    pub fn digits(&mut self, count: usize) -> String {
        (0..count).map(|n| char::from(b'0' + if n == 0 { 1 + self.below(9) } else { self.below(10) } as u8)).collect()
    }
}
