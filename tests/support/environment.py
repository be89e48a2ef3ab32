"""The driver that tests use, and the host name of the application."""

import os

from storage.driver import DriverName

# CONTACTS_TEST_DRIVER=pymongo runs all tests with PyMongo's own async client.
DRIVER: DriverName = "pymongo" if os.environ.get("CONTACTS_TEST_DRIVER") == "pymongo" else "motor"
# The host name that tests call the application by.
HOST = "contacts.example"
