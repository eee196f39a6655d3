//! Letters to members. A letter says what came back, what is owed now and what to do; account numbers stand masked.

use super::paper::{Block, pdf};
use super::sheet::Sheet;
use crate::domain::{Cents, Day, MoneyError, ReturnState, Returned};

/// Who gets it: name and address, one line each.
#[derive(Clone, Debug)]
pub struct Addressee {
    pub lines: Vec<String>,
}

/// The letter to the member whose payment came back. `cash_only` is the last day on which checks are not taken.
pub fn return_letter(
    site: &str,
    to: &Addressee,
    returned: &Returned,
    date: Day,
    cash_only: Option<Day>,
) -> Result<Vec<u8>, MoneyError> {
    let mut sheet = Sheet::new("", "", "", &["service", "account", "bill", ">open again"]);
    let mut owed = Cents::ZERO;
    for part in &returned.parts {
        owed = owed.plus(part.amount)?;
        sheet.rows.push(vec![
            part.biller.as_ref().map_or("", |b| b.0.as_str()).into(),
            part.account.as_ref().map(|a| a.masked()).unwrap_or_default().into(),
            part.bill.clone().unwrap_or_else(|| "credit on account".into()).into(),
            part.amount.into(),
        ]);
    }
    if returned.fee.is_positive() {
        owed = owed.plus(returned.fee)?;
        sheet.rows.push(vec!["returned-check fee".into(), "".into(), "".into(), returned.fee.into()]);
    }
    sheet.totals.push(vec!["owed now".into(), "".into(), "".into(), owed.into()]);
    let serial = returned.item.original.serial.as_deref().map(|s| format!(" no. {s}")).unwrap_or_default();
    let why = returned.item.reason.as_str().replace('-', " ");
    let mut blocks: Vec<Block> = vec![Block::Title(site.into()), Block::Space(24)];
    blocks.extend(to.lines.iter().filter(|l| !l.trim().is_empty()).cloned().map(Block::Text));
    blocks.extend([
        Block::Space(18),
        Block::Text(date.to_string()),
        Block::Space(12),
        Block::Heading(format!("Your check{serial} for {} was returned by your bank", returned.item.amount)),
        Block::Space(6),
        Block::Text(format!(
            "Your bank returned this payment unpaid. Its reason: {why}. The payment has been taken back, and what it had \
             paid is owed again:"
        )),
        Block::Space(6),
        Block::Table(sheet),
    ]);
    let next = match returned.state {
        ReturnState::Represented => match returned.due {
            Some(due) => format!(
                "We have presented the check once more. Unless it comes back by {due}, no other payment of it is needed; please keep the amount in your account."
            ),
            None => "We have presented the check once more.".into(),
        },
        ReturnState::Cleared => {
            "The check was paid when it was presented again. Only the fee, where one stands above, is owed.".into()
        }
        ReturnState::Returned | ReturnState::ChargedBack | ReturnState::Unmatched | ReturnState::Noted => {
            "Please pay this amount now, by cash, money order or card. The check will not be presented again."
                .to_string()
        }
    };
    blocks.push(Block::Text(next));
    if let Some(until) = cash_only {
        blocks.push(Block::Space(6));
        blocks.push(Block::Text(format!(
            "Because of repeated returns, payments for this account are taken in cash, by money order or card only until {until}."
        )));
    }
    blocks.extend([
        Block::Space(12),
        Block::Text("If you have paid already, or cannot pay the whole amount, please call us: we can help.".into()),
        Block::Space(24),
        Block::Text(site.into()),
    ]);
    Ok(pdf(&blocks, &format!("return {}", returned.id), false))
}
