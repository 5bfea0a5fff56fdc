-- A policy version is a proposal until a ruling approves it; a brake sets rules to observe. Rulings and brakes are only
-- ever added. The revision moves with every one of them, so that whoever keeps policies compiled knows when to read again.

-- +goose Up

CREATE TABLE policy_rulings (
    position       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name           TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    ruling         TEXT    NOT NULL,
    effective_from BIGINT,
    recorded_at    BIGINT  NOT NULL,
    actor          TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    UNIQUE (name, version, ruling),
    FOREIGN KEY (name, version) REFERENCES policies (name, version)
);

-- What was published before there were proposals is in force as it was.
INSERT INTO policy_rulings (name, version, ruling, effective_from, recorded_at, actor, reason)
    SELECT name, version, 'approved', effective_from, recorded_at, author, note FROM policies ORDER BY position;

CREATE TABLE brakes (
    position     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    rule_id      TEXT    NOT NULL,
    released     INTEGER NOT NULL,
    effective_at BIGINT  NOT NULL,
    recorded_at  BIGINT  NOT NULL,
    actor        TEXT    NOT NULL,
    reason       TEXT    NOT NULL
);

CREATE TABLE policies_revision (
    revision BIGINT NOT NULL
);

INSERT INTO policies_revision (revision) SELECT COALESCE(MAX(position), 0) FROM policies;

-- A rule that observed an account and blocks it later has two entries, not one with the first's meaning.
CREATE TABLE blocks_of_both_kinds (
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
    PRIMARY KEY (account_id, action, policy_name, policy_version, rule_id, observed)
);

INSERT INTO blocks_of_both_kinds SELECT account_id, action, policy_name, policy_version, rule_id, reason, since, at, receipt, observed,
    repeats FROM blocks;

DROP TABLE blocks;

ALTER TABLE blocks_of_both_kinds RENAME TO blocks;

CREATE INDEX blocks_observed ON blocks (policy_name, account_id, action, policy_version, rule_id) WHERE observed = 1;
