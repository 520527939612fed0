-- Run once by the server's administrator, with psql, in the database mail. The passwords come from the environment:
-- a role that owns the schema and runs the migrations, and the one that the functions sign in as, which owns nothing.

\set ON_ERROR_STOP on
\getenv owner_password DATABASE_OWNER_PASSWORD
\getenv app_password DATABASE_APP_PASSWORD

BEGIN;

CREATE ROLE mail_owner LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE mail_app LOGIN NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'app_password';

GRANT mail_owner TO CURRENT_USER;  -- the administrator is no superuser: to give something away it must be able to take it
ALTER DATABASE mail OWNER TO mail_owner;
REVOKE ALL ON DATABASE mail FROM PUBLIC;
GRANT CONNECT ON DATABASE mail TO mail_app;

COMMIT;
