-- readings not yet in a packet: of each point the last one of a period
CREATE TABLE IF NOT EXISTS due (
    target TEXT NOT NULL, point TEXT NOT NULL, period INTEGER NOT NULL,  -- period: its end, ms since 1970 UTC
    profile TEXT NOT NULL, time INTEGER NOT NULL, value REAL, text TEXT, quality TEXT NOT NULL,
    PRIMARY KEY (target, point, period)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS due_by_period ON due (target, period);
-- transitions not yet in a packet
CREATE TABLE IF NOT EXISTS transition (
    target TEXT NOT NULL, agent TEXT NOT NULL, id TEXT NOT NULL, profile TEXT NOT NULL, point TEXT NOT NULL,
    time INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (target, agent, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packet (
    target TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, rank INTEGER NOT NULL, profile TEXT NOT NULL,
    version TEXT NOT NULL, gateway TEXT NOT NULL, time INTEGER NOT NULL, created INTEGER NOT NULL,
    state TEXT NOT NULL,  -- awaited (it waits for files of evidence), waiting, accepted, dead
    name TEXT NOT NULL, path TEXT NOT NULL, body BLOB NOT NULL, points TEXT NOT NULL,  -- JSON: code → ms of its reading
    attempts INTEGER NOT NULL DEFAULT 0, answered INTEGER, answer TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (target, id)
) WITHOUT ROWID;
DROP INDEX IF EXISTS packet_waiting;  -- an earlier version's, in whose order a period's packets were sent by chance
CREATE INDEX IF NOT EXISTS packet_in_turn ON packet (target, rank, time, created) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS packet_by_time ON packet (target, gateway, time);
CREATE INDEX IF NOT EXISTS packet_by_state ON packet (target, state, created);
CREATE TABLE IF NOT EXISTS target (
    target TEXT PRIMARY KEY, stopped TEXT NOT NULL DEFAULT '', dropped INTEGER NOT NULL DEFAULT 0,
    dropped_from INTEGER, dropped_to INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS packet_by_name ON packet (target, name) WHERE name != '';
-- what the packer remembers: the newest reading of each point that was packed, for packets that name every point
CREATE TABLE IF NOT EXISTS held (
    target TEXT NOT NULL, profile TEXT NOT NULL, point TEXT NOT NULL, gateway TEXT NOT NULL, time INTEGER NOT NULL,
    value REAL, text TEXT, quality TEXT NOT NULL, PRIMARY KEY (target, profile, point)
) WITHOUT ROWID;
-- of each limit of a point the newest crossing; end: NULL while it stands
CREATE TABLE IF NOT EXISTS crossing (
    target TEXT NOT NULL, point TEXT NOT NULL, level TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER,
    PRIMARY KEY (target, point, level)
) WITHOUT ROWID;
-- abnormal events that are told again; end: NULL while one stands; due: NULL when nothing is to be told of it now;
-- digest: of what was told of it last
CREATE TABLE IF NOT EXISTS abnormal (
    target TEXT NOT NULL, profile TEXT NOT NULL, point TEXT NOT NULL, level TEXT NOT NULL, start INTEGER NOT NULL,
    end INTEGER, agent TEXT NOT NULL, tag TEXT NOT NULL, due INTEGER, digest TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (target, point, level, start)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS abnormal_due ON abnormal (target, due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS abnormal_by_point ON abnormal (point, start);
-- definitions that were sent: the digest of what they said, and when
CREATE TABLE IF NOT EXISTS said (
    target TEXT NOT NULL, about TEXT NOT NULL, digest TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (target, about)
) WITHOUT ROWID;
-- spans of points of which something (`kind`) is due: their end, and when a reading of them came last
CREATE TABLE IF NOT EXISTS told (
    target TEXT NOT NULL, kind TEXT NOT NULL, profile TEXT NOT NULL, point TEXT NOT NULL, end INTEGER NOT NULL,
    noted INTEGER NOT NULL, PRIMARY KEY (target, kind, point, end)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS told_by_end ON told (target, profile, kind, end);
-- how alarms were handled, not yet in a packet (collector.handled.Handled); `at` in ms
CREATE TABLE IF NOT EXISTS handling (
    target TEXT NOT NULL, agent TEXT NOT NULL, alarm TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (target, agent, alarm, at)
) WITHOUT ROWID;
-- the newest state of what is told as it stands: of an asset (a camera, a terminal) and quantity
CREATE TABLE IF NOT EXISTS watched (
    target TEXT NOT NULL, profile TEXT NOT NULL, asset TEXT NOT NULL, quantity TEXT NOT NULL, time INTEGER NOT NULL,
    value REAL, quality TEXT NOT NULL, since INTEGER NOT NULL, cause TEXT NOT NULL,
    PRIMARY KEY (target, profile, asset, quantity)
) WITHOUT ROWID;
-- alarms of a period, for messages that count them; told: 0 until a message about the period has counted it as it is
CREATE TABLE IF NOT EXISTS tally (
    target TEXT NOT NULL, profile TEXT NOT NULL, gateway TEXT NOT NULL, period INTEGER NOT NULL, alarm TEXT NOT NULL,
    level INTEGER NOT NULL, told INTEGER NOT NULL, PRIMARY KEY (target, profile, gateway, period, alarm)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tally_untold ON tally (target, period) WHERE NOT told;
-- what packets that sum up a period carried, so that a late one sums up the whole of it
CREATE TABLE IF NOT EXISTS counted (
    target TEXT NOT NULL, profile TEXT NOT NULL, gateway TEXT NOT NULL, period INTEGER NOT NULL, point TEXT NOT NULL,
    time INTEGER NOT NULL, value REAL, text TEXT, quality TEXT NOT NULL,
    PRIMARY KEY (target, profile, gateway, period, point)
) WITHOUT ROWID;
-- how far a target has come with files that tell of persons, by key; source '': where it began
CREATE TABLE IF NOT EXISTS mark (
    target TEXT NOT NULL, source TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (target, source)
) WITHOUT ROWID;
-- files of evidence that packets in state `awaited` wait for; until: ms UTC when they leave without, NULL: never
CREATE TABLE IF NOT EXISTS awaited (
    target TEXT NOT NULL, packet TEXT NOT NULL, agent TEXT NOT NULL, file TEXT NOT NULL, until INTEGER,
    PRIMARY KEY (target, packet, agent, file)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS packet_awaiting ON packet (target, created) WHERE state = 'awaited';
