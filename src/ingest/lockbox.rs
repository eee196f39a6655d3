//! A lockbox file: each batch becomes an intake of its own, so that one that does not agree does not hold the others. Each
//! check record is a check without an image, each invoice line a stub in the same envelope. The bank has deposited them.

use std::io::Read;

use crate::domain::document::Remittance;
use crate::domain::{Control, DocumentKind, Origin};
use crate::formats::bai_lockbox::{self, Batch, Check, Invoice, LockboxFile};
use crate::formats::fault::Fault;
use crate::formats::x9;

use super::{Intake, IntakeDocument, IntakeError, MOST_DOCUMENTS, SourceKind, fingerprint};

/// Takes a lockbox file, one intake per batch that holds checks. Empty batches and lockboxes are legal and give none.
pub fn lockbox(bytes: &[u8]) -> Result<Vec<Intake>, IntakeError> {
    lockbox_from(&mut &*bytes)
}

/// The same from a source of any size.
pub fn lockbox_from(source: &mut dyn Read) -> Result<Vec<Intake>, IntakeError> {
    let file = bai_lockbox::read_from(source, MOST_DOCUMENTS).map_err(|fault| IntakeError::Refused(vec![fault]))?;
    let intakes: Vec<Intake> = file.batches.iter().filter(|b| !b.checks.is_empty()).map(|b| intake(&file, b)).collect();
    if intakes.is_empty() {
        let faults = file.all_faults();
        return Err(if file.is_valid() { IntakeError::Empty } else { IntakeError::Refused(faults) });
    }
    Ok(intakes)
}

fn intake(file: &LockboxFile, batch: &Batch) -> Intake {
    let mut documents = Vec::new();
    for (envelope, check) in (1..).zip(&batch.checks) {
        let mut push = |document: IntakeDocument| {
            let seq = u32::try_from(documents.len() + 1).unwrap_or(u32::MAX);
            documents.push(IntakeDocument { seq, envelope: Some(envelope), ..document });
        };
        push(check_document(check));
        check.invoices.iter().for_each(|invoice| push(stub_document(invoice, &check.customer)));
        if check.invoices.is_empty() && !check.customer.is_empty() {
            push(customer_document(check));
        }
    }
    let key = |check: &Check| {
        let customer = &check.customer;
        let lines: Vec<String> = check.invoices.iter().map(|i| format!("{} {:?}", i.text, i.payment)).collect();
        format!(
            "{} {} {} {:?} {lines:?}{customer}",
            check.routing,
            check.account.key(),
            check.check_number,
            check.amount
        )
    };
    let head = format!("{} {} {:?}", batch.lockbox, batch.batch, batch.deposit_date);
    // What is wrong with the file as a whole concerns each of its batches.
    let problems: Vec<Fault> = file.faults.list().iter().chain(&batch.faults).cloned().collect();
    Intake {
        kind: SourceKind::Lockbox,
        name: Some(format!("lockbox {} batch {}", batch.lockbox, batch.batch)),
        control: Control {
            count: batch.stated_count.and_then(|c| u32::try_from(c).ok()).filter(|_| !counts_records(batch)),
            total: batch.stated_amount,
            counts_documents: false,
        },
        origin: Some(Origin::Lockbox),
        date: batch.deposit_date,
        business_fingerprint: fingerprint(
            SourceKind::Lockbox,
            std::iter::once(head).chain(batch.checks.iter().map(key)),
        ),
        documents,
        problems,
    }
}

/// The bank counts overflow records too, and the count agrees that way: it is no count of checks.
fn counts_records(batch: &Batch) -> bool {
    let agrees = !batch.faults.iter().any(|f| f.code == "total");
    agrees && batch.stated_count != Some(batch.checks.len() as u64)
}

fn check_document(check: &Check) -> IntakeDocument {
    let serial = check.check_number.trim_start_matches('0');
    let account = check.account.reveal();
    let on_us = if account.is_empty() { String::new() } else { format!("{account}/{serial}") };
    let line = x9::line_text("", "", &check.routing, &on_us);
    let remitter = Some(check.remitter.clone()).filter(|r| !r.is_empty());
    IntakeDocument {
        kind_hint: Some(DocumentKind::Check),
        station_micr: Some(line).filter(|l| !l.is_empty()),
        station_amount: check.amount,
        amount_is_recorded: true,
        remittance: remitter.map(|text| Remittance { text: Some(text), ..Remittance::default() }),
        ..IntakeDocument::default()
    }
}

/// The whole check is for one customer.
fn customer_document(check: &Check) -> IntakeDocument {
    let account = Some(check.customer.clone());
    IntakeDocument {
        kind_hint: Some(DocumentKind::Stub),
        amount_is_recorded: true,
        remittance: Some(Remittance { account, amount: check.amount, ..Remittance::default() }),
        ..IntakeDocument::default()
    }
}

fn stub_document(invoice: &Invoice, customer: &str) -> IntakeDocument {
    let text = Some(invoice.text.clone()).filter(|t| !t.is_empty());
    // A memo of one word is a reference that may be an invoice or an account; more words are only text.
    let reference = text.clone().filter(|t| !t.contains(' '));
    IntakeDocument {
        kind_hint: Some(DocumentKind::Stub),
        amount_is_recorded: true,
        remittance: Some(Remittance {
            account: Some(customer.to_string()).filter(|c| !c.is_empty()),
            invoice: reference,
            amount: invoice.payment,
            text,
            ..Remittance::default()
        }),
        ..IntakeDocument::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Cents;
    use crate::formats::bai_lockbox::{LockboxCheck, LockboxDeposit, LockboxInvoice};

    fn file() -> Vec<u8> {
        let check = |amount: i64, invoices: &[(&str, i64)]| LockboxCheck {
            amount: Cents::new(amount),
            routing: "061000146".into(),
            account: "1234567890".into(),
            check_number: "1021".into(),
            customer: String::new(),
            invoices: invoices
                .iter()
                .map(|(invoice, payment)| LockboxInvoice {
                    invoice: invoice.to_string(),
                    payment: Cents::new(*payment),
                    deduction: Cents::ZERO,
                })
                .collect(),
        };
        bai_lockbox::write(&LockboxDeposit {
            destination: "ACMEUTIL".into(),
            origin: "021000021".into(),
            file_date: "2026-11-03".parse().unwrap(),
            file_time: "0630".into(),
            lockbox: "12345".into(),
            deposit_date: "2026-11-02".parse().unwrap(),
            batches: vec![
                vec![check(300, &[("8140622", 100), ("1166896", 200)]), check(50, &[])],
                vec![],
                vec![check(7, &[])],
            ],
        })
        .unwrap()
    }

    #[test]
    fn each_batch_is_an_intake_and_each_line_a_stub() {
        let intakes = lockbox(&file()).unwrap();
        assert_eq!(intakes.len(), 2);
        let first = &intakes[0];
        assert_eq!(first.name.as_deref(), Some("lockbox 0012345 batch 001"));
        assert_eq!((first.control.count, first.control.total), (Some(2), Some(Cents::new(350))));
        assert_eq!((first.origin, first.date), (Some(Origin::Lockbox), Some("2026-11-02".parse().unwrap())));
        let shape: Vec<_> =
            first.documents.iter().map(|d| (d.seq, d.kind_hint.unwrap(), d.envelope.unwrap())).collect();
        use DocumentKind::{Check, Stub};
        assert_eq!(shape, [(1, Check, 1), (2, Stub, 1), (3, Stub, 1), (4, Check, 2)]);
        assert_eq!(first.documents[0].station_micr.as_deref(), Some("A061000146A 1234567890C1021"));
        let remittance = first.documents[1].remittance.clone().unwrap();
        assert_eq!((remittance.invoice.as_deref(), remittance.amount), (Some("8140622"), Some(Cents::new(100))));
        assert_ne!(first.business_fingerprint, intakes[1].business_fingerprint);
    }

    #[test]
    fn a_batch_that_does_not_agree_holds_only_itself() {
        let text = String::from_utf8(file()).unwrap();
        let damaged = text.replace("0020000000350", "0020000000351");
        assert_ne!(text, damaged);
        let intakes = lockbox(damaged.as_bytes()).unwrap();
        let held = |i: &Intake| i.problems.iter().any(Fault::is_error);
        assert_eq!(intakes.iter().map(held).collect::<Vec<_>>(), [true, false]);
        let unwrapped = lockbox(text.replace("\r\n", "\n").as_bytes()).unwrap();
        assert_eq!(unwrapped[0].business_fingerprint, lockbox(text.as_bytes()).unwrap()[0].business_fingerprint);
    }
}
