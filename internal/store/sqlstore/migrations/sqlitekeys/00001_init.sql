-- The key file: data keys, wrapped with keys that are not here. Instants as in the data file.

-- +goose Up

CREATE TABLE data_keys (
    key_id       TEXT    NOT NULL PRIMARY KEY,
    account_id   TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    wrapped      BLOB,
    kek_id       TEXT    NOT NULL,
    current      INTEGER NOT NULL,
    created_at   BIGINT  NOT NULL,
    destroyed_at BIGINT
) WITHOUT ROWID;

-- One key seals the new records of an account's kind.
CREATE UNIQUE INDEX data_keys_current ON data_keys (account_id, kind) WHERE current = 1;
CREATE INDEX data_keys_account ON data_keys (account_id, key_id) WHERE destroyed_at IS NULL;
CREATE INDEX data_keys_kek ON data_keys (kek_id, key_id) WHERE destroyed_at IS NULL;
CREATE INDEX data_keys_retired ON data_keys (key_id) WHERE current = 0 AND destroyed_at IS NULL;
