-- What people did. No column holds personal data: a reason is a code, and before and after are what the API shows of
-- things without free text.

-- +goose Up

CREATE TABLE audit (
    audit_id      BIGINT NOT NULL PRIMARY KEY,
    at            BIGINT NOT NULL,
    actor         TEXT   NOT NULL,
    role          TEXT   NOT NULL,
    action        TEXT   NOT NULL,
    subject       TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    outcome       TEXT   NOT NULL,
    before_change TEXT   NOT NULL,
    after_change  TEXT   NOT NULL,
    request_id    TEXT   NOT NULL,
    address       TEXT   NOT NULL,
    hash          BLOB   NOT NULL
);

CREATE INDEX audit_at ON audit (at, audit_id);
CREATE INDEX audit_actor ON audit (actor, audit_id);
CREATE INDEX audit_action ON audit (action, audit_id);
CREATE INDEX audit_subject ON audit (subject, audit_id);
CREATE INDEX audit_refused ON audit (audit_id, outcome) WHERE outcome <> 'ok';

-- Where the log ends: the row that writers lock, and by which a missing end is noticed.
CREATE TABLE audit_head (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    audit_id BIGINT  NOT NULL,
    at       BIGINT,
    hash     BLOB
);

INSERT INTO audit_head (one, audit_id) VALUES (1, 0);

CREATE TABLE audit_checkpoints (
    number    BIGINT NOT NULL PRIMARY KEY,
    at        BIGINT NOT NULL,
    entries   BIGINT NOT NULL,
    hash      BLOB,
    position  BIGINT NOT NULL,
    accounts  BIGINT NOT NULL,
    digest    BLOB   NOT NULL,
    key_id    TEXT   NOT NULL,
    signature BLOB   NOT NULL
);

-- The database itself refuses what no statement of the program does. It stops mistakes; whoever means it is found by
-- the chain and the checkpoints.
-- +goose StatementBegin
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_undeleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- +goose StatementEnd
