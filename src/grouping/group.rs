//! Envelopes out of the capture order. The likeliest cutting of the whole batch is searched (checks first or stubs first,
//! whichever the batch as a whole speaks for), weighing how often each kind of envelope comes, whose bank account the
//! check is drawn on, and whether the amounts that are known add up. Weights are hundredths of a natural logarithm of
//! odds: whole numbers, so that the same pieces give the same groups on every machine.

use std::collections::{BTreeMap, BTreeSet};

use super::{Evidence, Group, Piece, kind_of};
use crate::domain::{AccountNumber, Biller, Cents, DocumentKind, Origin, TransactionKind};

/// A run of stubs under one check may be longer than any real envelope; the search looks no further.
const LONGEST: usize = 600;
/// Sums of expected amounts that the search keeps for one envelope.
const MOST_SUMS: usize = 512;
/// Envelopes with more stubs are only tried for the plain sum of their bills.
const MOST_STUBS_SUMMED: usize = 16;

const SINGLE: i32 = -33;
const CHECK_ONLY: i32 = -253;
/// Cash seldom comes by mail; at a counter and in a drop box it is usual.
const STUB_ONLY_BY_MAIL: i32 = -340;
const STUB_ONLY_BY_HAND: i32 = -210;
const SPLIT_PAYMENT: [i32; 3] = [-400, -440, -560];
const MANY_STUBS: [i32; 5] = [-350, -370, -410, -440, -480];
const MANY_BOTH: i32 = -370;
const OTHER_ORDER: i32 = -400;
const PAYER_FITS: i32 = 250;
const PAYER_BY_PLACE: i32 = 80;
const PAYER_OF_ANOTHER: i32 = -350;
const PAYER_LEFT_ITS_STUB: i32 = -300;
const SAME_PAYER: i32 = 250;
const SUM_FITS: i32 = 400;
const SUM_FITS_NOT_SINGLE: i32 = -220;
const SUM_FITS_NOT_MULTI: i32 = -500;
const SAME_BILL_TWICE: i32 = 250;
const REPEATED_ALONE: i32 = 250;
const REPEATED_INSIDE: i32 = -150;
const UNIDENTIFIED: i32 = -60;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    ChecksFirst,
    StubsFirst,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Check,
    Stub,
}

/// One way to read pieces `from..to` as an envelope.
#[derive(Clone, Copy, Debug)]
struct Cut {
    from: usize,
    /// Where the second role begins; equal to `to` when there is one role only.
    turn: usize,
    first: Option<Role>,
    fits: Fit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fit {
    Unknown,
    Sum,
    Not,
}

/// Envelopes of a batch, from its pieces in capture order and the way it came. Every document is in exactly one group.
pub fn group(pieces: &[Piece<'_>], origin: Origin) -> Vec<Group> {
    let mut groups: Vec<(u32, Group)> = Vec::new();
    let mut envelopes: BTreeMap<u32, Vec<&Evidence>> = BTreeMap::new();
    let mut loose: Vec<&Piece<'_>> = Vec::new();
    for piece in pieces {
        let e = piece.evidence;
        if let Some(note) = &e.set_aside {
            groups.push((e.seq, alone(e, format!("document {} was set aside: {note}", e.seq))));
        } else if let Some(envelope) = e.envelope {
            envelopes.entry(envelope).or_default().push(e);
        } else {
            match e.kind {
                DocumentKind::Check | DocumentKind::Stub | DocumentKind::CashTicket | DocumentKind::Unknown => {
                    loose.push(piece);
                }
                DocumentKind::Correspondence => {
                    let reason = format!("document {} is correspondence: set aside, it pays nothing", e.seq);
                    groups.push((e.seq, alone(e, reason)));
                }
                DocumentKind::BatchHeader => {
                    groups.push((e.seq, alone(e, format!("document {} is the batch header: set aside", e.seq))));
                }
                DocumentKind::Back => {
                    let reason = format!("document {} shows only a back: a person must say what it is", e.seq);
                    groups.push((e.seq, alone(e, reason)));
                }
            }
        }
    }
    for (number, documents) in envelopes {
        let reason = format!("the file puts these {} items into its transaction {number}", documents.len());
        let first = documents.first().map_or(0, |e| e.seq);
        groups.push((
            first,
            Group {
                documents: documents.iter().map(|e| e.document.clone()).collect(),
                kind: kind_of(documents.iter().copied()),
                reason,
            },
        ));
    }
    let (checks_first, stubs_first) = (cut(&loose, Order::ChecksFirst, origin), cut(&loose, Order::StubsFirst, origin));
    let (order, (_, cuts)) = if stubs_first.0 > checks_first.0 {
        (Order::StubsFirst, stubs_first)
    } else {
        (Order::ChecksFirst, checks_first)
    };
    for (to, c) in cuts {
        let members: Vec<&Piece<'_>> = loose[c.from..to].to_vec();
        let documents: Vec<&Evidence> = members.iter().map(|p| p.evidence).collect();
        groups.push((
            documents[0].seq,
            Group {
                documents: documents.iter().map(|e| e.document.clone()).collect(),
                kind: kind_of(documents.iter().copied()),
                reason: reason(&members, &c, order),
            },
        ));
    }
    // Capture order of the first document; the sort is stable, so equal numbers keep their order.
    groups.sort_by_key(|(seq, _)| *seq);
    groups.into_iter().map(|(_, group)| group).collect()
}

fn alone(e: &Evidence, reason: String) -> Group {
    Group { documents: vec![e.document.clone()], kind: TransactionKind::Other, reason }
}

/// The best cutting under one order: its score and the cuts with their ends, in order.
fn cut(pieces: &[&Piece<'_>], order: Order, origin: Origin) -> (i32, Vec<(usize, Cut)>) {
    let n = pieces.len();
    let mut best: Vec<Option<(i32, Cut)>> = vec![None; n + 1];
    let total = |best: &[Option<(i32, Cut)>], at: usize| if at == 0 { Some(0) } else { best[at].map(|b| b.0) };
    for to in 1..=n {
        for from in (to.saturating_sub(LONGEST)..to).rev() {
            let Some(before) = total(&best, from) else { continue };
            let candidates = shapes(&pieces[from..to]);
            if candidates.is_empty() {
                break;
            }
            for (first, turn) in candidates {
                let (score, fits) = score(pieces, (from, from + turn, to), first, order, origin);
                let sum = before.saturating_add(score);
                if best[to].is_none_or(|b| sum > b.0) {
                    best[to] = Some((sum, Cut { from, turn: from + turn, first, fits }));
                }
            }
        }
    }
    let mut cuts = Vec::new();
    let mut at = n;
    while let Some((_, c)) = best[at] {
        cuts.push((at, c));
        at = c.from;
    }
    cuts.reverse();
    (total(&best, n).unwrap_or(0), cuts)
}

fn role(piece: &Piece<'_>) -> Option<Role> {
    match piece.evidence.kind {
        DocumentKind::Check | DocumentKind::CashTicket => Some(Role::Check),
        DocumentKind::Stub => Some(Role::Stub),
        DocumentKind::BatchHeader | DocumentKind::Correspondence | DocumentKind::Back | DocumentKind::Unknown => None,
    }
}

/// How this stretch can be one envelope: all of one role (one piece only), or one role and then the other. An
/// unidentified piece takes either role. Empty when it cannot, however many pieces come before it.
fn shapes(stretch: &[&Piece<'_>]) -> Vec<(Option<Role>, usize)> {
    let roles: Vec<Option<Role>> = stretch.iter().map(|p| role(p)).collect();
    let n = roles.len();
    if n == 1 {
        return vec![(roles[0], 1)];
    }
    let mut out = Vec::new();
    for first in [Role::Check, Role::Stub] {
        let head = roles.iter().take_while(|r| r.is_none_or(|r| r == first)).count();
        let tail = roles.iter().rev().take_while(|r| r.is_none_or(|r| r != first)).count();
        // The turn lies where the head may end and the tail may begin; the earliest and the latest are tried.
        let (earliest, latest) = (n.saturating_sub(tail).max(1), head.min(n - 1));
        if earliest <= latest {
            out.push((Some(first), earliest));
            if latest != earliest {
                out.push((Some(first), latest));
            }
        } else if head == n {
            // One role so far: a longer stretch to the left may still turn.
            out.push((Some(first), n));
        }
    }
    out
}

fn accounts_of<'a>(stubs: &'a [&Piece<'_>]) -> Vec<(Option<&'a Biller>, &'a AccountNumber)> {
    stubs
        .iter()
        .filter_map(|p| p.evidence.stub.as_ref())
        .filter_map(|s| s.account.as_ref().map(|a| (s.biller.as_ref(), a)))
        .collect()
}

fn pays(payer: &Piece<'_>, account: (Option<&Biller>, &AccountNumber)) -> bool {
    payer.known_payer_of.iter().any(|(b, a)| a == account.1 && account.0.is_none_or(|x| x == b))
}

/// The stretch by where the stretch begins, turns from one role to the other, and ends.
fn score(
    pieces: &[&Piece<'_>],
    (from, turn, to): (usize, usize, usize),
    first: Option<Role>,
    order: Order,
    origin: Origin,
) -> (i32, Fit) {
    let (head, tail) = (&pieces[from..turn], &pieces[turn..to]);
    let (checks, stubs): (&[&Piece<'_>], &[&Piece<'_>]) = match first {
        Some(Role::Check) => (head, tail),
        Some(Role::Stub) => (tail, head),
        None => return (CHECK_ONLY + UNIDENTIFIED, Fit::Unknown),
    };
    let mut score = match (checks.len(), stubs.len()) {
        (1, 0) => CHECK_ONLY,
        (0, 1) => match origin {
            Origin::Counter | Origin::Dropbox => STUB_ONLY_BY_HAND,
            Origin::Mail | Origin::Lockbox | Origin::BankFile => STUB_ONLY_BY_MAIL,
        },
        // Several of one kind and nothing of the other are several envelopes.
        (0, _) | (_, 0) => return (-1_000_000, Fit::Unknown),
        (1, 1) => SINGLE,
        (1, n) => MANY_STUBS.get(n - 2).copied().unwrap_or(-480 - 15 * (n as i32 - 6).min(100)),
        (n, 1) => SPLIT_PAYMENT.get(n - 2).copied().unwrap_or(-560 - 60 * (n as i32 - 4).min(100)),
        (a, b) => MANY_BOTH - 60 * ((a + b).min(200) as i32 - 4),
    };
    let turned = match order {
        Order::ChecksFirst => first == Some(Role::Stub),
        Order::StubsFirst => first == Some(Role::Check),
    };
    if turned && !checks.is_empty() && !stubs.is_empty() {
        score += OTHER_ORDER;
    }
    score += UNIDENTIFIED * pieces[from..to].iter().filter(|p| role(p).is_none()).count() as i32;

    let accounts = accounts_of(stubs);
    for (nth, check) in checks.iter().enumerate() {
        if check.duplicate {
            score += if stubs.is_empty() { REPEATED_ALONE } else { REPEATED_INSIDE };
        }
        if check.known_payer_of.is_empty() {
            continue;
        }
        if stubs.is_empty() {
            let near = pieces[from.saturating_sub(6)..(to + 6).min(pieces.len())].to_vec();
            if !check.duplicate && accounts_of(&near).into_iter().any(|a| pays(check, a)) {
                score += PAYER_LEFT_ITS_STUB;
            }
        } else if let Some(at) = accounts.iter().position(|a| pays(check, *a)) {
            score += PAYER_FITS;
            // A payer of several bills lays the own bill first; where several pay, each check lies as its stub does.
            if stubs.len() > 1 && (checks.len() == 1 || checks.len() == stubs.len()) {
                let place = if checks.len() == 1 { 0 } else { nth };
                score += if at == place { PAYER_BY_PLACE } else { -PAYER_BY_PLACE };
            }
        } else if accounts.len() == stubs.len() {
            score += PAYER_OF_ANOTHER;
        }
    }
    for pair in checks.windows(2) {
        let bank_account = |p: &Piece<'_>| {
            let check = p.evidence.check.as_ref()?;
            Some((check.routing.clone()?, check.bank_account.as_ref()?.key()))
        };
        if bank_account(pair[0]).is_some_and(|a| Some(a) == bank_account(pair[1])) {
            score += SAME_PAYER;
        }
    }
    let distinct: BTreeSet<_> = accounts.iter().collect();
    if stubs.len() > 1 && distinct.len() < accounts.len() {
        score += SAME_BILL_TWICE;
    }
    let fits = fit(checks, stubs);
    score += match fits {
        Fit::Unknown => 0,
        Fit::Sum => SUM_FITS,
        Fit::Not if checks.len() == 1 && stubs.len() == 1 => SUM_FITS_NOT_SINGLE,
        Fit::Not => SUM_FITS_NOT_MULTI,
    };
    (score, fits)
}

/// Do the checks add up to expected amounts of the stubs? A bill whose stub is there twice counts once or twice.
fn fit(checks: &[&Piece<'_>], stubs: &[&Piece<'_>]) -> Fit {
    if checks.is_empty() || stubs.is_empty() {
        return Fit::Unknown;
    }
    let amounts: Option<Vec<Cents>> =
        checks.iter().map(|p| p.evidence.check.as_ref().filter(|c| c.amount_accepted).and_then(|c| c.amount)).collect();
    let Some(Ok(received)) = amounts.map(Cents::sum) else {
        return Fit::Unknown;
    };
    if stubs.len() > MOST_STUBS_SUMMED {
        // Only the plain sum is tried for a long list.
        let plain: Option<Vec<Cents>> = stubs.iter().map(|p| p.expected.first().copied()).collect();
        return match plain.map(Cents::sum) {
            Some(Ok(sum)) if sum == received => Fit::Sum,
            _ => Fit::Unknown,
        };
    }
    let mut sums: BTreeSet<Cents> = BTreeSet::from([Cents::ZERO]);
    let mut seen = BTreeSet::new();
    for stub in stubs {
        if stub.expected.is_empty() {
            return Fit::Unknown;
        }
        let account = stub.evidence.stub.as_ref().and_then(|s| s.account.as_ref().map(|a| (s.biller.clone(), a)));
        let again = account.is_some_and(|a| !seen.insert(a));
        let mut next: BTreeSet<Cents> = if again { sums.clone() } else { BTreeSet::new() };
        for sum in &sums {
            for amount in &stub.expected {
                if let Ok(s) = sum.plus(*amount)
                    && s <= received
                {
                    next.insert(s);
                }
            }
        }
        sums = next;
        if sums.len() > MOST_SUMS {
            return Fit::Unknown;
        }
    }
    if sums.contains(&received) { Fit::Sum } else { Fit::Not }
}

/// `checks 13-14`, `stub 12`.
fn span(pieces: &[&Piece<'_>], noun: &str) -> String {
    let seq = |p: &Piece<'_>| p.evidence.seq;
    match (pieces.first(), pieces.last()) {
        (Some(a), Some(b)) if pieces.len() > 1 => format!("{noun}s {}-{}", seq(a), seq(b)),
        (Some(a), _) => format!("{noun} {}", seq(a)),
        _ => noun.to_string(),
    }
}

fn reason(members: &[&Piece<'_>], cut: &Cut, order: Order) -> String {
    let turn = cut.turn - cut.from;
    let (head, tail) = (&members[..turn], &members[turn..]);
    let (checks, stubs) = match cut.first {
        Some(Role::Check) => (head, tail),
        Some(Role::Stub) => (tail, head),
        None => return format!("document {} is unidentified and fits no envelope beside it", members[0].evidence.seq),
    };
    if stubs.is_empty() {
        let seq = checks[0].evidence.seq;
        return match checks[0].duplicate {
            true => format!("check {seq} came earlier; it stands alone"),
            false => format!("no stub belongs to check {seq}; the next piece starts a new envelope"),
        };
    }
    if checks.is_empty() {
        return format!("no check belongs to stub {}; it may have been paid in cash", stubs[0].evidence.seq);
    }
    let close = |n: usize| if n == 1 { "closes it" } else { "close it" };
    let mut text = match cut.first {
        Some(Role::Check) => {
            format!("{} opens, {} {}", span(checks, "check"), span(stubs, "stub"), close(stubs.len()))
        }
        _ => format!("{} opens, {} {}", span(stubs, "stub"), span(checks, "check"), close(checks.len())),
    };
    if head.len() > 1 {
        text = text.replacen("opens", "open", 1);
    }
    let usual = match order {
        Order::ChecksFirst => cut.first == Some(Role::Check),
        Order::StubsFirst => cut.first == Some(Role::Stub),
    };
    text.push_str(match (order, usual) {
        (Order::ChecksFirst, true) => " (checks come first in this batch)",
        (Order::StubsFirst, true) => " (stubs come first in this batch)",
        (_, false) => " (against the order of this batch)",
    });
    if cut.fits == Fit::Sum {
        text.push_str("; the checks add up to what is expected");
    }
    let accounts = accounts_of(stubs);
    if let Some(account) =
        checks.iter().flat_map(|c| accounts.iter().filter(|a| pays(c, **a))).map(|a| a.1.masked()).next()
    {
        text.push_str(&format!("; the bank account is known to pay for account {account}"));
    }
    if members.iter().any(|p| role(p).is_none()) {
        text.push_str("; one piece is unidentified");
    }
    text
}
