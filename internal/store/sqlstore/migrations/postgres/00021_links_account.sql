-- All links of one account are revoked at once.

-- +goose Up

CREATE INDEX links_account ON links (account_id);
