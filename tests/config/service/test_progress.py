"""A loop is late when it did not come round by the time that it named; a program is ready when all of them did once."""

from config.service.progress import Progress


def test_a_loop_that_does_not_come_round_in_time_is_stuck_until_it_does() -> None:
    now = [0.0]
    progress = Progress(grace=10.0, monotonic=lambda: now[0])
    assert not progress.ready
    commit, send = progress.watch("commit"), progress.watch("send")
    commit(1.0)
    assert not progress.ready
    send(300.0)
    assert progress.ready
    now[0] = 11.5
    assert progress.stuck() == ["commit"]
    commit(1.0)
    assert progress.stuck() == []
    now[0] = 311.0
    assert progress.stuck() == ["commit", "send"]
    progress.forget("commit")
    assert (progress.stuck(), progress.rounds()) == (["send"], {"send": 1})
