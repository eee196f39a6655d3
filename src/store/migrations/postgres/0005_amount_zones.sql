-- Where the amount stands on one layout of checks, drawn by a person; keyed by the check's routing and account.
create table amount_zones (
    site text not null,
    bank_index text not null,
    sealed bytea not null,
    primary key (site, bank_index)
);
