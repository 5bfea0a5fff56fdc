-- The list of accounts: every order in which it can be read, for every filter by which it can be narrowed.
--
-- Each index begins with what a filter compares, then has the order, then what other filters look at, so that a page is
-- read from one index, in order, without the accounts' rows. Whose turn it is follows from the state.

-- +goose Up

-- The last entry of the log or, if that is later, the last version of the facts.
ALTER TABLE accounts ADD COLUMN changed_at BIGINT
    GENERATED ALWAYS AS (MAX(recorded_at, COALESCE(head_recorded_at, recorded_at))) VIRTUAL;
-- How many restrictions are open.
ALTER TABLE accounts ADD COLUMN restricted INTEGER NOT NULL DEFAULT 0;
-- The latest end of the extensions that are approved, and of those that are requested. Whether it has passed, the clock tells.
ALTER TABLE accounts ADD COLUMN extended_until BIGINT;
ALTER TABLE accounts ADD COLUMN requested_until BIGINT;

UPDATE accounts SET restricted = (SELECT COUNT(*) FROM restrictions r WHERE r.account_id = accounts.account_id AND r.lifted_seq IS NULL)
    WHERE account_id IN (SELECT account_id FROM restrictions WHERE lifted_seq IS NULL);
UPDATE accounts SET
    extended_until = (SELECT MAX(until) FROM extensions e WHERE e.account_id = accounts.account_id AND e.state = 'approved'),
    requested_until = (SELECT MAX(until) FROM extensions e WHERE e.account_id = accounts.account_id AND e.state = 'requested')
    WHERE account_id IN (SELECT account_id FROM extensions WHERE state IN ('approved', 'requested'));

DROP INDEX accounts_state;
DROP INDEX accounts_turn;

CREATE INDEX accounts_state ON accounts (state, account_id, kind, region, registered_at);
CREATE INDEX accounts_state_changed ON accounts (state, changed_at, account_id, kind, region, registered_at);
CREATE INDEX accounts_state_registered ON accounts (state, registered_at, account_id, kind, region);

CREATE INDEX accounts_cohort ON accounts (kind, region, account_id, registered_at);
CREATE INDEX accounts_cohort_changed ON accounts (kind, region, changed_at, account_id, registered_at);
CREATE INDEX accounts_cohort_registered ON accounts (kind, region, registered_at, account_id);

-- Few accounts are in these.
CREATE INDEX accounts_restricted ON accounts (account_id, state) WHERE restricted > 0;
CREATE INDEX accounts_restricted_changed ON accounts (changed_at, account_id, state) WHERE restricted > 0;
CREATE INDEX accounts_restricted_registered ON accounts (registered_at, account_id, state) WHERE restricted > 0;

CREATE INDEX accounts_extended ON accounts (account_id, extended_until) WHERE extended_until IS NOT NULL;
CREATE INDEX accounts_extended_changed ON accounts (changed_at, account_id, extended_until) WHERE extended_until IS NOT NULL;
CREATE INDEX accounts_extended_registered ON accounts (registered_at, account_id, extended_until) WHERE extended_until IS NOT NULL;

CREATE INDEX accounts_requested ON accounts (account_id, requested_until) WHERE requested_until IS NOT NULL;
CREATE INDEX accounts_requested_changed ON accounts (changed_at, account_id, requested_until) WHERE requested_until IS NOT NULL;
CREATE INDEX accounts_requested_registered ON accounts (registered_at, account_id, requested_until) WHERE requested_until IS NOT NULL;

CREATE INDEX accounts_closed ON accounts (account_id, closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX accounts_closed_changed ON accounts (changed_at, account_id, closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX accounts_closed_registered ON accounts (registered_at, account_id, closed_at) WHERE closed_at IS NOT NULL;
