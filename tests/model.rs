//! Random days of work against a small model: batches, edits, holds, voids, approvals, postings, deposits, confirmations,
//! returns, reversals and the drawer, the same steps on SQLite and on Postgres. After each step both must answer as the model
//! does; the books are compared as they go, and the whole site is verified at the end. `REMIT_STEPS` says how many steps
//! (400), `REMIT_ROUND` how many on one site, `REMIT_SEED` which (1). A failure prints the seed and the step.

#[cfg(feature = "postgres")]
#[allow(dead_code)]
mod postgres;
#[allow(dead_code)]
mod site;

use std::collections::BTreeMap;

use remit::domain::drawer::{Count, Tender};
use remit::domain::*;
use remit::post::{self, Chart};
use remit::store::*;
use site::*;

/// Steps of one site (`REMIT_ROUND`); more go on with a new one.
const ROUND: u64 = 1_000;
const FEE: i64 = 2_500;

/// Numbers drawn by lot, the same for the same seed (xorshift64*).
struct Lot(u64);

impl Lot {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % limit.max(1) as u64) as usize
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Now,
    Already,
    No,
}

#[derive(Clone, Debug)]
struct Payment {
    id: TransactionId,
    check: DocumentId,
    /// Of the bill.
    number: u32,
    amount: i64,
    /// So much of it is credit, the rest pays the bill.
    credit: i64,
    held: bool,
    entry: Option<i64>,
    /// `mirror` or `unapply`.
    reversed: Option<&'static str>,
    deposit: Option<usize>,
    returned: Option<usize>,
}

#[derive(Clone, Debug)]
struct Tray {
    id: BatchId,
    state: BatchState,
    balancer: Option<UserName>,
    payments: Vec<Payment>,
}

#[derive(Clone, Debug)]
struct Back {
    id: ReturnId,
    tray: usize,
    payment: usize,
    state: ReturnState,
    parts: Vec<ReturnPart>,
}

#[derive(Clone, Debug, Default)]
struct Till {
    number: i64,
    state: &'static str,
    cash: i64,
    checks: i64,
    counted: (i64, i64),
}

/// What must be so.
#[derive(Clone, Default)]
struct Model {
    trays: Vec<Tray>,
    deposits: Vec<(DepositId, i64, bool)>,
    backs: Vec<Back>,
    tills: Vec<Till>,
    slips: i64,
    entries: i64,
    ledger: BTreeMap<String, i64>,
    paid: BTreeMap<u32, i64>,
    marks: u64,
}

impl Model {
    fn book(&mut self, lines: &[(&str, i64)]) {
        assert_eq!(lines.iter().map(|l| l.1).sum::<i64>(), 0);
        self.entries += 1;
        for (account, amount) in lines {
            *self.ledger.entry(account.to_string()).or_default() += amount;
        }
    }

    fn pay(&mut self, number: u32, amount: i64) {
        *self.paid.entry(number).or_default() += amount;
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Tray(u32),
    Hold(usize, usize),
    Edit(usize, usize, i64),
    Balance(usize, bool),
    Approve(usize, usize),
    Post(usize),
    Void(usize),
    Deposit,
    Confirm(usize),
    Return(usize, usize),
    Event(usize, ReturnEvent),
    Reverse(usize, usize),
    Open,
    Receive(Tender, u32, i64),
    Payout(i64),
    Count(i64, i64),
    Close(bool),
}

fn draw(lot: &mut Lot, m: &Model) -> Step {
    if m.trays.is_empty() || lot.below(14) == 0 {
        return Step::Tray(2 * (1 + lot.below(3)) as u32);
    }
    // Mostly the newest trays: those are where something is left to do.
    let tray = m.trays.len() - 1 - lot.below(m.trays.len().min(6));
    let payment = lot.below(m.trays[tray].payments.len());
    match lot.below(24) {
        0 => Step::Hold(tray, payment),
        1 => Step::Edit(tray, payment, lot.below(900) as i64),
        2..=4 => Step::Balance(tray, lot.below(4) == 0),
        5..=7 => Step::Approve(tray, lot.below(3)),
        8..=10 => Step::Post(tray),
        11 if lot.below(3) == 0 => Step::Void(tray),
        12 | 13 => Step::Deposit,
        14 if !m.deposits.is_empty() => Step::Confirm(lot.below(m.deposits.len())),
        15 | 16 => Step::Return(tray, payment),
        17 if !m.backs.is_empty() => {
            let event = [ReturnEvent::Represent, ReturnEvent::Clear, ReturnEvent::ChargeBack][lot.below(3)];
            Step::Event(lot.below(m.backs.len()), event)
        }
        18 => Step::Reverse(tray, payment),
        19 => Step::Open,
        20 => Step::Receive(Tender::ALL[lot.below(4)], 1 + lot.below(3) as u32, 1 + lot.below(500) as i64),
        21 => Step::Payout(1 + lot.below(100) as i64),
        22 => Step::Count(lot.below(7) as i64 - 3, lot.below(7) as i64 - 3),
        _ => Step::Close(lot.below(2) == 0),
    }
}

fn said<T>(result: Result<T, StoreError>, done: impl Fn(T) -> Done) -> Answer {
    match result.map(done) {
        Ok(Done::Now) => Answer::Now,
        Ok(Done::Already) => Answer::Already,
        Err(error) => {
            assert!(!error.is_machine(), "a machine broke: {error}");
            Answer::No
        }
    }
}

fn person(n: usize) -> UserName {
    UserName(["olga", "sven", "vera"][n].into())
}

fn kim() -> UserName {
    UserName("kim".into())
}

/// The entries of a tray as it is stored.
fn drafts_of(transactions: &[Transaction]) -> Vec<EntryDraft> {
    let live = transactions.iter().filter(|t| matches!(t.state, TransactionState::Clean | TransactionState::Ready));
    live.map(|t| EntryDraft {
        date: day("2026-11-28"),
        batch: Some(t.batch.clone()),
        transaction: Some(t.id.clone()),
        memo: "payment".into(),
        postings: std::iter::once(posting("1020", t.received.unwrap().get(), t.documents.last()))
            .chain(t.applications.iter().map(|a| posting(&a.ledger, -a.amount.get(), None)))
            .collect(),
    })
    .collect()
}

/// Which step it was, printed only when it fails.
struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FAILED at {}", self.0);
        }
    }
}

/// One site on one database, and what the model says of it.
struct Bench {
    site: Site,
    model: Model,
    name: String,
}

impl Bench {
    async fn new(database: Option<String>, round: u64) -> Bench {
        let site = Site::new(database).await;
        for (name, role) in [("vera", Role::Approver), ("kim", Role::Cashier)] {
            site.store.add_user(&UserName(name.into()), &[role], &admin()).await.unwrap();
        }
        let bills: Vec<Bill> = (1..=3).map(bill).collect();
        site.store.import_bills(&bills, day("2026-11-27"), false, false, &olga()).await.unwrap();
        Bench { site, model: Model::default(), name: format!("round{round}") }
    }

    async fn step(&mut self, step: Step) {
        let (want, got) = match step {
            Step::Tray(count) => self.tray(count).await,
            Step::Hold(t, p) => self.edit(t, p, None).await,
            Step::Edit(t, p, credit) => self.edit(t, p, Some(credit)).await,
            Step::Balance(t, other) => self.balance(t, if other { sven() } else { olga() }).await,
            Step::Approve(t, n) => self.approve(t, person(n)).await,
            Step::Post(t) => self.post(t).await,
            Step::Void(t) => self.void(t).await,
            Step::Deposit => self.deposit().await,
            Step::Confirm(n) => self.confirm(n).await,
            Step::Return(t, p) => self.send_back(t, p).await,
            Step::Event(n, event) => self.event(n, event).await,
            Step::Reverse(t, p) => self.reverse(t, p).await,
            Step::Open => self.open().await,
            Step::Receive(tender, number, amount) => self.receive(tender, number, amount).await,
            Step::Payout(amount) => self.payout(amount).await,
            Step::Count(cash, checks) => self.count(cash, checks).await,
            Step::Close(other) => self.close(other).await,
        };
        assert_eq!(got, want, "{step:?}");
    }

    async fn tray(&mut self, count: u32) -> (Answer, Answer) {
        let seed = format!("{}-{}", self.name, self.model.trays.len());
        let batch = taken(&self.site, &seed, count).await;
        let jobs = decoded(&self.site).await;
        let documents = self.site.store.documents(&batch).await.unwrap();
        let mut work = matched(&documents, None);
        // Their account lines are all alike: without them no check is another one's twin.
        work.checks.clear();
        self.site.store.save_match(&jobs[0], &work).await.unwrap();
        let payments = work.transactions.iter().map(|t| Payment {
            id: t.id.clone(),
            check: t.documents[1].clone(),
            number: t.seq,
            amount: t.received.unwrap().get(),
            credit: 0,
            held: false,
            entry: None,
            reversed: None,
            deposit: None,
            returned: None,
        });
        let payments = payments.collect();
        self.model.trays.push(Tray { id: batch, state: BatchState::InReview, balancer: None, payments });
        (Answer::Now, Answer::Now)
    }

    /// Holds a payment or lets it go on; or splits it between bill and credit.
    async fn edit(&mut self, t: usize, p: usize, credit: Option<i64>) -> (Answer, Answer) {
        let tray = &mut self.model.trays[t];
        let may = matches!(tray.state, BatchState::InReview | BatchState::Balanced | BatchState::Approved);
        let before = self.site.store.transaction(tray.payments[p].id.as_str()).await.unwrap();
        let mut after = before.clone();
        if may {
            tray.state = BatchState::InReview;
            tray.balancer = None;
            match credit {
                None => tray.payments[p].held = !tray.payments[p].held,
                Some(credit) => tray.payments[p].credit = credit,
            }
        }
        match credit {
            None if before.state == TransactionState::Held => after.state = TransactionState::Clean,
            None => after.state = TransactionState::Held,
            Some(credit) => {
                let received = before.received.unwrap().get();
                let mut own = before.applications[0].clone();
                own.amount = cents(received - credit);
                let rest = Application { bill: None, amount: cents(credit), ledger: "2110".into(), ..own.clone() };
                after.applications = if credit == 0 { vec![own] } else { vec![own, rest] };
            }
        }
        let decided = Decided {
            batch: before.batch.clone(),
            before: vec![before],
            after: vec![after],
            batch_exceptions: None,
            checks: vec![],
            verdicts: vec![],
            notices: vec![],
            rescan: None,
            what: "edit".into(),
        };
        let got = said(self.site.store.save_decision(&decided, &olga()).await, |()| Done::Now);
        (if may { Answer::Now } else { Answer::No }, got)
    }

    async fn balance(&mut self, t: usize, by: UserName) -> (Answer, Answer) {
        let tray = &mut self.model.trays[t];
        let want = match tray.state {
            BatchState::InReview => {
                tray.state = BatchState::Balanced;
                tray.balancer = Some(by.clone());
                Answer::Now
            }
            BatchState::Void => Answer::No,
            _ => Answer::Already,
        };
        (want, said(self.site.store.balance(&tray.id, true, None, &by).await, |d| d))
    }

    async fn approve(&mut self, t: usize, by: UserName) -> (Answer, Answer) {
        let tray = &mut self.model.trays[t];
        let want = match tray.state {
            BatchState::Balanced if by != olga() && tray.balancer.as_ref() != Some(&by) => {
                tray.state = BatchState::Approved;
                Answer::Now
            }
            BatchState::Approved | BatchState::Posted | BatchState::Deposited => Answer::Already,
            _ => Answer::No,
        };
        (want, said(self.site.store.approve(&tray.id, &Controls::default(), &by).await, |a| a.done))
    }

    async fn post(&mut self, t: usize) -> (Answer, Answer) {
        let tray = self.model.trays[t].clone();
        let want = match tray.state {
            BatchState::Approved => {
                self.model.trays[t].state = BatchState::Posted;
                for (p, payment) in tray.payments.iter().enumerate().filter(|(_, p)| !p.held) {
                    let (amount, credit) = (payment.amount, payment.credit);
                    self.model.book(&[("1020", amount), ("1100", credit - amount), ("2110", -credit)]);
                    self.model.pay(payment.number, amount - credit);
                    self.model.trays[t].payments[p].entry = Some(self.model.entries);
                }
                Answer::Now
            }
            BatchState::Posted | BatchState::Deposited => Answer::Already,
            _ => Answer::No,
        };
        let drafts = drafts_of(&self.site.store.transactions(&tray.id).await.unwrap());
        (want, said(self.site.store.post_batch(&tray.id, &drafts, &sven()).await, |p| p.done))
    }

    async fn void(&mut self, t: usize) -> (Answer, Answer) {
        let tray = &mut self.model.trays[t];
        let want = match tray.state {
            BatchState::Void => Answer::Already,
            BatchState::Posted | BatchState::Deposited => Answer::No,
            _ => {
                tray.state = BatchState::Void;
                Answer::Now
            }
        };
        (want, said(self.site.store.void_batch(&tray.id, "", &olga()).await, |d| d))
    }

    async fn deposit(&mut self) -> (Answer, Answer) {
        let m = &mut self.model;
        let index = m.deposits.len();
        let mut total = 0;
        for tray in &mut m.trays {
            let mut any = false;
            let open = |p: &Payment| p.entry.is_some() && p.reversed.is_none() && p.deposit.is_none();
            for payment in tray.payments.iter_mut().filter(|p| open(p)) {
                payment.deposit = Some(index);
                total += payment.amount;
                any = true;
            }
            if any {
                tray.state = BatchState::Deposited;
            }
        }
        let open = self.site.store.undeposited().await.unwrap();
        let sum: i64 = open.iter().map(|o| o.amount.get()).sum();
        assert_eq!(sum, total, "what waits for the bank");
        if open.is_empty() {
            return (Answer::No, Answer::No);
        }
        m.book(&[("1030", total), ("1020", -total)]);
        let made = deposited(&self.site).await;
        m.deposits.push((made.id, total, false));
        (Answer::Now, Answer::Now)
    }

    async fn confirm(&mut self, n: usize) -> (Answer, Answer) {
        let (id, total, confirmed) = self.model.deposits[n].clone();
        if !confirmed {
            self.model.deposits[n].2 = true;
            self.model.book(&[("1040", total), ("1030", -total)]);
        }
        let deposit = self.site.store.deposit(id.as_str()).await.unwrap();
        let entry = post::acknowledged_entry(&deposit, &Chart::default(), day("2026-11-29")).unwrap();
        let got = said(self.site.store.deposit_acknowledged(&id, &[entry], "", &sven()).await, |d| d);
        (if confirmed { Answer::Already } else { Answer::Now }, got)
    }

    async fn send_back(&mut self, t: usize, p: usize) -> (Answer, Answer) {
        let (tray, payment) = (self.model.trays[t].clone(), self.model.trays[t].payments[p].clone());
        self.model.marks += 1;
        let mark = Sha256::of(format!("{} {}", self.name, self.model.marks).as_bytes());
        let id = ReturnId::of(&[b"main", &mark.0]);
        let stored = self.site.store.transaction(payment.id.as_str()).await.unwrap();
        let parts = match payment.reversed {
            Some(_) => vec![ReturnPart {
                biller: None,
                account: None,
                bill: None,
                ledger: "2100".into(),
                amount: cents(payment.amount),
            }],
            None => {
                post::parts_of(&[(payment.check.clone(), cents(payment.amount))], &stored.applications, &payment.check)
                    .unwrap()
                    .unwrap()
            }
        };
        let fee = if payment.reversed.is_some() { Cents::ZERO } else { cents(FEE) };
        let from = post::ReturnedFrom {
            id: &id,
            date: day("2026-12-01"),
            batch: &tray.id,
            transaction: &payment.id,
            document: &payment.check,
            code: "A",
        };
        let drafts = post::return_entries(&from, &parts, fee, &Chart::default()).unwrap();
        let item = ReturnItem {
            channel: ReturnChannel::Keyed,
            stage: ReturnStage::Returned,
            reason: ReturnReason::InsufficientFunds,
            code: "A".into(),
            amount: cents(payment.amount),
            original: OriginalItem::default(),
            id: self.model.marks.to_string(),
            date: None,
            text: String::new(),
            place: SourcePlace::default(),
        };
        let settled = Settled {
            document: payment.check.clone(),
            deposit: None,
            parts: parts.clone(),
            fee,
            drafts,
            policy: ReturnPolicy::default(),
        };
        let new = NewReturn {
            mark,
            item,
            date: day("2026-12-01"),
            outcome: Outcome::Found(Box::new(settled)),
            note: String::new(),
        };
        // What is not at the bank does not come back: the office never asks for it.
        let want = match payment.deposit.is_some() && payment.returned.is_none() {
            true => Answer::Now,
            false => Answer::No,
        };
        if want == Answer::No && payment.returned.is_none() {
            return (Answer::No, Answer::No);
        }
        if want == Answer::Now {
            let n = self.model.backs.len();
            self.model.trays[t].payments[p].returned = Some(n);
            let credit = payment.credit;
            match payment.reversed {
                Some(_) => self.model.book(&[("2100", payment.amount), ("1040", -payment.amount)]),
                None => {
                    let to_bill = payment.amount - credit;
                    self.model.book(&[("1100", to_bill), ("2110", credit), ("1040", -payment.amount)]);
                    self.model.pay(payment.number, -to_bill);
                    self.model.book(&[("1100", FEE), ("4100", -FEE)]);
                }
            }
            let state = ReturnState::Returned;
            self.model.backs.push(Back { id: id.clone(), tray: t, payment: p, state, parts });
        }
        let got = said(self.site.store.take_return(&new, &olga()).await, |r| r.done);
        if want == Answer::Now {
            // The bank's same words again.
            let again = self.site.store.take_return(&new, &olga()).await.unwrap();
            assert_eq!((again.id, again.done), (id, Done::Already));
        }
        (want, got)
    }

    async fn event(&mut self, n: usize, event: ReturnEvent) -> (Answer, Answer) {
        let back = self.model.backs[n].clone();
        let reached = match event {
            ReturnEvent::Represent => back.state == ReturnState::Represented,
            ReturnEvent::Clear => back.state == ReturnState::Cleared,
            ReturnEvent::ChargeBack => back.state == ReturnState::ChargedBack,
            ReturnEvent::Match => false,
        };
        let want = match back.state.after(event) {
            Some(_) => Answer::Now,
            None if reached => Answer::Already,
            None => Answer::No,
        };
        let payment = self.model.trays[back.tray].payments[back.payment].clone();
        if let Some(after) = back.state.after(event) {
            self.model.backs[n].state = after;
            if event == ReturnEvent::Clear {
                let mut lines: Vec<(&str, i64)> = vec![("1040", payment.amount)];
                lines.extend(back.parts.iter().map(|p| (p.ledger.as_str(), -p.amount.get())));
                self.model.book(&lines);
                for part in back.parts.iter().filter(|p| p.bill.is_some()) {
                    self.model.pay(payment.number, part.amount.get());
                }
            }
        }
        let from = post::ReturnedFrom {
            id: &back.id,
            date: day("2026-12-08"),
            batch: &self.model.trays[back.tray].id,
            transaction: &payment.id,
            document: &payment.check,
            code: "A",
        };
        let entry = post::cleared_entry(&from, &back.parts, &Chart::default()).unwrap();
        let due = (event == ReturnEvent::Represent).then(|| day("2026-12-06"));
        let got = self.site.store.return_event(&back.id, event, due, Some(&entry), &olga()).await;
        (want, said(got, |d| d))
    }

    async fn reverse(&mut self, t: usize, p: usize) -> (Answer, Answer) {
        let payment = self.model.trays[t].payments[p].clone();
        let Some(number) = payment.entry else { return (Answer::No, Answer::No) };
        let entry = self.site.store.entries(number - 1, 1).await.unwrap().remove(0);
        let chart = Chart::default();
        let (kind, draft) = match payment.deposit {
            None => ("mirror", post::mirror(&entry, day("2026-12-02")).unwrap()),
            Some(_) => ("unapply", post::unapply(&entry, &chart, day("2026-12-02")).unwrap().unwrap()),
        };
        let want = match (payment.reversed, payment.returned) {
            (Some(_), _) => Answer::Already,
            (None, Some(_)) => Answer::No,
            (None, None) => {
                let (amount, credit) = (payment.amount, payment.credit);
                let money = if kind == "mirror" { "1020" } else { "2100" };
                self.model.book(&[(money, -amount), ("1100", amount - credit), ("2110", credit)]);
                self.model.pay(payment.number, credit - amount);
                self.model.trays[t].payments[p].reversed = Some(kind);
                Answer::Now
            }
        };
        let stored = self.site.store.transaction(payment.id.as_str()).await.unwrap();
        let moves: Vec<_> = stored
            .applications
            .iter()
            .map(|a| (a.biller.clone(), a.bill.clone(), a.amount.negated().unwrap()))
            .collect();
        let got = self.site.store.reverse(number, kind, &draft, &moves, "", &sven()).await;
        (want, said(got, |r| r.1))
    }

    async fn open(&mut self) -> (Answer, Answer) {
        let want = match self.model.tills.last() {
            Some(till) if till.state != "closed" => Answer::Already,
            _ => {
                let number = self.model.tills.len() as i64 + 1;
                self.model.tills.push(Till { number, state: "open", cash: 5_000, ..Till::default() });
                Answer::Now
            }
        };
        let got = self.site.store.open_drawer("front", day("2026-11-28"), cents(5_000), &kim()).await;
        if let Ok((drawer, _)) = &got {
            assert_eq!(drawer.number, self.model.tills.len() as i64, "numbers have no gaps");
        }
        (want, said(got, |g| g.1))
    }

    async fn receive(&mut self, tender: Tender, number: u32, amount: i64) -> (Answer, Answer) {
        let Some(till) = self.model.tills.last().cloned() else { return (Answer::No, Answer::No) };
        let want = if till.state == "open" { Answer::Now } else { Answer::No };
        if want == Answer::Now {
            let account = match tender {
                Tender::Cash => "1010",
                Tender::Check | Tender::MoneyOrder => "1020",
                Tender::Card => "1030",
            };
            self.model.book(&[(account, amount), ("1100", -amount)]);
            self.model.pay(number, amount);
            self.model.slips += 1;
            let till = self.model.tills.last_mut().unwrap();
            match tender {
                Tender::Cash => till.cash += amount,
                Tender::Check | Tender::MoneyOrder => till.checks += amount,
                Tender::Card => {}
            }
        }
        let biller = Biller("power".into());
        let bill = format!("B{number}");
        let new = NewSlip {
            is_payout: false,
            tender,
            amount: cents(amount),
            tendered: cents(amount),
            reference: String::new(),
            biller: Some(biller.clone()),
            account: Some(AccountNumber::new(format!("A{number}"))),
            bill: Some(bill.clone()),
            to_bill: cents(amount),
            memo: String::new(),
            mark: String::new(),
            notice: None,
        };
        let draft = |n| {
            let to = Some(post::CounterBill { biller: &biller, bill: &bill, amount: cents(amount), ledger: "1100" });
            post::receipt_entry(n, day("2026-11-28"), tender, cents(amount), to, &Chart::default())
        };
        let got = self.site.store.add_slip(till.number, &new, draft, &kim()).await;
        if let Ok((slip, _)) = &got {
            assert_eq!(slip.number, self.model.slips, "numbers have no gaps");
        }
        (want, said(got, |g| g.1))
    }

    async fn payout(&mut self, amount: i64) -> (Answer, Answer) {
        let Some(till) = self.model.tills.last().cloned() else { return (Answer::No, Answer::No) };
        let want = if till.state == "open" { Answer::Now } else { Answer::No };
        if want == Answer::Now {
            self.model.book(&[("5100", amount), ("1010", -amount)]);
            self.model.slips += 1;
            self.model.tills.last_mut().unwrap().cash -= amount;
        }
        let new = NewSlip {
            is_payout: true,
            tender: Tender::Cash,
            amount: cents(amount),
            tendered: cents(amount),
            reference: String::new(),
            biller: None,
            account: None,
            bill: None,
            to_bill: Cents::ZERO,
            memo: "stamps".into(),
            mark: String::new(),
            notice: None,
        };
        let draft = |n| post::payout_entry(n, day("2026-11-28"), cents(amount), false, &Chart::default());
        (want, said(self.site.store.add_slip(till.number, &new, draft, &kim()).await, |g| g.1))
    }

    async fn count(&mut self, cash: i64, checks: i64) -> (Answer, Answer) {
        let Some(till) = self.model.tills.last_mut() else { return (Answer::No, Answer::No) };
        let counted = (till.cash + cash, till.checks + checks);
        let want = if till.state == "closed" { Answer::No } else { Answer::Now };
        if want == Answer::Now {
            (till.state, till.counted) = ("counted", counted);
        }
        let (number, store) = (till.number, &self.site.store);
        let got = store.count_drawer(number, "[]", cents(counted.0), cents(counted.1), &kim()).await;
        (want, said(got, |()| Done::Now))
    }

    /// By the cashier who counted, or by somebody else.
    async fn close(&mut self, other: bool) -> (Answer, Answer) {
        let Some(till) = self.model.tills.last().cloned() else { return (Answer::No, Answer::No) };
        let c = cents;
        let count = Count::of(c(till.cash), c(till.counted.0), c(till.checks), c(till.counted.1)).unwrap();
        let entry = match till.state {
            "counted" => post::drawer_entry(till.number, day("2026-11-28"), &count, &Chart::default()).unwrap(),
            _ => None,
        };
        let want = match till.state {
            "closed" => Answer::Already,
            "counted" if other || entry.is_none() => {
                if entry.is_some() {
                    let (cash, checks) = (till.counted.0 - till.cash, till.counted.1 - till.checks);
                    self.model.book(&[("1010", cash), ("1020", checks), ("5100", -cash - checks)]);
                }
                self.model.tills.last_mut().unwrap().state = "closed";
                Answer::Now
            }
            _ => Answer::No,
        };
        let by = if other { sven() } else { kim() };
        let got = self.site.store.close_drawer(till.number, count.over_short, entry.as_ref(), &by).await;
        (want, said(got, |d| d))
    }

    /// The books are those of the model.
    async fn agrees(&self) {
        let s = &self.site.store;
        let books: BTreeMap<String, i64> =
            s.balances().await.unwrap().into_iter().map(|b| (b.account, b.balance.get())).collect();
        let mut want = self.model.ledger.clone();
        want.retain(|account, _| books.contains_key(account) || self.model.ledger[account] != 0);
        assert_eq!(books, want);
        for number in 1..=3u32 {
            let bill = s.bills_for_invoices(&[format!("B{number}")]).await.unwrap().remove(0);
            assert_eq!(bill.paid.get(), self.model.paid.get(&number).copied().unwrap_or(0), "bill B{number}");
        }
        let states: BTreeMap<BatchId, BatchState> =
            s.batches().await.unwrap().into_iter().map(|b| (b.batch.id, b.batch.state)).collect();
        for tray in &self.model.trays {
            assert_eq!(states[&tray.id], tray.state, "batch {}", tray.id);
        }
    }

    /// The whole site verifies; the end of its journal.
    async fn ends(&self) -> (i64, Option<Sha256>) {
        self.agrees().await;
        self.site.holds().await;
        let last = self.site.store.entries(self.model.entries - 1, 10).await.unwrap();
        assert!(last.len() <= 1, "more entries than the model has");
        (self.model.entries, last.last().map(|e| e.hash))
    }
}

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[test]
fn both_databases_and_the_model_agree_on_random_days() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (steps, seed) = (number_from("REMIT_STEPS", 400), number_from("REMIT_SEED", 1));
    let each = number_from("REMIT_ROUND", ROUND).max(1);
    runtime.block_on(async {
        let (mut done, mut round) = (0, 0);
        while done < steps {
            round += 1;
            let count = each.min(steps - done);
            let mut sites = vec![None];
            #[cfg(feature = "postgres")]
            sites.extend(postgres::database().await.map(Some));
            // Each goes its own way: the steps come from the lot and the model alone, and so are the same.
            let rounds: Vec<_> =
                sites.iter().map(|database| tokio::spawn(walk(database.clone(), seed, round, count))).collect();
            let mut ends = Vec::new();
            for walked in rounds {
                ends.push(walked.await.expect("a round ends without a failure"));
            }
            assert!(ends.windows(2).all(|w| w[0] == w[1]), "the journals end differently: {ends:?}");
            assert!(ends[0].0 > 10, "next to nothing was posted: {ends:?}");
            #[cfg(feature = "postgres")]
            for database in sites.into_iter().flatten() {
                postgres::forget(&database).await;
            }
            done += count;
            eprintln!(
                "seed {seed}, round {round}: {done} steps, {} entries, {} databases agree",
                ends[0].0,
                ends.len()
            );
        }
    });
}

/// A round on a new site; how its journal ends.
async fn walk(database: Option<String>, seed: u64, round: u64, count: u64) -> (i64, Option<Sha256>) {
    let place = if database.is_some() { "Postgres" } else { "SQLite" };
    let mut lot = Lot(seed.wrapping_add(round).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut bench = Bench::new(database, round).await;
    for number in 0..count {
        let step = draw(&mut lot, &bench.model);
        let _told = Told(format!("seed {seed}, round {round}, step {number}: {step:?} on {place}"));
        bench.step(step).await;
        if number % 50 == 49 {
            bench.agrees().await;
        }
    }
    let ends = bench.ends().await;
    bench.site.store.close().await;
    ends
}
