-- The own key of each image and file of the object store, sealed by the site's key: whoever destroys it has destroyed what it
-- sealed, in every copy of the packs.
create table object_keys (
    site text not null,
    hash text not null,
    sealed bytea not null,
    primary key (site, hash)
);

-- Open bills by the first word of a name, for suggestions.
create index bills_name on bills (site, (lower(name) collate "C"));
