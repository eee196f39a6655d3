//! Where the amount stands on the checks of a bank account, as a person drew it. Account numbers lie sealed.

use serde::de::DeserializeOwned;

use super::db::{sql, values};
use super::*;

sql! {
    ZONES = "select bank_index, sealed from amount_zones where site = $1 order by bank_index";
    SAVE_ZONE = "insert into amount_zones (site, bank_index, sealed) values ($1, $2, $3)
                 on conflict (site, bank_index) do update set sealed = excluded.sealed";
}

impl Store {
    /// One zone for each routing and account; a new one replaces the old. `zone` is all that is kept of it, sealed.
    pub async fn save_amount_zone<T: serde::Serialize + Sync>(
        &self,
        routing: &str,
        account: &BankAccount,
        zone: &T,
        by: &UserName,
    ) -> Result<(), StoreError> {
        self.again(|| {
            Box::pin(async {
                let index = self.keys().index(&["amount-zone", routing, &account.key()]);
                let sealed = self.keys().seal_json(&["amount_zones", &index], zone)?;
                let mut tx = self.db().write().await?;
                tx.run(SAVE_ZONE, values![self.site(), &index, sealed]).await?;
                let event = audit::Event::said(by, "draw", "amount-zone", &index, "");
                self.record(&mut tx, event).await?;
                tx.commit().await
            })
        })
        .await
    }

    pub async fn amount_zones<T: DeserializeOwned>(&self) -> Result<Vec<T>, StoreError> {
        let mut tx = self.db().read().await?;
        let rows = tx.rows(ZONES, values![self.site()]).await?;
        rows.iter().map(|r| self.keys().open_json(&["amount_zones", &r.text(0)?], &r.bytes(1)?)).collect()
    }
}
