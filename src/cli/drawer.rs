//! `drawer`: the counter's cash drawer, from its float to its shift report.

use clap::Subcommand;
use serde_json::json;

use super::admin::print_done;
use super::books::{dry, said_before};
use super::{Failure, Global, person, print};
use crate::domain::drawer::{Pieces, Tender};
use crate::domain::{AccountNumber, Biller, Cents, Day, Role};
use crate::pipeline::{Office, Received};

#[derive(Subcommand, Debug)]
pub enum DrawerCommand {
    /// Open a drawer with its float
    Open {
        #[arg(long, default_value = "counter")]
        name: String,
        #[arg(long, default_value = "0.00")]
        float: Cents,
        #[arg(long)]
        date: Option<Day>,
    },
    /// Take a payment; prints the receipt
    Receive {
        #[arg(long, default_value = "counter")]
        drawer: String,
        /// cash, check, money-order, card
        #[arg(long)]
        tender: String,
        #[arg(long)]
        amount: Cents,
        /// What was handed over (cash): the change is the difference
        #[arg(long)]
        tendered: Option<Cents>,
        #[arg(long)]
        account: String,
        #[arg(long)]
        biller: Option<String>,
        /// The bill it pays; without, it is the account's credit
        #[arg(long)]
        bill: Option<String>,
        /// Check number, money-order number, card reference
        #[arg(long, default_value = "")]
        reference: String,
        #[arg(long, default_value = "")]
        memo: String,
        /// A mark of the caller: the same again is the same payment
        #[arg(long, default_value = "")]
        key: String,
    },
    /// Pay cash out: a refund of an account's credit, or an expense
    Payout {
        #[arg(long, default_value = "counter")]
        drawer: String,
        #[arg(long)]
        amount: Cents,
        #[arg(long)]
        account: Option<String>,
        /// What for
        #[arg(long)]
        memo: String,
        #[arg(long, default_value = "")]
        key: String,
    },
    /// Count it blind: pieces by denomination, and the checks' sum
    Count {
        #[arg(long, default_value = "counter")]
        drawer: String,
        /// What the checks and money orders come to
        #[arg(long, default_value = "0.00")]
        checks: Cents,
        /// PIECESxDENOMINATION: 12x20 3x5 7x0.25
        pieces: Vec<String>,
    },
    /// Close a counted drawer; what it is out by goes to over and short
    Close {
        #[arg(long, default_value = "counter")]
        drawer: String,
    },
    /// All drawers
    List,
    /// A drawer with its slips
    Show { drawer: String },
}

fn pieces(words: &[String]) -> anyhow::Result<Vec<Pieces>> {
    let wrong = |word: &str| Failure::usage(format!("'{word}' is not PIECESxDENOMINATION, like 12x20 or 7x0.25"));
    words
        .iter()
        .map(|word| {
            let (count, each) = word.split_once('x').ok_or_else(|| wrong(word))?;
            let each = if each.contains('.') { each.to_string() } else { format!("{each}.00") };
            let each: Cents = each.parse().map_err(|_| wrong(word))?;
            if !each.is_positive() {
                return Err(wrong(word).into());
            }
            Ok(Pieces { count: count.parse().map_err(|_| wrong(word))?, each })
        })
        .collect()
}

pub async fn drawer(command: DrawerCommand, office: &Office, global: &Global) -> anyhow::Result<u8> {
    match command {
        DrawerCommand::Open { name, float, date } => {
            let user = person(office, global, &[Role::Cashier]).await?;
            if dry(global, "open a drawer")? {
                return Ok(0);
            }
            let date = date.unwrap_or_else(|| office.clock.today());
            let (drawer, already) = office.open_drawer(&name, date, float, &user.name).await?;
            print_done(
                global,
                json!({ "drawer": drawer.number, "name": drawer.name, "float": drawer.opening, "already": already }),
                format!(
                    "drawer {} ({}) is open with {}{}",
                    drawer.number,
                    drawer.name,
                    drawer.opening,
                    said_before(already)
                ),
            )?;
        }
        DrawerCommand::Receive { drawer, tender, amount, tendered, account, biller, bill, reference, memo, key } => {
            let user = person(office, global, &[Role::Cashier]).await?;
            let drawer = office.find_drawer(&drawer).await?;
            let tender = Tender::parse(&tender)
                .ok_or_else(|| Failure::usage(format!("'{tender}' is no tender: cash, check, money-order, card")))?;
            let received = Received {
                tender,
                amount,
                tendered: tendered.unwrap_or(amount),
                reference,
                biller: biller.map(Biller),
                account: AccountNumber::new(account),
                bill,
                memo,
                mark: key,
            };
            if dry(global, "take the payment")? {
                return Ok(0);
            }
            let (slip, already) = office.receive(&drawer, &received, &user.name).await?;
            let change = slip.tendered.minus(slip.amount)?;
            let notices = office.drawer_notices(slip.drawer).await?;
            let told = notices.iter().find(|n| n.receipt == Some(slip.number));
            print_done(
                global,
                json!({ "receipt": slip.number, "drawer": slip.drawer, "tender": slip.tender, "amount": slip.amount,
                        "tendered": slip.tendered, "change": change, "entry": slip.entry, "notice": told,
                        "already": already }),
                format!(
                    "receipt {}: {} {}, change {change}{}{}",
                    slip.number,
                    slip.tender.as_str(),
                    slip.amount,
                    said_before(already),
                    told.map(|n| format!("\n  {}", n.message)).unwrap_or_default()
                ),
            )?;
        }
        DrawerCommand::Payout { drawer, amount, account, memo, key } => {
            let user = person(office, global, &[Role::Cashier]).await?;
            let drawer = office.find_drawer(&drawer).await?;
            if dry(global, "pay out")? {
                return Ok(0);
            }
            let account = account.map(AccountNumber::new);
            let (slip, already) = office.pay_out(&drawer, amount, account.as_ref(), &memo, &key, &user.name).await?;
            print_done(
                global,
                json!({ "payout": slip.number, "amount": slip.amount, "already": already }),
                format!("payout {}: {}{}", slip.number, slip.amount, said_before(already)),
            )?;
        }
        DrawerCommand::Count { drawer, checks, pieces: words } => {
            let user = person(office, global, &[Role::Cashier]).await?;
            let drawer = office.find_drawer(&drawer).await?;
            let pieces = pieces(&words)?;
            if dry(global, "keep the count")? {
                return Ok(0);
            }
            let (cash, already) = office.count_drawer(&drawer, &pieces, checks, &user.name).await?;
            print_done(
                global,
                json!({ "drawer": drawer.number, "cash": cash, "checks": checks, "already": already }),
                format!("counted: cash {cash}, checks {checks}{}", said_before(already)),
            )?;
        }
        DrawerCommand::Close { drawer } => {
            let user = person(office, global, &[Role::Cashier, Role::Approve]).await?;
            let drawer = office.find_drawer(&drawer).await?;
            if dry(global, "close the drawer")? {
                return Ok(0);
            }
            let closed = office.close_drawer(&drawer, &user.name).await?;
            let c = &closed.count;
            let mut text = format!(
                "drawer {}: cash {} of {}, checks {} of {}, over or short {}{}",
                closed.drawer,
                c.counted_cash,
                c.expected_cash,
                c.counted_checks,
                c.expected_checks,
                c.over_short,
                said_before(closed.already)
            );
            if let Some(amount) = c.wrong_tender {
                let slips: Vec<String> = closed.suspects.iter().map(ToString::to_string).collect();
                text.push_str(&format!(
                    "\n  cash and checks are out by {amount} in opposite directions: probably one receipt under the wrong tender"
                ));
                if !slips.is_empty() {
                    text.push_str(&format!(" (of that amount: receipt {})", slips.join(", ")));
                }
            }
            print_done(global, serde_json::to_value(&closed)?, text)?;
        }
        DrawerCommand::List => {
            let all = office.drawers().await?;
            if global.json {
                all.iter().try_for_each(print::json)?;
            } else {
                let mut table =
                    print::Table::new(&["drawer", "name", "date", "cashier", "state", ">float", ">over/short"]);
                for d in &all {
                    table.row(vec![
                        d.number.to_string(),
                        d.name.clone(),
                        d.date.to_string(),
                        d.cashier.to_string(),
                        d.state.clone(),
                        d.opening.to_string(),
                        d.over_short.map(|o| o.to_string()).unwrap_or_default(),
                    ]);
                }
                table.print();
            }
        }
        DrawerCommand::Show { drawer } => {
            let drawer = office.find_drawer(&drawer).await?;
            let mut table = print::Table::new(&["slip", "kind", "tender", ">amount", "account", "bill", "reference"]);
            for s in office.drawer_slips(drawer.number).await? {
                let kind = if s.is_payout { "payout" } else { "receipt" };
                let account = s.account.as_ref().map(|a| a.masked()).unwrap_or_default();
                if global.json {
                    print::json(&json!({ "slip": s.number, "kind": kind, "tender": s.tender, "amount": s.amount,
                        "tendered": s.tendered, "account": account, "bill": s.bill, "reference": s.reference,
                        "entry": s.entry, "by": s.by, "at": s.at }))?;
                    continue;
                }
                table.row(vec![
                    s.number.to_string(),
                    kind.into(),
                    s.tender.as_str().into(),
                    s.amount.to_string(),
                    account,
                    s.bill.clone().unwrap_or_default(),
                    s.reference.clone(),
                ]);
            }
            if !global.json {
                table.print();
            }
        }
    }
    Ok(0)
}
