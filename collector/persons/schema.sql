-- parts of encrypted files that tell of persons, as they came; seq: the order of their coming
CREATE TABLE IF NOT EXISTS part (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, region TEXT NOT NULL, profile TEXT NOT NULL, kind TEXT NOT NULL,
    time INTEGER NOT NULL,  -- of the file's header, ms since 1970 UTC
    id TEXT NOT NULL,       -- a digest of its content, by the key
    number INTEGER NOT NULL, parts INTEGER NOT NULL, mine TEXT NOT NULL, key TEXT NOT NULL, cipher BLOB NOT NULL,
    UNIQUE (site, profile, kind, key, mine, time, id, number)
);
CREATE INDEX IF NOT EXISTS part_by_kind ON part (site, kind, time);
CREATE INDEX IF NOT EXISTS part_by_time ON part (profile, time);
CREATE INDEX IF NOT EXISTS part_by_key ON part (key, seq);
-- what was deleted before its time, since the file was made
CREATE TABLE IF NOT EXISTS dropped (only INTEGER PRIMARY KEY CHECK (only = 1), parts INTEGER NOT NULL);
