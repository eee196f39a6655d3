-- The review desk: how people sign in, what they hold while they work, what programs may do in their name. Instants are
-- seconds of the epoch; of secrets only hashes stand here, or sealed values.

create table credentials (
    site text not null,
    name text not null,
    password text not null,
    second_factor bytea,
    last_step bigint not null,
    failures bigint not null,
    wait_until bigint not null,
    locked boolean not null,
    primary key (site, name)
);

create table recovery_codes (
    site text not null,
    name text not null,
    hash text not null,
    used boolean not null,
    primary key (site, name, hash)
);

create table invitations (
    site text not null,
    hash text not null,
    name text not null,
    until_second bigint not null,
    primary key (site, hash)
);

create table sessions (
    site text not null,
    hash text not null,
    name text not null,
    roles text not null,
    started bigint not null,
    seen bigint not null,
    proved bigint not null,
    primary key (site, hash)
);
create index sessions_name on sessions (site, name);

-- Who works on a payment just now. `fence` grows with each new holder: what an earlier one sends is refused.
create table leases (
    site text not null,
    subject text not null,
    holder text not null,
    session text not null,
    fence bigint not null,
    until_second bigint not null,
    primary key (site, subject)
);

-- Programs that work in a person's name.
create table tokens (
    site text not null,
    id text not null,
    hash text not null,
    name text not null,
    label text not null,
    created_at text not null,
    ended boolean not null,
    primary key (site, id),
    unique (site, hash)
);

-- What was answered to a request with an idempotency key.
create table answers (
    site text not null,
    name text not null,
    request_key text not null,
    request text not null,
    status bigint not null,
    body text not null,
    at_second bigint not null,
    primary key (site, name, request_key)
);

-- The first of two keyings of a large amount; the second must agree without having seen it.
create table first_keys (
    site text not null,
    exception text not null,
    name text not null,
    sealed bytea not null,
    primary key (site, exception)
);

create table preferences (
    site text not null,
    name text not null,
    value text not null,
    primary key (site, name)
);

-- Research: by account, amount, check number; and the trail of one thing.
alter table check_prints add column serial text;
create index check_prints_serial on check_prints (site, serial);
create index applications_account on applications (site, account);
create index applications_amount on applications (site, amount);
create index transactions_received on transactions (site, received);
create index audit_id on audit (site, id, number);
