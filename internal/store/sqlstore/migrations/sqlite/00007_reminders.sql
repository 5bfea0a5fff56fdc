-- Reminders that were written to the log and what became of them, where merchants can be told, and what they did with
-- login prompts. No column holds a number or an address: contacts.ref is a reference into the vault.

-- +goose Up

CREATE TABLE contacts (
    account_id  TEXT   NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    ref         TEXT   NOT NULL,
    recorded_at BIGINT NOT NULL
);

-- One row per remind entry of the log and channel, written with the entry. What the entry says of the reminder is
-- repeated; what became of the sending is here alone, so a rebuild keeps it.
CREATE TABLE notices (
    account_id   TEXT    NOT NULL REFERENCES accounts (account_id),
    seq          BIGINT  NOT NULL,
    channel      TEXT    NOT NULL,
    notice_id    TEXT    NOT NULL UNIQUE,
    policy_name  TEXT    NOT NULL,
    rule_id      TEXT    NOT NULL,
    milestone    TEXT    NOT NULL,
    deadline     BIGINT  NOT NULL,
    state        TEXT    NOT NULL,
    code         TEXT    NOT NULL,
    provider_id  TEXT    NOT NULL,
    attempts     INTEGER NOT NULL,
    attempted_at BIGINT,
    next_at      BIGINT,
    created_at   BIGINT  NOT NULL,
    changed_at   BIGINT  NOT NULL,
    PRIMARY KEY (account_id, seq, channel)
);

CREATE INDEX notices_open ON notices (policy_name, next_at) WHERE next_at IS NOT NULL;

-- The first of each kind of news about a counted login prompt.
CREATE TABLE prompt_feedback (
    account_id TEXT    NOT NULL REFERENCES accounts (account_id),
    number     INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    at         BIGINT  NOT NULL,
    PRIMARY KEY (account_id, number, event)
);

CREATE INDEX events_prompts ON events (account_id, seq) WHERE event = 'prompt';
