{#
    On the first run, every row of a CTE. Later only what has changed: the rows that are new
    or not as they are known in the model's own table; and the known rows in scope that have
    gone, marked is_gone for a hook to delete.
#}
{% macro changes_of(cte, key, findings) %}

{% if not leaves_unchanged() %}

select * from {{ cte }}

{% else %}

{% set columns = adapter.get_columns_in_relation(this) | map(attribute="name") | list %}

select
    {% for column in columns -%}
        current_rows.{{ column }}{{ "," if not loop.last }}
    {% endfor %}
from {{ cte }} as current_rows
left join {{ this }} as known
    on
        {% for column in key -%}
            {{ "and " if not loop.first }}current_rows.{{ column }} = known.{{ column }}
        {% endfor %}
where
    known.{{ key[0] }} is null
    {% for finding in findings -%}
        or current_rows.{{ finding }} is distinct from known.{{ finding }}
    {% endfor %}

union all

{{ gone_rows(cte, key) }}

{% endif %}

{% endmacro %}


{# The known rows in scope of an incremental model that a relation lacks, marked is_gone. #}
{% macro gone_rows(current, key) %}
select
    {% for column in adapter.get_columns_in_relation(this) | map(attribute="name") -%}
        {{ "true" if column == "is_gone" else "known." ~ column }}{{ "," if not loop.last }}
    {% endfor -%}
{{ known_rows_not_in(current, key) }}
{% endmacro %}


{# From an incremental model's own table, as known: the rows in scope that a query lacks. #}
{% macro known_rows_not_in(current, key) -%}
from {{ this }} as known
where
    {{ in_scope("known.scenario_set_id") }}
    and not exists (
        select 1 from {{ current }} as current_rows
        where
            {% for column in key -%}
                {{ "and " if not loop.first }}current_rows.{{ column }} = known.{{ column }}
            {% endfor %}
    )
{% endmacro %}
