//! What the deck holds, before anything is drawn: the bills, the known payers, the envelopes and what is in them, and what
//! the right answer is. A plan of ten thousand documents is a few megabytes; the pictures are made one at a time.

use super::chance::Chance;
use super::face::{CheckFace, CheckForm, Paper, StubFace, luhn, modulus_11, stub_lines};
use super::people::{BILLERS, Bank, Person};
use super::wear::Wear;
use crate::domain::{AccountNumber, AccountStatus, BankAccount, Bill, Biller, Cents, Day, KnownPayer, MoneyError};

/// What envelope this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scenario {
    Exact,
    Late,
    Partial,
    Over,
    OneCheckManyStubs,
    ManyChecksOneStub,
    ManyChecksManyStubs,
    CheckOnly,
    StubOnly,
    UnknownAccount,
    Status(AccountStatus),
    SwappedDigits,
    BadRouting,
    DuplicateCheck,
    SameStubTwice,
    Letter,
    UpsideDown,
    SidesSwapped,
    Encoded,
    MoneyOrder,
    Canadian,
}

impl Scenario {
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Exact => "single_full",
            Scenario::Late => "single_late_amount",
            Scenario::Partial => "single_partial",
            Scenario::Over => "single_over",
            Scenario::OneCheckManyStubs => "one_check_many_stubs",
            Scenario::ManyChecksOneStub => "many_checks_one_stub",
            Scenario::ManyChecksManyStubs => "many_checks_many_stubs",
            Scenario::CheckOnly => "check_only",
            Scenario::StubOnly => "stub_only_cash",
            Scenario::UnknownAccount => "unknown_account",
            Scenario::Status(_) => "bad_status",
            Scenario::SwappedDigits => "transposed_scanline",
            Scenario::BadRouting => "bad_routing",
            Scenario::DuplicateCheck => "duplicate_check",
            Scenario::SameStubTwice => "stub_twice",
            Scenario::Letter => "correspondence",
            Scenario::UpsideDown => "upside_down",
            Scenario::SidesSwapped => "sides_swapped",
            Scenario::Encoded => "micr_amount",
            Scenario::MoneyOrder => "money_order",
            Scenario::Canadian => "canadian",
        }
    }

    /// What a careful office stops it for.
    pub fn exceptions(self) -> Vec<String> {
        let one = |name: &str| vec![name.to_string()];
        match self {
            Scenario::Partial => one("underpaid"),
            Scenario::Over => one("overpaid"),
            Scenario::CheckOnly => one("no_stub"),
            Scenario::StubOnly => one("no_check"),
            Scenario::UnknownAccount => one("unknown_account"),
            Scenario::Status(status) => vec![format!("status_{}", status.as_str())],
            Scenario::SwappedDigits => one("check_digit_failed"),
            Scenario::BadRouting => one("routing_check_digit_failed"),
            Scenario::DuplicateCheck => one("duplicate_check"),
            Scenario::SameStubTwice => one("same_stub_twice"),
            Scenario::Canadian => one("foreign_check"),
            Scenario::Exact
            | Scenario::Late
            | Scenario::OneCheckManyStubs
            | Scenario::ManyChecksOneStub
            | Scenario::ManyChecksManyStubs
            | Scenario::Letter
            | Scenario::UpsideDown
            | Scenario::SidesSwapped
            | Scenario::Encoded
            | Scenario::MoneyOrder => vec![],
        }
    }
}

/// How one tray was scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Images {
    /// Bitonal, TIFF with CCITT Group 4.
    Tiff,
    /// Gray JPEG.
    Jpeg,
    /// Bitonal, and the front in gray too.
    Both,
}

/// A capture station's settings for one batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Station {
    pub images: Images,
    pub dpi: u32,
    pub bed: Bed,
    pub quality: u8,
    /// Does the magnetic reader's text stand in the index, and in which letters?
    pub magnetic: Option<MagneticLetters>,
    pub stub_first: bool,
    pub channel: &'static str,
}

impl Station {
    /// What comes by mail, bitonal at 200 dots an inch, the paper cut out by the driver.
    pub const MAIL: Station = Station {
        images: Images::Tiff,
        dpi: 200,
        bed: Bed::Crop,
        quality: 75,
        magnetic: None,
        stub_first: false,
        channel: "mail",
    };
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bed {
    White,
    Black,
    /// The driver cuts the paper out.
    Crop,
}

/// How a scanner maker writes transit, amount, on-us, dash, and what it could not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MagneticLetters {
    pub symbols: [char; 4],
    pub reject: char,
}

/// One piece of paper in its batch.
#[derive(Clone, Debug)]
pub struct Piece {
    pub seq: u32,
    pub paper: Paper,
    pub scenario: Scenario,
    /// Place in [`Plan::envelopes`]; letters have none.
    pub envelope: Option<usize>,
    /// Degrees by which the feeder turned it.
    pub skew: f32,
    pub is_upside_down: bool,
    pub are_sides_swapped: bool,
    pub index_amount: Option<i64>,
    /// The magnetic reader's text, and how many characters of it are wrong.
    pub magnetic: Option<(String, u32)>,
    /// Batch and sequence number of the check of which this is a second scan.
    pub duplicate_of: Option<(usize, u32)>,
    /// What happened to it, if anything did.
    pub wear: Option<Wear>,
    /// Another piece that lies over it.
    pub over: Option<Paper>,
    pub seed: u64,
}

/// How the payments of a tray reach the office.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A capture folder of a scanner.
    Scanner,
    /// An image cash letter: checks with images, no stubs.
    CashLetter,
    /// A lockbox file: records without images.
    Lockbox,
}

#[derive(Clone, Debug)]
pub struct Tray {
    pub source: Source,
    pub station: Station,
    pub date: Day,
    pub pieces: Vec<Piece>,
}

impl Tray {
    pub fn checks(&self) -> impl Iterator<Item = &CheckFace> {
        self.pieces.iter().filter_map(|p| match &p.paper {
            Paper::Check(check) => Some(check.as_ref()),
            Paper::Stub(_) | Paper::Letter(_) => None,
        })
    }

    pub fn total(&self) -> Result<Cents, MoneyError> {
        Cents::sum(self.checks().map(|c| Cents::new(c.cents)))
    }
}

#[derive(Clone, Debug)]
pub struct Envelope {
    pub scenario: Scenario,
    pub batch: usize,
    pub seqs: Vec<u32>,
    /// Account, bill, cents that are right.
    pub allocations: Vec<(AccountNumber, String, i64)>,
}

/// The whole deck without its pictures.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub bills: Vec<Bill>,
    pub payers: Vec<KnownPayer>,
    pub envelopes: Vec<Envelope>,
    pub trays: Vec<Tray>,
}

/// How often each envelope comes in a ring of the deck.
const RING: &[(Scenario, usize)] = &[
    (Scenario::Exact, 19),
    (Scenario::Late, 2),
    (Scenario::Partial, 2),
    (Scenario::Over, 1),
    (Scenario::OneCheckManyStubs, 2),
    (Scenario::ManyChecksOneStub, 1),
    (Scenario::ManyChecksManyStubs, 1),
    (Scenario::CheckOnly, 2),
    (Scenario::StubOnly, 1),
    (Scenario::UnknownAccount, 1),
    (Scenario::SwappedDigits, 1),
    (Scenario::BadRouting, 1),
    (Scenario::DuplicateCheck, 1),
    (Scenario::SameStubTwice, 1),
    (Scenario::Letter, 1),
    (Scenario::UpsideDown, 1),
    (Scenario::SidesSwapped, 1),
    (Scenario::Encoded, 1),
    (Scenario::MoneyOrder, 1),
];
const STATUSES: [AccountStatus; 4] =
    [AccountStatus::CashOnly, AccountStatus::Closed, AccountStatus::Disconnected, AccountStatus::CutoffPending];
const LETTERS: [MagneticLetters; 3] = [
    MagneticLetters { symbols: ['A', 'B', 'C', 'D'], reject: '?' },
    MagneticLetters { symbols: ['T', '$', 'U', '-'], reject: '!' },
    MagneticLetters { symbols: [':', ';', '<', '='], reject: '@' },
];
const TRAY: usize = 50;

/// Plan a deck of so many documents in trays of fifty. The same seed plans the same deck.
pub fn plan(documents: usize, seed: u64, date: Day) -> Plan {
    let mut chance = Chance::of(seed, "envelopes", 0);
    let mut builder = Builder::new(seed, date);
    let mut ring: Vec<Scenario> = Vec::new();
    let mut rings = 0;
    let trays = documents.div_ceil(TRAY).max(1);
    for tray in 0..trays {
        let images = [Images::Tiff, Images::Jpeg, Images::Both, Images::Tiff][tray % 4];
        let station = Station {
            images,
            dpi: [200, 200, 300, 240, 300, 240, 200][tray % 7],
            bed: [Bed::Crop, Bed::White, Bed::Crop, Bed::Black][chance.below(4) as usize],
            quality: [60, 75, 50][tray % 3],
            magnetic: (tray % 3 != 1).then(|| LETTERS[tray / 3 % LETTERS.len()]),
            stub_first: chance.percent(50),
            channel: ["mail", "mail", "branch"][chance.below(3) as usize],
        };
        builder.open(Source::Scanner, station);
        let want = (documents - tray * TRAY).min(TRAY);
        while builder.room(want) > 0 {
            if ring.is_empty() {
                ring = RING.iter().flat_map(|(s, count)| std::iter::repeat_n(*s, *count)).collect();
                ring.push(Scenario::Status(STATUSES[rings % STATUSES.len()]));
                if rings % 2 == 1 {
                    ring.push(Scenario::Canadian);
                }
                chance.shuffle(&mut ring);
                rings += 1;
            }
            let Some(next) = ring.pop() else { break };
            let room = builder.room(want);
            let scenario = match room {
                1 => Scenario::CheckOnly,
                2 | 3
                    if matches!(
                        next,
                        Scenario::OneCheckManyStubs
                            | Scenario::ManyChecksManyStubs
                            | Scenario::ManyChecksOneStub
                            | Scenario::SameStubTwice
                    ) =>
                {
                    Scenario::Exact
                }
                _ => next,
            };
            builder.envelope(scenario);
        }
    }
    builder.finish()
}

/// What a worn deck goes through, piece after piece; `None` is a piece that nothing happened to, to count false alarms.
pub const WEARS: [Option<Wear>; 20] = [
    None,
    Some(Wear::Skew { degrees: 4.5, bed: 14 }),
    Some(Wear::Partial { inches: 1.1 }),
    Some(Wear::FoldedCorner { inches: 0.7 }),
    None,
    Some(Wear::Dark { share: 0.5 }),
    Some(Wear::Light { share: 0.55 }),
    Some(Wear::Streaks { count: 2 }),
    Some(Wear::Blank),
    None,
    Some(Wear::LowResolution { dpi: 120 }),
    Some(Wear::Faint { ink: 0.62 }),
    Some(Wear::Stamp),
    Some(Wear::Uneven { share: 0.3 }),
    None,
    Some(Wear::Bent { inches: 0.06 }),
    Some(Wear::Skew { degrees: -8.0, bed: 250 }),
    Some(Wear::Mirrored),
    Some(Wear::Turned { quarters: 1 }),
    // A second piece lies over it.
    None,
];

impl Plan {
    /// Lets every piece go through the next of [`WEARS`]; the last of each round gets another stub laid over it.
    pub fn wear_out(&mut self) {
        let coded = |p: &Paper| matches!(p, Paper::Stub(s) if !s.lines.barcode.is_empty());
        let stubs: Vec<Paper> =
            self.trays.iter().flat_map(|t| &t.pieces).map(|p| &p.paper).filter(|p| coded(p)).cloned().collect();
        let account = |p: &Paper| if let Paper::Stub(s) = p { Some(s.bill.account.clone()) } else { None };
        let mut turn = 0;
        for (n, piece) in self.trays.iter_mut().flat_map(|t| &mut t.pieces).enumerate() {
            piece.wear = WEARS[turn % WEARS.len()];
            if turn % WEARS.len() == WEARS.len() - 1 {
                // Only stubs with a code tell that they are two: the turn waits for one.
                if !coded(&piece.paper) {
                    continue;
                }
                let others = stubs.iter().cycle().skip(n).take(stubs.len());
                piece.over = others.into_iter().find(|p| account(p) != account(&piece.paper)).cloned();
            }
            turn += 1;
        }
    }
}

/// Plan trays whose envelopes are given one by one.
pub fn plan_of(trays: &[(Source, Station, &[Scenario])], seed: u64, date: Day) -> Plan {
    let mut builder = Builder::new(seed, date);
    for (source, station, scenarios) in trays {
        builder.open(*source, *station);
        for scenario in *scenarios {
            builder.envelope(*scenario);
        }
    }
    builder.finish()
}

struct Builder {
    plan: Plan,
    chance: Chance,
    date: Day,
    /// Checks that can come a second time: batch, sequence number, face.
    seen: Vec<(usize, u32, CheckFace)>,
    numbers: std::collections::BTreeSet<String>,
}

impl Builder {
    fn new(seed: u64, date: Day) -> Builder {
        Builder {
            plan: Plan { seed, bills: vec![], payers: vec![], envelopes: vec![], trays: vec![] },
            chance: Chance::of(seed, "plan", 0),
            date,
            seen: vec![],
            numbers: std::collections::BTreeSet::new(),
        }
    }

    fn open(&mut self, source: Source, station: Station) {
        self.plan.trays.push(Tray { source, station, date: self.date, pieces: vec![] });
    }

    fn batch(&self) -> usize {
        self.plan.trays.len() - 1
    }

    fn room(&self, want: usize) -> usize {
        want.saturating_sub(self.plan.trays.last().map_or(0, |t| t.pieces.len()))
    }

    fn day(&self, days: i32) -> Day {
        Day::of(self.date.date().saturating_add(jiff::Span::new().days(days)))
    }

    /// A new account with one open bill; `days` from the business date to the due date.
    fn bill(&mut self, person: &Person, biller: usize, status: AccountStatus, days: i32, is_listed: bool) -> Bill {
        let account = loop {
            let account = match biller {
                0 => {
                    let nine = self.chance.digits(9);
                    format!("{nine}{}", luhn(&nine))
                }
                1 => {
                    let eight = self.chance.digits(8);
                    format!("{eight}{}", modulus_11(&eight))
                }
                _ => format!("F{}", self.chance.digits(7)),
            };
            if self.numbers.insert(account.clone()) {
                break account;
            }
        };
        let invoice = self.chance.digits(if biller == 0 { 7 } else { 8 });
        let due = match self.chance.below(10) {
            0 => self.chance.between(40_000, 260_000),
            1..=3 => self.chance.between(15_000, 45_000),
            _ => self.chance.between(2_100, 18_000),
        };
        let past = if self.chance.percent(25) { due * self.chance.between(15, 60) / 100 } else { 0 };
        let bill = Bill {
            biller: Biller(BILLERS[biller].code.into()),
            bill: format!("{}{:06}", BILLERS[biller].bill_letter, self.plan.bills.len() + 1),
            account: AccountNumber::new(account),
            name: person.name.clone(),
            address: person.address.clone(),
            city: person.city.into(),
            state: "NV".into(),
            zip: person.zip.into(),
            amount_due: Cents::new(due),
            current: Some(Cents::new(due - past)),
            past_due: Some(Cents::new(past)),
            late_amount: Some(Cents::new(due + due * 5 / 100)),
            budget_amount: None,
            instalment: None,
            due_date: Some(self.day(days)),
            invoice,
            status,
            flags: vec![],
            service: None,
            extra: Default::default(),
            open: true,
            paid: Cents::ZERO,
        };
        if is_listed {
            self.plan.bills.push(bill.clone());
        }
        bill
    }

    fn check(&mut self, person: &Person, form: CheckForm, cents: i64, payee: &str, memo: &str) -> CheckFace {
        let chance = &mut self.chance;
        let bank = match form {
            CheckForm::Personal | CheckForm::Business => Bank::draw(chance),
            CheckForm::MoneyOrder => Bank::money_orders(chance),
            CheckForm::Canadian => Bank::canadian(chance),
        };
        let (account_digits, serial_digits) = match form {
            CheckForm::Personal => (chance.between(6, 11), 3 + chance.below(2)),
            CheckForm::MoneyOrder => (chance.between(7, 9), 4),
            CheckForm::Business => (chance.between(7, 12), 6),
            CheckForm::Canadian => (7, 3),
        };
        let mut account = chance.digits(account_digits as usize);
        match form {
            CheckForm::Canadian => account = format!("{}-{}-{}", &account[..3], &account[3..6], &account[6..]),
            CheckForm::Personal if chance.percent(12) => account = format!("{}-{}", &account[..2], &account[2..]),
            CheckForm::Personal if chance.percent(25) => account = format!("00{}", &account[..account.len().min(10)]),
            CheckForm::Personal | CheckForm::Business | CheckForm::MoneyOrder => {}
        }
        let is_handwritten = match form {
            CheckForm::Personal => chance.percent(80),
            CheckForm::MoneyOrder => chance.percent(50),
            CheckForm::Business | CheckForm::Canadian => chance.percent(15),
        };
        let written = chance.between(1, 9) as i32;
        let mut face = CheckFace {
            form,
            payer: person.clone(),
            routing: bank.routing.clone(),
            bank,
            account,
            serial: chance.digits(serial_digits as usize),
            cents,
            date: self.date,
            payee: payee.into(),
            memo: memo.into(),
            is_handwritten,
            is_signed: true,
            is_encoded: false,
            line: vec![],
            look: self.chance.draw(),
        };
        face.date = self.day(-written);
        face.set_line(&mut self.chance);
        face
    }

    fn form_of(person: &Person) -> CheckForm {
        if person.is_firm { CheckForm::Business } else { CheckForm::Personal }
    }

    fn know(&mut self, check: &CheckFace, bill: &Bill) {
        self.plan.payers.push(KnownPayer {
            routing: check.routing.clone(),
            bank_account: BankAccount::new(check.account.clone()),
            biller: bill.biller.clone(),
            account: bill.account.clone(),
        });
    }

    fn stub(&mut self, biller: usize, bill: &Bill, swapped: bool, enclosed: Option<i64>) -> Paper {
        let lines = stub_lines(biller, bill, swapped);
        let enclosed = enclosed.filter(|_| self.chance.percent(45));
        Paper::Stub(Box::new(StubFace { bill: bill.clone(), biller, lines, enclosed, look: self.chance.draw() }))
    }

    /// Everything of one envelope: its bills, its paper, the right answer.
    fn envelope(&mut self, scenario: Scenario) {
        let mut person = Person::draw(&mut self.chance);
        let biller = self.chance.below(3) as usize;
        let payee = BILLERS[biller].name;
        let days = self.chance.between(2, 24) as i32;
        let active = AccountStatus::Active;
        let (mut checks, mut stubs, mut allocations) = (vec![], vec![], vec![]);
        let owed = |bill: &Bill| (bill.account.clone(), bill.bill.clone(), bill.amount_due.get());
        match scenario {
            Scenario::Letter => {
                let look = self.chance.draw();
                self.lay(vec![Paper::Letter(look)], scenario, false);
                return;
            }
            Scenario::DuplicateCheck => {
                if self.seen.is_empty() {
                    return self.envelope(Scenario::Exact);
                }
                let (batch, seq, face) = self.seen[self.chance.below(self.seen.len() as u64) as usize].clone();
                let first = self.plan.trays.last().map_or(0, |t| t.pieces.len());
                self.lay(vec![Paper::Check(Box::new(face))], scenario, true);
                if let Some(piece) = self.plan.trays.last_mut().and_then(|t| t.pieces.get_mut(first)) {
                    piece.duplicate_of = Some((batch, seq));
                }
                return;
            }
            Scenario::OneCheckManyStubs | Scenario::ManyChecksManyStubs => {
                let count = if scenario == Scenario::OneCheckManyStubs { self.chance.between(2, 3) } else { 2 };
                let first = self.chance.below(3) as usize;
                for n in 0..count as usize {
                    let biller = (first + n) % 3;
                    let bill = self.bill(&person, biller, active, days, true);
                    stubs.push(self.stub(biller, &bill, false, Some(bill.amount_due.get())));
                    allocations.push(owed(&bill));
                }
                let payee = BILLERS[first].name;
                if scenario == Scenario::OneCheckManyStubs {
                    let sum = allocations.iter().map(|a| a.2).sum();
                    checks.push(self.check(&person, Self::form_of(&person), sum, payee, ""));
                } else {
                    for amount in allocations.iter().map(|a| a.2).collect::<Vec<_>>() {
                        let form = if checks.is_empty() { Self::form_of(&person) } else { CheckForm::Personal };
                        checks.push(self.check(&person, form, amount, payee, ""));
                    }
                }
            }
            Scenario::Exact
            | Scenario::Late
            | Scenario::Partial
            | Scenario::Over
            | Scenario::ManyChecksOneStub
            | Scenario::CheckOnly
            | Scenario::StubOnly
            | Scenario::UnknownAccount
            | Scenario::Status(_)
            | Scenario::SwappedDigits
            | Scenario::BadRouting
            | Scenario::SameStubTwice
            | Scenario::UpsideDown
            | Scenario::SidesSwapped
            | Scenario::Encoded
            | Scenario::MoneyOrder
            | Scenario::Canadian => {
                let status = if let Scenario::Status(status) = scenario { status } else { active };
                let days = if scenario == Scenario::Late { -self.chance.between(3, 12) as i32 } else { days };
                // Only forms with a check digit can show one that fails.
                let biller = if scenario == Scenario::SwappedDigits { biller % 2 } else { biller };
                let payee = if scenario == Scenario::SwappedDigits { BILLERS[biller].name } else { payee };
                let is_listed = scenario != Scenario::UnknownAccount;
                let bill = self.bill(&person, biller, status, days, is_listed);
                let due = bill.amount_due.get();
                let pays = match scenario {
                    Scenario::Late => bill.late_amount.map_or(due, Cents::get),
                    Scenario::Partial => (due * self.chance.between(30, 85) / 100 / 100).max(1) * 100,
                    Scenario::Over => due + self.chance.between(1, 40) * 100,
                    _ => due,
                };
                let form = match scenario {
                    Scenario::MoneyOrder => CheckForm::MoneyOrder,
                    Scenario::Canadian => CheckForm::Canadian,
                    Scenario::Encoded => CheckForm::Business,
                    _ => Self::form_of(&person),
                };
                let memo = if self.chance.percent(40) { bill.account.reveal().to_string() } else { String::new() };
                if scenario != Scenario::CheckOnly {
                    let swapped = scenario == Scenario::SwappedDigits;
                    let stub = self.stub(biller, &bill, swapped, Some(pays));
                    if scenario == Scenario::SameStubTwice {
                        stubs.push(stub.clone());
                    }
                    stubs.push(stub);
                }
                if scenario == Scenario::ManyChecksOneStub {
                    let first = due * self.chance.between(30, 70) / 100;
                    checks.push(self.check(&person, CheckForm::Personal, first, payee, &memo));
                    person = Person { name: Person::draw(&mut self.chance).name, ..person };
                    checks.push(self.check(&person, CheckForm::Personal, due - first, payee, &memo));
                } else if scenario != Scenario::StubOnly {
                    let mut check = self.check(&person, form, pays, payee, &memo);
                    if scenario == Scenario::BadRouting {
                        let last = check.routing.pop().and_then(|c| c.to_digit(10)).unwrap_or(0);
                        check.routing.push(char::from(b'0' + ((last + self.chance.between(1, 9) as u32) % 10) as u8));
                    }
                    check.is_encoded = scenario == Scenario::Encoded;
                    check.set_line(&mut self.chance);
                    let has_no_stub = self.plan.trays.last().is_some_and(|t| t.source == Source::CashLetter);
                    let known = match scenario {
                        Scenario::CheckOnly if has_no_stub => 88,
                        Scenario::CheckOnly => 70,
                        Scenario::Exact => 30,
                        _ => 0,
                    };
                    if self.chance.percent(known) {
                        self.know(&check, &bill);
                    }
                    checks.push(check);
                }
                if is_listed {
                    allocations.push((bill.account.clone(), bill.bill.clone(), pays));
                }
            }
        }
        if let (Scenario::Exact, Some(check)) = (scenario, checks.first()) {
            let stub_first = self.plan.trays.last().is_some_and(|t| t.station.stub_first);
            let next = self.plan.trays.last().map_or(0, |t| t.pieces.len()) as u32 + if stub_first { 2 } else { 1 };
            self.seen.push((self.batch(), next, check.clone()));
            if self.seen.len() > 40 {
                self.seen.remove(0);
            }
        }
        let checks = checks.into_iter().map(|c| Paper::Check(Box::new(c)));
        let stub_first = self.plan.trays.last().is_some_and(|t| t.station.stub_first);
        let papers: Vec<Paper> =
            if stub_first { stubs.into_iter().chain(checks).collect() } else { checks.chain(stubs).collect() };
        self.lay(papers, scenario, true);
        if let Some(envelope) = self.plan.envelopes.last_mut() {
            envelope.allocations = allocations;
        }
    }

    /// Put the papers into the open tray, as one envelope.
    fn lay(&mut self, papers: Vec<Paper>, scenario: Scenario, is_envelope: bool) {
        let batch = self.batch();
        let number = self.plan.envelopes.len();
        let Some(tray) = self.plan.trays.last_mut() else { return };
        let chance = &mut self.chance;
        let (mut seqs, count) = (vec![], papers.len());
        for (n, paper) in papers.into_iter().enumerate() {
            let seq = tray.pieces.len() as u32 + 1;
            seqs.push(seq);
            let is_chosen = n == count - 1;
            let (mut index_amount, mut magnetic) = (None, None);
            if let Paper::Check(check) = &paper {
                index_amount = (chance.percent(85) && !check.is_encoded).then_some(check.cents);
                magnetic = tray.station.magnetic.map(|letters| read_magnetically(&check.line_text(), letters, chance));
            }
            tray.pieces.push(Piece {
                seq,
                paper,
                scenario,
                envelope: is_envelope.then_some(number),
                skew: 0.8 * chance.spread(),
                is_upside_down: scenario == Scenario::UpsideDown && is_chosen,
                are_sides_swapped: scenario == Scenario::SidesSwapped && is_chosen,
                index_amount,
                magnetic,
                duplicate_of: None,
                wear: None,
                over: None,
                seed: chance.draw(),
            });
        }
        if is_envelope {
            self.plan.envelopes.push(Envelope { scenario, batch, seqs, allocations: vec![] });
        }
    }

    /// Bills that nobody pays today, so that a match has something to be wrong about.
    fn finish(mut self) -> Plan {
        for n in 0..self.plan.bills.len() / 4 {
            let person = Person::draw(&mut self.chance);
            let status = if n % 9 == 0 { STATUSES[n / 9 % STATUSES.len()] } else { AccountStatus::Active };
            let days = self.chance.between(-10, 24) as i32;
            let biller = self.chance.below(3) as usize;
            self.bill(&person, biller, status, days, true);
        }
        self.plan
    }
}

/// The line as a magnetic reader gives it: in the maker's letters, now and then a character not read.
fn read_magnetically(line: &str, letters: MagneticLetters, chance: &mut Chance) -> (String, u32) {
    let mut faults = 0;
    let text = line
        .chars()
        .map(|c| {
            if c != ' ' && chance.below(1000) < 4 {
                faults += 1;
                return letters.reject;
            }
            "ABCD".find(c).map_or(c, |n| letters.symbols[n])
        })
        .collect();
    (text, faults)
}
