//! What matching needs of the bill file and the payer file, which of it the shell must load for a batch, and which
//! amounts would be a normal payment of a bill.

use std::collections::{BTreeMap, BTreeSet};

use super::hypotheses::expected;
use super::{Policy, SeenCheck};
use crate::domain::{AccountNumber, BankAccount, Bill, Biller, Cents, Day, Decision, KnownPayer};
use crate::grouping::{Evidence, Piece, StubEvidence};

/// What to load before grouping and matching a batch: everything that may turn out to be paid.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Wanted {
    /// Accounts as read and their repair candidates (swapped neighbours, one digit other) where a check digit failed.
    /// Any biller: a scanline that is valid for one biller may be a bill of another.
    pub accounts: BTreeSet<AccountNumber>,
    pub invoices: BTreeSet<String>,
    pub bills: BTreeSet<String>,
    /// Bank accounts to look up among the known payers: routing (digits only) and bank account.
    pub payers: BTreeSet<(String, BankAccount)>,
}

impl Wanted {
    /// Adds the accounts and bills that people named in their decisions (`assign`, `apply`).
    pub fn name(&mut self, decisions: &[Decision]) {
        for decision in decisions {
            let list = |field: &str| {
                let text = decision.fields.get(field).map_or("", String::as_str);
                text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(String::from).collect::<Vec<_>>()
            };
            match decision.name.as_str() {
                "assign" => {
                    self.accounts.extend(list("account").into_iter().map(AccountNumber::new));
                    self.bills.extend(list("bill"));
                }
                "apply" => self.bills.extend(list("bill")),
                _ => {}
            }
        }
    }
}

/// The open bills and known payers that a batch may touch.
#[derive(Clone, Debug, Default)]
pub struct BillBook {
    bills: Vec<Bill>,
    by_account: BTreeMap<AccountNumber, Vec<usize>>,
    by_payer: BTreeMap<(String, String), BTreeSet<(Biller, AccountNumber)>>,
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Which accounts, invoices and payers the shell must load for these documents; [`Wanted::name`] adds what people named.
pub fn wanted(evidence: &[Evidence]) -> Wanted {
    let mut wanted = Wanted::default();
    for e in evidence {
        if let Some(stub) = &e.stub {
            if let Some(account) = &stub.account {
                wanted.accounts.insert(account.clone());
                if !stub.accepted {
                    wanted.accounts.extend(repairs(account));
                }
            }
            wanted.invoices.extend(stub.invoice.clone());
            wanted.bills.extend(stub.bill.clone());
        }
        if let Some(check) = &e.check
            && let (Some(routing), Some(account)) = (&check.routing, &check.bank_account)
        {
            wanted.payers.insert((digits(routing), account.clone()));
        }
    }
    wanted
}

/// What a printed account may have been before a digit went wrong: two neighbours swapped, or one digit other.
pub(super) fn repairs(account: &AccountNumber) -> BTreeSet<AccountNumber> {
    let text: Vec<char> = account.reveal().chars().collect();
    let mut out = BTreeSet::new();
    if text.len() > 24 {
        return out;
    }
    let mut add = |chars: &[char]| {
        out.insert(AccountNumber::new(chars.iter().collect::<String>()));
    };
    for i in 0..text.len() {
        if !text[i].is_ascii_digit() {
            continue;
        }
        let mut other = text.clone();
        if i + 1 < text.len() && text[i + 1].is_ascii_digit() && text[i] != text[i + 1] {
            other.swap(i, i + 1);
            add(&other);
            other.swap(i, i + 1);
        }
        for digit in ('0'..='9').filter(|d| *d != text[i]) {
            other[i] = digit;
            add(&other);
        }
    }
    out
}

impl BillBook {
    /// `bills`: open or not, of every account in `Wanted::accounts`, of the bills and invoices it names, and of the
    /// accounts of `payers`. `payers`: every known payer row of the bank accounts in `Wanted::payers`.
    pub fn new(mut bills: Vec<Bill>, payers: Vec<KnownPayer>) -> Self {
        // One order, whatever the database gave: proposals must not depend on it.
        bills.sort_by(|a, b| {
            (&a.biller, &a.account, a.due_date, &a.bill).cmp(&(&b.biller, &b.account, b.due_date, &b.bill))
        });
        bills.dedup_by(|a, b| a.biller == b.biller && a.bill == b.bill && a.account == b.account);
        let mut by_account: BTreeMap<AccountNumber, Vec<usize>> = BTreeMap::new();
        for (i, bill) in bills.iter().enumerate() {
            by_account.entry(bill.account.clone()).or_default().push(i);
        }
        let mut by_payer: BTreeMap<(String, String), BTreeSet<(Biller, AccountNumber)>> = BTreeMap::new();
        for payer in payers {
            let key = (digits(&payer.routing), payer.bank_account.key());
            by_payer.entry(key).or_default().insert((payer.biller, payer.account));
        }
        BillBook { bills, by_account, by_payer }
    }

    /// Bills of an account, the oldest due date first; of every biller when none is named.
    pub fn bills_of(&self, biller: Option<&Biller>, account: &AccountNumber) -> Vec<&Bill> {
        let all = self.by_account.get(account).into_iter().flatten().map(|&i| &self.bills[i]);
        all.filter(|b| biller.is_none_or(|x| *x == b.biller)).collect()
    }

    /// The bill of this number; of every biller when none is named.
    pub fn bill(&self, biller: Option<&Biller>, number: &str) -> Option<&Bill> {
        self.bills.iter().find(|b| b.bill == number && biller.is_none_or(|x| *x == b.biller))
    }

    pub fn by_invoice(&self, biller: Option<&Biller>, invoice: &str) -> Vec<&Bill> {
        self.bills.iter().filter(|b| b.invoice == invoice && biller.is_none_or(|x| *x == b.biller)).collect()
    }

    /// The accounts that this bank account is known to pay for.
    pub fn paid_by(&self, routing: &str, bank_account: &BankAccount) -> Vec<(Biller, AccountNumber)> {
        let key = (digits(routing), bank_account.key());
        self.by_payer.get(&key).into_iter().flatten().cloned().collect()
    }

    /// The pieces of a batch for [`crate::grouping::group`]: `evidence` in capture order, `seen` the checks of other
    /// batches and days.
    pub fn pieces<'a>(
        &self,
        evidence: &'a [Evidence],
        seen: &[SeenCheck],
        policy: &Policy,
        day: Day,
    ) -> Vec<Piece<'a>> {
        let mut fingerprints: BTreeSet<String> = seen
            .iter()
            .filter(|s| !evidence.iter().any(|e| e.document == s.document))
            .map(|s| s.fingerprint.clone())
            .collect();
        evidence
            .iter()
            .map(|e| {
                let check = e.check.as_ref();
                let known_payer_of = check
                    .and_then(|c| Some(self.paid_by(c.routing.as_ref()?, c.bank_account.as_ref()?)))
                    .unwrap_or_default();
                let expected = e.stub.as_ref().map(|s| self.expected_of(s, policy, day)).unwrap_or_default();
                let duplicate = check.and_then(|c| c.fingerprint()).is_some_and(|f| !fingerprints.insert(f));
                Piece { evidence: e, known_payer_of, expected, duplicate }
            })
            .collect()
    }

    /// Amounts that would be a normal payment of this stub: those of its bill, else what is printed on it.
    fn expected_of(&self, stub: &StubEvidence, policy: &Policy, day: Day) -> Vec<Cents> {
        if let Some(paid) = stub.paid {
            return vec![paid];
        }
        let bills = match &stub.account {
            Some(account) => self.bills_of(stub.biller.as_ref(), account),
            None => Vec::new(),
        };
        let open: Vec<&&Bill> = bills.iter().filter(|b| b.open).collect();
        match open.as_slice() {
            [bill] => expected(bill, policy, day).into_iter().map(|e| e.amount).collect(),
            _ => [stub.amount_due, stub.amount_late].into_iter().flatten().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_are_swaps_and_single_digits() {
        let all = repairs(&AccountNumber::new("P123"));
        let has = |text: &str| all.contains(&AccountNumber::new(text));
        assert!(has("P213") && has("P132") && has("P023") && has("P129"));
        assert!(!has("P123") && !has("1P23") && !has("P321"));
        assert_eq!(all.len(), 2 + 27);
    }
}
