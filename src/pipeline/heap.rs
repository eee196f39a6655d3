//! The heap of a process that reads images for hours. Each thread of glibc has a heap of its own, which learns from the first
//! large image to keep every later one: memory then grows with the pages read. That is said in the environment only, and
//! heard only at the start of a program, so the program starts itself once more. Elsewhere it changes nothing.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// What is larger goes back to the system at once; so does what is free at the end of a heap.
pub const SETTINGS: [(&str, &str); 2] = [("MALLOC_MMAP_THRESHOLD_", "524288"), ("MALLOC_TRIM_THRESHOLD_", "1048576")];

/// Starts this program again with a bounded heap, unless it runs with one or someone chose otherwise. Where that cannot be
/// done the work goes on as it is.
pub fn bounded() {
    if SETTINGS.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        let words = std::env::args_os().skip(1);
        let refused = Command::new(program).args(words).envs(SETTINGS).exec();
        tracing::debug!(%refused, "the heap stays as it is");
    }
}
