//! Reading apart: images from outside are opened in helper processes of this same program that can do nothing else. A helper
//! may hold 256 MiB, opens no file and no socket (it has no descriptor left to open one with, and the kernel ends it when it
//! asks: `walls`), writes no file, and has five seconds of processor time for an image; one that dies or hangs is replaced,
//! and its item becomes an exception. What comes back is data, checked like any other. All that reads for a site reads so.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};
use serde::{Deserialize, Serialize};

use crate::decode::amount::find::Zones;
use crate::decode::layout::Layouts;
use crate::decode::{self, Expect, Request, Source};
use crate::domain::{ImageRole, Problem, Reading, Reason};
use crate::imaging::picture::{View, picture};
use crate::pipeline::walls;
use crate::truncation;

/// The hidden command that is a helper.
pub const COMMAND: &str = "decode-worker";

/// Memory of its own that a helper may have, in bytes.
const MEMORY: u64 = 256 << 20;
/// Processor time for one document.
const TIME: Duration = Duration::from_secs(5);
/// However busy the machine is, after so long a helper is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest image that is handed over, and the largest answer that is taken.
const LARGEST: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
enum Ask {
    /// From now on these layouts, with the zones of checks.
    Layouts { text: String, zones: Zones },
    /// A document; its images follow, each as long as said.
    Read { images: Vec<(ImageRole, String, u64)>, dpi: Option<u32>, magnetic: Option<String> },
    /// A picture for a browser; the image follows.
    Picture { view: View, size: u64 },
    /// An image as banks exchange them; the image follows.
    ForBank { rotation: u16, dpi: u32, size: u64 },
}

#[derive(Serialize, Deserialize)]
enum Told {
    Ready,
    /// Ready, but the kernel filters no system calls: why not.
    Unfiltered(String),
    Read(Box<Reading>),
    /// The bytes of an image follow, as many as said.
    Image(u64),
    Refused(String),
}

fn wrong(why: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

fn write_frame(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(value).map_err(wrong)?;
    out.write_all(&(text.len() as u64).to_le_bytes())?;
    out.write_all(&text)
}

fn read_bytes(from: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    if size > LARGEST {
        return Err(wrong("larger than anything that is handed over"));
    }
    let mut bytes = vec![0; size as usize];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_frame<T: for<'a> Deserialize<'a>>(from: &mut impl Read) -> io::Result<T> {
    let mut size = [0; 8];
    from.read_exact(&mut size)?;
    serde_json::from_slice(&read_bytes(from, u64::from_le_bytes(size))?).map_err(wrong)
}

fn write_image(out: &mut impl Write, made: Result<Vec<u8>, impl ToString>) -> io::Result<()> {
    match made {
        Ok(bytes) => {
            write_frame(out, &Told::Image(bytes.len() as u64))?;
            out.write_all(&bytes)
        }
        Err(why) => write_frame(out, &Told::Refused(why.to_string())),
    }
}

/// The helper: gives its rights up, and then answers until nobody asks any more.
pub fn help() -> io::Result<()> {
    let told = match confine()? {
        None => Told::Ready,
        Some(why) => Told::Unfiltered(why),
    };
    let (mut asks, mut tells) = (io::stdin().lock(), io::stdout().lock());
    write_frame(&mut tells, &told)?;
    tells.flush()?;
    let mut layouts = Layouts::default();
    loop {
        let ask = match read_frame::<Ask>(&mut asks) {
            Ok(ask) => ask,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        match ask {
            Ask::Layouts { text, zones } => {
                layouts = Layouts::parse(&text).map_err(wrong)?;
                layouts.check_zones = zones;
                write_frame(&mut tells, &Told::Ready)?;
            }
            Ask::Read { images, dpi, magnetic } => {
                let mut all = Vec::with_capacity(images.len());
                for (role, name, size) in images {
                    all.push((role, name, read_bytes(&mut asks, size)?));
                }
                let reading = read_here(&all, dpi, magnetic.as_deref(), &layouts);
                write_frame(&mut tells, &Told::Read(Box::new(reading)))?;
            }
            Ask::Picture { view, size } => {
                write_image(&mut tells, picture(&read_bytes(&mut asks, size)?, view))?;
            }
            Ask::ForBank { rotation, dpi, size } => {
                write_image(&mut tells, truncation::for_bank(&read_bytes(&mut asks, size)?, rotation, dpi))?;
            }
        }
        tells.flush()?;
    }
}

/// An image of a document: its role, its name, its bytes.
pub type Scan = (ImageRole, String, Vec<u8>);

/// Reads a document in this process.
pub fn read_here(images: &[Scan], dpi: Option<u32>, magnetic: Option<&str>, layouts: &Layouts) -> Reading {
    let images: Vec<Source<'_>> =
        images.iter().map(|(role, name, bytes)| Source { role: *role, name, bytes }).collect();
    decode::decode(&Request { images: &images, dpi, magnetic, expect: Expect::Auto, layouts })
}

/// Gives up what opening images does not need, and makes sure that it is gone. `Some` says why the kernel filters nothing.
fn confine() -> io::Result<Option<String>> {
    let exactly = |n: u64| Rlimit { current: Some(n), maximum: Some(n) };
    setrlimit(Resource::Core, exactly(0))?;
    setrlimit(Resource::Fsize, exactly(0))?;
    setrlimit(Resource::Data, exactly(MEMORY))?;
    // Input, output and errors are open; nothing else can be.
    setrlimit(Resource::Nofile, exactly(3))?;
    let opens = std::fs::File::open("/").is_ok() || std::net::UdpSocket::bind("127.0.0.1:0").is_ok();
    if opens {
        return Err(wrong("this process can still open files"));
    }
    Ok(walls::raise().err())
}

/// Processor time that a process has used, as the system keeps it.
fn used(number: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{number}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Waits until a helper's work is done, and kills one that takes too much time over it.
fn watch(number: u32, done: &mpsc::Receiver<()>) {
    let started = Instant::now();
    let mut before = None;
    while done.recv_timeout(Duration::from_millis(200)) == Err(mpsc::RecvTimeoutError::Timeout) {
        let now = used(number);
        let base = *before.get_or_insert(now);
        let spent = now.zip(base).map(|(now, base)| now.saturating_sub(base));
        if spent.is_none_or(|s| s < TIME) && started.elapsed() < PATIENCE {
            continue;
        }
        if let Some(number) = i32::try_from(number).ok().and_then(Pid::from_raw) {
            let _ = kill_process(number, Signal::KILL);
        }
        return;
    }
}

/// One helper at the other end of two pipes.
struct Helper {
    child: Child,
    asks: ChildStdin,
    tells: ChildStdout,
    /// The layouts that it has.
    layouts: Option<u64>,
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No helper could be started: the machine's trouble, and no image's.
#[derive(Debug, thiserror::Error)]
#[error("no helper could be started from {}: {cause}", .program.display())]
pub struct NoHelper {
    pub program: PathBuf,
    pub cause: String,
}

/// The helpers of a process: as many as ask at once.
pub struct Helpers {
    program: PathBuf,
    idle: Mutex<Vec<Helper>>,
    /// Why the helpers' system calls are not filtered, where they are not.
    unfiltered: OnceLock<String>,
}

impl Helpers {
    /// `program` is this program's file.
    pub fn new(program: PathBuf) -> Helpers {
        Helpers { program, idle: Mutex::default(), unfiltered: OnceLock::new() }
    }

    /// Starts one, and hears that it has given up its rights.
    fn start(&self) -> Result<Helper, NoHelper> {
        let mut command = Command::new(&self.program);
        command.arg(COMMAND).env_clear().envs(super::heap::SETTINGS).current_dir("/").stderr(Stdio::null());
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let no = |cause: io::Error| NoHelper { program: self.program.clone(), cause: cause.to_string() };
        let mut child = spawned.map_err(no)?;
        let (Some(asks), Some(tells)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(no(wrong("it has no pipes")));
        };
        let mut helper = Helper { child, asks, tells, layouts: None };
        match read_frame::<Told>(&mut helper.tells) {
            Ok(Told::Ready) => Ok(helper),
            Ok(Told::Unfiltered(why)) => {
                self.unfiltered.get_or_init(|| {
                    tracing::warn!(
                        "images are opened by helpers with limits, but without a filter of system calls: {why}"
                    );
                    why
                });
                Ok(helper)
            }
            Ok(_) => Err(no(wrong("it began with something else"))),
            Err(cause) => Err(no(cause)),
        }
    }

    /// Asks a helper; one that does not answer in time is killed, and one that failed is not asked again. Where one fails that
    /// had waited, another is asked: it may have died meanwhile, and the image is not to blame.
    fn with<T>(&self, work: impl Fn(&mut Helper) -> io::Result<T>) -> Result<io::Result<T>, NoHelper> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut helper) = idle
            && let Ok(answer) = helper.timed(&work)
        {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(helper);
            return Ok(Ok(answer));
        }
        let mut helper = self.start()?;
        let answer = helper.timed(&work);
        if answer.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(helper);
        }
        Ok(answer)
    }

    /// Reads a document apart. A helper that was lost on it leaves an exception: the image cannot be opened here.
    pub fn read(
        &self,
        images: &[Scan],
        dpi: Option<u32>,
        magnetic: Option<&str>,
        layouts: &Layouts,
    ) -> Result<Reading, NoHelper> {
        let asked = Ask::Read {
            images: images.iter().map(|(role, name, bytes)| (*role, name.clone(), bytes.len() as u64)).collect(),
            dpi,
            magnetic: magnetic.map(String::from),
        };
        let told = self.with(|helper| {
            helper.give_layouts(layouts)?;
            write_frame(&mut helper.asks, &asked)?;
            for (_, _, bytes) in images {
                helper.asks.write_all(bytes)?;
            }
            helper.asks.flush()?;
            read_frame::<Told>(&mut helper.tells)
        })?;
        Ok(match told {
            Ok(Told::Read(reading)) => *reading,
            other => {
                let cause = other.err().map(|e| e.to_string()).unwrap_or_default();
                tracing::warn!(%cause, "a helper was lost on an image");
                let mut reading = decode::nothing(images.first().map_or("", |i| &i.1));
                let message = "this image could not be opened within the limits of memory and time";
                reading.problems.push(Problem::new(Reason::ImageUnreadable, message));
                reading
            }
        })
    }

    /// The bytes of a PNG, or why not.
    pub fn picture(&self, bytes: &[u8], view: View) -> Result<Result<Vec<u8>, String>, NoHelper> {
        self.image(&Ask::Picture { view, size: bytes.len() as u64 }, bytes)
    }

    /// The bytes of an image as `truncation::for_bank` makes it, or why not.
    pub fn for_bank(&self, bytes: &[u8], rotation: u16, dpi: u32) -> Result<Result<Vec<u8>, String>, NoHelper> {
        self.image(&Ask::ForBank { rotation, dpi, size: bytes.len() as u64 }, bytes)
    }

    fn image(&self, ask: &Ask, bytes: &[u8]) -> Result<Result<Vec<u8>, String>, NoHelper> {
        let told = self.with(|helper| {
            write_frame(&mut helper.asks, ask)?;
            helper.asks.write_all(bytes)?;
            helper.asks.flush()?;
            match read_frame::<Told>(&mut helper.tells)? {
                Told::Image(size) => Ok(Ok(read_bytes(&mut helper.tells, size)?)),
                Told::Refused(why) => Ok(Err(why)),
                Told::Ready | Told::Unfiltered(_) | Told::Read(_) => Err(wrong("another answer than was asked for")),
            }
        })?;
        Ok(told.unwrap_or_else(|_| Err("it could not be opened within the limits of memory and time".into())))
    }

    /// Why the system calls of the helpers are not filtered here, as the first of them found.
    pub fn unfiltered(&self) -> Option<&str> {
        self.unfiltered.get().map(String::as_str)
    }

    /// The numbers of the helpers that wait for work.
    pub fn idle(&self) -> Vec<u32> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|h| h.child.id()).collect()
    }
}

impl Helper {
    fn timed<T>(&mut self, work: impl Fn(&mut Helper) -> io::Result<T>) -> io::Result<T> {
        let (done, waits) = mpsc::channel::<()>();
        let number = self.child.id();
        let watch = std::thread::spawn(move || watch(number, &waits));
        let answer = work(self);
        drop(done);
        let _ = watch.join();
        answer
    }

    fn give_layouts(&mut self, layouts: &Layouts) -> io::Result<()> {
        let (text, zones) = (layouts.to_toml(), layouts.check_zones.clone());
        let mark = {
            use std::hash::{DefaultHasher, Hash, Hasher};
            let mut hasher = DefaultHasher::new();
            (&text, serde_json::to_string(&zones).map_err(wrong)?).hash(&mut hasher);
            hasher.finish()
        };
        if self.layouts == Some(mark) {
            return Ok(());
        }
        write_frame(&mut self.asks, &Ask::Layouts { text, zones })?;
        self.asks.flush()?;
        match read_frame::<Told>(&mut self.tells)? {
            Told::Ready => self.layouts = Some(mark),
            _ => return Err(wrong("a helper did not take the layouts")),
        }
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    /// What a helper that was taken over by an image might try, and whether it came through.
    type Attempt = (&'static str, fn() -> bool);
    const ATTEMPTS: &[Attempt] = &[
        ("open a file", || std::fs::File::open("/etc/passwd").is_ok()),
        ("write a file", || std::fs::write("/dev/null", "x").is_ok()),
        ("list a folder", || std::fs::read_dir("/").is_ok()),
        ("delete a file", || std::fs::remove_file("/nonexistent").is_ok()),
        ("call out", || std::net::TcpStream::connect("127.0.0.1:9").is_ok()),
        ("listen", || std::net::UdpSocket::bind("127.0.0.1:0").is_ok()),
        ("start a program", || Command::new("/bin/true").status().is_ok()),
        ("start a thread", || std::thread::Builder::new().spawn(|| ()).is_ok()),
        ("end another process", || kill_process(rustix::process::getppid().unwrap(), Signal::KILL).is_ok()),
        ("lift its limits", || setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: Some(3) }).is_ok()),
    ];

    /// In a process of its own, as `who_tries_more_is_ended` starts it: confines itself, then tries.
    #[test]
    fn tries_in_a_process_of_its_own() {
        let Ok(what) = std::env::var("REMIT_TRIES") else { return };
        if let Some(why) = confine().unwrap() {
            println!("unfiltered: {why}");
            return;
        }
        // What reading needs, it has: memory that comes, grows and goes, the clock, chance, words to the other side.
        let mut memory = vec![1u8; 90 << 20];
        memory.extend_from_slice(&[2; 1 << 20]);
        memory.shrink_to_fit();
        let started = Instant::now();
        let chance: std::collections::HashMap<u8, u8> = memory[..300].iter().map(|b| (*b, *b)).collect();
        assert!(chance.len() == 1 && started.elapsed() < PATIENCE);
        drop(memory);
        println!("confined");
        if let Some((_, attempt)) = ATTEMPTS.iter().find(|(name, _)| *name == what) {
            println!("and still here: {}", attempt());
        }
    }

    /// S18: the kernel ends a helper that asks for anything but memory, time and its two pipes.
    #[test]
    fn who_tries_more_is_ended() {
        let tried = |what: &str| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            let own = "pipeline::apart::tests::tries_in_a_process_of_its_own";
            command.args(["--exact", own, "--nocapture"]).env("REMIT_TRIES", what).stderr(Stdio::null());
            let ended = command.output().unwrap();
            (String::from_utf8_lossy(&ended.stdout).into_owned(), ended.status)
        };
        let (said, status) = tried("nothing");
        if let Some(why) = said.split("unfiltered: ").nth(1) {
            println!("** LEFT OUT: this kernel filters no system calls ({}).", why.lines().next().unwrap_or(""));
            return;
        }
        assert!(said.contains("confined") && status.success(), "{said} {status}");
        for (what, _) in ATTEMPTS {
            let (said, status) = tried(what);
            let ended = status.signal() == Some(Signal::SYS.as_raw());
            assert!(said.contains("confined") && !said.contains("still here") && ended, "{what}: {said} {status}");
        }
    }
}
