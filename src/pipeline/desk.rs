//! What the review desk shows of one payment, loaded by itself: its papers with what was read on them, the bills it may
//! pay, the likely answers, and everything that happened to it. And the moves that only the desk has: a candidate by its
//! name, the second keying of a large amount.

use std::collections::BTreeMap;

use super::amounts;
use crate::config::AmountMode;
use crate::domain::{
    AmountOutcome, AmountRead, Batch, Bill, Cents, Decision, Document, DocumentId, DocumentKind, Exception, ImageRef,
    ImageRole, PixelBox, Reading, Role, Transaction, User, UserName,
};
use crate::exceptions::{self, Candidate};
use crate::grouping::{self, Evidence};
use crate::matching;
use crate::pipeline::{AfterDecision, Face, Office, OfficeError, Result};
use crate::store::AuditRow;

/// One document on the screen.
#[derive(Clone, Debug)]
pub struct Paper {
    pub document: Document,
    pub evidence: Evidence,
    pub readings: Vec<Reading>,
    /// The image that came as the back is the front.
    pub swapped: bool,
    /// Degrees clockwise that make the front upright.
    pub rotation: u16,
    /// The station saw it from behind.
    pub mirrored: bool,
}

impl Paper {
    fn new(document: Document, mut readings: Vec<Reading>, decisions: &[Decision], mode: AmountMode) -> Paper {
        readings.retain(|r| !document.is_replaced(&r.file));
        let face = Face::of(&document, &readings);
        let readings = amounts::usable(readings, mode);
        let evidence = grouping::evidence(&document, &readings, decisions);
        let mirrored = readings.last().is_some_and(|r| r.mirrored);
        Paper { document, evidence, readings, swapped: face.swapped, rotation: face.rotation, mirrored }
    }

    pub fn kind(&self) -> DocumentKind {
        self.evidence.kind
    }

    /// The role of the image that shows a side, the bitonal one or the gray one as asked, whichever is there.
    pub fn role(&self, front: bool, gray: bool) -> Option<ImageRole> {
        let order = match (front != self.swapped, gray) {
            (true, true) => [ImageRole::FrontGray, ImageRole::Front],
            (true, false) => [ImageRole::Front, ImageRole::FrontGray],
            (false, true) => [ImageRole::BackGray, ImageRole::Back],
            (false, false) => [ImageRole::Back, ImageRole::BackGray],
        };
        order.into_iter().find(|role| self.document.images.iter().any(|i| i.role == *role))
    }

    /// Scans of sides that were scanned again, the oldest first.
    pub fn earlier(&self) -> impl Iterator<Item = &ImageRef> {
        self.document.images.iter().filter(|i| i.role == ImageRole::Replaced)
    }

    /// The amount on this check was drawn for blind keying: nothing of what was read or is owed may be shown.
    pub fn is_blind(&self) -> bool {
        let verdict = self.readings.iter().rev().find_map(|r| r.amount.verdict.as_ref());
        verdict.is_some_and(|v| v.outcome == AmountOutcome::Sampled)
    }

    /// Where the amount stands in figures, when the reader found it.
    pub fn amount_box(&self) -> Option<PixelBox> {
        let field = self.readings.iter().rev().find_map(|r| r.amount.field.as_ref()).map(|f| f.bbox);
        field.filter(|b| b.w > 0 && b.h > 0)
    }

    /// Where the amount stands in words, as far as its place can be told from the figures'.
    pub fn words_box(&self) -> Option<PixelBox> {
        let words = self.readings.iter().rev().find_map(|r| r.amount.field.as_ref()).and_then(|f| f.words);
        words.filter(|b| b.w > 0 && b.h > 0)
    }

    /// Where something was read, for the box on the image: account line, scanline, barcodes.
    pub fn boxes(&self) -> Vec<(&'static str, PixelBox)> {
        let mut found = Vec::new();
        for reading in &self.readings {
            if let Some(line) = reading.micr.as_ref().and_then(|m| around(m.chars.iter().map(|c| c.bbox))) {
                found.push(("account line", line));
            }
            if let Some(line) = &reading.scanline {
                found.push(("scanline", line.bbox));
            }
            found.extend(reading.barcodes.iter().map(|b| ("barcode", b.bbox)));
        }
        found
    }
}

/// The smallest box around boxes.
fn around(boxes: impl Iterator<Item = PixelBox>) -> Option<PixelBox> {
    boxes.reduce(|a, b| {
        let (x, y) = (a.x.min(b.x), a.y.min(b.y));
        let (right, bottom) = ((a.x + a.w).max(b.x + b.w), (a.y + a.h).max(b.y + b.h));
        PixelBox { x, y, w: right - x, h: bottom - y }
    })
}

/// One payment with one question.
#[derive(Clone, Debug)]
pub struct Item {
    pub batch: Batch,
    pub transaction: Transaction,
    /// Of the transaction, in capture order.
    pub papers: Vec<Paper>,
    pub bills: Vec<Bill>,
    /// The question; `None` when nothing (more) is asked.
    pub exception: Option<Exception>,
    pub candidates: Vec<Candidate>,
    /// The amount has been keyed once and waits for a second person.
    pub second_key: Option<UserName>,
    /// The amount is keyed without being told what the reader or the books say.
    pub blind: bool,
}

impl Office {
    /// A transaction with its papers and bills, and one of its exceptions as the question.
    pub async fn item(&self, transaction: &str, exception: Option<&str>) -> Result<Item> {
        let transaction = self.store.transaction(transaction).await?;
        let batch = self.store.batch(transaction.batch.as_str()).await?;
        let papers = self.papers(&transaction).await?;
        let evidence: Vec<Evidence> = papers.iter().map(|p| p.evidence.clone()).collect();
        let bills = self.bills_near(&transaction, &evidence).await?;
        let question = match exception {
            Some(id) => transaction.exceptions.iter().find(|e| e.id.as_str() == id).cloned(),
            None => transaction.exceptions.iter().find(|e| e.decision.is_none()).cloned(),
        };
        let (mut candidates, mut second_key, mut blind) = (Vec::new(), None, false);
        if let Some(asked) = question.as_ref().filter(|e| e.decision.is_none()) {
            let about = papers.iter().find(|p| Some(&p.document.id) == asked.document.as_ref());
            let reads: Vec<&AmountRead> = about.iter().flat_map(|p| &p.readings).map(|r| &r.amount).collect();
            let named = self.bills_named(&papers).await?;
            candidates = exceptions::suggest(asked, &transaction, &evidence, &bills, &reads, &named);
            second_key = self.store.first_key(&asked.id).await?.map(|(name, _)| name);
            // Who keys second sees no amount that the first may have taken; who measures the reader sees none at all.
            blind = second_key.is_some() || asks_amount(asked) && about.is_some_and(Paper::is_blind);
            candidates.retain(|c| !blind || c.name != "key-amount");
        }
        Ok(Item { batch, transaction, papers, bills, exception: question, candidates, second_key, blind })
    }

    /// The documents of a transaction with what was read on them.
    pub async fn papers(&self, transaction: &Transaction) -> Result<Vec<Paper>> {
        let mut readings = self.store.readings_of(&transaction.documents).await?;
        let mut papers = Vec::with_capacity(transaction.documents.len());
        let mode = self.site.config.amounts.mode;
        for id in &transaction.documents {
            let document = self.store.document(id.as_str()).await?;
            let standing = crate::pipeline::record::standing(&transaction.decisions);
            papers.push(Paper::new(document, readings.remove(id).unwrap_or_default(), &standing, mode));
        }
        Ok(papers)
    }

    /// One document with what was read on it.
    pub async fn paper(&self, document: &DocumentId) -> Result<Paper> {
        let readings = self.store.readings_of(std::slice::from_ref(document)).await?.remove(document);
        let document = self.store.document(document.as_str()).await?;
        Ok(Paper::new(document, readings.unwrap_or_default(), &[], self.site.config.amounts.mode))
    }

    /// Bills whose name stands in the text that came with a payment. For a person to choose from, never for matching.
    async fn bills_named(&self, papers: &[Paper]) -> Result<Vec<matching::NamedBill>> {
        let texts = papers.iter().filter_map(|p| p.document.remittance.as_ref()?.text.clone());
        let text = texts.collect::<Vec<_>>().join(" ");
        let words = matching::words(&text);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        Ok(matching::named(&text, &self.store.bills_named(&words).await?, 5))
    }

    /// The bills that a transaction's documents, known payers and applications touch.
    async fn bills_near(&self, transaction: &Transaction, evidence: &[Evidence]) -> Result<Vec<Bill>> {
        let mut wanted = matching::wanted(evidence);
        wanted.name(&transaction.decisions);
        let payers = self.store.payers_of(&wanted.payers.iter().cloned().collect::<Vec<_>>()).await?;
        let mut accounts: Vec<_> = wanted.accounts.iter().map(|a| (None, a.clone())).collect();
        accounts.extend(payers.iter().map(|p| (Some(p.biller.clone()), p.account.clone())));
        accounts.extend(transaction.applications.iter().filter_map(|a| Some((a.biller.clone(), a.account.clone()?))));
        let mut bills = self.store.bills_for(&accounts).await?;
        let named: Vec<String> = wanted.invoices.iter().chain(&wanted.bills).cloned().collect();
        if !named.is_empty() {
            bills.extend(self.store.bills_for_invoices(&named).await?);
        }
        bills.sort_by(|a, b| (&a.biller, &a.bill).cmp(&(&b.biller, &b.bill)));
        bills.dedup_by(|a, b| a.biller == b.biller && a.bill == b.bill);
        Ok(bills)
    }

    /// Everything that people and the program did to a transaction, oldest first.
    pub async fn trail_of(&self, transaction: &Transaction) -> Result<Vec<AuditRow>> {
        let mut ids: Vec<String> = vec![transaction.id.to_string(), transaction.batch.to_string()];
        ids.extend(transaction.documents.iter().map(ToString::to_string));
        let mut rows = self.store.trail(&ids).await?;
        let own = |row: &AuditRow| {
            row.id != transaction.batch.as_str()
                || row.note.contains(transaction.id.as_str())
                || matches!(row.what.as_str(), "balance" | "approve" | "post" | "void" | "take-in" | "deposit")
        };
        rows.retain(own);
        Ok(rows)
    }

    /// Takes the candidate of that id, as it stands now.
    pub async fn choose(&self, exception: &str, candidate: &str, by: &User) -> Result<AfterDecision> {
        let asked = self.store.exception(exception).await?;
        let transaction = asked.transaction.map(|t| t.to_string()).unwrap_or_default();
        let item = self.item(&transaction, Some(exception)).await?;
        let Some(chosen) = item.candidates.into_iter().find(|c| c.id == candidate) else {
            return Err(OfficeError::refused(
                "stale",
                "this answer is not offered any more; nothing was changed",
                "look at the item again",
            ));
        };
        self.key(exception, chosen.name, &chosen.fields, by).await
    }

    /// A move from the desk. An amount from the configured one on is keyed twice, the second time by somebody else: the
    /// first keying is kept and nothing is decided; a second that differs throws both away.
    pub async fn key(
        &self,
        exception: &str,
        name: &str,
        fields: &BTreeMap<String, String>,
        by: &User,
    ) -> Result<AfterDecision> {
        let right = Role::for_move(name);
        if !by.may(&[right]) {
            let message = format!("your roles do not include {} what this move asks for", right.as_str());
            return Err(OfficeError::refused("role", message, "somebody else may do it"));
        }
        let amount: Option<Cents> = fields.get("amount").filter(|_| name == "key-amount").and_then(|a| a.parse().ok());
        let asked = self.store.exception(exception).await?;
        let id = asked.exception.id.clone();
        let first = self.store.first_key(&id).await?;
        let large = amount.is_some_and(|a| a >= self.site.config.desk.second_key_from);
        if asked.exception.decision.is_none() && name == "key-amount" && (large || first.is_some()) {
            let text = amount.map(|a| a.to_string()).unwrap_or_default();
            match first {
                None => {
                    // What cannot be decided is not kept either.
                    let of = asked.transaction.map(|t| t.to_string()).unwrap_or_default();
                    let open = self.store.transaction(&of).await?;
                    exceptions::decide(&open, &id, name, fields, &by.name, &self.clock.stamp())
                        .map_err(crate::pipeline::settle::told)?;
                    self.store.save_first_key(&id, Some((&by.name, &text))).await?;
                    return Ok(AfterDecision {
                        exception: id.to_string(),
                        transaction: open.id,
                        state: open.state,
                        open: open.exceptions.iter().filter(|e| e.decision.is_none()).count(),
                        already: false,
                    });
                }
                Some((who, _)) if who == by.name => {
                    return Err(OfficeError::refused(
                        "second-key",
                        "you keyed this amount first; from this size on a second person keys it too",
                        "leave it to somebody else: it stays in the queue",
                    ));
                }
                Some((_, before)) if before != text => {
                    self.store.save_first_key(&id, None).await?;
                    return Err(OfficeError::refused(
                        "second-key",
                        "the two keyings differ; both were thrown away and nothing was changed",
                        "look at the check again and key the amount anew",
                    ));
                }
                Some(_) => {
                    let done = self.decide(exception, name, fields, &by.name).await?;
                    self.store.save_first_key(&id, None).await?;
                    return Ok(done);
                }
            }
        }
        self.decide(exception, name, fields, &by.name).await
    }
}

/// Is the amount itself in question?
fn asks_amount(exception: &Exception) -> bool {
    exceptions::moves(exception.code).first().is_some_and(|m| m.name == "key-amount")
}
