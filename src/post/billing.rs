//! The posting file for the billing system: what each account and bill was paid, with control totals that the other side
//! can prove. It holds full account numbers: it goes to the billing system and nowhere else.

use crate::balance::BalancedBatch;
use crate::domain::{Cents, MoneyError, Returned, Sha256};

/// A line per application to an account (suspense stays here), then a control line with the count, the amount and the
/// SHA-256 of all bytes before it. RFC 4180, lines end in a line feed.
///
/// Columns: `date,batch,transaction,biller,account,bill,kind,amount,rule`; the last line is
/// `CONTROL,<batch>,<count>,<amount>,<sha256>`.
pub fn billing_csv(batch: &BalancedBatch) -> Result<String, MoneyError> {
    let head = batch.batch();
    let mut out = String::from("date,batch,transaction,biller,account,bill,kind,amount,rule\n");
    let (mut count, mut total) = (0u32, Cents::ZERO);
    for ready in batch.ready() {
        for a in &ready.transaction.applications {
            let (Some(biller), Some(account)) = (&a.biller, &a.account) else { continue };
            let cells = [
                head.date.to_string(),
                head.id.to_string(),
                ready.transaction.id.to_string(),
                biller.0.clone(),
                account.reveal().to_string(),
                a.bill.clone().unwrap_or_default(),
                if a.bill.is_some() { "payment".into() } else { "credit".into() },
                a.amount.to_string(),
                a.rule.clone(),
            ];
            out.push_str(&cells.map(|c| quoted(&c)).join(","));
            out.push('\n');
            count += 1;
            total = total.plus(a.amount)?;
        }
    }
    let hash = Sha256::of(out.as_bytes());
    out.push_str(&format!("CONTROL,{},{count},{total},{hash}\n", head.id));
    Ok(out)
}

/// What a returned item takes back from each account and bill (negative), and its fee. Columns and control line as above,
/// with the return's id in the place of the batch.
pub fn return_csv(returned: &Returned) -> Result<String, MoneyError> {
    let mut out = String::from("date,batch,transaction,biller,account,bill,kind,amount,rule\n");
    let (mut count, mut total) = (0u32, Cents::ZERO);
    let document = returned.document.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut line = |biller: &str, account: &str, bill: &str, kind: &str, amount: Cents| {
        let rule = format!("return {}", returned.item.code);
        let (date, id, amount) = (returned.date.to_string(), returned.id.to_string(), amount.to_string());
        out.push_str(&[&date, &id, &document, biller, account, bill, kind, &amount, &rule].map(quoted).join(","));
        out.push('\n');
        count += 1;
    };
    let mut charged = None;
    for part in &returned.parts {
        let (Some(biller), Some(account)) = (&part.biller, &part.account) else { continue };
        charged = charged.or(Some((biller, account)));
        let amount = part.amount.negated()?;
        line(&biller.0, account.reveal(), part.bill.as_deref().unwrap_or(""), "return", amount);
        total = total.plus(amount)?;
    }
    if let Some((biller, account)) = charged.filter(|_| returned.fee.is_positive()) {
        // A fee is owed: it is a charge, not a payment.
        line(&biller.0, account.reveal(), "", "fee", returned.fee.negated()?);
        total = total.minus(returned.fee)?;
    }
    let hash = Sha256::of(out.as_bytes());
    out.push_str(&format!("CONTROL,{},{count},{total},{hash}\n", returned.id));
    Ok(out)
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_string() }
}
