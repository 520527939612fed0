-- migrate:up

CREATE TYPE audit_state AS ENUM (
    'running',       -- windows are compared, one after the other
    'completed',     -- running -> completed, with the signed report
    'stopped'        -- running -> stopped, when the account stops working before its end
);
CREATE TYPE audit_origin AS ENUM ('schedule', 'owner', 'operator');

-- One comparison of a whole mailbox with its rows. Windows of received times are compared from the newest to the
-- oldest; each is recorded with its findings, and the next one waits until all of them are settled.
CREATE TABLE audit (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    state audit_state NOT NULL DEFAULT 'running',
    origin audit_origin NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,                        -- the folder tree was read
    finished_at timestamptz,
    holder uuid,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',  -- somebody works on it, or will go on then
    position integer NOT NULL DEFAULT 0,           -- windows recorded
    received_before timestamptz,                   -- where the next window ends; NULL: open to the future
    is_through boolean NOT NULL DEFAULT false,     -- the window that is open to the past is recorded
    findings jsonb NOT NULL DEFAULT '[]',          -- of the newest window, still to be settled
    compared bigint NOT NULL DEFAULT 0,
    missing bigint NOT NULL DEFAULT 0,
    different bigint NOT NULL DEFAULT 0,
    extra bigint NOT NULL DEFAULT 0,
    recent bigint NOT NULL DEFAULT 0,
    repaired bigint NOT NULL DEFAULT 0,
    requests bigint NOT NULL DEFAULT 0,
    report text                                    -- a JWS
);
CREATE UNIQUE INDEX audit_one_running ON audit (account_id) WHERE state = 'running';
CREATE INDEX audit_of_account ON audit (account_id, requested_at DESC, id DESC);
CREATE INDEX audit_by_age ON audit (finished_at) WHERE state <> 'running';

-- What an audit saw so far; its report takes the place of these rows.
CREATE TABLE audit_window (
    audit_id uuid NOT NULL REFERENCES audit ON DELETE CASCADE,
    position integer NOT NULL,
    user_id uuid NOT NULL,
    received_from timestamptz,                     -- NULL: open to the past
    received_before timestamptz,                   -- NULL: open to the future
    compared integer NOT NULL,
    elsewhere integer NOT NULL,                    -- messages of folders that are not mirrored
    folders jsonb NOT NULL,                        -- {"provider_folder_id": messages}
    digest text NOT NULL,
    PRIMARY KEY (audit_id, position)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit', 'audit_window'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_rows ON %I USING (user_id = (SELECT app_user_id()))', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO mail_app', name);
    END LOOP;
END
$$;

-- Audits that are begun now, of live accounts whose last one is an interval ago. Each account has its own share of the
-- interval, from its id, after which it is first audited, and a twentieth by which its interval is longer or shorter:
-- accounts connected on one morning are not audited together.
CREATE FUNCTION begin_due_audits(interval_seconds double precision, most integer)
    RETURNS TABLE (audit_id uuid, account_id uuid)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public
    AS $$ INSERT INTO audit (id, user_id, account_id, origin)
          SELECT gen_random_uuid(), a.user_id, a.id, 'schedule'
            FROM account a,
                 LATERAL (SELECT (hashtext(a.id::text) & 1023) / 1024.0 AS share) own,
                 LATERAL (SELECT max(r.requested_at) AS at FROM audit r WHERE r.account_id = a.id) latest
           WHERE a.state = 'live'
             AND CASE WHEN latest.at IS NULL
                      THEN a.connected_at + make_interval(secs => interval_seconds * own.share)
                      ELSE latest.at + make_interval(secs => interval_seconds * (0.95 + own.share / 10))
                 END < clock_timestamp()
             AND NOT EXISTS (SELECT FROM audit r WHERE r.account_id = a.id AND r.state = 'running')
           LIMIT most
          ON CONFLICT DO NOTHING
          RETURNING audit.id, audit.account_id $$;

-- Running audits that nobody works on since `silent_since`: a job was lost, or the account stopped working.
CREATE FUNCTION silent_audits(silent_since timestamptz)
    RETURNS TABLE (audit_id uuid, account_id uuid, is_stopped boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT r.id, r.account_id, a.state NOT IN ('connecting', 'syncing', 'live')
            FROM audit r JOIN account a ON a.id = r.account_id
           WHERE r.state = 'running' AND r.leased_until < silent_since AND r.requested_at < silent_since $$;

-- An account's newest audits, for operators.
CREATE FUNCTION audits_of_account(wanted_account_id uuid, most integer)
    RETURNS TABLE (id uuid, account_id uuid, state audit_state, origin audit_origin, requested_at timestamptz,
                   finished_at timestamptz, compared bigint, missing bigint, different bigint, extra bigint,
                   recent bigint, repaired bigint, requests bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT r.id, r.account_id, r.state, r.origin, r.requested_at, r.finished_at, r.compared, r.missing,
                 r.different, r.extra, r.recent, r.repaired, r.requests
            FROM audit r WHERE r.account_id = wanted_account_id ORDER BY r.requested_at DESC, r.id DESC LIMIT most $$;

CREATE FUNCTION purge_audits(finished_before timestamptz) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public
    AS $$ WITH gone AS (DELETE FROM audit WHERE state <> 'running' AND finished_at < finished_before RETURNING 1)
          SELECT count(*) FROM gone $$;

-- migrate:down
