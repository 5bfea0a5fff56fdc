-- Run once, by psql, when the volume is empty. The same as init-data.sql, for the data keys.
\set ON_ERROR_STOP on
\set owner_password `cat /run/secrets/keys-owner-password`
\set serve_password `cat /run/secrets/keys-serve-password`

CREATE ROLE keys_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE keys_serve LOGIN PASSWORD :'serve_password';

CREATE DATABASE verigate_keys OWNER keys_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT, TEMPORARY ON DATABASE verigate_keys FROM PUBLIC;
GRANT CONNECT ON DATABASE verigate_keys TO keys_serve;

\connect verigate_keys
ALTER DEFAULT PRIVILEGES FOR ROLE keys_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO keys_serve;
ALTER DEFAULT PRIVILEGES FOR ROLE keys_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO keys_serve;
