//! `remit`: from a scanned envelope to balanced books and a deposit.
//!
//! The path of one check: [`station`] takes the bytes and hashes them, [`ingest`] says what came, [`decode`] reads the
//! account line, [`grouping`] finds the envelope it came in, [`matching`] proposes which bills it pays, [`balance`] proves
//! the batch, [`post`] writes the journal, [`truncation`] makes the image cash letter. Whatever a stage cannot decide goes
//! to [`exceptions`]. [`pipeline`] is the run; nothing else decides the order.
//!
//! Layers (an arrow may only point down; `tests/tidy.rs` checks it):
//!
//! | layer | rooms |
//! |---|---|
//! | 0 | [`domain`], [`clock`] |
//! | 1 | [`formats`], [`imaging`] |
//! | 2 | [`ingest`] [`decode`] [`grouping`] [`matching`] [`balance`] [`post`] [`truncation`] [`exceptions`] [`reports`] [`deck`]: pure, no files, no database |
//! | 3 | [`store`]: all SQL, the object store, encryption |
//! | 4 | [`pipeline`], [`station`], [`web`] (the review desk), [`cli`] |
//! | 5 | `main`, [`config`] |
//!
//! What always holds (`remit verify` proves it on a live site): every journal entry sums to zero; a batch is approved only
//! when its checks equal its applications to the cent; captured = deposited + held + rejected + void; each document is in
//! exactly one transaction; a check is in at most one live deposit; taking the same thing twice changes nothing; posted
//! history is append-only and chained by hash.

#![forbid(unsafe_code)]

pub mod balance;
pub mod cli;
pub mod clock;
pub mod config;
pub mod deck;
pub mod decode;
pub mod domain;
pub mod exceptions;
pub mod formats;
pub mod grouping;
pub mod imaging;
pub mod ingest;
pub mod matching;
pub mod pipeline;
pub mod post;
pub mod reports;
pub mod station;
pub mod store;
pub mod truncation;
pub mod web;
