//! Amounts in figures: of the checks of a station folder, or of a folder of cut-out fields. Four questions to each field: what
//! does it say freely; is the truth confirmed in a list of five; is anything confirmed in a list of amounts one digit beside
//! the truth; is anything confirmed in a list of unrelated amounts.

use std::path::Path;
use std::time::Instant;

use super::folder::{self, Truth};
use super::{Measured, Options, Seen, timed};
use crate::cli::Failure;
use crate::config::Config;
use crate::decode::amount::decide::{Rules, decide};
use crate::decode::amount::{Reader, unpacked};
use crate::decode::{Expect, Source};
use crate::domain::{AmountRead, Cents, ImageRole, PixelBox};
use crate::imaging::{self, Raster, Transform, Upright};
use crate::reports::accuracy::{Item, Outcome};

pub fn measure(root: &Path, options: &Options) -> anyhow::Result<Vec<Measured>> {
    let section = Config::parse("")?.amounts;
    let threshold = options.threshold.unwrap_or(section.threshold);
    let rules = Rules { threshold, close_margin: section.close_margin, limit: None };
    let reader =
        Reader::own().ok_or_else(|| Failure::input("amounts", "the weights of the amount reader are damaged"))?;
    if !root.join("truth.jsonl").is_file()
        && let Some(fields) = folder::lines(root)?
    {
        let truths: Vec<Cents> = fields.iter().filter_map(|(_, text)| text.parse().ok()).collect();
        return options.on_each(&fields, |(path, text)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let left_out = |why: String| Measured { left_out: vec![format!("{name}: {why}")], ..Measured::default() };
            let Ok(truth) = text.parse::<Cents>() else { return left_out(format!("'{text}' is no amount")) };
            let page = match std::fs::read(path).map_err(|e| e.to_string()).and_then(|b| page(&b)) {
                Ok(page) => page,
                Err(why) => return left_out(why),
            };
            let whole = PixelBox { x: 0, y: 0, w: page.bits.width() as i32, h: page.bits.height() as i32 };
            let started = Instant::now();
            let read = reader.read_field(&page, whole).unwrap_or_default();
            let ms = started.elapsed().as_secs_f32() * 1e3;
            // `0001-printed-bits.png`: what stands between dashes sorts the results.
            let stem = name.split('.').next().unwrap_or_default();
            let labels = stem.split('-').skip(1).map(str::to_string).collect();
            let items = items(truth, &truths, &name, labels, &read, &rules);
            Measured { items, read_ms: vec![ms], ..Measured::default() }
        });
    }
    let layouts = options.layouts()?;
    let documents: Vec<Truth> =
        folder::station(root)?.into_iter().filter(|t| t.is_check() && t.amount.is_some()).collect();
    let truths: Vec<Cents> = documents.iter().filter_map(|t| t.amount.map(Cents::new)).collect();
    options.on_each(&documents, |truth| {
        let mut out = Measured::default();
        let Some(amount) = truth.amount.map(Cents::new) else { return out };
        for file in truth.fronts() {
            match folder::bytes(root, file) {
                Err(message) => out.left_out.push(message),
                Ok(bytes) => {
                    let source = Source { role: ImageRole::Front, name: file, bytes: &bytes };
                    let (reading, ms, floor) = timed(&[source], truth.dpi, Expect::Check, &layouts);
                    let mut labels = truth.labels(file);
                    labels.extend(Some(truth.amount_source.clone()).filter(|form| !form.is_empty()));
                    labels.extend(truth.dpi.map(|dpi| format!("{dpi} dpi")));
                    labels.extend(
                        reading.amount.field.as_ref().map(|f| format!("found by {:?}", f.found).to_lowercase()),
                    );
                    out.items.extend(items(amount, &truths, file, labels, &reading.amount, &rules));
                    out.read_ms.push(ms);
                    out.floor_ms.push(floor);
                }
            }
        }
        out
    })
}

fn page(bytes: &[u8]) -> Result<Upright, String> {
    let page = imaging::load(bytes, 0).map_err(|e| e.to_string())?;
    let dpi = page.dpi.filter(|d| (100..=600).contains(d)).unwrap_or(200);
    let (bits, gray) = match page.raster {
        Raster::Bits(bits) => (bits, None),
        Raster::Gray(gray) => {
            let two_levels = gray.pixels().iter().all(|&v| v == 0 || v == 255);
            (imaging::binarize(&gray), Some(gray).filter(|_| !two_levels))
        }
    };
    Ok(Upright { bits, gray, dpi, transform: Transform::IDENTITY })
}

/// A step of a fixed sequence: the lists are the same every time.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize
}

/// The same amount with one digit changed.
fn neighbour(truth: Cents, seed: &mut u64) -> Cents {
    let mut digits = truth.get().to_string().into_bytes();
    let at = next(seed) % digits.len();
    let other = b'0' + ((digits[at] - b'0') as usize + 1 + next(seed) % 9) as u8 % 10;
    digits[at] = if at == 0 && other == b'0' { if digits[0] == b'1' { b'2' } else { b'1' } } else { other };
    String::from_utf8_lossy(&digits).parse::<i64>().map_or(truth, Cents::new)
}

fn items(truth: Cents, all: &[Cents], file: &str, labels: Vec<String>, read: &AmountRead, rules: &Rules) -> Vec<Seen> {
    let mut seed = truth.get() as u64 ^ (file.len() as u64) << 32;
    let near: Vec<Cents> = (0..5).map(|_| neighbour(truth, &mut seed)).filter(|n| *n != truth).collect();
    let strange: Vec<Cents> =
        (0..40).map(|_| all[next(&mut seed) % all.len().max(1)]).filter(|a| *a != truth).take(5).collect();
    let mut five = vec![truth];
    five.extend(strange.iter().take(4));
    let field = read.field.as_ref();
    let columns = field.and_then(|f| unpacked(&f.columns));
    let item = |task: &str, hypotheses: &[Cents], want: String| {
        let verdict = decide(columns.as_deref(), hypotheses, rules);
        let got = verdict.result.map(|a| a.to_string()).unwrap_or_default();
        let outcome = match (verdict.result, got == want) {
            (Ok(_), false) => Outcome::Substituted,
            (_, true) => Outcome::Read,
            (Err(_), false) => Outcome::Rejected,
        };
        let best = verdict.choices.first().map(|g| g.value.to_string()).unwrap_or_default();
        let confidence = Some(1.0 / (1.0 + (-verdict.log_odds).exp()));
        let is_best_right = want.is_empty() || best == want;
        Seen {
            item: Item {
                task: task.into(),
                file: file.into(),
                labels: labels.clone(),
                want,
                got: best,
                outcome,
                confidence,
                is_best_right,
            },
            area: field.map(|f| f.bbox),
        }
    };
    let free = read.guesses.first();
    let text = free.map(|g| g.value.to_string()).unwrap_or_default();
    let right = text == truth.to_string();
    let outcome = match free.is_some_and(|g| g.log_odds >= rules.threshold) {
        true if right => Outcome::Read,
        true => Outcome::Substituted,
        false => Outcome::Rejected,
    };
    let freely = Seen {
        item: Item {
            task: "amount, read freely".into(),
            file: file.into(),
            labels: labels.clone(),
            want: truth.to_string(),
            got: text,
            outcome,
            confidence: Some(free.map_or(0.0, |g| 1.0 / (1.0 + (-g.log_odds).exp()))),
            is_best_right: right,
        },
        area: field.map(|f| f.bbox),
    };
    vec![
        freely,
        item("amount, in a list of five", &five, truth.to_string()),
        item("amount, neighbours only", &near, String::new()),
        item("amount, unrelated only", &strange, String::new()),
    ]
}
