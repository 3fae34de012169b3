{#
    A text's bytes in UTF-8.

        {{ text_bytes('series_id') }}
#}
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
    The first bytes that a panel's fingerprint hashes: horizon, number of series and axis
    in Postgres' binary format. Spark writes the same bytes by their hexadecimal digits: of
    an array the number of dimensions, 0 (no NULLs), the type of its elements, their number
    and the first index, and before each element its length.

        {{ fingerprint_header('horizon_days', 'num_series', 'axis') }}

    Arguments: two whole numbers, and the series ids as an array of bytes in axis order.
#}
{% macro fingerprint_header(horizon_days, num_series, axis) -%}
    {{ adapter.dispatch("fingerprint_header")(horizon_days, num_series, axis) }}
{%- endmacro %}

{% macro postgres__fingerprint_header(horizon_days, num_series, axis) -%}
    int4send({{ horizon_days }})
    || int4send({{ num_series }})
    || array_send({{ axis }})
{%- endmacro %}

{% macro spark__fingerprint_header(horizon_days, num_series, axis) -%}
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
    SHA-256 of a panel's fingerprint header and its values in binary, in hexadecimal digits.
    (On Spark, Java's own function alone gives a double's bits, -0.0 included.)

        {{ panel_fingerprint('header', 'panel') }}
#}
{% macro panel_fingerprint(header, panel) -%}
    {{ adapter.dispatch("panel_fingerprint")(header, panel) }}
{%- endmacro %}

{% macro postgres__panel_fingerprint(header, panel) -%}
    encode(sha256({{ header }} || array_send({{ panel }})), 'hex')
{%- endmacro %}

{% macro spark__panel_fingerprint(header, panel) -%}
    sha2(
        concat(
            {{ header }},
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
