from resolvers.sync.policy import FullReason, ReadPlan, plan
from resolvers.sync.source import Mark

BEFORE = Mark("6f9619ff-8b86-d011-b42d-00c04fc964ff", 500, "dc1")


def test_first_run_is_full() -> None:
    """Without a mark, everything is read."""
    assert plan(None, BEFORE) == ReadPlan(None, FullReason.FIRST_CYCLE, familiar=False)


def test_other_database_is_full() -> None:
    """USNs of another invocationId cannot be compared, even if they are greater."""
    assert plan(BEFORE, Mark("0fae4c1b-2d54-4a9b-9d6c-5b8f0a1c2d3e", 900, "dc1")) == ReadPlan(
        None, FullReason.OTHER_DATABASE, familiar=False
    )


def test_rollback_is_full() -> None:
    """A USN that went down means that an older copy was restored."""
    assert plan(BEFORE, Mark(BEFORE.invocation_id, 499, "dc1")) == ReadPlan(None, FullReason.ROLLED_BACK)


def test_otherwise_incremental() -> None:
    """The same database, at the same USN or a later one, is read from the mark."""
    assert plan(BEFORE, BEFORE) == ReadPlan(500)
    assert plan(BEFORE, Mark(BEFORE.invocation_id, 501, "renamed")) == ReadPlan(500)
