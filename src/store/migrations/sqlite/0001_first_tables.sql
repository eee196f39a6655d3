-- Every primary key begins with the site. Times and dates are ISO 8601 text, money is whole cents, a column called
-- `sealed` is encrypted with the row's place as additional data.

create table sites (
    site text not null primary key,
    created_at text not null,
    key_check text not null
);

-- The end of each chain: the number and hash of its newest row. Updating it is also the lock that makes numbers gapless.
create table heads (
    site text not null,
    chain text not null,
    number bigint not null,
    hash text not null,
    primary key (site, chain)
);

create table users (
    site text not null,
    name text not null,
    roles text not null,
    disabled boolean not null,
    primary key (site, name)
);

create table settings (
    site text not null,
    name text not null,
    value text not null,
    primary key (site, name)
);

create table layouts (
    site text not null,
    name text not null,
    version bigint not null,
    toml text not null,
    primary key (site, name, version)
);

create table bill_files (
    site text not null,
    number bigint not null,
    date text not null,
    bills bigint not null,
    primary key (site, number)
);

create table bills (
    site text not null,
    biller text not null,
    bill text not null,
    account text not null,
    name text not null,
    address text not null,
    city text not null,
    state text not null,
    zip text not null,
    amount_due bigint not null,
    current_amount bigint,
    past_due bigint,
    late_amount bigint,
    budget_amount bigint,
    instalment bigint,
    due_date text,
    invoice text not null,
    status text not null,
    flags text not null,
    service text,
    extra text not null,
    is_open boolean not null,
    paid bigint not null,
    content text not null,
    primary key (site, biller, bill)
);
create index bills_account on bills (site, account);
create index bills_bill on bills (site, bill);
create index bills_invoice on bills (site, invoice);

create table payers (
    site text not null,
    bank_index text not null,
    biller text not null,
    account text not null,
    routing text not null,
    sealed blob not null,
    primary key (site, bank_index, biller, account)
);

create table blobs (
    site text not null,
    hash text not null,
    pack text not null,
    start bigint not null,
    size bigint not null,
    primary key (site, hash)
);

create table receipts (
    site text not null,
    id text not null,
    source text not null,
    fingerprint text,
    name text not null,
    at text not null,
    by_user text not null,
    primary key (site, id),
    unique (site, source),
    unique (site, fingerprint)
);

create table batches (
    site text not null,
    id text not null,
    receipt text not null,
    place bigint not null,
    name text not null,
    state text not null,
    origin text not null,
    date text not null,
    operator text,
    declared_count bigint,
    declared_total bigint,
    counts_documents boolean not null,
    balanced_by text,
    approved_by text,
    changes bigint not null,
    primary key (site, id),
    foreign key (site, receipt) references receipts (site, id)
);
create index batches_name on batches (site, name);
create index batches_receipt on batches (site, receipt);
create index batches_state on batches (site, state);

create table documents (
    site text not null,
    id text not null,
    batch text not null,
    place bigint not null,
    seq bigint not null,
    kind_hint text,
    dpi bigint,
    station_micr blob,
    station_amount bigint,
    amount_is_recorded boolean not null,
    envelope bigint,
    remittance blob,
    primary key (site, id),
    unique (site, batch, place),
    foreign key (site, batch) references batches (site, id)
);

create table images (
    site text not null,
    document text not null,
    place bigint not null,
    role text not null,
    name text not null,
    hash text not null,
    primary key (site, document, place),
    foreign key (site, document) references documents (site, id)
);
create index images_hash on images (site, hash);

-- What a document is made of (its images, or its source and place): nothing is taken twice.
create table contents (
    site text not null,
    content text not null,
    document text not null,
    batch text not null,
    primary key (site, content)
);
create index contents_document on contents (site, document);
create index contents_batch on contents (site, batch);

create table jobs (
    site text not null,
    batch text not null,
    kind text not null,
    part bigint not null,
    first_place bigint not null,
    last_place bigint not null,
    state text not null,
    worker text,
    lease_until bigint not null,
    token bigint not null,
    attempts bigint not null,
    error text,
    primary key (site, batch, kind, part),
    foreign key (site, batch) references batches (site, id)
);
create index jobs_undone on jobs (site, batch, kind, part) where state <> 'done';

create table readings (
    site text not null,
    document text not null,
    ordinal bigint not null,
    batch text not null,
    decoder text not null,
    sealed blob not null,
    primary key (site, document, ordinal),
    foreign key (site, document) references documents (site, id)
);
create index readings_batch on readings (site, batch, document, ordinal);

-- Keyed hashes of a check's account line: `near` without, `exact` with the amount.
create table check_prints (
    site text not null,
    document text not null,
    batch text not null,
    near text not null,
    exact text,
    primary key (site, document),
    foreign key (site, document) references documents (site, id)
);
create index check_prints_near on check_prints (site, near);

create table transactions (
    site text not null,
    id text not null,
    batch text not null,
    seq bigint not null,
    kind text not null,
    state text not null,
    reason text not null,
    received bigint,
    held_until text,
    owner text,
    primary key (site, id),
    foreign key (site, batch) references batches (site, id)
);
create index transactions_batch on transactions (site, batch, seq);

-- A document is in one transaction: the primary key says so.
create table transaction_documents (
    site text not null,
    document text not null,
    batch text not null,
    transaction_id text not null,
    place bigint not null,
    primary key (site, document),
    foreign key (site, document) references documents (site, id),
    foreign key (site, transaction_id) references transactions (site, id)
);
create index transaction_documents_transaction on transaction_documents (site, transaction_id);
create index transaction_documents_batch on transaction_documents (site, batch, transaction_id, place);

create table applications (
    site text not null,
    transaction_id text not null,
    place bigint not null,
    batch text not null,
    biller text,
    account text,
    bill text,
    amount bigint not null,
    ledger text not null,
    rule text not null,
    evidence text not null,
    primary key (site, transaction_id, place),
    foreign key (site, transaction_id) references transactions (site, id)
);
create index applications_batch on applications (site, batch, transaction_id, place);

create table exceptions (
    site text not null,
    id text not null,
    batch text not null,
    transaction_id text,
    place bigint not null,
    code text not null,
    message text not null,
    document text,
    area text,
    decided_by text,
    decided_at text,
    sealed blob,
    primary key (site, id),
    foreign key (site, batch) references batches (site, id)
);
create index exceptions_batch on exceptions (site, batch, transaction_id, place);
create index exceptions_open on exceptions (site, batch) where decided_by is null;
create index exceptions_transaction on exceptions (site, transaction_id);

create table decisions (
    site text not null,
    transaction_id text not null,
    place bigint not null,
    batch text not null,
    decided_by text not null,
    decided_at text not null,
    sealed blob not null,
    primary key (site, transaction_id, place),
    foreign key (site, transaction_id) references transactions (site, id)
);
create index decisions_batch on decisions (site, batch, transaction_id, place);

create table entries (
    site text not null,
    number bigint not null,
    date text not null,
    batch text,
    transaction_id text,
    memo text not null,
    previous text not null,
    hash text not null,
    primary key (site, number)
);
create index entries_batch on entries (site, batch, number);
create index entries_transaction on entries (site, transaction_id);

create table postings (
    site text not null,
    number bigint not null,
    place bigint not null,
    account text not null,
    amount bigint not null,
    document text,
    memo text not null,
    primary key (site, number, place),
    foreign key (site, number) references entries (site, number),
    check (amount <> 0)
);
create index postings_account on postings (site, account, number);
create index postings_document on postings (site, document);

-- What was posted, at most once: a batch, a deposit made, a deposit acknowledged.
create table posted (
    site text not null,
    subject text not null,
    kind text not null,
    first_entry bigint not null,
    last_entry bigint not null,
    primary key (site, subject, kind)
);

create table deposits (
    site text not null,
    id text not null,
    date text not null,
    kind text not null,
    profile text not null,
    number bigint not null,
    state text not null,
    count bigint not null,
    total bigint not null,
    file text,
    sha256 text,
    primary key (site, id),
    unique (site, date, profile, kind, number)
);

-- A check is in at most one live deposit: by its paper, and by its account line.
create table deposit_items (
    site text not null,
    deposit text not null,
    place bigint not null,
    document text not null,
    amount bigint not null,
    sequence text not null,
    primary key (site, deposit, place),
    unique (site, document),
    foreign key (site, deposit) references deposits (site, id),
    foreign key (site, document) references documents (site, id)
);

create table check_claims (
    site text not null,
    claim text not null,
    document text not null,
    deposit text not null,
    primary key (site, claim)
);
create index check_claims_document on check_claims (site, document);

create table audit (
    site text not null,
    number bigint not null,
    at text not null,
    by_user text not null,
    what text not null,
    noun text not null,
    id text not null,
    before_hash text,
    after_hash text,
    note text not null,
    previous text not null,
    hash text not null,
    primary key (site, number)
);

-- History is only ever added to.
create trigger entries_no_update before update on entries
begin
    select raise(abort, 'entries is append-only');
end;
create trigger entries_no_delete before delete on entries
begin
    select raise(abort, 'entries is append-only');
end;
create trigger postings_no_update before update on postings
begin
    select raise(abort, 'postings is append-only');
end;
create trigger postings_no_delete before delete on postings
begin
    select raise(abort, 'postings is append-only');
end;
create trigger posted_no_update before update on posted
begin
    select raise(abort, 'posted is append-only');
end;
create trigger posted_no_delete before delete on posted
begin
    select raise(abort, 'posted is append-only');
end;
create trigger audit_no_update before update on audit
begin
    select raise(abort, 'audit is append-only');
end;
create trigger audit_no_delete before delete on audit
begin
    select raise(abort, 'audit is append-only');
end;
create trigger readings_no_update before update on readings
begin
    select raise(abort, 'readings is append-only');
end;
create trigger readings_no_delete before delete on readings
begin
    select raise(abort, 'readings is append-only');
end;
