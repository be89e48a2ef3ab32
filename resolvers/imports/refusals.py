"""What is told of rows that cannot be imported, in the terms of their file."""

from collections.abc import Mapping

from resolvers.errors import InvalidInput
from resolvers.files.columns import NAME_OF
from resolvers.files.rows import ImportRow, RowProblem
from resolvers.imports.state import ImportRefused
from storage.claims import Holder
from storage.documents import Document


class Refusals:
    """The refusals of the rows of one file; `names` has its own name of each field's column."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def column(self, field: str) -> str:
        """The name of a field's column: the file's, else ours."""
        base = field.partition("[")[0]
        return self._names.get(base) or NAME_OF.get(base) or field

    def repeated(self, row: ImportRow, first: int, address: str) -> ImportRefused:
        """An earlier row names the address."""
        message = f"{address} is in {where(row, first)} already, which alone counts. Join the two rows."
        return ImportRefused(RowProblem(self.column("emailAddress"), "DUPLICATE_ROW", message, address))

    def met(self, row: ImportRow, first: int) -> ImportRefused:
        """An earlier row met the same contact."""
        message = f"This is the contact of {where(row, first)}, under another address. Join the two rows."
        return ImportRefused(RowProblem(self.column("emailAddress"), "DUPLICATE_ROW", message, row.email_address))

    def exists(self, row: ImportRow, contact: Document) -> ImportRefused:
        """There is such a contact, and the import creates new ones only."""
        message = f"{row.email_address} belongs to {contact['displayName']} ({contact['_id']}) already."
        return ImportRefused(RowProblem(self.column("emailAddress"), "ALREADY_EXISTS", message, row.email_address))

    def taken(self, row: ImportRow, address: str, holder: Holder, document: Document | None) -> ImportRefused:
        """The address is another's, whose document there is unless it is yet to be written."""
        column = self.column("emailAddress" if address == row.email_address else "aliases")
        name = f"{document['displayName']} ({holder.id})" if document else "of an earlier row"
        message = f"{address} belongs to the {holder.kind} {name}. Use another address, or remove it there first."
        return ImportRefused(RowProblem(column, "EMAIL_ADDRESS_TAKEN", message, address))

    def manager(self, row: ImportRow, code: str, why: str) -> ImportRefused:
        """The row's manager cannot be it."""
        field, given = ("managerId", row.manager_id) if row.manager_id else ("manager", row.manager)
        message = f"The manager {given} {why}. Give another one, or leave it out."
        return ImportRefused(RowProblem(self.column(field), code, message, given))

    def invalid(self, row: ImportRow, problem: InvalidInput) -> ImportRefused:
        """Values break the rules."""
        return ImportRefused(
            *(
                RowProblem(self.column(each.field), each.code, each.message, _value(row, each.field))
                for each in problem.fields
            )
        )


def where(row: ImportRow, place: int) -> str:
    """Where another row of this row's file is."""
    return f"line {place:,}" if row.line else f"row {place:,}"


def _value(row: ImportRow, field: str) -> str | None:
    """What the row gives for a field such as `address.city` or `aliases[2]`."""
    name, _, inner = field.partition("[")[0].partition(".")
    value = row.fields.get(name)
    if inner and isinstance(value, Mapping):
        value = value.get(inner)
    if value is None or isinstance(value, str):
        return value
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)
