import pytest
import torch

from bench.errors import StoreError
from retrievers.neural.store import FACTS, TENSORS, load_model, save_model


def saved(folder):
    save_model(folder, {"a": torch.arange(6.0).view(2, 3).T}, {"parameters": {"k": 1}, "learned": {"x": [1, None]}})
    return folder


def test_tensors_and_facts_come_back(tmp_path):
    tensors, facts = load_model(saved(tmp_path), {"k": 1})
    assert torch.equal(tensors["a"], torch.arange(6.0).view(2, 3).T)
    assert facts["learned"] == {"x": [1, None]}
    assert sorted(path.name for path in tmp_path.iterdir()) == [FACTS, TENSORS]


def test_texts_that_are_no_unicode_come_back(tmp_path):
    asked = ["odd \udfff question", "ünïcode 日本"]
    save_model(tmp_path, {"a": torch.zeros(1)}, {"parameters": {}, "asked": asked})
    assert load_model(tmp_path, {})[1]["asked"] == asked


def test_other_parameters_are_refused(tmp_path):
    with pytest.raises(StoreError, match="other parameters"):
        load_model(saved(tmp_path), {"k": 2})


@pytest.mark.parametrize("name", [FACTS, TENSORS])
def test_a_damaged_or_missing_file_is_named(tmp_path, name):
    path = saved(tmp_path) / name
    path.write_bytes(path.read_bytes()[:10])
    with pytest.raises(StoreError, match="damaged"):
        load_model(tmp_path, {"k": 1})
    path.unlink()
    with pytest.raises(StoreError, match=name):
        load_model(tmp_path, {"k": 1})


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot write"):
        saved(tmp_path / "file")
