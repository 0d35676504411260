"""Courses of training in the report: RR@10 on dev against seconds, epoch by epoch."""

import re

import pytest
from learning_examples import epochs, right

from bench.report.epochs import trainings
from bench.report.learning import learning
from bench.report.learning_figures import draw_trainings
from bench.report.style import axes_of


@pytest.fixture
def summary(a):
    """Two seeds of three epochs, the second slower."""
    outcomes = [
        a.outcome("gru", right(300), seed=seed, seeded=True, learned=epochs(0.3, 0.5, 0.495, each=2.0 + seed))
        for seed in (0, 1)
    ]
    return a.summary(outcomes, seeds=(0, 1))


def test_courses_are_drawn_by_seed_with_their_mean_and_kept_epochs(summary):
    [training] = trainings(summary)
    assert training.mean == ((2.5, 5.0, 7.5), pytest.approx((0.3, 0.5, 0.495)))
    _, axes = axes_of(7, 4)
    draw_trainings(axes, summary, [training])
    drawn = [(list(line.get_xdata()), line.get_linewidth()) for line in axes.lines if len(line.get_xdata()) == 3]
    assert drawn == [([2, 4, 6], 0.7), ([3, 6, 9], 0.7), ([2.5, 5, 7.5], 2.0)]
    marks = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]
    assert marks[:2] == [(4, 0.5), (6, 0.5)]


def test_courses_are_read_in_words_and_rates(summary):
    text = learning(summary).text
    assert (
        "- `gru`: best on dev, RR@10 .500, after 5.00 s, in epoch 2 of 3 (mean of 2 seeds; median seconds).\n" in text
    )
    # 1,000 pairs in each of 3 epochs of 2 or 3 seconds: 500 and 333 pairs/s.
    assert re.search(r"\| `gru` +\| +2 \| +7\.50 \| +5\.00 \| +417 \|", text)


def test_an_end_at_the_last_epoch_and_a_near_miss_are_told(a):
    outcome = a.outcome("gru", right(200), learned=epochs(0.3, 0.5, 0.505, 0.508))
    text = learning(a.summary([outcome])).text
    assert (
        "- `gru`: best on dev, RR@10 .508, after 8.00 s, in epoch 4 of 4; within .010 of that after 4.00 s; the last epoch "
        "was the best, so that what more of them would do was not seen." in text
    )


def test_records_are_found_in_parts_and_stages_and_drawn_once(a):
    """A fit that a system of parts shares with the system alone is one training; a scorer's is told under its name."""
    gru, vectors = epochs(0.3, 0.5), epochs(0.1, 0.2)
    outcomes = [
        a.outcome("bm25+gru", right(210), learned={"gru": gru, "weights": [0.5, 0.5]}),
        a.outcome("gru", right(200), learned=gru),
        a.outcome("cnn", right(190), learned={"cnn": {**epochs(0.2, 0.6), "vectors": vectors}}),
        a.outcome("bm25/lone", right(180), learned={"lone": {"stages": [epochs(0.2, 0.25)]}}),
    ]
    found = trainings(a.summary(outcomes))
    assert {(one.system.spec, one.part) for one in found} == {
        ("gru", ""), ("cnn", ""), ("cnn", "vectors"), ("bm25/lone", "lone stages 1"),
    }  # fmt: skip
    text = learning(a.summary(outcomes)).text
    assert "- `cnn`: vectors: best on dev, RR@10 .200" in text
    assert "Would more training pairs" not in text


@pytest.mark.parametrize(
    "learned",
    [
        {"epochs": 6, "loss": 0.3},
        {"dev RR@10": 0.5, "epochs": [{"loss": 1.5, "dev": 0.6}]},
        {"dev RR@10": None, "epochs": [{"loss": 1.5, "dev": None, "seconds": 1.0}]},
        {"dev RR@10": 0.5, "epochs": []},
        {"epochs": [{"loss": 1.5, "dev": 80.0, "seconds": 1.0}]},
    ],
)
def test_epochs_without_seconds_or_dev_are_no_course(a, learned):
    """As earlier versions stored them, without dev questions, and where dev is another measure."""
    section = learning(a.summary([a.outcome("gru", right(200), learned=learned)]))
    assert (section.text, section.pictures) == ("", ())


def test_trainings_measured_among_other_documents_are_drawn_apart(a):
    """RR@10 among a hundred candidates is no RR@10 among all documents."""
    everywhere, drawn = {"dev pool": "all dev documents"}, {"dev pool": "100 drawn"}
    outcomes = [
        a.outcome("gru", right(210), learned=epochs(0.3, 0.5, **everywhere)),
        a.outcome("cnn", right(200), learned={**epochs(0.8, 0.9, **drawn), "vectors": epochs(0.1, 0.2, **everywhere)}),
        a.outcome("old", right(190), learned=epochs(0.1, 0.4)),
    ]
    section = learning(a.summary(outcomes))
    found = {picture.name: (picture.alt, picture.caption) for picture in section.pictures}
    assert list(found) == [f"figures/training-seconds{number}.svg" for number in ("", "-2", "-3")]
    told = {name: alt.split(": ", 1)[1] for name, (alt, _) in found.items()}
    assert told["figures/training-seconds.svg"] == "gru .500 after 4.00 s, cnn: vectors .200 after 4.00 s"
    assert told["figures/training-seconds-2.svg"] == "cnn .900 after 4.00 s"
    assert "RR@10 among 100 drawn, after every epoch" in found["figures/training-seconds-2.svg"][1]
    assert "documents that were not told" in found["figures/training-seconds-3.svg"][1]
    assert "- `cnn`: best on dev, RR@10 .900 among 100 drawn, after 4.00 s" in section.text
