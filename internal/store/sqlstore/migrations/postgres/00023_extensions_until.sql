-- Extensions that run, of which there are few among those that have run.

-- +goose NO TRANSACTION
-- +goose Up

CREATE INDEX CONCURRENTLY extensions_until ON extensions (state, until);
