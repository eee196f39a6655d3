//! Grouping and matching measured on the station samples as if every line had been read rightly: pieces are made from the
//! truth of each document, never from its transaction. Needs `REMIT_SHARED`; says so loudly when it is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{BatchDraft, BillBook, Policy, Proposal, propose_batch, transaction_id};
use crate::domain::{
    AccountNumber, AccountStatus, BankAccount, BatchId, Bill, Biller, Cents, CheckDigitRead, Day, Document, DocumentId,
    DocumentKind, ImageRef, ImageRole, KnownPayer, MicrFields, MicrRead, Origin, PixelBox, Reading, Reason,
    ScanlineRead, Sha256, TransactionState,
};
use crate::grouping::{Evidence, Group, evidence, group};

fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("REMIT_SHARED").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("NOT RUN: REMIT_SHARED is not set, so grouping and matching were not measured on the samples");
    }
    folder
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn text(v: &Value, name: &str) -> String {
    v[name].as_str().unwrap_or("").to_string()
}

fn bills(path: &Path) -> Vec<Bill> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader
        .deserialize::<BTreeMap<String, String>>()
        .map(|row| {
            let row = row.unwrap();
            let get = |name: &str| row[name].clone();
            let cents = |name: &str| Some(get(name).parse::<Cents>().unwrap());
            Bill {
                biller: Biller(get("client")),
                bill: get("bill"),
                account: AccountNumber::new(get("account")),
                name: get("name"),
                address: get("address"),
                city: get("city"),
                state: get("state"),
                zip: get("zip"),
                amount_due: cents("amount_due").unwrap(),
                current: cents("current"),
                past_due: cents("past_due"),
                late_amount: cents("late_amount"),
                budget_amount: None,
                instalment: None,
                due_date: Some(get("due_date").parse().unwrap()),
                invoice: get("invoice"),
                status: AccountStatus::parse(&get("status")).unwrap(),
                flags: Vec::new(),
                service: None,
                extra: BTreeMap::new(),
                open: true,
                paid: Cents::ZERO,
            }
        })
        .collect()
}

fn payers(path: &Path) -> Vec<KnownPayer> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader
        .deserialize::<BTreeMap<String, String>>()
        .map(|row| {
            let row = row.unwrap();
            KnownPayer {
                routing: row["routing"].clone(),
                bank_account: BankAccount::new(row["bank_account"].clone()),
                biller: Biller(row["client"].clone()),
                account: AccountNumber::new(row["account"].clone()),
            }
        })
        .collect()
}

/// What a perfect decoder would hand over for this document, and the document as captured.
fn perfect(d: &Value, batch: &BatchId, with_amounts: bool) -> (Document, Reading) {
    let id = DocumentId::of(&[text(d, "doc").as_bytes()]);
    let image = |role| ImageRef { role, name: "x".into(), hash: Sha256::of(b"x") };
    let kind = match d["kind"].as_str().unwrap() {
        "check" | "money_order" => DocumentKind::Check,
        "stub" => DocumentKind::Stub,
        _ => DocumentKind::Correspondence,
    };
    let mut reading = Reading { kind, kind_confidence: 0.99, dpi: 200, ..crate::decode::nothing("x") };
    match kind {
        DocumentKind::Check => {
            let line = text(d, "micr_spaced");
            let fields = MicrFields::of_line(&line);
            let accepted = fields.routing_valid != Some(false);
            reading.micr = Some(MicrRead {
                text: line.clone(),
                best: line,
                accepted,
                confidence: 0.999,
                chars: Vec::new(),
                fields,
            });
        }
        DocumentKind::Stub => {
            // As printed: the digits of the line carry the swap of a damaged one.
            let ok = d["check_digit_ok"].as_bool().unwrap();
            let digits = text(d, "scan_digits");
            let mut fields = BTreeMap::new();
            let mut put = |name: &str, value: &str| fields.insert(name.to_string(), value.to_string());
            let barcode = text(d, "barcode");
            match text(d, "layout").as_str() {
                "ocra_luhn" => {
                    put("account", &digits[..10]);
                    put("amount_due", &digits[10..18]);
                    put("amount_late", &digits[18..26]);
                }
                "ocrb_mod11" => {
                    put("account", &digits[..9]);
                    put("invoice", &digits[9..16]);
                    put("amount_due", &digits[16..25]);
                }
                _ if barcode.starts_with("PMI|") => {
                    let part: Vec<&str> = barcode.split('|').collect();
                    put("account", part[1]);
                    put("invoice", part[2]);
                    put("amount_due", part[3]);
                }
                _ => {
                    put("account", &format!("P{}", &barcode[..7]));
                    put("amount_due", &barcode[7..16]);
                    put("invoice", &barcode[16..23]);
                }
            }
            reading.scanline = Some(ScanlineRead {
                layout: Some(text(d, "layout")),
                biller: Some(text(d, "client")),
                text: digits.clone(),
                best: digits,
                accepted: ok,
                confidence: 0.999,
                chars: Vec::new(),
                check_digits: vec![CheckDigitRead { scheme: "x".into(), ok }],
                fields,
                bbox: PixelBox::default(),
            });
        }
        _ => {}
    }
    let document = Document {
        id,
        batch: batch.clone(),
        seq: d["seq"].as_u64().unwrap() as u32,
        kind_hint: None,
        images: vec![image(ImageRole::Front), image(ImageRole::Back)],
        dpi: None,
        station_micr: None,
        station_amount: d["amount"].as_i64().filter(|_| with_amounts && kind == DocumentKind::Check).map(Cents::new),
        amount_is_recorded: false,
        envelope: None,
        remittance: None,
    };
    (document, reading)
}

#[derive(Default, Debug, Clone)]
struct Figures {
    payments: u32,
    formed: u32,
    proposed_right: u32,
    plain: u32,
    straight: u32,
    wanted: u32,
    missing: Vec<String>,
    other: Vec<String>,
    misapplied: Vec<String>,
    alarms: BTreeMap<String, u32>,
    badly_formed: Vec<String>,
}

fn codes(exception: &str) -> &'static [Reason] {
    use Reason::*;
    match exception {
        "underpaid" => &[Underpaid, Arrangement, AmountUnknown, AmountUncertain, TransactionOutOfBalance],
        "overpaid" => &[Overpaid, Arrangement, AmountUnknown, AmountUncertain, TransactionOutOfBalance],
        "check_digit_failed" => &[CheckDigitFailed, ScanlineUnreadable, BarcodeScanlineMismatch, AccountUnknown],
        "routing_check_digit_failed" => &[RoutingInvalid, MicrUnreadable, MicrMismatch],
        "same_stub_twice" => {
            &[DuplicateStub, TransactionOutOfBalance, AmbiguousMatch, Overpaid, Underpaid, StubWithoutCheck]
        }
        "no_stub" => &[CheckWithoutStub],
        "no_check" => &[StubWithoutCheck],
        "duplicate_check" => &[DuplicateCheck],
        "unknown_account" => &[AccountUnknown, ScanlineUnreadable, CheckDigitFailed],
        "status_disconnected" => &[AccountDisconnected],
        "status_written-off" => &[AccountWrittenOff],
        "status_cash-only" => &[CashOnly],
        "status_closed" => &[AccountClosed],
        "status_bankruptcy" => &[AccountBankruptcy],
        "status_cutoff-pending" => &[CutoffPending],
        other => panic!("the truth has an exception {other} that this test does not know"),
    }
}

fn origin(batch: &Value) -> Origin {
    match batch["channel"].as_str() {
        Some("branch") => Origin::Counter,
        Some("ir") => Origin::Dropbox,
        _ => Origin::Mail,
    }
}

fn measure(folder: &Path, with_amounts: bool) -> Figures {
    let mut f = Figures::default();
    let truth = lines(&folder.join("truth.jsonl"));
    let payments = lines(&folder.join("transactions.jsonl"));
    let book = BillBook::new(bills(&folder.join("open_bills.csv")), payers(&folder.join("payers.csv")));
    let policy = Policy::default();
    let mut seen = Vec::new();
    for b in lines(&folder.join("batches.jsonl")) {
        let name = text(&b, "batch");
        let day: Day = text(&b, "date").parse().unwrap();
        let batch = BatchId::of(&[name.as_bytes()]);
        let docs: Vec<&Value> = truth.iter().filter(|d| d["batch"] == b["batch"]).collect();
        let evidence: Vec<Evidence> = docs
            .iter()
            .map(|d| {
                let (document, reading) = perfect(d, &batch, with_amounts);
                evidence(&document, &[reading], &[])
            })
            .collect();
        let groups: Vec<Group> = group(&book.pieces(&evidence, &seen, &policy, day), origin(&b));
        let ids: Vec<_> = groups.iter().map(|g| transaction_id(&batch, &g.documents[0])).collect();
        let none = vec![Vec::new(); groups.len()];
        let draft = BatchDraft { ids: &ids, groups: &groups, evidence: &evidence, decisions: &none, seen: &seen };
        let proposals: Vec<Proposal> = propose_batch(&draft, &book, &policy, day);
        for e in &evidence {
            if let Some(fingerprint) = e.check.as_ref().and_then(|c| c.fingerprint()) {
                let earlier = format!("check {} of batch {name}", e.seq);
                let amount = e.check.as_ref().and_then(|c| c.amount);
                seen.push(super::SeenCheck { fingerprint, document: e.document.clone(), earlier, amount });
            }
        }
        let all: BTreeSet<&DocumentId> = groups.iter().flat_map(|g| &g.documents).collect();
        assert_eq!(all.len(), evidence.len(), "every document in exactly one group");
        assert_eq!(groups.iter().map(|g| g.documents.len()).sum::<usize>(), evidence.len());
        judge(&mut f, &name, &payments, &proposals);
    }
    f
}

fn judge(f: &mut Figures, batch: &str, payments: &[Value], proposals: &[Proposal]) {
    for t in payments.iter().filter(|t| t["batch"] == batch) {
        let docs: BTreeSet<DocumentId> =
            t["docs"].as_array().unwrap().iter().map(|d| DocumentId::of(&[d.as_str().unwrap().as_bytes()])).collect();
        let touched: Vec<&Proposal> =
            proposals.iter().filter(|p| p.documents.iter().any(|d| docs.contains(d))).collect();
        let exact = touched.len() == 1 && touched[0].documents.iter().cloned().collect::<BTreeSet<_>>() == docs;
        let name = format!("{batch} {} {} {}", text(t, "tx"), text(t, "scenario"), t["docs"].as_array().unwrap().len());
        f.payments += 1;
        f.formed += u32::from(exact);
        if !exact {
            f.badly_formed.push(name.clone());
        }
        let mut right: BTreeMap<(String, String), i64> = BTreeMap::new();
        for a in t["allocations"].as_array().unwrap() {
            *right.entry((text(a, "account"), text(a, "bill"))).or_default() += a["amount"].as_i64().unwrap();
        }
        let applied = |proposals: &[&Proposal]| {
            let mut out: BTreeMap<(String, String), i64> = BTreeMap::new();
            for a in proposals.iter().flat_map(|p| &p.applications) {
                let account = a.account.as_ref().map_or(String::new(), |x| x.reveal().to_string());
                *out.entry((account, a.bill.clone().unwrap_or_default())).or_default() += a.amount.get();
            }
            out
        };
        let clean: Vec<&Proposal> = touched.iter().copied().filter(|p| p.state == TransactionState::Clean).collect();
        if exact {
            if applied(&clean).iter().any(|(k, v)| *v > right.get(k).copied().unwrap_or(0)) {
                f.misapplied.push(name.clone());
            }
            f.proposed_right += u32::from(applied(&touched) == right);
        }
        let codes_here: BTreeSet<Reason> = touched.iter().flat_map(|p| &p.exceptions).map(|e| e.code).collect();
        let need: Vec<&str> = t["exceptions"].as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
        if need.is_empty() {
            f.plain += 1;
            f.straight += u32::from(exact && clean.len() == 1 && applied(&clean) == right);
            for code in &codes_here {
                *f.alarms.entry(code.to_string()).or_default() += 1;
            }
        }
        for want in need {
            f.wanted += 1;
            if !codes(want).iter().any(|c| codes_here.contains(c)) {
                let list = if codes_here.is_empty() { &mut f.missing } else { &mut f.other };
                list.push(format!("{name}: wants {want}, has {codes_here:?}"));
            }
        }
    }
}

fn check(with_amounts: bool, folder: &str, formed: u32, proposed: u32, straight: u32) {
    let Some(shared) = shared() else { return };
    let f = measure(&shared.join("data/station").join(folder), with_amounts);
    let share = |n: u32, of: u32| n * 1000 / of.max(1);
    eprintln!(
        "{folder} amounts {with_amounts}: formed {}/{} proposed right {} straight {}/{} missing {:?} other {:?} misapplied {:?} alarms {:?}\n  {:?}",
        f.formed,
        f.payments,
        f.proposed_right,
        f.straight,
        f.plain,
        f.missing,
        f.other,
        f.misapplied,
        f.alarms,
        f.badly_formed
    );
    assert!(f.misapplied.is_empty(), "{:?}", f.misapplied);
    assert!(f.missing.is_empty(), "{:?}", f.missing);
    assert!(share(f.formed, f.payments) >= formed, "groups formed right: {} of {}", f.formed, f.payments);
    assert!(share(f.proposed_right, f.payments) >= proposed, "proposed right: {} of {}", f.proposed_right, f.payments);
    assert!(share(f.straight, f.plain) >= straight, "straight through: {} of {}", f.straight, f.plain);
}

#[test]
fn clean_with_amounts() {
    check(true, "clean", 950, 900, 920);
}

#[test]
fn office_with_amounts() {
    check(true, "office", 950, 850, 850);
}

#[test]
fn clean_without_amounts() {
    check(false, "clean", 800, 650, 0);
}

#[test]
fn office_without_amounts() {
    check(false, "office", 900, 700, 0);
}

/// The scripted day: amounts keyed from the truth where one check is in the transaction, everything else that is not
/// clean held; then each batch must balance against its control totals, and every entry must prove.
fn day_on(folder: &str, with_amounts: bool) {
    use crate::domain::{Batch, BatchState, Control, Decision, ReceiptId, Transaction, UserName};

    let Some(shared) = shared() else { return };
    let folder = shared.join("data/station").join(folder);
    let truth = lines(&folder.join("truth.jsonl"));
    let book = BillBook::new(bills(&folder.join("open_bills.csv")), payers(&folder.join("payers.csv")));
    let policy = Policy::default();
    let by = UserName("olga".into());
    for b in lines(&folder.join("batches.jsonl")) {
        let name = text(&b, "batch");
        let day: Day = text(&b, "date").parse().unwrap();
        let id = BatchId::of(&[name.as_bytes()]);
        let docs: Vec<(Document, Reading)> =
            truth.iter().filter(|d| d["batch"] == b["batch"]).map(|d| perfect(d, &id, with_amounts)).collect();
        let worth: BTreeMap<DocumentId, i64> = truth
            .iter()
            .filter(|d| d["batch"] == b["batch"] && matches!(d["kind"].as_str(), Some("check" | "money_order")))
            .map(|d| (DocumentId::of(&[text(d, "doc").as_bytes()]), d["amount"].as_i64().unwrap()))
            .collect();
        let mut decisions: BTreeMap<DocumentId, Vec<Decision>> = BTreeMap::new();
        let read = |decisions: &BTreeMap<DocumentId, Vec<Decision>>| -> Vec<Evidence> {
            let all: Vec<Decision> = decisions.values().flatten().cloned().collect();
            docs.iter().map(|(d, r)| evidence(d, std::slice::from_ref(r), &all)).collect()
        };
        let groups: Vec<Group> = group(&book.pieces(&read(&decisions), &[], &policy, day), origin(&b));
        let propose = |decisions: &BTreeMap<DocumentId, Vec<Decision>>| -> (Vec<Evidence>, Vec<Transaction>) {
            let evidence = read(decisions);
            let ids: Vec<_> = groups.iter().map(|g| transaction_id(&id, &g.documents[0])).collect();
            let lists: Vec<Vec<Decision>> =
                groups.iter().map(|g| decisions.get(&g.documents[0]).cloned().unwrap_or_default()).collect();
            let draft = BatchDraft { ids: &ids, groups: &groups, evidence: &evidence, decisions: &lists, seen: &[] };
            let proposals = propose_batch(&draft, &book, &policy, day);
            let transactions = proposals
                .into_iter()
                .zip(&groups)
                .zip(1..)
                .map(|((p, g), seq)| p.into_transaction(id.clone(), seq, g.reason.clone()))
                .collect();
            (evidence, transactions)
        };
        let (_, transactions) = propose(&decisions);
        for t in &transactions {
            let amounts: Vec<i64> = t.documents.iter().filter_map(|d| worth.get(d).copied()).collect();
            for e in t.exceptions.iter().filter(|e| e.code == Reason::AmountUnknown) {
                if let [amount] = amounts.as_slice() {
                    let fields = BTreeMap::from([("amount".to_string(), Cents::new(*amount).to_string())]);
                    let decided = crate::exceptions::decide(t, &e.id, "key-amount", &fields, &by, "x").unwrap();
                    decisions.entry(t.documents[0].clone()).or_default().push(decided.decision);
                }
            }
        }
        let (_, transactions) = propose(&decisions);
        for t in &transactions {
            if !matches!(t.state, TransactionState::Clean | TransactionState::Ready) {
                let held = crate::exceptions::hold(t, &BTreeMap::new(), &by, "x").unwrap();
                decisions.entry(t.documents[0].clone()).or_default().push(held.decision);
            }
        }
        let (evidence, transactions) = propose(&decisions);
        let batch = Batch {
            id: id.clone(),
            receipt: ReceiptId::of(&[b"r"]),
            name: name.clone(),
            state: BatchState::InReview,
            origin: Origin::Mail,
            date: day,
            operator: None,
            declared: Control {
                count: Some(b["checks"].as_u64().unwrap() as u32),
                total: Some(Cents::new(b["control_total"].as_i64().unwrap())),
                counts_documents: false,
            },
            balanced_by: None,
            approved_by: None,
        };
        let balanced =
            crate::balance::balance(&batch, &transactions, &evidence).unwrap_or_else(|i| panic!("{name}: {i:#?}"));
        let p = balanced.proof();
        eprintln!(
            "{name}: ready {} {} held {} {} by difference {:?}",
            p.ready.count, p.ready.total, p.held.count, p.held.total, p.held_by_difference
        );
        assert_eq!(p.ready.total.plus(p.held.total), Ok(batch.declared.total.unwrap()));
        let drafts = crate::post::entries(&balanced, &crate::post::Chart::default()).unwrap();
        assert!(drafts.len() * 3 > groups.len(), "{name}: only {} of {} transactions post", drafts.len(), groups.len());
        for ready in balanced.ready() {
            let real: i64 = ready.items.iter().map(|i| worth[&i.document]).sum();
            assert_eq!(
                ready.transaction.received,
                Some(Cents::new(real)),
                "{name}: transaction {}",
                ready.transaction.seq
            );
        }
        let sheet = crate::reports::proof_sheet(&crate::reports::SheetInput {
            site: "Test <Water>",
            date: day,
            printed: "2026-11-30T17:00:00Z",
            batches: vec![(&batch, &transactions, &evidence)],
            deposits: &[],
            entries: &[],
        })
        .unwrap();
        assert!(sheet.agrees, "{}", sheet.text());
        assert_eq!(sheet.total.captured.count, batch.declared.count.unwrap());
        assert!(sheet.html().contains("Test &lt;Water&gt;"));
        let mut lost = transactions.clone();
        lost.pop();
        if transactions.last().is_some_and(|t| t.documents.iter().any(|d| worth.contains_key(d))) {
            let short = crate::reports::proof_sheet(&crate::reports::SheetInput {
                site: "x",
                date: day,
                printed: "",
                batches: vec![(&batch, &lost, &evidence)],
                deposits: &[],
                entries: &[],
            })
            .unwrap();
            assert!(!short.agrees, "a lost transaction must show");
            assert!(short.text().contains("DOES NOT AGREE"));
        }
    }
}

#[test]
fn the_scripted_day_balances() {
    for folder in ["clean", "office"] {
        for with_amounts in [false, true] {
            day_on(folder, with_amounts);
        }
    }
}
