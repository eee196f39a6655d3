//! The commands of the README, run as a newcomer would: every `sh` block, in order, in one shell, in an empty folder that
//! holds a copy of `scanner-samples/`. Blocks marked `sh build` set the machine up and are what `tests/run` itself does. What
//! a block says it prints (`text` blocks right after it) must stand in its output.

use std::path::Path;
use std::process::{Command, Stdio};

#[derive(Debug, PartialEq)]
struct Block {
    line: usize,
    kind: String,
    text: String,
}

fn blocks(readme: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in readme.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => {
                open = Some(Block { line: number + 1, kind: kind.trim().to_string(), text: String::new() })
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "the README has a block that is never closed");
    found
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())).flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file can be copied");
        }
    }
}

/// The marker that stands in the output before each block.
fn mark(line: usize) -> String {
    format!("-- README line {line}")
}

#[test]
fn the_readme_tells_the_truth() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md can be read");
    let all = blocks(&readme);
    let shown: Vec<&Block> = all.iter().filter(|b| b.kind == "sh").collect();
    assert!(shown.len() >= 3, "the README shows only {} blocks of commands", shown.len());
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&root.join("scanner-samples"), &folder.path().join("scanner-samples"));
    let mut script = String::from("set -euo pipefail\n");
    for block in &shown {
        script += &format!("echo '{0}'; echo '{0}' >&2\n{1}", mark(block.line), block.text);
    }
    let program = Path::new(env!("CARGO_BIN_EXE_remit")).parent().expect("a folder of programs");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(folder.path()).env("PATH", path).env("NO_COLOR", "1").stdin(Stdio::null());
    for variable in ["REMIT_SITE", "REMIT_DB", "REMIT_BLOBS", "REMIT_NOW", "REMIT_LOG"] {
        shell.env_remove(variable);
    }
    let output = shell.output().expect("bash runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the README's commands end with {}\n{out}\n{err}", output.status);
    for (shown, said) in all.iter().zip(all.iter().skip(1)).filter(|(a, b)| a.kind == "sh" && b.kind == "text") {
        let from = out.find(&mark(shown.line)).map_or("", |at| &out[at + mark(shown.line).len()..]);
        let part = from.split("-- README line ").next().unwrap_or_default();
        for line in said.text.lines().map(str::trim).filter(|l| !l.is_empty() && *l != "...") {
            assert!(part.contains(line), "README line {}: '{line}' is not what the program prints:\n{part}", said.line);
        }
    }
}

/// Whoever opens the map must find what it names.
#[test]
fn the_map_points_at_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md can be read");
    let named: Vec<&str> = readme
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|w| ["src/", "tests/", "benches/", "scanner-samples/", ".ci/"].iter().any(|d| w.starts_with(d)))
        .collect();
    assert!(!named.is_empty(), "the README names no file of the project");
    for name in named {
        let name = name.trim_end_matches('/');
        assert!(root.join(name).exists(), "the README names `{name}`, which is not there");
    }
}

#[test]
fn blocks_are_told_apart() {
    let read = blocks("a\n```sh\nls\n```\n```text\nx\ny\n```\n");
    let want = [
        Block { line: 2, kind: "sh".into(), text: "ls\n".into() },
        Block { line: 5, kind: "text".into(), text: "x\ny\n".into() },
    ];
    assert_eq!(read, want);
}
