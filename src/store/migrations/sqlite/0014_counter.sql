-- What an account paid at the counter; who must hear of a receipt, as `notices` says of what comes by mail.
create index drawer_slips_account on drawer_slips (site, account);

create table counter_notices (
    site text not null,
    receipt bigint not null,
    code text not null,
    biller text not null,
    account text not null,
    bill text not null,
    date text not null,
    amount bigint not null,
    agency text not null,
    message text not null,
    primary key (site, receipt, code),
    foreign key (site, receipt) references drawer_slips (site, number)
);
create index counter_notices_date on counter_notices (site, date);
