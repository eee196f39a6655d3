//! What people said about the money itself, replayed over the proposal in the order in which they said it: lines set, edited
//! and undone one by one, lists applied, what is left put to credit, refund or suspense; and what they saw on the paper.

use std::collections::BTreeSet;

use super::allot::credit;
use super::list::ListPayment;
use super::targets::Raised;
use super::{BillBook, Policy};
use crate::domain::{AccountNumber, Application, Bill, Cents, Decision, DocumentId, MoneyError, Reason};

/// Lines of a list that are named one by one in the message about those that pay nothing.
const MOST_NAMED: usize = 5;

fn raise(raised: &mut Vec<Raised>, code: Reason, message: String) {
    raised.push(Raised { code, message, document: None, bbox: None });
}

/// The applications after all that people said; what cannot be done as they said is raised.
pub(super) fn by_hand(
    decisions: &[Decision],
    book: &BillBook,
    policy: &Policy,
    received: Option<Cents>,
    applications: &mut Vec<Application>,
    raised: &mut Vec<Raised>,
) -> Result<(), MoneyError> {
    for decision in decisions {
        let left = |applications: &[Application]| match received {
            Some(received) => received.minus(Cents::sum(applications.iter().map(|a| a.amount))?),
            None => Ok(Cents::ZERO),
        };
        match decision.name.as_str() {
            "apply" => {
                applications.clear();
                for (number, amount) in lines(decision) {
                    match book.bill(None, number) {
                        Some(bill) => {
                            applications.push(line(bill, amount, decision, "applied it to this bill", policy))
                        }
                        None => raise(raised, Reason::AccountUnknown, format!("there is no bill {number}")),
                    }
                }
            }
            "apply-list" => apply_list(decision, book, policy, received, applications, raised)?,
            "edit-line" => edit_line(decision, book, policy, applications, raised),
            "undo-line" => match line_meant(decision, applications) {
                Some(at) => drop(applications.remove(at)),
                None => raise(raised, Reason::TransactionOutOfBalance, "the line to undo is not there any more".into()),
            },
            "to-suspense" => {
                let Some(received) = received else { continue };
                let rest_only = matches!(
                    decision.fields.get("exception").and_then(|c| Reason::parse(c)),
                    Some(Reason::Overpaid | Reason::TransactionOutOfBalance)
                );
                if rest_only {
                    applications.retain(|a| a.bill.is_some());
                } else {
                    applications.clear();
                }
                let rest = received.minus(Cents::sum(applications.iter().map(|a| a.amount))?)?;
                if rest.is_positive() {
                    let note = decision.fields.get("note").map_or("", String::as_str);
                    applications.push(Application {
                        biller: None,
                        account: None,
                        bill: None,
                        amount: rest,
                        ledger: policy.ledger.suspense.clone(),
                        rule: format!("person:{}", decision.by),
                        evidence: format!("{} put it into suspense: {note}", decision.by),
                    });
                }
            }
            "to-credit" | "refund" => {
                let refund = decision.name == "refund";
                if refund {
                    // The customer's credit that the rules proposed is what is paid back.
                    applications.retain(|a| a.ledger != policy.ledger.credits);
                }
                let rest = left(applications)?;
                let owner = applications.iter().find_map(|a| Some((a.biller.clone()?, a.account.clone()?)));
                if let (true, Some((biller, account))) = (rest.is_positive(), owner) {
                    let (ledger, what) = match refund {
                        true => (&policy.ledger.refunds, "will pay the rest back"),
                        false => (&policy.ledger.credits, "put the rest to the customer's credit"),
                    };
                    applications.push(Application {
                        biller: Some(biller),
                        account: Some(account),
                        bill: None,
                        amount: rest,
                        ledger: ledger.clone(),
                        rule: format!("person:{}", decision.by),
                        evidence: format!("{} {what}", decision.by),
                    });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn line(bill: &Bill, amount: Cents, decision: &Decision, what: &str, policy: &Policy) -> Application {
    Application {
        biller: Some(bill.biller.clone()),
        account: Some(bill.account.clone()),
        bill: Some(bill.bill.clone()),
        amount,
        ledger: policy.ledger.of(bill).to_string(),
        rule: format!("person:{}", decision.by),
        evidence: format!("{} {what}", decision.by),
    }
}

/// `bill=A,B amount=1.00,2.00`, as [`Decision`] keeps repeated fields.
fn lines(decision: &Decision) -> Vec<(&str, Cents)> {
    let list = |name: &str| decision.fields.get(name).map(|t| t.split(',').map(str::trim).collect::<Vec<_>>());
    let (bills, amounts) = (list("bill").unwrap_or_default(), list("amount").unwrap_or_default());
    bills.into_iter().zip(amounts).filter_map(|(b, a)| Some((b, a.parse().ok()?))).collect()
}

/// The line that a person meant: by its number where it still is what it was, else by what it was.
fn line_meant(decision: &Decision, applications: &[Application]) -> Option<usize> {
    let field = |name: &str| decision.fields.get(name).map(String::as_str);
    let was = |a: &Application| {
        field("was_bill") == a.bill.as_deref() && field("was_amount").and_then(|t| t.parse().ok()) == Some(a.amount)
    };
    let number: usize = field("line")?.parse().ok()?;
    let at = number.checked_sub(1)?;
    if applications.get(at).is_some_and(was) { Some(at) } else { applications.iter().position(was) }
}

fn edit_line(
    decision: &Decision,
    book: &BillBook,
    policy: &Policy,
    applications: &mut [Application],
    raised: &mut Vec<Raised>,
) {
    let amount = decision.fields.get("amount").and_then(|a| a.trim().parse::<Cents>().ok());
    let (Some(at), Some(amount)) = (line_meant(decision, applications), amount) else {
        raise(raised, Reason::TransactionOutOfBalance, "the line to edit is not there any more".into());
        return;
    };
    match decision.fields.get("bill").map(|number| (number, book.bill(None, number.trim()))) {
        Some((_, Some(bill))) => {
            applications[at] = line(bill, amount, decision, "edited this line", policy);
        }
        Some((number, None)) => raise(raised, Reason::AccountUnknown, format!("there is no bill {number}")),
        None => {
            applications[at].amount = amount;
            applications[at].rule = format!("person:{}", decision.by);
            applications[at].evidence = format!("{} edited this line", decision.by);
        }
    }
}

/// The open bill of an account that a line means: the one of that amount, else the oldest.
fn bill_of<'b>(book: &'b BillBook, account: &AccountNumber, amount: Cents) -> Option<&'b Bill> {
    let mut bills = book.bills_of(None, account);
    if bills.is_empty()
        && let [(biller, now)] = book.renumbered(None, account).as_slice()
    {
        bills = book.bills_of(Some(biller), now);
    }
    bills.retain(|b| b.open);
    let exact = bills.iter().find(|b| b.amount_due.minus(b.paid) == Ok(amount)).copied();
    exact.or_else(|| bills.first().copied())
}

/// Each line pays its bill, and what is over goes to that account's credit. Lines that name nothing, or would pay more
/// than came, pay nothing and are told with their number; what the list leaves is the difference.
fn apply_list(
    decision: &Decision,
    book: &BillBook,
    policy: &Policy,
    received: Option<Cents>,
    applications: &mut Vec<Application>,
    raised: &mut Vec<Raised>,
) -> Result<(), MoneyError> {
    applications.clear();
    let list = ListPayment::parse(decision.fields.get("list").map_or("", String::as_str));
    let mut unknown: Vec<String> = list.rejected.iter().map(|r| format!("line {}: {}", r.number, r.why)).collect();
    let mut running = Cents::ZERO;
    let mut paid: BTreeSet<(String, String)> = BTreeSet::new();
    for one in &list.lines {
        let bill = match (&one.account, &one.bill) {
            (Some(account), _) => bill_of(book, account, one.amount),
            (None, Some(number)) => book.bill(None, number).filter(|b| b.open),
            (None, None) => None,
        };
        let Some(bill) = bill else {
            let who = one.account.as_ref().map_or_else(|| "this bill".to_string(), AccountNumber::masked);
            unknown.push(format!("line {}: nothing is open on {who} ({})", one.number, one.amount));
            continue;
        };
        let after = running.plus(one.amount)?;
        if received.is_some_and(|r| after > r) {
            unknown.push(format!("line {}: {} is more than what is left", one.number, one.amount));
            continue;
        }
        let first = paid.insert((bill.biller.0.clone(), bill.bill.clone()));
        let open = if first { bill.amount_due.minus(bill.paid)?.max(Cents::ZERO) } else { Cents::ZERO };
        let to_bill = one.amount.min(open);
        let what = format!("took it from line {} of the payer's list", one.number);
        if to_bill.is_positive() {
            applications.push(line(bill, to_bill, decision, &what, policy));
        }
        let over = one.amount.minus(to_bill)?;
        if over.is_positive() {
            applications.push(Application { rule: format!("person:{}", decision.by), ..credit(bill, over, policy) });
        }
        running = after;
    }
    if !unknown.is_empty() {
        let more = unknown.len().saturating_sub(MOST_NAMED);
        unknown.truncate(MOST_NAMED);
        let mut message = format!("lines of the list pay nothing: {}", unknown.join("; "));
        if more > 0 {
            message.push_str(&format!("; and {more} more"));
        }
        raise(raised, Reason::AccountUnknown, message);
    }
    if let Some(received) = received.filter(|r| *r != running) {
        let message = format!("the list pays {running} of {received}: the difference is {}", received.minus(running)?);
        raise(raised, Reason::TransactionOutOfBalance, message);
    }
    Ok(())
}

/// What people saw on the paper and no reader did: post-dated, unsigned, a note that limits what it pays, ..
pub(super) fn flagged(decisions: &[Decision], first: Option<&DocumentId>) -> Vec<Raised> {
    let mut out = Vec::new();
    for (i, decision) in decisions.iter().enumerate().filter(|(_, d)| d.name == "flag") {
        let Some(code) = decision.fields.get("code").and_then(|c| Reason::parse(c)) else { continue };
        let document = decision.fields.get("on").and_then(|d| d.parse().ok()).or_else(|| first.cloned());
        // An amount keyed afterwards answers the doubt about words and figures.
        let keyed =
            |d: &Decision| d.name == "key-amount" && d.fields.get("exception").map(String::as_str) == Some(code.code());
        if code == Reason::WordsFiguresDiffer && decisions[i..].iter().any(keyed) {
            continue;
        }
        let note = decision.fields.get("note").map_or("", String::as_str);
        let message = format!("{} saw on the paper: {note}", decision.by);
        out.push(Raised { code, message, document, bbox: None });
    }
    out
}
