{#
    Delete the rows of the sets in scope from an incremental model that is about to write
    them anew. The lock keeps another run from doing the same at the same time: neither
    would see the other's rows, and all would be there twice.
#}
{% macro clear_scope() -%}
    {% if is_incremental() -%}
        lock table {{ this }} in share row exclusive mode;
        delete from {{ this }} where {{ in_scope() }}
    {%- endif %}
{%- endmacro %}
