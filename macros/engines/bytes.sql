{# A text's bytes in UTF-8. #}
{% macro text_bytes(text) -%}
    {{ adapter.dispatch("text_bytes")(text) }}
{%- endmacro %}

{% macro postgres__text_bytes(text) -%}
    convert_to({{ text }}, 'UTF8')
{%- endmacro %}

{% macro spark__text_bytes(text) -%}
    encode({{ text }}, 'UTF-8')
{%- endmacro %}


{#
    The head of what a fingerprint hashes: horizon and axis in binary, as Postgres sends
    them. Spark writes the same bytes by way of their hexadecimal digits: of an array the
    number of dimensions, 0 (no NULLs), the type of its elements, their number and the first
    place, and before each element its length.
#}
{% macro panel_shape(horizon_days, num_series, axis) -%}
    {{ adapter.dispatch("panel_shape")(horizon_days, num_series, axis) }}
{%- endmacro %}

{% macro postgres__panel_shape(horizon_days, num_series, axis) -%}
    int4send({{ horizon_days }})
    || int4send({{ num_series }})
    || array_send({{ axis }})
{%- endmacro %}

{% macro spark__panel_shape(horizon_days, num_series, axis) -%}
    unhex(concat(
        lpad(hex({{ horizon_days }}), 8, '0'),
        lpad(hex({{ num_series }}), 8, '0'),
        '00000001', '00000000', '00000011', lpad(hex({{ num_series }}), 8, '0'), '00000001',
        array_join(
            transform({{ axis }}, id -> concat(lpad(hex(length(id)), 8, '0'), hex(id))), ''
        )
    ))
{%- endmacro %}


{#
    SHA-256 of a panel's shape and its values in binary, in hexadecimal digits: the same on
    every engine. Nothing but Java's own function gives a double's bits, −0.0 included.
#}
{% macro panel_fingerprint(shape, panel) -%}
    {{ adapter.dispatch("panel_fingerprint")(shape, panel) }}
{%- endmacro %}

{% macro postgres__panel_fingerprint(shape, panel) -%}
    encode(sha256({{ shape }} || array_send({{ panel }})), 'hex')
{%- endmacro %}

{% macro spark__panel_fingerprint(shape, panel) -%}
    sha2(
        concat(
            {{ shape }},
            unhex(concat(
                '00000001', '00000000', '000002BD', lpad(hex(cardinality({{ panel }})), 8, '0'),
                '00000001',
                array_join(
                    transform(
                        {{ panel }},
                        value -> concat(
                            '00000008',
                            lpad(
                                hex(
                                    java_method(
                                        'java.lang.Double', 'doubleToRawLongBits', value
                                    )::bigint
                                ),
                                16, '0'
                            )
                        )
                    ),
                    ''
                )
            ))
        ),
        256
    )
{%- endmacro %}


{#
    An array of float32 as bytes, the lowest of each first. Postgres sends a float with the
    highest byte first.
#}
{% macro little_endian_bytes(values) -%}
    {{ adapter.dispatch("little_endian_bytes")(values) }}
{%- endmacro %}

{% macro postgres__little_endian_bytes(values) -%}
    (
        select
            string_agg(
                substring(cells.sent from 4 for 1) || substring(cells.sent from 3 for 1)
                || substring(cells.sent from 2 for 1)
                || substring(cells.sent from 1 for 1),
                ''::bytea order by cells.place
            )
        from (
            select
                float4send(elements.value) as sent,
                elements.place
            from
                unnest({{ values }})
                with ordinality as elements (value, place)
        ) as cells
    )
{%- endmacro %}

{% macro spark__little_endian_bytes(values) -%}
    unhex(array_join(
        transform(
            transform(
                {{ values }},
                value -> lpad(
                    right(
                        hex(
                            java_method(
                                'java.lang.Float', 'floatToRawIntBits', value
                            )::bigint
                        ),
                        8
                    ),
                    8, '0'
                )
            ),
            sent -> concat(
                substr(sent, 7, 2), substr(sent, 5, 2), substr(sent, 3, 2), substr(sent, 1, 2)
            )
        ),
        ''
    ))
{%- endmacro %}
