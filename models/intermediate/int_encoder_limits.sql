-- Rows beside those of the table of encoders in Python, which a test keeps it equal to.
with

sketches as (

    select
        model_id,
        4.0::{{ type_double() }} as max_abs_return,
        2048 as max_num_series,
        false as takes_separator_in_id
    from
        (
            values
            ('num-scenario-panel-sketch-v1'),
            ('num-scenario-stress-shape-v1')
        ) as models (model_id)

),

final as (

    select
        'num-scenario-core-v1' as model_id,
        null::{{ type_double() }} as max_abs_return,
        null::int as max_num_series,
        true as takes_separator_in_id

    union all

    select
        model_id,
        max_abs_return,
        max_num_series,
        takes_separator_in_id
    from sketches

)

select * from final
