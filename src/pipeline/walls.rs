//! What a helper that opens images may ask the kernel for (seccomp, Linux): memory, time, chance, its pipes, and to end. Anything
//! else ends it at once: opening, connecting, starting a process or a thread, making memory executable. Rules are an
//! allow-list, so what a later kernel adds is shut. Elsewhere there is no such filter, and who asks for one hears why.

/// Raises the walls around this thread, for good; there must be no other. `Err` says in plain words why there are none.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub fn raise() -> Result<(), String> {
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        TargetArch, apply_filter,
    };

    const FREE: [i64; 19] = [
        // The pipes, which are the only descriptors.
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        // Memory.
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        // Locks, time, chance.
        libc::SYS_futex,
        libc::SYS_clock_gettime,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_sched_yield,
        // Signals to itself, and the end.
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    /// Memory, if it is not to be executed: the third argument says.
    const UNLESS_EXECUTABLE: [i64; 2] = [libc::SYS_mmap, libc::SYS_mprotect];

    let plain = |error: seccompiler::BackendError| error.to_string();
    let executable = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
    let condition = SeccompCondition::new(2, SeccompCmpArgLen::Dword, executable, 0).map_err(plain)?;
    let rule = SeccompRule::new(vec![condition]).map_err(plain)?;
    let free = FREE.into_iter().map(|call| (call, Vec::new()));
    let rules = free.chain(UNLESS_EXECUTABLE.into_iter().map(|call| (call, vec![rule.clone()])));
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(plain)?;
    let filter =
        SeccompFilter::new(rules.collect(), SeccompAction::KillProcess, SeccompAction::Allow, arch).map_err(plain)?;
    let program = BpfProgram::try_from(filter).map_err(plain)?;
    apply_filter(&program).map_err(|error| format!("the kernel did not take it ({error})"))
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))))]
pub fn raise() -> Result<(), String> {
    Err("there is none for this system".into())
}
