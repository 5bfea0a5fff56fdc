-- Run once, by psql, when the volume is empty. An owner that migrates, a role that serves: docs/postgresql.md.
\set ON_ERROR_STOP on
\set owner_password `cat /run/secrets/verigate-owner-password`
\set serve_password `cat /run/secrets/verigate-serve-password`
\set temporal_password `cat /run/secrets/temporal-password`

CREATE ROLE verigate_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE verigate_serve LOGIN PASSWORD :'serve_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';

CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
CREATE DATABASE verigate OWNER verigate_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT, TEMPORARY ON DATABASE temporal, temporal_visibility, verigate FROM PUBLIC;
GRANT CONNECT ON DATABASE verigate TO verigate_serve;

\connect verigate
ALTER DEFAULT PRIVILEGES FOR ROLE verigate_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO verigate_serve;
ALTER DEFAULT PRIVILEGES FOR ROLE verigate_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO verigate_serve;
