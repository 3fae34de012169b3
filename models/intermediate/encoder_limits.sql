-- The limits that the encoders in Python check, which a test keeps equal to these.
with

final as (

    select
        model_id,
        max_abs_return::{{ type_double() }} as max_abs_return,
        max_num_series::int as max_num_series,
        allows_separator_in_id
    from (
        values
        ('num-scenario-core-v1', null, null, true),
        ('num-scenario-panel-sketch-v1', 4.0, 2048, false),
        ('num-scenario-stress-shape-v1', 4.0, 2048, false),
        ('num-scenario-stress-shape-v2', 4.0, 2048, false)
    ) as limits (model_id, max_abs_return, max_num_series, allows_separator_in_id)

)

select * from final
