//! What people said about the money itself, replayed over the proposal in the order in which they said it: lines set, edited
//! and undone one by one, lists applied, what is left put to credit, refund or suspense; and what they saw on the paper.

use std::collections::{BTreeMap, BTreeSet};

use super::allot::credit;
use super::list::ListPayment;
use super::targets::Raised;
use super::{BillBook, Policy};
use crate::domain::{AccountNumber, Application, Bill, Biller, Cents, Decision, DocumentId, MoneyError, Reason};

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
                    match book.meant(number) {
                        Ok(bill) => applications.push(line(bill, amount, decision, "applied it to this bill", policy)),
                        Err((code, message)) => raise(raised, code, message),
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
    // A bill is never paid beyond what is owed on it without a word.
    let owed = bill.late_amount.map_or(bill.amount_due, |late| late.max(bill.amount_due)).minus(bill.paid);
    let over = owed.and_then(|owed| amount.minus(owed.max(Cents::ZERO))).ok().filter(|over| over.is_positive());
    let beyond = over.map_or_else(String::new, |over| format!(", {over} beyond what is owed on it"));
    Application {
        biller: Some(bill.biller.clone()),
        account: Some(bill.account.clone()),
        bill: Some(bill.bill.clone()),
        amount,
        ledger: policy.ledger.of(bill).to_string(),
        rule: format!("person:{}", decision.by),
        evidence: format!("{} {what}{beyond}", decision.by),
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
    let same = |a: &Application| book.bill(a.biller.as_ref(), a.bill.as_deref()?);
    match decision.fields.get("bill").map(|number| book.meant(number.trim())) {
        Some(Ok(bill)) => applications[at] = line(bill, amount, decision, "edited this line", policy),
        Some(Err((code, message))) => raise(raised, code, message),
        None => match same(&applications[at]) {
            Some(bill) => applications[at] = line(bill, amount, decision, "edited this line", policy),
            None => {
                applications[at].amount = amount;
                applications[at].rule = format!("person:{}", decision.by);
                applications[at].evidence = format!("{} edited this line", decision.by);
            }
        },
    }
}

/// What lines before gave to each bill of a list.
type Given<'b> = BTreeMap<(&'b Biller, &'b str), Cents>;

/// What is still open on a bill.
fn left_of(bill: &Bill, given: &Given<'_>) -> Result<Cents, MoneyError> {
    let before = given.get(&(&bill.biller, bill.bill.as_str())).copied().unwrap_or_default();
    Ok(bill.amount_due.minus(bill.paid)?.minus(before)?.max(Cents::ZERO))
}

/// The open bills of an account that a line means: the one of that amount, else all, the oldest first. `Err` names several
/// billers whose account it is, none of whom has a bill of that amount alone.
fn bills_of<'b>(
    book: &'b BillBook,
    account: &AccountNumber,
    amount: Cents,
    given: &Given<'_>,
) -> Result<Vec<&'b Bill>, String> {
    let mut bills = book.bills_of(None, account);
    if bills.is_empty()
        && let [(biller, now)] = book.renumbered(None, account).as_slice()
    {
        bills = book.bills_of(Some(biller), now);
    }
    bills.retain(|b| b.open);
    let billers = |of: &[&'b Bill]| of.iter().map(|b| &b.biller).collect::<BTreeSet<&Biller>>();
    let exact: Vec<&Bill> = bills.iter().filter(|b| left_of(b, given) == Ok(amount)).copied().collect();
    if billers(&exact).len() == 1 {
        return Ok(exact.into_iter().take(1).collect());
    }
    let several = billers(&bills);
    if several.len() > 1 {
        let list: Vec<&str> = several.iter().map(|b| b.0.as_str()).collect();
        return Err(format!("it is an account of {}: write bill:BILLER/NUMBER", list.join(" and of ")));
    }
    Ok(bills)
}

/// Each line pays its bills, and what is over goes to that account's credit; a person is asked where the account stood on the
/// list before. Lines that name nothing, or would pay more than came, pay nothing and are told with their number; what the
/// list leaves is the difference.
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
    let mut given = Given::new();
    let mut seen: BTreeSet<(&Biller, &AccountNumber)> = BTreeSet::new();
    let mut again: Vec<String> = Vec::new();
    for one in &list.lines {
        let bills = match (&one.account, &one.bill) {
            (Some(account), _) => bills_of(book, account, one.amount, &given),
            (None, Some(number)) => match book.meant(number) {
                Err((Reason::AmbiguousMatch, why)) => Err(why),
                found => Ok(found.ok().into_iter().filter(|b| b.open).collect()),
            },
            (None, None) => Ok(Vec::new()),
        };
        let bills = match bills {
            Ok(bills) => bills,
            Err(why) => {
                unknown.push(format!("line {}: {why}", one.number));
                continue;
            }
        };
        let Some(first) = bills.first() else {
            let who = one.account.as_ref().map_or_else(|| "this bill".to_string(), AccountNumber::masked);
            unknown.push(format!("line {}: nothing is open on {who} ({})", one.number, one.amount));
            continue;
        };
        let after = running.plus(one.amount)?;
        if received.is_some_and(|r| after > r) {
            unknown.push(format!("line {}: {} is more than what is left", one.number, one.amount));
            continue;
        }
        let mut over = one.amount;
        let what = format!("took it from line {} of the payer's list", one.number);
        for bill in &bills {
            let part = over.min(left_of(bill, &given)?);
            if part.is_positive() {
                applications.push(line(bill, part, decision, &what, policy));
                let sum = given.entry((&bill.biller, bill.bill.as_str())).or_default();
                *sum = sum.plus(part)?;
                over = over.minus(part)?;
            }
        }
        let stood_before = !seen.insert((&first.biller, &first.account));
        if over.is_positive() {
            applications.push(Application { rule: format!("person:{}", decision.by), ..credit(first, over, policy) });
            if stood_before {
                again.push(one.number.to_string());
            }
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
    if !again.is_empty() {
        let more = again.len().saturating_sub(MOST_NAMED);
        again.truncate(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!(
            "the list pays an account once more than it owes, in line {}{more}: what is over goes to its credit",
            again.join(", ")
        );
        raise(raised, Reason::DuplicateStub, message);
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
