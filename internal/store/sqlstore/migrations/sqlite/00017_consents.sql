-- Consents of every kind, each with how it ended, and what merchants answered outside the steps of the verification.

-- +goose Up

ALTER TABLE consents ADD COLUMN kind TEXT NOT NULL DEFAULT 'face-separate';
ALTER TABLE consents ADD COLUMN ended_via TEXT NOT NULL DEFAULT '';

-- Refusals, and consents to pictures: the first of each account, answer, version and Beijing day. They are not derived
-- from the log, so a rebuild leaves them alone.
CREATE TABLE consent_notes (
    account_id   TEXT   NOT NULL REFERENCES accounts (account_id),
    answer       TEXT   NOT NULL,
    text_version TEXT   NOT NULL,
    day          TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    body         TEXT   NOT NULL,
    PRIMARY KEY (account_id, answer, text_version, day)
);
