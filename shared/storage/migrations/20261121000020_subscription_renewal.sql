-- migrate:up

-- What the version before this one writes is due at once, and is made good by the next renewal.
ALTER TABLE subscription
    ADD COLUMN renew_at timestamptz NOT NULL DEFAULT '-infinity',   -- about half of the granted life
    ADD COLUMN terms text COLLATE "C" NOT NULL DEFAULT '';          -- digest of what was asked for: another address, other terms

ALTER TABLE account
    ADD COLUMN subscribe_not_before timestamptz NOT NULL DEFAULT '-infinity', -- the timer has asked, or a person must help first
    ADD COLUMN subscription_failures integer NOT NULL DEFAULT 0;              -- refusals in a row, for growing distances

-- Claim working accounts whose subscription is missing, past half of its life, or made on other terms than the present.
-- A claim that comes to nothing is repeated after `hold_seconds`.
CREATE FUNCTION claim_accounts_to_subscribe(present_terms text, hold_seconds double precision, most integer)
    RETURNS SETOF uuid
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public
    AS $$ UPDATE account
             SET subscribe_not_before = clock_timestamp() + make_interval(secs => hold_seconds)
           WHERE id IN (SELECT a.id FROM account a LEFT JOIN subscription s ON s.account_id = a.id
                         WHERE a.state IN ('connecting', 'syncing', 'live')
                           AND a.subscribe_not_before < clock_timestamp()
                           AND (s.account_id IS NULL OR s.renew_at < clock_timestamp() OR s.terms <> present_terms)
                         LIMIT most
                           FOR UPDATE OF a SKIP LOCKED)
          RETURNING id $$;

-- migrate:down
