-- one row a file that an event named; times in ms since 1970 UTC; `verified`: when its bytes had its hash, 0 until then
CREATE TABLE IF NOT EXISTS file (
    agent TEXT NOT NULL, id TEXT NOT NULL, alarm TEXT NOT NULL, code TEXT NOT NULL, source TEXT NOT NULL,
    site TEXT NOT NULL, type TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, sm3 TEXT NOT NULL,
    captured INTEGER NOT NULL, told INTEGER NOT NULL, verified INTEGER NOT NULL DEFAULT 0,
    asked INTEGER NOT NULL DEFAULT 0, asked_at INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (agent, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS file_by_age ON file (told) WHERE deleted = 0;
CREATE INDEX IF NOT EXISTS file_missing ON file (told) WHERE verified = 0 AND deleted = 0;
CREATE INDEX IF NOT EXISTS file_reference ON file (agent, source, captured) WHERE code = 'reference';
CREATE INDEX IF NOT EXISTS file_by_alarm ON file (agent, alarm);
-- files that were handed on whole to a higher collector, so that an event that comes twice has none carried twice
CREATE TABLE IF NOT EXISTS passed (
    agent TEXT NOT NULL, id TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (agent, id, target)
) WITHOUT ROWID;
