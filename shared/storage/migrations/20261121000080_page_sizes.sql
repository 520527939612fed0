-- migrate:up

-- Pages are cut anew by these times when the provider takes too long over them.
ALTER TABLE sync_page
    ADD COLUMN received_times timestamptz[];           -- of each of provider_message_ids; NULL: by id

ALTER TABLE sync_run
    ADD COLUMN page_messages integer;                  -- what went through since a page was too large; NULL: none was

-- migrate:down

ALTER TABLE sync_run
    DROP COLUMN page_messages;
ALTER TABLE sync_page
    DROP COLUMN received_times;
