-- Deletions of personal data, with their receipts. While one is not completed the vault takes nothing of its kinds.
-- kinds and held are JSON. No column names a person.

-- +goose Up

CREATE TABLE erasures (
    position     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    erasure_id   TEXT    NOT NULL UNIQUE,
    account_id   TEXT    NOT NULL REFERENCES accounts (account_id),
    kinds        TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    rule         TEXT    NOT NULL,
    actor_kind   TEXT    NOT NULL,
    actor_id     TEXT    NOT NULL,
    requested_at BIGINT  NOT NULL,
    held         TEXT,
    completed_at BIGINT,
    key_id       TEXT    NOT NULL DEFAULT '',
    signature    BLOB
);

CREATE INDEX erasures_account ON erasures (account_id, position);
CREATE INDEX erasures_open ON erasures (account_id, position) WHERE completed_at IS NULL;
CREATE INDEX accounts_closed_at ON accounts (closed_at, account_id) WHERE closed_at IS NOT NULL;
CREATE INDEX consents_ended ON consents (ended_at, account_id) WHERE ended_at IS NOT NULL;
