-- Extensions that run, of which there are few among those that have run.

-- +goose Up

CREATE INDEX extensions_until ON extensions (state, until);
