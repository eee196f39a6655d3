//! How a site switches the confirming of amounts on: it measures its own reader by what its people have keyed, and sets a
//! threshold that the measurement bears out. Also the zones that people draw, and the export of fields to learn from.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Office, OfficeError, Result, amounts::Standard};
use crate::config::AmountMode;
use crate::decode::amount::find::{Zone, Zones};
use crate::decode::amount::{self, MODEL, Reader};
use crate::domain::{AmountVerdict, BankAccount, Cents, DocumentId, Sha256, UserName};
use crate::imaging::picture::View;
use crate::reports::accuracy::Rate;

/// A threshold that was set by measuring, with what it was measured on.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Measured {
    pub id: String,
    pub threshold: f32,
    pub model: String,
    pub weights: String,
    pub keyed: usize,
    pub confirmed: usize,
    pub wrong: usize,
    /// Upper 95% bound of the part of confirmed amounts that is wrong.
    pub most_wrong: f64,
    pub by: UserName,
    pub at: String,
}

/// One check that a person keyed and the reader had judged.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged {
    pub document: DocumentId,
    pub keyed: Cents,
    pub verdict: AmountVerdict,
    /// How its field was found, and how it was scanned.
    pub labels: Vec<String>,
}

/// What the reader did at one threshold with checks of one sort, with 95% bounds.
#[derive(Clone, Serialize, Debug)]
pub struct SortOutlook {
    pub sort: String,
    pub confirmed: Rate,
    /// Of the confirmed ones.
    pub wrong: Rate,
}

/// What a threshold would have done to the checks that people keyed.
#[derive(Clone, Copy, PartialEq, Serialize, Debug)]
pub struct Outlook {
    pub threshold: f32,
    pub keyed: usize,
    pub confirmed: usize,
    pub wrong: usize,
    /// Upper 95% bound of wrong among confirmed.
    pub most_wrong: f64,
}

#[derive(Serialize, Debug)]
pub struct AmountStatus {
    pub mode: String,
    pub threshold: f32,
    pub threshold_id: String,
    pub model: &'static str,
    pub weights: Option<String>,
    pub measured: Option<Measured>,
}

const SETTING: &str = "amount-threshold";

impl Outlook {
    pub fn of(judged: &[Judged], threshold: f32) -> Outlook {
        let confirmed: Vec<_> =
            judged.iter().filter(|j| j.verdict.log_odds >= threshold && !j.verdict.choices.is_empty()).collect();
        let wrong = confirmed.iter().filter(|j| j.verdict.choices[0].value != j.keyed).count();
        let most_wrong = Rate::new(wrong, confirmed.len()).high;
        Outlook { threshold, keyed: judged.len(), confirmed: confirmed.len(), wrong, most_wrong }
    }
}

impl SortOutlook {
    /// All checks first, then each sort.
    pub fn all(judged: &[Judged], threshold: f32) -> Vec<SortOutlook> {
        let sorts: BTreeSet<&String> = judged.iter().flat_map(|j| &j.labels).collect();
        let of = |sort: Option<&String>| {
            let some: Vec<Judged> =
                judged.iter().filter(|j| sort.is_none_or(|s| j.labels.contains(s))).cloned().collect();
            let outlook = Outlook::of(&some, threshold);
            SortOutlook {
                sort: sort.map_or("all", String::as_str).to_string(),
                confirmed: Rate::new(outlook.confirmed, outlook.keyed),
                wrong: Rate::new(outlook.wrong, outlook.confirmed),
            }
        };
        std::iter::once(of(None)).chain(sorts.into_iter().map(|s| of(Some(s)))).collect()
    }
}

impl Office {
    /// What may be confirmed today: the configuration, or where that only advises, what the site has measured for exactly
    /// these weights.
    pub(super) async fn amount_standard(&self) -> Result<Standard> {
        let mut standard = Standard::of(&self.site.config.amounts);
        if let Some(measured) = self.measured_threshold().await?.filter(|_| standard.mode == AmountMode::Advisory) {
            standard.mode = AmountMode::Automatic;
            standard.rules.threshold = measured.threshold;
            standard.id = measured.id;
        }
        Ok(standard)
    }

    async fn measured_threshold(&self) -> Result<Option<Measured>> {
        let Some(text) = self.store.setting(SETTING).await? else { return Ok(None) };
        let measured: Option<Measured> = serde_json::from_str(&text).ok();
        let own = Reader::own().map(|r| r.weights().to_string());
        Ok(measured.filter(|m| Some(&m.weights) == own.as_ref() && m.model == MODEL))
    }

    pub async fn amount_status(&self) -> Result<AmountStatus> {
        let standard = self.amount_standard().await?;
        Ok(AmountStatus {
            mode: format!("{:?}", standard.mode).to_lowercase(),
            threshold: standard.rules.threshold,
            threshold_id: standard.id,
            model: MODEL,
            weights: Reader::own().map(|r| r.weights().to_string()),
            measured: self.measured_threshold().await?,
        })
    }

    /// Every check of the site that a person keyed and the reader had judged.
    pub async fn judged_amounts(&self) -> Result<Vec<Judged>> {
        let mut out = Vec::new();
        for head in self.batches().await? {
            let readings = self.store.readings(&head.id).await?;
            for transaction in self.store.transactions(&head.id).await? {
                for decision in transaction.decisions.iter().filter(|d| d.name == "key-amount") {
                    let document = decision.fields.get("document").and_then(|d| d.parse::<DocumentId>().ok());
                    let keyed = decision.fields.get("amount").and_then(|a| a.parse::<Cents>().ok());
                    let (Some(document), Some(keyed)) = (document, keyed) else { continue };
                    let reads = || readings.get(&document).into_iter().flatten();
                    let Some(verdict) = reads().filter_map(|r| r.amount.verdict.clone()).next_back() else { continue };
                    let seen = reads().filter_map(|r| Some((r, r.amount.field.as_ref()?))).next_back();
                    let labels = seen.map(|(read, field)| {
                        let kind = read.file.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
                        let found = format!("{:?}", field.found).to_lowercase();
                        vec![format!("found by {found}"), format!("scanned as {kind}, {} dpi", read.dpi)]
                    });
                    out.push(Judged { document, keyed, verdict, labels: labels.unwrap_or_default() });
                }
            }
        }
        out.sort_by(|a, b| a.document.cmp(&b.document));
        // A check keyed twice counts as keyed last.
        out.reverse();
        out.dedup_by(|a, b| a.document == b.document);
        Ok(out)
    }

    /// Sets the threshold from which this site confirms amounts without a person. Refused when what people keyed does not
    /// bear it out.
    pub async fn set_amount_threshold(&self, threshold: f32, by: &UserName) -> Result<Measured> {
        let Some(reader) = Reader::own() else {
            return Err(OfficeError::refused(
                "weights",
                "the weights of the amount reader are damaged",
                "install again",
            ));
        };
        let own = reader.weights().to_string();
        let judged: Vec<Judged> =
            self.judged_amounts().await?.into_iter().filter(|j| j.verdict.weights == own).collect();
        let outlook = Outlook::of(&judged, threshold);
        let limit = f64::from(self.site.config.amounts.most_wrong);
        if outlook.most_wrong > limit {
            return Err(OfficeError::refused(
                "not-borne-out",
                format!(
                    "of {} keyed checks this threshold confirms {}, {} of them wrong: up to {:.2}% of what it confirms may be wrong, and the site's limit is {:.2}%",
                    outlook.keyed,
                    outlook.confirmed,
                    outlook.wrong,
                    outlook.most_wrong * 100.0,
                    limit * 100.0
                ),
                "key more checks, or take a higher threshold: `remit amounts measure`",
            ));
        }
        let at = self.clock.stamp();
        let id = Sha256::of(format!("{threshold}|{own}|{at}").as_bytes()).to_string()[..12].to_string();
        let measured = Measured {
            id,
            threshold,
            model: MODEL.into(),
            weights: own,
            keyed: outlook.keyed,
            confirmed: outlook.confirmed,
            wrong: outlook.wrong,
            most_wrong: outlook.most_wrong,
            by: by.clone(),
            at,
        };
        let text = serde_json::to_string(&measured).map_err(|e| OfficeError::Usage(e.to_string()))?;
        self.store.save_setting(SETTING, &text, by).await?;
        Ok(measured)
    }

    /// Back to showing only.
    pub async fn clear_amount_threshold(&self, by: &UserName) -> Result<()> {
        Ok(self.store.save_setting(SETTING, "", by).await?)
    }

    /// Keeps a zone for the layout of this check: for all checks of the same routing and account from now on.
    pub async fn draw_amount_zone(&self, document: &str, zone: Zone, by: &UserName) -> Result<()> {
        let document = self.store.document(document).await?;
        let readings = self.store.readings(&document.batch).await?;
        let fields = readings.get(&document.id).into_iter().flatten().filter_map(|r| r.micr.as_ref()).next_back();
        let payer = fields.and_then(|m| Some((m.fields.routing.clone()?, m.fields.account.clone()?)));
        let Some((routing, account)) = payer else {
            return Err(OfficeError::refused(
                "no-account-line",
                "the account line of this document was not read: a zone belongs to a routing and account",
                "choose a check of the same layout whose line was read",
            ));
        };
        let kept = (routing.clone(), account.clone(), zone);
        Ok(self.store.save_amount_zone(&routing, &BankAccount::new(account), &kept, by).await?)
    }

    pub(super) async fn amount_zones(&self) -> Result<Zones> {
        let kept: Vec<(String, String, Zone)> = self.store.amount_zones().await?;
        Ok(kept.into_iter().fold(Zones::default(), |mut zones, (routing, account, zone)| {
            zones.add(&routing, &account, zone);
            zones
        }))
    }

    /// The fields of keyed checks as pictures, each with what was keyed: name, PNG, amount. Only where the site has agreed.
    pub async fn amount_fields(&self) -> Result<Vec<(String, Vec<u8>, Cents)>> {
        if !self.site.config.amounts.keep_for_learning {
            return Err(OfficeError::refused(
                "not-agreed",
                "this site has not agreed that amount fields are kept to learn from",
                "set amounts.keep_for_learning = true in remit.toml",
            ));
        }
        let mut out = Vec::new();
        for judged in self.judged_amounts().await? {
            let document = self.store.document(judged.document.as_str()).await?;
            let readings = self.store.readings(&document.batch).await?;
            let mut reads = readings.get(&document.id).into_iter().flatten();
            let Some(read) = reads.rfind(|r| r.amount.field.is_some()) else { continue };
            let Some(image) = document.images.iter().find(|i| i.name == read.file) else { continue };
            // The field with some room around it, upright.
            let area = read.amount.field.as_ref().map(|f| f.bbox).unwrap_or_default();
            let view = View { turn: read.rotation, ..View::part_of(area) };
            if area.w > 0
                && area.h > 0
                && let Ok(png) = self.picture(image.hash, view).await?
            {
                out.push((judged.document.to_string(), png, judged.keyed));
            }
        }
        Ok(out)
    }
}

/// The threshold steps that `measure` shows.
pub const STEPS: [f32; 9] = [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0];

/// The log-odds that a record gives for an amount: what a confirmation is replayed with.
pub fn replayed(columns: &str, amount: Cents) -> Option<f32> {
    let columns = amount::unpacked(columns)?;
    Some(amount::rounded(amount::score::log_odds(amount::score::log_chance_of(&columns, amount))))
}
