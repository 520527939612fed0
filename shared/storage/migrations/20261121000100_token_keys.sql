-- migrate:up

-- Tokens that are sealed with a key that is no longer the newest are sealed anew, by jobs that each claim some.
ALTER TABLE account_token ADD COLUMN resealing_until timestamptz NOT NULL DEFAULT '-infinity';
CREATE INDEX account_token_by_key ON account_token (key_id);

CREATE FUNCTION accounts_to_reseal(newest_key_id text, most integer) RETURNS SETOF uuid
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public
    AS $$ UPDATE account_token
             SET resealing_until = clock_timestamp() + interval '10 minutes'
           WHERE account_id IN (SELECT account_id FROM account_token
                                 WHERE (key_id < newest_key_id OR key_id > newest_key_id)  -- what an index can find
                                   AND resealing_until <= clock_timestamp()
                                 LIMIT most
                                   FOR UPDATE SKIP LOCKED)
          RETURNING account_id $$;

CREATE FUNCTION token_key_figures() RETURNS TABLE (key_id text, amount bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT key_id, count(*) FROM account_token GROUP BY key_id $$;

-- migrate:down

DROP FUNCTION token_key_figures;
DROP FUNCTION accounts_to_reseal;
DROP INDEX account_token_by_key;
ALTER TABLE account_token DROP COLUMN resealing_until;
