-- Notifications of change: what payers' banks want corrected in account lines that were sent. No money.
create table change_notices (
    site text not null,
    id text not null,
    code text not null,
    date text not null,
    at text not null,
    by_user text not null,
    sealed blob not null,
    primary key (site, id)
);
