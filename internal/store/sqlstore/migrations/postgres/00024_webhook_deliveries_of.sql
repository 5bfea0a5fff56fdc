-- Deliveries of one webhook, newest first: those of others need not be read.

-- +goose NO TRANSACTION
-- +goose Up

CREATE INDEX CONCURRENTLY webhook_deliveries_of ON webhook_deliveries (webhook_id, delivery_id);
