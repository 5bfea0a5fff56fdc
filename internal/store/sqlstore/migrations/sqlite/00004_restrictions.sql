-- What the dated rules block, as sweeps announced it, and the sweeps themselves. The gate reads neither.

-- +goose Up

-- One row per episode: an entry restrict of the log, and the entry lift that ended it. Everything in it follows from
-- the log. actions is a JSON array.
CREATE TABLE restrictions (
    account_id     TEXT    NOT NULL REFERENCES accounts (account_id),
    policy_name    TEXT    NOT NULL,
    rule_id        TEXT    NOT NULL,
    opened_seq     BIGINT  NOT NULL,
    policy_version INTEGER NOT NULL,
    since          BIGINT,
    opened_at      BIGINT  NOT NULL,
    recorded_at    BIGINT  NOT NULL,
    actions        TEXT    NOT NULL,
    sweep          TEXT    NOT NULL,
    lifted_seq     BIGINT,
    lifted_at      BIGINT,
    lift_reason    TEXT,
    PRIMARY KEY (account_id, policy_name, rule_id, opened_seq)
) WITHOUT ROWID;

-- An account has one open episode per rule. The order of the columns also serves lists by policy and rule.
CREATE UNIQUE INDEX restrictions_open ON restrictions (policy_name, rule_id, account_id) WHERE lifted_seq IS NULL;

-- restricted and lifted are counted in the transactions that write the entries, so they are exact whatever dies.
CREATE TABLE sweeps (
    position       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sweep_id       TEXT    NOT NULL UNIQUE,
    policy_name    TEXT    NOT NULL,
    policy_version INTEGER NOT NULL,
    instant        BIGINT  NOT NULL,
    dry_run        INTEGER NOT NULL,
    actor_kind     TEXT    NOT NULL,
    actor_id       TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    total          BIGINT  NOT NULL,
    done           BIGINT  NOT NULL,
    restricted     BIGINT  NOT NULL,
    lifted         BIGINT  NOT NULL,
    counts         TEXT    NOT NULL,
    started_at     BIGINT  NOT NULL,
    ended_at       BIGINT
);
