"""Limits on the size of a document, checked first because validation and execution take time and stack for its size.

The contents of a fragment count each time it is spread, but are measured only once.
"""

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
)

from schema.execution.cost import MAX_REPEATS, repeats

MAX_TOKENS = 5_000
MAX_DEPTH = 15
MAX_ALIASES = 100
# Nested selections, including fragments: each level uses stack.
MAX_NESTING = 100


@dataclass(frozen=True, slots=True)
class _Size:
    """The size of a selection set: the depth of its fields, its number of aliases, the nesting of its selections."""

    depth: int = 0
    aliases: int = 0
    nesting: int = 0


_NOTHING = _Size()


def too_large(message: str) -> GraphQLError:
    """The error for a request that exceeds a size limit."""
    return GraphQLError(message, extensions={"code": "TOO_LARGE"})


def refusal(document: DocumentNode) -> GraphQLError | None:
    """The error if the document is too large."""
    if (most := repeats(document)) > MAX_REPEATS:
        return too_large(
            f"A selection set repeats a field {most:,} times; the limit is {MAX_REPEATS}. Select each field once."
        )
    measure = _Measure(document)
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    try:
        sizes = [measure.of(each.selection_set) for each in operations]
    except RecursionError:
        return too_nested()
    if sum(size.aliases for size in sizes) > MAX_ALIASES:
        return too_large(
            f"The document has more than {MAX_ALIASES} aliases, counting a fragment each time it is spread. "
            "Move some of them to another request."
        )
    return next((refused for pair in zip(operations, sizes, strict=True) if (refused := _too_deep(*pair))), None)


def too_many_tokens() -> GraphQLError:
    """The error for a document that exceeds the token limit and is not parsed."""
    return too_large(
        f"The document has more than {MAX_TOKENS:,} tokens (names, values and punctuation). Request less at a time and "
        "send values as variables."
    )


def _too_deep(operation: OperationDefinitionNode, size: _Size) -> GraphQLError | None:
    if size.nesting > MAX_NESTING:
        return too_nested()
    if size.depth <= MAX_DEPTH:
        return None
    name = f"The operation {operation.name.value}" if operation.name else "The operation"
    return too_large(
        f"{name} nests fields to a depth of {size.depth}; the limit is {MAX_DEPTH}. Request the deeper objects by ID "
        "in a separate request."
    )


def too_nested() -> GraphQLError:
    """The error for a document whose selections are nested too deeply."""
    return too_large(
        f"The document is nested too deeply: the limit is {MAX_NESTING} levels of selections and fragments. "
        "Request less at a time."
    )


class _Measure:
    """Measures the selection sets of a document, which may be invalid."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._known: dict[str, _Size] = {}

    def of(self, selections: SelectionSetNode | None) -> _Size:
        """The size of a selection set."""
        if selections is None:
            return _NOTHING
        parts = [self._of_selection(each) for each in selections.selections]
        return _Size(
            depth=max(each.depth for each in parts),
            aliases=sum(each.aliases for each in parts),
            nesting=1 + max(each.nesting for each in parts),
        )

    def _of_selection(self, node: SelectionNode) -> _Size:
        match node:
            case FieldNode():
                inner = self.of(node.selection_set)
                # Introspection nests deeply but costs little.
                counts = node.selection_set is not None and not node.name.value.startswith("__")
                return _Size(1 + inner.depth if counts else 0, inner.aliases + (node.alias is not None), inner.nesting)
            case FragmentSpreadNode():
                return self._of_fragment(node.name.value)
            case InlineFragmentNode():
                return self.of(node.selection_set)
        raise TypeError(node)

    def _of_fragment(self, name: str) -> _Size:
        """The size of a fragment. Zero if it is unknown or spreads itself, which validation reports."""
        if name not in self._known:
            self._known[name] = _NOTHING
            definition = self._fragments.get(name)
            self._known[name] = self.of(definition.selection_set) if definition else _NOTHING
        return self._known[name]
