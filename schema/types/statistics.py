"""The contact statistics for the dashboard."""

import strawberry


@strawberry.type(description="Contact statistics for the dashboard, exact as of the last write.")
class ContactStats:
    total: int = strawberry.field(description="Number of all contacts.")
    synced: int = strawberry.field(description="Number of contacts synced from on-premises Active Directory.")
    cloud_only: int = strawberry.field(description="Number of cloud-only contacts.")
    hidden_from_gal: int = strawberry.field(description="Number of contacts hidden from the Global Address List.")
