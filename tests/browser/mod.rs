//! The desk in Chromium, through chromedriver, by keyboard: from the first run to the deposit, with a picture of
//! every screen and the checks of an accessibility audit on each. Without the browser it says loudly what is left out, or
//! fails where `REMIT_REQUIRE_BROWSER=1`. `REMIT_PICTURES` names a folder that keeps the pictures.

mod driver;

use std::time::Instant;

use driver::{Driver, js};
use remit::domain::Role;
use remit::formats::bills_csv;
use remit::web::{Desk, Listening, one_time, serve};

use crate::{House, samples};

/// The desk on a port of its own, in this process.
async fn serving(house: &House) -> String {
    let listening = Listening::bind("127.0.0.1:0", false).await.unwrap();
    let address = listening.address;
    let desk = Desk::new(house.office.clone(), address);
    tokio::spawn(serve(desk, listening, std::future::pending()));
    format!("http://{address}")
}

const PASSWORD: &str = "gravel otter nine";

/// What an audit of accessibility would say of a page: one line for each fault.
const AUDIT: &str = r#"
const faults = [];
const shown = (e) => e.getClientRects().length > 0;
const name = (e) => (e.getAttribute("aria-label") || e.labels && [...e.labels].map((l) => l.textContent).join(" ") || e.innerText || e.textContent || e.title || e.placeholder && "" || "").trim();
if (!document.documentElement.lang) faults.push("no language");
if (!document.title.trim()) faults.push("no title");
if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
const heads = [...document.querySelectorAll("h1")];
if (heads.length > 1) faults.push(heads.length + " first headings");
for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea")) if (shown(e) && !name(e)) faults.push("field without a label: " + e.outerHTML.slice(0, 90));
for (const e of document.querySelectorAll("button, a[href], summary")) if (shown(e) && !name(e) && !e.querySelector("img[alt]:not([alt=''])")) faults.push("no name: " + e.outerHTML.slice(0, 90));
for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) faults.push("image without text: " + e.src);
for (const e of document.querySelectorAll("svg[role=img]")) if (!e.getAttribute("aria-label")) faults.push("drawing without text");
for (const e of document.querySelectorAll("th")) if (!e.hasAttribute("scope")) faults.push("head cell without scope");
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
for (const id of new Set(ids)) if (ids.filter((i) => i === id).length > 1) faults.push("id twice: " + id);
for (const e of document.querySelectorAll("[tabindex]")) if (Number(e.getAttribute("tabindex")) > 0) faults.push("order of focus forced");
const channels = (c) => (c.match(/[\d.]+/g) || []).map(Number);
const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
const behind = (e) => { for (; e; e = e.parentElement) { const c = channels(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > .5) return c.slice(0, 3); } return [255, 255, 255]; };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const seen = new Set();
for (let n = walker.nextNode(); n; n = walker.nextNode()) {
  const e = n.parentElement;
  if (!n.data.trim() || seen.has(e) || !shown(e) || e.closest(".hidden, svg, noscript, script, :disabled, .skip")) continue;
  seen.add(e);
  const style = getComputedStyle(e);
  const a = light(channels(style.color).slice(0, 3)), b = light(behind(e));
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  const large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 600;
  if (ratio < (large ? 3 : 4.5)) faults.push("contrast " + ratio.toFixed(2) + ": " + n.data.trim().slice(0, 40));
}
if (document.documentElement.scrollWidth > innerWidth + 1) faults.push("wider than the window: " + document.documentElement.scrollWidth);
return faults;
"#;

impl Driver {
    async fn looked_at(&self, picture: &str) {
        // Until the images are there.
        self.until("[...document.images].every((i) => i.loading === 'lazy' || i.complete)").await;
        self.picture(picture).await;
        self.audited(picture).await;
    }

    async fn audited(&self, what: &str) {
        let faults = self.run(AUDIT).await;
        assert_eq!(faults, js!([]), "{what}: {faults:#}");
    }

    async fn sign_in(&self, base: &str, who: &str, code: Option<&str>) {
        self.go(&format!("{base}/sign-in")).await;
        self.until("location.pathname === '/sign-in' && document.activeElement.name === 'name'").await;
        self.keys(&format!("{who}\t{PASSWORD}\t{}\u{e007}", code.unwrap_or(""))).await;
    }

    /// Sets the second factor that a new person is asked for; returns its secret.
    async fn sets_factor(&self, picture: &str) -> Vec<u8> {
        self.until("!!document.querySelector('#secret') && document.activeElement.name === 'code'").await;
        self.looked_at(picture).await;
        let text = self.run("return document.querySelector('#secret').textContent").await;
        let secret = one_time::from_base32(text.as_str().unwrap()).unwrap();
        let step = remit::clock::Clock::system().seconds() / one_time::STEP_SECONDS;
        self.keys(&format!("{}\u{e007}", one_time::code(&secret, step))).await;
        self.until("document.querySelectorAll('.codes li').length === 10").await;
        self.keys("\u{e007}").await;
        self.until("location.pathname === '/' && !!document.querySelector('.queues')").await;
        secret
    }

    async fn signs_out(&self) {
        self.run("document.querySelector('form[action=\"/sign-out\"]').requestSubmit()").await;
        self.until("location.pathname === '/sign-in'").await;
    }
}

/// From the first run to the deposit: three people, and every move that has a key by its key.
#[tokio::test(flavor = "multi_thread")]
async fn a_morning_from_the_first_run_to_the_deposit() {
    let Some(driver) = Driver::start().await else { return };
    let house = House::new("").await;
    house.take(&samples().join("batches").join("b0001")).await;
    let base = serving(&house).await;
    // First run, by the token of `init`.
    driver.go(&base).await;
    driver.until("location.pathname === '/set-up' && document.activeElement.name === 'token'").await;
    driver.looked_at("first-run").await;
    driver.keys(&format!("{}\tada\t{PASSWORD}\t{PASSWORD}\u{e007}", house.token())).await;
    driver.until("location.pathname === '/sign-in'").await;
    driver.sign_in(&base, "ada", None).await;
    driver.sets_factor("second-factor").await;
    let mut invitations = Vec::new();
    for (who, role) in [("olga", "operator"), ("sven", "approver")] {
        driver.go(&format!("{base}/admin")).await;
        driver.until("!!document.querySelector('form[action=\"/admin/users\"]')").await;
        driver.run("document.querySelector('form[action=\"/admin/users\"] [name=name]').focus()").await;
        driver.keys(who).await;
        driver.run(&format!("document.querySelector('[name=role][value={role}]').focus()")).await;
        driver.keys(" ").await;
        driver.run("document.querySelector('form[action=\"/admin/users\"] .go').focus()").await;
        driver.keys("\u{e007}").await;
        driver.until("!!document.querySelector('#secret')").await;
        let token = driver.run("return document.querySelector('#secret').textContent").await;
        invitations.push((who, token.as_str().unwrap().to_string()));
    }
    driver.looked_at("admin").await;
    driver.go(&format!("{base}/admin/layouts")).await;
    driver.until("!!document.querySelector('textarea')").await;
    driver.looked_at("layouts").await;
    for part in ["matching", "bank", "retention"] {
        driver.go(&format!("{base}/admin/settings?part={part}")).await;
        driver.until("!!document.querySelector('main h1')").await;
        driver.looked_at(&format!("settings-{part}")).await;
    }
    driver.signs_out().await;
    for (who, token) in invitations {
        driver.go(&format!("{base}/welcome")).await;
        driver.until("document.activeElement.name === 'token'").await;
        driver.keys(&format!("{token}\t{PASSWORD}\t{PASSWORD}\u{e007}")).await;
        driver.until("location.pathname === '/sign-in'").await;
        driver.sign_in(&base, who, None).await;
        driver.sets_factor(&format!("second-factor-{who}")).await;
        if who == "olga" {
            operator(&driver, &base).await;
            driver.signs_out().await;
        } else {
            approver(&driver, &base).await;
        }
    }
    let proof = house.office.verify(true).await.unwrap();
    assert!(proof.findings.is_empty(), "{:?}", proof.findings);
    let deposits = house.office.deposits().await.unwrap();
    assert_eq!(deposits.len(), 1, "one deposit");
    driver.end().await;
}

/// Everything up to the balance.
async fn operator(driver: &Driver, base: &str) {
    driver.looked_at("today").await;
    driver.keys("?").await;
    driver.until("document.querySelector('#keys').open").await;
    driver.picture("keys").await;
    driver.keys("\u{e00c}").await;
    for page in ["capture", "batches", "research?q=.00", "deposits", "ledger", "account"] {
        driver.go(&format!("{base}/{page}")).await;
        driver.until("!!document.querySelector('main h1')").await;
        driver.looked_at(page.split('?').next().unwrap()).await;
    }
    driver.go(&format!("{base}/exceptions")).await;
    driver.until("document.querySelectorAll('a.row').length > 3").await;
    driver.looked_at("exceptions").await;
    let batch = driver.run("return document.querySelector('td a[href^=\"/batches/\"]').getAttribute('href')").await;
    let batch = batch.as_str().unwrap().to_string();
    driver.go(&format!("{base}{batch}")).await;
    driver.until("document.querySelectorAll('.cell').length > 10").await;
    driver.looked_at("batch").await;
    // The queue by keys: the first line, then one answer or hold after another, until nothing is open.
    driver.go(&format!("{base}/exceptions")).await;
    driver.until("document.querySelectorAll('a.row').length > 3").await;
    driver.keys("\u{e007}").await;
    let mut undone = false;
    for _ in 0..40 {
        driver.until("location.pathname === '/exceptions' && !!document.querySelector('.tabs') || !!document.querySelector('#item:not(.skeleton)')").await;
        let at = driver.run("const i = document.querySelector('#item'); return i ? [i.dataset.exception, i.querySelector('.code').textContent] : null").await;
        let Some(id) = at[0].as_str().map(str::to_string) else {
            if driver.run("return document.querySelectorAll('a.row').length").await == js!(0) {
                break;
            }
            driver.keys("\u{e007}").await;
            driver.until("!!document.querySelector('#item')").await;
            continue;
        };
        let code = at[1].as_str().unwrap_or("").to_string();
        driver.until("[...document.querySelectorAll('.paper.main img')].every((i) => i.complete)").await;
        driver.looked_at(&format!("item-{code}")).await;
        let digits = driver.run("return document.querySelectorAll('[data-digit]').length").await;
        // Out of the field, then zoom and the other looks: they change the picture and nothing else.
        driver.keys("\u{e00c}").await;
        driver.keys("+ic-ic").await;
        match (code.as_str(), digits.as_u64().unwrap_or(0)) {
            ("underpaid", 1..) => driver.keys("1\u{e007}").await,
            _ => {
                driver.keys("h").await;
                driver.until("!!document.querySelector('.move[open]')").await;
                driver.keys("\u{e007}").await;
            }
        }
        let gone = format!(
            "!document.querySelector('#item.skeleton') && (document.querySelector('#item') || {{dataset: {{}}}}).dataset.exception !== '{id}'"
        );
        driver.until(&gone).await;
        driver.until("!/saving/.test((document.querySelector('#saved') || {}).textContent || '')").await;
        if code == "underpaid" && !undone && driver.run("return !!document.querySelector('#item')").await == js!(true) {
            undone = true;
            driver.keys("z").await;
            driver.until("/Taken back/.test(document.querySelector('#note').textContent)").await;
        }
    }
    driver.go(&format!("{base}{batch}/balance")).await;
    driver.until("!!document.querySelector('.verdict')").await;
    driver.looked_at("balance").await;
    driver.keys("\u{e007}").await;
    driver.until("/is balanced/.test(document.querySelector('#note').textContent)").await;
}

/// Approving, posting, depositing: a second person.
async fn approver(driver: &Driver, base: &str) {
    driver.go(&format!("{base}/batches")).await;
    driver.until("!!document.querySelector('tbody a')").await;
    let batch = driver.run("return document.querySelector('tbody a').getAttribute('href')").await;
    driver.go(&format!("{base}{}/approve", batch.as_str().unwrap())).await;
    driver.until("/Approve/.test((document.querySelector('[data-key]') || {}).textContent)").await;
    driver.looked_at("approve").await;
    driver.keys("\u{e007}").await;
    driver.until("/Post to the ledger/.test((document.querySelector('[data-key]') || {}).textContent)").await;
    driver.keys("\u{e007}").await;
    driver.until("/is posted/.test(document.querySelector('#note').textContent)").await;
    driver.go(&format!("{base}/deposits")).await;
    driver.until("/Make the deposit/.test((document.querySelector('[data-key]') || {}).textContent)").await;
    driver.keys("\u{e007}").await;
    driver
        .until(
            "location.pathname.startsWith('/deposits/') && /is made/.test(document.querySelector('#note').textContent)",
        )
        .await;
    driver.looked_at("deposit").await;
    for (page, picture) in [("proof-sheet", "proof-sheet"), ("ledger/1020", "ledger-account"), ("entries/1", "entry")] {
        driver.go(&format!("{base}/{page}")).await;
        driver.until("!!document.querySelector('main h1')").await;
        driver.looked_at(picture).await;
    }
    assert_eq!(
        driver.run("return document.querySelector('.verdict-line').classList.contains('proved')").await,
        js!(true)
    );
}

/// Every screen, with names that are hostile: in both themes, by the Tab key with the focus in sight, without motion where none
/// is wanted; and nothing of the names ever runs.
#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_for_everybody() {
    let Some(driver) = Driver::start_with(&["force-prefers-reduced-motion"]).await else { return };
    let house = House::new("").await;
    let mut bills = bills_csv::bills(&std::fs::read(samples().join("open_bills.csv")).unwrap(), None).unwrap().rows;
    for bill in &mut bills {
        bill.name = format!("<img src=x onerror=window.ran=1>\u{202e}<script>window.ran=1</script>{}", "N".repeat(200));
    }
    house.office.import_bills(&bills, false, false).await.unwrap();
    house.take(&samples().join("batches").join("b0001")).await;
    let base = serving(&house).await;
    let everything = [Role::Operator, Role::Approver, Role::Cashier, Role::Auditor, Role::Admin];
    let (cookie, _) = house.signed_in_as("una", &everything, true).await;
    driver.go(&format!("{base}/static/desk.css")).await;
    driver.run(&format!("document.cookie = 'remit={cookie}; path=/'")).await;
    let pages: Vec<String> = [
        "",
        "capture",
        "batches",
        "exceptions",
        "deposits",
        "proof-sheet",
        "returns",
        "drawer",
        "research",
        "ledger",
        "account",
        "account/second-factor",
        "admin",
        "admin/layouts",
        "admin/settings?part=matching",
        "admin/settings?part=bank&bank=community",
        "admin/settings?part=retention",
        "prove",
    ]
    .map(String::from)
    .to_vec();
    for page in &pages {
        driver.go(&format!("{base}/{page}")).await;
        driver.until("document.readyState === 'complete'").await;
        for theme in ["light", "dark"] {
            driver.run(&format!("document.documentElement.dataset.theme = '{theme}'")).await;
            driver.audited(&format!("{page}, {theme}")).await;
        }
        for _ in 0..4 {
            driver.keys("\t").await;
        }
        let seen = "const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect(); \
            return e === document.body || (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && r.bottom > 0)";
        assert_eq!(driver.run(seen).await, js!(true), "{page}: the focus is not in sight");
        assert_eq!(driver.run("return document.getAnimations().length").await, js!(0), "{page} moves");
        assert_eq!(driver.run("return window.ran === undefined").await, js!(true), "{page}: a name ran");
    }
    driver.end().await;
}

/// From Enter to the next payment's image on the screen, over many items. The figure is the desk's promise: 50 ms.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_image_is_there_when_enter_is_pressed() {
    let Some(driver) = Driver::start().await else { return };
    let many: usize = std::env::var("REMIT_DESK_ITEMS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let house = House::new("").await;
    let deck = tempfile::tempdir().unwrap();
    let sources = match std::env::var_os("REMIT_DESK_DECK") {
        Some(folder) => std::path::PathBuf::from(folder),
        None => unread(deck.path()),
    };
    house.take(&sources).await;
    let base = serving(&house).await;
    let (cookie, _) = house.signed_in("olga").await;
    driver.go(&format!("{base}/static/desk.css")).await;
    driver.run(&format!("document.cookie = 'remit={cookie}; path=/'")).await;
    driver.go(&format!("{base}/exceptions")).await;
    driver.until("document.querySelectorAll('a.row').length > 3").await;
    driver.keys("\u{e007}").await;
    driver.until("!!document.querySelector('#item')").await;
    driver
        .run(
            "window.times = []; let pressed = 0;
             document.addEventListener('keydown', (e) => { if (e.key === 'Enter') pressed = performance.now(); }, true);
             document.addEventListener('remit:shown', (e) => { if (pressed) { times.push(e.detail.at - pressed); pressed = 0; } });",
        )
        .await;
    let started = Instant::now();
    let mut times: Vec<f64> = Vec::new();
    for done in 0..many {
        driver.until("!!document.querySelector('#item:not(.skeleton) .move[data-action=hold]')").await;
        driver.keys("\u{e00c}").await;
        driver.keys("h").await;
        driver.until("!!document.querySelector('.move[open]')").await;
        driver.keys("\u{e007}").await;
        // After the last one the list is shown, and the figures of that page are gone with it.
        driver.until(&format!("location.pathname === '/exceptions' || times.length > {done}")).await;
        let all = driver.run("return location.pathname === '/exceptions' ? null : window.times").await;
        let Some(all) = all.as_array() else { break };
        times = all.iter().filter_map(|t| t.as_f64()).collect();
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "Enter to the next image, {} items in {:.1} s: median {:.1} ms, 95th percentile {:.1} ms, worst {:.1} ms",
        times.len(),
        started.elapsed().as_secs_f64(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
    assert!(times.len() >= many.min(8), "only {} items", times.len());
    // A busy machine is slow; ten times the promise means that something is wrong.
    assert!(at(0.5) < 500.0, "the next image is not ready");
    driver.end().await;
}

/// The samples' scanned batch without its amounts: every check is a question.
pub fn unread(folder: &std::path::Path) -> std::path::PathBuf {
    let from = samples().join("batches").join("b0002");
    for entry in std::fs::read_dir(&from).unwrap().flatten() {
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let index = std::fs::read_to_string(from.join("index.csv")).unwrap();
    let column = index.lines().next().unwrap().split(',').position(|c| c == "amount");
    let lines: Vec<String> = index
        .lines()
        .enumerate()
        .map(|(n, line)| {
            let cells = line.split(',').enumerate();
            cells.map(|(c, cell)| if n > 0 && Some(c) == column { "" } else { cell }).collect::<Vec<_>>().join(",")
        })
        .collect();
    std::fs::write(folder.join("index.csv"), lines.join("\n") + "\n").unwrap();
    folder.to_path_buf()
}
