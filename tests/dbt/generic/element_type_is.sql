{# A contract does not tell real[] from double precision[]; the catalogue does. #}
{% test element_type_is(model, column_name, element_type) %}

select
    format_type(atttypid, atttypmod) as actual,
    '{{ element_type }}[]'::regtype::text as expected
from pg_attribute
where
    attrelid = to_regclass({{ dbt.string_literal(model.include(database=false) | string) }})
    and attname = '{{ column_name }}'
    and atttypid is distinct from '{{ element_type }}[]'::regtype

{% endtest %}
