{#
    True where two relations know a scenario by the same rows. (A planner would take equal
    hashes for a rarity; of this it takes one in two.)
#}
{% macro same_rows(one, other) -%}
    coalesce(
        {{ one }}.num_rows = {{ other }}.num_rows
        and {{ one }}.layout_hash = {{ other }}.layout_hash
        and {{ one }}.values_hash = {{ other }}.values_hash,
        false
    )
{%- endmacro %}
