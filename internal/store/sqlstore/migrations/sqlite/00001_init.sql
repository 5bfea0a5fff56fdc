-- Instants are nanoseconds since 1970-01-01T00:00:00Z, NULL where there is none. No column holds personal data but
-- vault_records.sealed, which is encrypted.

-- +goose Up

-- Current facts and current standing in one row: the gate reads this row and nothing else of the account.
CREATE TABLE accounts (
    account_id       TEXT    NOT NULL PRIMARY KEY,
    kind             TEXT    NOT NULL,
    region           TEXT    NOT NULL,
    registered_at    BIGINT  NOT NULL,
    closed_at        BIGINT,
    version          INTEGER NOT NULL,
    recorded_at      BIGINT  NOT NULL,
    seq              BIGINT  NOT NULL,
    state            TEXT    NOT NULL,
    turn             TEXT    NOT NULL,
    since            BIGINT,
    turn_since       BIGINT,
    verified_at      BIGINT,
    identity_digest  TEXT,
    head_recorded_at BIGINT,
    head_hash        BLOB
) WITHOUT ROWID;

CREATE INDEX accounts_state ON accounts (state, account_id);
CREATE INDEX accounts_turn ON accounts (turn, account_id);
CREATE INDEX accounts_identity ON accounts (identity_digest) WHERE identity_digest IS NOT NULL;

-- Every version of an account's facts. A version corrects the facts for the account's whole life, so it has an instant
-- of recording and none of effect.
CREATE TABLE account_versions (
    account_id    TEXT    NOT NULL REFERENCES accounts (account_id),
    version       INTEGER NOT NULL,
    kind          TEXT    NOT NULL,
    region        TEXT    NOT NULL,
    registered_at BIGINT  NOT NULL,
    closed_at     BIGINT,
    recorded_at   BIGINT  NOT NULL,
    actor_kind    TEXT    NOT NULL,
    actor_id      TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    PRIMARY KEY (account_id, version)
) WITHOUT ROWID;

CREATE TABLE extensions (
    extension_id TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES accounts (account_id),
    rule_id      TEXT   NOT NULL,
    until        BIGINT NOT NULL,
    granted_at   BIGINT,
    recorded_at  BIGINT NOT NULL,
    actor_kind   TEXT   NOT NULL,
    actor_id     TEXT   NOT NULL,
    reason       TEXT   NOT NULL
) WITHOUT ROWID;

CREATE INDEX extensions_account ON extensions (account_id, granted_at, extension_id, rule_id, until);

-- The log: append-only, hash-chained per account. body is the entry as JSON, exactly as it was hashed.
CREATE TABLE events (
    position    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id  TEXT    NOT NULL REFERENCES accounts (account_id),
    seq         BIGINT  NOT NULL,
    change_id   TEXT    NOT NULL,
    event       TEXT    NOT NULL,
    at          BIGINT  NOT NULL,
    recorded_at BIGINT  NOT NULL,
    body        TEXT    NOT NULL,
    hash        BLOB    NOT NULL,
    UNIQUE (account_id, seq)
);

CREATE INDEX events_change ON events (account_id, change_id, seq);

-- The fold of each log, written with it. An account without a row has an empty log.
CREATE TABLE verifications (
    account_id TEXT   NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    seq        BIGINT NOT NULL,
    fold       TEXT   NOT NULL
);

CREATE TABLE attempts (
    attempt_id TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES accounts (account_id),
    provider   TEXT   NOT NULL,
    order_no   TEXT   NOT NULL,
    ends_at    BIGINT,
    result     TEXT   NOT NULL,
    body       TEXT   NOT NULL
);

CREATE INDEX attempts_account ON attempts (account_id);
CREATE UNIQUE INDEX attempts_order ON attempts (provider, order_no) WHERE order_no <> '';

CREATE TABLE leases (
    lease_id   TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES accounts (account_id),
    attempt_id TEXT   NOT NULL,
    expires_at BIGINT,
    body       TEXT   NOT NULL
);

CREATE INDEX leases_account ON leases (account_id);

CREATE TABLE consents (
    consent_id TEXT    NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES accounts (account_id),
    generation INTEGER NOT NULL,
    ended_at   BIGINT,
    body       TEXT    NOT NULL
);

CREATE INDEX consents_account ON consents (account_id);

-- One row per log entry that the outside may have to hear of; deleted once it has.
CREATE TABLE outbox (
    position    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    topic       TEXT    NOT NULL,
    account_id  TEXT    NOT NULL,
    seq         BIGINT  NOT NULL,
    recorded_at BIGINT  NOT NULL,
    UNIQUE (topic, account_id, seq)
);

-- The first return of a phone from the provider, per attempt: a hint, never a proof.
CREATE TABLE returns (
    position    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    attempt_id  TEXT    NOT NULL UNIQUE REFERENCES attempts (attempt_id),
    returned_at BIGINT  NOT NULL
);

CREATE TABLE policies (
    position       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name           TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    text           BLOB    NOT NULL,
    digest         TEXT    NOT NULL,
    effective_from BIGINT,
    recorded_at    BIGINT  NOT NULL,
    author         TEXT    NOT NULL,
    note           TEXT    NOT NULL,
    UNIQUE (name, version)
);

CREATE TABLE blocks (
    account_id     TEXT    NOT NULL REFERENCES accounts (account_id),
    action         TEXT    NOT NULL,
    policy_name    TEXT    NOT NULL,
    policy_version INTEGER NOT NULL,
    rule_id        TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    since          BIGINT,
    at             BIGINT  NOT NULL,
    receipt        TEXT    NOT NULL,
    observed       INTEGER NOT NULL,
    repeats        BIGINT  NOT NULL,
    PRIMARY KEY (account_id, action, policy_name, policy_version, rule_id)
);

CREATE TABLE requests (
    request_key TEXT    NOT NULL PRIMARY KEY,
    body_hash   TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    header      TEXT    NOT NULL,
    body        BLOB,
    saved_at    BIGINT  NOT NULL
);

CREATE INDEX requests_saved ON requests (saved_at);

CREATE TABLE api_keys (
    key_id     TEXT    NOT NULL PRIMARY KEY,
    hash       BLOB    NOT NULL,
    label      TEXT    NOT NULL,
    scopes     TEXT    NOT NULL,
    created_at BIGINT,
    expires_at BIGINT,
    disabled   INTEGER NOT NULL
);

CREATE TABLE vault_records (
    account_id TEXT   NOT NULL,
    ref        TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    sealed     BLOB   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, ref)
);
