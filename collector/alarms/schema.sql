-- one row a life; `body` is the whole of it as JSON (collector.alarms.lives.Life), the columns before it are for finding
CREATE TABLE IF NOT EXISTS life (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, state TEXT NOT NULL, condition TEXT NOT NULL,
    severity INTEGER NOT NULL, level TEXT NOT NULL, site TEXT NOT NULL, region TEXT NOT NULL, raised INTEGER NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,  -- ms by the collector's clock, when it was closed or joined to another life
    folded_first INTEGER, folded_last INTEGER,  -- raises in this span of time are in its count alone
    version INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS life_to_see ON life (state, severity, raised);
CREATE INDEX IF NOT EXISTS life_ended ON life (ended) WHERE ended;
CREATE INDEX IF NOT EXISTS life_open ON life (raised) WHERE ended = 0;
CREATE INDEX IF NOT EXISTS life_by_site ON life (site, ended);
CREATE INDEX IF NOT EXISTS life_folded ON life (source, folded_first) WHERE folded_first IS NOT NULL;
-- an agent's alarm: the fold of its events by (era, time, seq, id), and the life that it belongs to
CREATE TABLE IF NOT EXISTS alarm (
    agent TEXT NOT NULL, alarm TEXT NOT NULL, source TEXT NOT NULL, life INTEGER, since INTEGER NOT NULL,
    until INTEGER NOT NULL, severity INTEGER NOT NULL, gravest TEXT NOT NULL,
    era INTEGER NOT NULL, time INTEGER NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, standing INTEGER NOT NULL,
    body TEXT NOT NULL,  -- the rest of its last event, as JSON (collector.alarms.lives.Last)
    PRIMARY KEY (agent, alarm)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alarm_by_source ON alarm (source, since);
CREATE INDEX IF NOT EXISTS alarm_by_life ON alarm (life, era, time, seq, event);
-- lives whose newest state a store does not have yet
CREATE TABLE IF NOT EXISTS due (
    sink TEXT NOT NULL, life INTEGER NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (sink, life)
) WITHOUT ROWID;
-- messages: one a life, step and receiver; `wanted` and, after tries that failed, `due` in ms UTC; `body`: the life as it
-- was at the step, or empty for an escalation, which tells it as it is
CREATE TABLE IF NOT EXISTS notice (
    id INTEGER PRIMARY KEY, life INTEGER NOT NULL, step TEXT NOT NULL, receiver TEXT NOT NULL, wanted INTEGER NOT NULL,
    due INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting',
    error TEXT NOT NULL DEFAULT '', body TEXT NOT NULL, UNIQUE (life, step, receiver)
);
CREATE INDEX IF NOT EXISTS notice_due ON notice (receiver, due) WHERE state = 'waiting';
-- alarms of seals that were handled, until the report queue has it (collector.handled.Handled)
CREATE TABLE IF NOT EXISTS handled (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
-- the points' colours: each transition of an alarm that is one (collector.alarms.colours.Step)
CREATE TABLE IF NOT EXISTS colour_step (
    agent TEXT NOT NULL, alarm TEXT NOT NULL, event TEXT NOT NULL, era INTEGER NOT NULL, time INTEGER NOT NULL,
    seq INTEGER NOT NULL, level TEXT NOT NULL, site TEXT NOT NULL, region TEXT NOT NULL, profile TEXT NOT NULL,
    quantity TEXT NOT NULL, point TEXT NOT NULL, PRIMARY KEY (agent, alarm, event)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS colour_step_by_site ON colour_step (site, profile, time);
CREATE INDEX IF NOT EXISTS colour_step_by_time ON colour_step (time);
-- points that were lost for so long that their colour does not count; `until`: when valid readings came again
CREATE TABLE IF NOT EXISTS colour_lost (
    site TEXT NOT NULL, profile TEXT NOT NULL, point TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER,
    PRIMARY KEY (site, profile, point, since)
) WITHOUT ROWID;
-- sites whose colours are to be worked out anew, and from which moment on
CREATE TABLE IF NOT EXISTS colour_changed (
    site TEXT NOT NULL, profile TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (site, profile)
) WITHOUT ROWID;
-- the colours as they were told; one that is told differently gets a new id, so that a number a store is all that is due
CREATE TABLE IF NOT EXISTS colour (
    id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, profile TEXT NOT NULL, quantity TEXT NOT NULL,
    time INTEGER NOT NULL, region TEXT NOT NULL, colour TEXT NOT NULL, why TEXT NOT NULL,
    UNIQUE (site, profile, quantity, time)
);
CREATE INDEX IF NOT EXISTS colour_by_time ON colour (time);
CREATE TABLE IF NOT EXISTS colour_sent (sink TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
-- what the seal of a mine stands on from `time` (ms UTC) on (collector.seal.ground.Ground as JSON): the newest one holds
CREATE TABLE IF NOT EXISTS seal_ground (
    site TEXT NOT NULL, time INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (site, time)
) WITHOUT ROWID;
-- mines whose seal is to be worked out anew, and from which moment on
CREATE TABLE IF NOT EXISTS seal_changed (site TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
-- up to when the edges of permits were looked for
CREATE TABLE IF NOT EXISTS seal_looked (one INTEGER PRIMARY KEY CHECK (one = 1), time INTEGER NOT NULL);
-- the states as they were told, as of `colour`; without a position: of the mine
CREATE TABLE IF NOT EXISTS seal_state (
    id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, profile TEXT NOT NULL, position TEXT NOT NULL,
    time INTEGER NOT NULL, region TEXT NOT NULL, state TEXT NOT NULL, since INTEGER NOT NULL, why TEXT NOT NULL,
    UNIQUE (site, position, time)
);
CREATE INDEX IF NOT EXISTS seal_state_by_time ON seal_state (time);
CREATE TABLE IF NOT EXISTS seal_sent (sink TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
-- stop and repair records (collector.duty.records.Record as JSON); `until`: their end, 2^62 where nobody has ended them
CREATE TABLE IF NOT EXISTS off_duty (
    id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, until INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS off_duty_by_until ON off_duty (until);
-- time whose compliance they changed, until it is measured anew
CREATE TABLE IF NOT EXISTS off_duty_changed (
    id INTEGER PRIMARY KEY, begin INTEGER NOT NULL, until INTEGER NOT NULL
);
-- lives that nobody is told of for now, since what they are of is stopped or under repair (collector.duty.quiet)
CREATE TABLE IF NOT EXISTS hushed (life INTEGER PRIMARY KEY);
-- transitions of points as they were told (collector.alarms.whole.Whole as JSON), `time` in ms by the agent's clock
CREATE TABLE IF NOT EXISTS whole (
    agent TEXT NOT NULL, id TEXT NOT NULL, alarm TEXT NOT NULL, time INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (agent, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS whole_by_time ON whole (time, agent, id);
CREATE INDEX IF NOT EXISTS whole_by_alarm ON whole (agent, alarm, time);
