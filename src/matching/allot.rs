//! How much of what was received goes to which bill: the site's dated rules, tried in their order; then what is short by
//! the posting order, and what is over to the customer's credit. Two answers that fit equally well are a person's to
//! choose, and so is a question whose search ran out of steps.

use super::hypotheses::is_late;
use super::rules::{SplitRule, owed};
use super::search::{Search, search};
use super::targets::Target;
use super::{Policy, RunnerUp};
use crate::domain::{AccountStatus, Application, Bill, Cents, Day, MoneyError, Pledge, Reason};

/// Applications, and what a person must judge about them.
#[derive(Default)]
pub(super) struct Allotment {
    pub applications: Vec<Application>,
    pub problem: Option<(Reason, String)>,
    pub runners_up: Vec<RunnerUp>,
    /// The open bills of an account answered which of them are meant.
    pub by_open_bills: bool,
}

/// A payment and the bills that it means.
#[derive(Clone, Copy)]
pub(super) struct Case<'c, 'b> {
    pub targets: &'c [Target<'b>],
    /// Open bills among which the payment must choose, when no stub says which; a superset of `targets` or empty.
    pub pool: &'c [Target<'b>],
    pub received: Cents,
    pub policy: &'c Policy,
    pub day: Day,
}

/// What one rule says.
enum Answer {
    No,
    Yes(Vec<Application>),
    /// It fits, and not in one way only.
    Ask(Vec<Application>, String, Vec<RunnerUp>),
}

fn application(target: &Target<'_>, amount: Cents, rule: &str, why: &str, policy: &Policy) -> Application {
    Application {
        biller: Some(target.bill.biller.clone()),
        account: Some(target.bill.account.clone()),
        bill: Some(target.bill.bill.clone()),
        amount,
        ledger: policy.ledger.of(target.bill).to_string(),
        rule: format!("{}{rule}", target.rule_prefix),
        evidence: format!("{}; {why}", target.found),
    }
}

/// What is over goes to the customer's credit, as a line of its own.
pub(super) fn credit(bill: &Bill, amount: Cents, policy: &Policy) -> Application {
    Application {
        biller: Some(bill.biller.clone()),
        account: Some(bill.account.clone()),
        bill: None,
        amount,
        ledger: policy.ledger.credits.clone(),
        rule: "customer-credit".into(),
        evidence: "it is more than the bill; the rest stays to the customer's credit".into(),
    }
}

/// Proposes at the usual amounts while the amount of the check is not known.
pub(super) fn expected_only(targets: &[Target<'_>], policy: &Policy) -> Vec<Application> {
    let line = |t: &Target<'_>| {
        let amount = t.share.or_else(|| t.expected.first().map(|e| e.amount))?;
        let why = "the check's amount is not known yet: this is what is expected";
        Some(application(t, amount, "expected-amount", why, policy))
    };
    targets.iter().filter_map(line).collect()
}

fn usual(target: &Target<'_>) -> Cents {
    target.expected.first().map_or(Cents::ZERO, |e| e.amount)
}

/// All that is owed on the bill: the gross amount once it is late, the amount due before.
fn whole(target: &Target<'_>, policy: &Policy, day: Day) -> Cents {
    let gross = target.expected.iter().find(|e| e.rule == "gross-amount");
    let gross = gross.filter(|_| is_late(target.bill, policy, day)).map(|e| e.amount);
    gross.map_or_else(|| usual(target), |g| g.max(usual(target)))
}

/// Splits what was received over the bills. `all_known`: every stub of the envelope has its bill among the targets.
pub(super) fn allot(case: Case<'_, '_>, all_known: bool) -> Result<Allotment, MoneyError> {
    let Case { targets, received, policy, .. } = case;
    if targets.is_empty() && case.pool.is_empty() {
        return Ok(Allotment::default());
    }
    if targets.iter().any(|t| t.share.is_some()) {
        return directed(targets, received, policy);
    }
    if !all_known {
        // The known bills get their usual amounts as far as the money goes; the rest waits for the unknown stub.
        let usual = expected_only(targets, policy);
        let fits = Cents::sum(usual.iter().map(|a| a.amount))? <= received;
        return Ok(Allotment { applications: if fits { usual } else { Vec::new() }, ..Allotment::default() });
    }
    for line in &policy.rules {
        let mut meant = targets.iter().chain(case.pool);
        if !meant.all(|t| line.holds(&t.bill.biller, case.day)) {
            continue;
        }
        let by_open_bills = line.rule == SplitRule::OpenBills;
        match answer(line.rule, case)? {
            Answer::No => {}
            Answer::Yes(applications) => {
                let asks = (!line.settles).then(|| {
                    (Reason::AmbiguousMatch, "it fits by a rule that leaves the last word to a person".to_string())
                });
                return Ok(Allotment { applications, problem: asks, by_open_bills, ..Allotment::default() });
            }
            Answer::Ask(applications, message, runners_up) => {
                let problem = Some((Reason::AmbiguousMatch, message));
                return Ok(Allotment { applications, problem, runners_up, by_open_bills });
            }
        }
    }
    if targets.is_empty() {
        return Ok(Allotment::default());
    }
    let due_total = Cents::sum(targets.iter().map(usual))?;
    if received < due_total { short(case, due_total) } else { over(case, due_total) }
}

fn answer(rule: SplitRule, case: Case<'_, '_>) -> Result<Answer, MoneyError> {
    let Case { targets, received, policy, .. } = case;
    // While nobody knows which of several open bills is meant, only the rule for that may answer.
    if !case.pool.is_empty() {
        return if rule == SplitRule::OpenBills { open_bills(case) } else { Ok(Answer::No) };
    }
    if targets.iter().any(|t| t.expected.is_empty()) {
        return Ok(Answer::No);
    }
    let settled = |choice: &[usize]| Answer::Yes(chosen(targets, choice, policy));
    Ok(match rule {
        SplitRule::UsualAmounts if Cents::sum(targets.iter().map(usual))? == received => {
            settled(&vec![0; targets.len()])
        }
        SplitRule::OneAmount => match targets {
            [target] => {
                let hit = target.expected.iter().position(|e| e.amount == received);
                hit.map_or(Answer::No, |i| settled(&[i]))
            }
            _ => Answer::No,
        },
        SplitRule::AllGross => {
            let gross = |t: &Target<'_>| t.expected.iter().position(|e| e.rule == "gross-amount");
            match targets.iter().map(gross).collect::<Option<Vec<usize>>>() {
                Some(choice) if sum_of(targets, &choice)? == received => settled(&choice),
                Some(_) | None => Answer::No,
            }
        }
        SplitRule::SumOfBills if targets.len() > 1 => {
            let options: Vec<Vec<Cents>> =
                targets.iter().map(|t| t.expected.iter().map(|e| e.amount).collect()).collect();
            match search(&options, received, policy.search_steps)? {
                Search::None => Answer::No,
                Search::One(choice) => settled(&choice),
                Search::Many(choice, other) => Answer::Ask(
                    chosen(targets, &choice, policy),
                    format!("several ways of paying these {} bills add up to {received}", targets.len()),
                    vec![runner_up(targets, &other, "it adds up just as well")],
                ),
                Search::GaveUp => Answer::Ask(
                    Vec::new(),
                    format!(
                        "too many ways of paying these {} bills with {received}: a person must choose",
                        targets.len()
                    ),
                    Vec::new(),
                ),
            }
        }
        SplitRule::Donation => donation(case)?,
        SplitRule::UsualAmounts | SplitRule::SumOfBills | SplitRule::OpenBills => Answer::No,
    })
}

fn sum_of(targets: &[Target<'_>], choice: &[usize]) -> Result<Cents, MoneyError> {
    Cents::sum(targets.iter().zip(choice).map(|(t, &i)| t.expected.get(i).map_or(Cents::ZERO, |e| e.amount)))
}

fn chosen(targets: &[Target<'_>], choice: &[usize], policy: &Policy) -> Vec<Application> {
    let picked = targets.iter().zip(choice);
    picked
        .filter_map(|(t, &i)| {
            let e = t.expected.get(i)?;
            Some(application(t, e.amount, e.rule, e.sentence, policy))
        })
        .collect()
}

fn runner_up(targets: &[Target<'_>], choice: &[usize], sentence: &str) -> RunnerUp {
    let picked = targets.iter().zip(choice);
    let lines = picked.filter_map(|(t, &i)| Some((t.bill.bill.clone(), t.expected.get(i)?.amount))).collect();
    RunnerUp { lines, difference: Cents::ZERO, sentence: sentence.to_string() }
}

/// Some of the open bills, each whole or not at all; with the gross amounts of late bills when the net ones do not fit.
fn open_bills(case: Case<'_, '_>) -> Result<Answer, MoneyError> {
    let Case { received, policy, .. } = case;
    // The largest first: the search ends sooner, and its answer does not depend on it.
    let mut pool: Vec<&Target<'_>> = case.pool.iter().filter(|t| !t.expected.is_empty()).collect();
    pool.sort_by_key(|t| std::cmp::Reverse(usual(t)));
    let gross = |t: &Target<'_>| whole(t, policy, case.day);
    let any_late = pool.iter().any(|t| gross(t) != usual(t));
    for with_gross in [false, true] {
        if with_gross && !any_late {
            break;
        }
        let options: Vec<Vec<Cents>> = pool
            .iter()
            .map(|t| {
                let mut list = vec![Cents::ZERO, usual(t)];
                if with_gross && gross(t) != usual(t) {
                    list.push(gross(t));
                }
                list
            })
            .collect();
        let lines = |choice: &[usize]| -> Vec<Application> {
            let mut lines: Vec<Application> = pool
                .iter()
                .zip(choice)
                .zip(&options)
                .filter(|((_, i), _)| **i > 0)
                .map(|((t, &i), amounts)| {
                    let why = "this and no other choice of the open bills adds up";
                    application(t, amounts[i], "open-bills", why, policy)
                })
                .collect();
            lines.sort_by(|a, b| (&a.biller, &a.account, &a.bill).cmp(&(&b.biller, &b.account, &b.bill)));
            lines
        };
        match search(&options, received, policy.search_steps)? {
            Search::None => {}
            Search::One(choice) => return Ok(Answer::Yes(lines(&choice))),
            Search::Many(_, other) => {
                let message = format!("more than one choice of the {} open bills adds up to {received}", pool.len());
                let other = lines(&other).into_iter().filter_map(|a| Some((a.bill?, a.amount))).collect();
                let sentence = "it adds up just as well".to_string();
                let runners_up = vec![RunnerUp { lines: other, difference: Cents::ZERO, sentence }];
                // Which of them is meant nobody knows: nothing is proposed.
                return Ok(Answer::Ask(Vec::new(), message, runners_up));
            }
            Search::GaveUp => {
                let message = format!(
                    "too many ways of choosing among {} open bills to add up to {received}: a person must choose",
                    pool.len()
                );
                return Ok(Answer::Ask(Vec::new(), message, Vec::new()));
            }
        }
    }
    Ok(Answer::No)
}

/// A gift on top of everything that is owed, exactly as pledged. What is short of the whole amount is never taken for one.
fn donation(case: Case<'_, '_>) -> Result<Answer, MoneyError> {
    let Case { targets, received, policy, .. } = case;
    let mut pledges = targets.iter().filter_map(|t| Some((t, t.bill.pledge()?)));
    let (Some((giver, pledge)), None) = (pledges.next(), pledges.next()) else { return Ok(Answer::No) };
    let owed_in_all = Cents::sum(targets.iter().map(|t| whole(t, policy, case.day)))?;
    let gift = received.minus(owed_in_all)?;
    let fits = match pledge {
        Pledge::Amount(amount) => gift == amount,
        Pledge::RoundUp => gift.is_positive() && gift < Cents::new(100) && received.get() % 100 == 0,
    };
    if !fits {
        return Ok(Answer::No);
    }
    let mut applications: Vec<Application> = targets
        .iter()
        .map(|t| {
            let amount = whole(t, policy, case.day);
            let rule = if amount == usual(t) { "amount-due" } else { "gross-amount" };
            application(t, amount, rule, "it is all that is owed; what is over is the pledged gift", policy)
        })
        .collect();
    applications.push(Application {
        biller: Some(giver.bill.biller.clone()),
        account: Some(giver.bill.account.clone()),
        bill: None,
        amount: gift,
        ledger: policy.ledger.donations.clone(),
        rule: "donation".into(),
        evidence: "everything owed is paid, and the rest is exactly the gift that the member pledged".into(),
    });
    Ok(Answer::Yes(applications))
}

/// Less came than is due: by the posting order over all the bills, the oldest due date first where it ranks them alike.
fn short(case: Case<'_, '_>, due_total: Cents) -> Result<Allotment, MoneyError> {
    let Case { targets, received, policy, day, .. } = case;
    let missing = due_total.minus(received)?;
    let mut parts = Vec::new();
    for (i, target) in targets.iter().enumerate().filter(|(_, t)| !t.expected.is_empty()) {
        parts.extend(owed(target.bill, policy, day)?.into_iter().map(|o| (o.rank, target.bill.due_date, i, o)));
    }
    parts.sort_by_key(|a| (a.0, a.1, a.2));
    let mut rest = received;
    let mut given: Vec<(Cents, String)> = vec![(Cents::ZERO, String::new()); targets.len()];
    for (_, _, i, o) in parts {
        let amount = rest.min(o.amount);
        if amount.is_positive() {
            let (sum, text) = &mut given[i];
            *sum = sum.plus(amount)?;
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&format!("{amount} {}", o.part.as_str()));
            rest = rest.minus(amount)?;
        }
    }
    let mut applications: Vec<Application> = Vec::new();
    for (target, (amount, parts)) in targets.iter().zip(&given).filter(|(_, (amount, _))| amount.is_positive()) {
        let part = *amount < usual(target);
        let why = match part {
            true => format!("it is a part of the amount due, by the posting order: {parts}"),
            false => format!("by the posting order: {parts}"),
        };
        let rule = if part { "part-payment" } else { "amount-due" };
        applications.push(application(target, *amount, rule, &why, policy));
    }
    let hint = hint(targets, received);
    let mut message = format!("received {received}, expected {due_total}: short by {missing}{hint}");
    // The usual cause with several stubs: the others belong to another envelope.
    let alone = targets.iter().find(|t| t.expected.iter().any(|e| e.amount == received));
    if let (Some(alone), true) = (alone, targets.len() > 1) {
        message.push_str(&format!(
            "; it is exactly what account {} expects, so the other stubs may be of another envelope (regroup)",
            alone.bill.account.masked()
        ));
    }
    let tolerated = missing <= policy.short_tolerance;
    Ok(Allotment {
        applications,
        problem: (!tolerated).then_some((reason(targets, Reason::Underpaid), message)),
        runners_up: nearest(targets, received)?,
        by_open_bills: false,
    })
}

/// More came than is due: each bill gets all that is owed on it as far as the money goes, the rest is the customer's.
fn over(case: Case<'_, '_>, due_total: Cents) -> Result<Allotment, MoneyError> {
    let Case { targets, received, policy, day, .. } = case;
    let mut left = received.minus(due_total)?;
    let over = left;
    let mut applications: Vec<Application> = Vec::new();
    for target in targets.iter().filter(|t| usual(t).is_positive()) {
        let penalty = whole(target, policy, day).minus(usual(target))?.min(left);
        left = left.minus(penalty)?;
        let amount = usual(target).plus(penalty)?;
        let why = if penalty.is_positive() { "it is the amount due with the penalty" } else { "it is the amount due" };
        applications.push(application(target, amount, "amount-due", why, policy));
    }
    if left.is_positive() {
        applications.push(credit(targets[0].bill, left, policy));
    }
    let refund = policy.refund_above.is_some_and(|most| left >= most);
    let hint = hint(targets, received);
    let mut message = format!("received {received}, expected {due_total}: over by {over}{hint}");
    if refund {
        message.push_str("; it is enough to be paid back (refund)");
    }
    if over.is_zero() {
        let message = format!("received {received}, as expected, but no rule of this site settles it");
        let problem = Some((Reason::AmbiguousMatch, message));
        return Ok(Allotment { applications, problem, ..Allotment::default() });
    }
    let tolerated = over <= policy.over_tolerance && !refund;
    Ok(Allotment {
        applications,
        problem: (!tolerated).then_some((reason(targets, Reason::Overpaid), message)),
        runners_up: nearest(targets, received)?,
        by_open_bills: false,
    })
}

/// What would explain the amount to a person, though it may not settle it.
fn hint(targets: &[Target<'_>], received: Cents) -> String {
    let told = targets.iter().flat_map(|t| &t.hints).find(|e| e.amount == received);
    told.map_or_else(String::new, |e| format!("; {}", e.sentence))
}

/// The expected amounts of one bill that come nearest to what came.
fn nearest(targets: &[Target<'_>], received: Cents) -> Result<Vec<RunnerUp>, MoneyError> {
    let [target] = targets else { return Ok(Vec::new()) };
    let mut list = Vec::new();
    for e in target.expected.iter().chain(&target.hints) {
        let difference = received.minus(e.amount)?;
        list.push(RunnerUp {
            lines: vec![(target.bill.bill.clone(), e.amount)],
            difference,
            sentence: e.sentence.to_string(),
        });
    }
    list.sort_by_key(|r| r.difference.get().unsigned_abs());
    list.truncate(3);
    Ok(list)
}

/// An arrangement whose instalment is known and was not paid has its own reason.
fn reason(targets: &[Target<'_>], usual: Reason) -> Reason {
    let arranged = |t: &Target<'_>| t.bill.status == AccountStatus::Arrangement && t.bill.instalment.is_some();
    if targets.iter().any(arranged) { Reason::Arrangement } else { usual }
}

/// A directed payment: lines of a file (or a person) say what each bill gets.
fn directed(targets: &[Target<'_>], received: Cents, policy: &Policy) -> Result<Allotment, MoneyError> {
    let mut applications = Vec::new();
    let mut odd = None;
    // Lines without a share of their own take what is left, if there is one such line.
    let named = Cents::sum(targets.iter().filter_map(|t| t.share))?;
    let without = targets.iter().filter(|t| t.share.is_none()).count();
    for target in targets {
        let share = match target.share {
            Some(share) => share,
            None if without == 1 => received.minus(named)?,
            None => continue,
        };
        if !share.is_positive() {
            odd = odd.or(Some((Reason::TransactionOutOfBalance, format!("a line of this payment says {share}"))));
            continue;
        }
        let rule = target.expected.iter().find(|e| e.amount == share);
        match rule {
            Some(e) => applications.push(application(target, share, e.rule, e.sentence, policy)),
            None => {
                let due = usual(target);
                let difference = due.minus(share)?;
                let within = match difference.is_negative() {
                    false => difference <= policy.short_tolerance,
                    true => difference.magnitude()? <= policy.over_tolerance,
                };
                if !within && odd.is_none() {
                    let (code, word) = if difference.is_negative() {
                        (Reason::Overpaid, "over")
                    } else {
                        (Reason::Underpaid, "short")
                    };
                    let by = difference.magnitude()?;
                    odd = Some((code, format!("the line pays {share}, expected {due}: {word} by {by}")));
                }
                let to_bill = share.min(due);
                if to_bill.is_positive() {
                    let why = if to_bill == due { "it is the amount due" } else { "it is what the payer said" };
                    applications.push(application(target, to_bill, "as-remitted", why, policy));
                }
                if share > due {
                    applications.push(credit(target.bill, share.minus(to_bill.max(Cents::ZERO))?, policy));
                }
            }
        }
    }
    let total = Cents::sum(applications.iter().map(|a| a.amount))?;
    if total != received {
        let message = format!("the lines of this payment add up to {total}, the check is {received}");
        odd = Some((Reason::TransactionOutOfBalance, message));
    }
    Ok(Allotment { applications, problem: odd, ..Allotment::default() })
}
