//! Derives the E-13B classifiers: `train micr --seed 1 --samples N --data DIR --station DIR --out DIR`. What was done is not
//! done again. `train eval-micr --lines DIR --folds DIR` then measures each real line with the weights that never saw its check,
//! and `train micr-curve --lines DIR --folds DIR` makes the confidence's curve again from weights that are there.

mod covered;
mod curve;
mod draw;
mod glyphs;
pub mod measure;
pub mod real;
mod spoil;

use std::path::{Path, PathBuf};

use remit::decode::micr::strip::{Geometry, HEIGHT, Ink, WINDOW};
use remit::decode::net::{Net, Plan};

use crate::net::{Schedule, fit, start, test};
use crate::random::Random;

pub struct Arguments {
    pub seed: u64,
    /// Drawn glyphs of the first part; the other parts follow from it.
    pub samples: u64,
    /// Folder of the weights.
    pub out: String,
    /// Real lines with their text; the folds are made by check.
    pub data: String,
    /// A station folder with truth, for other print; none: without.
    pub station: String,
    /// Only this fold, or (5) only the weights of everything; none: all of it.
    pub fold: Option<u64>,
}

/// Lines that are left out of training: their labels are wrong, as seen by eye.
pub const WRONG_LABELS: &str = include_str!("wrong_labels.tsv");

/// Folds, and after them everything.
pub const ALL: u64 = real::Folds::COUNT;

/// Weights of one fold, or of everything.
pub fn place(folder: &Path, fold: u64) -> PathBuf {
    folder.join(if fold == ALL { "e13b.net".to_string() } else { format!("fold-{fold}.net") })
}

/// First drawn glyphs alone, then half of them cut from real lines: without one fold after the other, and last from all.
pub fn train(arguments: &Arguments) -> std::io::Result<()> {
    let out = Path::new(&arguments.out);
    std::fs::create_dir_all(out)?;
    let mut course = Course {
        fields: glyphs::Fields::new(),
        samples: arguments.samples,
        data: Path::new(&arguments.data),
        other: if arguments.station.is_empty() { Vec::new() } else { real::other_print(arguments.station.as_ref())? },
        lines: Vec::new(),
        wrong: measure::known_wrong(),
    };
    let drawn = out.join("drawn.net");
    let base = match weights(&drawn) {
        Ok(net) => net,
        Err(_) => course.draw(arguments.seed),
    };
    std::fs::write(&drawn, base.to_bytes())?;
    // Aligned by weights that have seen none of them, so that no fold knows of another.
    course.lines = real::lines(course.data, &base)?;
    for fold in arguments.fold.map_or_else(|| (0..=ALL).collect(), |f| vec![f]) {
        let place = place(out, fold);
        if weights(&place).is_err() {
            println!("== {}", place.display());
            let net = course.learn(&base, arguments.seed, fold);
            std::fs::write(&place, net.to_bytes())?;
        }
    }
    if arguments.fold.is_some() {
        return Ok(());
    }
    confidence(course.data, out)
}

/// The classifier for what stands under other ink, from the one that is there: `train micr-covered --seed 1 --samples N --net FILE
/// --data DIR --station DIR --out FILE`.
pub fn covered(arguments: &Arguments, net: &Path) -> std::io::Result<()> {
    let base = weights(net)?;
    let fields = glyphs::Fields::new();
    let wrong = measure::known_wrong();
    let data = Path::new(&arguments.data);
    let lines = real::chosen(data, &real::lines(data, &base)?, &|name| !wrong.contains(&name));
    let other = real::other_print(arguments.station.as_ref())?;
    let source = covered::Source { fields: &fields, lines: &lines, other: &other };
    let seed = arguments.seed;
    let mut own = base.clone();
    let sample = |n: u64| covered::glyph(&source, &mut Random::stream(seed ^ (1 << 40), n));
    fit(&mut own, &sample, Schedule { samples: arguments.samples, ..Schedule::default() });
    own.note = format!("train micr-covered --seed {seed} --samples {}", arguments.samples);
    let fresh = |n: u64| covered::glyph(&source, &mut Random::stream(seed ^ 0x5eed, n));
    let ((before, _), (after, loss)) = (test(&base, &fresh, 0..10_000), test(&own, &fresh, 0..10_000));
    println!("covered glyphs: {:.2}% wrong before, {:.2}% now, loss {loss:.4}", 100.0 * before, 100.0 * after);
    std::fs::write(&arguments.out, own.to_bytes())
}

/// How sure a reading is, by lines that the weights in this folder had not seen: writes `e13b.curve` beside them. What a reading
/// is judged by may change without its weights: then this is all that is to be made again.
pub fn confidence(data: &Path, out: &Path) -> std::io::Result<()> {
    let seen = measure::of_folds(data, out, None)?;
    let wrong = measure::known_wrong();
    let known = |o: &measure::Outcome| wrong.contains(&o.name.as_str());
    let lines: Vec<_> = seen.iter().filter(|(o, _, _)| !known(o)).map(|(o, _, n)| (*n, o.right())).collect();
    let numbers = curve::fitted(&lines).0.map(|w| format!("{w:.4}")).join(" ");
    let right = lines.iter().filter(|l| l.1).count();
    // The weights say how they were made.
    let note = weights(&place(out, 0))?.note;
    let command = note.split(" --data").next().unwrap_or(&note);
    std::fs::write(out.join("e13b.curve"), format!("{numbers} # {command}, {right} of {} right\n", lines.len()))
}

struct Course<'a> {
    fields: glyphs::Fields,
    samples: u64,
    /// Real lines with their text.
    data: &'a Path,
    /// What looks a little like an account line.
    other: Vec<(Ink, Geometry)>,
    /// The real lines that align with their text.
    lines: Vec<real::Line>,
    /// Lines left out.
    wrong: Vec<&'static str>,
}

impl Course<'_> {
    /// A classifier that has seen drawn glyphs only.
    fn draw(&self, seed: u64) -> Net {
        let plan = [
            Plan::Conv { kernel: 3, stride: 2, filters: 8 },
            Plan::Conv { kernel: 3, stride: 2, filters: 24 },
            Plan::Dense(48),
            Plan::Dense(15),
        ];
        let mut net = Net::plan(WINDOW, HEIGHT, &plan);
        start(&mut net, seed);
        let sample = |n: u64| draw::glyph(&self.fields, &mut Random::stream(seed, n));
        fit(&mut net, &sample, Schedule { samples: self.samples, ..Schedule::default() });
        net.note = format!("train micr --seed {seed} --samples {}", self.samples);
        net
    }

    /// Goes on with real lines, all but those of one fold.
    fn learn(&self, base: &Net, seed: u64, fold: u64) -> Net {
        let folds = real::Folds::beside(self.data);
        let mut net = base.clone();
        let keep = |name: &str| folds.of(name) != fold && !self.wrong.contains(&name);
        let lines = real::chosen(self.data, &self.lines, &keep);
        let sample = |n: u64| {
            let mut random = Random::stream(seed ^ (1 << 32), n);
            match random.below(20) {
                0..=11 => real::glyph(&lines, &mut random),
                12..=13 if !self.other.is_empty() => real::not_a_glyph(&self.other, &mut random),
                _ => draw::glyph(&self.fields, &mut random),
            }
        };
        fit(&mut net, &sample, Schedule { samples: self.samples * 7 / 4, rate: 0.0015, ..Schedule::default() });
        net.note += if fold == ALL { " --data (all real lines)" } else { " --data (real lines but one fold)" };
        let fresh = |n: u64| draw::glyph(&self.fields, &mut Random::stream(seed ^ 0x5eed, n));
        let (wrong, loss) = test(&net, &fresh, 0..10_000);
        println!("fresh drawn glyphs: {:.3}% wrong, loss {loss:.4}; {net}", 100.0 * wrong);
        net
    }
}

pub fn weights(path: &Path) -> std::io::Result<Net> {
    Net::from_bytes(&std::fs::read(path)?).map_err(std::io::Error::other)
}

/// Prints some training glyphs.
pub fn show(seed: u64) {
    let fields = glyphs::Fields::new();
    for n in 0..24 {
        let (pixels, class) = draw::glyph(&fields, &mut Random::stream(seed, n));
        println!("class {}", glyphs::SYMBOLS.get(class).map_or('-', |&c| c as char));
        for row in pixels.chunks(WINDOW) {
            println!("{}", row.iter().map(|p| b" .:-=+*#%@"[(p * 9.9) as usize] as char).collect::<String>());
        }
    }
}
