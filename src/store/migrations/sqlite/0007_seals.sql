-- For each table, and each batch in it: how many rows, and a keyed sum over their content.
create table seals (
    site text not null,
    name text not null,
    subject text not null,
    rows bigint not null,
    part1 bigint not null,
    part2 bigint not null,
    part3 bigint not null,
    part4 bigint not null,
    primary key (site, name, subject)
);

-- The tables that are sealed, with the columns that the sums go over.
create table sealed_tables (
    site text not null,
    name text not null,
    columns text not null,
    signature text not null,
    primary key (site, name)
);

-- Exports whose rows are saved and whose file is still to be written; each new row of theirs counts the number up.
create table outbox (
    site text not null,
    kind text not null,
    batch text not null,
    number bigint not null,
    primary key (site, kind, batch)
);

-- A reading never changes; only its seal may, when a newer key seals it again.
drop trigger readings_no_update;
create trigger readings_no_update before update on readings
when old.site <> new.site or old.document <> new.document or old.ordinal <> new.ordinal or old.batch <> new.batch
    or old.decoder <> new.decoder or substr(old.sealed, 1, 1) = substr(new.sealed, 1, 1)
begin
    select raise(abort, 'readings is append-only');
end;
