-- What a kept file brought, so that it is purged with that and never before; when it came. Of files that an older program kept
-- only the latest moment at which they can have come is known.
create table file_receipts (
    site text not null,
    sha256 text not null,
    receipt text not null,
    primary key (site, sha256, receipt)
);
create index file_receipts_receipt on file_receipts (site, receipt);

alter table kept_files add column came_at text;
alter table kept_files add column traced boolean not null default true;
update kept_files set traced = false, came_at = coalesce((select max(t.at) from (
    select r.at from receipts r where r.site = kept_files.site
    union all select x.at from refusals x where x.site = kept_files.site) t), '9999-12-31');
create index kept_files_hash on kept_files (site, hash);
