//! The widest registers that the processor has (AVX2 on nearly every machine of the last ten years), found while the program
//! runs. The compiler lays sums that stand side by side into them; each sum keeps its order, so the readings are the same.

pub use pulp::NullaryFnOnce as Work;

/// Does the work with all that the processor can. `call` and what it calls must be `inline(always)` to take part.
#[inline(always)]
pub fn wide<W: Work>(work: W) -> W::Output {
    pulp::Arch::new().dispatch(work)
}

/// `widened!(fine = rough(a: &'w A, b: B) -> C)`: the function `fine` does what `rough`, which is `inline(always)`, does, in wide
/// registers. (A closure cannot be told to take part.)
macro_rules! widened {
    ($fine:ident = $rough:ident($($given:ident: $kind:ty),+) -> $out:ty) => {
        fn $fine<'w>($($given: $kind),+) -> $out {
            struct Call<'w> {
                $($given: $kind),+
            }
            impl<'w> $crate::imaging::wide::Work for Call<'w> {
                type Output = $out;

                #[inline(always)]
                fn call(self) -> $out {
                    $rough($(self.$given),+)
                }
            }
            $crate::imaging::wide::wide(Call { $($given),+ })
        }
    };
}
pub(crate) use widened;
