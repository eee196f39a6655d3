//! Cells against layouts: which template explains the cells best, what the line then says, whether its check digits hold,
//! and how much doubt they leave. Blanks of a template may be missing; smears before, behind and between count against it.

use super::cell::{BLANK, CHARACTERS, CLASSES, OTHER};
use super::{Cell, nothing, numbered};
use crate::decode::check_digit::Check;
use crate::decode::layout::{Font, Layout, Layouts, Part, Template};
use crate::domain::{CharRead, CheckDigitRead, ScanlineRead};

/// Mean cost of a character (natural logarithm) above which a template does not fit.
const MOST_COST: f32 = 1.2;
/// What may be left of doubt in an accepted line.
pub const DOUBT: f32 = 0.001;
/// More second choices than these in one line are not tried in pairs.
const MOST_RIVALS: usize = 28;
/// A character that is less sure than this is rejected in a line that is not accepted.
const SURE: f32 = 0.8;
/// A repair may cost this much (natural logarithm), and the next best must cost this much more.
const REPAIR: f32 = 5.0;
const APART: f32 = 2.5;

/// What a template wants of one cell.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Item {
    Digit,
    Literal(usize),
    Blank,
}

/// One layout laid over the cells.
pub struct Fit<'a> {
    layout: &'a Layout,
    template: &'a Template,
    checks: &'a [Check],
    cost: f32,
    /// Per printed character of the template: its item, its cell, its best class and chance.
    printed: Vec<Printed<'a>>,
    holds: Vec<bool>,
    /// What is left of doubt.
    doubt: f32,
}

#[derive(Clone, Copy)]
struct Printed<'a> {
    item: Item,
    cell: &'a Cell,
    class: usize,
    chance: f32,
    /// A blank cell stood before it.
    spaced: bool,
}

fn items(template: &Template) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    for part in &template.parts {
        match part {
            Part::Blank => items.push(Item::Blank),
            Part::Literal(c) => items.push(literal(*c)?),
            Part::Field { length, .. } => items.extend(std::iter::repeat_n(Item::Digit, (*length)?)),
        }
    }
    Some(items)
}

fn literal(c: char) -> Option<Item> {
    let class = CHARACTERS.iter().position(|k| *k == c)?;
    // A digit that is always the same is still a literal: it is no field's.
    Some(Item::Literal(class))
}

fn cost(chance: f32) -> f32 {
    -chance.max(1e-5).ln()
}

/// How much of what a cell may be is a digit, and which.
fn digit(cell: &Cell) -> (usize, f32) {
    let best = (0..10).max_by(|a, b| cell.chances[*a].total_cmp(&cell.chances[*b])).unwrap_or(0);
    (best, cell.chances[best])
}

/// What it costs to lay each item on a cell, by class, and to lay none.
struct Costs {
    classes: [f32; CLASSES],
    digit: f32,
    idle: f32,
}

impl Costs {
    fn of(cell: &Cell) -> Costs {
        Costs {
            classes: cell.chances.map(cost),
            // A character on clean paper: rather another layout, or none.
            digit: if cell.chances[BLANK] > 0.9 { 36.0 } else { cost(digit(cell).1) },
            // Paper between or beside is nearly free, print is not.
            idle: cost((cell.chances[BLANK] + 0.2 * cell.chances[OTHER]).min(1.0)) + 0.02,
        }
    }

    fn item(&self, item: Item) -> f32 {
        match item {
            Item::Digit => self.digit,
            Item::Literal(class) => self.classes[class],
            Item::Blank => self.classes[BLANK],
        }
    }
}

/// As few cells as a layout may fit.
pub fn fewest(layouts: &Layouts) -> usize {
    let printed = |template: &Template| Some(items(template)?.iter().filter(|i| **i != Item::Blank).count());
    layouts.scanlines().filter_map(|(_, form)| printed(&form.template)).min().unwrap_or(usize::MAX)
}

/// Every layout that fits, the best first: those whose checks hold before the others.
pub fn fits<'a>(cells: &'a [Cell], layouts: &'a Layouts) -> Vec<Fit<'a>> {
    let costs: Vec<Costs> = cells.iter().map(Costs::of).collect();
    let mut fits: Vec<Fit> = layouts
        .scanlines()
        .filter(|(_, form)| form.font != Font::E13b)
        .filter_map(|(layout, form)| fit(cells, &costs, layout, &form.template, &form.checks))
        .collect();
    fits.sort_by(|a, b| b.passes().cmp(&a.passes()).then(a.cost.total_cmp(&b.cost)));
    fits
}

/// The cheapest way to lay the template over the cells: a cell and an item, a blank item without a cell, or a cell without
/// an item.
fn fit<'a>(
    cells: &'a [Cell],
    known: &[Costs],
    layout: &'a Layout,
    template: &'a Template,
    checks: &'a [Check],
) -> Option<Fit<'a>> {
    let items = items(template)?;
    let (n, m) = (cells.len(), items.len());
    let printed = items.iter().filter(|i| **i != Item::Blank).count();
    if n < printed {
        return None;
    }
    let width = m + 1;
    let mut costs = vec![f32::INFINITY; (n + 1) * width];
    let mut ways = vec![Way::Start; (n + 1) * width];
    // Before the first cell only blank items may stand.
    let leading = items.iter().take_while(|item| **item == Item::Blank).count();
    for j in 0..=leading {
        (costs[j], ways[j]) = (j as f32, if j == 0 { Way::Start } else { Way::NoCell });
    }
    for (i, cell) in known.iter().enumerate() {
        let (above, below) = costs[i * width..].split_at_mut(width);
        let (row, ways) = (&mut below[..width], &mut ways[(i + 1) * width..][..width]);
        (row[0], ways[0]) = (above[0] + cell.idle, Way::NoItem);
        let mut before = row[0];
        for (j, &item) in items.iter().enumerate() {
            let mut best = (above[j] + cell.item(item), Way::Both);
            if item == Item::Blank && before + 1.0 < best.0 {
                best = (before + 1.0, Way::NoCell);
            }
            // A cell too many inside the line is rarer than one beside it.
            let inside = if j + 1 == m { 0.0 } else { 2.0 };
            let without = above[j + 1] + cell.idle + inside;
            if without < best.0 {
                best = (without, Way::NoItem);
            }
            (row[j + 1], ways[j + 1]) = best;
            before = best.0;
        }
    }
    let total = costs[n * width + m];
    if total / printed as f32 > MOST_COST {
        return None;
    }
    let (mut i, mut j) = (n, m);
    let mut found: Vec<Printed> = Vec::new();
    while i > 0 || j > 0 {
        match ways[i * width + j] {
            Way::Both => {
                (i, j) = (i - 1, j - 1);
                let cell = &cells[i];
                match items[j] {
                    Item::Blank => found.iter_mut().last().into_iter().for_each(|p| p.spaced = true),
                    item => {
                        let (class, chance) = match item {
                            Item::Literal(class) => (class, cell.chances[class]),
                            _ => digit_among(cell),
                        };
                        found.push(Printed { item, cell, class, chance, spaced: false });
                    }
                }
            }
            Way::NoCell => j -= 1,
            Way::NoItem => {
                i -= 1;
                if j > 0 && j < m {
                    found.iter_mut().last().into_iter().for_each(|p| p.spaced = true);
                }
            }
            Way::Start => return None,
        }
    }
    found.reverse();
    let mut fit = Fit { layout, template, checks, cost: total, printed: found, holds: Vec::new(), doubt: 1.0 };
    fit.holds = fit.hold(&fit.line(&[], false));
    fit.doubt = fit.doubt();
    Some(fit)
}

#[derive(Clone, Copy)]
enum Way {
    Start,
    Both,
    NoCell,
    NoItem,
}

/// The best digit and its share among the digits; half of what is no character at all counts against it.
fn digit_among(cell: &Cell) -> (usize, f32) {
    let (class, chance) = digit(cell);
    let digits: f32 = cell.chances[..10].iter().sum();
    let none = 0.5 * (cell.chances[OTHER] + cell.chances[BLANK]);
    (class, chance / (digits + none).max(1e-6))
}

impl Fit<'_> {
    /// The characters in a row, some of them replaced (place, class); `rejects`: unsure ones are `?`, and blanks stand where they were.
    fn line(&self, replaced: &[(usize, usize)], rejects: bool) -> String {
        let mut line = String::new();
        for (i, printed) in self.printed.iter().enumerate() {
            if printed.spaced {
                line.push(' ');
            }
            let unsure = rejects && printed.item == Item::Digit && printed.chance < SURE;
            let class = replaced.iter().find(|(at, _)| *at == i).map_or(printed.class, |(_, class)| *class);
            line.push(if unsure { '?' } else { CHARACTERS[class] });
        }
        line
    }

    fn hold(&self, line: &str) -> Vec<bool> {
        let Some((_, characters)) = self.template.take(line) else { return vec![false; self.checks.len().max(1)] };
        self.checks.iter().map(|c| c.holds(&characters)).collect()
    }

    fn proved(&self) -> bool {
        self.holds.iter().all(|h| *h)
    }

    /// What is left of doubt when the checks hold: one wrong digit they would have told, two wrong ones mostly.
    fn doubt(&self) -> f32 {
        let wrong: Vec<f32> = self.printed.iter().map(|p| 1.0 - p.chance.min(0.99999)).collect();
        let one = 1.0 - wrong.iter().map(|w| 1.0 - w).product::<f32>();
        if self.checks.is_empty() || !self.proved() {
            return one;
        }
        let sum: f32 = wrong.iter().sum();
        let squares: f32 = wrong.iter().map(|w| w * w).sum();
        let two = ((sum * sum - squares) / 2.0).max(0.0);
        let by_number = two / self.guesses();
        if by_number < DOUBT { by_number } else { self.rivals().map_or(by_number, |r| r.min(by_number)) }
    }

    /// Lines drawn by chance of which one passes all checks.
    fn guesses(&self) -> f32 {
        9.0f32.powi(self.checks.len().min(2) as i32)
    }

    /// The same by trying them: how likely, beside this line, are all others that the checks let pass? Twice that, since
    /// the classifier's second choices are less well known than its first; `None` where too much is in doubt to try all.
    fn rivals(&self) -> Option<f32> {
        // (place, class, how likely beside the best); what is less likely is only summed.
        let mut others: Vec<(usize, usize, f32)> = Vec::new();
        let mut unnamed = 0.0;
        for (i, printed) in self.printed.iter().enumerate().filter(|(_, p)| p.item == Item::Digit) {
            let chances = &printed.cell.chances;
            let best = chances[printed.class].max(1e-5);
            let mut named = 0.0;
            for class in (0..10).filter(|c| *c != printed.class && chances[*c] > 3e-4 * best) {
                others.push((i, class, chances[class] / best));
                named += chances[class] / best;
            }
            unnamed += (1.0 / printed.chance.max(1e-5) - 1.0 - named).max(0.0);
        }
        if others.len() > MOST_RIVALS {
            return None;
        }
        let passes = |replaced: &[(usize, usize)]| self.hold(&self.line(replaced, false)).iter().all(|h| *h);
        let mut sum = 0.0;
        for (n, &(i, class, own)) in others.iter().enumerate() {
            if passes(&[(i, class)]) {
                sum += own;
            }
            for &(j, other, beside) in others[n + 1..].iter().filter(|o| o.0 != i && o.2 * own > 1e-6) {
                if passes(&[(i, class), (j, other)]) {
                    sum += own * beside;
                }
            }
        }
        let named: f32 = others.iter().map(|o| o.2).sum();
        let by_chance = unnamed * unnamed / 2.0 + unnamed * named + named * named * named / 6.0;
        Some(2.0 * (sum + by_chance / self.guesses()))
    }

    pub fn passes(&self) -> bool {
        let literals = self.printed.iter().all(|p| p.item == Item::Digit || p.chance > 0.3);
        let weakest = self.printed.iter().map(|p| p.chance).fold(1.0, f32::min);
        self.proved() && literals && weakest > 0.3 && self.doubt < DOUBT
    }

    /// The one other digit that makes all checks hold, if there is only one that is near.
    fn repair(&self) -> Option<(usize, usize)> {
        if self.proved() || self.checks.is_empty() {
            return None;
        }
        let mut repairs: Vec<(f32, usize, usize)> = Vec::new();
        for (i, printed) in self.printed.iter().enumerate().filter(|(_, p)| p.item == Item::Digit) {
            for class in (0..10).filter(|c| *c != printed.class) {
                let price = cost(printed.cell.chances[class]) - cost(printed.cell.chances[printed.class]);
                if price < REPAIR + APART && self.hold(&self.line(&[(i, class)], false)).iter().all(|h| *h) {
                    repairs.push((price, i, class));
                }
            }
        }
        repairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (price, i, class) = *repairs.first()?;
        let alone = repairs.get(1).is_none_or(|second| second.0 - price > APART);
        (price < REPAIR && alone).then_some((i, class))
    }

    /// `passing`: how many layouts pass; two are as bad as none.
    pub fn reading(self, passing: usize) -> ScanlineRead {
        let accepted = self.passes() && passing == 1;
        let repair = self.repair();
        let best = self.line(repair.as_slice(), false);
        let text = self.line(&[], !accepted);
        let fields = self.template.take(&best).map(|(fields, _)| fields).unwrap_or_default();
        let reads = self.checks.iter().zip(&self.holds);
        let check_digits = reads.map(|(c, ok)| CheckDigitRead { scheme: c.name.clone(), ok: *ok }).collect();
        let character =
            |p: &Printed| CharRead { c: CHARACTERS[p.class], confidence: p.chance, bbox: numbered(p.cell.number) };
        ScanlineRead {
            layout: Some(self.layout.name.clone()),
            biller: self.layout.biller.clone(),
            text,
            best,
            accepted,
            confidence: (1.0 - self.doubt).max(0.0),
            chars: self.printed.iter().map(character).collect(),
            check_digits,
            fields,
            ..nothing()
        }
    }
}
