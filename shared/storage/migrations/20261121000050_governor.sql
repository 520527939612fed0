-- migrate:up

-- Each place counts its own requests, because it is the row that a request updates anyway: of the present bucket of
-- time, the one before it, and so on, eleven in all. Ten buckets are the provider's window, and the eleventh is the
-- part of one that is still to fill, so the sum never tells too few.
ALTER TABLE request_slot
    ADD COLUMN bucket bigint NOT NULL DEFAULT 0,           -- number of the bucket that asked[1] counts, since the epoch
    ADD COLUMN asked integer[] NOT NULL DEFAULT '{}';
ALTER TABLE request_pace
    ADD COLUMN user_until timestamptz NOT NULL DEFAULT '-infinity',   -- live and backfill stand back: a person waits
    ADD COLUMN throttles integer NOT NULL DEFAULT 0,       -- 429s in a row, those to requests at the same time once
    ADD COLUMN throttled_at timestamptz NOT NULL DEFAULT '-infinity';

-- States of an account and what leads to them; shared/storage/accounts.py keeps to this list.
COMMENT ON TYPE account_state IS
$$connecting:     a new account
syncing:        from connecting, with the folder tree; from needs_sign_in, needs_admin and suspended, when its owner
                signs in again; from needs_admin and suspended, when a visit finds the mailbox open
live:           from connecting and syncing, with the end of a sync run
needs_sign_in:  from any but disconnected, when the provider refuses our tokens
needs_admin:    from any but disconnected, when an administrator of the owner's organisation must let us in
suspended:      from any but disconnected, when the provider says that the mailbox is closed
disconnected:   from any, by its owner; a job then removes its rows$$;

-- Accounts that their owner cannot bring back are visited now and then: after an hour, and then after twice as long
-- each time, up to a day.
ALTER TABLE account
    ADD COLUMN visits integer NOT NULL DEFAULT 0,
    ADD COLUMN visit_at timestamptz,                       -- NULL: not to be visited
    ADD COLUMN sign_in_claims text;                        -- what the provider wants to see proved at the next sign-in
CREATE INDEX account_to_visit ON account (visit_at) WHERE visit_at IS NOT NULL;
UPDATE account SET visit_at = now() WHERE state IN ('needs_admin', 'suspended');

CREATE FUNCTION accounts_due_for_visit(most integer) RETURNS SETOF uuid
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public
    AS $$ UPDATE account
             SET visits = visits + 1,
                 visit_at = clock_timestamp() + least(interval '1 hour' * 2 ^ least(visits + 1, 8), interval '1 day')
           WHERE id IN (SELECT id FROM account
                         WHERE visit_at <= clock_timestamp() AND state IN ('needs_admin', 'suspended')
                         ORDER BY visit_at
                         LIMIT most
                           FOR UPDATE SKIP LOCKED)
          RETURNING id $$;

-- Jobs that nobody here understands are nobody's; operators see them. Their text is in `job`, under "text", or under
-- "base64" where it cannot be stored as it is.
ALTER TABLE failed_job
    ALTER COLUMN user_id DROP NOT NULL,
    ALTER COLUMN account_id DROP NOT NULL;
CREATE INDEX failed_job_by_age ON failed_job (failed_at DESC, id DESC);

CREATE FUNCTION record_unknown_job(wanted_id uuid, wanted_queue text, wanted_job jsonb) RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public
    AS $$ INSERT INTO failed_job (id, queue, job) VALUES (wanted_id, wanted_queue, wanted_job)
          ON CONFLICT (id) DO NOTHING $$;

-- Newest first; from after the one that failed at `before_at` and has `before_id`, if given.
CREATE FUNCTION failed_jobs_of_all(most integer, before_at timestamptz, before_id uuid)
    RETURNS TABLE (id uuid, account_id uuid, queue text, job jsonb, failed_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT f.id, f.account_id, f.queue, f.job, f.failed_at FROM failed_job f
           WHERE before_at IS NULL OR (f.failed_at, f.id) < (before_at, before_id)
           ORDER BY f.failed_at DESC, f.id DESC
           LIMIT most $$;

CREATE FUNCTION failed_job_of_any(wanted_id uuid)
    RETURNS TABLE (id uuid, account_id uuid, queue text, job jsonb, failed_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT f.id, f.account_id, f.queue, f.job, f.failed_at FROM failed_job f WHERE f.id = wanted_id $$;

CREATE FUNCTION drop_failed_job_of_any(wanted_id uuid) RETURNS boolean
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public
    AS $$ WITH dropped AS (DELETE FROM failed_job WHERE id = wanted_id RETURNING 1)
          SELECT EXISTS (SELECT FROM dropped) $$;

-- migrate:down
