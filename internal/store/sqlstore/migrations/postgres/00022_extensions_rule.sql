-- Extensions of one rule, for their list: of a rule that few have, the others need not be read.

-- +goose NO TRANSACTION
-- +goose Up

CREATE INDEX CONCURRENTLY extensions_rule ON extensions (rule_id, requested_at, extension_id);
