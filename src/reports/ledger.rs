//! The journal for others to check: CSV, hledger, beancount. Every amount is written out; the sums are theirs to make.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::sheet::csv_cell as cell;
use crate::domain::{Cents, Entry};
use crate::post::Chart;

/// `entry,date,batch,transaction,document,account,debit,credit,memo,hash`, a line per posting.
pub fn csv(entries: &[Entry]) -> String {
    let mut out = String::from("entry,date,batch,transaction,document,account,debit,credit,memo,hash\n");
    for entry in entries {
        for posting in &entry.draft.postings {
            let (debit, credit) = sides(posting.amount);
            let memo = if posting.memo.is_empty() { &entry.draft.memo } else { &posting.memo };
            let cells = [
                entry.number.to_string(),
                entry.draft.date.to_string(),
                entry.draft.batch.as_ref().map(ToString::to_string).unwrap_or_default(),
                entry.draft.transaction.as_ref().map(ToString::to_string).unwrap_or_default(),
                posting.document.as_ref().map(ToString::to_string).unwrap_or_default(),
                cell(&posting.account),
                debit,
                credit,
                cell(memo),
                entry.hash.to_string(),
            ];
            out.push_str(&cells.join(","));
            out.push('\n');
        }
    }
    out
}

/// Debit and credit of an amount as text; a credit is written without its sign.
fn sides(amount: Cents) -> (String, String) {
    if amount.is_negative() {
        let text = amount.to_string();
        (String::new(), text.trim_start_matches('-').to_string())
    } else {
        (amount.to_string(), String::new())
    }
}

/// Text inside a line of a journal: one line, no comment mark, no run of blanks (two blanks end an account name).
fn plain(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_control() || matches!(c, ';' | '|' | '"' | '#') { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn used(entries: &[Entry]) -> BTreeSet<&str> {
    entries.iter().flat_map(|e| &e.draft.postings).map(|p| p.account.as_str()).collect()
}

/// `assets:1020 undeposited checks`.
fn long_name(number: &str, chart: &Chart) -> String {
    match chart.accounts().into_iter().find(|a| a.0 == number) {
        Some((_, name, class)) => format!("{class}:{number} {name}"),
        None => format!("assets:{}", plain(number)),
    }
}

/// An hledger journal with every amount written; `hledger check` and `hledger check --strict` take it.
pub fn hledger(entries: &[Entry], chart: &Chart) -> String {
    let mut out = String::from("; remit ledger export\n\ncommodity 1000.00 USD\n\n");
    for number in used(entries) {
        _ = writeln!(out, "account {}", long_name(number, chart));
    }
    for entry in entries {
        _ = writeln!(out, "\n{} ({}) {}", entry.draft.date, entry.number, plain(&entry.draft.memo));
        for (key, id) in [
            ("batch", entry.draft.batch.as_ref().map(ToString::to_string)),
            ("transaction", entry.draft.transaction.as_ref().map(ToString::to_string)),
        ] {
            if let Some(id) = id {
                _ = writeln!(out, "    ; {key}:{id}");
            }
        }
        for posting in &entry.draft.postings {
            _ = write!(out, "    {}    {} USD", long_name(&posting.account, chart), posting.amount);
            if let Some(document) = &posting.document {
                _ = write!(out, "  ; document:{document}");
            }
            out.push('\n');
        }
    }
    out
}

/// A beancount file.
pub fn beancount(entries: &[Entry], chart: &Chart) -> String {
    let name = |number: &str| {
        let accounts = chart.accounts();
        let found = accounts.iter().find(|a| a.0 == number);
        let (label, class) = found.map_or(("other", "assets"), |a| (a.1, a.2));
        let class = match class {
            "liabilities" => "Liabilities",
            "revenues" => "Income",
            "expenses" => "Expenses",
            _ => "Assets",
        };
        let word = |w: &str| {
            let mut chars = w.chars().filter(char::is_ascii_alphanumeric);
            chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
        };
        let label = label.split([' ', '-']).map(word).filter(|w| !w.is_empty()).collect::<Vec<_>>().join("-");
        format!("{class}:A{}-{label}", word(number))
    };
    let mut out = String::from("; remit ledger export\n\noption \"operating_currency\" \"USD\"\n\n");
    if let Some(first) = entries.iter().map(|e| e.draft.date).min() {
        for number in used(entries) {
            _ = writeln!(out, "{first} open {} USD", name(number));
        }
    }
    for entry in entries {
        _ = writeln!(out, "\n{} * \"{}\"", entry.draft.date, plain(&entry.draft.memo));
        _ = writeln!(out, "  entry: \"{}\"", entry.number);
        for posting in &entry.draft.postings {
            _ = writeln!(out, "  {}  {} USD", name(&posting.account), posting.amount);
            if let Some(document) = &posting.document {
                _ = writeln!(out, "    document-id: \"{document}\"");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::domain::{DocumentId, EntryDraft, Posting};

    fn journal() -> Vec<Entry> {
        let draft = |memo: &str, lines: &[(&str, i64)]| EntryDraft {
            date: "2026-11-30".parse().unwrap(),
            batch: None,
            transaction: None,
            memo: memo.into(),
            postings: lines
                .iter()
                .map(|(account, amount)| Posting {
                    account: (*account).into(),
                    amount: Cents::new(*amount),
                    document: Some(DocumentId::of(&[account.as_bytes()])),
                    memo: "=1+1, \"x\"".into(),
                })
                .collect(),
        };
        let first = Entry::chained(
            1,
            Entry::GENESIS,
            draft("payment ; \n x", &[("1020", 8418), ("1100", -8400), ("2110", -18)]),
        );
        let second = Entry::chained(2, first.hash, draft("deposit", &[("1030", 8418), ("1020", -8418)]));
        vec![first, second]
    }

    #[test]
    fn csv_has_a_line_per_posting_and_no_formula() {
        let text = csv(&journal());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6);
        assert!(lines[1].contains(",1020,84.18,,\"'=1+1, \"\"x\"\"\","), "{}", lines[1]);
        assert!(lines[2].contains(",1100,,84.00,"), "{}", lines[2]);
    }

    #[test]
    fn hledger_takes_the_journal() {
        let text = hledger(&journal(), &Chart::default());
        let child = Command::new("hledger")
            .args(["-f", "-", "check", "--strict"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("NOT RUN: hledger is not installed, so its check was not made");
            return;
        };
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{}\n{text}", String::from_utf8_lossy(&out.stderr));
    }

    #[test]
    fn beancount_names_are_its_own() {
        let text = beancount(&journal(), &Chart::default());
        assert!(text.contains("2026-11-30 open Assets:A1020-Undeposited-Checks USD"), "{text}");
        assert!(text.contains("  Liabilities:A2110-Customer-Credits  -0.18 USD"), "{text}");
    }
}
