//! The proof sheet of a business date: every check and cash item that was captured stands in exactly one column, and the
//! columns, the control totals, the deposits and the journal agree to the cent, or the sheet says where they do not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;

use crate::balance::Tally;
use crate::domain::{
    Batch, BatchState, Cents, Control, Day, Deposit, DocumentId, DocumentKind, Entry, MoneyError, Transaction,
    TransactionState,
};
use crate::exceptions::Queue;
use crate::grouping::Evidence;

/// What the shell loads for one business date of a site.
#[derive(Clone, Debug)]
pub struct SheetInput<'a> {
    pub site: &'a str,
    pub date: Day,
    /// When it was printed, as given by the clock.
    pub printed: &'a str,
    /// Batches of the date with their transactions and the evidence of every document.
    pub batches: Vec<(&'a Batch, &'a [Transaction], &'a [Evidence])>,
    /// Deposits that hold items of these batches.
    pub deposits: &'a [Deposit],
    /// Journal entries of these batches and deposits.
    pub entries: &'a [Entry],
}

/// One batch: every check and cash item in exactly one column.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BatchSheet {
    pub id: String,
    pub name: String,
    pub state: Option<BatchState>,
    pub declared: Control,
    pub captured: Tally,
    pub deposited: Tally,
    /// Ready or posted, not yet in a deposit.
    pub awaiting: Tally,
    /// Still needs a person.
    pub open: Tally,
    pub held: Tally,
    pub rejected: Tally,
    pub void: Tally,
    /// Items of unknown amount; they count in their columns with 0.00.
    pub unknown_amounts: u32,
    pub agrees: bool,
}

impl BatchSheet {
    fn new(id: &str, name: &str, state: Option<BatchState>, declared: Control) -> Self {
        let zero = Tally::default();
        BatchSheet {
            id: id.into(),
            name: name.into(),
            state,
            declared,
            captured: zero,
            deposited: zero,
            awaiting: zero,
            open: zero,
            held: zero,
            rejected: zero,
            void: zero,
            unknown_amounts: 0,
            agrees: true,
        }
    }

    fn columns(&self) -> [(&'static str, Tally); 7] {
        [
            ("captured", self.captured),
            ("deposited", self.deposited),
            ("awaiting", self.awaiting),
            ("open", self.open),
            ("held", self.held),
            ("rejected", self.rejected),
            ("void", self.void),
        ]
    }

    fn placed(&self) -> Result<Tally, MoneyError> {
        self.columns()[1..].iter().map(|c| c.1).try_fold(Tally::default(), add)
    }
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DepositLine {
    pub id: String,
    pub kind: String,
    pub state: String,
    pub count: u32,
    pub total: Cents,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LedgerLine {
    pub account: String,
    pub debit: Cents,
    pub credit: Cents,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ProofSheet {
    pub site: String,
    pub date: Day,
    pub printed: String,
    pub batches: Vec<BatchSheet>,
    pub total: BatchSheet,
    /// Open exceptions by queue, the most urgent first.
    pub exceptions: BTreeMap<Queue, u32>,
    pub ledger: Vec<LedgerLine>,
    pub deposits: Vec<DepositLine>,
    /// Captured = deposited + awaiting + open + held + rejected + void in every batch, the journal sums to zero, and the
    /// deposits' own totals are those of their items.
    pub agrees: bool,
    /// What an approver must know; a disagreement says where it is.
    pub notes: Vec<String>,
}

fn add(a: Tally, b: Tally) -> Result<Tally, MoneyError> {
    Ok(Tally { count: a.count + b.count, total: a.total.plus(b.total)? })
}

/// Adds up one day.
pub fn proof_sheet(input: &SheetInput<'_>) -> Result<ProofSheet, MoneyError> {
    let in_deposit: BTreeSet<&DocumentId> = input.deposits.iter().flat_map(|d| &d.items).map(|i| &i.document).collect();
    let mut sheet = ProofSheet {
        site: input.site.into(),
        date: input.date,
        printed: input.printed.into(),
        batches: Vec::new(),
        total: BatchSheet::new("", "total", None, Control::default()),
        exceptions: BTreeMap::new(),
        ledger: Vec::new(),
        deposits: Vec::new(),
        agrees: true,
        notes: Vec::new(),
    };
    for (batch, transactions, evidence) in &input.batches {
        let line = batch_sheet(batch, transactions, evidence, &in_deposit, &mut sheet.notes)?;
        let t = &mut sheet.total;
        t.captured = add(t.captured, line.captured)?;
        t.deposited = add(t.deposited, line.deposited)?;
        t.awaiting = add(t.awaiting, line.awaiting)?;
        t.open = add(t.open, line.open)?;
        t.held = add(t.held, line.held)?;
        t.rejected = add(t.rejected, line.rejected)?;
        t.void = add(t.void, line.void)?;
        t.unknown_amounts += line.unknown_amounts;
        t.agrees &= line.agrees;
        sheet.batches.push(line);
        for e in transactions.iter().flat_map(|t| &t.exceptions).filter(|e| e.decision.is_none()) {
            *sheet.exceptions.entry(Queue::of(e.code)).or_default() += 1;
        }
    }
    sheet.agrees &= sheet.total.agrees;

    let mut ledger: BTreeMap<&str, (Cents, Cents)> = BTreeMap::new();
    for posting in input.entries.iter().flat_map(|e| &e.draft.postings) {
        let side = ledger.entry(&posting.account).or_default();
        if posting.amount.is_negative() {
            side.1 = side.1.minus(posting.amount)?;
        } else {
            side.0 = side.0.plus(posting.amount)?;
        }
    }
    sheet.ledger = ledger
        .into_iter()
        .map(|(account, (debit, credit))| LedgerLine { account: account.into(), debit, credit })
        .collect();
    let debits = Cents::sum(sheet.ledger.iter().map(|l| l.debit))?;
    let credits = Cents::sum(sheet.ledger.iter().map(|l| l.credit))?;
    if debits != credits {
        sheet.agrees = false;
        sheet.notes.push(format!("the journal does not sum to zero: debits {debits}, credits {credits}"));
    }
    for deposit in input.deposits {
        let total = Cents::sum(deposit.items.iter().map(|i| i.amount))?;
        if total != deposit.total || deposit.items.len() != deposit.count as usize {
            sheet.agrees = false;
            sheet.notes.push(format!("deposit {} says {}, its items are {total}", deposit.id, deposit.total));
        }
        sheet.deposits.push(DepositLine {
            id: deposit.id.to_string(),
            kind: deposit.kind.as_str().into(),
            state: deposit.state.as_str().into(),
            count: deposit.count,
            total: deposit.total,
        });
    }
    Ok(sheet)
}

fn batch_sheet(
    batch: &Batch,
    transactions: &[Transaction],
    evidence: &[Evidence],
    in_deposit: &BTreeSet<&DocumentId>,
    notes: &mut Vec<String>,
) -> Result<BatchSheet, MoneyError> {
    let mut line = BatchSheet::new(batch.id.as_str(), &batch.name, Some(batch.state), batch.declared);
    let is_item = |e: &&Evidence| matches!(e.kind, DocumentKind::Check | DocumentKind::CashTicket);
    let one = |e: &Evidence| Tally { count: 1, total: e.check.as_ref().and_then(|c| c.amount).unwrap_or(Cents::ZERO) };
    // Captured is counted over the documents, the columns over the transactions: the two must meet.
    for e in evidence.iter().filter(is_item) {
        line.captured = add(line.captured, one(e))?;
        line.unknown_amounts += u32::from(e.check.as_ref().is_none_or(|c| c.amount.is_none()));
    }
    let by_id: BTreeMap<&DocumentId, &Evidence> = evidence.iter().map(|e| (&e.document, e)).collect();
    let mut cash = Tally::default();
    for t in transactions {
        let members: Vec<&Evidence> = t.documents.iter().filter_map(|d| by_id.get(d).copied()).collect();
        let mut items: Vec<(Option<&DocumentId>, Tally)> =
            members.iter().copied().filter(|e| is_item(e)).map(|e| (Some(&e.document), one(e))).collect();
        let has_stub = members.iter().any(|e| e.kind == DocumentKind::Stub);
        if let (true, true, Some(amount)) = (items.is_empty(), has_stub, t.received.filter(|r| r.is_positive())) {
            // A stub paid in cash; a person said how much.
            let taken = Tally { count: 1, total: amount };
            cash = add(cash, taken)?;
            items.push((None, taken));
        }
        for (document, tally) in items {
            let banked = document.is_some_and(|d| in_deposit.contains(d))
                || (t.state == TransactionState::Posted && batch.origin.deposited_by_bank());
            let column = match (batch.state, t.state) {
                (BatchState::Void, _) | (_, TransactionState::Void) => &mut line.void,
                (_, TransactionState::Clean | TransactionState::Ready | TransactionState::Posted) if banked => {
                    &mut line.deposited
                }
                (_, TransactionState::Clean | TransactionState::Ready | TransactionState::Posted) => &mut line.awaiting,
                (_, TransactionState::Held) => &mut line.held,
                (_, TransactionState::Rejected) => &mut line.rejected,
                (_, TransactionState::Captured | TransactionState::Proposed | TransactionState::Exception) => {
                    &mut line.open
                }
            };
            *column = add(*column, tally)?;
        }
    }
    let checks = line.captured;
    line.captured = add(line.captured, cash)?;
    if line.placed()? != line.captured {
        line.agrees = false;
        let placed = line.placed()?;
        notes.push(format!(
            "batch {}: captured {} items of {}, but the columns hold {} of {}",
            batch.name, line.captured.count, line.captured.total, placed.count, placed.total
        ));
    }
    if let Some(total) = batch.declared.total {
        let rest = total.minus(checks.total)?;
        if !rest.is_zero() {
            notes.push(match line.unknown_amounts {
                0 => format!("batch {}: declared {total}, captured {}", batch.name, checks.total),
                n => format!(
                    "batch {}: {rest} of the declared {total} is in {n} items whose amount is not known",
                    batch.name
                ),
            });
        }
    }
    if let Some(count) = batch.declared.count.filter(|c| !batch.declared.counts_documents && *c != checks.count) {
        notes.push(format!("batch {}: {count} checks were declared, {} are here", batch.name, checks.count));
    }
    Ok(line)
}

impl ProofSheet {
    /// For a terminal or a printer, at most 110 columns.
    pub fn text(&self) -> String {
        let mut out = String::new();
        _ = writeln!(out, "PROOF SHEET   {}   business date {}   printed {}\n", self.site, self.date, self.printed);
        _ = write!(out, "{:<18} {:<10}", "batch", "state");
        for (name, _) in self.total.columns() {
            _ = write!(out, " {name:>10}");
        }
        out.push('\n');
        for line in self.batches.iter().chain([&self.total]) {
            let name: String = line.name.chars().filter(|c| !c.is_control()).take(18).collect();
            _ = write!(out, "{name:<18} {:<10}", line.state.map_or("", BatchState::as_str));
            for (_, tally) in line.columns() {
                _ = write!(out, " {:>10}", tally.count);
            }
            _ = write!(out, "\n{:<29}", "");
            for (_, tally) in line.columns() {
                _ = write!(out, " {:>10}", tally.total);
            }
            out.push('\n');
        }
        _ = writeln!(
            out,
            "\ncaptured = deposited + awaiting + open + held + rejected + void: {}",
            yes(self.total.agrees)
        );
        if !self.exceptions.is_empty() {
            _ = writeln!(out, "\nopen exceptions");
            for (queue, count) in &self.exceptions {
                _ = writeln!(out, "  {:<12} {count:>6}", queue.as_str());
            }
        }
        if !self.ledger.is_empty() {
            _ = writeln!(out, "\nledger      {:>14} {:>14}", "debit", "credit");
            for l in &self.ledger {
                _ = writeln!(out, "  {:<9} {:>14} {:>14}", l.account, l.debit, l.credit);
            }
        }
        if !self.deposits.is_empty() {
            _ = writeln!(out, "\ndeposits");
            for d in &self.deposits {
                _ = writeln!(out, "  {} {:<8} {:<13} {:>6} {:>14}", d.id, d.kind, d.state, d.count, d.total);
            }
        }
        for note in &self.notes {
            _ = writeln!(out, "\nnote: {note}");
        }
        _ = writeln!(out, "\nthe day {}", if self.agrees { "agrees to the cent" } else { "DOES NOT AGREE" });
        out
    }

    /// One page with its own print style; needs nothing from elsewhere.
    pub fn html(&self) -> String {
        let mut out = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
        _ = write!(out, "<title>Proof sheet {} {}</title>", escaped(&self.site), self.date);
        out.push_str(
            "<style>body{font:14px/1.4 system-ui,sans-serif;margin:2rem;color:#111}table{border-collapse:collapse;margin:1rem 0}\
             th,td{padding:.25rem .6rem;border-bottom:1px solid #ccc;text-align:right;font-variant-numeric:tabular-nums}\
             th:first-child,td:first-child{text-align:left}tr.total td{font-weight:bold;border-top:2px solid #111}\
             .no{color:#b00;font-weight:bold}small{color:#555}.sign{margin-top:3rem}\
             @media print{@page{size:landscape;margin:12mm}body{margin:0}}</style></head><body>",
        );
        _ = write!(
            out,
            "<h1>Proof sheet</h1><p>{}, business date {}<br><small>printed {}</small></p>",
            escaped(&self.site),
            self.date,
            escaped(&self.printed)
        );
        out.push_str("<table><tr><th>batch</th>");
        for (name, _) in self.total.columns() {
            _ = write!(out, "<th>{name}</th>");
        }
        out.push_str("</tr>");
        for line in self.batches.iter().chain([&self.total]) {
            let class = if line.state.is_none() { " class=\"total\"" } else { "" };
            let state = line.state.map_or("", BatchState::as_str);
            _ = write!(out, "<tr{class}><td>{} <small>{state}</small></td>", escaped(&line.name));
            for (_, tally) in line.columns() {
                _ = write!(out, "<td>{}<br>{}</td>", tally.count, tally.total);
            }
            out.push_str("</tr>");
        }
        out.push_str("</table>");
        let mut table = |title: &str, head: &[&str], rows: Vec<Vec<String>>| {
            if rows.is_empty() {
                return;
            }
            _ = write!(out, "<h2>{title}</h2><table><tr>");
            for cell in head {
                _ = write!(out, "<th>{cell}</th>");
            }
            out.push_str("</tr>");
            for row in rows {
                out.push_str("<tr>");
                for cell in row {
                    _ = write!(out, "<td>{}</td>", escaped(&cell));
                }
                out.push_str("</tr>");
            }
            out.push_str("</table>");
        };
        let count = |(queue, n): (&Queue, &u32)| vec![queue.as_str().to_string(), n.to_string()];
        table("Open exceptions", &["queue", "count"], self.exceptions.iter().map(count).collect());
        let line = |l: &LedgerLine| vec![l.account.clone(), l.debit.to_string(), l.credit.to_string()];
        table("Ledger", &["account", "debit", "credit"], self.ledger.iter().map(line).collect());
        let line = |d: &DepositLine| {
            vec![d.id.clone(), d.kind.clone(), d.state.clone(), d.count.to_string(), d.total.to_string()]
        };
        table("Deposits", &["deposit", "kind", "state", "items", "total"], self.deposits.iter().map(line).collect());
        for note in &self.notes {
            _ = write!(out, "<p>Note: {}</p>", escaped(note));
        }
        if self.agrees {
            out.push_str("<p>The day agrees to the cent.</p>");
        } else {
            out.push_str("<p class=\"no\">The day does not agree.</p>");
        }
        out.push_str("<p class=\"sign\">Balanced by ____________________ &emsp; Approved by ____________________</p>");
        out.push_str("</body></html>\n");
        out
    }
}

fn yes(agrees: bool) -> &'static str {
    if agrees { "yes" } else { "NO" }
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            // Marks that turn the direction of text would let a name rearrange the sheet.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
