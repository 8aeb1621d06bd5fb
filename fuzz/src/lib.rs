//! What the fuzz targets share: how an input is cut into pieces.
//!
//! No byte of an input steers its target: a file is what would come from outside, so that any
//! file of anybody can be a seed, and a crash file can be sent to the gateway as it is.

/// The ends of the pieces in which `data` is handed on, in several ways: whole, byte by byte, and
/// twice at random. The same data is always cut the same way.
#[must_use]
pub fn cuts(data: &[u8]) -> Vec<Vec<usize>> {
    let mut random = fastrand::Rng::with_seed(hash(data));
    let mut ways = vec![vec![data.len()], (1..=data.len()).collect()];
    for longest in [8, 1 + data.len() / 2] {
        let mut ends = Vec::new();
        let mut end = 0;
        while end < data.len() {
            end = (end + random.usize(1..=longest)).min(data.len());
            ends.push(end);
        }
        ways.push(ends);
    }
    ways
}

/// A number that differs for different data (FNV-1a).
#[must_use]
pub fn hash(data: &[u8]) -> u64 {
    data.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
