{% test is_key(model, columns, nullable=()) %}

select
    {{ columns | join(", ") }},
    count(*) as num_rows
from {{ model }}
group by {{ columns | join(", ") }}
having
    count(*) > 1
    {% for column in columns if column not in nullable %}
        or {{ column }} is null
    {% endfor %}

{% endtest %}
