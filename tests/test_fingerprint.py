"""A hash changes with what matters and with nothing else."""

from bench.fingerprint import fingerprint, latency, quality, source_hash


def test_the_order_of_keys_does_not_matter_and_values_do():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_pools_and_measures_are_part_of_quality():
    base = quality("data", "heldout", ("RR@10",))
    assert base == quality("data", "heldout", ("RR@10",))
    assert (
        len(
            {
                base,
                quality("data", "all", ("RR@10",)),
                quality("data", "heldout", ("RR",)),
                quality("d", "heldout", ("RR@10",)),
            }
        )
        == 4
    )


def test_latency_depends_on_the_machine_but_not_on_its_load():
    facts = {"dataset": "d", "pool": "all", "device": "cpu", "threads": 2, "k": 10}
    base = latency(**facts, machine={"processor": "x", "load average": "1"})
    assert base == latency(**facts, machine={"processor": "x", "load average": "2"})
    assert base != latency(**facts, machine={"processor": "y", "load average": "1"})
    assert base != latency(**{**facts, "threads": 1}, machine={"processor": "x"})


def test_a_source_hash_follows_shared_files_but_not_neighbours(tmp_path):
    house = tmp_path / "house"
    (house / "shared").mkdir(parents=True)
    mine, shared = house / "mine.py", house / "shared" / "text.py"
    mine.write_text("from house.shared.text import words\n", encoding="utf-8")
    shared.write_text("words = 1\n", encoding="utf-8")
    (house / "shared" / "__init__.py").write_text("", encoding="utf-8")
    base = source_hash(mine)
    (house / "other.py").write_text("x = 1\n", encoding="utf-8")
    assert source_hash(mine) == base
    shared.write_text("words = 2\n", encoding="utf-8")
    assert source_hash(mine) != base
