//! Processes of this host: who holds a lease or an unfinished file, and whether it still runs.

/// The host's name, fit for file names; empty where it cannot be told.
pub(super) fn host() -> String {
    let name =
        std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let name = name.unwrap_or_default();
    name.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// Is this the number of a process of this host that does not run any more? Our own number under another name belongs to
/// an earlier life of it (in containers numbers begin at 1): the caller has told its own names apart before.
pub(super) fn is_gone(its_host: &str, process: &str) -> bool {
    let Ok(number) = process.parse::<i32>() else { return false };
    its_host == host()
        && (number as u32 == std::process::id()
            || rustix::process::Pid::from_raw(number)
                .is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH)))
}
