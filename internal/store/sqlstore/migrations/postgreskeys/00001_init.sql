-- Data keys, wrapped with keys that are not here. They belong into another database than what they seal, with backups of
-- its own. Instants as in the data's.

-- +goose Up

SET LOCAL lock_timeout = '10s';

CREATE TABLE data_keys (
    key_id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id   TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    wrapped      BYTEA,
    kek_id       TEXT COLLATE "C" NOT NULL,
    current      INTEGER          NOT NULL,
    created_at   BIGINT           NOT NULL,
    destroyed_at BIGINT
);

-- One key seals the new records of an account's kind.
CREATE UNIQUE INDEX data_keys_current ON data_keys (account_id, kind) WHERE current = 1;
CREATE INDEX data_keys_account ON data_keys (account_id, key_id) WHERE destroyed_at IS NULL;
CREATE INDEX data_keys_kek ON data_keys (kek_id, key_id) WHERE destroyed_at IS NULL;
CREATE INDEX data_keys_retired ON data_keys (key_id) WHERE current = 0 AND destroyed_at IS NULL;
