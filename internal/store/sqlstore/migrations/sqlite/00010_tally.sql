-- What the log says of the last days, counted by the hour beside the appends and not by them. Losing it loses nothing: it
-- is counted again from the log.

-- +goose Up

-- kind and name say what n counts; of durations, bin says how long they were. Hours are since 1970.
CREATE TABLE tally (
    hour BIGINT  NOT NULL,
    kind TEXT    NOT NULL,
    name TEXT    NOT NULL,
    bin  INTEGER NOT NULL,
    n    BIGINT  NOT NULL,
    PRIMARY KEY (hour, kind, name, bin)
) WITHOUT ROWID;

-- The last entry of the log that was counted; one row. It is NULL until the first count.
CREATE TABLE tally_position (
    position    BIGINT,
    recorded_at BIGINT
);

INSERT INTO tally_position (position, recorded_at) VALUES (NULL, NULL);

CREATE INDEX blocks_at ON blocks (at, action, account_id) WHERE observed = 0;
CREATE INDEX notices_failed ON notices (changed_at) WHERE state IN ('failed', 'no_contact');
