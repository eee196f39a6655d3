//! What is owed on the accounts near a payment, and when: the bills beside the question, with what each account paid last.

use super::Desk;
use super::page::{Problem, money};
use crate::domain::{AccountNumber, AccountStatus, Application, Bill, Biller, Day, Transaction};
use crate::exceptions::Candidate;
use crate::store::LastPaid;

/// So many bills stand beside a question.
const MOST: usize = 8;

pub struct BillLine {
    pub name: String,
    pub account: String,
    pub status: &'static str,
    pub alarming: bool,
    pub due: String,
    pub due_date: String,
    pub late: String,
    pub past: String,
    pub paid: String,
    /// `79.02 on 2026-10-20`; what the billing system says where our own books know of no payment.
    pub last_paid: String,
}

/// When the payment is due, as a mark beside the question.
pub struct DueMark {
    pub words: String,
    /// Today, or before.
    pub urgent: bool,
}

/// What is owed near a payment.
pub struct Owed {
    pub bills: Vec<BillLine>,
    /// When the first of the bills that it pays is due.
    pub due: Option<DueMark>,
    last: Vec<LastPaid>,
}

impl Owed {
    /// Of the bills near a payment, and of the accounts that are offered as an answer.
    pub async fn of(
        desk: &Desk,
        transaction: &Transaction,
        bills: &[Bill],
        offered: &[Candidate],
    ) -> Result<Owed, Problem> {
        let shown = &bills[..bills.len().min(MOST)];
        let mut accounts: Vec<AccountNumber> = shown.iter().map(|b| b.account.clone()).collect();
        accounts.extend(offered.iter().filter_map(|c| c.fields.get("account")).map(AccountNumber::new));
        let last = desk.office.store().last_paid(&accounts, &transaction.id).await?;
        let today = desk.office.clock.today();
        let due = due_of(transaction, bills).map(|day| due_mark(day, today));
        Ok(Owed { bills: shown.iter().map(|bill| line(bill, &last)).collect(), due, last })
    }

    /// The reason of an answer; where that names an account, with what it paid last.
    pub fn why(&self, answer: &Candidate) -> String {
        let account = answer.fields.get("account").map(AccountNumber::new);
        let last = self.last.iter().filter(|l| Some(&l.account) == account.as_ref()).max_by_key(|l| l.date);
        last.map_or_else(
            || answer.why.clone(),
            |l| format!("{}, last paid {} on {}", answer.why, money(l.amount), l.date),
        )
    }
}

fn line(bill: &Bill, last: &[LastPaid]) -> BillLine {
    let own = |l: &&LastPaid| l.account == bill.account && l.biller.as_ref().is_none_or(|b| *b == bill.biller);
    let last = last.iter().filter(own).max_by_key(|l| l.date);
    BillLine {
        name: bill.name.clone(),
        account: format!("{} {}", bill.biller, bill.account.masked()),
        status: bill.status.as_str(),
        alarming: bill.status != AccountStatus::Active,
        due: money(bill.amount_due),
        due_date: bill.due_date.map_or(String::new(), |d| d.to_string()),
        late: bill.late_amount.map(money).unwrap_or_default(),
        past: bill.past_due.filter(|p| !p.is_zero()).map(money).unwrap_or_default(),
        paid: if bill.paid.is_zero() { String::new() } else { money(bill.paid) },
        last_paid: match last {
            Some(last) => format!("{} on {}", money(last.amount), last.date),
            None => bill.last_paid().map(money).unwrap_or_default(),
        },
    }
}

/// The first day of the bills that the payment goes to; while it goes to none, of the open ones near it.
fn due_of(transaction: &Transaction, bills: &[Bill]) -> Option<Day> {
    let paid = |bill: &&Bill| {
        let own = |b: &Biller| *b == bill.biller;
        let goes = |a: &Application| a.bill.as_ref() == Some(&bill.bill) && a.biller.as_ref().is_none_or(own);
        transaction.applications.iter().any(goes)
    };
    let goes_to = bills.iter().filter(paid).filter_map(|b| b.due_date).min();
    goes_to.or_else(|| bills.iter().filter(|b| b.open).filter_map(|b| b.due_date).min())
}

fn due_mark(due: Day, today: Day) -> DueMark {
    let days = (due.date() - today.date()).get_days();
    let words = match days {
        0 => "due today".into(),
        1 => "due tomorrow".into(),
        2.. => format!("due {due}"),
        -1 => "due yesterday".into(),
        _ => format!("due {due}, {} days ago", -days),
    };
    DueMark { words, urgent: days <= 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Cents;

    #[test]
    fn an_answer_says_what_its_account_paid_last() {
        let paid = |account: &str, date: &str, amount| LastPaid {
            biller: Some(Biller("energy".into())),
            account: AccountNumber::new(account),
            date: date.parse().unwrap(),
            amount: Cents::new(amount),
        };
        let last = vec![paid("1", "2026-10-02", 100), paid("1", "2026-11-02", 7902), paid("2", "2026-11-03", 5)];
        let owed = Owed { bills: Vec::new(), due: None, last };
        for (account, want) in [("1", "is near, last paid 79.02 on 2026-11-02"), ("3", "is near"), ("", "is near")] {
            let fields = if account.is_empty() { vec![] } else { vec![("account".to_string(), account.to_string())] };
            let answer = Candidate {
                id: String::new(),
                label: String::new(),
                why: "is near".into(),
                name: "assign",
                fields: fields.into_iter().collect(),
                usual: false,
            };
            assert_eq!(owed.why(&answer), want);
        }
    }

    #[test]
    fn a_due_date_is_said_as_people_say_it() {
        for (due, words, urgent) in [
            ("2026-11-21", "due 2026-11-21, 7 days ago", true),
            ("2026-11-27", "due yesterday", true),
            ("2026-11-28", "due today", true),
            ("2026-11-29", "due tomorrow", false),
            ("2026-12-01", "due 2026-12-01", false),
            ("2025-11-28", "due 2025-11-28, 365 days ago", true),
        ] {
            let mark = due_mark(due.parse().unwrap(), "2026-11-28".parse().unwrap());
            assert_eq!((mark.words.as_str(), mark.urgent), (words, urgent));
        }
    }
}
