"""The cost of each index of the contacts: mongod's CPU per inserted contact, and the size.

`python -m bench.indexes URI PID [COUNT]`: PID is that of the mongod, on this machine. Each index is measured alone, and
compared with no index.
"""

import sys

from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection

from storage.documents import Document
from storage.lists.indexes import CONTACT_INDEXES
from tests.support import dataset
from tests.support.processes import cpu_seconds


def main() -> None:
    uri, pid, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 20_000
    documents = list(dataset.contacts(count))
    with MongoClient[Document](uri) as client:
        collection = client["bench-indexes"]["contacts"]
        bare = _insert(collection, None, documents, pid)[0]
        print(f"{'no index but _id':<24}{bare:>8.1f} us/contact")
        for index in CONTACT_INDEXES:
            cost, size = _insert(collection, index, documents, pid)
            print(f"{index.document['name']:<24}{cost - bare:>+8.1f} us/contact{size / count:>8.0f} bytes/contact")
        client.drop_database("bench-indexes")


def _insert(
    collection: Collection[Document], index: IndexModel | None, documents: list[Document], pid: int
) -> tuple[float, int]:
    """CPU time per contact, in microseconds, and the size of the index, in bytes."""
    collection.drop()
    if index:
        collection.create_indexes([index])
    before = cpu_seconds(pid)
    for start in range(0, len(documents), 1_000):
        collection.insert_many(documents[start : start + 1_000], ordered=False)
    used = cpu_seconds(pid) - before
    collection.database.client.admin.command("fsync")
    sizes: dict[str, int] = collection.database.command("collStats", collection.name)["indexSizes"]
    return 1e6 * used / len(documents), sizes.get(index.document["name"], 0) if index else 0


if __name__ == "__main__":
    main()
