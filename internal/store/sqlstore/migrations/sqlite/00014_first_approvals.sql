-- A first approval that newer evidence took back stays on record as that, so that queues that are derived anew do not
-- have it again.

-- +goose Up

ALTER TABLE review_steps ADD COLUMN taken_back_at BIGINT;

-- Those of present cases: the case no longer has the approval, the step still says that it was given.
UPDATE review_steps SET taken_back_at = recorded_at WHERE act = 'approved' AND EXISTS (
    SELECT 1 FROM reviews r WHERE r.account_id = review_steps.account_id AND r.seq = review_steps.case_seq
        AND (r.approved_by <> review_steps.actor_id OR r.approved_at <> review_steps.at));
