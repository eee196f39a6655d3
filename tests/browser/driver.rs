//! Chromium through chromedriver: a process group of its own that ends with the test whatever happens, and reading only by
//! asking again until it is so, never right after a press.

use std::io::{BufRead as _, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;

macro_rules! js {
    ($($value:tt)+) => { serde_json::json!($($value)+) };
}
pub(crate) use js;

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The screens that the README shows.
const README: &[&str] = &["today", "item-underpaid", "batch", "balance", "approve"];

pub struct Driver {
    client: Client,
    port: u16,
    guard: Guard,
    _profile: tempfile::TempDir,
}

/// Ends chromedriver and every Chromium that it started.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}

fn there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

impl Driver {
    /// `None`, said loudly, where there is no browser and none is required.
    pub async fn start() -> Option<Driver> {
        Driver::start_with(&[]).await
    }

    /// With more flags of Chromium.
    pub async fn start_with(more: &[&str]) -> Option<Driver> {
        if !there("chromedriver") || !there("chromium") {
            let required = std::env::var("REMIT_REQUIRE_BROWSER").is_ok_and(|v| v == "1");
            assert!(!required, "REMIT_REQUIRE_BROWSER=1, and there is no chromium with chromedriver on this machine");
            eprintln!("** LEFT OUT: no chromium with chromedriver here; the desk was not tried in a browser.");
            return None;
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let guard = Guard(command.spawn().expect("chromedriver starts"));
        let profile = tempfile::tempdir().unwrap();
        let mut flags: Vec<String> = [
            "headless",
            "no-sandbox",
            "disable-gpu",
            "disable-quic",
            "no-first-run",
            "disable-background-networking",
            "disable-component-update",
            "disable-sync",
            "disable-dev-shm-usage",
            "hide-scrollbars",
            "window-size=1280,887",
        ]
        .map(|f| format!("--{f}"))
        .to_vec();
        flags.extend(more.iter().map(|f| format!("--{f}")));
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let mut asked = serde_json::Map::new();
        asked.insert("goog:chromeOptions".into(), js!({ "args": flags }));
        let started = Instant::now();
        let client = loop {
            let address = format!("http://127.0.0.1:{port}");
            match ClientBuilder::new(HttpConnector::new()).capabilities(asked.clone()).connect(&address).await {
                Ok(client) => break client,
                Err(error) => assert!(started.elapsed() < PATIENCE, "no session of the browser: {error}"),
            }
            tokio::task::yield_now().await;
        };
        Some(Driver { client, port, guard, _profile: profile })
    }

    pub async fn go(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap_or_else(|e| panic!("{script}: {e}"))
    }

    /// Opens another tab, and goes to one.
    pub async fn tab(&self) -> fantoccini::wd::WindowHandle {
        self.client.new_window(true).await.unwrap().handle
    }

    pub async fn to_tab(&self, tab: &fantoccini::wd::WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.unwrap();
    }

    /// A word of Chromium's own protocol, for what WebDriver has none: sizes of the window, how it prints.
    pub async fn tell(&self, what: &str, with: Value) -> Value {
        let session = self.client.session_id().await.unwrap().unwrap();
        let body = js!({ "cmd": what, "params": with }).to_string();
        let (port, what) = (self.port, what.to_string());
        let work = move || {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            let head = format!(
                "POST /session/{session}/goog/cdp/execute HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
                 Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            let mut from = std::io::BufReader::new(stream);
            let (mut line, mut head, mut size) = (String::new(), String::new(), 0);
            while line != "\r\n" {
                line.clear();
                from.read_line(&mut line).unwrap();
                if let Some(length) = line.to_lowercase().strip_prefix("content-length:") {
                    size = length.trim().parse().unwrap();
                }
                head.push_str(&line);
            }
            let mut body = vec![0; size];
            from.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            assert!(head.starts_with("HTTP/1.1 200"), "{what}: {head}{body}");
            serde_json::from_str::<Value>(&body).unwrap()["value"].clone()
        };
        tokio::task::spawn_blocking(work).await.unwrap()
    }

    /// A window of so many CSS pixels: 640 wide is what 200% zoom leaves of a screen of 1280.
    pub async fn window(&self, width: u32, height: u32) {
        let size = js!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", size).await;
        self.until(&format!("innerWidth === {width}")).await;
    }

    /// On paper, or on the screen again.
    pub async fn on_paper(&self, paper: bool) {
        let media = if paper { "print" } else { "" };
        self.tell("Emulation.setEmulatedMedia", js!({ "media": media })).await;
    }

    /// Asks again and again until it is so; a page that changes under the question is no answer.
    pub async fn until(&self, so: &str) {
        let started = Instant::now();
        let script = format!("return Boolean({so})");
        loop {
            if matches!(self.client.execute(&script, Vec::new()).await, Ok(Value::Bool(true))) {
                return;
            }
            if started.elapsed() > PATIENCE {
                let shown = self
                    .client
                    .execute("return location.href + '\\n' + document.body.innerText.slice(0, 900)", Vec::new());
                panic!(
                    "never: {so}\n{}",
                    shown.await.ok().and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default()
                );
            }
        }
    }

    /// Presses keys where the focus is.
    pub async fn keys(&self, text: &str) {
        let started = Instant::now();
        loop {
            let sent = match self.client.active_element().await {
                Ok(element) => element.send_keys(text).await,
                Err(error) => Err(error),
            };
            match sent {
                Ok(()) => return,
                Err(error) => assert!(started.elapsed() < PATIENCE, "keys could not be pressed: {error}"),
            }
        }
    }

    /// The text of a place; empty where it is not there.
    pub async fn text(&self, place: &str) -> String {
        let text = self.run(&format!("return (document.querySelector('{place}') || {{}}).textContent || ''")).await;
        text.as_str().unwrap_or("").to_string()
    }

    /// Clicks with the mouse, where a person would.
    pub async fn click(&self, place: &str) {
        self.client.find(Locator::Css(place)).await.unwrap().click().await.unwrap();
    }

    /// Takes hold of a thing in its middle, moves by so many pixels and lets go.
    pub async fn drag_by(&self, from: &str, x: f64, y: f64) {
        let element = self.client.find(Locator::Css(from)).await.unwrap();
        let hand = MouseActions::new("hand".into())
            .then(PointerAction::MoveToElement { element, duration: None, x: 0.0, y: 0.0 })
            .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
            .then(PointerAction::MoveBy { duration: Some(Duration::from_millis(40)), x: x / 2.0, y: y / 2.0 })
            .then(PointerAction::MoveBy { duration: Some(Duration::from_millis(40)), x: x / 2.0, y: y / 2.0 })
            .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        self.client.perform_actions(hand).await.unwrap();
    }

    /// Drags one thing onto another, as the system's own dragging does it: what begins in the page is taken over here.
    pub async fn drag_onto(&self, from: &str, onto: &str) {
        let middle = async |place: &str| {
            let middle = format!(
                "const r = document.querySelector('{place}').getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]"
            );
            let middle = self.run(&middle).await;
            (middle[0].as_f64().unwrap(), middle[1].as_f64().unwrap())
        };
        let ((from_x, from_y), (x, y)) = (middle(from).await, middle(onto).await);
        self.run("window.lifted = false; document.addEventListener('dragstart', () => { window.lifted = true; }, { once: true })").await;
        self.tell("Input.setInterceptDrags", js!({ "enabled": true })).await;
        let mouse = async |what: &str, x: f64, y: f64, buttons: u32| {
            let hand = js!({ "type": what, "x": x, "y": y, "button": if buttons == 0 { "none" } else { "left" }, "buttons": buttons, "clickCount": 1 });
            self.tell("Input.dispatchMouseEvent", hand).await
        };
        mouse("mouseMoved", from_x, from_y, 0).await;
        mouse("mousePressed", from_x, from_y, 1).await;
        for step in 1..=6 {
            mouse("mouseMoved", from_x + f64::from(step) * 4.0, from_y + 2.0, 1).await;
        }
        self.until("window.lifted").await;
        for what in ["dragEnter", "dragOver", "drop"] {
            let data = js!({ "items": [], "dragOperationsMask": 19 });
            self.tell("Input.dispatchDragEvent", js!({ "type": what, "x": x, "y": y, "data": data })).await;
        }
        self.tell("Input.setInterceptDrags", js!({ "enabled": false })).await;
    }

    /// Gives files to a field that takes them, as its dialog would.
    pub async fn choose_files(&self, field: &str, files: &[std::path::PathBuf]) {
        let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
        self.client.find(Locator::Css(field)).await.unwrap().send_keys(&names.join("\n")).await.unwrap();
    }

    /// Keeps a picture of the screen, where pictures are wanted; those of the README in their own place.
    pub async fn picture(&self, name: &str) {
        if README.contains(&name) && std::env::var_os("REMIT_README_PICTURES").is_some() {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/pictures");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(format!("{name}.png")), self.client.screenshot().await.unwrap()).unwrap();
        }
        if let Some(folder) = std::env::var_os("REMIT_PICTURES") {
            let folder = std::path::PathBuf::from(folder);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(format!("{name}.png")), self.client.screenshot().await.unwrap()).unwrap();
        }
    }

    /// Prints the page to a PDF, which is kept where pictures are; returns how many pages it has.
    pub async fn printed(&self, name: &str) -> usize {
        let printed = self.tell("Page.printToPDF", js!({ "printBackground": false })).await;
        let bytes = base64(printed["data"].as_str().unwrap());
        if let Some(folder) = std::env::var_os("REMIT_PICTURES") {
            std::fs::write(std::path::PathBuf::from(folder).join(format!("{name}.pdf")), &bytes).unwrap();
        }
        let text = String::from_utf8_lossy(&bytes);
        text.matches("/Type /Page").count() - text.matches("/Type /Pages").count()
    }

    pub async fn end(self) {
        let _ = self.client.close().await;
        drop(self.guard);
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|b| DIGITS.iter().position(|d| *d == b));
    let (mut out, mut held, mut bits) = (Vec::new(), 0usize, 0);
    for digit in digits {
        held = held << 6 | digit;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    out
}
