//! Writing a camt.054: one notification of credits with their references. For samples and tests.

use crate::domain::{Cents, Day};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingEntry {
    pub reference: String,
    /// Payer, creditor reference or text, amount.
    pub payments: Vec<(String, String, Cents)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingNotification {
    pub id: String,
    pub account: String,
    pub date: Day,
    pub entries: Vec<OutgoingEntry>,
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Version 8. `None` where a sum is too large.
pub fn write_054(notification: &OutgoingNotification) -> Option<Vec<u8>> {
    let (id, day) = (escaped(&notification.id), notification.date);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\">\
         <BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>{id}</MsgId><CreDtTm>{day}T06:00:00</CreDtTm></GrpHdr>\
         <Ntfctn><Id>{id}</Id><Acct><Id><Othr><Id>{}</Id></Othr></Id><Ccy>USD</Ccy></Acct>\n",
        escaped(&notification.account)
    );
    for entry in &notification.entries {
        let sum = Cents::sum(entry.payments.iter().map(|p| p.2)).ok()?;
        out.push_str(&format!(
            "<Ntry><Amt Ccy=\"USD\">{sum}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>\
             <AcctSvcrRef>{}</AcctSvcrRef><NtryDtls><Btch><NbOfTxs>{}</NbOfTxs></Btch>",
            escaped(&entry.reference),
            entry.payments.len()
        ));
        for (payer, text, amount) in &entry.payments {
            out.push_str(&format!(
                "<TxDtls><Amt Ccy=\"USD\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr><Pty><Nm>{}</Nm></Pty></Dbtr>\
                 </RltdPties><RmtInf><Ustrd>{}</Ustrd></RmtInf></TxDtls>",
                escaped(payer),
                escaped(text)
            ));
        }
        out.push_str("</NtryDtls></Ntry>\n");
    }
    out.push_str("</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>\n");
    Some(out.into_bytes())
}
