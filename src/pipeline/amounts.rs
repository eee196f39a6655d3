//! The second pass over a batch's checks: with the account lines read and the open bills loaded, the amount field of each
//! check is verified against what its envelope would be expected to pay. A verdict is one more read of the document,
//! saved with the match; it is made again only when a person says whose bill it is, since bills and thresholds change.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{AmountMode, AmountSection};
use crate::decode::amount::{self, decide::Rules};
use crate::domain::{
    AmountGuess, AmountOutcome, AmountRead, AmountSource, AmountVerdict, Cents, Day, DocumentId, Reading, Sha256,
};
use crate::grouping::{Evidence, Group};
use crate::matching::{self, BillBook, Policy};

/// Odds from which an amount tells which documents came in one envelope. It moves no money.
const GROUPING: f32 = 2.0;
/// Sums of expected amounts that one envelope may have.
const MOST_SUMS: usize = 96;
/// Checks of one envelope whose amounts are looked for together.
const MOST_CHECKS: usize = 3;

/// What may be confirmed at this site today.
#[derive(Clone, PartialEq, Debug)]
pub struct Standard {
    pub mode: AmountMode,
    pub rules: Rules,
    /// `config`, or the number of the measurement that set the threshold.
    pub id: String,
    /// Part of the confirmed ones that is keyed blind.
    pub blind_share: f32,
}

impl Standard {
    pub fn of(section: &AmountSection) -> Standard {
        let rules = Rules { threshold: section.threshold, close_margin: section.close_margin, limit: section.limit };
        Standard { mode: section.mode, rules, id: "config".into(), blind_share: section.blind_share }
    }
}

/// The reads of a document as they may be used: none of the picture's amount where reading is off, and none where a
/// person is to key it blind.
pub fn usable(mut reads: Vec<Reading>, mode: AmountMode) -> Vec<Reading> {
    // One that was taken again counts no more.
    let newest = reads.iter().rposition(|r| r.amount.verdict.is_some());
    let mut place = 0;
    reads.retain(|r| {
        place += 1;
        r.amount.verdict.is_none() || newest.is_some_and(|n| n + 1 == place)
    });
    let outcome = reads.iter().rev().find_map(|r| r.amount.verdict.as_ref()).map(|v| v.outcome);
    // What was confirmed stays so: a site that switches reading off does not change what it has already settled.
    let hidden = match outcome {
        Some(AmountOutcome::Confirmed) => false,
        Some(AmountOutcome::Sampled) => true,
        Some(AmountOutcome::Advised | AmountOutcome::Unsure) | None => mode == AmountMode::Off,
    };
    for read in reads.iter_mut().filter(|_| hidden) {
        if read.amount.source == Some(AmountSource::Optical) {
            read.amount = AmountRead { verdict: read.amount.verdict.take(), ..AmountRead::default() };
        }
        read.amount.guesses.clear();
    }
    reads
}

/// Evidence for grouping alone: amounts that the picture says strongly count as known.
pub fn for_grouping(evidence: &[Evidence], reads: &BTreeMap<DocumentId, Vec<Reading>>) -> Vec<Evidence> {
    let mut out = evidence.to_vec();
    for e in &mut out {
        let Some(check) = e.check.as_mut().filter(|c| !c.amount_accepted) else { continue };
        let amounts = reads.get(&e.document).into_iter().flatten().map(|r| &r.amount);
        let verdict = amounts.clone().filter_map(|a| a.verdict.as_ref()?.amount).next_back();
        let free = amounts.filter_map(|a| a.guesses.first()).find(|g| g.log_odds >= GROUPING).map(|g| g.value);
        if let Some(amount) = verdict.or(free) {
            (check.amount, check.amount_accepted) = (Some(amount), true);
        }
    }
    out
}

/// What is needed to verify the checks of a batch.
pub struct Checks<'a> {
    pub evidence: &'a [Evidence],
    pub reads: &'a BTreeMap<DocumentId, Vec<Reading>>,
    pub book: &'a BillBook,
    pub policy: &'a Policy,
    pub day: Day,
}

/// One verdict for each check whose amount no better source gives, as a read of its own.
pub fn verify(checks: &Checks<'_>, groups: &[Group], standard: &Standard) -> Vec<(DocumentId, Reading)> {
    let Some(reader) = amount::Reader::own().filter(|_| standard.mode != AmountMode::Off) else { return Vec::new() };
    let own = reader.weights().to_string();
    let by_id: BTreeMap<&DocumentId, &Evidence> = checks.evidence.iter().map(|e| (&e.document, e)).collect();
    let mut out = Vec::new();
    for group in groups {
        let documents: Vec<&Evidence> = group.documents.iter().filter_map(|d| by_id.get(d).copied()).collect();
        for (e, verdict) in of_envelope(checks, &documents, &own, standard) {
            out.extend(reading(checks.reads.get(&e.document), verdict).map(|r| (e.document.clone(), r)));
        }
    }
    out
}

/// The network's columns of a check, when the weights that made them are this program's.
fn columns(reads: Option<&Vec<Reading>>, own: &str) -> Option<Vec<[f32; amount::network::CLASSES]>> {
    let mut fields = reads.into_iter().flatten().filter_map(|r| r.amount.field.as_ref());
    let field = fields.rfind(|f| f.weights == own && f.model == amount::MODEL)?;
    amount::unpacked(&field.columns)
}

fn of_envelope<'a>(
    checks: &Checks<'a>,
    documents: &[&'a Evidence],
    own: &str,
    standard: &Standard,
) -> Vec<(&'a Evidence, AmountVerdict)> {
    let live: Vec<&Evidence> = documents.iter().copied().filter(|e| e.set_aside.is_none()).collect();
    let is_known = |e: &Evidence| e.check.as_ref().is_some_and(|c| c.amount_accepted);
    let (known, open): (Vec<&Evidence>, Vec<&Evidence>) =
        live.iter().copied().filter(|e| e.check.is_some() && !e.is_record).partition(|e| is_known(e));
    if open.is_empty() {
        return Vec::new();
    }
    let expected = expected(checks, &live);
    let taken = Cents::sum(known.iter().filter_map(|e| e.check.as_ref()?.amount)).unwrap_or_default();
    let rest: Vec<Cents> = expected
        .iter()
        .filter_map(|a| a.minus(taken).ok())
        .filter(|a| a.is_positive() && *a <= Cents::MAX_ITEM)
        .collect();
    let fields: Vec<_> = open.iter().map(|e| columns(checks.reads.get(&e.document), own)).collect();
    let shares: Vec<Vec<Cents>> = match open.len() {
        1 => vec![with_witnesses(&rest, open[0])],
        n if n <= MOST_CHECKS => together(&rest, &fields, standard),
        n => vec![Vec::new(); n],
    };
    let decided = open.iter().zip(&fields).zip(&shares).map(|((e, field), hypotheses)| {
        let found = amount::decide::decide(field.as_deref(), hypotheses, &standard.rules);
        let drawn = is_drawn(&e.document, own, standard.blind_share);
        let outcome = match (&found.result, standard.mode) {
            (Ok(_), AmountMode::Automatic) if drawn => AmountOutcome::Sampled,
            (Ok(_), AmountMode::Automatic) => AmountOutcome::Confirmed,
            (Ok(_), AmountMode::Advisory | AmountMode::Off) => AmountOutcome::Advised,
            (Err(_), _) => AmountOutcome::Unsure,
        };
        let verdict = AmountVerdict {
            outcome,
            amount: found.result.ok(),
            log_odds: found.log_odds,
            threshold: standard.rules.threshold,
            threshold_id: standard.id.clone(),
            model: amount::MODEL.into(),
            weights: own.to_string(),
            bbox: Default::default(),
            choices: found.choices.into_iter().take(8).collect(),
            unsure: found.result.err(),
        };
        (*e, verdict)
    });
    decided.collect()
}

/// What an envelope may be worth: one expected amount of each of its bills, added up, or one of them alone; for a check
/// without stub what its known payer owes.
fn expected(checks: &Checks<'_>, documents: &[&Evidence]) -> Vec<Cents> {
    let stubs = matching::expected_amounts(documents, checks.book, checks.policy, checks.day);
    let mut bills = BTreeSet::new();
    let mut lists: Vec<Vec<Cents>> = Vec::new();
    for stub in &stubs {
        let amounts: Vec<Cents> = stub.amounts.iter().filter(|a| a.settles).map(|a| a.amount).collect();
        if !amounts.is_empty() && bills.insert((stub.biller.clone(), stub.account.clone(), stub.bill.clone())) {
            lists.push(amounts);
        }
    }
    if stubs.is_empty() {
        return documents.iter().filter_map(|e| e.check.as_ref()).flat_map(|c| owed(checks, c)).collect();
    }
    let mut sums = BTreeSet::from([Cents::ZERO]);
    for list in &lists {
        let most = if sums.len() * list.len() > MOST_SUMS { 1 } else { list.len() };
        sums = sums.iter().flat_map(|s| list[..most].iter().filter_map(|a| s.plus(*a).ok())).collect();
    }
    sums.extend(lists.iter().take(MOST_SUMS).flatten());
    sums.remove(&Cents::ZERO);
    sums.into_iter().collect()
}

fn owed(checks: &Checks<'_>, check: &crate::grouping::CheckEvidence) -> Vec<Cents> {
    let (Some(routing), Some(bank_account)) = (&check.routing, &check.bank_account) else { return Vec::new() };
    let accounts = checks.book.paid_by(routing, bank_account);
    let bills = accounts.iter().flat_map(|(biller, account)| checks.book.bills_of(Some(biller), account));
    let amounts = bills.filter(|b| b.open).flat_map(|b| matching::expected(b, checks.policy, checks.day));
    amounts.filter(|a| a.settles).map(|a| a.amount).collect()
}

/// What the account line or the station says, though not surely, is a hypothesis too: it is not the picture's word.
fn with_witnesses(expected: &[Cents], e: &Evidence) -> Vec<Cents> {
    let other =
        e.check.as_ref().filter(|c| matches!(c.amount_source, Some(AmountSource::Micr | AmountSource::Station)));
    expected.iter().copied().chain(other.and_then(|c| c.amount)).collect()
}

/// For several checks in one envelope: the amounts that each likely says and that together are what is expected, when
/// there is one such choice only.
fn together(
    expected: &[Cents],
    fields: &[Option<Vec<[f32; amount::network::CLASSES]>>],
    standard: &Standard,
) -> Vec<Vec<Cents>> {
    let none = vec![Vec::new(); fields.len()];
    let mut choices: Vec<Vec<Cents>> = vec![Vec::new()];
    for field in fields {
        let Some(field) = field else { return none };
        let likely: Vec<AmountGuess> =
            amount::guesses(field).into_iter().filter(|g| g.log_odds >= standard.rules.threshold).collect();
        choices = choices
            .iter()
            .flat_map(|c| likely.iter().map(|g| c.iter().copied().chain([g.value]).collect::<Vec<Cents>>()))
            .collect();
    }
    choices.retain(|c| Cents::sum(c.iter().copied()).is_ok_and(|sum| expected.contains(&sum)));
    match choices.as_slice() {
        [only] => only.iter().map(|a| vec![*a]).collect(),
        _ => none,
    }
}

/// Drawn for blind keying: by the document and the weights, so that a repeat draws the same.
fn is_drawn(document: &DocumentId, weights: &str, share: f32) -> bool {
    let hash = Sha256::of(format!("{}|{weights}", document.as_str()).as_bytes());
    let number = u32::from_be_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]]);
    f64::from(number) / f64::from(u32::MAX) < f64::from(share)
}

/// The verdict as a read beside the one it judges.
fn reading(reads: Option<&Vec<Reading>>, mut verdict: AmountVerdict) -> Option<Reading> {
    let seen = reads?.last()?;
    let field = reads?.iter().rev().find_map(|r| r.amount.field.as_ref());
    verdict.bbox = field.map(|f| f.bbox).unwrap_or_default();
    let value = verdict.amount.filter(|_| verdict.outcome != AmountOutcome::Sampled);
    let amount = AmountRead {
        value,
        source: value.map(|_| AmountSource::Optical),
        confidence: 1.0 / (1.0 + (-verdict.log_odds).exp()),
        accepted: verdict.outcome == AmountOutcome::Confirmed,
        verdict: Some(verdict),
        ..AmountRead::default()
    };
    Some(Reading {
        kind: seen.kind,
        rotation: seen.rotation,
        mirrored: seen.mirrored,
        dpi: seen.dpi,
        amount,
        ..crate::decode::nothing(&seen.file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drawn part is the site's, the same on a repeat, and another one for other weights.
    #[test]
    fn some_are_drawn_to_be_keyed_blind() {
        let documents: Vec<DocumentId> = (0..20_000u32).map(|n| DocumentId::of(&[&n.to_be_bytes()])).collect();
        for (share, least, most) in [(0.0, 0, 0), (0.02, 300, 500), (0.05, 850, 1150), (1.0, 20_000, 20_000)] {
            let drawn = |weights: &str| documents.iter().filter(|d| is_drawn(d, weights, share)).collect::<Vec<_>>();
            let first = drawn("a");
            assert!((least..=most).contains(&first.len()), "{share}: {}", first.len());
            assert_eq!(first, drawn("a"));
            assert!(first.is_empty() || share == 1.0 || first != drawn("b"));
        }
    }
}
