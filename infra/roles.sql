-- Run by the server's Entra administrator with psql, beginning in the database postgres, where alone Azure keeps the
-- functions named pgaadauth. It may be run again, and a part that is there already is left as it is:
--   psql --no-psqlrc --set=database=mail --set=app_object_id=<object id of the app's identity> --file=infra/roles.sql …
-- mail_owner owns the schema: nobody signs in as it, migrations take it on. mail_app is the app's identity.

\set ON_ERROR_STOP on

BEGIN;

SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mail_owner') AS owner_is_missing,
       NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mail_app') AS app_is_missing \gset

\if :owner_is_missing
CREATE ROLE mail_owner NOLOGIN NOCREATEDB NOCREATEROLE;
\endif

SELECT NOT pg_has_role('mail_owner', 'SET') AS owner_is_closed \gset
\if :owner_is_closed
GRANT mail_owner TO CURRENT_USER WITH INHERIT FALSE, SET TRUE;
\endif

\if :app_is_missing
SELECT * FROM pgaadauth_create_principal_with_oid('mail_app', :'app_object_id', 'service', false, false);
\endif

-- After a move to another region or a restore the app may have another identity than the one that the role knows.
SELECT NOT EXISTS (
           SELECT FROM pgaadauth_list_principals(false)
            WHERE rolname = 'mail_app'
              AND objectid = :'app_object_id'
       ) AS app_is_another \gset
\if :app_is_another
SELECT format('SECURITY LABEL FOR pgaadauth ON ROLE mail_app IS %L', 'aadauth,oid=' || :'app_object_id' || ',type=service')
\gexec
\endif

DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_roles
         WHERE rolname = 'mail_app'
           AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR pg_has_role(oid, 'mail_owner', 'MEMBER'))
    ) THEN
        RAISE EXCEPTION 'the role mail_app may get around row-level security; take that from it first';
    END IF;
END
$$;

COMMIT;

\connect :"database"

BEGIN;

-- Azure gives the schema to azure_pg_admin, whoever owns the database: rights in it do not come with the database.
GRANT USAGE, CREATE ON SCHEMA public TO mail_owner;
GRANT USAGE ON SCHEMA public TO mail_app;

SELECT pg_has_role(datdba, 'USAGE') AS database_is_ours, datdba::regrole AS owner
  FROM pg_database
 WHERE datname = current_database() \gset
\if :database_is_ours
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO mail_app;
\else
\warn 'The database belongs to' :owner 'and so keeps its usual rights: every role of this server may connect to it.'
\endif

COMMIT;
