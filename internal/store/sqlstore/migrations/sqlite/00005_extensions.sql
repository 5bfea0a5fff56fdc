-- An extension is requested by one person and approved by another. Until now whoever granted one did both.

-- +goose Up

ALTER TABLE extensions RENAME TO granted_extensions;
DROP INDEX extensions_account;

-- Requests with their present state. granted_at and revoked_at are of the steps approved and revoked; the gate reads
-- the rows that have a granted_at, by the index of accounts.
CREATE TABLE extensions (
    extension_id TEXT    NOT NULL PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES accounts (account_id),
    rule_id      TEXT    NOT NULL,
    until        BIGINT  NOT NULL,
    batch_id     TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    requested_at BIGINT  NOT NULL,
    requested_by TEXT    NOT NULL,
    granted_at   BIGINT,
    revoked_at   BIGINT
) WITHOUT ROWID;

CREATE INDEX extensions_account ON extensions (account_id, granted_at, extension_id, rule_id, until, revoked_at)
    WHERE granted_at IS NOT NULL;
CREATE INDEX extensions_of ON extensions (account_id, requested_at, extension_id);
CREATE INDEX extensions_requested ON extensions (requested_at, extension_id);
CREATE INDEX extensions_state ON extensions (state, requested_at, extension_id);
CREATE INDEX extensions_batch ON extensions (batch_id, requested_at, extension_id) WHERE batch_id <> '';

-- Every step of every extension; append-only.
CREATE TABLE extension_steps (
    extension_id TEXT    NOT NULL REFERENCES extensions (extension_id),
    version      INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    at           BIGINT  NOT NULL,
    recorded_at  BIGINT  NOT NULL,
    actor_kind   TEXT    NOT NULL,
    actor_id     TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    PRIMARY KEY (extension_id, version)
) WITHOUT ROWID;

INSERT INTO extensions (extension_id, account_id, rule_id, until, batch_id, state, version, requested_at, requested_by, granted_at)
    SELECT extension_id, account_id, rule_id, until, '', 'approved', 2, COALESCE(granted_at, recorded_at), actor_id,
        COALESCE(granted_at, recorded_at)
    FROM granted_extensions;

INSERT INTO extension_steps (extension_id, version, state, at, recorded_at, actor_kind, actor_id, reason)
    SELECT extension_id, 1, 'requested', COALESCE(granted_at, recorded_at), recorded_at, actor_kind, actor_id, reason
    FROM granted_extensions;

INSERT INTO extension_steps (extension_id, version, state, at, recorded_at, actor_kind, actor_id, reason)
    SELECT extension_id, 2, 'approved', COALESCE(granted_at, recorded_at), recorded_at, actor_kind, actor_id, reason
    FROM granted_extensions;

DROP TABLE granted_extensions;
