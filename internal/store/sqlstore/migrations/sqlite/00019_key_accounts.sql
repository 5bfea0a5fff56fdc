-- Which accounts a key may reach (a list of ids, and of beginnings of ids with * behind them; an empty one bounds
-- nothing), and the secrets from before its rotations that open for a while beside the present one.

-- +goose Up

ALTER TABLE api_keys ADD COLUMN accounts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN old_secrets TEXT NOT NULL DEFAULT '[]'; -- hashes, and until when each opens
