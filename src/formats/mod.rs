//! Wire formats: what banks, lockboxes, capture stations and billing systems send or take. Bytes in, values and located
//! faults out, and the way back; no files, no clock, no decisions.

pub mod bai2;
pub mod bai_lockbox;
pub mod bills_csv;
pub mod capture_index;
pub mod csv_text;
pub mod ebcdic;
pub mod fault;
pub mod inspection;
pub mod iso20022;
pub mod magnetic;
pub mod nacha;
pub mod record;
pub mod window;
pub mod x12;
pub mod x9;

/// Decimal places of a currency: none for yen and won, two for the others that our ledgers know.
pub fn currency_places(currency: &str) -> usize {
    match currency.trim() {
        "JPY" | "KRW" | "ISK" | "CLP" | "VND" => 0,
        _ => 2,
    }
}

pub use inspection::{Format, Inspection, inspect, inspect_from, sniff};

#[cfg(test)]
mod bad_input_tests;
