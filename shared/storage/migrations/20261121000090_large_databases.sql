-- migrate:up

-- A body and a backlog entry are written in the transaction that writes their message, which holds its row: to look it
-- up once more for each was a tenth of what storing a message costs. They still go with it.
ALTER TABLE message_body DROP CONSTRAINT message_body_message_id_fkey;
ALTER TABLE search_backlog DROP CONSTRAINT search_backlog_message_id_fkey;

CREATE FUNCTION delete_with_messages() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$ BEGIN
              DELETE FROM message_body USING gone WHERE message_body.message_id = gone.id;
              DELETE FROM search_backlog USING gone WHERE search_backlog.message_id = gone.id;
              RETURN NULL;
          END $$;
CREATE TRIGGER delete_with_messages AFTER DELETE ON message
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION delete_with_messages();

-- A common word is in the mail of everybody: a vector names its owner too, so that the index finds only theirs.
-- No word of a search can look like it: the parser cuts words at the colon.
UPDATE message_search SET vector = vector || array_to_tsvector(ARRAY['owner:' || user_id]);

CREATE OR REPLACE FUNCTION messages_matching(words text) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT message_id FROM message_search
           WHERE user_id = app_user_id()
             AND vector @@ (SELECT CASE WHEN numnode(asked) = 0 THEN asked
                                        ELSE asked && quote_literal('owner:' || app_user_id())::tsquery END
                              FROM (SELECT CASE WHEN plain::text LIKE '%!%' THEN stemmed ELSE stemmed || plain END
                                           AS asked
                                      FROM (SELECT websearch_to_tsquery('english', words) AS stemmed,
                                                   websearch_to_tsquery('simple', words) AS plain) AS query) AS chosen) $$;

-- Unfinished runs in which nobody has worked since `silent_since`: jobs were lost, or workers died.
DROP FUNCTION stalled_runs;
CREATE FUNCTION stalled_runs(silent_since timestamptz)
    RETURNS TABLE (run_id uuid, account_id uuid, state sync_run_state)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT r.id, r.account_id, r.state
            FROM sync_run r JOIN account a ON a.id = r.account_id
           WHERE r.state IN ('starting', 'running') AND r.requested_at < silent_since AND r.leased_until < silent_since
             AND a.state IN ('connecting', 'syncing', 'live')
             AND NOT EXISTS (SELECT FROM sync_lane l WHERE l.run_id = r.id AND l.leased_until >= silent_since) $$;

-- migrate:down

DROP FUNCTION stalled_runs;
CREATE FUNCTION stalled_runs(silent_since timestamptz)
    RETURNS TABLE (run_id uuid, account_id uuid, state sync_run_state, silent_lanes bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT r.id, r.account_id, r.state,
                 (SELECT count(*) FROM sync_lane l WHERE l.run_id = r.id AND l.leased_until < silent_since)
            FROM sync_run r JOIN account a ON a.id = r.account_id
           WHERE r.state IN ('starting', 'running') AND r.requested_at < silent_since AND r.leased_until < silent_since
             AND a.state IN ('connecting', 'syncing', 'live') $$;

CREATE OR REPLACE FUNCTION messages_matching(words text) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT message_id FROM message_search
           WHERE user_id = app_user_id()
             AND vector @@ (SELECT CASE WHEN plain::text LIKE '%!%' THEN stemmed ELSE stemmed || plain END
                              FROM (SELECT websearch_to_tsquery('english', words) AS stemmed,
                                           websearch_to_tsquery('simple', words) AS plain) AS query) $$;
DROP TRIGGER delete_with_messages ON message;
DROP FUNCTION delete_with_messages;
ALTER TABLE search_backlog
    ADD CONSTRAINT search_backlog_message_id_fkey FOREIGN KEY (message_id) REFERENCES message ON DELETE CASCADE;
ALTER TABLE message_body
    ADD CONSTRAINT message_body_message_id_fkey FOREIGN KEY (message_id) REFERENCES message ON DELETE CASCADE;
