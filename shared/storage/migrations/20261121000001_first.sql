-- migrate:up

-- Every table carries user_id, and row-level security lets the application's role see only the rows of the user
-- named by `app.user_id`, which each transaction sets for itself. The owner of the schema is not bound by it, so
-- the few questions that cross users are SECURITY DEFINER functions at the end.

CREATE TYPE account_state AS ENUM (
    'connecting',    -- just connected; the first sync has not listed the folders yet
    'syncing',       -- connecting -> syncing, when the first sync has its folders; and when a stopped owner signed in again
    'live',          -- syncing -> live, when the first sync is complete
    'needs_sign_in', -- any -> needs_sign_in, when the provider refuses our tokens
    'suspended',     -- any -> suspended, when the provider says that the mailbox is closed
    'disconnected'   -- any -> disconnected, by its owner; a job then removes its rows
);
CREATE TYPE folder_state AS ENUM (
    'listing',       -- being enumerated; any state returns here when the provider forgets the cursor
    'current'        -- listing -> current, with the enumeration's last page
);
CREATE TYPE sync_run_state AS ENUM (
    'starting',      -- requested; folders not yet read
    'running',       -- starting -> running, with the folder tree
    'completed',     -- running -> completed, once every folder is listed and every page done
    'incomplete',    -- running -> incomplete, the same with failed pages; -> running, when they are retried
    'cancelled'      -- any -> cancelled, with the account's disconnection
);
CREATE TYPE sync_page_state AS ENUM (
    'pending',       -- nobody works on it; fetching -> pending, when the provider asks for patience
    'fetching',      -- pending -> fetching, until lease_until; then anybody may take it
    'done',          -- fetching -> done, in the transaction that saved its messages; exactly once
    'failed'         -- fetching -> failed, after the last attempt; -> pending, when a person retries
);
CREATE TYPE message_kind AS ENUM ('message', 'meeting_request', 'meeting_response', 'meeting_cancellation', 'other');
CREATE TYPE importance AS ENUM ('low', 'normal', 'high');
CREATE TYPE flag_status AS ENUM ('not_flagged', 'flagged', 'complete');
CREATE TYPE direction AS ENUM ('incoming', 'outgoing');
CREATE TYPE attachment_kind AS ENUM ('file', 'item', 'reference', 'other');

CREATE FUNCTION app_user_id() RETURNS uuid LANGUAGE sql STABLE
    RETURN nullif(current_setting('app.user_id', true), '')::uuid;

CREATE TABLE app_user (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    password_hash text NOT NULL,
    name text NOT NULL,
    event_position bigint NOT NULL DEFAULT 0,  -- the newest row of this user's change log
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX app_user_email_without_case ON app_user (lower(email));

-- One row per sign-in: a family of refresh tokens of which the newest is good.
CREATE TABLE user_session (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES app_user ON DELETE CASCADE,
    refresh_token_hash bytea NOT NULL,             -- SHA-256 of the newest
    previous_token_hash bytea,                     -- of the one before, which a lost answer may bring back
    rotated_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX user_session_of_user ON user_session (user_id);

CREATE TABLE account (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES app_user,
    provider text NOT NULL,
    provider_tenant_id text COLLATE "C" NOT NULL,
    provider_user_id text COLLATE "C" NOT NULL,
    address text NOT NULL,
    display_name text NOT NULL,
    state account_state NOT NULL DEFAULT 'connecting',
    state_reason text,
    connected_at timestamptz NOT NULL DEFAULT now(),
    changes_checked_at timestamptz,                -- when delta last went through every folder
    changes_requested_at timestamptz,              -- when the timer last asked for it
    changes_leased_until timestamptz NOT NULL DEFAULT '-infinity',   -- somebody follows delta, or will go on then
    changes_wanted boolean NOT NULL DEFAULT false, -- somebody else wanted to meanwhile: go through it once more
    subscribing_until timestamptz NOT NULL DEFAULT '-infinity'   -- somebody makes or renews the subscription
);
-- A mailbox is mirrored once: its request limit and its subscription cannot be shared.
CREATE UNIQUE INDEX account_mailbox_once ON account (provider, provider_tenant_id, provider_user_id)
    WHERE state <> 'disconnected';
CREATE INDEX account_of_user ON account (user_id);

CREATE TABLE account_token (
    account_id uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    user_id uuid NOT NULL,
    key_id text NOT NULL,
    nonce bytea NOT NULL,
    ciphertext bytea NOT NULL,                     -- AES-256-GCM; the account's id is associated data
    saved_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE subscription (
    account_id uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    user_id uuid NOT NULL,
    provider_subscription_id text COLLATE "C" NOT NULL,
    expires_at timestamptz NOT NULL,
    renewed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscription_by_expiry ON subscription (expires_at);

-- Requests in flight to the provider: a slot is taken for the length of one request. Slots outlive no lease.
CREATE TABLE request_slot (
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    slot smallint NOT NULL,
    user_id uuid NOT NULL,
    holder uuid,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (account_id, slot)
) WITH (fillfactor = 50);
CREATE TABLE request_pace (
    account_id uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    user_id uuid NOT NULL,
    not_before timestamptz NOT NULL DEFAULT '-infinity',      -- the provider's Retry-After
    urgent_until timestamptz NOT NULL DEFAULT '-infinity'     -- backfill stands back: somebody urgent waits
) WITH (fillfactor = 50);

CREATE TABLE folder (
    id uuid PRIMARY KEY,                           -- from account_id and provider_folder_id
    user_id uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    provider_folder_id text COLLATE "C" NOT NULL,
    parent_id uuid,                                -- NULL at the top
    display_name text NOT NULL,
    well_known_name text COLLATE "C",              -- inbox, sentitems, ...
    provider_total_count integer NOT NULL,
    provider_unread_count integer NOT NULL,
    state folder_state NOT NULL DEFAULT 'listing',
    cursor text COLLATE "C",                       -- next link while listing, delta link when current
    listing_round integer NOT NULL DEFAULT 1,      -- counts enumerations of this folder
    leased_until timestamptz NOT NULL DEFAULT '-infinity',   -- somebody lists it
    changes_checked_at timestamptz
);
CREATE INDEX folder_of_account ON folder (account_id);

CREATE TABLE sync_run (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    state sync_run_state NOT NULL DEFAULT 'starting',
    requested_at timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz NOT NULL DEFAULT '-infinity',   -- somebody starts it, or will try again then
    started_at timestamptz,
    listed_at timestamptz,                         -- every folder is listed: the total is exact
    finished_at timestamptz
);
CREATE UNIQUE INDEX sync_run_one_active ON sync_run (account_id) WHERE state IN ('starting', 'running');
CREATE INDEX sync_run_of_account ON sync_run (account_id, requested_at DESC);

CREATE TABLE sync_lane (
    run_id uuid NOT NULL REFERENCES sync_run ON DELETE CASCADE,
    lane smallint NOT NULL,
    user_id uuid NOT NULL,
    holder uuid,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (run_id, lane)
) WITH (fillfactor = 50);

-- What a folder's enumeration after its first one saw, so that what it did not see can be checked at its end.
CREATE TABLE listing_seen (
    folder_id uuid NOT NULL REFERENCES folder ON DELETE CASCADE,
    listing_round integer NOT NULL,
    message_id uuid NOT NULL,
    user_id uuid NOT NULL,
    PRIMARY KEY (folder_id, listing_round, message_id)
);

-- One fetch: the messages that a folder's enumeration promised in a window of received times.
CREATE TABLE sync_page (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id uuid NOT NULL,
    account_id uuid NOT NULL,
    run_id uuid NOT NULL REFERENCES sync_run ON DELETE CASCADE,
    folder_id uuid NOT NULL,
    received_from timestamptz,                     -- NULL: fetch by id, because too many share one second
    received_before timestamptz,
    provider_message_ids text[] COLLATE "C" NOT NULL,
    message_count integer NOT NULL,
    state sync_page_state NOT NULL DEFAULT 'pending',
    attempts smallint NOT NULL DEFAULT 0,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    error_code text,
    finished_at timestamptz
);
CREATE INDEX sync_page_open ON sync_page (run_id, id) WHERE state IN ('pending', 'fetching');
CREATE INDEX sync_page_progress ON sync_page (run_id, folder_id, state) INCLUDE (message_count, finished_at);

CREATE TABLE message (
    id uuid PRIMARY KEY,                           -- from account_id and provider_message_id: one row per message
    user_id uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES account,   -- no cascade: nothing is written for an account that is gone
    folder_id uuid NOT NULL,
    thread_id uuid NOT NULL,                       -- from account_id and provider_thread_id
    provider_message_id text COLLATE "C" NOT NULL,
    provider_thread_id text COLLATE "C" NOT NULL,
    change_key text COLLATE "C" NOT NULL,
    kind message_kind NOT NULL,
    provider_kind text COLLATE "C" NOT NULL,       -- the provider's own word
    internet_message_id text COLLATE "C",
    subject text NOT NULL,
    preview text NOT NULL,
    from_name text,
    from_address text,
    sender_name text,
    sender_address text,
    to_recipients jsonb NOT NULL,                  -- [{"name", "address"}], in the message's order; also below
    cc_recipients jsonb NOT NULL,
    bcc_recipients jsonb NOT NULL,
    reply_to jsonb NOT NULL,
    categories jsonb NOT NULL,                     -- ["name"]
    importance importance NOT NULL,
    flag flag_status NOT NULL,
    flag_dates jsonb,                              -- {"start", "due", "completed"}, each {"dateTime", "timeZone"}
    is_read boolean NOT NULL,
    is_draft boolean NOT NULL,
    direction direction NOT NULL,
    received_at timestamptz NOT NULL,
    sent_at timestamptz,
    created_at timestamptz,
    last_modified_at timestamptz,
    has_attachments boolean NOT NULL,
    inference_classification text COLLATE "C",
    conversation_index text COLLATE "C",
    web_link text,
    wants_delivery_receipt boolean,
    wants_read_receipt boolean,
    altered text[] NOT NULL DEFAULT '{}',          -- fields in which characters had to be replaced to be stored
    failure text,                                  -- why this message could be stored only in part
    saved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at timestamptz                         -- a tombstone, so that a late answer does not bring it back
);
-- user_id is in two of them so that folders are counted from the index alone: row-level security asks for it.
CREATE INDEX message_in_folder ON message (folder_id, received_at DESC, id DESC) INCLUDE (user_id)
    WHERE deleted_at IS NULL;
CREATE INDEX message_of_user ON message (user_id, received_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX message_of_account ON message (account_id, received_at DESC, id DESC);  -- tombstones too: removal reads it
CREATE INDEX message_unread ON message (folder_id) INCLUDE (user_id) WHERE deleted_at IS NULL AND NOT is_read;
CREATE INDEX message_flagged ON message (user_id, received_at DESC, id DESC)
    WHERE deleted_at IS NULL AND flag = 'flagged';
CREATE INDEX message_in_part ON message (account_id, received_at DESC, id DESC)
    WHERE deleted_at IS NULL AND failure IS NOT NULL;
CREATE INDEX message_in_thread ON message (thread_id, received_at);
CREATE INDEX message_tombstone ON message (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE message_body (
    message_id uuid PRIMARY KEY REFERENCES message ON DELETE CASCADE,
    user_id uuid NOT NULL,
    html text,                                     -- NULL when the provider has text only
    text text NOT NULL,                            -- taken from the HTML when there is one
    headers jsonb NOT NULL                         -- [["name", "value"]], in the message's order
);

CREATE TABLE attachment (
    id uuid PRIMARY KEY,                           -- from message_id and provider_attachment_id
    user_id uuid NOT NULL,
    message_id uuid NOT NULL REFERENCES message ON DELETE CASCADE,
    position integer NOT NULL,
    provider_attachment_id text COLLATE "C" NOT NULL,
    kind attachment_kind NOT NULL,
    name text NOT NULL,
    content_type text,
    size_bytes bigint NOT NULL,                    -- the provider's figure, which is not the length of the content
    is_inline boolean NOT NULL,
    content_id text,
    sha256 bytea                                   -- names the blob, once it was asked for
);
CREATE INDEX attachment_of_message ON attachment (message_id, position);

-- Search vectors, written by a later job from the backlog, which a message enters in the transaction that saves it.
CREATE TABLE message_search (
    message_id uuid PRIMARY KEY REFERENCES message ON DELETE CASCADE,
    user_id uuid NOT NULL,
    vector tsvector NOT NULL
);
CREATE INDEX message_search_vector ON message_search USING gin (vector) WITH (fastupdate = on);
CREATE TABLE search_backlog (
    message_id uuid PRIMARY KEY REFERENCES message ON DELETE CASCADE,
    user_id uuid NOT NULL,
    account_id uuid NOT NULL
);
CREATE INDEX search_backlog_of_account ON search_backlog (account_id);

-- The change log. A writer takes the next positions from app_user as the last act of its transaction, and holds that
-- row until its commit: positions become visible in order, and a reader that saw 7 will not be shown a late 6.
CREATE TABLE event (
    user_id uuid NOT NULL,
    position bigint NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    folder_id uuid,
    message_id uuid,
    data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, position)
);
CREATE INDEX event_by_age ON event (created_at);

-- Jobs that failed for good, for their owner and for operators.
CREATE TABLE failed_job (
    id uuid PRIMARY KEY,                           -- from the queue and the body: a repeated poison message adds nothing
    user_id uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    queue text NOT NULL,
    job jsonb NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX failed_job_of_account ON failed_job (account_id, failed_at DESC);

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT table_name FROM information_schema.columns
                 WHERE table_schema = 'public' AND column_name = 'user_id'
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_rows ON %I USING (user_id = (SELECT app_user_id()))', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO mail_app', name);
    END LOOP;
    ALTER TABLE app_user ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON app_user USING (id = (SELECT app_user_id()));
    GRANT SELECT, INSERT, UPDATE, DELETE ON app_user TO mail_app;
END
$$;

-- Questions that cross users. Each answers ids only, and just what its one caller needs.

CREATE FUNCTION user_for_login(wanted_email text) RETURNS TABLE (id uuid, password_hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT u.id, u.password_hash FROM app_user u WHERE lower(u.email) = lower(wanted_email) $$;

CREATE FUNCTION owner_of_session(wanted_session_id uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT user_id FROM user_session WHERE id = wanted_session_id $$;

CREATE FUNCTION owner_of_account(wanted_account_id uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT user_id FROM account WHERE id = wanted_account_id $$;

CREATE FUNCTION account_of_mailbox(wanted_provider text, wanted_tenant_id text, wanted_user_id text)
    RETURNS TABLE (id uuid, user_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT a.id, a.user_id FROM account a
           WHERE a.provider = wanted_provider AND a.provider_tenant_id = wanted_tenant_id
             AND a.provider_user_id = wanted_user_id AND a.state <> 'disconnected' $$;

-- Accounts whose folders delta has neither visited nor been asked to since `checked_before`; now it is asked.
CREATE FUNCTION accounts_due_for_changes(checked_before timestamptz) RETURNS SETOF uuid
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public
    AS $$ UPDATE account
             SET changes_requested_at = clock_timestamp()
           WHERE state IN ('live', 'syncing')
             AND greatest(changes_checked_at, changes_requested_at, connected_at) < checked_before
             AND changes_leased_until < clock_timestamp()
          RETURNING id $$;

-- Accounts without a subscription, or with one that ends before `expiring_before`.
CREATE FUNCTION accounts_due_for_subscription(expiring_before timestamptz) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT a.id FROM account a LEFT JOIN subscription s ON s.account_id = a.id
           WHERE a.state IN ('connecting', 'syncing', 'live')
             AND (s.account_id IS NULL OR s.expires_at < expiring_before) $$;

-- Unfinished runs and how many of their lanes nobody holds since `silent_since`: jobs were lost, or a worker died.
CREATE FUNCTION stalled_runs(silent_since timestamptz)
    RETURNS TABLE (run_id uuid, account_id uuid, state sync_run_state, silent_lanes bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT r.id, r.account_id, r.state,
                 (SELECT count(*) FROM sync_lane l WHERE l.run_id = r.id AND l.leased_until < silent_since)
            FROM sync_run r JOIN account a ON a.id = r.account_id
           WHERE r.state IN ('starting', 'running') AND r.requested_at < silent_since AND r.leased_until < silent_since
             AND a.state IN ('connecting', 'syncing', 'live') $$;

CREATE FUNCTION accounts_to_remove() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT id FROM account WHERE state = 'disconnected' $$;

CREATE FUNCTION accounts_with_search_backlog() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT DISTINCT account_id FROM search_backlog $$;

CREATE FUNCTION purge_expired(events_before timestamptz, tombstones_before timestamptz) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public
    AS $$ WITH events AS (DELETE FROM event WHERE created_at < events_before RETURNING 1),
               tombstones AS (DELETE FROM message WHERE deleted_at < tombstones_before RETURNING 1),
               sessions AS (DELETE FROM user_session WHERE expires_at < now() RETURNING 1)
          SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM tombstones) + (SELECT count(*) FROM sessions) $$;

-- Row-level security keeps `@@` from using the index, because it is not leakproof; here the user is named instead.
-- Words are looked for stemmed and as written. A word that must not occur is looked for stemmed alone: as written it
-- would only be missed.
CREATE FUNCTION messages_matching(words text) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT message_id FROM message_search
           WHERE user_id = app_user_id()
             AND vector @@ (SELECT CASE WHEN plain::text LIKE '%!%' THEN stemmed ELSE stemmed || plain END
                              FROM (SELECT websearch_to_tsquery('english', words) AS stemmed,
                                           websearch_to_tsquery('simple', words) AS plain) AS query) $$;

-- migrate:down
