CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, profile TEXT NOT NULL, site TEXT NOT NULL, region TEXT NOT NULL, asset TEXT NOT NULL,
    point TEXT NOT NULL, quantity TEXT NOT NULL, UNIQUE (profile, site, region, asset, point, quantity)
);
CREATE INDEX IF NOT EXISTS series_by_point ON series (point);
-- time: ns since 1970 UTC, the era below the millisecond; one of value, text, flag by the tag's type, for ever
CREATE TABLE IF NOT EXISTS reading (
    series INTEGER NOT NULL, time INTEGER NOT NULL, value REAL, text TEXT, flag INTEGER, quality TEXT NOT NULL,
    PRIMARY KEY (series, time)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    id TEXT NOT NULL, alarm TEXT NOT NULL, agent TEXT NOT NULL, site TEXT NOT NULL, region TEXT NOT NULL,
    profile TEXT NOT NULL, asset TEXT NOT NULL, point TEXT NOT NULL, quantity TEXT NOT NULL, source TEXT NOT NULL,
    kind TEXT NOT NULL, level TEXT NOT NULL, state TEXT NOT NULL, era INTEGER NOT NULL, seq INTEGER NOT NULL,
    time INTEGER NOT NULL, since INTEGER NOT NULL, value TEXT NOT NULL, "limit" REAL, text TEXT NOT NULL,
    evidence TEXT NOT NULL,  -- JSON: what the files of evidence are (type, size, SHA-256, capture time)
    PRIMARY KEY (agent, id)  -- ids are derived from content, which another agent's may share
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS event_by_alarm ON event (agent, alarm, era, time, seq);
-- what the collector worked out itself; tags and fields: JSON objects, the tags' names in order
CREATE TABLE IF NOT EXISTS fact (
    measurement TEXT NOT NULL, tags TEXT NOT NULL, time INTEGER NOT NULL, fields TEXT NOT NULL,
    PRIMARY KEY (measurement, tags, time)
) WITHOUT ROWID;
-- an alarm's state is the fold of its agent's events by (era, time, seq), whatever the order of arrival
CREATE VIEW IF NOT EXISTS alarm AS
SELECT alarm, agent, site, region, profile, asset, point, quantity, source, kind, level, state, since, time, value, text
FROM event AS last
WHERE state != 'noted' AND NOT EXISTS (
    SELECT 1 FROM event AS later WHERE later.agent = last.agent AND later.alarm = last.alarm
    AND later.state != 'noted' AND (later.era, later.time, later.seq, later.id) > (last.era, last.time, last.seq, last.id)
);
