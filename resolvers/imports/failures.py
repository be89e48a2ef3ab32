"""The problems of rows that cannot be imported, with the column names and line numbers of their file."""

from collections.abc import Mapping

from resolvers.errors import InvalidInput
from resolvers.files.columns import NAME_OF
from resolvers.files.rows import ImportRow, RowProblem
from resolvers.imports.state import RowFailed
from storage.claims import Holder
from storage.documents import Document


class Failures:
    """Makes the failures of the rows of one file. `names` has the file's own column name for each field."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def column(self, field: str) -> str:
        """The column name of a field: the file's own, otherwise ours."""
        base = field.partition("[")[0]
        return self._names.get(base) or NAME_OF.get(base) or field

    def repeated(self, row: ImportRow, first: int, address: str) -> RowFailed:
        """An earlier row has the same address."""
        message = f"{address} already appears {where(row, first)}; only that row is imported. Merge the two rows."
        return RowFailed(RowProblem(self.column("emailAddress"), "DUPLICATE_ROW", message, address))

    def matched_twice(self, row: ImportRow, first: int) -> RowFailed:
        """An earlier row matched the same contact."""
        message = f"This is the same contact as {where(row, first)}, under another address. Merge the two rows."
        return RowFailed(RowProblem(self.column("emailAddress"), "DUPLICATE_ROW", message, row.email_address))

    def exists(self, row: ImportRow, contact: Document) -> RowFailed:
        """The contact already exists, and the import only creates new contacts."""
        name = f"{contact['displayName']} ({contact['_id']})"
        message = f"{row.email_address} already belongs to {name}. Remove the row, or set onMatch to SKIP or UPDATE."
        return RowFailed(RowProblem(self.column("emailAddress"), "ALREADY_EXISTS", message, row.email_address))

    def taken(self, row: ImportRow, address: str, holder: Holder, document: Document | None) -> RowFailed:
        """The address belongs to another contact or group. `document` is None if that is created by an earlier row."""
        column = self.column("emailAddress" if address == row.email_address else "aliases")
        name = f"{document['displayName']} ({holder.id})" if document else "in an earlier row"
        message = (
            f"{address} already belongs to the {holder.kind} {name}. Use another address, or remove it there first."
        )
        return RowFailed(RowProblem(column, "EMAIL_ADDRESS_TAKEN", message, address))

    def manager(self, row: ImportRow, code: str, why: str) -> RowFailed:
        """The manager in the row is not possible."""
        field, given = ("managerId", row.manager_id) if row.manager_id else ("manager", row.manager)
        message = f"The manager {given} {why}. Choose another manager or omit it."
        return RowFailed(RowProblem(self.column(field), code, message, given))

    def invalid(self, row: ImportRow, problem: InvalidInput) -> RowFailed:
        """Values break rules."""
        return RowFailed(
            *(
                RowProblem(self.column(each.field), each.code, each.message, _value(row, each.field))
                for each in problem.fields
            )
        )


def where(row: ImportRow, place: int) -> str:
    """Where another row of the same file is, for messages."""
    return f"on line {place:,}" if row.line else f"in row {place:,}"


def _value(row: ImportRow, field: str) -> str | None:
    """The row's value of a field such as `address.city` or `aliases[2]`."""
    name, _, inner = field.partition("[")[0].partition(".")
    value = row.fields.get(name)
    if inner and isinstance(value, Mapping):
        value = value.get(inner)
    if value is None or isinstance(value, str):
        return value
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)
