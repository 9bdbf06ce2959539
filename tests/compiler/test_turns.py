"""A kernel is compiled by one process, and without looking for garbage."""

import gc
import threading

from compiler.jit.turns import Turn, without_collection


def test_the_second_waits_for_the_first(tmp_path):
    path = tmp_path / "folder" / "kernel.turn"
    first, second = Turn([path]), Turn([path])
    assert not first.take()
    waited: list[bool] = []
    thread = threading.Thread(target=lambda: waited.append(second.take()))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive() and not waited
    first.give()
    thread.join(10)
    assert waited == [True]
    second.give()
    assert list(path.parent.iterdir()) == []
    assert not first.take()  # nobody has it: no waiting
    first.give()


def test_without_a_place_everyone_has_a_turn(tmp_path):
    (tmp_path / "file").write_text("")
    turn = Turn([tmp_path / "file" / "kernel.turn"])
    assert not turn.take()
    turn.give()


def test_collection_is_as_it_was():
    with without_collection():
        assert not gc.isenabled()
        with without_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
