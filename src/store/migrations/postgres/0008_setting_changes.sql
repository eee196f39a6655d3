-- Changes of the site's settings: proposed by one person, confirmed by another, and then in force. The text is sealed, since
-- it may name bank accounts.
create table setting_changes (
    site text not null,
    number bigint not null,
    part text not null,
    sealed bytea not null,
    by_user text not null,
    at text not null,
    ended_by text,
    ended_at text,
    confirmed boolean not null,
    primary key (site, number)
);
