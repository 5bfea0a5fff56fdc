-- Addresses that hear of changes, their sealed signing secrets, and the queue of deliveries to them.

-- +goose Up

CREATE TABLE webhooks (
    webhook_id      TEXT   NOT NULL PRIMARY KEY,
    url             TEXT   NOT NULL,
    description     TEXT   NOT NULL,
    types           TEXT   NOT NULL,
    state           TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    created_by      TEXT   NOT NULL,
    changed_at      BIGINT NOT NULL,
    failing_since   BIGINT,
    last_failure_at BIGINT,
    paused_until    BIGINT
) WITHOUT ROWID;

CREATE TABLE webhook_secrets (
    position   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    webhook_id TEXT    NOT NULL REFERENCES webhooks (webhook_id),
    secret_id  TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at BIGINT  NOT NULL,
    ends_at    BIGINT,
    UNIQUE (webhook_id, secret_id)
);

-- due_at is the instant of the next try or, while somebody tries, the instant at which the claim ends. It is NULL when
-- nothing is to be tried: the delivery is finished, or another message of the same account goes first.
CREATE TABLE webhook_deliveries (
    delivery_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    webhook_id  TEXT    NOT NULL REFERENCES webhooks (webhook_id),
    message_id  TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    account_id  TEXT    NOT NULL,
    seq         BIGINT  NOT NULL,
    state       TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    created_at  BIGINT  NOT NULL,
    due_at      BIGINT,
    claim       TEXT    NOT NULL,
    last_at     BIGINT,
    status      INTEGER NOT NULL,
    fault       TEXT    NOT NULL,
    finished_at BIGINT,
    UNIQUE (webhook_id, message_id)
);

-- What keeps an account's messages in order: one of them at a time may be tried.
CREATE UNIQUE INDEX webhook_deliveries_one ON webhook_deliveries (webhook_id, account_id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, account_id, seq, delivery_id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (webhook_id, state, delivery_id);
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- To deliver a span of time again.
CREATE INDEX events_recorded ON events (recorded_at, position);
