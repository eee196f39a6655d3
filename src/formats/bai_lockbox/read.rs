//! A lockbox file as its batches, each with its checks, what they pay and what is wrong with it. The rules and the sums are
//! the walk's; a batch that does not agree carries the fault, the others may go on.

use std::io::Read;

use super::physical::Line;
use super::profile::Profile;
use super::short_date;
use super::walk::{CheckColumns, Remittance, Sink, Summary, walk};
use crate::domain::{BankAccount, Cents, Day, Sha256};
use crate::formats::fault::{Fault, Faults};

#[derive(Clone, Debug)]
pub struct LockboxFile {
    pub profile: &'static Profile,
    pub ebcdic: bool,
    pub origin: String,
    pub destination: String,
    pub file_date: Option<Day>,
    pub batches: Vec<Batch>,
    pub records: u64,
    /// Faults of the file as a whole; those of a batch stand with it.
    pub faults: Faults,
}

#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// First and last line.
    pub lines: (u64, u64),
    pub lockbox: String,
    pub batch: String,
    pub deposit_date: Option<Day>,
    pub checks: Vec<Check>,
    pub stated_count: Option<u64>,
    pub stated_amount: Option<Cents>,
    pub faults: Vec<Fault>,
}

#[derive(Clone, Debug)]
pub struct Check {
    pub line: u64,
    pub item: String,
    /// `None` where the field is no amount.
    pub amount: Option<Cents>,
    pub routing: String,
    /// Cut to ten digits by most layouts: never the only key.
    pub account: BankAccount,
    /// Blank for money orders and cash.
    pub check_number: String,
    pub check_date: Option<Day>,
    pub remitter: String,
    /// Our customer's number, where the layout has it.
    pub customer: String,
    pub invoices: Vec<Invoice>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    pub line: u64,
    /// Invoice number, or the memo where the layout has only text.
    pub text: String,
    pub payment: Option<Cents>,
    pub deduction: Option<Cents>,
    pub reason: String,
}

impl LockboxFile {
    pub fn is_valid(&self) -> bool {
        self.faults.errors == 0 && !self.batches.iter().any(|b| b.faults.iter().any(Fault::is_error))
    }

    /// All faults in the file's order.
    pub fn all_faults(&self) -> Vec<Fault> {
        let mut all: Vec<Fault> = self.faults.list().to_vec();
        all.extend(self.batches.iter().flat_map(|b| b.faults.iter().cloned()));
        all.sort_by_key(|f| (f.line, f.column));
        all.truncate(Faults::LIMIT);
        all
    }

    pub fn total(&self) -> Option<Cents> {
        Cents::sum(self.batches.iter().flat_map(|b| &b.checks).filter_map(|c| c.amount)).ok()
    }

    /// Equal for the same content in another wrapping.
    pub fn content_hash(&self) -> Sha256 {
        let key = |c: &Check| format!("{} {} {} {:?}\n", c.routing, c.account.key(), c.check_number, c.amount);
        let text: String = self
            .batches
            .iter()
            .map(|b| b.batch.clone() + "\n" + &b.checks.iter().map(key).collect::<String>())
            .collect();
        Sha256::of(text.as_bytes())
    }
}

/// Reads a file. `Err` only where it is no lockbox file at all.
pub fn read(bytes: &[u8]) -> Result<LockboxFile, Fault> {
    read_from(&mut &*bytes, usize::MAX)
}

/// The same from a source of any size. Checks and invoices are kept up to `most`; what comes after is counted in the sums and
/// left out with a fault of the whole file.
pub fn read_from(source: &mut dyn Read, most: usize) -> Result<LockboxFile, Fault> {
    let mut assembly = Assembly { batches: Vec::new(), room: most, unkept: false };
    let mut summary = walk(source, &mut assembly)?;
    if assembly.unkept {
        let message = format!("the file holds more than {most} checks and invoices: ask the bank to divide it");
        summary.faults.push(Fault::error("limit", message));
    }
    Ok(assembly.file(summary))
}

struct Assembly {
    batches: Vec<Batch>,
    /// So many more are kept.
    room: usize,
    unkept: bool,
}

impl Assembly {
    fn has_room(&mut self) -> bool {
        self.unkept |= self.room == 0;
        self.room = self.room.saturating_sub(1);
        !self.unkept
    }
}

impl Sink for Assembly {
    fn batch(&mut self, line: &Line<'_>, lockbox: &str, deposit_date: Option<Day>) {
        let lines = (line.number, u64::MAX);
        self.batches.push(Batch { lines, lockbox: lockbox.into(), deposit_date, ..Batch::default() });
    }

    fn check(&mut self, line: &Line<'_>, fields: &CheckColumns, amount: Option<Cents>) {
        if !self.has_room() {
            return;
        }
        let Some(batch) = self.batches.last_mut() else { return };
        let text = |column| line.row.text(column);
        if batch.checks.is_empty() {
            batch.batch = text(fields.batch);
        }
        batch.checks.push(Check {
            line: line.number,
            item: text(fields.item),
            amount,
            routing: text(fields.routing),
            account: BankAccount::new(text(fields.account)),
            check_number: text(fields.check_number),
            check_date: short_date(&line.row, fields.check_date, true),
            remitter: text(fields.remitter),
            customer: text(fields.customer),
            invoices: Vec::new(),
        });
    }

    fn invoice(&mut self, line: &Line<'_>, fields: &Remittance<'_>) {
        if !self.has_room() {
            return;
        }
        let check = self.batches.last_mut().and_then(|b| b.checks.last_mut());
        let Some(check) = check else { return };
        check.invoices.push(Invoice {
            line: line.number,
            text: fields.row.text(fields.text),
            payment: fields.payment,
            deduction: fields.deduction,
            reason: fields.row.text(fields.reason),
        });
    }

    fn batch_end(&mut self, line: u64, stated: (Option<u64>, Option<Cents>), lockbox: &str, date: Option<Day>) {
        let Some(batch) = self.batches.last_mut() else { return };
        batch.lines.1 = line;
        (batch.stated_count, batch.stated_amount) = stated;
        if batch.lockbox.is_empty() {
            batch.lockbox = lockbox.into();
        }
        batch.deposit_date = batch.deposit_date.or(date);
    }
}

impl Assembly {
    /// Each fault to the batch in whose lines it stands; what is left is the file's.
    fn file(mut self, summary: Summary) -> LockboxFile {
        let mut faults = Faults::default();
        let listed = summary.faults.list();
        for fault in listed {
            let line = fault.line.unwrap_or(0);
            let at = self.batches.partition_point(|b| b.lines.0 <= line).checked_sub(1);
            match at.and_then(|at| self.batches.get_mut(at)).filter(|b| line <= b.lines.1) {
                Some(batch) => batch.faults.push(fault.clone()),
                None => faults.push(fault.clone()),
            }
        }
        // Faults that are only counted may stand anywhere: they hold the whole file.
        let told = listed.iter().filter(|f| f.is_error()).count() as u64;
        if summary.faults.errors > told {
            let more = summary.faults.errors - told;
            faults.push(Fault::error("limit", format!("{more} more faults than are listed")));
        }
        LockboxFile {
            profile: summary.profile,
            ebcdic: summary.ebcdic,
            origin: summary.origin,
            destination: summary.destination,
            file_date: summary.file_date,
            batches: self.batches,
            records: summary.records,
            faults,
        }
    }
}
