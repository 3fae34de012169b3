-- The two source tables, as `scenario-embeddings load` creates them. By hand:
--
--   psql -d risk -c 'create schema raw'
--   PGOPTIONS='-c search_path=raw' psql -d risk -f setup/source_tables.sql

create table if not exists scenario_sets (
    scenario_set_id text primary key,
    name text,
    description text,
    category text,
    horizon_days int not null,
    num_paths int,
    base_universe_filter jsonb,
    base_date_start date,
    base_date_end date,
    regime_filter text [],
    generator_spec jsonb,
    created_at timestamptz not null default now(),
    created_by text,
    tags text [],
    metadata jsonb
);

comment on table scenario_sets is 'One row per scenario set';

-- Exactly one of the three ids names a series. The others are sentinels, because a primary
-- key takes no NULL. The key begins with set and scenario: it is also the index by which
-- dbt looks a scenario up.
create table if not exists scenario_paths (
    scenario_set_id text not null,
    scenario_id text not null,
    horizon_index int not null,
    instrument_id text not null default '__NONE__',
    factor_id text not null default '__NONE__',
    macro_id text not null default '__NONE__',
    return_value float8 not null,
    price float8,
    shock_metadata jsonb,
    primary key (
        scenario_set_id, scenario_id, horizon_index, instrument_id, factor_id, macro_id
    )
);

comment on table scenario_paths is
'One row per scenario, step and series. return_value is in decimals';
