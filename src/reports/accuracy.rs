//! How well a reader reads, against a truth: read, substitution and reject rates with 95% bounds (Wilson), which character
//! is taken for which, how many errors remain at each share of accepted items (risk and coverage), whether the confidence
//! tells the truth, and how often each warning is raised where it should be. Pure counting; what is an item decides who asks.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

/// What came of one item that should have been read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Taken and right, or rightly stopped because the paper itself is wrong.
    Read,
    /// Taken and wrong: the harm that nobody sees.
    Substituted,
    /// Left to a person.
    Rejected,
}

/// One thing on one document that should have been read.
#[derive(Clone, Debug)]
pub struct Item {
    /// `account line`, `barcode qr`, `kind`: each is a table of its own.
    pub task: String,
    /// The image, as the labelled folder names it.
    pub file: String,
    /// What sort of item it is (`readable yes`, `format jpeg`): each is a row of the table.
    pub labels: Vec<String>,
    pub want: String,
    /// The likeliest reading, with nothing rejected.
    pub got: String,
    pub outcome: Outcome,
    /// The reader's own, 0 to 1; `None` where it says none.
    pub confidence: Option<f32>,
    /// Does the likeliest reading agree with the truth, accepted or not?
    pub is_best_right: bool,
}

/// A warning on one document: should it be raised, and was it?
#[derive(Clone, Debug)]
pub struct Warning {
    pub name: String,
    pub is_due: bool,
    pub is_raised: bool,
    pub file: String,
}

/// What an evaluation found, ready to be shown.
#[derive(Clone, Debug, Default)]
pub struct Accuracy {
    pub title: String,
    pub items: Vec<Item>,
    pub warnings: Vec<Warning>,
    /// Milliseconds a document from bytes to reading, in the order read.
    pub read_ms: Vec<f32>,
    /// Milliseconds for the same bytes to pixels and nothing else: the floor.
    pub floor_ms: Vec<f32>,
    /// Documents that could not be used, and why.
    pub left_out: Vec<String>,
}

/// A share with the bounds between which it lies in 95 of 100 cases (Wilson's score interval).
#[derive(Clone, Copy, PartialEq, Serialize, Debug, Default)]
pub struct Rate {
    pub count: usize,
    pub of: usize,
    pub share: f64,
    pub low: f64,
    pub high: f64,
}

impl Rate {
    pub fn new(count: usize, of: usize) -> Rate {
        if of == 0 {
            return Rate { high: 1.0, ..Rate::default() };
        }
        let (n, z) = (of as f64, 1.959_964);
        let p = count as f64 / n;
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let reach = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        let low = if count == 0 { 0.0 } else { (middle - reach).max(0.0) };
        let high = if count == of { 1.0 } else { (middle + reach).min(1.0) };
        Rate { count, of, share: p, low, high }
    }

    /// `97.4% (96.1 to 98.3)`.
    pub fn text(&self) -> String {
        if self.of == 0 {
            return "-".into();
        }
        let percent = |v: f64| format!("{:.1}", v * 100.0);
        format!("{}% ({} to {})", percent(self.share), percent(self.low), percent(self.high))
    }
}

/// Printed, read as, how often; `None` is a character that is missing or too many.
pub type Confusion = (Option<char>, Option<char>, usize);

/// The rates of a task or of one sort of its items.
#[derive(Clone, Serialize, Debug)]
pub struct Rates {
    pub name: String,
    pub items: usize,
    pub read: Rate,
    pub substituted: Rate,
    pub rejected: Rate,
    /// The likeliest reading is right, accepted or not.
    pub best_right: Rate,
}

impl Rates {
    fn of<'a>(name: &str, items: impl Iterator<Item = &'a Item> + Clone) -> Rates {
        let n = items.clone().count();
        let count = |outcome: Outcome| Rate::new(items.clone().filter(|i| i.outcome == outcome).count(), n);
        Rates {
            name: name.to_string(),
            items: n,
            read: count(Outcome::Read),
            substituted: count(Outcome::Substituted),
            rejected: count(Outcome::Rejected),
            best_right: Rate::new(items.clone().filter(|i| i.is_best_right).count(), n),
        }
    }
}

/// If the items were accepted from the surest down: the share of all accepted, and the share of those wrong.
#[derive(Clone, Copy, PartialEq, Serialize, Debug)]
pub struct CurvePoint {
    pub coverage: f64,
    pub risk: f64,
    pub confidence: f32,
}

/// Of the items said to be this sure, how many are right?
#[derive(Clone, Serialize, Debug)]
pub struct Belief {
    pub from: f32,
    pub below: f32,
    pub right: Rate,
    /// Mean of what was said.
    pub said: f64,
}

/// How well one warning is given.
#[derive(Clone, Serialize, Debug)]
pub struct WarningRates {
    pub name: String,
    /// Of those raised, how many were due.
    pub precision: Rate,
    /// Of those due, how many were raised.
    pub recall: Rate,
    /// Of the documents without the fault, how many are warned of all the same.
    pub false_alarms: Rate,
}

/// Mean, middle, 95th percentile and worst.
#[derive(Clone, Copy, Serialize, Debug, Default)]
pub struct Times {
    pub documents: usize,
    pub mean: f64,
    pub median: f64,
    pub p95: f64,
    pub most: f64,
}

impl Times {
    pub fn of(ms: &[f32]) -> Times {
        let mut sorted = ms.to_vec();
        sorted.sort_by(f32::total_cmp);
        let at = |share: f64| {
            let last = sorted.len().saturating_sub(1);
            f64::from(sorted.get((last as f64 * share) as usize).copied().unwrap_or(0.0))
        };
        let mean = sorted.iter().map(|v| f64::from(*v)).sum::<f64>() / sorted.len().max(1) as f64;
        Times { documents: sorted.len(), mean, median: at(0.5), p95: at(0.95), most: at(1.0) }
    }
}

impl Accuracy {
    /// The tasks, each once, in order of first appearance.
    pub fn tasks(&self) -> Vec<&str> {
        let mut tasks: Vec<&str> = Vec::new();
        for item in &self.items {
            if !tasks.contains(&item.task.as_str()) {
                tasks.push(&item.task);
            }
        }
        tasks
    }

    fn of_task<'a>(&'a self, task: &'a str) -> impl Iterator<Item = &'a Item> + Clone {
        self.items.iter().filter(move |i| i.task == task)
    }

    /// The task as a whole, then a row for each label.
    pub fn rates(&self, task: &str) -> Vec<Rates> {
        let mut labels: Vec<&str> = self.of_task(task).flat_map(|i| i.labels.iter().map(String::as_str)).collect();
        labels.sort_unstable();
        labels.dedup();
        let mut rows = vec![Rates::of("all", self.of_task(task))];
        for label in labels {
            rows.push(Rates::of(label, self.of_task(task).filter(|i| i.labels.iter().any(|l| l == label))));
        }
        rows
    }

    /// Which character was taken for which, the commonest first. `None` is a character that is missing or too many. Only
    /// readings that agree for the most part: others were not read but guessed.
    pub fn confusions(&self, task: &str) -> Vec<Confusion> {
        let mut counts: BTreeMap<(Option<char>, Option<char>), usize> = BTreeMap::new();
        let is_number =
            |i: &&Item| !i.got.is_empty() && i.want.bytes().any(|c| c.is_ascii_digit()) && i.want.len() >= 3;
        for item in self.of_task(task).filter(is_number) {
            let (want, got): (Vec<char>, Vec<char>) = (squeezed(&item.want), squeezed(&item.got));
            let pairs = differences(&want, &got);
            if pairs.len() * 2 <= want.len() {
                pairs.into_iter().for_each(|pair| *counts.entry(pair).or_default() += 1);
            }
        }
        let mut all: Vec<_> = counts.into_iter().map(|((want, got), n)| (want, got, n)).collect();
        all.sort_by_key(|c| std::cmp::Reverse(c.2));
        all
    }

    /// The curve of risk over coverage by the reader's own confidence; items without one are never accepted.
    pub fn curve(&self, task: &str) -> Vec<CurvePoint> {
        let all = self.of_task(task).count().max(1);
        let mut sure: Vec<(f32, bool)> =
            self.of_task(task).filter_map(|i| Some((i.confidence?, i.is_best_right))).collect();
        sure.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut wrong, mut points) = (0usize, Vec::new());
        for (n, (confidence, right)) in sure.iter().enumerate() {
            wrong += usize::from(!right);
            // Equal confidence cannot be told apart: one point for all of them.
            if sure.get(n + 1).is_none_or(|next| next.0 < *confidence) {
                let (coverage, risk) = ((n + 1) as f64 / all as f64, wrong as f64 / (n + 1) as f64);
                points.push(CurvePoint { coverage, risk, confidence: *confidence });
            }
        }
        points
    }

    /// The largest share that can be accepted with at most this share of it wrong.
    pub fn coverage_at(&self, task: &str, risk: f64) -> f64 {
        self.curve(task).iter().filter(|p| p.risk <= risk).map(|p| p.coverage).fold(0.0, f64::max)
    }

    pub fn beliefs(&self, task: &str) -> Vec<Belief> {
        let bins = [0.0, 0.5, 0.9, 0.99, 0.999, f32::INFINITY];
        let of = |from: f32, below: f32| {
            let items = self.of_task(task).filter(move |i| i.confidence.is_some_and(|c| (from..below).contains(&c)));
            let n = items.clone().count();
            let said = items.clone().filter_map(|i| i.confidence).map(f64::from).sum::<f64>() / n.max(1) as f64;
            Belief { from, below: below.min(1.0), right: Rate::new(items.filter(|i| i.is_best_right).count(), n), said }
        };
        bins.windows(2).map(|b| of(b[0], b[1])).filter(|b| b.right.of > 0).collect()
    }

    pub fn warning_rates(&self) -> Vec<WarningRates> {
        let mut names: Vec<&str> = self.warnings.iter().map(|w| w.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let of = |name: &str| {
            let count = |due: &[bool], raised: &[bool]| {
                let is = |w: &&Warning| due.contains(&w.is_due) && raised.contains(&w.is_raised);
                self.warnings.iter().filter(|w| w.name == name).filter(is).count()
            };
            let both = count(&[true], &[true]);
            WarningRates {
                name: name.to_string(),
                precision: Rate::new(both, count(&[true, false], &[true])),
                recall: Rate::new(both, count(&[true], &[true, false])),
                false_alarms: Rate::new(count(&[false], &[true]), count(&[false], &[true, false])),
            }
        };
        names.into_iter().map(of).collect()
    }

    /// The worst first: taken and wrong, surest first; then rejected, the least sure first, and last of all what nobody can read.
    pub fn worst(&self, most: usize) -> Vec<&Item> {
        let mut bad: Vec<&Item> = self.items.iter().filter(|i| i.outcome != Outcome::Read).collect();
        let key = |i: &&Item| {
            let is_lost = i.labels.iter().any(|l| l == "readable no");
            (i.outcome == Outcome::Rejected, is_lost, i.confidence.unwrap_or(0.0))
        };
        bad.sort_by(|a, b| {
            let (a, b) = (key(a), key(b));
            let by_chance = if a.0 { a.2.total_cmp(&b.2) } else { b.2.total_cmp(&a.2) };
            (a.0, a.1 && a.0).cmp(&(b.0, b.1 && b.0)).then(by_chance)
        });
        bad.truncate(most);
        bad
    }

    /// For programs: every figure, and the items that were not read.
    pub fn json(&self) -> Value {
        let tasks: Vec<Value> = self
            .tasks()
            .into_iter()
            .map(|task| {
                let mut rates = self.rates(task);
                let all = rates.remove(0);
                json!({
                    "task": task, "all": all, "by_label": rates,
                    "coverage_at_risk": {"0.001": self.coverage_at(task, 0.001), "0.01": self.coverage_at(task, 0.01)},
                    "confusions": self.confusions(task).iter().map(|(want, got, n)| json!({"want": want, "got": got, "count": n})).collect::<Vec<_>>(),
                    "beliefs": self.beliefs(task), "curve": self.curve(task),
                })
            })
            .collect();
        let left =
            |i: &&Item| json!({"file": i.file, "task": i.task, "outcome": i.outcome, "confidence": i.confidence});
        json!({
            "title": self.title, "documents": self.read_ms.len(),
            "ms": {"read": Times::of(&self.read_ms), "floor": Times::of(&self.floor_ms)},
            "tasks": tasks, "warnings": self.warning_rates(),
            "not_read": self.worst(usize::MAX).iter().map(left).collect::<Vec<_>>(), "left_out": self.left_out,
        })
    }
}

/// Without blanks, which have no fixed meaning in a line.
pub fn squeezed(text: &str) -> Vec<char> {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// What must be changed, left out or put in to come from one text to the other, by the fewest steps.
pub fn differences(want: &[char], got: &[char]) -> Vec<(Option<char>, Option<char>)> {
    let (n, m) = (want.len().min(400), got.len().min(400));
    let width = m + 1;
    let mut steps = vec![0usize; (n + 1) * width];
    for i in 0..=n {
        for j in 0..=m {
            steps[i * width + j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let same = usize::from(want[i - 1] != got[j - 1]);
                    let change = steps[(i - 1) * width + j - 1] + same;
                    change.min(steps[(i - 1) * width + j] + 1).min(steps[i * width + j - 1] + 1)
                }
            };
        }
    }
    let (mut i, mut j, mut found) = (n, m, Vec::new());
    while i > 0 || j > 0 {
        let here = steps[i * width + j];
        let both = i > 0 && j > 0;
        if both && want[i - 1] == got[j - 1] && here == steps[(i - 1) * width + j - 1] {
            (i, j) = (i - 1, j - 1);
        } else if both && here == steps[(i - 1) * width + j - 1] + 1 {
            found.push((Some(want[i - 1]), Some(got[j - 1])));
            (i, j) = (i - 1, j - 1);
        } else if i > 0 && here == steps[(i - 1) * width + j] + 1 {
            found.push((Some(want[i - 1]), None));
            i -= 1;
        } else {
            found.push((None, Some(got[j - 1])));
            j -= 1;
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn item(want: &str, got: &str, outcome: Outcome, confidence: f32) -> Item {
        let label = format!("length {}", want.len());
        let (task, file) = ("account line".to_string(), format!("{want}.tif"));
        let is_best_right = want == got;
        let (want, got) = (want.to_string(), got.to_string());
        Item { task, file, labels: vec![label], want, got, outcome, confidence: Some(confidence), is_best_right }
    }

    #[test]
    fn bounds_are_wilsons() {
        // By hand: p = k/n, z = 1.96.
        for (count, of, low, high) in [
            (0, 10, 0.0, 0.2775),
            (10, 10, 0.7225, 1.0),
            (5, 10, 0.2366, 0.7634),
            (1, 1000, 0.000_177, 0.005_64),
            (0, 0, 0.0, 1.0),
        ] {
            let rate = Rate::new(count, of);
            assert!((rate.low - low).abs() < 5e-4 && (rate.high - high).abs() < 5e-4, "{count} of {of}: {rate:?}");
        }
        assert_eq!(Rate::new(974, 1000).text(), "97.4% (96.2 to 98.2)");
        assert_eq!(Rate::new(0, 0).text(), "-");
    }

    #[test]
    fn what_was_taken_for_what() {
        for (want, got, pairs) in [
            ("1234", "1234", ""),
            ("1234", "1734", "2>7"),
            ("1234", "134", "2>_"),
            ("1234", "12934", "_>9"),
            ("12", "", "1>_ 2>_"),
            ("8128", "8178", "2>7"),
        ] {
            let show = |c: Option<char>| c.unwrap_or('_');
            let found: Vec<String> = differences(&squeezed(want), &squeezed(got))
                .into_iter()
                .map(|(w, g)| format!("{}>{}", show(w), show(g)))
                .collect();
            assert_eq!(found.join(" "), pairs, "{want} {got}");
        }
    }

    #[test]
    fn rates_curve_and_confusions_of_a_small_set() {
        use Outcome::*;
        // A word is not spelled: `check` for `stub` confuses no letters.
        assert_eq!(
            Accuracy { items: vec![item("stub", "stab", Rejected, 0.5)], ..Accuracy::default() }
                .confusions("account line"),
            []
        );
        let items = vec![
            item("1111", "1111", Read, 0.99),
            item("2222", "2222", Read, 0.98),
            item("3333", "3833", Substituted, 0.97),
            item("444", "444", Rejected, 0.6),
            item("5555", "8855", Rejected, 0.2),
        ];
        let found = Accuracy { items, ..Accuracy::default() };
        let rates = found.rates("account line");
        assert_eq!(rates.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["all", "length 3", "length 4"]);
        let all = &rates[0];
        assert_eq!((all.read.count, all.substituted.count, all.rejected.count, all.best_right.count), (2, 1, 2, 3));
        let curve: Vec<String> =
            found.curve("account line").iter().map(|p| format!("{:.1} {:.2}", p.coverage, p.risk)).collect();
        assert_eq!(curve, ["0.2 0.00", "0.4 0.00", "0.6 0.33", "0.8 0.25", "1.0 0.40"]);
        assert_eq!((found.coverage_at("account line", 0.0), found.coverage_at("account line", 0.25)), (0.4, 0.8));
        let taken = found.confusions("account line");
        assert_eq!(taken, [(Some('5'), Some('8'), 2), (Some('3'), Some('8'), 1)]);
        let worst: Vec<&str> = found.worst(9).iter().map(|i| i.want.as_str()).collect();
        assert_eq!(worst, ["3333", "5555", "444"]);
        assert_eq!(found.json()["tasks"][0]["all"]["read"]["count"], 2);
    }

    #[test]
    fn warnings_are_counted_both_ways() {
        let warning = |is_due, is_raised| Warning { name: "partial".into(), is_due, is_raised, file: String::new() };
        let warnings = vec![
            warning(true, true),
            warning(true, false),
            warning(false, true),
            warning(false, false),
            warning(false, false),
        ];
        let rates = &Accuracy { warnings, ..Accuracy::default() }.warning_rates()[0];
        let shown = [&rates.precision, &rates.recall, &rates.false_alarms].map(|r| (r.count, r.of));
        assert_eq!(shown, [(1, 2), (1, 2), (1, 3)]);
    }
}
