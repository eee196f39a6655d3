//! Writing an 820: one payment with its lines, in an envelope of its own. For samples, tests and partners who ask for one.

use crate::domain::{Cents, Day};
use crate::formats::fault::{FormatError, clip};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingLine {
    /// `IV` invoice, `AZ` account ..
    pub qualifier: String,
    pub reference: String,
    pub paid: Cents,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingAdvice {
    pub sender: String,
    pub receiver: String,
    pub control: u32,
    pub date: Day,
    pub routing: String,
    pub account: String,
    pub trace: String,
    pub payer: String,
    pub lines: Vec<OutgoingLine>,
}

fn element(text: &str) -> Result<&str, FormatError> {
    if text.trim() != text || text.contains(|c: char| c.is_control() || matches!(c, '*' | '~' | '>')) {
        return Err(FormatError::whole("820", clip(text), "an element without separators and outer blanks"));
    }
    Ok(text)
}

/// Separators `*`, `>` and `~` with a line feed; the payment is the sum of its lines.
pub fn write_820(advice: &OutgoingAdvice) -> Result<Vec<u8>, FormatError> {
    let total = Cents::sum(advice.lines.iter().map(|l| l.paid))
        .map_err(|_| FormatError::whole("820", "a sum that is too large", "a smaller sum"))?;
    let (day, control) = (advice.date.compact(), advice.control % 1_000_000_000);
    let (sender, receiver) = (element(&advice.sender)?, element(&advice.receiver)?);
    if sender.len() > 15 || receiver.len() > 15 {
        return Err(FormatError::whole("ISA", clip(sender), "ids of at most 15 characters"));
    }
    let mut set = vec![
        format!("ST*820*{control:04}"),
        format!(
            "BPR*C*{total}*C*ACH*CTX*01*{}*DA*{}*******{day}",
            element(&advice.routing)?,
            element(&advice.account)?
        ),
        format!("TRN*1*{}", element(&advice.trace)?),
        format!("N1*PR*{}", element(&advice.payer)?),
        "ENT*1".to_string(),
    ];
    for line in &advice.lines {
        set.push(format!("RMR*{}*{}**{}", element(&line.qualifier)?, element(&line.reference)?, line.paid));
    }
    set.push(format!("SE*{}*{control:04}", set.len() + 1));
    let mut out = format!(
        "ISA*00*          *00*          *ZZ*{sender:<15}*ZZ*{receiver:<15}*{}*0000*U*00401*{control:09}*0*P*>~\n\
         GS*RA*{sender}*{receiver}*{day}*0000*{control}*X*004010~\n",
        &day[2..]
    );
    for segment in set {
        out.push_str(&segment);
        out.push_str("~\n");
    }
    out.push_str(&format!("GE*1*{control}~\nIEA*1*{control:09}~\n"));
    Ok(out.into_bytes())
}
