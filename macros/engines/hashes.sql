{#
    A 64-bit hash of a path row's day and ids, as the source writes them: NULL is another
    than the empty text, because they have other places in the order of the rows.
#}
{% macro cell_hash(horizon_index, instrument_id, factor_id, macro_id) -%}
    {{ adapter.dispatch("cell_hash")(horizon_index, instrument_id, factor_id, macro_id) }}
{%- endmacro %}

{# (The functions that hash texts give NULL for NULL, and are twice as fast as a record's.) #}
{% macro postgres__cell_hash(horizon_index, instrument_id, factor_id, macro_id) -%}
    coalesce(
        hashtextextended(
            {{ macro_id }},
            hashtextextended(
                {{ factor_id }}, hashtextextended({{ instrument_id }}, {{ horizon_index }})
            )
        ),
        hash_record_extended(
            row({{ horizon_index }}, {{ instrument_id }}, {{ factor_id }}, {{ macro_id }}),
            0
        )
    )
{%- endmacro %}

{# (A NULL is left out: the next id would be hashed in its place.) #}
{% macro spark__cell_hash(horizon_index, instrument_id, factor_id, macro_id) -%}
    xxhash64(
        {% for column in [horizon_index, instrument_id, factor_id, macro_id] -%}
        {{ column }} is null, {{ column }}{{ "," if not loop.last }}
        {% endfor -%}
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


{#
    A 64-bit hash of a group's hashes, in whatever order they come: their sum. (Of two that
    are equal, an exclusive or would keep nothing.) With `over`, of a window.
#}
{% macro hash_of_hashes(hash, over=none) -%}
    {{ adapter.dispatch("hash_of_hashes")(hash, " over " ~ over if over else "") }}
{%- endmacro %}

{# (Postgres' sum of bigints is a numeric, which does not overflow.) #}
{% macro postgres__hash_of_hashes(hash, over) -%}
    mod(sum({{ hash }}){{ over }}, 9223372036854775807)::bigint
{%- endmacro %}

{# (Spark's is a bigint, which would.) #}
{% macro spark__hash_of_hashes(hash, over) -%}
    shiftleft(sum(shiftright({{ hash }}, 32)){{ over }}, 32)
    ^ sum({{ hash }} & 4294967295){{ over }}
{%- endmacro %}
