//! Notifications of change: what payers' banks want corrected. Kept with who took them; the same notice twice is one. The
//! account numbers in them are sealed.

use super::audit::Event;
use super::db::{sql, values};
use super::*;
use crate::domain::{ChangeNotice, Role, Sha256};

sql! {
    ADD = "insert into change_notices (site, id, code, date, at, by_user, sealed) values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (site, id) do nothing";
    LIST = "select id, sealed from change_notices where site = $1 order by date, id";
}

/// The bank's own words, whatever file they stood in.
fn id_of(notice: &ChangeNotice) -> String {
    let date = notice.date.map(|d| d.to_string()).unwrap_or_default();
    let words = [notice.code.as_str(), &notice.original_trace, &notice.original_routing, &notice.id, &date].join(" ");
    Sha256::of(words.as_bytes()).to_string()
}

impl Store {
    /// Keeps notices; says how many are new.
    pub async fn keep_changes(&self, notices: &[ChangeNotice], by: &UserName) -> Result<u64, StoreError> {
        self.again(|| {
            Box::pin(async {
                let mut tx = self.db().write().await?;
                self.may(&mut tx, by, &[Role::Match, Role::Release]).await?;
                let mut added = 0;
                for notice in notices {
                    let id = id_of(notice);
                    let sealed = self.keys().seal_json(&["change_notices", "sealed", &id], notice)?;
                    let date = notice.date.map(|d| d.to_string()).unwrap_or_default();
                    added += tx.run(ADD, values![self.site(), &id, &notice.code, date, self.now(), by, sealed]).await?;
                }
                if added > 0 {
                    let note = format!("{added} notifications of change");
                    let event = Event::said(by, "take", "changes", "nacha", &note);
                    self.record(&mut tx, event).await?;
                }
                tx.commit().await?;
                Ok(added)
            })
        })
        .await
    }

    /// By their dates.
    pub async fn changes(&self) -> Result<Vec<ChangeNotice>, StoreError> {
        let mut tx = self.db().read().await?;
        let mut list = Vec::new();
        for row in tx.rows(LIST, values![self.site()]).await? {
            let id = row.text(0)?;
            list.push(self.keys().open_json(&["change_notices", "sealed", &id], &row.bytes(1)?)?);
        }
        Ok(list)
    }
}
