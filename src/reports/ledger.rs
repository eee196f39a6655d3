//! (being filled)
use crate::domain::Entry;
use crate::post::Chart;

/// `entry,date,batch,transaction,document,account,debit,credit,memo,hash`, a line per posting.
pub fn csv(entries: &[Entry]) -> String {
    let _ = entries;
    unimplemented!()
}

/// An hledger journal with every amount written.
pub fn hledger(entries: &[Entry], chart: &Chart) -> String {
    let _ = (entries, chart);
    unimplemented!()
}

/// A beancount file.
pub fn beancount(entries: &[Entry], chart: &Chart) -> String {
    let _ = (entries, chart);
    unimplemented!()
}
