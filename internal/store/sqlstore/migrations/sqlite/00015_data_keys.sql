-- Records are sealed with data keys, which lie in a file of their own. Here is only which key sealed what, and which keys
-- must not open anything any more: also if that file is restored from a backup in which they still are.

-- +goose Up

ALTER TABLE vault_records ADD COLUMN key_id TEXT NOT NULL DEFAULT '';

CREATE INDEX vault_records_old ON vault_records (account_id, ref) WHERE key_id = '';

CREATE TABLE destroyed_keys (
    key_id       TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    destroyed_at BIGINT NOT NULL
) WITHOUT ROWID;
