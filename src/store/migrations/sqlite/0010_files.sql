-- Source files as they came, in pieces of the object store; files that were refused, and why; when a deposit was claimed.
create table kept_files (
    site text not null,
    sha256 text not null,
    place bigint not null,
    hash text not null,
    size bigint not null,
    primary key (site, sha256, place)
);

create table refusals (
    site text not null,
    id text not null,
    sha256 text not null,
    name text not null,
    size bigint not null,
    at text not null,
    by_user text not null,
    sealed blob not null,
    primary key (site, id)
);

alter table deposits add column claimed_at text;
