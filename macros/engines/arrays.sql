{# The values of a group as an array, in the order of other columns. #}
{% macro array_in_order(value, order_by, where=none) -%}
    {{ adapter.dispatch("array_in_order")(value, order_by, where) }}
{%- endmacro %}

{% macro postgres__array_in_order(value, order_by, where) -%}
    array_agg({{ value }} order by {{ order_by | join(", ") }})
    {%- if where is not none %} filter (where {{ where }}){% endif %}
{%- endmacro %}

{# (array_sort would compare by an interpreted expression.) #}
{% macro spark__array_in_order(value, order_by, where) -%}
    transform(
        sort_array(
            collect_list(struct({{ order_by | join(", ") }}, {{ value }} as value_in_order))
            {%- if where is not none %} filter (where {{ where }}){% endif %}
        ),
        cell -> cell.value_in_order
    )
{%- endmacro %}


{# The sum of a group's doubles, added up in the order of another column. #}
{% macro sum_in_order(value, order_by) -%}
    {{ adapter.dispatch("sum_in_order")(value, order_by) }}
{%- endmacro %}

{% macro postgres__sum_in_order(value, order_by) -%}
    sum({{ value }} order by {{ order_by }})
{%- endmacro %}

{# (Minus zero plus any number is that number, minus zero included.) #}
{% macro spark__sum_in_order(value, order_by) -%}
    aggregate(
        {{ array_in_order(value, [order_by]) }},
        -0.0::double,
        (total, number) -> total + number
    )
{%- endmacro %}


{# The value of the first of a group's rows by another column. #}
{% macro first_in_order(value, order_by) -%}
    {{ adapter.dispatch("first_in_order")(value, order_by) }}
{%- endmacro %}

{% macro postgres__first_in_order(value, order_by) -%}
    (array_agg({{ value }} order by {{ order_by }}))[1]
{%- endmacro %}

{% macro spark__first_in_order(value, order_by) -%}
    min_by({{ value }}, {{ order_by }})
{%- endmacro %}


{# An element by its place, from 1; NULL beyond the end. #}
{% macro element(values, place) -%}
    {{ adapter.dispatch("element")(values, place) }}
{%- endmacro %}

{% macro postgres__element(values, place) -%}
    {{ values }}[{{ place }}]
{%- endmacro %}

{% macro spark__element(values, place) -%}
    get({{ values }}, {{ place }} - 1)
{%- endmacro %}


{# The elements from a place on, as an array. #}
{% macro elements_from(values, place) -%}
    {{ adapter.dispatch("elements_from")(values, place) }}
{%- endmacro %}

{% macro postgres__elements_from(values, place) -%}
    {{ values }}[{{ place }}:]
{%- endmacro %}

{% macro spark__elements_from(values, place) -%}
    slice({{ values }}, {{ place }}, cardinality({{ values }}))
{%- endmacro %}


{# The elements at an array of places, in its order, as an array. #}
{% macro elements_at(values, places) -%}
    {{ adapter.dispatch("elements_at")(values, places) }}
{%- endmacro %}

{% macro postgres__elements_at(values, places) -%}
    array(
        select {{ values }}[places.place]
        from unnest({{ places }}) as places (place)
    )
{%- endmacro %}

{% macro spark__elements_at(values, places) -%}
    transform({{ places }}, place -> {{ values }}[place - 1])
{%- endmacro %}


{# The largest of the elements at an array of places, whatever its sign. #}
{% macro largest_at(values, places) -%}
    {{ adapter.dispatch("largest_at")(values, places) }}
{%- endmacro %}

{% macro postgres__largest_at(values, places) -%}
    (
        select max(abs({{ values }}[places.place]))
        from unnest({{ places }}) as places (place)
    )
{%- endmacro %}

{% macro spark__largest_at(values, places) -%}
    array_max(transform({{ places }}, place -> abs({{ values }}[place - 1])))
{%- endmacro %}


{# True where an array holds as many whole numbers in a row, each by one above the last. #}
{% macro are_consecutive(numbers, how_many) -%}
    {{ adapter.dispatch("are_consecutive")(numbers, how_many) }}
{%- endmacro %}

{% macro postgres__are_consecutive(numbers, how_many) -%}
    {{ numbers }} = array(
        select generate_series(
            {{ numbers }}[1], {{ numbers }}[1] + {{ how_many }}::int - 1
        )
    )
{%- endmacro %}

{% macro spark__are_consecutive(numbers, how_many) -%}
    {{ numbers }} = sequence({{ numbers }}[0], {{ numbers }}[0] + {{ how_many }}::int - 1)
{%- endmacro %}


{# For `from`: the whole numbers from 1 to a last one. #}
{% macro numbers_up_to(last) -%}
    {{ adapter.dispatch("numbers_up_to")(last) }}
{%- endmacro %}

{% macro postgres__numbers_up_to(last) -%}
    generate_series(1, {{ last }})
{%- endmacro %}

{# (A sequence up to 0 would count down; one of two thousand million fill the memory.) #}
{% macro spark__numbers_up_to(last) -%}
    explode(slice(
        sequence(1, greatest(1, least({{ last }}, {{ max_horizon_days() }}))),
        1, greatest(0, {{ last }})
    ))
{%- endmacro %}


{# For `from`: the elements of an array. #}
{% macro elements(values) -%}
    {{ adapter.dispatch("elements")(values) }}
{%- endmacro %}

{% macro postgres__elements(values) -%}
    unnest({{ values }})
{%- endmacro %}

{% macro spark__elements(values) -%}
    explode({{ values }})
{%- endmacro %}


{# For `from`: the elements of an array and their places, from 1. #}
{% macro elements_and_places(values) -%}
    {{ adapter.dispatch("elements_and_places")(values) }}
{%- endmacro %}

{% macro postgres__elements_and_places(values) -%}
    unnest({{ values }}) with ordinality
{%- endmacro %}

{% macro spark__elements_and_places(values) -%}
    inline(transform({{ values }}, (value, place) -> struct(value, place + 1)))
{%- endmacro %}


{# True where an array of floats has a NULL, NaN or infinity. #}
{% macro has_bad_element(values) -%}
    {{ adapter.dispatch("has_bad_element")(values) }}
{%- endmacro %}

{% macro postgres__has_bad_element(values) -%}
    (
        {{ values }} && array['NaN', 'Infinity', '-Infinity']::real[]
        or array_position({{ values }}, null) is not null
    )
{%- endmacro %}

{% macro spark__has_bad_element(values) -%}
    exists({{ values }}, value -> value is null or isnan(value) or isnan(value - value))
{%- endmacro %}


{# A list var as a text array, empty lists included. #}
{% macro text_array(values) -%}
    {%- set literals = [] -%}
    {%- for value in values -%}
        {%- do literals.append(text_literal(value)) -%}
    {%- endfor -%}
    {{ adapter.dispatch("text_array")(literals | join(", ")) }}
{%- endmacro %}

{% macro postgres__text_array(literals) -%}
    array[{{ literals }}]::text[]
{%- endmacro %}

{% macro spark__text_array(literals) -%}
    array({{ literals }})::array<string>
{%- endmacro %}


{# True where an array holds a value. #}
{% macro holds(values, value) -%}
    {{ adapter.dispatch("holds")(values, value) }}
{%- endmacro %}

{% macro postgres__holds(values, value) -%}
    {{ value }} = any({{ values }})
{%- endmacro %}

{% macro spark__holds(values, value) -%}
    array_contains({{ values }}, {{ value }})
{%- endmacro %}
