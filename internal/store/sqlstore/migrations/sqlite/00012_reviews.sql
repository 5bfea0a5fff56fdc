-- The queues of reviewers. No column holds personal data: review_steps.note_ref is a reference into the vault.

-- +goose Up

-- One row per account that waits for a reviewer, written and deleted with the log entries that bring it into a queue and
-- out of it: whatever a reviewer held of a case ends with the case. What the log does not know of it (who holds it) is
-- here alone. ease is 100 less the risk, so that one index orders by risk and then by age.
CREATE TABLE reviews (
    account_id    TEXT    NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    queue         TEXT    NOT NULL,
    since         BIGINT  NOT NULL,
    seq           BIGINT  NOT NULL,
    revision      INTEGER NOT NULL,
    findings      TEXT    NOT NULL,
    ease          INTEGER NOT NULL,
    holder        TEXT    NOT NULL,
    claimed_at    BIGINT,
    claimed_until BIGINT,
    returned_by   TEXT    NOT NULL,
    escalated_by  TEXT    NOT NULL,
    escalated_at  BIGINT,
    approved_by   TEXT    NOT NULL,
    approved_at   BIGINT
);

CREATE INDEX reviews_age ON reviews (queue, since, account_id);
CREATE INDEX reviews_risk ON reviews (queue, ease, since, account_id);

-- The few of a long queue that are held or escalated.
CREATE INDEX reviews_claimed ON reviews (queue, claimed_until) WHERE claimed_until IS NOT NULL;
CREATE INDEX reviews_escalated ON reviews (queue, escalated_by);

-- What reviewers did with cases that is no change of the account: kept after the case has ended. step is 1, 2, 3 … per
-- account; case_seq names the case as reviews.seq does.
CREATE TABLE review_steps (
    account_id  TEXT    NOT NULL REFERENCES accounts (account_id),
    step        INTEGER NOT NULL,
    case_seq    BIGINT  NOT NULL,
    act         TEXT    NOT NULL,
    at          BIGINT  NOT NULL,
    recorded_at BIGINT  NOT NULL,
    actor_id    TEXT    NOT NULL,
    code        TEXT    NOT NULL,
    note_ref    TEXT    NOT NULL,
    change_id   TEXT    NOT NULL,
    PRIMARY KEY (account_id, step),
    UNIQUE (account_id, change_id)
);

-- Who waits already.
INSERT INTO reviews (account_id, queue, since, seq, revision, findings, ease, holder, returned_by, escalated_by, approved_by)
SELECT a.account_id, CASE a.state WHEN 'under_review' THEN 'review' ELSE 'manual' END, a.since,
    (SELECT MAX(e.seq) FROM events e WHERE e.account_id = a.account_id AND e.event IN ('begin_review', 'choose_manual')),
    json_extract(v.fold, '$.revision'), COALESCE(json_extract(v.fold, '$.findings'), '[]'),
    MAX(0, 100 - COALESCE((SELECT SUM(CASE f.value WHEN 'duplicate_number' THEN 60 WHEN 'under_age' THEN 30 WHEN 'age_unknown' THEN 30
        WHEN 'name_unusual' THEN 15 WHEN 'name_too_long' THEN 10 WHEN 'policy_requires_reviewer' THEN 0 ELSE 20 END)
        FROM json_each(v.fold, '$.findings') f), 0)),
    '', '', '', ''
FROM accounts a JOIN verifications v ON v.account_id = a.account_id
WHERE a.state IN ('under_review', 'manual_review');
