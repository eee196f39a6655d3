-- People, returns, the cash drawer, reversals, proofs of others, and what is kept for how long.

-- Who approved a batch; emptied when a decision takes it back to review.
create table approvals (
    site text not null,
    batch text not null,
    by_user text not null,
    at text not null,
    primary key (site, batch, by_user),
    foreign key (site, batch) references batches (site, id)
);

-- An item that the bank sent back. `mark` is what the bank's own words make of it: the same return is taken once, and a
-- check comes back once until it was presented again.
create table returns (
    site text not null,
    id text not null,
    mark text not null,
    channel text not null,
    reason text not null,
    code text not null,
    amount bigint not null,
    date text not null,
    state text not null,
    document text,
    deposit text,
    entry bigint,
    fee bigint not null,
    due text,
    note text not null,
    at text not null,
    by_user text not null,
    sealed bytea not null,
    primary key (site, id),
    unique (site, mark),
    unique (site, document),
    foreign key (site, document) references documents (site, id)
);

-- What a return reopened: the cents that its item had paid, application by application.
create table return_parts (
    site text not null,
    return_id text not null,
    place bigint not null,
    date text not null,
    biller text,
    account text,
    bill text,
    ledger text not null,
    amount bigint not null,
    primary key (site, return_id, place),
    foreign key (site, return_id) references returns (site, id)
);
create index deposit_items_amount on deposit_items (site, amount);
create index return_parts_account on return_parts (site, account, date);

-- Accounts that may not pay by check for a time.
create table restrictions (
    site text not null,
    biller text not null,
    account text not null,
    until text not null,
    return_id text not null,
    primary key (site, biller, account)
);

-- An entry is taken back once, by entries that name it.
create table reversals (
    site text not null,
    entry bigint not null,
    by_entry bigint not null,
    kind text not null,
    note text not null,
    primary key (site, entry),
    foreign key (site, entry) references entries (site, number)
);

-- What changed a bill's paid amount beside the posting of batches: returns, reversals, counter payments, suspense applied.
create table bill_moves (
    site text not null,
    entry bigint not null,
    place bigint not null,
    biller text not null,
    bill text not null,
    amount bigint not null,
    primary key (site, entry, place),
    foreign key (site, entry) references entries (site, number)
);
create index bill_moves_bill on bill_moves (site, biller, bill);

-- What was sent to the billing system, and what it said of it.
create table posting_files (
    site text not null,
    batch text not null,
    sha256 text not null,
    count bigint not null,
    total bigint not null,
    state text not null,
    host_count bigint,
    host_total bigint,
    at text,
    by_user text,
    primary key (site, batch),
    foreign key (site, batch) references batches (site, id)
);

-- The end of the journal when a day was closed: to be printed and kept outside.
create table day_roots (
    site text not null,
    date text not null,
    number bigint not null,
    hash text not null,
    at text not null,
    by_user text not null,
    primary key (site, date)
);

create table drawers (
    site text not null,
    number bigint not null,
    name text not null,
    date text not null,
    cashier text not null,
    state text not null,
    opening bigint not null,
    counts text not null,
    counted_cash bigint,
    counted_checks bigint,
    counted_by text,
    over_short bigint,
    entry bigint,
    primary key (site, number)
);
create index drawers_open on drawers (site, name, state);

-- Receipts and payouts, numbered without gaps over all drawers.
create table drawer_slips (
    site text not null,
    number bigint not null,
    drawer bigint not null,
    kind text not null,
    tender text not null,
    amount bigint not null,
    tendered bigint not null,
    reference text not null,
    biller text,
    account text,
    bill text,
    memo text not null,
    mark text not null,
    at text not null,
    by_user text not null,
    entry bigint not null,
    primary key (site, number),
    unique (site, mark),
    foreign key (site, drawer) references drawers (site, number),
    foreign key (site, entry) references entries (site, number)
);
create index drawer_slips_drawer on drawer_slips (site, drawer, number);

-- What was taken away when its time had come, and what must stay for a court.
create table purges (
    site text not null,
    number bigint not null,
    class text not null,
    subject text not null,
    hash text not null,
    size bigint not null,
    at text not null,
    by_user text not null,
    note text not null,
    primary key (site, number),
    unique (site, class, subject)
);
create table legal_holds (
    site text not null,
    subject text not null,
    at text not null,
    note text not null,
    by_user text not null,
    released_at text,
    released_by text,
    primary key (site, subject, at)
);

-- Nobody approves what they balanced.
create function two_people() returns trigger language plpgsql as $$
begin
    raise exception 'a batch is approved by another person than the one who balanced it' using errcode = 'restrict_violation';
end;
$$;
create trigger batches_two_people before update on batches
    for each row when (new.approved_by = new.balanced_by) execute function two_people();
create function another_person() returns trigger language plpgsql as $$
begin
    if exists (select 1 from batches b where b.site = new.site and b.id = new.batch and b.balanced_by = new.by_user) then
        raise exception 'a batch is approved by another person than the one who balanced it' using errcode = 'restrict_violation';
    end if;
    return new;
end;
$$;
create trigger approvals_two_people before insert on approvals for each row execute function another_person();

-- History is only ever added to; a reading goes only when its purge is on record.
create function only_purged() returns trigger language plpgsql as $$
begin
    if not exists (select 1 from purges p where p.site = old.site and p.class = 'readings' and p.subject = old.document) then
        raise exception 'readings is append-only' using errcode = 'restrict_violation';
    end if;
    return old;
end;
$$;
drop trigger readings_no_change on readings;
create trigger readings_no_change before update or truncate on readings
    for each statement execute function append_only();
create trigger readings_no_delete before delete on readings for each row execute function only_purged();
create trigger return_parts_no_change before update or delete or truncate on return_parts
    for each statement execute function append_only();
create trigger reversals_no_change before update or delete or truncate on reversals
    for each statement execute function append_only();
create trigger day_roots_no_change before update or delete or truncate on day_roots
    for each statement execute function append_only();
create trigger drawer_slips_no_change before update or delete or truncate on drawer_slips
    for each statement execute function append_only();
create trigger purges_no_change before update or delete or truncate on purges
    for each statement execute function append_only();
create trigger bill_moves_no_change before update or delete or truncate on bill_moves
    for each statement execute function append_only();
