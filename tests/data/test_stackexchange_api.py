"""Pulling from the Stack Exchange API: each question found once, no request repeated, waits and quotas kept."""

import pytest
from stack_api_server import NOW, ids, made, made_answer, numbers

from bench.errors import DataError


def test_the_newest_questions_are_found_each_once(api, open_api):
    data = open_api()
    assert ids(data) == numbers(230)
    assert (data.name, len(api.asked())) == ("stackoverflow-pytorch", 3)
    assert data.facts["read"].startswith("the newest 230 questions of stackoverflow, asked for on 20")
    assert data.facts["solutions"] == "230 with the highest score"
    query = next(query for query in data.train.queries if query.id == "1200")
    assert query.text == "how to alpha200 beta200 & gamma200"


def test_all_there_are_when_more_were_wanted(api, open_api):
    assert ids(open_api(questions=9999)) == numbers(250)


def test_opening_again_asks_nothing(api, open_api):
    first = open_api()
    asked = len(api.log)
    assert open_api().fingerprint == first.fingerprint
    assert open_api(",question=title+body").fingerprint != first.fingerprint
    assert len(api.log) == asked


def test_more_questions_later_go_on_from_what_is_stored(api, open_api):
    assert ids(open_api(questions=90)) == numbers(90)
    assert len(api.asked()) == 1
    assert ids(open_api(questions=230)) == numbers(230)
    assert len(api.asked()) == 3
    assert ids(open_api(questions=90)) == numbers(90)
    assert len(api.asked()) == 3


def test_an_interrupted_harvest_repeats_no_request(api, open_api):
    api.fail[2] = (404, {}, {})
    with pytest.raises(DataError, match=r"/2\.3/questions\?.*: 404"):
        open_api()
    # Questions that were asked meanwhile push the others on; pages by date do not move.
    api.questions = [made(0, question_id=number, creation_date=NOW + 9) for number in range(1, 8)] + api.questions
    assert ids(open_api()) == numbers(230)
    assert len(api.asked()) == 1 + 1 + 2
    assert [parameters.get("todate") for parameters in api.asked()] == [
        None,
        str(NOW - 18),
        str(NOW - 18),
        str(NOW - 36),
    ]
    assert sum(method == "filters/create" for method, _ in api.log) == 1


def test_more_questions_in_one_second_than_a_page_holds(api, open_api):
    api.questions = [made(number, creation_date=NOW) for number in range(150)]
    api.questions += [made(number, creation_date=NOW - 60) for number in range(150, 250)]
    assert ids(open_api(questions=240)) == numbers(240)


def test_no_page_beyond_those_that_need_a_key_is_asked_for(api, open_api):
    api.questions = [made(number, creation_date=NOW - number) for number in range(2800)]
    assert len(ids(open_api(questions=2750))) == 2750
    assert {parameters["page"] for parameters in api.asked()} == {"1"}


def test_the_api_is_left_alone_for_as_long_as_it_asks(api, open_api):
    api.backoff[1] = 1
    assert ids(open_api()) == numbers(230)
    assert len(api.asked()) == 3


def test_a_busy_server_is_asked_again(api, open_api):
    api.fail = {1: (502, {}, b"<html>bad gateway"), 3: (429, {"Retry-After": "1"}, {})}
    assert ids(open_api(questions=150)) == numbers(150)
    assert len(api.asked()) == 4


def test_a_used_up_quota_ends_the_harvest_with_what_there_is_stored(api, open_api):
    api.quota = 2
    with pytest.raises(DataError, match=r"quota of the day is used up; 190 of 230 questions .*run again tomorrow"):
        open_api()
    assert len(api.asked()) == 2
    api.quota = 300
    assert ids(open_api()) == numbers(230)
    assert len(api.asked()) == 3


def test_accepted_wiki_and_ownerless_posts(api, open_api):
    best = made_answer(9001, score=50), made_answer(9002, score=0, is_accepted=True, community_owned_date=NOW)
    api.questions[0] = made(0, answers=list(best), accepted_answer_id=9002, owner={"user_type": "does_not_exist"})
    api.questions[1] = made(1, answers=[], locked_date=NOW)
    del api.questions[2]["answers"], api.questions[3]["content_license"]
    data = open_api(questions=60)
    assert ids(data) == numbers(60) - {"1001", "1002"}
    assert any(doc.text == "call omega9002 psi9002" for doc in data.corpus)
    assert data.facts["solutions"] == "57 with the highest score; 1 accepted"
    assert data.facts["licences"] == "115 CC BY-SA 4.0; 1 not named"
    assert set(data.facts["marks"].split("; ")) == {"1 community wiki", "1 by users without an account"}
    assert data.facts["dropped"] == "2 questions without an answer that counts"


def test_a_damaged_page_is_named_and_can_be_asked_for_again(api, open_api, tmp_path):
    open_api()
    page = sorted((tmp_path / "cache").rglob("page-*.json"))[1]
    page.write_bytes(page.read_bytes()[:99])
    with pytest.raises(DataError, match=r"page-00002\.json is damaged: .*; delete the file, and it is asked for again"):
        open_api()
    page.unlink()
    assert ids(open_api()) == numbers(230)
    assert len(api.asked()) == 4


def test_a_site_without_such_questions_is_one_line(api, open_api):
    api.questions = []
    with pytest.raises(DataError, match=r"no question tagged 'pytorch' with an answer; the newest 0 questions"):
        open_api()
