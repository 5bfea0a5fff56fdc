-- What merchants give for a verification without a face. The rows say that something is there and until when; what it
-- shows is sealed in vault_records, under ref. Of a deleted piece nothing is left but that there was one.

-- +goose Up

CREATE TABLE evidence (
    evidence_id  TEXT    NOT NULL PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES accounts (account_id),
    seq          BIGINT  NOT NULL, -- of the account's log when the piece was filed
    kind         TEXT    NOT NULL,
    media_type   TEXT    NOT NULL,
    ref          TEXT    NOT NULL,
    digest       TEXT    NOT NULL,
    bytes        INTEGER NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    uploaded_by  TEXT    NOT NULL,
    uploaded_at  BIGINT  NOT NULL,
    decided_at   BIGINT,
    delete_after BIGINT,
    deleted_at   BIGINT
);

CREATE INDEX evidence_account ON evidence (account_id, uploaded_at) WHERE deleted_at IS NULL;
CREATE INDEX evidence_due ON evidence (delete_after) WHERE deleted_at IS NULL;

-- To find records that no row tells of without reading the others.
CREATE INDEX vault_evidence ON vault_records (created_at) WHERE kind = 'evidence';
