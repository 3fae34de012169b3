"""Advisory locks: alone or shared, of one name in one schema, and free when they end."""

import pytest

from python_encoders.postgres import choose_server, connect, fetch, lock


def nobody_waits(holder: str) -> None:
    raise AssertionError(f"it waits for {holder}")


def can_take(connection, name, suffix="", schema="analytics"):
    """Try a lock as another run does, and give it back."""
    keys = [f"scenario_embeddings:{schema}", name]
    [tried] = fetch(
        connection,
        f"select pg_try_advisory_lock{suffix}(hashtext($1), hashtext($2)) as is_taken",
        keys,
    ).to_pylist()
    if tried["is_taken"]:
        fetch(
            connection,
            f"select pg_advisory_unlock{suffix}(hashtext($1), hashtext($2)) as is_free",
            keys,
        )
    return tried["is_taken"]


def test_a_lock_keeps_all_others_out_and_a_shared_one_those_that_want_it_alone(empty):
    choose_server()
    with connect(autocommit=True) as one, connect(autocommit=True) as other:
        with lock(one, "panels", nobody_waits):
            assert not can_take(other, "panels")
            assert not can_take(other, "panels", "_shared")
            assert can_take(other, "neighbors")
            assert can_take(other, "panels", schema="elsewhere")
        assert can_take(other, "panels")

        with lock(one, "panels", nobody_waits, is_shared=True):
            assert can_take(other, "panels", "_shared")
            assert not can_take(other, "panels")
            with lock(other, "panels", nobody_waits, is_shared=True):
                pass
        assert can_take(other, "panels")

        with pytest.raises(ZeroDivisionError), lock(one, "panels", nobody_waits):
            _ = 1 / 0
        assert can_take(other, "panels")
