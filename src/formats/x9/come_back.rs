//! Returned checks of a return letter (records 31 to 35) as returned items: the reason in our words beside the bank's code,
//! how our item can be found again (its sequence at the bank of first deposit, from record 32), its account line and amount.
//! A letter whose order or totals do not hold is refused whole; an unknown reason concerns its item alone.

use std::io::Read;

use super::item::{Detail, Item};
use super::read::{Piece, scan};
use super::records::{CashLetterHeader, ReturnAddendumA, ReturnAddendumB, ReturnDetail};
use crate::domain::{
    BankAccount, Cents, OriginalItem, ReturnChannel, ReturnItem, ReturnReason, ReturnStage, SourcePlace,
};
use crate::formats::fault::{Fault, Faults};
use crate::formats::record::trimmed;

/// Most returns of one file; a file with more is refused.
const MOST: usize = 1_000_000;

/// The returns of a file.
#[derive(Clone, Debug)]
pub struct ReturnLetters {
    pub returns: Vec<ReturnItem>,
    /// Checks that are no returns.
    pub others: u64,
    pub faults: Faults,
}

impl ReturnLetters {
    /// Why nothing of the file may be booked; `None` when its order and totals hold. An unknown code of one item is no
    /// reason: that item goes to a person.
    pub fn refusal(&self) -> Option<&Fault> {
        self.faults.list().iter().find(|f| f.is_error())
    }
}

/// Reads the returned checks of a file of any size. `Err` only where it is no cash letter at all.
pub fn returns(source: &mut dyn Read) -> Result<ReturnLetters, Fault> {
    let mut items: Vec<Item> = Vec::new();
    let (mut others, mut too_many) = (0u64, false);
    let summary = scan(source, &mut |piece| match piece {
        Piece::Item(item) if item.is_check() => others += 1,
        Piece::Item(_) if items.len() >= MOST => too_many = true,
        Piece::Item(item) => items.push(Item { views: Vec::new(), ..item }),
        Piece::Credit(_) => {}
    })?;
    let mut faults = summary.faults;
    if too_many {
        faults.push(Fault::error("limit", format!("more than {MOST} returns in one file")));
    }
    let returns = items
        .iter()
        .filter_map(|item| {
            let letter = item.letter.checked_sub(1).and_then(|at| summary.letters.get(at)).map(|l| &l.header);
            match &item.detail {
                Detail::Return(detail) => Some(returned(item, detail, letter, &mut faults)),
                Detail::Check(_) => None,
            }
        })
        .collect();
    Ok(ReturnLetters { returns, others, faults })
}

fn returned(item: &Item, detail: &ReturnDetail, letter: Option<&CashLetterHeader>, faults: &mut Faults) -> ReturnItem {
    let code = detail.return_reason.text();
    // E administrative, R customer; what a bank left blank, or an older level has no place for, is a customer's.
    let administrative = letter.is_some_and(|l| l.returns_indicator.bytes() == b"E");
    let reason = code.chars().next().map_or(ReturnReason::Unknown, |c| ReturnReason::of_check(c, administrative));
    if reason == ReturnReason::Unknown {
        let fault = Fault::warning("return-code", "a reason for a return that no table knows");
        faults.push(
            fault.record(item.record).column(42).offset(item.offset + 41).between(code.clone(), "A to Z, 1 to 6"),
        );
    }
    // The first endorsement is that of the bank of first deposit: our own item number and day stand there.
    let first = addendum(item, ReturnAddendumA::CODE).and_then(|text| ReturnAddendumA::read(text).ok());
    let payor = addendum(item, ReturnAddendumB::CODE).and_then(|text| ReturnAddendumB::read(text).ok());
    let on_us = item.on_us();
    // Account before the on-us symbol, serial behind it; a business check has its serial in the auxiliary field.
    let (account, serial) = match on_us.rsplit_once('/') {
        Some((before, behind)) => (before.rsplit('/').next().unwrap_or(before), behind),
        None => (on_us.as_str(), ""),
    };
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let auxiliary = digits(&item.auxiliary_on_us());
    let serial = if auxiliary.is_empty() { digits(serial) } else { auxiliary };
    let some = |text: String| Some(text).filter(|t| !t.is_empty());
    let whole = |text: &str| !text.contains('*');
    ReturnItem {
        channel: ReturnChannel::CashLetter,
        stage: ReturnStage::Returned,
        reason,
        code,
        amount: item.amount().unwrap_or(Cents::ZERO),
        original: OriginalItem {
            trace: None,
            item_sequence: first.and_then(|a| some(a.bofd_item_sequence_number.text())),
            business_date: first.and_then(|a| a.bofd_endorsement_date.day().ok().flatten()),
            routing: some(item.routing()).filter(|r| whole(r)),
            account: some(digits(account)).filter(|_| whole(account)).map(BankAccount::new),
            serial: some(serial.trim_start_matches('0').to_string()),
        },
        id: some(item.sequence())
            .or_else(|| payor.and_then(|p| some(p.payor_bank_item_sequence_number.text())))
            .unwrap_or_else(|| format!("record {}", item.record)),
        date: letter.and_then(|l| l.business_date.day().ok().flatten()),
        text: payor.map_or_else(String::new, |p| p.payor_bank_name.text()),
        place: SourcePlace { record: item.record, offset: item.offset },
    }
}

/// The text of the first addendum of a type.
fn addendum<'a>(item: &'a Item, code: &str) -> Option<&'a [u8]> {
    item.addenda.iter().find(|a| a.code == code).map(|a| a.text.as_slice()).filter(|text| !trimmed(text).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::fault::FormatError;
    use crate::formats::x9::records::*;

    /// A return letter in lines, of one bundle.
    fn letter(indicator: &str, items: &[(&str, i64, &str)]) -> Vec<u8> {
        let day = || "2026-12-02".parse().unwrap();
        let build = || -> Result<Vec<Vec<u8>>, FormatError> {
            let mut records = vec![
                FileHeader::BLANK
                    .standard_level("03")?
                    .test_indicator("P")?
                    .immediate_destination_routing("061000146")?
                    .immediate_origin_routing("061100606")?
                    .file_creation_date(day())?
                    .file_creation_time("0900")?
                    .resend_indicator("N")?
                    .to_bytes(),
                CashLetterHeader::BLANK
                    .collection_type("03")?
                    .destination_routing("061000146")?
                    .ece_institution_routing("061100606")?
                    .business_date(day())?
                    .creation_date(day())?
                    .record_type_indicator("E")?
                    .returns_indicator(indicator)?
                    .to_bytes(),
                BundleHeader::BLANK
                    .collection_type("03")?
                    .destination_routing("061000146")?
                    .ece_institution_routing("061100606")?
                    .business_date(day())?
                    .creation_date(day())?
                    .to_bytes(),
            ];
            let mut sum = 0;
            for (number, (code, cents, on_us)) in (1..).zip(items) {
                sum += cents;
                records.push(
                    ReturnDetail::BLANK
                        .payor_bank_routing("06100014")?
                        .payor_bank_routing_check_digit("6")?
                        .on_us(on_us)?
                        .item_amount(Cents::new(*cents))?
                        .return_reason(code)?
                        .addendum_count(2)?
                        .ece_item_sequence_number(&format!("77{number}"))?
                        .to_bytes(),
                );
                records.push(
                    ReturnAddendumA::BLANK
                        .record_number(1)?
                        .return_location_routing("061000146")?
                        .bofd_endorsement_date("2026-11-30".parse().unwrap())?
                        .bofd_item_sequence_number(&format!("20261130010000{number}"))?
                        .to_bytes(),
                );
                records.push(ReturnAddendumB::BLANK.payor_bank_name("FIRST BANK")?.to_bytes());
            }
            let count = items.len() as u64;
            records.push(BundleControl::BLANK.item_count(count)?.total_amount(Cents::new(sum))?.to_bytes());
            let control = CashLetterControl::BLANK.bundle_count(1)?.item_count(count)?;
            records.push(control.total_amount(Cents::new(sum))?.to_bytes());
            let control = FileControl::BLANK.cash_letter_count(1)?.total_record_count(records.len() as u64 + 1)?;
            records.push(control.total_item_count(count)?.total_amount(Cents::new(sum))?.to_bytes());
            Ok(records)
        };
        build().unwrap().into_iter().flat_map(|r| [r, b"\n".to_vec()]).flatten().collect()
    }

    #[test]
    fn returned_checks_carry_reason_and_the_way_back() {
        let bytes = letter("R", &[("A", 8418, "12345678/0101"), ("E", 100, "55-1/"), ("?", 7, "1*3/9")]);
        let found = returns(&mut bytes.as_slice()).unwrap();
        assert_eq!(found.refusal(), None);
        let told: Vec<_> = found
            .returns
            .iter()
            .map(|r| {
                let account = r.original.account.as_ref().map(|a| a.reveal().to_string());
                (r.reason, r.code.as_str(), r.amount.get(), account, r.original.serial.clone(), r.id.as_str())
            })
            .collect();
        let text = |t: &str| Some(t.to_string());
        assert_eq!(
            told,
            [
                (ReturnReason::InsufficientFunds, "A", 8418, text("12345678"), text("101"), "771"),
                (ReturnReason::NoAccount, "E", 100, text("551"), None, "772"),
                (ReturnReason::Unknown, "?", 7, None, text("9"), "773"),
            ]
        );
        let first = &found.returns[0];
        assert_eq!(first.original.item_sequence.as_deref(), Some("202611300100001"));
        assert_eq!(first.original.business_date, Some("2026-11-30".parse().unwrap()));
        assert_eq!((first.date, first.text.as_str()), (Some("2026-12-02".parse().unwrap()), "FIRST BANK"));
        assert!(found.faults.has("return-code"));
    }

    #[test]
    fn an_administrative_letter_reads_its_codes_otherwise() {
        let found =
            |indicator| returns(&mut letter(indicator, &[("I", 5, "1/")]).as_slice()).unwrap().returns[0].reason;
        assert_eq!((found("E"), found("R")), (ReturnReason::ImageUnusable, ReturnReason::EndorsementMissing));
    }

    #[test]
    fn totals_that_do_not_hold_refuse_the_letter() {
        let mut bytes = letter("R", &[("A", 8418, "1/")]);
        let at = bytes.len() - 81 + 39;
        bytes[at] = b'9';
        let refused = returns(&mut bytes.as_slice()).unwrap();
        assert_eq!(refused.refusal().map(|f| f.code), Some("total"));
        assert!(returns(&mut b"no letter".as_slice()).is_err());
    }
}
