//! How the embedded database goes about every statement of the store: none reads a whole table, nor all rows of a site, where
//! it could go to the rows it needs. What must read them all is listed with its reason.
//!
//! Without statistics SQLite takes all rows of a site for ten. A statement that it leads astray says `order by number + 0`, so
//! that the order is not taken for a way in, or `cross join`, which it goes through as written.

use std::collections::BTreeMap;

use super::site::*;

/// Tables that do not grow with the payments of a site.
const SMALL: &[&str] = &[
    "sites",
    "users",
    "credentials",
    "invitations",
    "tokens",
    "sessions",
    "layouts",
    "setting_changes",
    "amount_zones",
    "approvals",
    "bill_files",
    "day_roots",
    "drawers",
    "leases",
    "first_keys",
    "answers",
    "outbox",
    "match_turns",
    "jobs_undone",
    "batch_parts",
    "legal_holds",
    "refusals",
    "restrictions",
    "change_notices",
    "sealed_tables",
    "exceptions_open",
    "posting_files",
];

/// Statements, or whole rooms, that read all rows of a site, and why they may.
const ALL_ROWS: &[(&str, &str)] = &[
    ("verify", "a proof reads everything"),
    ("reseal", "whatever an old key sealed is looked for everywhere"),
    ("seals SEALS", "the proof compares every seal"),
    ("seals TABLES_SQLITE", "the tables of the schema"),
    ("carry SHAPE_SQLITE", "the tables of the schema"),
    ("batches SUMMARY", "the list of all batches"),
    ("batches QUEUE", "all exceptions ever, for a report"),
    ("bills PAY_SQLITE", "a list of what one batch pays"),
    ("bills CONTENTS", "a list of bills is compared with all bills"),
    ("books OF_POSTING", "one row for each posted batch; a person takes an entry back"),
    ("books IS_REVERSAL", "the entries that people took back are few"),
    ("books REVERSALS", "the list of all of them"),
    ("deposits LIST", "the list of all deposits"),
    ("deposits ITEMS", "the list of all deposits"),
    ("desk BY_CENTS", "the cents of an amount are no way into an index"),
    ("desk BY_NAME", "a name may stand anywhere in a name"),
    ("desk NEWEST_AUDIT", "backwards from the end, and no further than asked for"),
    ("desk STATES", "how many payments of every batch are in which state"),
    ("desk HOURS", "the files that came, one row each"),
    ("desk STRAIGHT", "the batches, one row each"),
    ("desk BY_DATE", "the batches, one row each"),
    ("journal BALANCES", "a trial balance adds up the whole journal"),
    ("purge", "once in a while, and one row for each batch, file or pack"),
    ("returns LIST", "the list of all returns"),
    ("returns PARTS", "the list of all returns"),
    ("returns AT_BANK", "batches that the bank deposited itself, one row each"),
];

pub async fn no_statement_reads_what_it_need_not(site: &Site) {
    let plans = site.store.plans().await.unwrap();
    if plans.is_empty() {
        return;
    }
    let rows = site.ask("select name || ' ' || tbl_name from sqlite_master where type = 'index'").await;
    let tables: BTreeMap<&str, &str> = rows.iter().filter_map(|row| row.split_once(' ')).collect();
    let (mut wrong, mut used) = (Vec::new(), vec![false; ALL_ROWS.len()]);
    let mut seen = 0;
    for (name, steps) in &plans {
        for step in steps {
            seen += 1;
            let Some(why) = reads_all(step, &tables) else { continue };
            let room = name.split(' ').next().unwrap_or_default();
            match ALL_ROWS.iter().position(|(listed, _)| listed == name || *listed == room) {
                Some(place) => used[place] = true,
                None => wrong.push(format!("{name}: {why}: {step}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(plans.len() > 250 && seen > 500, "{} statements, {seen} steps", plans.len());
    let idle: Vec<&str> = ALL_ROWS.iter().zip(&used).filter(|(_, used)| !**used).map(|(l, _)| l.0).collect();
    assert!(idle.is_empty(), "listed, and not so: {idle:?}");
    // And it would be seen.
    for (step, told) in [
        ("SCAN documents", true),
        ("SCAN d USING COVERING INDEX sqlite_autoindex_documents_1", true),
        ("SEARCH d USING INDEX sqlite_autoindex_documents_1 (site=?)", true),
        ("SEARCH d USING INDEX sqlite_autoindex_documents_1 (site=? AND id=?)", false),
        ("SEARCH u USING INDEX sqlite_autoindex_users_1 (site=?)", false),
        ("SCAN json_each VIRTUAL TABLE INDEX 1:", false),
    ] {
        assert_eq!(reads_all(step, &tables).is_some(), told, "{step}");
    }
}

/// Does this step of a plan read a whole table, or all rows of a site in one that grows?
fn reads_all(step: &str, tables: &BTreeMap<&str, &str>) -> Option<&'static str> {
    let mut words = step.split(' ');
    match words.next()? {
        "SCAN" if step.contains("VIRTUAL TABLE") || step.starts_with("SCAN CONSTANT ROW") => None,
        "SCAN" => Some("a whole table"),
        "SEARCH" if step.contains("(site=?)") => {
            let index = words.find(|word| tables.contains_key(word) || word.starts_with("sqlite_"))?;
            let table = tables.get(index)?;
            (!SMALL.contains(table) && !SMALL.contains(&index)).then_some("all rows of the site")
        }
        _ => None,
    }
}
