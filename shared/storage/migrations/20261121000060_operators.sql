-- migrate:up

-- What operators see of an account: states, times, codes and counts. No address, no mail, no id of the provider's.
-- Nobody but the functions below may read it.
CREATE VIEW account_health AS
SELECT a.id AS account_id, a.provider, a.state, a.state_reason, a.delayed_until, a.delay_reason, a.connected_at,
       a.changes_checked_at, a.changes_unannounced, s.expires_at AS notifications_until,
       a.subscription_problem AS notifications_problem,
       run.id AS run_id, run.state AS run_state, run.requested_at AS run_requested_at,
       CASE WHEN run.state IN ('starting', 'running') THEN
           greatest(run.requested_at, run.leased_until, run.started_at,
                    (SELECT max(p.finished_at) FROM sync_page p WHERE p.run_id = run.id))
       END AS run_moved_at,
       CASE WHEN run.state = 'incomplete' THEN
           (SELECT count(*) FROM sync_page p WHERE p.run_id = run.id AND p.state = 'failed')
       ELSE 0 END AS failed_pages,
       (SELECT count(*) FROM failed_job f WHERE f.account_id = a.id) AS failed_jobs
  FROM account a
  LEFT JOIN subscription s ON s.account_id = a.id
  LEFT JOIN LATERAL (SELECT r.id, r.state, r.requested_at, r.started_at, r.leased_until
                       FROM sync_run r WHERE r.account_id = a.id ORDER BY r.requested_at DESC LIMIT 1) run ON true
 WHERE a.state <> 'disconnected';

-- What is wrong with an account, in words of the API; behind_since and silent_since are where patience ends. Quiet
-- folders are visited rarely, so an account is behind only when a folder has been due for so long.
CREATE FUNCTION problems_of(h account_health, behind_since timestamptz, silent_since timestamptz) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = public
    AS $$ SELECT array_remove(ARRAY[
              CASE WHEN h.state IN ('needs_sign_in', 'needs_admin', 'suspended') THEN h.state::text END,
              CASE WHEN h.delayed_until IS NOT NULL AND h.state IN ('connecting', 'syncing', 'live') THEN 'delayed' END,
              CASE WHEN h.state = 'live' AND (h.notifications_until IS NULL OR h.notifications_until < now()
                                              OR h.notifications_problem IS NOT NULL) THEN 'no_subscription' END,
              CASE WHEN h.state = 'live' AND greatest(h.changes_checked_at, h.connected_at) < behind_since
                    AND EXISTS (SELECT FROM folder f WHERE f.account_id = h.account_id AND f.state = 'current'
                                                       AND f.check_at < behind_since) THEN 'behind' END,
              CASE WHEN h.run_moved_at < silent_since AND h.state IN ('connecting', 'syncing', 'live')
                   THEN 'stalled' END,
              CASE WHEN h.failed_pages > 0 THEN 'failed_pages' END,
              CASE WHEN h.failed_jobs > 0 THEN 'failed_jobs' END], NULL) $$;

-- Accounts of all users that have a problem, or one of a kind, in the order of their ids, after one of them.
CREATE FUNCTION accounts_in_trouble(
    wanted_problem text, after_id uuid, most integer, behind_since timestamptz, silent_since timestamptz
)
    RETURNS TABLE (health account_health, problems text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT h, p.problems
            FROM account_health h, LATERAL (SELECT problems_of(h, behind_since, silent_since) AS problems) p
           WHERE (after_id IS NULL OR h.account_id > after_id)
             AND cardinality(p.problems) > 0
             AND (wanted_problem IS NULL OR wanted_problem = ANY(p.problems))
           ORDER BY h.account_id
           LIMIT most $$;

CREATE FUNCTION health_of_account(wanted_account_id uuid, behind_since timestamptz, silent_since timestamptz)
    RETURNS TABLE (health account_health, problems text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT h, problems_of(h, behind_since, silent_since) FROM account_health h
           WHERE h.account_id = wanted_account_id $$;

CREATE FUNCTION runs_of_account(wanted_account_id uuid, most integer)
    RETURNS TABLE (id uuid, state sync_run_state, requested_at timestamptz, started_at timestamptz,
                   listed_at timestamptz, finished_at timestamptz,
                   pages bigint, pages_done bigint, pages_failed bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT r.id, r.state, r.requested_at, r.started_at, r.listed_at, r.finished_at, count(p.id),
                 count(p.id) FILTER (WHERE p.state = 'done'), count(p.id) FILTER (WHERE p.state = 'failed')
            FROM (SELECT * FROM sync_run WHERE account_id = wanted_account_id
                   ORDER BY requested_at DESC LIMIT most) r
            LEFT JOIN sync_page p ON p.run_id = r.id
           GROUP BY r.id, r.state, r.requested_at, r.started_at, r.listed_at, r.finished_at
           ORDER BY r.requested_at DESC $$;

-- Audits that found more than what was on its way, of all accounts, newest first.
CREATE INDEX audit_with_differences ON audit (finished_at DESC, id)
    WHERE state <> 'running' AND missing + different + extra > recent;
CREATE FUNCTION audits_with_differences(most integer)
    RETURNS TABLE (id uuid, account_id uuid, state audit_state, origin audit_origin, requested_at timestamptz,
                   finished_at timestamptz, compared bigint, missing bigint, different bigint, extra bigint,
                   recent bigint, repaired bigint, requests bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT r.id, r.account_id, r.state, r.origin, r.requested_at, r.finished_at, r.compared, r.missing,
                 r.different, r.extra, r.recent, r.repaired, r.requests
            FROM audit r
           WHERE r.state <> 'running' AND r.missing + r.different + r.extra > r.recent
           ORDER BY r.finished_at DESC, r.id
           LIMIT most $$;

-- Asked by a timer, so each part reads one table once, or an index.
CREATE FUNCTION system_figures(behind_since timestamptz, silent_since timestamptz)
    RETURNS TABLE (figure text, label text, amount bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT 'state', a.state::text, count(*) FROM account a WHERE a.state <> 'disconnected' GROUP BY a.state
          UNION ALL
          SELECT 'problem', label, amount
            FROM (SELECT count(*) FILTER (WHERE a.delayed_until IS NOT NULL) AS delayed,
                         count(*) FILTER (WHERE a.state = 'live'
                                            AND (s.account_id IS NULL OR s.expires_at < now()
                                                 OR a.subscription_problem IS NOT NULL)) AS no_subscription,
                         count(*) FILTER (WHERE a.state = 'live'
                                            AND greatest(a.changes_checked_at, a.connected_at) < behind_since
                                            AND EXISTS (SELECT FROM folder f
                                                         WHERE f.account_id = a.id AND f.state = 'current'
                                                           AND f.check_at < behind_since)) AS behind
                    FROM account a LEFT JOIN subscription s ON s.account_id = a.id
                   WHERE a.state IN ('connecting', 'syncing', 'live')) counted,
                 LATERAL (VALUES ('delayed', delayed), ('no_subscription', no_subscription), ('behind', behind))
                         AS each (label, amount)
          UNION ALL
          SELECT 'problem', 'stalled', count(*)
            FROM sync_run r JOIN account a ON a.id = r.account_id
           WHERE r.state IN ('starting', 'running') AND a.state IN ('connecting', 'syncing', 'live')
             AND greatest(r.requested_at, r.leased_until, r.started_at) < silent_since
             AND NOT EXISTS (SELECT FROM sync_page p WHERE p.run_id = r.id AND p.finished_at >= silent_since)
          UNION ALL
          SELECT 'problem', 'failed_jobs', count(DISTINCT account_id) FROM failed_job $$;

-- migrate:down
