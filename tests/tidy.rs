//! The rules of the house, read off the source: which room may use which, what no room may do, how files and modules are
//! named. Reads text, not the compiler's tree: comments and strings are blanked first, test code is told apart by its
//! `cfg(test)`. A breach is named with file and line; the last test proves that each rule can fail.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// A room of `src`, its layer, and the rooms beside it (earlier on the street) or above it whose *types* it may name; the
/// rooms of lower layers are open to it. `room::name` opens one plain function that asks nothing of a stage.
const ROOMS: &[(&str, u8, &[&str])] = &[
    ("domain", 0, &[]),
    ("clock", 0, &["domain"]),
    ("formats", 1, &[]),
    ("imaging", 1, &[]),
    ("ingest", 2, &[]),
    ("decode", 2, &["ingest"]),
    ("grouping", 2, &["decode"]),
    ("matching", 2, &["grouping"]),
    ("balance", 2, &["grouping", "matching"]),
    ("post", 2, &["balance"]),
    ("truncation", 2, &["grouping", "balance", "post"]),
    ("exceptions", 2, &["grouping", "matching", "balance", "grouping::parse_micr"]),
    (
        "reports",
        2,
        &[
            "ingest",
            "decode",
            "grouping",
            "matching",
            "balance",
            "post",
            "truncation",
            "exceptions",
            "exceptions::queue",
        ],
    ),
    ("deck", 2, &["decode"]),
    ("store", 3, &[]),
    ("pipeline", 4, &["station", "config"]),
    ("station", 4, &["pipeline", "config"]),
    ("web", 4, &["pipeline", "station", "config"]),
    ("cli", 4, &["pipeline", "station", "config", "web"]),
    ("main", 5, &["cli", "config"]),
    ("config", 5, &[]),
    ("train", 5, &[]),
];

/// Rooms that compute with money: no floating point at all.
const NO_FLOAT: &[&str] =
    &["src/domain/money.rs", "src/matching/", "src/balance/", "src/post/", "src/truncation/", "src/store/"];

/// The one file where SQL text may be put together while the program runs.
const SQL_ASSEMBLY: &str = "src/store/db.rs";

const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "scanner-samples",
    "benches",
    "tests",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "rustfmt.toml",
    "clippy.toml",
    "target",
];

const MOST_LINES: usize = 900;
const MOST_HEAD_LINES: usize = 8;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Breach {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A Rust file with its comments and literals blanked; offsets and lines are those of the text as it came.
struct Source {
    file: String,
    text: String,
    /// Code outside tests.
    code: String,
    /// Code inside `cfg(test)` items, or all of it in a file of tests.
    test_code: String,
    /// String literals outside tests: offset and content.
    literals: Vec<(usize, String)>,
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80
}

/// Blanks comments and the inside of literals, keeping every offset. Returns the code and the string literals.
fn blank(text: &str) -> (String, Vec<(usize, String)>) {
    let bytes = text.as_bytes();
    let mut code: Vec<u8> = bytes.to_vec();
    let mut literals = Vec::new();
    let wipe = |code: &mut Vec<u8>, from: usize, to: usize| {
        for byte in &mut code[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    };
    let mut i = 0;
    while i < bytes.len() {
        let rest = &bytes[i..];
        if rest.starts_with(b"//") {
            let end = rest.iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| i + n);
            wipe(&mut code, i, end);
            i = end;
        } else if rest.starts_with(b"/*") {
            let (mut depth, mut end) = (1, i + 2);
            while end < bytes.len() && depth > 0 {
                match &bytes[end..] {
                    [b'/', b'*', ..] => (depth, end) = (depth + 1, end + 2),
                    [b'*', b'/', ..] => (depth, end) = (depth - 1, end + 2),
                    _ => end += 1,
                }
            }
            wipe(&mut code, i, end);
            i = end;
        } else if let Some((open, hashes)) = raw_string(bytes, i) {
            let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let end = bytes[open..].windows(close.len()).position(|w| w == close).map_or(bytes.len(), |n| open + n);
            literals.push((open, text[open..end].to_string()));
            wipe(&mut code, open, end);
            i = (end + close.len()).min(bytes.len());
        } else if bytes[i] == b'"' {
            let mut end = i + 1;
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            let end = end.min(bytes.len());
            literals.push((i + 1, text[i + 1..end].to_string()));
            wipe(&mut code, i + 1, end);
            i = end + 1;
        } else if bytes[i] == b'\'' {
            // A character is `'x'` or `'\..'`; everything else with an apostrophe is a lifetime.
            let end = match &bytes[i + 1..] {
                [b'\\', _, tail @ ..] => tail.iter().position(|b| *b == b'\'').map(|n| i + 3 + n),
                _ => {
                    let width = text[i + 1..].chars().next().map_or(1, char::len_utf8);
                    (bytes.get(i + 1 + width) == Some(&b'\'')).then_some(i + 1 + width)
                }
            };
            if let Some(end) = end {
                wipe(&mut code, i + 1, end);
                i = end + 1;
            } else {
                i += 1;
            }
        } else {
            i += 1;
        }
    }
    (String::from_utf8(code).expect("whole characters were blanked"), literals)
}

/// Does a raw string open at `i`? Its first content offset and the number of hashes.
fn raw_string(bytes: &[u8], i: usize) -> Option<(usize, usize)> {
    if i > 0 && is_word(bytes[i - 1]) {
        return None;
    }
    let mut at = i + usize::from(matches!(bytes[i], b'b' | b'c'));
    if bytes.get(at) != Some(&b'r') {
        return None;
    }
    at += 1;
    let hashes = bytes[at..].iter().take_while(|b| **b == b'#').count();
    (bytes.get(at + hashes) == Some(&b'"')).then_some((at + hashes + 1, hashes))
}

/// Offset after the bracket that closes the one at `open`.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (n, byte) in code.as_bytes()[open..].iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return open + n + 1;
        }
    }
    code.len()
}

/// Ranges of items under `cfg(test)`, and the names of modules declared there without a body.
fn test_items(code: &str) -> (Vec<(usize, usize)>, Vec<String>) {
    let (mut ranges, mut modules) = (Vec::new(), Vec::new());
    for form in ["#[cfg(test)]", "#[cfg(all(test", "#[cfg(any(test"] {
        for (start, _) in code.match_indices(form) {
            let mut at = closing(code, start + 1);
            loop {
                at += code[at..].len() - code[at..].trim_start().len();
                if !code[at..].starts_with("#[") {
                    break;
                }
                at = closing(code, at + 1);
            }
            let Some(stop) = code[at..].find(['{', ';']) else { continue };
            let stop = at + stop;
            let end = if code.as_bytes()[stop] == b'{' { closing(code, stop) } else { stop + 1 };
            if code.as_bytes()[stop] == b';'
                && let Some(name) = code[at..stop].split("mod ").nth(1)
            {
                modules.push(name.trim().to_string());
            }
            ranges.push((start, end));
        }
    }
    (ranges, modules)
}

impl Source {
    fn new(file: &str, text: &str, all_test: bool) -> Source {
        let (whole, literals) = blank(text);
        let ranges = if all_test { vec![(0, whole.len())] } else { test_items(&whole).0 };
        let inside = |at: usize| ranges.iter().any(|(a, b)| (*a..*b).contains(&at));
        let keep = |want: bool| {
            let bytes = whole.bytes().enumerate().map(|(n, b)| if inside(n) == want || b == b'\n' { b } else { b' ' });
            // A range may cut no character: it starts and ends at ASCII.
            String::from_utf8(bytes.collect()).expect("whole characters were kept")
        };
        Source {
            file: file.to_string(),
            text: text.to_string(),
            code: keep(false),
            test_code: keep(true),
            literals: literals.into_iter().filter(|(at, _)| !inside(*at)).collect(),
        }
    }

    fn breach(&self, at: usize, what: impl Into<String>) -> Breach {
        let line = self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|b| **b == b'\n').count() + 1;
        Breach { file: self.file.clone(), line, what: what.into() }
    }

    /// `decode` for `src/decode/micr/mod.rs`; nothing outside `src` and for `lib.rs`.
    fn room(&self) -> Option<&str> {
        let inner = self.file.strip_prefix("src/")?;
        let room = inner.split('/').next()?.trim_end_matches(".rs");
        (room != "lib").then_some(room)
    }

    /// The module path of the file, from the root of the crate.
    fn module(&self) -> Vec<&str> {
        let inner = self.file.trim_start_matches("src/").trim_end_matches(".rs");
        let mut parts: Vec<&str> = inner.split('/').collect();
        if matches!(parts.last(), Some(&"mod" | &"lib")) {
            parts.pop();
        }
        parts
    }
}

/// Offsets where a word stands with nothing word-like around it. The word may hold `::`, `.` or `!`.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let bytes = code.as_bytes();
        let before = *at > 0 && is_word(bytes[*at - 1]) && is_word(word.as_bytes()[0]);
        let last = word.as_bytes()[word.len() - 1];
        let after = bytes.get(at + word.len()).is_some_and(|b| is_word(*b) && is_word(last));
        !before && !after
    })
}

/// Paths that start with `crate::` or `super::`, groups opened, written from the root: `(offset, [room, .., name])`.
fn paths(source: &Source) -> Vec<(usize, Vec<String>)> {
    let code = &source.code;
    let mut found = Vec::new();
    for root in ["crate::", "remit::", "super::"] {
        for at in words(code, root).filter(|at| !code[..*at].ends_with("::")) {
            let mut base: Vec<String> = Vec::new();
            let mut rest = at;
            if root == "super::" {
                base = source.module().iter().map(|s| s.to_string()).collect();
                while code[rest..].starts_with("super::") {
                    base.pop();
                    rest += "super::".len();
                }
            } else {
                rest += root.len();
            }
            tree(code, rest, base, &mut found);
        }
    }
    found
}

/// Reads one use-tree at `at`; every leaf is a path. Returns the offset after it.
fn tree(code: &str, mut at: usize, mut base: Vec<String>, found: &mut Vec<(usize, Vec<String>)>) -> usize {
    let start = at;
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        if code[at..].starts_with('{') {
            let end = closing(code, at);
            at += 1;
            while at < end - 1 {
                let next = tree(code, at, base.clone(), found);
                at = if next > at { next } else { at + 1 };
            }
            return end;
        }
        let length = code[at..].bytes().take_while(|b| is_word(*b) || *b == b'*').count();
        if length > 0 {
            base.push(code[at..at + length].to_string());
            at += length;
        }
        if length == 0 || !code[at..].starts_with("::") {
            break;
        }
        at += 2;
    }
    if !base.is_empty() && at > start {
        found.push((start, base));
    }
    at
}

fn room_of(name: &str) -> Option<&'static (&'static str, u8, &'static [&'static str])> {
    ROOMS.iter().find(|(room, ..)| *room == name)
}

fn arrows(source: &Source, out: &mut Vec<Breach>) {
    let Some(from) = source.room() else { return };
    let Some((_, layer, beside)) = room_of(from) else {
        return out
            .push(source.breach(0, format!("room '{from}' has no layer: name it in tests/tidy.rs and src/lib.rs")));
    };
    for (at, path) in paths(source) {
        let Some((to, to_layer, _)) = room_of(&path[0]) else { continue };
        if *to == from {
            continue;
        }
        let open = match (layer, to_layer) {
            (1, 0) => *to == "domain",
            (4, 5) => beside.contains(to),
            _ => to_layer < layer || beside.contains(to),
        };
        let written = path.join("::");
        if !open {
            out.push(
                source.breach(at, format!("'{from}' (layer {layer}) may not use '{to}' (layer {to_layer}): {written}")),
            );
            continue;
        }
        // Between stages, and from the store to a stage, only types go: a function would be a hidden call along the street.
        let name = path.last().map_or("", String::as_str);
        let a_type = name.starts_with(|c: char| c.is_ascii_uppercase()) || path.iter().skip(1).any(|p| is_type(p));
        if *to_layer == 2 && matches!(layer, 2 | 3) && !a_type && !beside.contains(&written.as_str()) {
            out.push(source.breach(at, format!("'{from}' may name the types of '{to}', nothing else: {written}")));
        }
    }
}

fn is_type(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
}

fn forbidden_uses(source: &Source, out: &mut Vec<Breach>) {
    let layer = source.room().and_then(room_of).map(|r| r.1);
    if let Some(layer @ 0..=2) = layer {
        for word in ["sqlx", "tokio", "object_store", "reqwest", "std::fs", "std::net", "std::process"] {
            for at in words(&source.code, word) {
                out.push(
                    source.breach(at, format!("`{word}` in layer {layer}: a pure room gets bytes and gives values")),
                );
            }
        }
    }
    if source.file.starts_with("src/") && source.file != "src/clock.rs" {
        for word in ["SystemTime::now", "Timestamp::now", "Zoned::now", "Utc::now", "Local::now"] {
            for at in words(&source.code, word) {
                out.push(source.breach(at, format!("`{word}` outside clock.rs: take the clock as an argument")));
            }
        }
        // A stopwatch may time work in the shell; in a pure room it would make the result depend on the moment.
        if layer.is_some_and(|l| l < 3) {
            for at in words(&source.code, "Instant::now") {
                out.push(source.breach(at, "`Instant::now` in a pure room: time it from the shell"));
            }
        }
    }
}

fn forbidden_words(source: &Source, out: &mut Vec<Breach>) {
    if source.file.starts_with("src/") {
        for (word, why) in [
            (".unwrap()", "give the error a place and a way on"),
            (".expect(", "give the error a place and a way on"),
            (".unwrap_err()", "only tests may"),
            ("todo!", "unfinished work"),
            ("unimplemented!", "unfinished work"),
            ("dbg!", "left from debugging"),
            ("allow(dead_code)", "delete what nobody calls"),
            ("allow(unused", "delete what nobody calls"),
        ] {
            for at in words(&source.code, word) {
                out.push(source.breach(at, format!("`{word}`: {why}")));
            }
        }
    }
    for code in [&source.code, &source.test_code] {
        for at in words(code, "#[ignore").chain(words(code, "ignore =")) {
            out.push(source.breach(at, "`#[ignore]`: a test that does not run proves nothing"));
        }
    }
    let tests =
        if source.file.starts_with("src/") { vec![&source.test_code] } else { vec![&source.code, &source.test_code] };
    for code in tests {
        for at in words(code, "sleep(").chain(words(code, "sleep_until(")) {
            out.push(source.breach(at, "a sleep in a test: wait for the condition instead"));
        }
    }
}

fn no_float_near_money(source: &Source, out: &mut Vec<Breach>) {
    if !NO_FLOAT.iter().any(|room| source.file.starts_with(room)) {
        return;
    }
    for word in ["f32", "f64"] {
        for at in words(&source.code, word) {
            out.push(source.breach(at, format!("`{word}` where money is computed: whole cents only")));
        }
    }
}

fn sql_is_constant(source: &Source, out: &mut Vec<Breach>) {
    if source.file == SQL_ASSEMBLY || !source.file.starts_with("src/") {
        return;
    }
    for at in words(&source.code, "AssertSqlSafe") {
        out.push(
            source.breach(at, format!("`AssertSqlSafe` outside {SQL_ASSEMBLY}: write the statement as a constant")),
        );
    }
    for at in words(&source.code, "format!") {
        let end = closing(&source.code, at + "format!".len());
        let Some((_, text)) = source.literals.iter().find(|(place, _)| (at..end).contains(place)) else { continue };
        let lower = text.trim_start().to_ascii_lowercase();
        let statement = [
            ("select ", " from "),
            ("insert ", "into "),
            ("update ", " set "),
            ("delete ", "from "),
            ("create ", "table "),
            ("drop ", "table "),
            ("alter ", "table "),
        ]
        .iter()
        .any(|(verb, then)| lower.starts_with(verb) && lower.contains(then));
        if statement {
            out.push(source.breach(at, format!("SQL text made with `format!` outside {SQL_ASSEMBLY}: bind the value")));
        }
    }
}

fn numbers_stay_masked(source: &Source, out: &mut Vec<Breach>) {
    for word in
        ["trace!", "debug!", "info!", "warn!", "error!", "info_span!", "debug_span!", "panic!", "bail!", "anyhow!"]
    {
        for at in words(&source.code, word) {
            let end = closing(&source.code, (at + word.len()).min(source.code.len()));
            if source.code[at..end].contains(".reveal()") {
                out.push(source.breach(at, "an account number unmasked in a log line or an error"));
            }
        }
    }
}

fn shape_of_file(source: &Source, out: &mut Vec<Breach>) {
    let lines = source.text.lines().count();
    if lines > MOST_LINES {
        out.push(source.breach(source.text.len(), format!("{lines} lines, at most {MOST_LINES}: split it")));
    }
    let head = source.text.lines().take_while(|l| l.starts_with("//!")).count();
    if head == 0 {
        out.push(source.breach(0, "no `//!` head: say what the file is and what it refuses"));
    } else if head > MOST_HEAD_LINES && source.file != "src/lib.rs" {
        out.push(source.breach(0, format!("a head of {head} lines, at most {MOST_HEAD_LINES}")));
    }
    let last_module = source.module().join("/");
    for word in last_module.split(['/', '_', '-']) {
        let one = word.strip_suffix('s').unwrap_or(word);
        if ["manager", "helper", "util", "common", "service", "processor"].contains(&one) {
            out.push(source.breach(0, format!("'{word}' says nothing: name the file by the noun of the trade")));
        }
    }
    for at in words(&source.code, "mod ") {
        let name: String = source.code[at + 4..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let one = name.strip_suffix('s').unwrap_or(&name);
        if ["manager", "helper", "util", "common", "service", "processor"].contains(&one) {
            out.push(source.breach(at, format!("module '{name}' says nothing: name it by the noun of the trade")));
        }
    }
}

/// Folders of one machine. Spelled in two halves so that this file does not breach its own rule.
fn machine_paths(file: &str, text: &str, out: &mut Vec<Breach>) {
    for half in ["work/", "tmp/", "root/", "home/", "Users/"] {
        for (at, _) in text.match_indices(half).filter(|(at, _)| text[..*at].ends_with('/')) {
            let before = text[..at - 1].chars().next_back();
            if before
                .is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '}' | ']' | '>' | '*')))
            {
                let line = text[..at].matches('\n').count() + 1;
                let what =
                    format!("the path of one machine (`/{half}`): use a temporary folder or the repository's own");
                out.push(Breach { file: file.to_string(), line, what });
            }
        }
    }
}

fn inspect(source: &Source) -> Vec<Breach> {
    let mut out = Vec::new();
    arrows(source, &mut out);
    forbidden_uses(source, &mut out);
    forbidden_words(source, &mut out);
    no_float_near_money(source, &mut out);
    sql_is_constant(source, &mut out);
    numbers_stay_masked(source, &mut out);
    shape_of_file(source, &mut out);
    machine_paths(&source.file, &source.text, &mut out);
    out.sort();
    out.dedup();
    out
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `dir`, as paths relative to the repository, sorted.
fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|n| n != "target" && n != "corpus") {
                    open.push(path);
                }
            } else if let Ok(inner) = path.strip_prefix(root()) {
                found.push(inner.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// Files that only `cfg(test)` modules declare.
fn test_files(rust: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in rust.iter().filter(|f| f.starts_with("src/")) {
        let (code, _) = blank(&read(file));
        let path = Path::new(file);
        let parent = path.parent().unwrap_or(Path::new(""));
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("");
        let folder = if matches!(stem, "mod" | "lib" | "main") { parent.to_path_buf() } else { parent.join(stem) };
        for name in test_items(&code).1 {
            let module = folder.join(&name);
            for other in rust {
                if Path::new(other) == module.with_extension("rs") || Path::new(other).starts_with(&module) {
                    found.insert(other.clone());
                }
            }
        }
    }
    found
}

fn fail_with(breaches: Vec<Breach>) {
    let list: Vec<String> = breaches.iter().map(Breach::to_string).collect();
    assert!(list.is_empty(), "{} breaches of the house rules:\n{}", list.len(), list.join("\n"));
}

#[test]
fn every_source_file_keeps_the_rules() {
    let rust: Vec<String> = ["src", "tests", "benches"]
        .iter()
        .flat_map(|d| files(&root().join(d)))
        .filter(|f| f.ends_with(".rs"))
        .collect();
    assert!(rust.len() > 20, "only {} Rust files found: wrong folder?", rust.len());
    let tests = test_files(&rust);
    let all_test = |f: &str| !f.starts_with("src/") || tests.contains(f);
    fail_with(rust.iter().flat_map(|f| inspect(&Source::new(f, &read(f), all_test(f)))).collect())
}

#[test]
fn other_texts_name_no_machine() {
    let mut texts: Vec<String> =
        ["src", "tests", "benches", ".ci"].iter().flat_map(|d| files(&root().join(d))).collect();
    texts.extend(["Cargo.toml", "README.md", "CHANGELOG.md", ".gitignore"].map(String::from));
    let mut out = Vec::new();
    for file in texts.iter().filter(|f| !f.ends_with(".rs")) {
        if let Ok(text) = std::fs::read_to_string(root().join(file)) {
            machine_paths(file, &text, &mut out);
        }
    }
    fail_with(out)
}

#[test]
fn the_top_level_holds_what_a_stranger_expects() {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(root()).expect("the repository can be listed").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !TOP_LEVEL.contains(&name.as_str()) {
            out.push(Breach { file: name, line: 1, what: "does not belong at the top level".to_string() });
        }
    }
    fail_with(out)
}

/// The map in `lib.rs` and the table here name the same rooms.
/// Who loses a deadlock is done again whole, in one place: each unit of work that writes goes through `Store::again`.
#[test]
fn every_unit_of_work_may_be_done_again() {
    let mut out = Vec::new();
    for name in files(&root().join("src/store")).into_iter().filter(|n| n.ends_with(".rs")) {
        let text = read(&name);
        let body = text.split("#[cfg(test)]").next().unwrap_or_default();
        for function in body.split("\n    pub async fn ").flat_map(|part| part.split("\n    async fn ")) {
            let own = function.split("\n    }\n").next().unwrap_or_default();
            let called = own.split('(').next().unwrap_or_default();
            let again = own.contains("again(") || body.contains(&format!("again(|| Box::pin(self.{called}("));
            if own.contains(".db().write()") && !again {
                out.push(format!("{name}: {called} writes and is not done again after a deadlock"));
            }
        }
    }
    assert!(out.is_empty(), "{out:#?}");
}

#[test]
fn the_map_names_every_room() {
    let map = read("src/lib.rs");
    let missing: Vec<&str> =
        ROOMS.iter().map(|r| r.0).filter(|room| *room != "train" && !map.contains(&format!("`{room}`"))).collect();
    assert!(missing.is_empty(), "src/lib.rs does not say in which layer these rooms are: {missing:?}");
}

/// Each row: file, source, and what the breach must say (empty: no breach).
#[test]
fn every_rule_can_fail() {
    let rows: &[(&str, &str, &str)] = &[
        ("src/decode/x.rs", "use crate::store::Store;", "may not use 'store'"),
        ("src/decode/x.rs", "use crate::domain::{Cents, Reading};\nuse crate::imaging::tiff::load;", ""),
        ("src/matching/x.rs", "fn f() { crate::decode::decode() }", "may not use 'decode'"),
        ("src/matching/x.rs", "use crate::{domain::Cents, grouping::form};", "types of 'grouping'"),
        ("src/matching/x.rs", "use crate::grouping::rule::Rule;", ""),
        ("src/matching/x.rs", "use super::super::store;", "may not use 'store'"),
        ("src/formats/x.rs", "use crate::imaging::Bits;", "may not use 'imaging'"),
        ("src/formats/x9/x.rs", "use super::super::super::pipeline::Run;", "may not use 'pipeline'"),
        ("src/domain/x.rs", "use crate::formats::csv;", "may not use 'formats'"),
        ("src/store/x.rs", "use crate::cli::Out;", "may not use 'cli'"),
        ("src/attic/x.rs", "fn f() {}", "has no layer"),
        ("src/decode/x.rs", "// use crate::store::Store;\nconst A: &str = \"crate::store\";", ""),
        ("src/decode/x.rs", "#[cfg(test)]\nmod tests { use crate::store::Store; fn f() { a().unwrap() } }", ""),
        ("src/decode/x.rs", "use std::fs;", "`std::fs` in layer 2"),
        ("src/imaging/x.rs", "fn f() { std::fs::read(p) }", "`std::fs` in layer 1"),
        ("src/store/x.rs", "use std::fs;", ""),
        ("src/grouping/x.rs", "async fn f() { tokio::spawn(g) }", "`tokio` in layer 2"),
        ("src/post/x.rs", "let n = jiff::Timestamp::now();", "outside clock.rs"),
        ("src/cli/x.rs", "let n = SystemTime::now();", "outside clock.rs"),
        ("src/decode/x.rs", "let n = Instant::now();", "pure room"),
        ("src/cli/x.rs", "let n = Instant::now();", ""),
        ("src/cli/x.rs", "let n = a.unwrap();", "`.unwrap()`"),
        ("src/cli/x.rs", "let n = a.unwrap_or(1);", ""),
        ("src/cli/x.rs", "let n = a.expect(\"never\");", "`.expect(`"),
        ("src/cli/x.rs", "fn f() { todo!() }", "`todo!`"),
        ("src/cli/x.rs", "dbg!(1);", "`dbg!`"),
        ("src/cli/x.rs", "#[allow(dead_code)]\nfn f() {}", "allow(dead_code)"),
        ("src/matching/x.rs", "fn f(a: f64) {}", "whole cents"),
        ("src/decode/x.rs", "fn f(a: f64) {}", ""),
        ("src/store/x.rs", "let q = format!(\"select a from b where c = {d}\");", "SQL text"),
        ("src/store/x.rs", "let q = format!(\"{a} selected\");", ""),
        ("src/store/x.rs", "sqlx::query(AssertSqlSafe(q))", "AssertSqlSafe"),
        ("src/store/db.rs", "sqlx::query(AssertSqlSafe(q))", ""),
        ("src/pipeline.rs", "tracing::info!(account = %a.reveal(), \"posted\");", "unmasked"),
        ("src/cli/common.rs", "", "'common' says nothing"),
        ("src/cli/x.rs", "mod date_helper;\nmod helpers { }", "module 'helpers'"),
        ("tests/x.rs", "#[test]\n#[ignore]\nfn f() {}", "`#[ignore]`"),
        ("tests/x.rs", "fn f() { thread::sleep(d) }", "a sleep in a test"),
        ("src/cli/x.rs", "#[cfg(test)]\nmod tests { fn f() { thread::sleep(d) } }", "a sleep in a test"),
        ("src/cli/x.rs", "fn f() { thread::sleep(d) }", ""),
        ("src/cli/x.rs", concat!("let p = \"/", "tmp/a\";"), "path of one machine"),
        ("src/cli/x.rs", concat!("let p = \"src/", "work/a\";"), ""),
        ("src/cli/x.rs", "let c = '\"'; let s: &'static str = \"a\\\"b\"; let r = r#\"x\" .unwrap() \"#;", ""),
        ("src/cli/x.rs", "/* a /* b */ .unwrap() */ fn f() {}", ""),
    ];
    for (file, text, want) in rows {
        let source = Source::new(file, &format!("//! Head.\n{text}\n"), file.starts_with("tests/"));
        let got: Vec<String> = inspect(&source).iter().map(Breach::to_string).collect();
        match want.is_empty() {
            true => assert!(got.is_empty(), "{file}: {text}\nshould be tidy, but: {got:?}"),
            false => assert!(got.iter().any(|g| g.contains(want)), "{file}: {text}\nwanted '{want}', got {got:?}"),
        }
    }
    let long = format!("//! Head.\n{}", "fn f() {}\n".repeat(MOST_LINES));
    let headless = Source::new("src/cli/x.rs", "fn f() {}", false);
    let headlong = Source::new("src/cli/x.rs", &"//! Head.\n".repeat(MOST_HEAD_LINES + 1), false);
    assert!(inspect(&Source::new("src/cli/x.rs", &long, false)).iter().any(|b| b.what.contains("split it")));
    assert!(inspect(&headless).iter().any(|b| b.what.contains("no `//!` head")));
    assert!(inspect(&headlong).iter().any(|b| b.what.contains("a head of")));
    let second = Source::new("src/cli/x.rs", "//! Head.\n\nfn f() { a.unwrap() }\n", false);
    assert_eq!(inspect(&second)[0].line, 3);
}
