-- A role that runs the whole chain and can do nothing else: it reads the two source tables
-- and owns the target schema. No superuser, no CREATE on the database, no way to write the
-- source. Run once per database, as its owner or a superuser:
--
--   psql -d risk -v role=scenario_embeddings -v source_schema=prometheus \
--        -v target_schema=analytics -f setup/least_privilege.sql
--
-- Then give it a password, which psql sends hashed:  \password scenario_embeddings
\set ON_ERROR_STOP on
\if :{?role} \else \set role scenario_embeddings \endif
\if :{?source_schema} \else \set source_schema raw \endif
\if :{?target_schema} \else \set target_schema analytics \endif

begin;

create role :"role" login nosuperuser nocreatedb nocreaterole noreplication nobypassrls;

-- Vectors are copied into a temporary table before they are written.
grant connect, temporary on database :"DBNAME" to :"role";

grant usage on schema :"source_schema" to :"role";
grant select
on :"source_schema".scenario_sets, :"source_schema".scenario_paths
to :"role";

-- dbt creates a schema only where it is missing, so the role needs no right to.
create schema :"target_schema" authorization :"role";

commit;
