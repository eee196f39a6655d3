//! Which bill each stub (or known payer, or a person's word) means, and what stands in the way of paying it.

use std::collections::BTreeSet;

use super::book::{BillBook, repairs};
use super::hypotheses::{Expected, expected};
use super::{Draft, Policy};
use crate::domain::{AccountNumber, AccountStatus, Bill, Biller, Cents, Day, Decision, DocumentId, Reason};
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
    paid_with_cash: bool,
}

impl<'a> Resolver<'a> {
    pub fn new(book: &'a BillBook, policy: &'a Policy, day: Day, paid_with_cash: bool) -> Self {
        Resolver { book, policy, day, raised: Vec::new(), unresolved: 0, targets: Vec::new(), paid_with_cash }
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
    }

    fn add(&mut self, mut target: Target<'a>, share: Option<Cents>, document: &DocumentId) {
        if target.share.is_none() {
            target.share = share;
        }
        if self.targets.iter().any(|t| std::ptr::eq(t.bill, target.bill)) {
            let message = "the stub of the same bill is in this envelope twice; it is counted once";
            self.raise(Reason::DuplicateStub, message, Some(document));
            return;
        }
        self.status(target.bill, document);
        if target.expected.is_empty() {
            let message = format!("nothing is due any more on the bill of account {}", target.bill.account.masked());
            self.raise(Reason::DuplicateStub, message, Some(document));
        }
        self.targets.push(target);
    }

    fn target(&self, bill: &'a Bill, found: impl Into<String>) -> Target<'a> {
        let (expected, hints) = expected(bill, self.policy, self.day).into_iter().partition(|e| e.settles);
        Target { bill, expected, hints, share: None, found: found.into(), rule_prefix: "" }
    }

    /// `assign account= [bill=] [amount=]`.
    pub fn assigned(&mut self, decision: &Decision, document: Option<&DocumentId>) -> Option<Target<'a>> {
        let account = AccountNumber::new(decision.fields.get("account")?.trim());
        let bills = self.book.bills_of(None, &account);
        let named = decision.fields.get("bill").map(|b| b.trim());
        let bill = match named {
            Some(number) => bills.iter().find(|b| b.bill == number).copied(),
            None => bills.iter().find(|b| b.open).or_else(|| bills.first()).copied(),
        };
        let Some(bill) = bill else {
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
                (Some(number), _) => self.book.bill(biller, number).into_iter().collect(),
                (None, Some(invoice)) => self.book.by_invoice(biller, invoice),
                (None, None) => Vec::new(),
            };
            return match bills.as_slice() {
                [bill] => Some(self.target(bill, "the stub names the invoice")),
                _ => {
                    if stub.accepted {
                        self.raise(
                            Reason::AccountUnknown,
                            "no open bill has the invoice that this line names",
                            Some(document),
                        );
                    }
                    None
                }
            };
        };
        let bills = self.book.bills_of(biller, account);
        if stub.accepted {
            if bills.is_empty() {
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
            return Some(self.target(bills[0], found));
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
            Some(bill) => Some(self.target(bill, found)),
            None => {
                let message = format!(
                    "account {} has {} open bills and the stub does not say which; the oldest is proposed",
                    open[0].account.masked(),
                    open.len()
                );
                self.raise(Reason::AmbiguousMatch, message, Some(document));
                Some(self.target(open[0], found))
            }
        }
    }

    /// Accounts that may not be paid the usual way, or whose payment somebody must hear of at once.
    pub fn status(&mut self, bill: &Bill, document: &DocumentId) {
        let account = bill.account.masked();
        let (code, message) = match bill.status {
            AccountStatus::Active | AccountStatus::Arrangement => return,
            AccountStatus::CashOnly if self.paid_with_cash => return,
            AccountStatus::Disconnected => {
                (Reason::AccountDisconnected, format!("account {account} is disconnected and is being paid"))
            }
            AccountStatus::CutoffPending => {
                (Reason::CutoffPending, format!("account {account} is about to be cut off and is being paid"))
            }
            AccountStatus::CashOnly => {
                (Reason::CashOnly, format!("account {account} may not pay by check, and this is a check"))
            }
            AccountStatus::Closed => (Reason::AccountClosed, format!("account {account} is closed")),
            AccountStatus::WrittenOff => (Reason::AccountWrittenOff, format!("account {account} was written off")),
            AccountStatus::Bankruptcy => (Reason::AccountBankruptcy, format!("account {account} is in bankruptcy")),
        };
        self.raise(code, message, Some(document));
    }

    /// A check without stub: the bill of the account that its bank account is known to pay for.
    pub fn known_payer(&mut self, check: &Evidence, received: Option<Cents>) {
        let payer = check
            .check
            .as_ref()
            .and_then(|c| Some((c, self.book.paid_by(c.routing.as_ref()?, c.bank_account.as_ref()?))));
        let document = &check.document;
        let (line, accounts) = match payer {
            Some((line, accounts)) if !accounts.is_empty() => (line, accounts),
            _ => {
                self.unresolved += 1;
                let message = "no stub came with this check, and its bank account is not a known payer's";
                self.raise(Reason::CheckWithoutStub, message, Some(document));
                return;
            }
        };
        let [(biller, account)] = accounts.as_slice() else {
            self.unresolved += 1;
            let message = format!(
                "no stub came with this check; its bank account pays for {} accounts, so it does not tell which",
                accounts.len()
            );
            self.raise(Reason::CheckWithoutStub, message, Some(document));
            return;
        };
        let open: Vec<&Bill> = self.book.bills_of(Some(biller), account).into_iter().filter(|b| b.open).collect();
        let [bill] = open.as_slice() else {
            self.unresolved += 1;
            let message = format!(
                "no stub came with this check; its bank account is known for account {}, which has {} open bills",
                account.masked(),
                open.len()
            );
            self.raise(Reason::CheckWithoutStub, message, Some(document));
            return;
        };
        let mut target =
            self.target(bill, format!("the bank account is known to pay for account {}", account.masked()));
        target.rule_prefix = "known-payer-";
        let exact = received.is_some_and(|r| target.expected.iter().any(|e| e.amount == r));
        if !(self.policy.settle_known_payers && exact && line.accepted) {
            let message = match received {
                Some(r) if exact => format!(
                    "no stub came with this check; its bank account is known for account {}, whose open bill is {r}",
                    account.masked()
                ),
                Some(_) => format!(
                    "no stub came with this check; its bank account is known for account {}, but the amount is not one of its bill's",
                    account.masked()
                ),
                None => {
                    format!("no stub came with this check; its bank account is known for account {}", account.masked())
                }
            };
            self.raise(Reason::CheckWithoutStub, message, Some(document));
        }
        self.status(bill, document);
        self.targets.push(target);
    }
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
