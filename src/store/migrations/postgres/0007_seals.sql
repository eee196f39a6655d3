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

-- The sessions of the program have a table of their own for what they change; other sessions have none and leave no note.
create function note_rows() returns trigger language plpgsql as $$
begin
    if to_regclass('pg_temp.seal_notes') is not null then
        if tg_op <> 'INSERT' then
            insert into pg_temp.seal_notes select tg_table_name, r.site, '', -1, r::text from before_rows r;
        end if;
        if tg_op <> 'DELETE' then
            insert into pg_temp.seal_notes select tg_table_name, r.site, '', 1, r::text from after_rows r;
        end if;
    end if;
    return null;
end;
$$;
create function note_rows_of_batch() returns trigger language plpgsql as $$
begin
    if to_regclass('pg_temp.seal_notes') is not null then
        if tg_op <> 'INSERT' then
            insert into pg_temp.seal_notes
                select tg_table_name, r.site, coalesce(r.batch, ''), -1, r::text from before_rows r;
        end if;
        if tg_op <> 'DELETE' then
            insert into pg_temp.seal_notes
                select tg_table_name, r.site, coalesce(r.batch, ''), 1, r::text from after_rows r;
        end if;
    end if;
    return null;
end;
$$;

-- A reading never changes; only its seal may, when a newer key seals it again.
drop trigger readings_no_change on readings;
create trigger readings_no_truncate before truncate on readings for each statement execute function append_only();
create trigger readings_no_change before update on readings for each row
    when (old.site <> new.site or old.document <> new.document or old.ordinal <> new.ordinal or old.batch <> new.batch
        or old.decoder <> new.decoder or substr(old.sealed, 1, 1) = substr(new.sealed, 1, 1))
    execute function append_only();
