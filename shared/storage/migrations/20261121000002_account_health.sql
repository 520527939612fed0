-- migrate:up transaction:false

-- needs_admin: any -> needs_admin, when only an administrator of the owner's organisation can let us in again;
-- needs_admin -> syncing, when the owner signs in again or a visit finds the mailbox open.
ALTER TYPE account_state ADD VALUE IF NOT EXISTS 'needs_admin' AFTER 'needs_sign_in';

-- "delayed" is what owners see of a working account while delayed_until is set: set when the provider asks for
-- patience or does not answer, cleared by the next job that gets through. The state below it stays.
ALTER TABLE account
    ADD COLUMN delayed_until timestamptz,                           -- when we try again
    ADD COLUMN delay_reason text,                                   -- the error's code
    ADD COLUMN changes_unannounced bigint NOT NULL DEFAULT 0,       -- found by delta, though notifications had time to say so
    ADD COLUMN subscription_problem text;                           -- why there is no subscription: the error's code

-- migrate:down
