-- One-time links of the merchant pages and the browser sessions that they began. Neither table holds anything that
-- opens a page: a link's token needs a key that is not here, of a session's cookie there is only a hash.

-- +goose Up

CREATE TABLE links (
    link_id    TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES accounts (account_id),
    purpose    TEXT   NOT NULL,
    return_url TEXT   NOT NULL,
    created_by TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

CREATE INDEX links_expires ON links (expires_at);

CREATE TABLE sessions (
    session_hash BLOB   NOT NULL PRIMARY KEY,
    link_id      TEXT   NOT NULL UNIQUE REFERENCES links (link_id),
    notice       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ended_at     BIGINT
);
