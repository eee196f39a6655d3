//! The widest registers that the processor has (AVX2 on nearly every machine of the last ten years), found while the program
//! runs. The compiler lays sums that stand side by side into them; each sum keeps its order, so the readings are the same.

pub use pulp::NullaryFnOnce as Work;

/// Does the work with all that the processor can. `call` and what it calls must be `inline(always)` to take part.
#[inline(always)]
pub fn wide<W: Work>(work: W) -> W::Output {
    pulp::Arch::new().dispatch(work)
}
