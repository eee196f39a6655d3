//! Open bills and known payers as the billing system gives them. Bank accounts are kept sealed and found by keyed index.

use std::collections::{BTreeMap, BTreeSet};

use super::audit::Event;
use super::db::{Bulk, Kind, Row, Tx, sql, values};
use super::users::hash_of;
use super::*;
use crate::domain::{AccountFlag, AccountNumber, AccountStatus, Bill, Biller, Day, KnownPayer, Sha256};

/// What an import did; `closed` counts only with a complete file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct ImportReport {
    pub added: u64,
    pub changed: u64,
    pub closed: u64,
    pub unchanged: u64,
}

macro_rules! bill_columns {
    () => {
        "biller, bill, account, name, address, city, state, zip, amount_due, current_amount, past_due, late_amount, \
         budget_amount, instalment, due_date, invoice, status, flags, service, extra, is_open, paid"
    };
}

sql! {
    CONTENTS = "select biller, bill, content, is_open from bills where site = $1";
    CLOSE = "update bills set is_open = false where site = $1 and biller = $2 and bill any_of($3)";
    REOPEN = "update bills set is_open = true where site = $1 and biller = $2 and bill any_of($3)";
    ADD_FILE = "insert into bill_files (site, number, date, bills)
                values ($1, (select coalesce(max(number), 0) + 1 from bill_files where site = $1), $2, $3)";
    FILE_DATE = "select max(date) from bill_files where site = $1";
    OF_ACCOUNTS = concat!("select ", bill_columns!(), " from bills where site = $1 and account any_of($2)");
    OF_INVOICES = concat!("select ", bill_columns!(), " from bills where site = $1 and invoice any_of($2)
                           union select ", bill_columns!(), " from bills where site = $1 and bill any_of($2)");
    /// Through the index of the names: those that begin with the word.
    NAMED_SQLITE = concat!("select ", bill_columns!(), " from bills where site = $1 and lower(name) >= $2
        and lower(name) < $3 and is_open order by lower(name) limit 200");
    NAMED_POSTGRES = concat!("select ", bill_columns!(), " from bills where site = $1 and lower(name) collate \"C\" >= $2
        and lower(name) collate \"C\" < $3 and is_open order by lower(name) collate \"C\" limit 200");
    /// The site is a column of the list: with a plain `bills.site = $1` all bills of the site would be looked through, the
    /// list once for each.
    PAY_SQLITE = "with x as materialized (select $1 as site, value ->> 0 as biller, value ->> 1 as bill,
        cast(value ->> 2 as integer) as amount from json_each($2)) update bills set paid = paid + x.amount from x
        where bills.site = x.site and bills.biller = x.biller and bills.bill = x.bill";
    PAY_POSTGRES = "update bills set paid = paid + x.amount from (select value ->> 0 as biller, value ->> 1 as bill,
        cast(value ->> 2 as bigint) as amount from json_array_elements(cast($2 as json))) x
        where bills.site = $1 and bills.biller = x.biller and bills.bill = x.bill";
    PAY_ANY = "update bills set paid = paid + $3 where site = $1 and bill = $2";
    PAYERS = "select bank_index, biller, account, routing, sealed from payers where site = $1 and bank_index any_of($2)";
}

const ADD_BILLS: Bulk = Bulk {
    table: "bills",
    columns: &[
        ("site", Kind::Text),
        ("biller", Kind::Text),
        ("bill", Kind::Text),
        ("account", Kind::Text),
        ("name", Kind::Text),
        ("address", Kind::Text),
        ("city", Kind::Text),
        ("state", Kind::Text),
        ("zip", Kind::Text),
        ("amount_due", Kind::Int),
        ("current_amount", Kind::Int),
        ("past_due", Kind::Int),
        ("late_amount", Kind::Int),
        ("budget_amount", Kind::Int),
        ("instalment", Kind::Int),
        ("due_date", Kind::Text),
        ("invoice", Kind::Text),
        ("status", Kind::Text),
        ("flags", Kind::Text),
        ("service", Kind::Text),
        ("extra", Kind::Text),
        ("is_open", Kind::Flag),
        ("paid", Kind::Int),
        ("content", Kind::Text),
    ],
    // New amounts of the billing system already know what was paid; the same amounts do not.
    tail: "on conflict (site, biller, bill) do update set account = excluded.account, name = excluded.name,
           address = excluded.address, city = excluded.city, state = excluded.state, zip = excluded.zip,
           paid = case when bills.amount_due = excluded.amount_due then bills.paid else 0 end,
           amount_due = excluded.amount_due, current_amount = excluded.current_amount, past_due = excluded.past_due,
           late_amount = excluded.late_amount, budget_amount = excluded.budget_amount,
           instalment = excluded.instalment, due_date = excluded.due_date, invoice = excluded.invoice,
           status = excluded.status, flags = excluded.flags, service = excluded.service, extra = excluded.extra,
           is_open = excluded.is_open, content = excluded.content",
};

const ADD_PAYERS: Bulk = Bulk {
    table: "payers",
    columns: &[
        ("site", Kind::Text),
        ("bank_index", Kind::Text),
        ("biller", Kind::Text),
        ("account", Kind::Text),
        ("routing", Kind::Text),
        ("sealed", Kind::Bytes),
    ],
    tail: "on conflict (site, bank_index, biller, account) do nothing",
};

/// What the billing system says, without what we add to it.
fn content_of(bill: &Bill) -> Result<Sha256, StoreError> {
    hash_of(&Bill { open: true, paid: Cents::ZERO, ..bill.clone() })
}

fn bill_row(site: &str, bill: &Bill, content: Sha256) -> Result<Vec<db::Value>, StoreError> {
    let json = |e| StoreError::damaged("a bill's columns", e);
    Ok(values![
        site,
        &bill.biller.0,
        &bill.bill,
        bill.account.reveal(),
        &bill.name,
        &bill.address,
        &bill.city,
        &bill.state,
        &bill.zip,
        bill.amount_due,
        bill.current,
        bill.past_due,
        bill.late_amount,
        bill.budget_amount,
        bill.instalment,
        bill.due_date,
        &bill.invoice,
        bill.status.as_str(),
        serde_json::to_string(&bill.flags).map_err(json)?,
        &bill.service,
        serde_json::to_string(&bill.extra).map_err(json)?,
        true,
        0i64,
        content,
    ])
}

fn bill_of(row: &Row) -> Result<Bill, StoreError> {
    let bill = row.text(1)?;
    let place = format!("bill {bill}");
    let flags: Vec<AccountFlag> = serde_json::from_str(&row.text(17)?).map_err(|e| StoreError::damaged(&place, e))?;
    let extra: BTreeMap<String, String> =
        serde_json::from_str(&row.text(19)?).map_err(|e| StoreError::damaged(&place, e))?;
    Ok(Bill {
        biller: Biller(row.text(0)?),
        account: AccountNumber::new(row.text(2)?),
        name: row.text(3)?,
        address: row.text(4)?,
        city: row.text(5)?,
        state: row.text(6)?,
        zip: row.text(7)?,
        amount_due: row.cents(8)?,
        current: row.cents_or_null(9)?,
        past_due: row.cents_or_null(10)?,
        late_amount: row.cents_or_null(11)?,
        budget_amount: row.cents_or_null(12)?,
        instalment: row.cents_or_null(13)?,
        due_date: row.parsed_or_null(14, &place)?,
        invoice: row.text(15)?,
        status: row.known(16, &place, AccountStatus::parse)?,
        flags,
        service: row.text_or_null(18)?,
        extra,
        open: row.flag(20)?,
        paid: row.cents(21)?,
        bill,
    })
}

/// Here and not in the database, whose order of texts depends on its settings.
fn in_order(mut bills: Vec<Bill>) -> Vec<Bill> {
    bills.sort_by(|a, b| {
        let key = |x: &Bill| (x.account.clone(), x.due_date, x.biller.clone(), x.bill.clone());
        key(a).cmp(&key(b))
    });
    bills
}

impl Store {
    /// Takes a bill file in one transaction. `date` is the business date of the file. `full`: the file is the complete
    /// list, so open bills that it does not name are closed; refused when that would close more than half, unless
    /// `force`. What posted batches have applied (`paid`) stays while a bill's amount stays, and starts again at zero
    /// when the billing system sends a new one. Of rows with the same biller and number the last counts.
    pub async fn import_bills(
        &self,
        bills: &[Bill],
        date: Day,
        full: bool,
        force: bool,
        by: &UserName,
    ) -> Result<ImportReport, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                let mut known: BTreeMap<(String, String), (String, bool)> = BTreeMap::new();
                for row in tx.rows(CONTENTS, values![self.site()]).await? {
                    known.insert((row.text(0)?, row.text(1)?), (row.text(2)?, row.flag(3)?));
                }
                let given: BTreeMap<(&str, &str), &Bill> =
                    bills.iter().map(|b| ((b.biller.0.as_str(), b.bill.as_str()), b)).collect();
                let mut report = ImportReport::default();
                let mut rows = Vec::new();
                let mut reopened: BTreeMap<&str, Vec<String>> = BTreeMap::new();
                for ((biller, number), bill) in &given {
                    let content = content_of(bill)?;
                    match known.get(&(biller.to_string(), number.to_string())) {
                        None => report.added += 1,
                        Some((old, open)) if *old == content.to_string() => {
                            match open {
                                true => report.unchanged += 1,
                                false => {
                                    report.changed += 1;
                                    reopened.entry(biller).or_default().push(number.to_string());
                                }
                            }
                            continue;
                        }
                        Some(_) => report.changed += 1,
                    }
                    rows.push(bill_row(self.site(), bill, content)?);
                }
                let mut closing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
                if full {
                    let open = known.values().filter(|(_, open)| *open).count() as u64;
                    for (key, _) in known.iter().filter(|(_, (_, open))| *open) {
                        if !given.contains_key(&(key.0.as_str(), key.1.as_str())) {
                            closing.entry(&key.0).or_default().push(key.1.clone());
                            report.closed += 1;
                        }
                    }
                    if report.closed * 2 > open && !force {
                        return Err(StoreError::ClosesTooMuch { closing: report.closed, open });
                    }
                    // A later list has bills that were never seen; one that has none, opens what a later one closed and lacks
                    // what that one brought is the list of an earlier day.
                    let opening: u64 = reopened.values().map(|numbers| numbers.len() as u64).sum();
                    if report.added == 0 && opening > 0 && report.closed > 0 && !force {
                        return Err(StoreError::OlderList { opening, closing: report.closed });
                    }
                }
                tx.insert(&ADD_BILLS, rows).await?;
                self.add_old_accounts(&mut tx, &given.values().copied().collect::<Vec<_>>()).await?;
                for (sql, list) in [(CLOSE, closing), (REOPEN, reopened)] {
                    for (biller, numbers) in list {
                        tx.run(sql, values![self.site(), biller, numbers]).await?;
                    }
                }
                tx.run(ADD_FILE, values![self.site(), date, given.len() as i64]).await?;
                let note = format!(
                    "added {}, changed {}, closed {}, unchanged {}",
                    report.added, report.changed, report.closed, report.unchanged
                );
                let id = date.to_string();
                let event = Event::said(by, "import-bills", "bills", &id, &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(report)
            })
        })
        .await
    }

    /// All bills (open and closed) of these accounts, ordered by account, due date and number. Biller `None`: of any.
    pub async fn bills_for(&self, accounts: &[(Option<Biller>, AccountNumber)]) -> Result<Vec<Bill>, StoreError> {
        let wanted: BTreeSet<(Option<&str>, &str)> = accounts
            .iter()
            .map(|(biller, account)| (biller.as_ref().map(|b| b.0.as_str()), account.reveal()))
            .collect();
        let numbers: BTreeSet<String> = accounts.iter().map(|a| a.1.reveal().to_string()).collect();
        let mut tx = self.db().read().await?;
        let mut bills = Vec::new();
        for row in tx.rows(OF_ACCOUNTS, values![self.site(), Vec::from_iter(numbers)]).await? {
            let bill = bill_of(&row)?;
            let account = bill.account.reveal();
            if wanted.contains(&(None, account)) || wanted.contains(&(Some(bill.biller.0.as_str()), account)) {
                bills.push(bill);
            }
        }
        Ok(in_order(bills))
    }

    /// Bills by invoice number or bill number, as a stub or remittance line names them.
    pub async fn bills_for_invoices(&self, invoices: &[String]) -> Result<Vec<Bill>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(OF_INVOICES, values![self.site(), invoices.to_vec()]).await?;
        Ok(in_order(rows.iter().map(bill_of).collect::<Result<_, _>>()?))
    }

    /// Open bills whose name begins with one of these words (in lower case), at most 200 for each: for suggestions. It
    /// costs the same for ten bills and for a million.
    pub async fn bills_named(&self, words: &[String]) -> Result<Vec<Bill>, StoreError> {
        let mut tx = self.db().read().await?;
        let mut bills = Vec::new();
        for word in words.iter().filter(|w| w.chars().all(char::is_alphabetic)).take(12) {
            let sql = if tx.is_sqlite() { NAMED_SQLITE } else { NAMED_POSTGRES };
            let rows = tx.rows(sql, values![self.site(), word, format!("{word}\u{10ffff}")]).await?;
            bills.extend(rows.iter().map(bill_of).collect::<Result<Vec<_>, _>>()?);
        }
        let mut bills = in_order(bills);
        bills.dedup_by(|a, b| a.biller == b.biller && a.bill == b.bill);
        Ok(bills)
    }

    /// The business date of the newest bill file; `None` before the first.
    pub async fn bills_file_date(&self) -> Result<Option<Day>, StoreError> {
        let mut tx = self.db().read().await?;
        match tx.first(FILE_DATE, values![self.site()]).await? {
            Some(row) => row.parsed_or_null(0, "bill file"),
            None => Ok(None),
        }
    }

    pub(super) fn bank_index(&self, routing: &str, account: &BankAccount) -> String {
        self.keys().index(&["payers", &digits(routing), &account.key()])
    }

    /// Adds known payers; `added` and `unchanged` are filled. Compared on digits only.
    pub async fn import_payers(&self, payers: &[KnownPayer], by: &UserName) -> Result<ImportReport, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut rows = Vec::with_capacity(payers.len());
                for payer in payers {
                    let index = self.bank_index(&payer.routing, &payer.bank_account);
                    let place = ["payers", "sealed", &index];
                    let sealed = self.keys().seal(&place, payer.bank_account.reveal().as_bytes())?;
                    let account = payer.account.reveal();
                    rows.push(values![self.site(), index, &payer.biller.0, account, &payer.routing, sealed]);
                }
                let mut tx = self.db().write().await?;
                let added = tx.insert(&ADD_PAYERS, rows).await?;
                let report = ImportReport { added, unchanged: payers.len() as u64 - added, ..ImportReport::default() };
                let note = format!("added {added}, unchanged {}", report.unchanged);
                let event = Event::said(by, "import-payers", "payers", "", &note);
                self.record(&mut tx, event).await?;
                tx.commit().await?;
                Ok(report)
            })
        })
        .await
    }

    /// Who is known to pay from these bank accounts: (routing digits, account). One bank account may pay for several.
    pub async fn payers_of(&self, accounts: &[(String, BankAccount)]) -> Result<Vec<KnownPayer>, StoreError> {
        let indexes: BTreeSet<String> = accounts.iter().map(|(r, a)| self.bank_index(r, a)).collect();
        let mut tx = self.db().read().await?;
        let rows = tx.rows(PAYERS, values![self.site(), Vec::from_iter(indexes)]).await?;
        let mut payers: Vec<KnownPayer> = rows.iter().map(|r| self.payer_of(r)).collect::<Result<_, _>>()?;
        payers.sort_by(|a, b| {
            let key = |p: &KnownPayer| (p.routing.clone(), p.bank_account.key(), p.biller.clone(), p.account.clone());
            key(a).cmp(&key(b))
        });
        Ok(payers)
    }

    fn payer_of(&self, row: &Row) -> Result<KnownPayer, StoreError> {
        let index = row.text(0)?;
        let text = self.keys().open(&["payers", "sealed", &index], &row.bytes(4)?)?;
        let text = String::from_utf8(text).map_err(|_| StoreError::damaged("a payer", "not text"))?;
        Ok(KnownPayer {
            routing: row.text(3)?,
            bank_account: BankAccount::new(text),
            biller: Biller(row.text(1)?),
            account: AccountNumber::new(row.text(2)?),
        })
    }

    /// A posted application pays its bill: `paid` grows (in the posting's transaction).
    pub(super) async fn pay_bills(
        &self,
        tx: &mut Tx,
        paid: &BTreeMap<(Option<String>, String), Cents>,
    ) -> Result<(), StoreError> {
        // All whose biller is known in one statement, each found by its primary key.
        let known: Vec<(&str, &str, i64)> = paid
            .iter()
            .filter_map(|((biller, bill), amount)| Some((biller.as_deref()?, bill.as_str(), amount.get())))
            .collect();
        if !known.is_empty() {
            let list = serde_json::to_string(&known).map_err(|e| StoreError::damaged("a list of bills", e))?;
            let sql = if tx.is_sqlite() { PAY_SQLITE } else { PAY_POSTGRES };
            if tx.run(sql, values![self.site(), list]).await? != known.len() as u64 {
                let bills: Vec<&str> = known.iter().map(|k| k.1).collect();
                return Err(StoreError::not_found("bill (one of that number each)", bills.join(" ")));
            }
        }
        for ((_, bill), amount) in paid.iter().filter(|((biller, _), _)| biller.is_none()) {
            if tx.run(PAY_ANY, values![self.site(), bill, *amount]).await? != 1 {
                return Err(StoreError::not_found("bill (one of that number)", bill));
            }
        }
        Ok(())
    }
}

/// Digits only: how routing numbers and serials are compared.
pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
