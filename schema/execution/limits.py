"""How large a document may be, which is looked at before all else: validation and execution take time or stack for it.

What a fragment holds counts wherever it is spread, but is measured once.
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
# Selections within one another, fragments too: each takes a part of the stack.
MAX_NESTING = 100


@dataclass(frozen=True, slots=True)
class _Size:
    """Of a selection set: how deep its fields nest, how many have an alias, how deep its selections nest."""

    depth: int = 0
    aliases: int = 0
    nesting: int = 0


_NOTHING = _Size()


def too_large(message: str) -> GraphQLError:
    """The refusal of a request for its size."""
    return GraphQLError(message, extensions={"code": "TOO_LARGE"})


def refusal(document: DocumentNode) -> GraphQLError | None:
    """Why a document is too large, if it is."""
    if (most := repeats(document)) > MAX_REPEATS:
        return too_large(
            f"A selection set repeats a field {most:,} times; {MAX_REPEATS} are the most. Ask for each field once."
        )
    measure = _Measure(document)
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    try:
        sizes = [measure.of(each.selection_set) for each in operations]
    except RecursionError:
        return too_nested()
    if sum(size.aliases for size in sizes) > MAX_ALIASES:
        return too_large(
            f"More than {MAX_ALIASES} fields have aliases, fragments counted as often as they are spread. "
            "Ask for some of them in another request."
        )
    return next((refused for pair in zip(operations, sizes, strict=True) if (refused := _too_deep(*pair))), None)


def too_many_tokens() -> GraphQLError:
    """The refusal of a document that is not even read to its end."""
    return too_large(
        f"The document has more than {MAX_TOKENS:,} tokens: names, values and signs. Ask for less at a time, and send "
        "values as variables."
    )


def _too_deep(operation: OperationDefinitionNode, size: _Size) -> GraphQLError | None:
    if size.nesting > MAX_NESTING:
        return too_nested()
    if size.depth <= MAX_DEPTH:
        return None
    name = f"The operation {operation.name.value}" if operation.name else "The operation"
    return too_large(
        f"{name} nests fields to a depth of {size.depth}; {MAX_DEPTH} is the most. Ask for what lies deeper in a "
        "request of its own, beginning at its id."
    )


def too_nested() -> GraphQLError:
    """The refusal of a document whose parts lie too deep within one another."""
    return too_large(
        f"The document is nested too deeply: {MAX_NESTING} selections or fragments within one another are the most. "
        "Ask for less at a time."
    )


class _Measure:
    """Measures the selection sets of a document, which need not be valid."""

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
                # Introspection nests deeply, and costs little.
                counts = node.selection_set is not None and not node.name.value.startswith("__")
                return _Size(1 + inner.depth if counts else 0, inner.aliases + (node.alias is not None), inner.nesting)
            case FragmentSpreadNode():
                return self._of_fragment(node.name.value)
            case InlineFragmentNode():
                return self.of(node.selection_set)
        raise TypeError(node)

    def _of_fragment(self, name: str) -> _Size:
        """The size of a fragment; nothing if there is none, or it spreads itself: validation says so."""
        if name not in self._known:
            self._known[name] = _NOTHING
            definition = self._fragments.get(name)
            self._known[name] = self.of(definition.selection_set) if definition else _NOTHING
        return self._known[name]
