-- The tables as SQLite has them after its step of this number; later steps have the same numbers in both.
--
-- Instants are nanoseconds since 1970-01-01T00:00:00Z, NULL where there is none. Texts are compared by their bytes, as Go
-- compares them: COLLATE "C". No column holds personal data but vault_records.sealed, which is encrypted.

-- +goose Up

SET LOCAL lock_timeout = '10s';

-- Positions are drawn before they are committed, so a smaller one may appear after a greater one was read. Who draws one
-- holds a lock together with all who do, until its transaction ends; who has to know that no smaller one will come takes
-- that lock alone for a moment.
-- +goose StatementBegin
CREATE FUNCTION next_position(numbers regclass, lock_of regclass) RETURNS BIGINT LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared((1986359903::bigint << 32) | lock_of::oid::bigint);
    RETURN nextval(numbers);
END $$;
-- +goose StatementEnd

CREATE SEQUENCE events_position;
CREATE SEQUENCE returns_position;

-- Current facts and current standing in one row: the gate reads this row and nothing else of the account. changed_at is
-- the last entry of the log or, if that is later, the last version of the facts. restricted is how many restrictions are
-- open; extended_until and requested_until are the latest ends of the extensions that are approved and requested.
CREATE TABLE accounts (
    account_id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind             TEXT COLLATE "C" NOT NULL,
    region           TEXT COLLATE "C" NOT NULL,
    registered_at    BIGINT           NOT NULL,
    closed_at        BIGINT,
    version          INTEGER          NOT NULL,
    recorded_at      BIGINT           NOT NULL,
    seq              BIGINT           NOT NULL,
    state            TEXT COLLATE "C" NOT NULL,
    turn             TEXT COLLATE "C" NOT NULL,
    since            BIGINT,
    turn_since       BIGINT,
    verified_at      BIGINT,
    identity_digest  TEXT COLLATE "C",
    head_recorded_at BIGINT,
    head_hash        BYTEA,
    changed_at       BIGINT           GENERATED ALWAYS AS (GREATEST(recorded_at, COALESCE(head_recorded_at, recorded_at))) STORED,
    restricted       INTEGER          NOT NULL DEFAULT 0,
    extended_until   BIGINT,
    requested_until  BIGINT
);

CREATE INDEX accounts_identity ON accounts (identity_digest) WHERE identity_digest IS NOT NULL;

-- The list of accounts: every order in which it can be read, for every filter by which it can be narrowed. Each index
-- begins with what a filter compares, then has the order, then what other filters look at.
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
CREATE INDEX accounts_closed_at ON accounts (closed_at, account_id) WHERE closed_at IS NOT NULL;

-- Every version of an account's facts. A version corrects the facts for the account's whole life, so it has an instant
-- of recording and none of effect.
CREATE TABLE account_versions (
    account_id    TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    version       INTEGER          NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL,
    region        TEXT COLLATE "C" NOT NULL,
    registered_at BIGINT           NOT NULL,
    closed_at     BIGINT,
    recorded_at   BIGINT           NOT NULL,
    actor_kind    TEXT COLLATE "C" NOT NULL,
    actor_id      TEXT COLLATE "C" NOT NULL,
    reason        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, version)
);

-- Requests with their present state. granted_at and revoked_at are of the steps approved and revoked; the gate reads
-- the rows that have a granted_at, by the index of accounts.
CREATE TABLE extensions (
    extension_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id   TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    rule_id      TEXT COLLATE "C" NOT NULL,
    until        BIGINT           NOT NULL,
    batch_id     TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    version      INTEGER          NOT NULL,
    requested_at BIGINT           NOT NULL,
    requested_by TEXT COLLATE "C" NOT NULL,
    granted_at   BIGINT,
    revoked_at   BIGINT
);

CREATE INDEX extensions_account ON extensions (account_id, granted_at, extension_id, rule_id, until, revoked_at)
    WHERE granted_at IS NOT NULL;
CREATE INDEX extensions_of ON extensions (account_id, requested_at, extension_id);
CREATE INDEX extensions_requested ON extensions (requested_at, extension_id);
CREATE INDEX extensions_state ON extensions (state, requested_at, extension_id);
CREATE INDEX extensions_batch ON extensions (batch_id, requested_at, extension_id) WHERE batch_id <> '';

-- Every step of every extension; append-only.
CREATE TABLE extension_steps (
    extension_id TEXT COLLATE "C" NOT NULL REFERENCES extensions (extension_id),
    version      INTEGER          NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    at           BIGINT           NOT NULL,
    recorded_at  BIGINT           NOT NULL,
    actor_kind   TEXT COLLATE "C" NOT NULL,
    actor_id     TEXT COLLATE "C" NOT NULL,
    reason       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (extension_id, version)
);

-- The log: append-only, hash-chained per account. body is the entry as JSON, exactly as it was hashed. It is parted by
-- account and not by time, so that the database itself keeps two entries from having one number.
CREATE TABLE events (
    position    BIGINT           NOT NULL DEFAULT next_position('events_position', 'events_position'),
    account_id  TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    seq         BIGINT           NOT NULL,
    change_id   TEXT COLLATE "C" NOT NULL,
    event       TEXT COLLATE "C" NOT NULL,
    at          BIGINT           NOT NULL,
    recorded_at BIGINT           NOT NULL,
    body        TEXT COLLATE "C" NOT NULL,
    hash        BYTEA            NOT NULL,
    PRIMARY KEY (account_id, seq)
) PARTITION BY HASH (account_id);

CREATE TABLE events_00 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 0);
CREATE TABLE events_01 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 1);
CREATE TABLE events_02 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 2);
CREATE TABLE events_03 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 3);
CREATE TABLE events_04 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 4);
CREATE TABLE events_05 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 5);
CREATE TABLE events_06 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 6);
CREATE TABLE events_07 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 7);
CREATE TABLE events_08 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 8);
CREATE TABLE events_09 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 9);
CREATE TABLE events_10 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 10);
CREATE TABLE events_11 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 11);
CREATE TABLE events_12 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 12);
CREATE TABLE events_13 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 13);
CREATE TABLE events_14 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 14);
CREATE TABLE events_15 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 15);

CREATE INDEX events_position_of ON events (position);
CREATE INDEX events_change ON events (account_id, change_id, seq);
CREATE INDEX events_prompts ON events (account_id, seq) WHERE event = 'prompt';
-- To deliver a span of time again.
CREATE INDEX events_recorded ON events (recorded_at, position);

-- The fold of each log, written with it. An account without a row has an empty log.
CREATE TABLE verifications (
    account_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    seq        BIGINT           NOT NULL,
    fold       TEXT COLLATE "C" NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE attempts (
    attempt_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    provider   TEXT COLLATE "C" NOT NULL,
    order_no   TEXT COLLATE "C" NOT NULL,
    ends_at    BIGINT,
    result     TEXT COLLATE "C" NOT NULL,
    body       TEXT COLLATE "C" NOT NULL
);

CREATE INDEX attempts_account ON attempts (account_id);
CREATE UNIQUE INDEX attempts_order ON attempts (provider, order_no) WHERE order_no <> '';

CREATE TABLE leases (
    lease_id   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    attempt_id TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT,
    body       TEXT COLLATE "C" NOT NULL
);

CREATE INDEX leases_account ON leases (account_id);

CREATE TABLE consents (
    consent_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    generation INTEGER          NOT NULL,
    ended_at   BIGINT,
    body       TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL DEFAULT 'face-separate',
    ended_via  TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE INDEX consents_account ON consents (account_id);
CREATE INDEX consents_ended ON consents (ended_at, account_id) WHERE ended_at IS NOT NULL;

-- Refusals, and consents to pictures: the first of each account, answer, version and Beijing day. They are not derived
-- from the log, so a rebuild leaves them alone.
CREATE TABLE consent_notes (
    account_id   TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    answer       TEXT COLLATE "C" NOT NULL,
    text_version TEXT COLLATE "C" NOT NULL,
    day          TEXT COLLATE "C" NOT NULL,
    at           BIGINT           NOT NULL,
    body         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, answer, text_version, day)
);

-- One row per log entry that the outside may have to hear of; deleted once it has.
CREATE TABLE outbox (
    position    BIGINT           NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    topic       TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    seq         BIGINT           NOT NULL,
    recorded_at BIGINT           NOT NULL,
    UNIQUE (topic, account_id, seq)
);

-- The first return of a phone from the provider, per attempt: a hint, never a proof.
CREATE TABLE returns (
    position    BIGINT           NOT NULL DEFAULT next_position('returns_position', 'events_position') PRIMARY KEY,
    attempt_id  TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES attempts (attempt_id),
    returned_at BIGINT           NOT NULL
);

-- A policy version is a proposal until a ruling approves it; a brake sets rules to observe. Rulings and brakes are only
-- ever added. The revision moves with every one of them, so that whoever keeps policies compiled knows when to read again.
CREATE TABLE policies (
    position       BIGINT           NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name           TEXT COLLATE "C" NOT NULL,
    version        INTEGER          NOT NULL,
    text           BYTEA            NOT NULL,
    digest         TEXT COLLATE "C" NOT NULL,
    effective_from BIGINT,
    recorded_at    BIGINT           NOT NULL,
    author         TEXT COLLATE "C" NOT NULL,
    note           TEXT COLLATE "C" NOT NULL,
    UNIQUE (name, version)
);

CREATE TABLE policy_rulings (
    position       BIGINT           NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name           TEXT COLLATE "C" NOT NULL,
    version        INTEGER          NOT NULL,
    ruling         TEXT COLLATE "C" NOT NULL,
    effective_from BIGINT,
    recorded_at    BIGINT           NOT NULL,
    actor          TEXT COLLATE "C" NOT NULL,
    reason         TEXT COLLATE "C" NOT NULL,
    UNIQUE (name, version, ruling),
    FOREIGN KEY (name, version) REFERENCES policies (name, version)
);

CREATE TABLE brakes (
    position     BIGINT           NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name         TEXT COLLATE "C" NOT NULL,
    rule_id      TEXT COLLATE "C" NOT NULL,
    released     INTEGER          NOT NULL,
    effective_at BIGINT           NOT NULL,
    recorded_at  BIGINT           NOT NULL,
    actor        TEXT COLLATE "C" NOT NULL,
    reason       TEXT COLLATE "C" NOT NULL
);

CREATE TABLE policies_revision (
    revision BIGINT NOT NULL
);

INSERT INTO policies_revision (revision) VALUES (0);

CREATE TABLE blocks (
    account_id     TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    action         TEXT COLLATE "C" NOT NULL,
    policy_name    TEXT COLLATE "C" NOT NULL,
    policy_version INTEGER          NOT NULL,
    rule_id        TEXT COLLATE "C" NOT NULL,
    reason         TEXT COLLATE "C" NOT NULL,
    since          BIGINT,
    at             BIGINT           NOT NULL,
    receipt        TEXT COLLATE "C" NOT NULL,
    observed       INTEGER          NOT NULL,
    repeats        BIGINT           NOT NULL,
    PRIMARY KEY (account_id, action, policy_name, policy_version, rule_id, observed)
);

CREATE INDEX blocks_observed ON blocks (policy_name, account_id, action, policy_version, rule_id) WHERE observed = 1;
CREATE INDEX blocks_at ON blocks (at, action, account_id) WHERE observed = 0;

-- What the dated rules block, as sweeps announced it. One row per episode: an entry restrict of the log, and the entry
-- lift that ended it. Everything in it follows from the log. actions is a JSON array.
CREATE TABLE restrictions (
    account_id     TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    policy_name    TEXT COLLATE "C" NOT NULL,
    rule_id        TEXT COLLATE "C" NOT NULL,
    opened_seq     BIGINT           NOT NULL,
    policy_version INTEGER          NOT NULL,
    since          BIGINT,
    opened_at      BIGINT           NOT NULL,
    recorded_at    BIGINT           NOT NULL,
    actions        TEXT COLLATE "C" NOT NULL,
    sweep          TEXT COLLATE "C" NOT NULL,
    lifted_seq     BIGINT,
    lifted_at      BIGINT,
    lift_reason    TEXT COLLATE "C",
    PRIMARY KEY (account_id, policy_name, rule_id, opened_seq)
);

-- An account has one open episode per rule. The order of the columns also serves lists by policy and rule.
CREATE UNIQUE INDEX restrictions_open ON restrictions (policy_name, rule_id, account_id) WHERE lifted_seq IS NULL;

-- restricted and lifted are counted in the transactions that write the entries, so they are exact whatever dies.
CREATE TABLE sweeps (
    position       BIGINT           NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    sweep_id       TEXT COLLATE "C" NOT NULL UNIQUE,
    policy_name    TEXT COLLATE "C" NOT NULL,
    policy_version INTEGER          NOT NULL,
    instant        BIGINT           NOT NULL,
    dry_run        INTEGER          NOT NULL,
    actor_kind     TEXT COLLATE "C" NOT NULL,
    actor_id       TEXT COLLATE "C" NOT NULL,
    reason         TEXT COLLATE "C" NOT NULL,
    state          TEXT COLLATE "C" NOT NULL,
    total          BIGINT           NOT NULL,
    done           BIGINT           NOT NULL,
    restricted     BIGINT           NOT NULL,
    lifted         BIGINT           NOT NULL,
    counts         TEXT COLLATE "C" NOT NULL,
    started_at     BIGINT           NOT NULL,
    ended_at       BIGINT
);

CREATE TABLE requests (
    request_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body_hash   TEXT COLLATE "C" NOT NULL,
    status      INTEGER          NOT NULL,
    header      TEXT COLLATE "C" NOT NULL,
    body        BYTEA,
    saved_at    BIGINT           NOT NULL
);

CREATE INDEX requests_saved ON requests (saved_at);

-- accounts says which accounts a key may reach (a list of ids, and of beginnings of ids with * behind them; an empty one
-- bounds nothing); old_secrets has hashes from before its rotations, and until when each opens.
CREATE TABLE api_keys (
    key_id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash         BYTEA            NOT NULL,
    label        TEXT COLLATE "C" NOT NULL,
    scopes       TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT,
    expires_at   BIGINT,
    disabled     INTEGER          NOT NULL,
    last_used_at BIGINT,
    accounts     TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    old_secrets  TEXT COLLATE "C" NOT NULL DEFAULT '[]'
);

-- key_id says which data key sealed a record.
CREATE TABLE vault_records (
    account_id TEXT COLLATE "C" NOT NULL,
    ref        TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    sealed     BYTEA            NOT NULL,
    created_at BIGINT           NOT NULL,
    key_id     TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, ref)
);

CREATE INDEX vault_records_old ON vault_records (account_id, ref) WHERE key_id = '';
-- To find records that no row tells of without reading the others.
CREATE INDEX vault_evidence ON vault_records (created_at) WHERE kind = 'evidence';

-- Which keys must not open anything any more: also if the data keys are restored from a backup in which they still are.
CREATE TABLE destroyed_keys (
    key_id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id   TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    destroyed_at BIGINT           NOT NULL
);

-- One-time links of the merchant pages and the browser sessions that they began. Neither table holds anything that
-- opens a page: a link's token needs a key that is not here, of a session's cookie there is only a hash.
CREATE TABLE links (
    link_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    purpose    TEXT COLLATE "C" NOT NULL,
    return_url TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL,
    used_at    BIGINT
);

CREATE INDEX links_expires ON links (expires_at);

CREATE TABLE sessions (
    session_hash BYTEA            NOT NULL PRIMARY KEY,
    link_id      TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES links (link_id),
    notice       TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT           NOT NULL,
    seen_at      BIGINT           NOT NULL,
    expires_at   BIGINT           NOT NULL,
    ended_at     BIGINT
);

-- Addresses that hear of changes, their sealed signing secrets, and the queue of deliveries to them.
CREATE TABLE webhooks (
    webhook_id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    url             TEXT COLLATE "C" NOT NULL,
    description     TEXT COLLATE "C" NOT NULL,
    types           TEXT COLLATE "C" NOT NULL,
    state           TEXT COLLATE "C" NOT NULL,
    reason          TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT           NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL,
    changed_at      BIGINT           NOT NULL,
    failing_since   BIGINT,
    last_failure_at BIGINT,
    paused_until    BIGINT
);

CREATE TABLE webhook_secrets (
    position   BIGINT           NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    webhook_id TEXT COLLATE "C" NOT NULL REFERENCES webhooks (webhook_id),
    secret_id  TEXT COLLATE "C" NOT NULL,
    sealed     BYTEA            NOT NULL,
    created_at BIGINT           NOT NULL,
    ends_at    BIGINT,
    UNIQUE (webhook_id, secret_id)
);

-- due_at is the instant of the next try or, while somebody tries, the instant at which the claim ends. It is NULL when
-- nothing is to be tried: the delivery is finished, or another message of the same account goes first.
CREATE TABLE webhook_deliveries (
    delivery_id BIGINT           NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    webhook_id  TEXT COLLATE "C" NOT NULL REFERENCES webhooks (webhook_id),
    message_id  TEXT COLLATE "C" NOT NULL,
    type        TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    seq         BIGINT           NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    attempts    INTEGER          NOT NULL,
    created_at  BIGINT           NOT NULL,
    due_at      BIGINT,
    claim       TEXT COLLATE "C" NOT NULL,
    last_at     BIGINT,
    status      INTEGER          NOT NULL,
    fault       TEXT COLLATE "C" NOT NULL,
    finished_at BIGINT,
    UNIQUE (webhook_id, message_id)
);

-- What keeps an account's messages in order: one of them at a time may be tried.
CREATE UNIQUE INDEX webhook_deliveries_one ON webhook_deliveries (webhook_id, account_id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, account_id, seq, delivery_id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (webhook_id, state, delivery_id);
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- Where merchants can be told, reminders that were written to the log and what became of them, and what merchants did
-- with login prompts. No column holds a number or an address: contacts.ref is a reference into the vault.
CREATE TABLE contacts (
    account_id  TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    ref         TEXT COLLATE "C" NOT NULL,
    recorded_at BIGINT           NOT NULL
);

-- One row per remind entry of the log and channel, written with the entry. What the entry says of the reminder is
-- repeated; what became of the sending is here alone, so a rebuild keeps it.
CREATE TABLE notices (
    account_id   TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    seq          BIGINT           NOT NULL,
    channel      TEXT COLLATE "C" NOT NULL,
    notice_id    TEXT COLLATE "C" NOT NULL UNIQUE,
    policy_name  TEXT COLLATE "C" NOT NULL,
    rule_id      TEXT COLLATE "C" NOT NULL,
    milestone    TEXT COLLATE "C" NOT NULL,
    deadline     BIGINT           NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    code         TEXT COLLATE "C" NOT NULL,
    provider_id  TEXT COLLATE "C" NOT NULL,
    attempts     INTEGER          NOT NULL,
    attempted_at BIGINT,
    next_at      BIGINT,
    created_at   BIGINT           NOT NULL,
    changed_at   BIGINT           NOT NULL,
    PRIMARY KEY (account_id, seq, channel)
);

CREATE INDEX notices_open ON notices (policy_name, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX notices_failed ON notices (changed_at) WHERE state IN ('failed', 'no_contact');

-- The first of each kind of news about a counted login prompt.
CREATE TABLE prompt_feedback (
    account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    number     INTEGER          NOT NULL,
    event      TEXT COLLATE "C" NOT NULL,
    at         BIGINT           NOT NULL,
    PRIMARY KEY (account_id, number, event)
);

-- Who may sign in to the admin pages, and the browsers in which they did. Neither table holds anything that opens a
-- page: of a password there is an argon2id hash, of a session's cookie a hash.
CREATE TABLE operators (
    operator_id  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    login        TEXT COLLATE "C" UNIQUE,
    name         TEXT COLLATE "C" NOT NULL,
    role         TEXT COLLATE "C" NOT NULL,
    password     TEXT COLLATE "C" NOT NULL,
    issuer       TEXT COLLATE "C",
    subject      TEXT COLLATE "C",
    disabled     INTEGER          NOT NULL,
    created_at   BIGINT           NOT NULL,
    created_by   TEXT COLLATE "C" NOT NULL,
    changed_at   BIGINT           NOT NULL,
    signed_in_at BIGINT,
    UNIQUE (issuer, subject)
);

CREATE TABLE operator_sessions (
    session_hash BYTEA            NOT NULL PRIMARY KEY,
    operator_id  TEXT COLLATE "C" NOT NULL REFERENCES operators (operator_id),
    address      TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT           NOT NULL,
    seen_at      BIGINT           NOT NULL,
    expires_at   BIGINT           NOT NULL,
    ended_at     BIGINT
);

CREATE INDEX operator_sessions_address ON operator_sessions (operator_id, address, created_at);
CREATE INDEX operator_sessions_expires ON operator_sessions (expires_at);

-- What people did. No column holds personal data: a reason is a code, and before and after are what the API shows of
-- things without free text.
CREATE TABLE audit (
    audit_id      BIGINT           NOT NULL PRIMARY KEY,
    at            BIGINT           NOT NULL,
    actor         TEXT COLLATE "C" NOT NULL,
    role          TEXT COLLATE "C" NOT NULL,
    action        TEXT COLLATE "C" NOT NULL,
    subject       TEXT COLLATE "C" NOT NULL,
    reason        TEXT COLLATE "C" NOT NULL,
    outcome       TEXT COLLATE "C" NOT NULL,
    before_change TEXT COLLATE "C" NOT NULL,
    after_change  TEXT COLLATE "C" NOT NULL,
    request_id    TEXT COLLATE "C" NOT NULL,
    address       TEXT COLLATE "C" NOT NULL,
    hash          BYTEA            NOT NULL
);

CREATE INDEX audit_at ON audit (at, audit_id);
CREATE INDEX audit_actor ON audit (actor, audit_id);
CREATE INDEX audit_action ON audit (action, audit_id);
CREATE INDEX audit_subject ON audit (subject, audit_id);
CREATE INDEX audit_refused ON audit (audit_id, outcome) WHERE outcome <> 'ok';

-- Where the log ends: the row that writers lock, and by which a missing end is noticed.
CREATE TABLE audit_head (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    audit_id BIGINT  NOT NULL,
    at       BIGINT,
    hash     BYTEA
);

INSERT INTO audit_head (one, audit_id) VALUES (1, 0);

CREATE TABLE audit_checkpoints (
    number    BIGINT           NOT NULL PRIMARY KEY,
    at        BIGINT           NOT NULL,
    entries   BIGINT           NOT NULL,
    hash      BYTEA,
    position  BIGINT           NOT NULL,
    accounts  BIGINT           NOT NULL,
    digest    BYTEA            NOT NULL,
    key_id    TEXT COLLATE "C" NOT NULL,
    signature BYTEA            NOT NULL
);

-- The database itself refuses what no statement of the program does. It stops mistakes; whoever means it is found by
-- the chain and the checkpoints.
-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_unchanged BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What the log says of the last days, counted by the hour beside the appends and not by them. Losing it loses nothing: it
-- is counted again from the log. kind and name say what n counts; of durations, bin says how long they were. Hours are
-- since 1970.
CREATE TABLE tally (
    hour BIGINT           NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    bin  INTEGER          NOT NULL,
    n    BIGINT           NOT NULL,
    PRIMARY KEY (hour, kind, name, bin)
);

-- The last entry of the log that was counted; one row. It is NULL until the first count.
CREATE TABLE tally_position (
    position    BIGINT,
    recorded_at BIGINT
);

INSERT INTO tally_position (position, recorded_at) VALUES (NULL, NULL);

-- The queues of reviewers. One row per account that waits for a reviewer, written and deleted with the log entries that
-- bring it into a queue and out of it: whatever a reviewer held of a case ends with the case. What the log does not know
-- of it (who holds it) is here alone. ease is 100 less the risk, so that one index orders by risk and then by age.
CREATE TABLE reviews (
    account_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    queue         TEXT COLLATE "C" NOT NULL,
    since         BIGINT           NOT NULL,
    seq           BIGINT           NOT NULL,
    revision      INTEGER          NOT NULL,
    findings      TEXT COLLATE "C" NOT NULL,
    ease          INTEGER          NOT NULL,
    holder        TEXT COLLATE "C" NOT NULL,
    claimed_at    BIGINT,
    claimed_until BIGINT,
    returned_by   TEXT COLLATE "C" NOT NULL,
    escalated_by  TEXT COLLATE "C" NOT NULL,
    escalated_at  BIGINT,
    approved_by   TEXT COLLATE "C" NOT NULL,
    approved_at   BIGINT
);

CREATE INDEX reviews_age ON reviews (queue, since, account_id);
CREATE INDEX reviews_risk ON reviews (queue, ease, since, account_id);

-- The few of a long queue that are held or escalated.
CREATE INDEX reviews_claimed ON reviews (queue, claimed_until) WHERE claimed_until IS NOT NULL;
CREATE INDEX reviews_escalated ON reviews (queue, escalated_by);

-- What reviewers did with cases that is no change of the account: kept after the case has ended. step is 1, 2, 3 … per
-- account; case_seq names the case as reviews.seq does; note_ref is a reference into the vault. A first approval that
-- newer evidence took back stays on record as that, so that queues that are derived anew do not have it again.
CREATE TABLE review_steps (
    account_id    TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    step          INTEGER          NOT NULL,
    case_seq      BIGINT           NOT NULL,
    act           TEXT COLLATE "C" NOT NULL,
    at            BIGINT           NOT NULL,
    recorded_at   BIGINT           NOT NULL,
    actor_id      TEXT COLLATE "C" NOT NULL,
    code          TEXT COLLATE "C" NOT NULL,
    note_ref      TEXT COLLATE "C" NOT NULL,
    change_id     TEXT COLLATE "C" NOT NULL,
    taken_back_at BIGINT,
    PRIMARY KEY (account_id, step),
    UNIQUE (account_id, change_id)
);

-- What merchants give for a verification without a face. The rows say that something is there and until when; what it
-- shows is sealed in vault_records, under ref. Of a deleted piece nothing is left but that there was one.
CREATE TABLE evidence (
    evidence_id  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id   TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    seq          BIGINT           NOT NULL, -- of the account's log when the piece was filed
    kind         TEXT COLLATE "C" NOT NULL,
    media_type   TEXT COLLATE "C" NOT NULL,
    ref          TEXT COLLATE "C" NOT NULL,
    digest       TEXT COLLATE "C" NOT NULL,
    bytes        INTEGER          NOT NULL,
    width        INTEGER          NOT NULL,
    height       INTEGER          NOT NULL,
    uploaded_by  TEXT COLLATE "C" NOT NULL,
    uploaded_at  BIGINT           NOT NULL,
    decided_at   BIGINT,
    delete_after BIGINT,
    deleted_at   BIGINT
);

CREATE INDEX evidence_account ON evidence (account_id, uploaded_at) WHERE deleted_at IS NULL;
CREATE INDEX evidence_due ON evidence (delete_after) WHERE deleted_at IS NULL;

-- Deletions of personal data, with their receipts. While one is not completed the vault takes nothing of its kinds.
-- kinds and held are JSON. No column names a person.
CREATE TABLE erasures (
    position     BIGINT           NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    erasure_id   TEXT COLLATE "C" NOT NULL UNIQUE,
    account_id   TEXT COLLATE "C" NOT NULL REFERENCES accounts (account_id),
    kinds        TEXT COLLATE "C" NOT NULL,
    reason       TEXT COLLATE "C" NOT NULL,
    rule         TEXT COLLATE "C" NOT NULL,
    actor_kind   TEXT COLLATE "C" NOT NULL,
    actor_id     TEXT COLLATE "C" NOT NULL,
    requested_at BIGINT           NOT NULL,
    held         TEXT COLLATE "C",
    completed_at BIGINT,
    key_id       TEXT COLLATE "C" NOT NULL DEFAULT '',
    signature    BYTEA
);

CREATE INDEX erasures_account ON erasures (account_id, position);
CREATE INDEX erasures_open ON erasures (account_id, position) WHERE completed_at IS NULL;
