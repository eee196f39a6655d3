//! What an account paid and what came back of it: the last payment, and how many returns within twelve months make it pay by
//! cash.

use remit::domain::drawer::Tender;
use remit::domain::*;
use remit::post::{self, Chart};
use remit::store::*;

use super::site::*;

/// The check of account `A<number>` in a batch comes back.
async fn comes_back(site: &Site, batch: &BatchId, number: u32, date: Day, policy: &ReturnPolicy) -> TakenReturn {
    let paid = site.store.transactions(batch).await.unwrap().remove(number as usize - 1);
    site.store.take_return(&returned("main", &paid, date, policy), &olga()).await.unwrap()
}

/// Each row: so many returns restrict; the days of three returns in the order in which they are taken, each with the last day on
/// which the account may not pay by check as it stands then.
const RETURNS: &str = "2 | 2026-01-10 -          | 2026-11-30 2027-11-30 | 2027-01-15 2028-01-15
    2 | 2025-11-29 -          | 2026-11-30 -          | 2027-12-01 -
    2 | 2025-11-30 -          | 2026-11-30 -          | 2026-12-01 2027-12-01
    2 | 2025-12-01 -          | 2026-11-30 2027-11-30 | 2026-11-30 2027-11-30
    2 | 2026-11-30 -          | 2025-06-01 -          | 2026-02-01 2027-11-30
    2 | 2026-06-01 -          | 2026-11-30 2027-11-30 | 2026-05-01 2027-11-30
    3 | 2025-10-01 -          | 2026-01-10 -          | 2026-11-30 -
    3 | 2025-12-15 -          | 2026-01-10 -          | 2026-11-30 2027-11-30
    3 | 2026-11-30 -          | 2026-01-10 -          | 2025-11-30 -
    3 | 2026-11-30 -          | 2026-01-10 -          | 2025-12-01 2027-11-30
    1 | 2026-11-30 2027-11-30 | 2027-12-01 2028-12-01 | 2024-01-01 2028-12-01
    0 | 2026-11-30 -          | 2026-11-30 -          | 2026-11-30 -";

pub async fn so_many_returns_within_twelve_months_make_an_account_pay_by_cash(site: &Site) {
    let rows: Vec<Vec<&str>> = RETURNS.lines().map(|l| l.split('|').map(str::trim).collect()).collect();
    let mut batches = Vec::new();
    for seed in ["first", "second", "third"] {
        batches.push(posted(site, seed, 2 * rows.len() as u32).await);
    }
    for (row, number) in rows.iter().zip(1u32..) {
        let policy = ReturnPolicy { cash_only_after: row[0].parse().unwrap(), ..ReturnPolicy::default() };
        let account = AccountNumber::new(format!("A{number}"));
        for (step, batch) in row[1..].iter().zip(&batches) {
            let (date, until) = step.split_once(' ').unwrap();
            let taken = comes_back(site, batch, number, day(date), &policy).await;
            let stands = site.store.cash_only(&[&account], day("2020-01-01")).await.unwrap();
            let stands = stands.first().map_or("-".to_string(), |r| r.2.to_string());
            assert_eq!(stands, until.trim(), "{row:?}: after the return of {date}");
            assert!(taken.restricted.iter().all(|r| r.1 == account), "{row:?}");
            if let Ok(until) = until.trim().parse::<Day>() {
                for (on, may_not) in [(until, true), (until.plus_days(1), false)] {
                    let now = site.store.cash_only(&[&account], on).await.unwrap();
                    assert_eq!(!now.is_empty(), may_not, "{row:?}: on {on}");
                }
            }
        }
    }
    site.holds().await;
}

pub async fn the_last_payment_is_the_last_that_stands(site: &Site) {
    let s = &site.store;
    let kim = UserName("kim".into());
    s.add_user(&kim, &[Role::Cashier], &admin()).await.unwrap();
    let accounts = [AccountNumber::new("A1"), AccountNumber::new("A2"), AccountNumber::new("A9")];
    let other = TransactionId::of(&[b"another"]);
    let said = async |besides: &TransactionId| {
        let mut last = s.last_paid(&accounts, besides).await.unwrap();
        last.sort_by(|a, b| a.account.cmp(&b.account));
        last.iter().map(|l| format!("{} {} {}", l.account.reveal(), l.date, l.amount)).collect::<Vec<_>>().join(", ")
    };
    in_review(site, "waits", 4, None).await;
    assert_eq!(said(&other).await, "", "what is not posted is not paid");
    let batch = posted(site, "paid", 4).await;
    assert_eq!(said(&other).await, "A1 2026-11-27 10.02, A2 2026-11-27 10.04");
    let own = s.transactions(&batch).await.unwrap().remove(0).id;
    assert_eq!(said(&own).await, "A2 2026-11-27 10.04", "the payment itself is not what was paid before");
    comes_back(site, &batch, 1, day("2026-12-01"), &ReturnPolicy::default()).await;
    assert_eq!(said(&other).await, "A2 2026-11-27 10.04", "what came back is not paid");
    let entry = s.entries_of_transaction(&s.transactions(&batch).await.unwrap()[1].id).await.unwrap()[0];
    let (drawer, _) = s.open_drawer("front", day("2026-11-20"), Cents::ZERO, &kim).await.unwrap();
    for (number, amount) in [(1, 300), (2, 400)] {
        let (biller, account) = (Biller("power".into()), AccountNumber::new(format!("A{number}")));
        let slip = NewSlip {
            is_payout: false,
            tender: Tender::Cash,
            amount: cents(amount),
            tendered: cents(amount),
            reference: String::new(),
            biller: Some(biller),
            account: Some(account),
            bill: None,
            to_bill: Cents::ZERO,
            memo: String::new(),
            mark: String::new(),
            notice: None,
        };
        let draft = |n| post::receipt_entry(n, day("2026-11-20"), Tender::Cash, cents(amount), None, &Chart::default());
        s.add_slip(drawer.number, &slip, draft, &kim).await.unwrap();
    }
    assert_eq!(said(&other).await, "A1 2026-11-20 3.00, A2 2026-11-27 10.04", "the newest of mail and counter");
    let mail = s.entries(entry - 1, 1).await.unwrap().remove(0);
    let mirror = post::mirror(&mail, day("2026-12-02")).unwrap();
    s.reverse(entry, "mirror", &mirror, &[], "wrong", &sven()).await.unwrap();
    assert_eq!(said(&other).await, "A1 2026-11-20 3.00, A2 2026-11-20 4.00", "what was taken back is not paid");
    site.holds().await;
}
