{#
    A 64-bit hash of a path row's day and ids, as the source writes them. Nearly every row
    is an instrument's, and hashing its two sentinels too would double the cost.
#}
{% macro cell_hash(horizon_index, instrument_id, factor_id, macro_id) -%}
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


{#
    A 64-bit hash of a path row's return, seeded by its cell. Postgres hashes -0.0 as 0.0,
    but their bytes differ, and so do the vectors; only the arc tangent tells them apart.
#}
{% macro value_hash(value, cell_hash) -%}
    case
        when {{ value }} is null then hashint8extended({{ cell_hash }}, 1)
        when {{ value }} = 0 and atan2({{ value }}, -1) < 0
            then hashint8extended({{ cell_hash }}, 2)
        else hashfloat8extended({{ value }}, {{ cell_hash }})
    end
{%- endmacro %}
