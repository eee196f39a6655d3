//! A Postgres cluster for the tests, from the machine's own binaries, in a private folder that goes with the test process.
//! Absent binaries skip the tests loudly, or fail them where `REMIT_REQUIRE_PG=1`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Set before the first database is asked for: the server flushes as in an office, for measurements.
pub static DURABLE: AtomicBool = AtomicBool::new(false);

struct Cluster {
    folder: PathBuf,
    /// Waits for the end of this process (its input closes), then stops the server and takes the folder away.
    _guard: Child,
}

/// The folder with `initdb` and `pg_ctl`: `REMIT_PG_BIN`, the search path, or where Debian puts them (newest first).
fn binaries() -> Option<PathBuf> {
    let whole = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    if let Some(folder) = std::env::var_os("REMIT_PG_BIN").map(PathBuf::from) {
        return Some(folder).filter(whole);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|list| list.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name).and_then(|v| v.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(version)
    });
    debian.into_iter().chain(std::env::split_paths(&path)).find(whole)
}

/// The servers refuse to run as root: the account to run as, when this is root.
fn other_account() -> Option<(u32, u32)> {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = text.lines().any(|line| line.split_whitespace().take(2).eq(["Uid:", "0"]));
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(name)).then_some(())?;
            let mut numbers = fields.skip(1).map(|n| n.parse().ok());
            Some((numbers.next()??, numbers.next()??))
        })
    };
    root.then(|| find("postgres").or_else(|| find("nobody")))?
}

fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_remove("PGDATA").env_remove("PGHOST").stdin(Stdio::null());
    if let Some((user, group)) = other_account() {
        std::os::unix::process::CommandExt::uid(&mut command, user);
        std::os::unix::process::CommandExt::gid(&mut command, group);
    }
    command
}

fn run(mut command: Command, log: &Path) {
    let file = File::options().create(true).append(true).open(log).unwrap();
    let status = command.stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
    assert!(status.success(), "{command:?}: {}", std::fs::read_to_string(log).unwrap_or_default());
}

fn start(binaries: &Path) -> Cluster {
    let folder = std::env::temp_dir().join(format!("remit-pg-{}", std::process::id()));
    assert!(folder.as_os_str().len() < 80, "a socket's path must stay under 107 bytes: {}", folder.display());
    std::fs::create_dir(&folder).unwrap();
    if let Some((user, group)) = other_account() {
        std::os::unix::fs::chown(&folder, Some(user), Some(group)).unwrap();
    }
    let log = std::env::temp_dir().join(format!("remit-pg-{}.log", std::process::id()));
    let script = format!(
        "read _; '{}' -D data -m immediate stop >/dev/null 2>&1; cd /; rm -rf '{}'",
        binaries.join("pg_ctl").display(),
        folder.display()
    );
    let mut guard = command(Path::new("/bin/sh"), &folder);
    // A group of its own, so that an interrupt at the terminal leaves it alive to clean up.
    std::os::unix::process::CommandExt::process_group(&mut guard, 0);
    let guard = guard.arg("-c").arg(script).stdin(Stdio::piped()).spawn().unwrap();
    let mut init = command(&binaries.join("initdb"), &folder);
    init.args(["-D", "data", "-U", "remit", "-A", "trust", "--no-sync", "-E", "UTF8", "--no-locale"]);
    run(init, &log);
    let mut server = command(&binaries.join("pg_ctl"), &folder);
    let flush = if DURABLE.load(Ordering::Relaxed) { "on" } else { "off" };
    let options = format!(
        "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync={flush} -c synchronous_commit={flush} \
         -c full_page_writes={flush} -c max_connections=200",
        folder.display()
    );
    server.args(["-D", "data", "-w", "-l", "server.log", "-o", &options, "start"]);
    run(server, &log);
    let _ = std::fs::remove_file(&log);
    Cluster { folder, _guard: guard }
}

fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| binaries().map(|folder| start(&folder))).as_ref()
}

/// The address of a new empty database, or `None` (said loudly) where the machine has no Postgres.
pub async fn database() -> Option<String> {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let Some(cluster) = cluster() else {
        let required = std::env::var("REMIT_REQUIRE_PG").is_ok_and(|v| v == "1");
        assert!(!required, "REMIT_REQUIRE_PG=1, but there are no Postgres binaries (set REMIT_PG_BIN)");
        eprintln!("SKIPPED: no Postgres binaries on this machine (set REMIT_PG_BIN); nothing was tested on Postgres");
        return None;
    };
    let address = |name: &str| format!("postgres:///{name}?host={}&user=remit", cluster.folder.display());
    let name = format!("t_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect(&address("postgres")).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    Some(address(&name))
}

/// Takes a database away that nobody uses any more: a long run makes hundreds.
#[allow(dead_code)]
pub async fn forget(address: &str) {
    let name = address.trim_start_matches("postgres:///").split('?').next().unwrap_or_default();
    let mut admin = PgConnection::connect(&address.replace(name, "postgres")).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("drop database {name} with (force)"))).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}
