"""The sync in GraphQL when none is configured."""

from resolvers.caller import Caller
from resolvers.sync import progress
from resolvers.sync.request import SyncRequest
from tests.support.graphql import GraphQL


async def test_not_configured(graphql: GraphQL) -> None:
    """Without an Active Directory, the sync isn't enabled and cannot be started."""
    state = await graphql("{ directorySync { enabled server nextRunAt lastRun { id } runs { totalCount } } }")
    assert state["directorySync"] == {
        "enabled": False,
        "server": None,
        "nextRunAt": None,
        "lastRun": None,
        "runs": {"totalCount": 0},
    }
    started = await graphql("mutation { startDirectorySync { __typename ... on Problem { code message } } }")
    assert started["startDirectorySync"]["code"] == "SYNC_NOT_CONFIGURED"
    assert "CONTACTS_AD_URLS" in started["startDirectorySync"]["message"]


async def test_running(graphql: GraphQL, sync_caller: Caller) -> None:
    """During a run, the state shows its phase and progress."""
    run = await progress.take(sync_caller, SyncRequest(requested_by="Ada"))
    assert run is not None
    await run.enter("CONTACTS")
    run.processed = 250
    await run.enter("CONTACTS")
    query = "{ directorySync { running { phase processed run { status requestedBy finishedAt } } lastRun { id } } }"
    state = (await graphql(query))["directorySync"]
    assert state == {
        "running": {
            "phase": "CONTACTS",
            "processed": 250,
            "run": {"status": "RUNNING", "requestedBy": "Ada", "finishedAt": None},
        },
        "lastRun": None,
    }
    await run.finish("SUCCEEDED")
    state = (await graphql(query))["directorySync"]
    assert (state["running"], state["lastRun"]) == (None, {"id": run.id})
