{#
    The values of a group as an array, in the order of other columns; of some rows alone.

        {{ array_agg_ordered('return_value', ['cell_index']) }}
#}
{% macro array_agg_ordered(value, order_by, where=none) -%}
    {{ adapter.dispatch("array_agg_ordered")(value, order_by, where) }}
{%- endmacro %}

{% macro postgres__array_agg_ordered(value, order_by, where) -%}
    array_agg({{ value }} order by {{ order_by | join(", ") }})
    {%- if where is not none %} filter (where {{ where }}){% endif %}
{%- endmacro %}

{# (array_sort would compare by an interpreted expression.) #}
{% macro spark__array_agg_ordered(value, order_by, where) -%}
    transform(
        sort_array(
            collect_list(struct({{ order_by | join(", ") }}, {{ value }} as value_in_order))
            {%- if where is not none %} filter (where {{ where }}){% endif %}
        ),
        cell -> cell.value_in_order
    )
{%- endmacro %}


{#
    The number of distinct values of a group. (Spark's own count(distinct) would deal out the
    rows twice.)

        {{ count_distinct('cell_index') }}
#}
{% macro count_distinct(value) -%}
    {%- if target.type == "spark" -%}
        cardinality(collect_set({{ value }}))
    {%- else -%}
        count(distinct {{ value }})
    {%- endif -%}
{%- endmacro %}


{#
    An element by its position, from 1; NULL beyond the end.

        {{ element_at('series_ids', 'series_position') }}
#}
{% macro element_at(values, position) -%}
    {%- if target.type == "spark" -%}
        get({{ values }}, int({{ position }}) - 1)
    {%- else -%}
        {{ values }}[{{ position }}]
    {%- endif -%}
{%- endmacro %}


{#
    For `from`: the whole numbers from 1 to a last one.

        cross join lateral {{ numbers_up_to('num_cells') }} as cells (cell_index)
#}
{% macro numbers_up_to(last) -%}
    {{ "explode(sequence(1, " ~ last ~ "))" if target.type == "spark"
       else "generate_series(1, " ~ last ~ ")" }}
{%- endmacro %}


{#
    For `from`: the elements of an array.

        from {{ elements_of(text_array(['a', 'b'])) }} as names (name)
#}
{% macro elements_of(values) -%}
    {{ "explode" if target.type == "spark" else "unnest" }}({{ values }})
{%- endmacro %}


{#
    For `from`: the elements of an array and their positions, from 1.

        cross join lateral {{ unnest_with_ordinality('panel') }} as cells (value, position)
#}
{% macro unnest_with_ordinality(values) -%}
    {{ adapter.dispatch("unnest_with_ordinality")(values) }}
{%- endmacro %}

{% macro postgres__unnest_with_ordinality(values) -%}
    unnest({{ values }}) with ordinality
{%- endmacro %}

{% macro spark__unnest_with_ordinality(values) -%}
    inline(transform({{ values }}, (value, position) -> struct(value, position + 1)))
{%- endmacro %}


{#
    A list of texts as an array; it may be empty.

        {{ text_array(scenario_model_ids()) }}
#}
{% macro text_array(values) -%}
    {%- set literals = [] -%}
    {%- for value in values -%}
        {%- do literals.append(text_literal(value)) -%}
    {%- endfor -%}
    {%- if target.type == "spark" -%}
        array({{ literals | join(", ") }})::array<string>
    {%- else -%}
        array[{{ literals | join(", ") }}]::text[]
    {%- endif -%}
{%- endmacro %}


{#
    True where an array contains a value.

        {{ array_contains(text_array(['a', 'b']), 'model_id') }}
#}
{% macro array_contains(values, value) -%}
    {%- if target.type == "spark" -%}
        array_contains({{ values }}, {{ value }})
    {%- else -%}
        {{ value }} = any({{ values }})
    {%- endif -%}
{%- endmacro %}


{#
    True where an array of floats has a NULL, NaN or infinity.

        where {{ has_non_finite_element('embedding') }}
#}
{% macro has_non_finite_element(values) -%}
    {{ adapter.dispatch("has_non_finite_element")(values) }}
{%- endmacro %}

{% macro postgres__has_non_finite_element(values) -%}
    (
        {{ values }} && array['NaN', 'Infinity', '-Infinity']::real[]
        or array_position({{ values }}, null) is not null
    )
{%- endmacro %}

{% macro spark__has_non_finite_element(values) -%}
    exists({{ values }}, value -> value is null or isnan(value) or isnan(value - value))
{%- endmacro %}
