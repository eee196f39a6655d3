//! What matching needs of the bill file and the payer file, which of it the shell must load for a batch, and which
//! amounts would be a normal payment of a bill.

use std::collections::{BTreeSet, HashMap};

use super::hypotheses::{days_between, expected};
use super::{Policy, SeenCheck};
use crate::domain::{AccountNumber, BankAccount, Bill, Biller, Cents, Day, Decision, DocumentId, KnownPayer, Reason};
use crate::grouping::{Evidence, Piece, StubEvidence};

/// `BILLER/NUMBER`, as a person names a bill where several billers have one of that number.
pub(super) fn of_biller(text: &str) -> Option<(&str, &str)> {
    let (biller, number) = text.split_once('/')?;
    Some((biller.trim(), number.trim()))
}

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
            // `BILLER/NUMBER` names a bill, and so may a number with a stroke in it.
            let bills = |field: &str| {
                let number = |t: &String| of_biller(t).map(|(_, number)| number.to_string());
                let named = list(field);
                named.iter().filter_map(number).chain(named.clone()).collect::<Vec<_>>()
            };
            match decision.name.as_str() {
                "assign" => {
                    self.accounts.extend(list("account").into_iter().map(AccountNumber::new));
                    self.bills.extend(bills("bill"));
                }
                "apply" | "edit-line" => self.bills.extend(bills("bill")),
                "apply-list" => {
                    let text = decision.fields.get("list").map_or("", String::as_str);
                    for line in super::list::ListPayment::parse(text).lines {
                        self.accounts.extend(line.account);
                        self.bills.extend(line.bill.iter().filter_map(|b| Some(of_biller(b)?.1.to_string())));
                        self.bills.extend(line.bill);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The open bills and known payers that a batch may touch. Lookups cost the same for ten bills and for a million; what it
/// keeps beside the bills grows with their number only.
#[derive(Clone, Debug, Default)]
pub struct BillBook {
    /// By account, biller, due date, number: the bills of an account stand together.
    bills: Vec<Bill>,
    by_account: HashMap<AccountNumber, (u32, u32)>,
    /// Places in `bills`, ordered by bill number and by invoice.
    by_number: Vec<u32>,
    by_invoice: Vec<u32>,
    /// Old account numbers, and whose they are now.
    renumbered: HashMap<AccountNumber, BTreeSet<(Biller, AccountNumber)>>,
    by_payer: HashMap<(String, String), BTreeSet<(Biller, AccountNumber)>>,
    standings: HashMap<(String, String), Standing>,
    pending: HashMap<(Biller, String), String>,
}

/// What is known of a payer's bank account beyond the accounts it pays for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Paid for by many (an agency, a bill-payment company): it never tells whose payment a check is.
    pub shared: bool,
    /// On the stop list, with the reason.
    pub stop: Option<String>,
    /// The days on which posted payments showed that it pays for an account.
    pub seen: Vec<(Biller, AccountNumber, Day)>,
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
            (&a.account, &a.biller, a.due_date, &a.bill).cmp(&(&b.account, &b.biller, b.due_date, &b.bill))
        });
        bills.dedup_by(|a, b| a.biller == b.biller && a.bill == b.bill && a.account == b.account);
        let mut by_account: HashMap<AccountNumber, (u32, u32)> = HashMap::with_capacity(bills.len());
        let mut renumbered: HashMap<AccountNumber, BTreeSet<(Biller, AccountNumber)>> = HashMap::new();
        let mut at = 0;
        for run in bills.chunk_by(|a, b| a.account == b.account) {
            by_account.insert(run[0].account.clone(), (at, run.len() as u32));
            at += run.len() as u32;
        }
        for bill in &bills {
            for old in bill.old_accounts().into_iter().filter(|old| *old != bill.account) {
                renumbered.entry(old).or_default().insert((bill.biller.clone(), bill.account.clone()));
            }
        }
        let mut by_number: Vec<u32> = (0..bills.len() as u32).collect();
        let mut by_invoice: Vec<u32> = by_number.clone();
        by_number.sort_by(|a, b| bills[*a as usize].bill.cmp(&bills[*b as usize].bill).then(a.cmp(b)));
        by_invoice.retain(|i| !bills[*i as usize].invoice.is_empty());
        by_invoice.sort_by(|a, b| bills[*a as usize].invoice.cmp(&bills[*b as usize].invoice).then(a.cmp(b)));
        let mut by_payer: HashMap<(String, String), BTreeSet<(Biller, AccountNumber)>> = HashMap::new();
        for payer in payers {
            let key = (digits(&payer.routing), payer.bank_account.key());
            by_payer.entry(key).or_default().insert((payer.biller, payer.account));
        }
        BillBook {
            bills,
            by_account,
            by_number,
            by_invoice,
            renumbered,
            by_payer,
            standings: HashMap::new(),
            pending: HashMap::new(),
        }
    }

    /// Adds what is known of bank accounts: (routing, bank account) as read or stored, compared on digits.
    pub fn with_standings(mut self, standings: impl IntoIterator<Item = (String, BankAccount, Standing)>) -> Self {
        let keyed = standings.into_iter().map(|(routing, account, s)| ((digits(&routing), account.key()), s));
        self.standings.extend(keyed);
        self
    }

    /// Adds bills that payments of other batches mean to pay and that are not posted yet, each with where.
    pub fn with_pending(mut self, pending: impl IntoIterator<Item = ((Biller, String), String)>) -> Self {
        self.pending.extend(pending);
        self
    }

    /// Where another batch, not posted yet, pays this bill too: `batch Morning mail, 2026-11-12`.
    pub fn pending(&self, bill: &Bill) -> Option<&str> {
        if self.pending.is_empty() {
            return None;
        }
        self.pending.get(&(bill.biller.clone(), bill.bill.clone())).map(String::as_str)
    }

    /// The numbers of all bills in it.
    pub fn numbers(&self) -> Vec<String> {
        self.bills.iter().map(|b| b.bill.clone()).collect()
    }

    /// Takes back what was paid on a bill, as if it had not been.
    pub fn unpay(&mut self, biller: Option<&Biller>, number: &str, amount: Cents) {
        let of = |b: &Bill| b.bill == number && biller.is_none_or(|x| *x == b.biller);
        let from = self.by_number.partition_point(|i| self.bills[*i as usize].bill.as_str() < number);
        let place = self.by_number.get(from..).unwrap_or_default().iter().map(|i| *i as usize);
        let place = place.take_while(|i| self.bills[*i].bill == number).find(|i| of(&self.bills[*i]));
        if let Some(bill) = place.and_then(|i| self.bills.get_mut(i)) {
            bill.paid = bill.paid.minus(amount).unwrap_or_default().max(Cents::ZERO);
        }
    }

    /// Accounts that the bills point to and that must be loaded too: where the final bill of a closed account stands.
    pub fn points_to(bills: &[Bill]) -> BTreeSet<AccountNumber> {
        bills.iter().filter_map(Bill::final_account).collect()
    }

    /// Bills of an account by biller, the oldest due date first; of every biller when none is named.
    pub fn bills_of(&self, biller: Option<&Biller>, account: &AccountNumber) -> Vec<&Bill> {
        let (at, count) = self.by_account.get(account).copied().unwrap_or_default();
        let all = &self.bills[at as usize..(at + count) as usize];
        all.iter().filter(|b| biller.is_none_or(|x| *x == b.biller)).collect()
    }

    /// The bill of this number; the first one when several billers have such a bill and none is named.
    pub fn bill(&self, biller: Option<&Biller>, number: &str) -> Option<&Bill> {
        self.numbered(biller, number).next()
    }

    /// The bills of this number: one for each biller that has it.
    pub fn numbered<'b, 'n>(
        &'b self,
        biller: Option<&'n Biller>,
        number: &'n str,
    ) -> impl Iterator<Item = &'b Bill> + use<'b, 'n> {
        let from = self.by_number.partition_point(|i| self.bills[*i as usize].bill.as_str() < number);
        let run = self.by_number[from..].iter().map(|i| &self.bills[*i as usize]);
        run.take_while(move |b| b.bill == number).filter(move |b| biller.is_none_or(|x| *x == b.biller))
    }

    /// The bill that a person means: by its number, or as `BILLER/NUMBER` where several billers have a bill of that number.
    /// None is guessed.
    pub fn meant(&self, text: &str) -> Result<&Bill, (Reason, String)> {
        let all: Vec<&Bill> = self.numbered(None, text).collect();
        match all.as_slice() {
            [one] => Ok(one),
            [] => {
                let told =
                    of_biller(text).and_then(|(biller, number)| self.bill(Some(&Biller(biller.to_string())), number));
                told.ok_or_else(|| (Reason::AccountUnknown, format!("there is no bill {text}")))
            }
            [first, ..] => {
                let billers: Vec<&str> = all.iter().map(|b| b.biller.0.as_str()).collect();
                let billers = billers.join(" and of ");
                let message = format!("bill {text} is one of {billers}: write it like {}/{text}", first.biller);
                Err((Reason::AmbiguousMatch, message))
            }
        }
    }

    pub fn by_invoice(&self, biller: Option<&Biller>, invoice: &str) -> Vec<&Bill> {
        let from = self.by_invoice.partition_point(|i| self.bills[*i as usize].invoice.as_str() < invoice);
        let run = self.by_invoice[from..].iter().map(|i| &self.bills[*i as usize]);
        run.take_while(|b| b.invoice == invoice).filter(|b| biller.is_none_or(|x| *x == b.biller)).collect()
    }

    /// What an account is called now that had this number before; several when two files say differently.
    pub fn renumbered(&self, biller: Option<&Biller>, old: &AccountNumber) -> Vec<(&Biller, &AccountNumber)> {
        let now = self.renumbered.get(old).into_iter().flatten();
        now.filter(|(b, _)| biller.is_none_or(|x| x == b)).map(|(b, a)| (b, a)).collect()
    }

    /// The accounts that this bank account is known to pay for.
    pub fn paid_by(&self, routing: &str, bank_account: &BankAccount) -> Vec<(Biller, AccountNumber)> {
        let key = (digits(routing), bank_account.key());
        let mut all: BTreeSet<(Biller, AccountNumber)> = self.by_payer.get(&key).cloned().unwrap_or_default();
        let seen = self.standings.get(&key).map_or(&[][..], |s| &s.seen);
        all.extend(seen.iter().map(|(b, a, _)| (b.clone(), a.clone())));
        all.into_iter().collect()
    }

    pub fn standing(&self, routing: &str, bank_account: &BankAccount) -> Option<&Standing> {
        self.standings.get(&(digits(routing), bank_account.key()))
    }

    /// How sure it is that this bank account pays for that account, in hundredths: the billing system's word counts 100;
    /// each posted payment counts 100, half of it after `payer_half_life_days`, and so on.
    pub fn strength(
        &self,
        routing: &str,
        bank_account: &BankAccount,
        whose: (&Biller, &AccountNumber),
        policy: &Policy,
        day: Day,
    ) -> u32 {
        let key = (digits(routing), bank_account.key());
        let told = self.by_payer.get(&key).is_some_and(|set| set.iter().any(|(b, a)| (b, a) == whose));
        let seen = self.standings.get(&key).map_or(&[][..], |s| &s.seen);
        let half_life = i64::from(policy.payer_half_life_days.max(1));
        let weight = |on: Day| {
            let halvings = days_between(on, day).max(0) / half_life;
            if halvings > 6 { 0 } else { 100u32 >> halvings }
        };
        let seen: u32 = seen.iter().filter(|(b, a, _)| (b, a) == whose).map(|(_, _, on)| weight(*on)).sum();
        seen + if told { 100 } else { 0 }
    }

    /// A stub's line that was not sure enough, none of whose check digits fails, and which names the account, the invoice and
    /// the amounts of exactly one open bill: the bill is the witness that it was read right. A check digit that fails is
    /// never outvoted, nor a barcode that says something else.
    pub fn hear_witnesses(&self, evidence: &mut [Evidence]) {
        for e in evidence {
            let disputed = e.problems.iter().any(|p| p.code == Reason::BarcodeScanlineMismatch);
            let unsure = |s: &&mut StubEvidence| !s.accepted && !s.check_digit_failed && !s.keyed;
            let Some(stub) = e.stub.as_mut().filter(unsure).filter(|_| !disputed) else { continue };
            let (Some(account), Some(invoice), Some(due)) = (&stub.account, &stub.invoice, stub.amount_due) else {
                continue;
            };
            let late = |b: &Bill| stub.amount_late.is_none() || stub.amount_late == b.late_amount;
            let bills = self.bills_of(stub.biller.as_ref(), account);
            let says_so =
                |b: &&&Bill| b.open && !invoice.is_empty() && b.invoice == *invoice && b.amount_due == due && late(b);
            if bills.iter().filter(says_so).count() == 1 {
                stub.accepted = true;
                e.problems.retain(|p| p.code != Reason::ScanlineUnreadable);
            }
        }
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
        let mine: BTreeSet<&DocumentId> = evidence.iter().map(|e| &e.document).collect();
        let mut fingerprints: BTreeSet<String> =
            seen.iter().filter(|s| !mine.contains(&s.document)).map(|s| s.fingerprint.clone()).collect();
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
    use crate::domain::{AccountStatus, DocumentId, DocumentKind, Problem};
    use crate::matching::tests::bill;

    #[test]
    fn an_open_bill_is_witness_for_a_line_that_was_not_sure() {
        let open = Bill { invoice: "00007151".into(), ..bill("1000000001", "W1", 4000, AccountStatus::Active) };
        let book = BillBook::new(vec![open], vec![]);
        let stub = |account: &str, invoice: &str, due: i64, failed: bool| StubEvidence {
            account: Some(AccountNumber::new(account)),
            invoice: Some(invoice.into()),
            amount_due: Some(Cents::new(due)),
            check_digit_failed: failed,
            ..StubEvidence::default()
        };
        for (name, stub, disputed, want) in [
            ("all three agree", stub("1000000001", "00007151", 4000, false), false, true),
            ("another amount", stub("1000000001", "00007151", 4100, false), false, false),
            ("another invoice", stub("1000000001", "00007157", 4000, false), false, false),
            ("another account", stub("1000000007", "00007151", 4000, false), false, false),
            ("no invoice", stub("1000000001", "", 4000, false), false, false),
            ("a failing check digit", stub("1000000001", "00007151", 4000, true), false, false),
            ("a barcode says otherwise", stub("1000000001", "00007151", 4000, false), true, false),
        ] {
            let code = if disputed { Reason::BarcodeScanlineMismatch } else { Reason::ScanlineUnreadable };
            let mut evidence = [Evidence {
                document: DocumentId::of(&[name.as_bytes()]),
                seq: 1,
                kind: DocumentKind::Stub,
                envelope: None,
                check: None,
                stub: Some(stub),
                problems: vec![Problem::new(code, "told")],
                has_front: true,
                has_back: true,
                is_record: false,
                set_aside: None,
            }];
            book.hear_witnesses(&mut evidence);
            let heard = evidence[0].stub.as_ref().is_some_and(|s| s.accepted);
            assert_eq!((heard, evidence[0].problems.is_empty()), (want, want), "{name}");
        }
    }

    #[test]
    fn repairs_are_swaps_and_single_digits() {
        let all = repairs(&AccountNumber::new("P123"));
        let has = |text: &str| all.contains(&AccountNumber::new(text));
        assert!(has("P213") && has("P132") && has("P023") && has("P129"));
        assert!(!has("P123") && !has("1P23") && !has("P321"));
        assert_eq!(all.len(), 2 + 27);
    }
}
