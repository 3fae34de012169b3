{#
    Views are replaced in place. dbt's own way, to rename the old view away and drop it,
    takes the views built on it along: for a moment they are gone for their readers, views
    of others are gone for good, and two threads that do it at once can deadlock. Postgres
    replaces a view that keeps its columns; one that loses or renames some is dropped first.
#}
{% materialization view, adapter="postgres" %}

    {% set existing = load_cached_relation(this) %}
    {% set target_relation = this.incorporate(type="view") %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if existing is not none %}
        {% set has = adapter.get_columns_in_relation(existing) | map(attribute="name") | list %}
        {% set gets = get_column_schema_from_query(sql) | map(attribute="name") | list %}
        {% if should_full_refresh() or not existing.is_view or gets[:has | length] != has %}
            {{ drop_relation_if_exists(existing) }}
        {% endif %}
    {% endif %}
    {% call statement("main") %}
        {{ get_replace_view_sql(target_relation, sql) }}
    {% endcall %}

    {% do apply_grants(
        target_relation,
        config.get("grants"),
        should_revoke=should_revoke(existing, full_refresh_mode=should_full_refresh())
    ) %}
    {% do persist_docs(target_relation, model) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({"relations": [target_relation]}) }}

{% endmaterialization %}
