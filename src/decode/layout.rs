//! Stub layouts: what the lines and barcodes of a biller's bill stub look like, as a TOML file says it: templates of
//! literals and fields, check digits, fonts, symbologies. Refuses a file with an unknown key, a template that cannot be
//! told apart, a check that points past the line: with the line, the layout and the key, before anything is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::amount::find::Zones;
use super::check_digit::{Anchor, Check, Letters, Outcome, Scheme, Weighted};
use crate::domain::CheckDigitRead;

/// A line on a stub holds no more than this.
const MOST_CHARACTERS: usize = 128;
/// A biller has a handful of forms, a service bureau hundreds.
const MOST_LAYOUTS: usize = 2000;
const MOST_BYTES: usize = 4 << 20;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}{place}: {message}", .line.map(|l| format!("line {l}, ")).unwrap_or_default())]
pub struct LayoutError {
    /// From 1, where the fault has a place in the text.
    pub line: Option<usize>,
    /// Which layout and which key.
    pub place: String,
    pub message: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Debug)]
pub enum Font {
    #[serde(rename = "ocr-a")]
    OcrA,
    #[serde(rename = "ocr-b")]
    OcrB,
    #[serde(rename = "e13b")]
    E13b,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Symbology {
    #[serde(rename = "code-128")]
    Code128,
    #[serde(rename = "code-39")]
    Code39,
    Itf,
    Qr,
    Pdf417,
    Datamatrix,
}

impl Symbology {
    /// As in a layout file and in a reading.
    pub fn as_str(self) -> &'static str {
        match self {
            Symbology::Code128 => "code-128",
            Symbology::Code39 => "code-39",
            Symbology::Itf => "itf",
            Symbology::Qr => "qr",
            Symbology::Pdf417 => "pdf417",
            Symbology::Datamatrix => "datamatrix",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// A printed character that is not a blank.
    Literal(char),
    /// Optional when reading.
    Blank,
    Field {
        name: String,
        /// `None`: up to the next literal.
        length: Option<usize>,
        /// Belongs to the value and is not printed.
        prefix: String,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    pub parts: Vec<Part>,
    text: String,
}

#[derive(Clone, Debug)]
pub struct ScanlineForm {
    pub font: Font,
    pub template: Template,
    pub checks: Vec<Check>,
}

#[derive(Clone, Debug)]
pub struct BarcodeForm {
    pub symbology: Symbology,
    pub template: Template,
    pub checks: Vec<Check>,
}

#[derive(Clone, Debug)]
pub struct Layout {
    pub name: String,
    pub biller: Option<String>,
    pub scanline: Option<ScanlineForm>,
    pub barcodes: Vec<BarcodeForm>,
    pub boxes: Vec<BoxForm>,
    /// Inches wide and high of the stub as it is torn off: a smaller picture is cut.
    pub size: Option<(f32, f32)>,
    raw: RawLayout,
}

/// A box that the member marks or writes into: inches from the middle of the line's first character (of a stub without
/// a line: from the barcode's left upper corner) to the box's left upper corner, right and down; and its size.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct BoxForm {
    /// `donation`, `address_change`, `autopay`, `meter_reading`: small letters, digits and _.
    pub name: String,
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
    /// Boxes side by side for one digit each (self-read meters); 1 is a box to tick.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub cells: u32,
}

fn one() -> u32 {
    1
}

fn is_one(cells: &u32) -> bool {
    *cells == 1
}

impl BoxForm {
    fn fault(&self) -> Option<String> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.name.is_empty() || self.name.len() > 40 || !self.name.chars().all(good) {
            return Some(format!("'{}' is not a box name: small letters, digits and _", self.name));
        }
        let near = |v: f32| v.is_finite() && v.abs() <= 12.0;
        if !near(self.x) || !near(self.y) || !(0.05..=9.0).contains(&self.w) || !(0.05..=4.0).contains(&self.h) {
            return Some("x and y are inches from -12 to 12, w and h the size in inches from 0.05".into());
        }
        (!(1..=20).contains(&self.cells)).then(|| "cells lies from 1 to 20".to_string())
    }
}

/// The stub layouts of a site.
#[derive(Clone, Debug, Default)]
pub struct Layouts {
    pub all: Vec<Layout>,
    /// The text as it came, while it still says all.
    source: Option<String>,
    /// Where the amount stands on checks whose field a person drew.
    pub check_zones: Zones,
}

/// A text that fits a template.
#[derive(Clone, PartialEq, Debug)]
pub struct Match {
    pub layout: String,
    pub biller: Option<String>,
    pub fields: BTreeMap<String, String>,
    pub check_digits: Vec<CheckDigitRead>,
}

impl Match {
    pub fn checks_hold(&self) -> bool {
        self.check_digits.iter().all(|c| c.ok)
    }
}

#[derive(Clone, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    layout: Vec<Spanned<RawLayout>>,
}

#[derive(Clone, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawLayout {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    biller: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<[f32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scanline: Option<RawScanline>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    barcodes: Vec<RawBarcode>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    boxes: Vec<BoxForm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checks: Vec<RawCheck>,
}

#[derive(Clone, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawScanline {
    font: Font,
    template: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<RawCheck>>,
}

#[derive(Clone, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawBarcode {
    symbology: Symbology,
    template: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<RawCheck>>,
}

#[derive(Clone, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modulus: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    anchor: Option<Anchor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ten: Option<char>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zero: Option<char>,
    #[serde(skip_serializing_if = "Option::is_none")]
    letters: Option<Letters>,
    covers: String,
    digit: usize,
}

impl Template {
    /// `{name:length}`, `{name}`, `{name:length,prefix=P}`; anything else is a literal, blanks are optional; `{{` is a brace.
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut names = BTreeSet::new();
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '{' if rest.starts_with('{') => {
                    rest = &rest[1..];
                    parts.push(Part::Literal('{'));
                }
                '{' => {
                    let end = rest.find('}').ok_or_else(|| format!("'{{{rest}' has no closing brace"))?;
                    let field = field(&rest[..end])?;
                    if let Part::Field { name, .. } = &field
                        && name != "skip"
                        && !names.insert(name.clone())
                    {
                        return Err(format!("the field '{name}' stands twice"));
                    }
                    if let Some(Part::Field { name, length: None, .. }) =
                        parts.iter().rev().find(|p: &&Part| **p != Part::Blank)
                    {
                        return Err(format!("nothing tells where the field '{name}' ends: give it a length"));
                    }
                    parts.push(field);
                    rest = &rest[end + 1..];
                }
                c if c.is_whitespace() => parts.push(Part::Blank),
                c => parts.push(Part::Literal(c)),
            }
        }
        let template = Template { parts, text: text.to_owned() };
        match template.parts.iter().any(|p| matches!(p, Part::Field { .. })) {
            false => Err("a template needs at least one field, such as {account:10}".into()),
            true if template.length().is_some_and(|l| l > MOST_CHARACTERS) => {
                Err(format!("longer than {MOST_CHARACTERS} characters"))
            }
            true => Ok(template),
        }
    }

    /// Characters of all fields together, when each has a length.
    pub fn length(&self) -> Option<usize> {
        let length = |p: &Part| match p {
            Part::Field { length, .. } => *length,
            _ => Some(0),
        };
        self.parts.iter().map(length).sum()
    }

    /// The values of the fields (a field that is not filled is left out) and their characters in a row, as printed.
    /// Blanks are skipped, except inside a field without a length; one with a length holds letters, digits, `-./*?`.
    pub fn take(&self, text: &str) -> Option<(BTreeMap<String, String>, Vec<char>)> {
        let mut rest: Vec<char> = text.chars().rev().collect();
        let (mut fields, mut characters) = (BTreeMap::new(), Vec::new());
        let skip_blanks = |rest: &mut Vec<char>| {
            while rest.last().is_some_and(|c| c.is_whitespace()) {
                rest.pop();
            }
        };
        for (i, part) in self.parts.iter().enumerate() {
            match part {
                Part::Blank => skip_blanks(&mut rest),
                Part::Literal(c) => {
                    skip_blanks(&mut rest);
                    if rest.pop() != Some(*c) {
                        return None;
                    }
                }
                Part::Field { name, length, prefix } => {
                    let mut value = String::new();
                    match length {
                        Some(length) => {
                            for _ in 0..*length {
                                skip_blanks(&mut rest);
                                let filled = |c: &char| c.is_alphanumeric() || "-./*?".contains(*c);
                                value.push(rest.pop().filter(filled)?);
                            }
                        }
                        None => {
                            let stop = self.parts[i + 1..].iter().find_map(|p| match p {
                                Part::Literal(c) => Some(*c),
                                _ => None,
                            });
                            while let Some(c) = rest.pop_if(|c| Some(*c) != stop) {
                                value.push(c);
                            }
                            value = value.trim().to_owned();
                        }
                    }
                    characters.extend(value.chars());
                    if !value.is_empty() && name != "skip" {
                        fields.insert(name.clone(), format!("{prefix}{value}"));
                    }
                }
            }
        }
        skip_blanks(&mut rest);
        rest.is_empty().then_some((fields, characters))
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn field(text: &str) -> Result<Part, String> {
    let mut words = text.split(',');
    let first = words.next().unwrap_or_default();
    let (name, length) = match first.split_once(':') {
        None => (first, None),
        Some((name, digits)) => {
            let length = digits.parse::<usize>().ok().filter(|l| (1..=MOST_CHARACTERS).contains(l));
            (name, Some(length.ok_or_else(|| format!("'{digits}' is not a length from 1 to {MOST_CHARACTERS}"))?))
        }
    };
    let name_ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 40 || !name.chars().all(name_ok) {
        return Err(format!("'{name}' is not a field name: small letters, digits and _"));
    }
    let mut prefix = String::new();
    for word in words {
        match word.split_once('=') {
            Some(("prefix", p)) => prefix = p.to_owned(),
            _ => return Err(format!("'{word}' is not known in a field; known: prefix=TEXT")),
        }
    }
    Ok(Part::Field { name: name.to_owned(), length, prefix })
}

/// `1-28`, `5-9,1-4`, `9-1` (backwards).
fn positions(text: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("covers = \"{text}\" is not a list of positions such as \"1-28\" or \"5-9,1-4\"");
    let number =
        |s: &str| s.trim().parse::<usize>().ok().filter(|n| (1..=MOST_CHARACTERS).contains(n)).ok_or_else(wrong);
    let mut all = Vec::new();
    for range in text.split(',') {
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (number(from)?, number(to)?),
            None => (number(range)?, number(range)?),
        };
        if from <= to {
            all.extend(from..=to)
        } else {
            all.extend((to..=from).rev())
        }
        if all.len() > MOST_CHARACTERS {
            return Err(wrong());
        }
    }
    Ok(all)
}

impl RawCheck {
    fn build(&self) -> Result<Check, String> {
        let covers = positions(&self.covers)?;
        let full = self.modulus.is_some() || self.weights.is_some() || self.anchor.is_some() || self.result.is_some();
        let mut scheme = match (&self.scheme, full) {
            (Some(_), true) => return Err("give either a scheme or a modulus with weights, not both".into()),
            (Some(name), false) => Scheme::named(name).ok_or_else(|| {
                format!("scheme '{name}' is not known; known: {}", Scheme::names().collect::<Vec<_>>().join(", "))
            })?,
            (None, _) => {
                let modulus = self.modulus.ok_or("a check needs a scheme or a modulus")?;
                let weights = self.weights.clone().unwrap_or_default();
                if !(2..=100).contains(&modulus) || weights.len() > 64 || weights.iter().any(|w| *w > 1000) {
                    return Err("a modulus lies from 2 to 100, weights up to 1000, 64 of them".into());
                }
                Scheme::Weighted(Weighted {
                    modulus,
                    weights,
                    anchor: self.anchor.unwrap_or(Anchor::Right),
                    split: false,
                    outcome: self.result.unwrap_or(Outcome::Complement),
                    ten: None,
                    zero: None,
                    letters: Letters::None,
                })
            }
        };
        match &mut scheme {
            Scheme::Weighted(weighted) => {
                weighted.split = self.split.unwrap_or(weighted.split);
                weighted.ten = self.ten.or(weighted.ten);
                weighted.zero = self.zero.or(weighted.zero);
                weighted.letters = self.letters.unwrap_or(weighted.letters);
            }
            _ if self.split.is_some() || self.ten.is_some() || self.zero.is_some() || self.letters.is_some() => {
                return Err("split, ten, zero and letters belong to a weighted scheme".into());
            }
            _ => {}
        }
        if self.digit == 0 || self.digit > MOST_CHARACTERS {
            return Err("digit is the position of the check digit, from 1".into());
        }
        let own = self.digit..self.digit + scheme.length();
        if covers.iter().any(|p| own.contains(p)) {
            return Err("the check digit stands among what it covers".into());
        }
        let name = match (&self.scheme, &scheme) {
            (None, Scheme::Weighted(w)) => format!("mod{}", w.modulus),
            (name, _) => name.clone().unwrap_or_default(),
        };
        Ok(Check { name, scheme, covers, digit: self.digit })
    }
}

/// A template with its checks; every check must stay inside a template of known length.
fn form(template: &str, checks: &[RawCheck]) -> Result<(Template, Vec<Check>), (String, String)> {
    let template = Template::parse(template).map_err(|m| ("template".into(), m))?;
    let mut built = Vec::new();
    for (i, raw) in checks.iter().enumerate() {
        let place = format!("checks {}", i + 1);
        let check = raw.build().map_err(|m| (place.clone(), m))?;
        if let Some(length) = template.length().filter(|l| *l < check.reach()) {
            return Err((place, format!("position {} is past the {length} characters of the line", check.reach())));
        }
        built.push(check);
    }
    Ok((template, built))
}

impl RawLayout {
    fn build(self) -> Result<Layout, (String, String)> {
        let within = |key: String| move |(place, m): (String, String)| (format!("{key}.{place}"), m);
        if self.name.is_empty() || self.name.len() > 60 || self.name.chars().any(char::is_control) {
            return Err(("name".into(), "a layout needs a name of up to 60 characters".into()));
        }
        if self.size.is_some_and(|s| s.iter().any(|side| !(1.0..=18.0).contains(side))) {
            return Err(("size".into(), "the stub's width and height in inches, from 1 to 18".into()));
        }
        if self.scanline.is_none() && self.barcodes.is_empty() {
            return Err(("scanline".into(), "a layout needs a scanline or barcodes".into()));
        }
        let scanline = match &self.scanline {
            None => None,
            Some(raw) => {
                let checks = raw.checks.as_ref().unwrap_or(&self.checks);
                let (template, checks) = form(&raw.template, checks).map_err(within("scanline".into()))?;
                if template.length().is_none() {
                    let m = "every field of a scanline needs a length, such as {account:10}";
                    return Err(("scanline.template".into(), m.into()));
                }
                Some(ScanlineForm { font: raw.font, template, checks })
            }
        };
        let mut barcodes = Vec::new();
        for (i, raw) in self.barcodes.iter().enumerate() {
            let checks = raw.checks.as_ref().unwrap_or(&self.checks);
            let (template, checks) = form(&raw.template, checks).map_err(within(format!("barcodes {}", i + 1)))?;
            barcodes.push(BarcodeForm { symbology: raw.symbology, template, checks });
        }
        let boxes = self.boxes.clone();
        for (i, form) in boxes.iter().enumerate() {
            let twice = boxes[..i].iter().any(|b| b.name == form.name).then(|| format!("'{}' stands twice", form.name));
            if let Some(message) = form.fault().or(twice) {
                return Err((format!("boxes {}", i + 1), message));
            }
        }
        let size = self.size.map(|[wide, high]| (wide, high));
        Ok(Layout { name: self.name.clone(), biller: self.biller.clone(), scanline, barcodes, boxes, size, raw: self })
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

impl Layouts {
    /// Reads a layout file.
    pub fn parse(text: &str) -> Result<Layouts, LayoutError> {
        if text.len() > MOST_BYTES {
            let message = format!("larger than {MOST_BYTES} bytes");
            return Err(LayoutError { line: None, place: "the file".into(), message });
        }
        let raw: RawFile = toml::from_str(text).map_err(|e| LayoutError {
            line: e.span().map(|s| line_of(text, s.start)),
            place: "the layout file".into(),
            message: e.message().to_owned(),
        })?;
        let mut layouts = Layouts { source: Some(text.to_owned()), ..Layouts::default() };
        let mut names = BTreeSet::new();
        for raw in raw.layout {
            let line = Some(line_of(text, raw.span().start));
            let raw = raw.into_inner();
            let name = raw.name.clone();
            let fault = |(key, message): (String, String)| LayoutError {
                line,
                place: format!("layout '{name}', {key}"),
                message,
            };
            if !names.insert(name.clone()) {
                return Err(fault(("name".into(), "another layout has this name".into())));
            }
            if names.len() > MOST_LAYOUTS {
                return Err(fault(("name".into(), format!("more than {MOST_LAYOUTS} layouts"))));
            }
            layouts.all.push(raw.build().map_err(fault)?);
        }
        Ok(layouts)
    }

    /// The TOML text: as it came, or written anew after a merge.
    pub fn to_toml(&self) -> String {
        #[derive(Serialize)]
        struct File<'a> {
            layout: Vec<&'a RawLayout>,
        }
        let file = File { layout: self.all.iter().map(|l| &l.raw).collect() };
        // Strings, numbers and lists of them always have a TOML form.
        self.source.clone().unwrap_or_else(|| toml::to_string(&file).unwrap_or_default())
    }

    /// Takes over what another file says: a layout of the same name is replaced, the others are kept.
    pub fn merge(&mut self, other: Layouts) {
        if self.all.is_empty() {
            *self = other;
            return;
        }
        for layout in other.all {
            match self.all.iter_mut().find(|l| l.name == layout.name) {
                Some(old) => *old = layout,
                None => self.all.push(layout),
            }
        }
        self.source = None;
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The symbologies that any layout uses, each once.
    pub fn symbologies(&self) -> BTreeSet<Symbology> {
        self.all.iter().flat_map(|l| &l.barcodes).map(|b| b.symbology).collect()
    }

    /// How many characters a code of this sort has, where all its fields have a length.
    pub fn barcode_lengths(&self, symbology: Symbology) -> impl Iterator<Item = usize> {
        self.all.iter().flat_map(|l| &l.barcodes).filter(move |b| b.symbology == symbology).filter_map(|b| {
            let literal = |p: &&Part| matches!(p, Part::Literal(_));
            Some(b.template.length()? + b.template.parts.iter().filter(literal).count())
        })
    }

    pub fn scanlines(&self) -> impl Iterator<Item = (&Layout, &ScanlineForm)> {
        self.all.iter().filter_map(|l| Some((l, l.scanline.as_ref()?)))
    }

    /// Every layout whose scanline has this form, those first whose check digits hold.
    pub fn match_scanline(&self, text: &str) -> Vec<Match> {
        let forms = self.scanlines().map(|(l, f)| (l, &f.template, &f.checks[..]));
        matches(forms, text)
    }

    /// The same for the layouts printed in one font.
    pub fn match_font(&self, font: Font, text: &str) -> Vec<Match> {
        let forms = self.scanlines().filter(|(_, f)| f.font == font).map(|(l, f)| (l, &f.template, &f.checks[..]));
        matches(forms, text)
    }

    /// Is any stub's line printed in E-13B?
    pub fn has_magnetic(&self) -> bool {
        self.scanlines().any(|(_, f)| f.font == Font::E13b)
    }

    /// The same for a barcode.
    pub fn match_barcode(&self, symbology: Symbology, text: &str) -> Vec<Match> {
        let forms = self.all.iter().flat_map(|l| l.barcodes.iter().map(move |b| (l, b)));
        let forms = forms.filter(|(_, b)| b.symbology == symbology);
        matches(forms.map(|(l, b)| (l, &b.template, &b.checks[..])), text)
    }
}

fn matches<'a>(forms: impl Iterator<Item = (&'a Layout, &'a Template, &'a [Check])>, text: &str) -> Vec<Match> {
    let one = |(layout, template, checks): (&Layout, &Template, &[Check])| {
        let (fields, characters) = template.take(text)?;
        let read = |c: &Check| CheckDigitRead { scheme: c.name.clone(), ok: c.holds(&characters) };
        let check_digits = checks.iter().map(read).collect();
        Some(Match { layout: layout.name.clone(), biller: layout.biller.clone(), fields, check_digits })
    };
    let mut found: Vec<Match> = forms.filter_map(one).collect();
    found.sort_by_key(|m| !m.checks_hold());
    found
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The three forms of the sample stations: own work.
    pub const THREE: &str = r#"
[[layout]]
name = "ocra_luhn"
biller = "water"
scanline = { font = "ocr-a", template = "{account:10} {amount_due:8} {amount_late:8} {kind:2} {check:1}" }
checks = [
  { scheme = "luhn", covers = "1-28", digit = 29 },
  { scheme = "luhn", covers = "1-9", digit = 10 },
]

[[layout]]
name = "ocrb_mod11"
biller = "tel"
scanline = { font = "ocr-b", template = ">{account:9}<{invoice:7}+{amount_due:9} {check:1}" }
barcodes = [{ symbology = "code-128", template = "{account:9}{invoice:7}{amount_due:9}{check:1}" }]
checks = [
  { modulus = 11, weights = [2, 3, 4, 5, 6, 7], anchor = "right", result = "complement", ten = "0", covers = "1-25", digit = 26 },
  { modulus = 11, weights = [2, 3, 4, 5, 6, 7], anchor = "right", result = "complement", ten = "0", covers = "1-8", digit = 9 },
]

[[layout]]
name = "barcode2d"
biller = "ins"
barcodes = [
  { symbology = "qr", template = "PMI|{account}|{invoice}|{amount_due}|{due_date}" },
  { symbology = "pdf417", template = "PMI|{account}|{invoice}|{amount_due}|{amount_late}|{due_date}|{name}" },
  { symbology = "itf", template = "{account:7,prefix=P}{amount_due:9}{invoice:7}{check:1}", checks = [
    { modulus = 10, weights = [7, 3, 1], anchor = "left", result = "complement", covers = "1-23", digit = 24 },
  ] },
]
"#;

    fn show(found: &[Match]) -> String {
        let one = |m: &Match| {
            let fields: Vec<String> = m.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let checks: String = m.check_digits.iter().map(|c| if c.ok { '+' } else { '-' }).collect();
            format!("{} {} [{checks}]", m.layout, fields.join(" "))
        };
        found.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn scanlines_and_barcodes_give_their_fields() {
        let layouts = Layouts::parse(THREE).unwrap();
        for (text, want) in [
            (
                "3181270897 00014651 00015384 010",
                "ocra_luhn account=3181270897 amount_due=00014651 amount_late=00015384 check=0 kind=01 [++]",
            ),
            (
                "31812708970001465100015384010",
                "ocra_luhn account=3181270897 amount_due=00014651 amount_late=00015384 check=0 kind=01 [++]",
            ),
            (
                ">868577673<4898302+000021318 7",
                "ocrb_mod11 account=868577673 amount_due=000021318 check=7 invoice=4898302 [++]",
            ),
            (
                ">519678309<4075768+000012721 2",
                "ocrb_mod11 account=519678309 amount_due=000012721 check=2 invoice=4075768 [--]",
            ),
            ("3181270897 00014651 00015384 01", ""),
            (">868577673<4898302+000021318 77", ""),
        ] {
            assert_eq!(show(&layouts.match_scanline(text)), want, "{text}");
        }
        for (symbology, text, want) in [
            (
                Symbology::Qr,
                "PMI|P2415405|7123539|28215|2026-11-02",
                "barcode2d account=P2415405 amount_due=28215 due_date=2026-11-02 invoice=7123539 []",
            ),
            (
                Symbology::Pdf417,
                "PMI|P4566813|3754850|2555|2683|2026-11-28|FATIMA NORWOOD",
                "barcode2d account=P4566813 amount_due=2555 amount_late=2683 due_date=2026-11-28 invoice=3754850 name=FATIMA NORWOOD []",
            ),
            (
                Symbology::Itf,
                "690709200000253860203453",
                "barcode2d account=P6907092 amount_due=000002538 check=3 invoice=6020345 [+]",
            ),
            (
                Symbology::Code128,
                "86857767348983020000213187",
                "ocrb_mod11 account=868577673 amount_due=000021318 check=7 invoice=4898302 [++]",
            ),
            (Symbology::Code128, "PMI|P2415405|7123539|28215|2026-11-02", ""),
        ] {
            assert_eq!(show(&layouts.match_barcode(symbology, text)), want, "{text}");
        }
    }

    #[test]
    fn a_faulty_file_is_refused_with_its_place() {
        let with = |scanline: &str, checks: &str| {
            format!(
                "[[layout]]\nname = \"a\"\nscanline = {{ font = \"ocr-a\", template = \"{scanline}\" }}\nchecks = [{checks}]\n"
            )
        };
        for (text, place, message) in [
            ("[[layout]]\nname = \"a\"\ncolour = 1".to_owned(), "line 3", "unknown field `colour`"),
            ("layout = 3".to_owned(), "line 1", "invalid type"),
            ("[[layout]]\nname = \"a\"".to_owned(), "line 1, layout 'a', scanline", "scanline or barcodes"),
            (with("{a:3", ""), "layout 'a', scanline.template", "no closing brace"),
            (with("{a:3} {a:2}", ""), "scanline.template", "stands twice"),
            (with("{a}{b:2}", ""), "scanline.template", "where the field 'a' ends"),
            (with("{a}", ""), "scanline.template", "needs a length"),
            (with("{a:900}", ""), "scanline.template", "not a length"),
            (with("{A:9}", ""), "scanline.template", "not a field name"),
            (with("0123", ""), "scanline.template", "at least one field"),
            (
                with("{a:9}", "{ scheme = \"luhn\", covers = \"1-9\", digit = 10 }"),
                "scanline.checks 1",
                "position 10 is past the 9",
            ),
            (
                with("{a:9}", "{ scheme = \"moon\", covers = \"1-8\", digit = 9 }"),
                "scanline.checks 1",
                "'moon' is not known",
            ),
            (
                with("{a:9}", "{ scheme = \"luhn\", covers = \"1-9\", digit = 9 }"),
                "scanline.checks 1",
                "among what it covers",
            ),
            (
                with("{a:9}", "{ scheme = \"luhn\", covers = \"x\", digit = 9 }"),
                "scanline.checks 1",
                "list of positions",
            ),
            (with("{a:9}", "{ modulus = 0, covers = \"1-8\", digit = 9 }"), "scanline.checks 1", "modulus lies"),
            (format!("{}{}", with("{a:9}", ""), with("{a:9}", "")), "line 5, layout 'a', name", "another layout"),
            (
                format!("{}boxes = [{{ name = \"A b\", x = 1.0, y = 1.0, w = 0.2, h = 0.2 }}]", with("{a:9}", "")),
                "boxes 1",
                "not a box name",
            ),
            (
                format!("{}boxes = [{{ name = \"a\", x = 1.0, y = 1.0, w = 0.0, h = 0.2 }}]", with("{a:9}", "")),
                "boxes 1",
                "size in inches",
            ),
        ] {
            let error = Layouts::parse(&text).expect_err(&text).to_string();
            assert!(error.contains(place) && error.contains(message), "{text}\n{error}");
        }
    }

    #[test]
    fn a_merge_replaces_by_name_and_writes_what_it_reads() {
        let mut site = Layouts::default();
        assert!(site.is_empty() && site.symbologies().is_empty());
        site.merge(Layouts::parse(THREE).unwrap());
        assert_eq!(site.to_toml(), THREE);
        let newer = "[[layout]]\nname = \"ocra_luhn\"\nscanline = { font = \"ocr-b\", template = \"{account:4}\" }";
        site.merge(Layouts::parse(newer).unwrap());
        assert_eq!(site.all.len(), 3);
        let again = Layouts::parse(&site.to_toml()).unwrap();
        assert_eq!(again.all.len(), 3);
        assert_eq!(show(&again.match_scanline("1234")), "ocra_luhn account=1234 []");
        assert_eq!(
            show(&again.match_barcode(Symbology::Itf, "690709200000253860203453")),
            show(&site.match_barcode(Symbology::Itf, "690709200000253860203453"))
        );
        assert_eq!(again.symbologies().len(), 4);
    }
}
