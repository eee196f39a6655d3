//! The steps that make the tables, one folder per database with the same numbers; a test proves that both end with the
//! same tables and columns. A step that has been released is never changed: its checksum is in every site.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

fn steps(texts: &[(i64, &'static str, &'static str)]) -> Migrator {
    Migrator::with_migrations(
        texts
            .iter()
            .map(|(number, name, sql)| {
                Migration::new(*number, Cow::Borrowed(*name), MigrationType::Simple, sql.into_sql_str(), false)
            })
            .collect(),
    )
}

pub(super) fn sqlite() -> Migrator {
    steps(&[
        (1, "the first tables", include_str!("migrations/sqlite/0001_first_tables.sql")),
        (2, "payers and notices", include_str!("migrations/sqlite/0002_payers_and_notices.sql")),
        (3, "people, returns, drawer", include_str!("migrations/sqlite/0003_people_returns_drawer.sql")),
        (4, "the review desk", include_str!("migrations/sqlite/0004_desk.sql")),
        (5, "amount zones", include_str!("migrations/sqlite/0005_amount_zones.sql")),
        (6, "change notices", include_str!("migrations/sqlite/0006_change_notices.sql")),
        (7, "seals", include_str!("migrations/sqlite/0007_seals.sql")),
        (8, "setting changes", include_str!("migrations/sqlite/0008_setting_changes.sql")),
        (10, "kept and refused files", include_str!("migrations/sqlite/0010_files.sql")),
        (11, "object keys", include_str!("migrations/sqlite/0011_object_keys.sql")),
        (12, "what files brought", include_str!("migrations/sqlite/0012_files_brought.sql")),
        (13, "what lies in a pack", include_str!("migrations/sqlite/0013_packs.sql")),
        (14, "the counter", include_str!("migrations/sqlite/0014_counter.sql")),
    ])
}

#[cfg(feature = "postgres")]
pub(super) fn postgres() -> Migrator {
    steps(&[
        (1, "the first tables", include_str!("migrations/postgres/0001_first_tables.sql")),
        (2, "payers and notices", include_str!("migrations/postgres/0002_payers_and_notices.sql")),
        (3, "people, returns, drawer", include_str!("migrations/postgres/0003_people_returns_drawer.sql")),
        (4, "the review desk", include_str!("migrations/postgres/0004_desk.sql")),
        (5, "amount zones", include_str!("migrations/postgres/0005_amount_zones.sql")),
        (6, "change notices", include_str!("migrations/postgres/0006_change_notices.sql")),
        (7, "seals", include_str!("migrations/postgres/0007_seals.sql")),
        (8, "setting changes", include_str!("migrations/postgres/0008_setting_changes.sql")),
        (10, "kept and refused files", include_str!("migrations/postgres/0010_files.sql")),
        (11, "object keys", include_str!("migrations/postgres/0011_object_keys.sql")),
        (12, "what files brought", include_str!("migrations/postgres/0012_files_brought.sql")),
        (13, "what lies in a pack", include_str!("migrations/postgres/0013_packs.sql")),
        (14, "the counter", include_str!("migrations/postgres/0014_counter.sql")),
    ])
}
