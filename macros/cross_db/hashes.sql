{#
    A 64-bit hash of a path row: each part seeds the hash of the next, so that the sum over a
    scenario's rows sees which value stands in which cell. NULL, 0 and -0.0 differ, because
    their panels do.

        sum({{ row_hash('horizon_index', ['instrument_id'], 'return_value') }})

    Arguments: a whole number, a list of texts that are not NULL, a double.
#}
{% macro row_hash(horizon_index, ids, return_value) -%}
    {{ adapter.dispatch("row_hash")(horizon_index, ids, return_value) }}
{%- endmacro %}

{# (Postgres hashes -0.0 as 0.0, and folds a bigint to 32 bits, but for a seed.) #}
{% macro postgres__row_hash(horizon_index, ids, return_value) -%}
    {%- set seeds = ["coalesce(" ~ horizon_index ~ "::bigint, -9223372036854775807)"] -%}
    {%- for id in ids -%}
        {%- do seeds.append("hashtextextended(" ~ id ~ ", " ~ seeds[-1] ~ ")") -%}
    {%- endfor -%}
    hashfloat8extended(
        coalesce({{ return_value }}, 0),
        hashint4extended(
            case
                when {{ return_value }} is null then 1
                when {{ return_value }} = 0 and {{ return_value }}::text = '-0' then 2
                else 0
            end,
            {{ seeds[-1] }}
        )
    )
{%- endmacro %}

{# (xxhash64 leaves out NULL, and hashes -0.0 as 0.0. Panels are made anew there anyway.) #}
{% macro spark__row_hash(horizon_index, ids, return_value) -%}
    xxhash64(
        {{ horizon_index }} is null, {{ horizon_index }}, {{ ids | join(", ") }},
        {{ return_value }} is null, {{ return_value }}
    )
{%- endmacro %}
