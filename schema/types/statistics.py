"""The figures of the dashboard."""

import strawberry


@strawberry.type(description="The figures of the dashboard, exact as of the last write.")
class ContactStats:
    total: int = strawberry.field(description="All contacts in the directory.")
    synced: int = strawberry.field(description="Contacts synchronised from on-premises Active Directory.")
    cloud_only: int = strawberry.field(description="Contacts that live in the cloud only.")
    hidden_from_gal: int = strawberry.field(description="Contacts that the Global Address List leaves out.")
