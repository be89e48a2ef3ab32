"""Limits on the size of a document, checked first because validation and execution take time and stack for its size.

The contents of a fragment count each time it is spread, but are measured only once.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    Visitor,
    visit,
)

from settings import Settings

# Nested selections, including fragments: each level uses stack.
MAX_NESTING = 100
# Validation compares all fields with the same name in pairs, so its time grows with the square of their number.
MAX_REPEATS = 100
# Selections of `__schema` and `__type`: each can return the whole schema.
MAX_INTROSPECTIONS = 3


@dataclass(frozen=True, slots=True)
class _Size:
    """The size of a selection set: the depth of its fields, the nesting of its selections, and what it contains."""

    depth: int = 0
    nesting: int = 0
    aliases: int = 0
    directives: int = 0
    introspections: int = 0


_NOTHING = _Size()


def too_large(message: str) -> GraphQLError:
    """The error for a request that exceeds a size limit."""
    return GraphQLError(message, extensions={"code": "TOO_LARGE"})


def refusal(document: DocumentNode, settings: Settings) -> GraphQLError | None:
    """The error if the document is too large, or if it uses introspection and that is turned off."""
    if (most := repeats(document)) > MAX_REPEATS:
        return too_large(
            f"A selection set repeats a field {most:,} times; the limit is {MAX_REPEATS}. Select each field once."
        )
    measure = _Measure(document)
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    try:
        sizes = [measure.of_operation(each) for each in operations]
    except RecursionError:
        return too_nested()
    too_deep = (_too_deep(each, size, settings) for each, size in zip(operations, sizes, strict=True))
    return _too_many(sizes, settings) or next((error for error in too_deep if error), None)


def too_many_tokens(settings: Settings) -> GraphQLError:
    """The error for a document that exceeds the token limit and is not parsed."""
    return too_large(
        f"The document has more than {settings.max_tokens:,} tokens (names, values and punctuation). Request less at a "
        "time and send values as variables."
    )


def too_nested() -> GraphQLError:
    """The error for a document whose selections are nested too deeply."""
    return too_large(
        f"The document is nested too deeply: the limit is {MAX_NESTING} levels of selections and fragments. "
        "Request less at a time."
    )


def repeats(document: DocumentNode) -> int:
    """How often the most frequent response key appears in one selection set."""
    most = 0

    class Sets(Visitor):
        def enter_selection_set(self, node: SelectionSetNode, *_: object) -> None:
            nonlocal most
            names = Counter(
                (each.alias or each.name).value if isinstance(each, FieldNode) else "" for each in node.selections
            )
            most = max(most, *names.values())

    visit(document, Sets())
    return most


def _too_many(sizes: Iterable[_Size], settings: Settings) -> GraphQLError | None:
    """The error if all operations together contain too much of something."""
    whole = _together(sizes)
    if whole.aliases > settings.max_aliases:
        return too_large(
            f"The document has more than {settings.max_aliases:,} aliases, counting a fragment each time it is spread. "
            "Move some of them to another request."
        )
    if whole.directives > settings.max_directives:
        return too_large(
            f"The document has more than {settings.max_directives:,} directives, counting a fragment each time it is "
            "spread. Move some of them to another request."
        )
    if whole.introspections and settings.introspection == "off":
        message = "Introspection is turned off. Use the published schema of this service instead."
        return GraphQLError(message, extensions={"code": "INTROSPECTION_DISABLED"})
    if whole.introspections > MAX_INTROSPECTIONS:
        return too_large(
            f"The document selects __schema and __type more than {MAX_INTROSPECTIONS} times, counting a fragment each "
            "time it is spread. Select __schema once."
        )
    return None


def _too_deep(operation: OperationDefinitionNode, size: _Size, settings: Settings) -> GraphQLError | None:
    if size.nesting > MAX_NESTING:
        return too_nested()
    if size.depth <= settings.max_depth:
        return None
    name = f"The operation {operation.name.value}" if operation.name else "The operation"
    return too_large(
        f"{name} nests fields to a depth of {size.depth}; the limit is {settings.max_depth}. Request the deeper "
        "objects by ID in a separate request."
    )


class _Measure:
    """Measures the operations of a document, which may be invalid."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._known: dict[str, _Size] = {}

    def of_operation(self, node: OperationDefinitionNode) -> _Size:
        """The size of an operation."""
        directives = len(node.directives or ()) + sum(
            len(each.directives or ()) for each in node.variable_definitions or ()
        )
        return _together([self._of(node.selection_set), _Size(directives=directives)])

    def _of(self, selections: SelectionSetNode | None) -> _Size:
        if selections is None:
            return _NOTHING
        whole = _together(self._of_selection(each) for each in selections.selections)
        return _more(whole, nesting=1)

    def _of_selection(self, node: SelectionNode) -> _Size:
        directives = len(node.directives or ())
        match node:
            case FieldNode(name=name):
                inner = self._of(node.selection_set)
                # Introspection nests deeply but costs little.
                counts = node.selection_set is not None and not name.value.startswith("__")
                depth = inner.depth + 1 if counts else 0
                introspects = name.value in ("__schema", "__type")
                return _more(
                    inner,
                    depth=depth - inner.depth,
                    aliases=node.alias is not None,
                    directives=directives,
                    introspections=introspects,
                )
            case FragmentSpreadNode():
                return _more(self._of_fragment(node.name.value), directives=directives)
            case InlineFragmentNode():
                return _more(self._of(node.selection_set), directives=directives)
        raise TypeError(node)

    def _of_fragment(self, name: str) -> _Size:
        """The size of a fragment. Zero if it is unknown or spreads itself, which validation reports."""
        if name not in self._known:
            self._known[name] = _NOTHING
            definition = self._fragments.get(name)
            if definition:
                inner = self._of(definition.selection_set)
                self._known[name] = _more(inner, directives=len(definition.directives or ()))
        return self._known[name]


def _more(
    size: _Size, *, depth: int = 0, nesting: int = 0, aliases: int = 0, directives: int = 0, introspections: int = 0
) -> _Size:
    return _Size(
        size.depth + depth,
        size.nesting + nesting,
        size.aliases + aliases,
        size.directives + directives,
        size.introspections + introspections,
    )


def _together(sizes: Iterable[_Size]) -> _Size:
    """The size of several selections side by side."""
    every = list(sizes)
    return _Size(
        max((each.depth for each in every), default=0),
        max((each.nesting for each in every), default=0),
        sum(each.aliases for each in every),
        sum(each.directives for each in every),
        sum(each.introspections for each in every),
    )
