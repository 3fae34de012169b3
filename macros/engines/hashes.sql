{#
    A 64-bit hash of a path row's day and ids, as the source writes them. Nearly every row
    is an instrument's, and in Postgres hashing its two sentinels too would double the cost.
#}
{% macro cell_hash(horizon_index, instrument_id, factor_id, macro_id) -%}
    {{ adapter.dispatch("cell_hash")(horizon_index, instrument_id, factor_id, macro_id) }}
{%- endmacro %}

{% macro postgres__cell_hash(horizon_index, instrument_id, factor_id, macro_id) -%}
    case
        when {{ macro_id }} = '__NONE__' and {{ factor_id }} = '__INSTRUMENT__'
            then hashtextextended(coalesce({{ instrument_id }}, ''), {{ horizon_index }})
        else
            hashtextextended(
                coalesce({{ macro_id }}, ''),
                hashtextextended(
                    coalesce({{ factor_id }}, ''),
                    hashtextextended(coalesce({{ instrument_id }}, ''), {{ horizon_index }})
                )
            )
    end
{%- endmacro %}

{# (A NULL would be left out, and the next id hashed in its place.) #}
{% macro spark__cell_hash(horizon_index, instrument_id, factor_id, macro_id) -%}
    xxhash64(
        {{ horizon_index }},
        coalesce({{ instrument_id }}, ''),
        coalesce({{ factor_id }}, ''),
        coalesce({{ macro_id }}, '')
    )
{%- endmacro %}


{#
    A 64-bit hash of a path row's return, seeded by its cell. Postgres hashes -0.0 as 0.0,
    but their bytes differ, and so do the vectors; only the arc tangent tells them apart.
    Spark hashes them alike too, and there it does no harm: every panel is made anew.
#}
{% macro value_hash(value, cell_hash) -%}
    {{ adapter.dispatch("value_hash")(value, cell_hash) }}
{%- endmacro %}

{% macro postgres__value_hash(value, cell_hash) -%}
    case
        when {{ value }} is null then hashint8extended({{ cell_hash }}, 1)
        when {{ value }} = 0 and atan2({{ value }}, -1) < 0
            then hashint8extended({{ cell_hash }}, 2)
        else hashfloat8extended({{ value }}, {{ cell_hash }})
    end
{%- endmacro %}

{% macro spark__value_hash(value, cell_hash) -%}
    xxhash64({{ cell_hash }}, {{ value }})
{%- endmacro %}
