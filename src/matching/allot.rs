//! How much of what was received goes to which bill: exact amounts, sums of expected amounts over several bills, and the
//! rest. The search for amounts that add up has a work limit; two answers that fit equally well are a person's to choose.

use super::Policy;
use super::targets::Target;
use crate::domain::{Application, Cents, MoneyError, Reason};

/// Applications, and what a person must judge about them.
#[derive(Default)]
pub(super) struct Allotment {
    pub applications: Vec<Application>,
    pub problem: Option<(Reason, String)>,
}

fn application(target: &Target<'_>, amount: Cents, rule: &str, why: &str, ledger: &str) -> Application {
    Application {
        biller: Some(target.bill.biller.clone()),
        account: Some(target.bill.account.clone()),
        bill: Some(target.bill.bill.clone()),
        amount,
        ledger: ledger.to_string(),
        rule: format!("{}{rule}", target.rule_prefix),
        evidence: format!("{}; {why}", target.found),
    }
}

fn ledger_of<'p>(target: &Target<'_>, policy: &'p Policy) -> &'p str {
    match target.bill.status {
        crate::domain::AccountStatus::WrittenOff => &policy.ledger.recovered,
        crate::domain::AccountStatus::Active
        | crate::domain::AccountStatus::Disconnected
        | crate::domain::AccountStatus::CutoffPending
        | crate::domain::AccountStatus::Arrangement
        | crate::domain::AccountStatus::CashOnly
        | crate::domain::AccountStatus::Closed
        | crate::domain::AccountStatus::Bankruptcy => &policy.ledger.receivable,
    }
}

/// What is over goes to the customer's credit, as a line of its own.
pub(super) fn credit(target: &Target<'_>, amount: Cents, policy: &Policy) -> Application {
    Application {
        biller: Some(target.bill.biller.clone()),
        account: Some(target.bill.account.clone()),
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
        Some(application(t, amount, "expected-amount", why, ledger_of(t, policy)))
    };
    targets.iter().filter_map(line).collect()
}

/// Splits `received` over the bills. `all_known`: every stub of the envelope has its bill among `targets`.
pub(super) fn allot(
    targets: &[Target<'_>],
    received: Cents,
    all_known: bool,
    policy: &Policy,
) -> Result<Allotment, MoneyError> {
    if targets.is_empty() {
        return Ok(Allotment::default());
    }
    if targets.iter().any(|t| t.share.is_some()) {
        return shares(targets, received, policy);
    }
    if !all_known {
        // The known bills get their usual amounts as far as the money goes; the rest waits for the unknown stub.
        let usual = expected_only(targets, policy);
        let fits = Cents::sum(usual.iter().map(|a| a.amount))? <= received;
        return Ok(Allotment { applications: if fits { usual } else { Vec::new() }, problem: None });
    }
    let due: Vec<Cents> = targets.iter().map(|t| t.expected.first().map_or(Cents::ZERO, |e| e.amount)).collect();
    let due_total = Cents::sum(due.iter().copied())?;
    match search(targets, received, policy.search_steps)? {
        Search::One(choice) => Ok(Allotment { applications: chosen(targets, &choice, policy), problem: None }),
        Search::Many(choice) => {
            let message = format!("several ways of paying these {} bills add up to {received}", targets.len());
            let applications = chosen(targets, &choice, policy);
            Ok(Allotment { applications, problem: Some((Reason::AmbiguousMatch, message)) })
        }
        Search::GaveUp => {
            let message =
                format!("too many ways of paying these {} bills with {received}: a person must choose", targets.len());
            Ok(Allotment { applications: Vec::new(), problem: Some((Reason::AmbiguousMatch, message)) })
        }
        Search::None if received < due_total => {
            let short = due_total.minus(received)?;
            let mut rest = received;
            let mut applications = Vec::new();
            for (target, due) in targets.iter().zip(&due) {
                let part = rest.min(*due);
                if part.is_positive() {
                    let why = if part == *due { "it is the amount due" } else { "it is a part of the amount due" };
                    let rule = if part == *due { "amount-due" } else { "part-payment" };
                    applications.push(application(target, part, rule, why, ledger_of(target, policy)));
                    rest = rest.minus(part)?;
                }
            }
            let tolerated = short <= policy.short_tolerance;
            let hint = hint(targets, received);
            let mut message = format!("received {received}, expected {due_total}: short by {short}{hint}");
            // The usual cause with several stubs: the others belong to another envelope.
            let alone = targets.iter().find(|t| t.expected.iter().any(|e| e.amount == received));
            if let (Some(alone), true) = (alone, targets.len() > 1) {
                message.push_str(&format!(
                    "; it is exactly what account {} expects, so the other stubs may be of another envelope (regroup)",
                    alone.bill.account.masked()
                ));
            }
            Ok(Allotment {
                applications,
                problem: (!tolerated).then_some((reason(targets, Reason::Underpaid), message)),
            })
        }
        Search::None => {
            let over = received.minus(due_total)?;
            let mut applications: Vec<Application> = targets
                .iter()
                .zip(&due)
                .filter(|(_, due)| due.is_positive())
                .map(|(t, due)| application(t, *due, "amount-due", "it is the amount due", ledger_of(t, policy)))
                .collect();
            applications.push(credit(&targets[0], over, policy));
            let tolerated = over <= policy.over_tolerance;
            let hint = hint(targets, received);
            let message = format!("received {received}, expected {due_total}: over by {over}{hint}");
            Ok(Allotment {
                applications,
                problem: (!tolerated).then_some((reason(targets, Reason::Overpaid), message)),
            })
        }
    }
}

/// What would explain the amount to a person, though it may not settle it.
fn hint(targets: &[Target<'_>], received: Cents) -> String {
    let told = targets.iter().flat_map(|t| &t.hints).find(|e| e.amount == received);
    told.map_or_else(String::new, |e| format!("; {}", e.sentence))
}

/// An arrangement whose instalment is known and was not paid has its own reason.
fn reason(targets: &[Target<'_>], usual: Reason) -> Reason {
    let arranged = targets
        .iter()
        .any(|t| t.bill.status == crate::domain::AccountStatus::Arrangement && t.bill.instalment.is_some());
    if arranged { Reason::Arrangement } else { usual }
}

fn chosen(targets: &[Target<'_>], choice: &[usize], policy: &Policy) -> Vec<Application> {
    targets
        .iter()
        .zip(choice)
        .filter_map(|(t, &i)| {
            let e = t.expected.get(i)?;
            Some(application(t, e.amount, e.rule, e.sentence, ledger_of(t, policy)))
        })
        .collect()
}

/// Lines of a file (or a person) say what each bill gets.
fn shares(targets: &[Target<'_>], received: Cents, policy: &Policy) -> Result<Allotment, MoneyError> {
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
            Some(e) => applications.push(application(target, share, e.rule, e.sentence, ledger_of(target, policy))),
            None => {
                let due = target.expected.first().map_or(Cents::ZERO, |e| e.amount);
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
                    applications.push(application(target, to_bill, "as-remitted", why, ledger_of(target, policy)));
                }
                if share > due {
                    applications.push(credit(target, share.minus(to_bill.max(Cents::ZERO))?, policy));
                }
            }
        }
    }
    let total = Cents::sum(applications.iter().map(|a| a.amount))?;
    if total != received {
        let message = format!("the lines of this payment add up to {total}, the check is {received}");
        odd = Some((Reason::TransactionOutOfBalance, message));
    }
    Ok(Allotment { applications, problem: odd })
}

enum Search {
    /// For each target, which of its expected amounts.
    One(Vec<usize>),
    Many(Vec<usize>),
    None,
    GaveUp,
}

/// Which expected amounts add up. All the usual amounts, or all of one rule, win at once; otherwise the answer must be
/// the only one.
fn search(targets: &[Target<'_>], received: Cents, steps: u32) -> Result<Search, MoneyError> {
    if targets.iter().any(|t| t.expected.is_empty()) {
        return Ok(Search::None);
    }
    let sum_of = |choice: &[usize]| {
        Cents::sum(targets.iter().zip(choice).map(|(t, &i)| t.expected.get(i).map_or(Cents::ZERO, |e| e.amount)))
    };
    let usual = vec![0; targets.len()];
    if sum_of(&usual)? == received {
        return Ok(Search::One(usual));
    }
    if let [target] = targets {
        let hit = target.expected.iter().position(|e| e.amount == received);
        return Ok(hit.map_or(Search::None, |i| Search::One(vec![i])));
    }
    let gross: Option<Vec<usize>> =
        targets.iter().map(|t| t.expected.iter().position(|e| e.rule == "gross-amount")).collect();
    if let Some(gross) = gross
        && sum_of(&gross)? == received
    {
        return Ok(Search::One(gross));
    }
    // What the targets from i on can still add, at least and at most: bounds that cut the search short.
    let mut least = vec![Cents::ZERO; targets.len() + 1];
    let mut most = least.clone();
    for (i, t) in targets.iter().enumerate().rev() {
        let amounts = || t.expected.iter().map(|e| e.amount);
        least[i] = least[i + 1].plus(amounts().min().unwrap_or(Cents::ZERO))?;
        most[i] = most[i + 1].plus(amounts().max().unwrap_or(Cents::ZERO))?;
    }
    let mut hunt = Hunt { targets, least, most, steps, choice: Vec::new(), found: Vec::new() };
    let finished = hunt.go(received)?;
    let first = hunt.found.first().cloned();
    Ok(match (first, hunt.found.len()) {
        (Some(choice), 1) if finished => Search::One(choice),
        (Some(choice), n) if n > 1 => Search::Many(choice),
        (None, _) if finished => Search::None,
        _ => Search::GaveUp,
    })
}

struct Hunt<'t, 'b> {
    targets: &'t [Target<'b>],
    least: Vec<Cents>,
    most: Vec<Cents>,
    steps: u32,
    choice: Vec<usize>,
    found: Vec<Vec<usize>>,
}

impl Hunt<'_, '_> {
    /// False when the work limit ended it.
    fn go(&mut self, rest: Cents) -> Result<bool, MoneyError> {
        let at = self.choice.len();
        if at == self.targets.len() {
            if rest.is_zero() {
                self.found.push(self.choice.clone());
            }
            return Ok(true);
        }
        if rest < self.least[at] || rest > self.most[at] {
            return Ok(true);
        }
        for i in 0..self.targets[at].expected.len() {
            if self.found.len() > 1 {
                return Ok(true);
            }
            let Some(steps) = self.steps.checked_sub(1) else { return Ok(false) };
            self.steps = steps;
            let rest = rest.minus(self.targets[at].expected[i].amount)?;
            self.choice.push(i);
            let finished = self.go(rest)?;
            self.choice.pop();
            if !finished {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
