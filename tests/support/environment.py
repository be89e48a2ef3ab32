"""What the tests run on, and under which name."""

import os

from storage.driver import DriverName

# CONTACTS_TEST_DRIVER=pymongo runs the whole suite on PyMongo's own asynchronous client.
DRIVER: DriverName = "pymongo" if os.environ.get("CONTACTS_TEST_DRIVER") == "pymongo" else "motor"
# The name under which tests call the application.
HOST = "contacts.example"
