//! Which bill each stub (or known payer, or a person's word) means, and what stands in the way of paying it.

use std::collections::{BTreeMap, BTreeSet};

use super::book::{BillBook, of_biller, repairs};
use super::hypotheses::{Expected, expected};
use super::{Draft, Policy};
use crate::domain::{
    AccountNumber, AccountStatus, Application, Bill, Biller, Cents, Day, Decision, DocumentId, Reason,
};
use crate::grouping::{Evidence, StubEvidence};

/// A bill that a transaction means to pay.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    pub bill: &'a Bill,
    pub expected: Vec<Expected>,
    /// Amounts that explain a payment to a person and settle nothing.
    pub hints: Vec<Expected>,
    /// What the payer said this line pays (files), or a person.
    pub share: Option<Cents>,
    /// The closed bill that was named, where this is the final bill of its account.
    pub in_place_of: Option<&'a Bill>,
    /// How the bill was found, for the evidence sentence.
    pub found: String,
    pub rule_prefix: &'static str,
}

/// Something that needs a person, before it has an id.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Raised {
    pub code: Reason,
    pub message: String,
    pub document: Option<DocumentId>,
    pub bbox: Option<crate::domain::PixelBox>,
}

pub(super) struct Resolver<'a> {
    pub book: &'a BillBook,
    pub policy: &'a Policy,
    pub day: Day,
    pub raised: Vec<Raised>,
    /// Stubs (and payers) whose bill is not known.
    pub unresolved: usize,
    pub targets: Vec<Target<'a>>,
    /// Open bills among which the amount must choose, and what is raised when it does not.
    pub pool: Vec<Target<'a>>,
    pub undecided: Option<Raised>,
    /// Bills that are meant already, by their place.
    meant: BTreeSet<(&'a Biller, &'a str, &'a AccountNumber)>,
    paid_with_cash: bool,
}

impl<'a> Resolver<'a> {
    pub fn new(book: &'a BillBook, policy: &'a Policy, day: Day, paid_with_cash: bool) -> Self {
        Resolver {
            book,
            policy,
            day,
            raised: Vec::new(),
            unresolved: 0,
            targets: Vec::new(),
            pool: Vec::new(),
            undecided: None,
            meant: BTreeSet::new(),
            paid_with_cash,
        }
    }

    pub fn raise(&mut self, code: Reason, message: impl Into<String>, document: Option<&DocumentId>) {
        self.raised.push(Raised { code, message: message.into(), document: document.cloned(), bbox: None });
    }

    /// All stubs of the envelope, then what people assigned beside them.
    pub fn stubs(&mut self, draft: &Draft<'_>, stubs: &[&Evidence]) {
        for e in stubs {
            let Some(stub) = &e.stub else { continue };
            let assigned = assigned(draft.decisions, Some(&e.document));
            let found = match assigned {
                Some(decision) => self.assigned(decision, Some(&e.document)),
                None => self.stub(stub, &e.document),
            };
            match found {
                Some(target) => self.add(target, stub.paid, &e.document),
                None => self.unresolved += 1,
            }
        }
        // The amount can answer for one stub that names only the account, not for one among several.
        if stubs.len() > 1 {
            self.pool.clear();
            self.raised.extend(self.undecided.take());
        }
    }

    fn add(&mut self, mut target: Target<'a>, share: Option<Cents>, document: &DocumentId) {
        if target.share.is_none() {
            target.share = share;
        }
        if !self.meant.insert((&target.bill.biller, &target.bill.bill, &target.bill.account)) {
            let message = "the stub of the same bill is in this envelope twice; it is counted once";
            self.raise(Reason::DuplicateStub, message, Some(document));
            return;
        }
        self.status(target.bill, document);
        if let Some(closed) = target.in_place_of {
            self.status(closed, document);
        }
        if target.expected.is_empty() {
            let message = format!("nothing is due any more on the bill of account {}", target.bill.account.masked());
            self.raise(Reason::DuplicateStub, message, Some(document));
        } else {
            self.elsewhere(target.bill, Some(document));
        }
        self.targets.push(target);
    }

    /// A bill that a person named beside the paper.
    pub fn beside(&mut self, target: Target<'a>, document: Option<&DocumentId>) {
        if let Some(document) = document {
            self.status(target.bill, document);
        }
        self.elsewhere(target.bill, document);
        self.targets.push(target);
    }

    fn target(&self, bill: &'a Bill, found: impl Into<String>) -> Target<'a> {
        let (expected, hints) = expected(bill, self.policy, self.day).into_iter().partition(|e| e.settles);
        Target { bill, expected, hints, share: None, in_place_of: None, found: found.into(), rule_prefix: "" }
    }

    /// `assign account= [bill=] [amount=]`.
    pub fn assigned(&mut self, decision: &Decision, document: Option<&DocumentId>) -> Option<Target<'a>> {
        let account = AccountNumber::new(decision.fields.get("account")?.trim());
        let mut bills = self.book.bills_of(None, &account);
        let named = decision.fields.get("bill").map(|b| b.trim());
        if let Some(text) = named {
            let (biller, number) = of_biller(text).map_or((None, text), |(b, n)| (Some(b), n));
            bills.retain(|b| b.bill == text || (b.bill == number && biller == Some(b.biller.0.as_str())));
        }
        // One number may be an account of several billers; whose money it is nobody guesses.
        let open: Vec<&Bill> = bills.iter().copied().filter(|b| b.open).collect();
        let billers: BTreeSet<&Biller> =
            if open.is_empty() { &bills } else { &open }.iter().map(|b| &b.biller).collect();
        if billers.len() > 1 {
            let list: Vec<&str> = billers.iter().map(|b| b.0.as_str()).collect();
            let message = format!(
                "account {} is one of {}: name the bill, like bill={}/NUMBER",
                account.masked(),
                list.join(" and of "),
                list[0]
            );
            self.raise(Reason::AmbiguousMatch, message, document);
            return None;
        }
        let Some(bill) = open.first().or(bills.first()).copied() else {
            let message = match named {
                Some(number) => format!("account {} has no bill {number}", account.masked()),
                None => format!("the account {} that was keyed has no bill", account.masked()),
            };
            self.raise(Reason::AccountUnknown, message, document);
            return None;
        };
        let mut target = self.target(bill, format!("{} assigned account {}", decision.by, account.masked()));
        target.share = decision.fields.get("amount").and_then(|a| a.parse().ok());
        target.rule_prefix = "assigned-";
        Some(target)
    }

    fn stub(&mut self, stub: &StubEvidence, document: &DocumentId) -> Option<Target<'a>> {
        let biller = stub.biller.as_ref();
        let Some(account) = &stub.account else {
            let bills = match (&stub.bill, &stub.invoice) {
                (Some(number), _) => self.book.numbered(biller, number).collect(),
                (None, Some(invoice)) => self.book.by_invoice(biller, invoice),
                (None, None) => Vec::new(),
            };
            return match bills.as_slice() {
                [bill] => Some(self.target(bill, "the stub names the invoice")),
                [] if stub.accepted => {
                    let message = "no open bill has the invoice that this line names";
                    self.raise(Reason::AccountUnknown, message, Some(document));
                    None
                }
                [] => None,
                [first, ..] => {
                    if stub.accepted {
                        let message = format!(
                            "the bill that this line names is one of {} accounts, of {} and others: say whose it is",
                            bills.len(),
                            first.biller
                        );
                        self.raise(Reason::AmbiguousMatch, message, Some(document));
                    }
                    None
                }
            };
        };
        let bills = self.book.bills_of(biller, account);
        if stub.accepted {
            if bills.is_empty() {
                if let [(biller, now)] = self.book.renumbered(biller, account).as_slice() {
                    let bills = self.book.bills_of(Some(biller), now);
                    let found = format!("the stub names account {}, which is now {}", account.masked(), now.masked());
                    let mut target = self.choose(&bills, stub, document, found)?;
                    target.rule_prefix = "renumbered-";
                    return Some(target);
                }
                let message = self.unknown(biller, account);
                self.raise(Reason::AccountUnknown, message, Some(document));
                return None;
            }
            return self.choose(&bills, stub, document, format!("the stub names account {}", account.masked()));
        }
        self.repaired(stub, account, document)
    }

    /// A line that is not sure: the account as printed if its bill is the one on the stub, else the one repair that is.
    /// The reading's own exception stands; this is a proposal.
    fn repaired(&mut self, stub: &StubEvidence, account: &AccountNumber, document: &DocumentId) -> Option<Target<'a>> {
        let biller = stub.biller.as_ref();
        let fits = |bill: &Bill| {
            let invoice = stub.invoice.as_deref().is_some_and(|i| !i.is_empty() && i == bill.invoice);
            let due = stub.amount_due.is_some_and(|a| a == bill.amount_due);
            let late = stub.amount_late.is_none() || stub.amount_late == bill.late_amount;
            invoice || (due && late)
        };
        let own: Vec<&Bill> = self.book.bills_of(biller, account).into_iter().filter(|b| fits(b)).collect();
        let (candidates, how) = if own.is_empty() {
            let near: BTreeSet<AccountNumber> = repairs(account);
            let list = near.iter().flat_map(|a| self.book.bills_of(biller, a)).filter(|b| fits(b)).collect();
            (list, "as repaired")
        } else {
            (own, "as printed")
        };
        let [bill] = candidates.as_slice() else {
            return None;
        };
        let found =
            format!("account {} {how} has the bill with the amount or invoice on the stub", bill.account.masked());
        for r in self.raised.iter_mut().filter(|r| r.document.as_ref() == Some(document)) {
            if matches!(r.code, Reason::CheckDigitFailed | Reason::ScanlineUnreadable | Reason::BarcodeScanlineMismatch)
            {
                r.message = format!("{}; {found}", r.message);
            }
        }
        let mut target = self.target(bill, found);
        target.rule_prefix = "repaired-";
        Some(target)
    }

    fn unknown(&self, biller: Option<&Biller>, account: &AccountNumber) -> String {
        let other: BTreeSet<&Biller> = self.book.bills_of(None, account).into_iter().map(|b| &b.biller).collect();
        if let Some(other) = other.first() {
            return format!("account {} is not one of this biller, but of {other}", account.masked());
        }
        let near: BTreeSet<&AccountNumber> =
            repairs(account).iter().flat_map(|a| self.book.bills_of(biller, a)).map(|b| &b.account).collect();
        match near.first() {
            Some(near) => {
                format!("no open bill has account {}; a near one is {}", account.masked(), near.masked())
            }
            None => format!("no open bill has account {}", account.masked()),
        }
    }

    /// The bill of an account that a stub means: by its number, its invoice, its amount, or because it is the only one.
    fn choose(
        &mut self,
        bills: &[&'a Bill],
        stub: &StubEvidence,
        document: &DocumentId,
        found: String,
    ) -> Option<Target<'a>> {
        let open: Vec<&'a Bill> = bills.iter().copied().filter(|b| b.open).collect();
        if open.is_empty() {
            let message = format!("the bill of account {} is not open any more", bills[0].account.masked());
            // A closed, written-off or bankrupt account is told by its own reason.
            if !needs_care(bills[0].status) {
                self.raise(Reason::DuplicateStub, message, Some(document));
                return None;
            }
            return Some(self.transferred(bills[0], found));
        }
        let by = |test: &dyn Fn(&Bill) -> bool| {
            let hits: Vec<&'a Bill> = open.iter().copied().filter(|b| test(b)).collect();
            if let [one] = hits.as_slice() { Some(*one) } else { None }
        };
        let bill = by(&|b| stub.bill.as_deref() == Some(b.bill.as_str()))
            .or_else(|| by(&|b| stub.invoice.as_deref().is_some_and(|i| !i.is_empty() && i == b.invoice)))
            .or_else(|| by(&|b| stub.amount_due == Some(b.amount_due)))
            .or_else(|| by(&|_| true));
        match bill {
            Some(bill) => Some(self.transferred(bill, found)),
            None => {
                let message = format!(
                    "account {} has {} open bills and the stub does not say which; the oldest is proposed",
                    open[0].account.masked(),
                    open.len()
                );
                self.ask(
                    &open,
                    &found,
                    Raised { code: Reason::AmbiguousMatch, message, document: Some(document.clone()), bbox: None },
                );
                Some(self.target(open[0], found))
            }
        }
    }

    /// Leaves the choice among these bills to the amount; `otherwise` is raised when it does not answer.
    fn ask(&mut self, open: &[&'a Bill], found: &str, otherwise: Raised) {
        self.pool = open.iter().map(|bill| self.target(bill, found)).collect();
        self.raised.extend(self.undecided.replace(otherwise));
    }

    fn transferred(&self, bill: &'a Bill, found: String) -> Target<'a> {
        let final_bill = self.final_bill(bill);
        let mut target = self.target(final_bill, found);
        if !std::ptr::eq(final_bill, bill) {
            target.in_place_of = Some(bill);
            target.rule_prefix = "final-bill-";
            target.found.push_str(", whose final bill this is");
        }
        target
    }

    /// Where the money of a closed account goes: its final bill, when the bill file says where that stands and it is open.
    fn final_bill(&self, bill: &'a Bill) -> &'a Bill {
        if bill.status != AccountStatus::Closed {
            return bill;
        }
        let Some(account) = bill.final_account() else { return bill };
        let bills = self.book.bills_of(Some(&bill.biller), &account);
        let mut open = bills.into_iter().filter(|b| b.open);
        match (open.next(), open.next()) {
            (Some(one), None) => one,
            _ => bill,
        }
    }

    pub fn status(&mut self, bill: &Bill, document: &DocumentId) {
        if let Some((code, message)) = care(bill, self.day, self.paid_with_cash) {
            self.raise(code, message, Some(document));
        }
    }

    /// Where another payment of this bill is on its way already, a person must hear of it.
    fn elsewhere(&mut self, bill: &Bill, document: Option<&DocumentId>) {
        if let Some(elsewhere) = self.book.pending(bill) {
            let message = format!(
                "the bill of account {} is being paid already, in {elsewhere}: is this a second payment?",
                bill.account.masked()
            );
            self.raise(Reason::DuplicateStub, message, document);
        }
    }

    /// Bills that people put the money to themselves: of those whose account was not spoken of before, the same is asked as of
    /// those that the paper names. Of each reason all accounts are told at once.
    pub fn by_hand(&mut self, applications: &[Application]) {
        let mut asked: BTreeSet<(&'a Biller, &'a AccountNumber)> =
            self.targets.iter().map(|t| (&t.bill.biller, &t.bill.account)).collect();
        let mut told: BTreeMap<Reason, Vec<String>> = BTreeMap::new();
        for a in applications.iter().filter(|a| a.rule.starts_with("person:")) {
            let Some(bill) = a.bill.as_deref().and_then(|n| self.book.bill(a.biller.as_ref(), n)) else { continue };
            if !self.targets.iter().any(|t| std::ptr::eq(t.bill, bill)) {
                self.elsewhere(bill, None);
            }
            if asked.insert((&bill.biller, &bill.account))
                && let Some((code, message)) = care(bill, self.day, self.paid_with_cash)
            {
                told.entry(code).or_default().push(message);
            }
        }
        for (code, messages) in told {
            self.raise(code, messages.join("; "), None);
        }
    }

    /// A check without stub: the bill of the account that its bank account is known to pay for; among several open bills
    /// the amount chooses, for a person to accept.
    pub fn known_payer(&mut self, check: &Evidence, received: Option<Cents>) {
        let document = &check.document;
        let line = check.check.as_ref();
        let payer = line.and_then(|c| Some((c.routing.as_deref()?, c.bank_account.as_ref()?)));
        let known = payer.map(|(r, a)| self.book.paid_by(r, a)).unwrap_or_default();
        // An account that was renumbered since is meant by its number of today.
        let today = |(biller, account): &(Biller, AccountNumber)| {
            let is_gone = self.book.bills_of(Some(biller), account).is_empty();
            match self.book.renumbered(Some(biller), account).as_slice() {
                [(biller, now)] if is_gone => ((*biller).clone(), (*now).clone()),
                _ => (biller.clone(), account.clone()),
            }
        };
        let accounts: BTreeSet<(Biller, AccountNumber)> = known.iter().map(today).collect();
        let accounts: Vec<(Biller, AccountNumber)> = accounts.into_iter().collect();
        let (Some((routing, bank_account)), false) = (payer, accounts.is_empty()) else {
            self.unresolved += 1;
            let message = "no stub came with this check, and its bank account is not a known payer's";
            self.raise(Reason::CheckWithoutStub, message, Some(document));
            return;
        };
        let shared = self.book.standing(routing, bank_account).is_some_and(|s| s.shared)
            || accounts.len() > self.policy.payer_most_accounts as usize;
        if shared {
            self.unresolved += 1;
            let message =
                "no stub came with this check; its bank account pays for many (an agency), so it tells nothing";
            self.raise(Reason::CheckWithoutStub, message, Some(document));
            return;
        }
        let open: Vec<&Bill> = accounts
            .iter()
            .flat_map(|(biller, account)| self.book.bills_of(Some(biller), account))
            .filter(|b| b.open)
            .collect();
        let [(_, account)] = accounts.as_slice() else {
            let message = format!(
                "no stub came with this check; its bank account pays for {} accounts, so it does not tell which",
                accounts.len()
            );
            self.choose_by_amount(&open, document, message);
            return;
        };
        let [bill] = open.as_slice() else {
            let message = format!(
                "no stub came with this check; its bank account is known for account {}, which has {} open bills",
                account.masked(),
                open.len()
            );
            self.choose_by_amount(&open, document, message);
            return;
        };
        let strong =
            |(b, a): &(Biller, AccountNumber)| self.book.strength(routing, bank_account, (b, a), self.policy, self.day);
        let strength: u32 = known.iter().map(strong).sum();
        let mut target =
            self.target(bill, format!("the bank account is known to pay for account {}", account.masked()));
        target.rule_prefix = "known-payer-";
        let exact = received.is_some_and(|r| target.expected.iter().any(|e| e.amount == r));
        let sure = strength >= self.policy.payer_strength;
        if !(self.policy.settle_known_payers && exact && sure && line.is_some_and(|l| l.accepted)) {
            let known =
                format!("no stub came with this check; its bank account is known for account {}", account.masked());
            let message = match received {
                Some(r) if exact => format!("{known}, whose open bill is {r}"),
                Some(_) => format!("{known}, but the amount is not one of its bill's"),
                None => known,
            };
            let message = if sure { message } else { format!("{message}; it was not seen for long") };
            self.raise(Reason::CheckWithoutStub, message, Some(document));
        }
        self.add(target, None, document);
    }

    /// The bills that the amount chose: their accounts may need care, and they may be paid elsewhere already.
    pub fn chosen(&mut self, applications: &[Application], document: Option<&DocumentId>) {
        let Some(document) = document else { return };
        let named: BTreeSet<&str> = applications.iter().filter_map(|a| a.bill.as_deref()).collect();
        let bills: Vec<&'a Bill> =
            self.pool.iter().map(|t| t.bill).filter(|b| named.contains(b.bill.as_str())).collect();
        for bill in bills {
            self.status(bill, document);
            self.elsewhere(bill, Some(document));
        }
    }

    fn choose_by_amount(&mut self, open: &[&'a Bill], document: &DocumentId, message: String) {
        self.raise(Reason::CheckWithoutStub, message, Some(document));
        if open.is_empty() {
            self.unresolved += 1;
            return;
        }
        self.pool =
            open.iter().map(|bill| self.target(bill, "the bank account is known to pay for this account")).collect();
        for target in &mut self.pool {
            target.rule_prefix = "known-payer-";
        }
    }
}

/// Accounts that may not be paid the usual way, or whose payment somebody must hear of at once.
fn care(bill: &Bill, day: Day, paid_with_cash: bool) -> Option<(Reason, String)> {
    let account = bill.account.masked();
    Some(match bill.status {
        AccountStatus::Active | AccountStatus::Arrangement => return None,
        AccountStatus::CashOnly if paid_with_cash => return None,
        AccountStatus::CashOnly if !bill.is_cash_only(day) => return None,
        AccountStatus::Disconnected => {
            (Reason::AccountDisconnected, format!("account {account} is disconnected and is being paid"))
        }
        AccountStatus::CutoffPending => {
            (Reason::CutoffPending, format!("account {account} is about to be cut off and is being paid"))
        }
        AccountStatus::CashOnly => {
            let until = bill.cash_only_until().map_or_else(String::new, |day| format!(" until {day}"));
            (Reason::CashOnly, format!("account {account} may not pay by check{until}, and this is a check"))
        }
        AccountStatus::Closed => match bill.final_account() {
            Some(to) => {
                let message = format!("account {account} is closed; its final bill stands on {}", to.masked());
                (Reason::AccountClosed, message)
            }
            None => (Reason::AccountClosed, format!("account {account} is closed")),
        },
        AccountStatus::WrittenOff => {
            let agency = bill.agency().map_or_else(String::new, |name| format!(" and placed with {name}"));
            (Reason::AccountWrittenOff, format!("account {account} was written off{agency}; this is a recovery"))
        }
        AccountStatus::Bankruptcy => (Reason::AccountBankruptcy, format!("account {account} is in bankruptcy")),
    })
}

fn needs_care(status: AccountStatus) -> bool {
    match status {
        AccountStatus::Closed | AccountStatus::WrittenOff | AccountStatus::Bankruptcy => true,
        AccountStatus::Active
        | AccountStatus::Disconnected
        | AccountStatus::CutoffPending
        | AccountStatus::Arrangement
        | AccountStatus::CashOnly => false,
    }
}

/// The last `assign` about this document; `None` asks for those that concern no stub.
pub(super) fn assigned<'d>(decisions: &'d [Decision], document: Option<&DocumentId>) -> Option<&'d Decision> {
    decisions.iter().rev().find(|d| {
        d.name == "assign" && d.fields.get("document").map(String::as_str) == document.map(DocumentId::as_str)
    })
}
