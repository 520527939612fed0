-- migrate:up

-- Which of some attachments' contents anybody's rows still name.
CREATE INDEX attachment_by_content ON attachment (sha256) WHERE sha256 IS NOT NULL;
CREATE FUNCTION contents_in_use(wanted bytea[]) RETURNS SETOF bytea
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT each FROM unnest(wanted) AS each WHERE EXISTS (SELECT FROM attachment WHERE sha256 = each) $$;

-- migrate:down

DROP FUNCTION contents_in_use;
DROP INDEX attachment_by_content;
