-- Renumbered accounts, the standing of payers' bank accounts, notices of urgent payments, batches that were divided, and the
-- turn of whoever matches.

-- The number that an account had before, as the bill file tells it.
create table account_numbers (
    site text not null,
    old text not null,
    biller text not null,
    account text not null,
    primary key (site, old, biller, account)
);

-- A payer's bank account that many share, or that stands on the stop list (with the reason).
create table payer_standing (
    site text not null,
    bank_index text not null,
    shared boolean not null,
    stop text,
    primary key (site, bank_index)
);

-- Posted payments that showed which account a bank account pays for.
create table payer_sightings (
    site text not null,
    bank_index text not null,
    document text not null,
    biller text not null,
    account text not null,
    date text not null,
    primary key (site, bank_index, document, biller, account)
);

-- What somebody must hear of at capture, before anything is posted.
create table notices (
    site text not null,
    id text not null,
    batch text not null,
    transaction_id text not null,
    code text not null,
    biller text not null,
    account text not null,
    bill text not null,
    date text not null,
    amount bigint,
    agency text not null,
    message text not null,
    primary key (site, id),
    foreign key (site, batch) references batches (site, id)
);
create index notices_batch on notices (site, batch);
create index notices_date on notices (site, date);

-- The part of a batch that was carried over, and where it came from.
create table batch_parts (
    site text not null,
    batch text not null,
    carried_from text not null,
    primary key (site, batch)
);

-- Each match counts one: whoever matched in the light of an older number matches again.
create table match_turns (
    site text not null,
    number bigint not null,
    primary key (site)
);

create table meter_readings (
    site text not null,
    document text not null,
    batch text not null,
    transaction_id text not null,
    biller text not null,
    account text not null,
    meter text not null,
    date text not null,
    reading bigint not null,
    previous bigint,
    used bigint,
    verdict text not null,
    primary key (site, document, meter),
    foreign key (site, batch) references batches (site, id)
);
create index meter_readings_batch on meter_readings (site, batch);
create index meter_readings_account on meter_readings (site, biller, account, date);

create index applications_bill on applications (site, bill);
