-- migrate:up

-- The text of HTML is taken from it with the search vector, off the way of a first sync: NULL until then.
ALTER TABLE message_body ALTER COLUMN text DROP NOT NULL;

-- lz4 packs at a third of the cost of PostgreSQL's own method. Not every build has it.
DO $$
BEGIN
    ALTER TABLE message_body
        ALTER COLUMN html SET COMPRESSION lz4,
        ALTER COLUMN text SET COMPRESSION lz4,
        ALTER COLUMN headers SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server is built without lz4';
END
$$;

-- migrate:down
