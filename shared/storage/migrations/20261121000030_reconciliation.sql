-- migrate:up

ALTER TABLE folder
    ADD COLUMN check_at timestamptz NOT NULL DEFAULT '-infinity',     -- when its cursor is to be followed again
    ADD COLUMN check_seconds double precision NOT NULL DEFAULT 0,     -- how far apart its visits are by now
    ADD COLUMN round_pages integer NOT NULL DEFAULT 0,                -- pages of the present round, which may not go on for ever
    ADD COLUMN round_mark text COLLATE "C",                           -- one of its links; if that comes back, it goes in circles
    ADD COLUMN relistings integer NOT NULL DEFAULT 0,                 -- enumerations in a row that came to nothing
    ADD COLUMN relisted_at timestamptz NOT NULL DEFAULT '-infinity',  -- when counts last made us enumerate it
    ADD COLUMN count_gap integer NOT NULL DEFAULT 0,  -- the provider's count less ours, as other kinds of items make it
    ADD COLUMN count_gap_seen integer NOT NULL DEFAULT 0;  -- as it was at the last visit: what is on its way makes one too
CREATE INDEX folder_due ON folder (account_id, check_at) WHERE state = 'current';

ALTER TABLE subscription ADD COLUMN made_at timestamptz NOT NULL DEFAULT clock_timestamp();

-- Claim working accounts of which a folder is due, whose tree nobody has read for long, or lately if no subscription
-- tells of mail; nobody else gets them for a while.
CREATE FUNCTION claim_accounts_for_changes(asked_before timestamptz, unvisited_since timestamptz, most integer)
    RETURNS SETOF uuid
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public
    AS $$ UPDATE account
             SET changes_requested_at = clock_timestamp()
           WHERE id IN (SELECT a.id FROM account a
                         WHERE a.state IN ('live', 'syncing')
                           AND a.changes_leased_until < clock_timestamp()
                           AND (a.changes_requested_at IS NULL OR a.changes_requested_at < asked_before)
                           AND (greatest(a.changes_checked_at, a.connected_at) < unvisited_since
                                OR (greatest(a.changes_checked_at, a.connected_at) < asked_before
                                    AND NOT EXISTS (SELECT FROM subscription s
                                                     WHERE s.account_id = a.id AND s.expires_at > clock_timestamp()))
                                OR EXISTS (SELECT FROM folder f
                                            WHERE f.account_id = a.id AND f.state = 'current'
                                              AND f.check_at <= clock_timestamp()))
                         LIMIT most
                           FOR UPDATE SKIP LOCKED)
          RETURNING id $$;

-- migrate:down
