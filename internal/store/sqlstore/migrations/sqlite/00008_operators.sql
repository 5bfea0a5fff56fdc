-- Who may sign in to the admin pages, and the browsers in which they did. Neither table holds anything that opens a
-- page: of a password there is an argon2id hash, of a session's cookie a hash.

-- +goose Up

CREATE TABLE operators (
    operator_id  TEXT    NOT NULL PRIMARY KEY,
    login        TEXT    UNIQUE,
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    password     TEXT    NOT NULL,
    issuer       TEXT,
    subject      TEXT,
    disabled     INTEGER NOT NULL,
    created_at   BIGINT  NOT NULL,
    created_by   TEXT    NOT NULL,
    changed_at   BIGINT  NOT NULL,
    signed_in_at BIGINT,
    UNIQUE (issuer, subject)
);

CREATE TABLE operator_sessions (
    session_hash BLOB   NOT NULL PRIMARY KEY,
    operator_id  TEXT   NOT NULL REFERENCES operators (operator_id),
    address      TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ended_at     BIGINT
);

CREATE INDEX operator_sessions_address ON operator_sessions (operator_id, address, created_at);
CREATE INDEX operator_sessions_expires ON operator_sessions (expires_at);

ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;
