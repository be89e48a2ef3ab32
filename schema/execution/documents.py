"""Documents: parsed and validated once, ready to be executed any number of times, in a bounded cache."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    MaxIntrospectionDepthRule,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
    validate,
)
from graphql.validation import specified_rules
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from resolvers import paging
from schema.build import schema
from schema.execution import introspection, limits
from schema.execution.cost import Analysis, Cost, Costs
from schema.execution.executor import Executable
from schema.execution.faults import Json, coded
from schema.execution.weights import Weights
from settings import Settings

# More validation errors are not reported: finding them takes time, too.
MAX_ERRORS = 5
# Total characters of the cached documents.
_CACHED = 500_000
# Longer documents are not cached: they are unlikely to repeat.
_CACHED_LENGTH = 20_000
_RULES = (*specified_rules, MaxIntrospectionDepthRule, MaybeNullValidationRule, OneOfInputValidationRule)
_WEIGHTS = Weights(schema._schema)

# Variables hold any JSON.
Variables = Mapping[str, Any]


@dataclass(slots=True)
class Chosen:
    """An operation of a document. `answer`: its answer if that is known because it never changes."""

    kind: OperationType
    analysis: Analysis
    is_introspection: bool
    answer: Json | None = None


class Valid:
    """A document that can be executed."""

    def __init__(self, text: str, node: DocumentNode, *, hide_suggestions: bool) -> None:
        self.text = text
        self.node = node
        self.executable = Executable(node, hide_suggestions=hide_suggestions)
        self._costs = Costs(_WEIGHTS, node)
        self._chosen: dict[str | None, Chosen] = {}

    def chosen(self, name: str | None) -> Chosen | None:
        """The operation with this name, or the only one. None if there is none."""
        if name in self._chosen:
            return self._chosen[name]
        operation = get_operation_ast(self.node, name)
        if operation is None:
            return None  # not cached: clients can invent any number of names
        alone = introspection.is_alone(operation)
        found = self._chosen[name] = Chosen(operation.operation, self._costs.of(operation), alone)
        return found

    def root_fields(self, operation: OperationDefinitionNode) -> list[str]:
        """The names of the fields that an operation selects at the top, in order, each once."""
        fragments = {
            each.name.value: each for each in self.node.definitions if isinstance(each, FragmentDefinitionNode)
        }
        found: dict[str, None] = {}
        waiting = [*operation.selection_set.selections]
        while waiting:
            match waiting.pop(0):
                case FieldNode(name=name):
                    found[name.value] = None
                case InlineFragmentNode(selection_set=inner):
                    waiting = [*inner.selections, *waiting]
                case FragmentSpreadNode(name=name):
                    waiting = [*fragments[name.value].selection_set.selections, *waiting]
        return [*found]


@dataclass(frozen=True, slots=True)
class Invalid:
    """A document that cannot be executed, and why."""

    errors: Sequence[GraphQLError]


class Documents:
    """The documents of a service with these settings, parsed when they are first sent."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cache = Cache(_CACHED, self._parsed)

    def get(self, query: str) -> Valid | Invalid:
        """The document with this text."""
        return self._cache.get(query)

    def cost(self, analysis: Analysis, variables: Variables) -> Cost:
        """What an operation could cost. Raises `GraphQLError` if that, or the size of a page, exceeds a limit."""
        cost, settings = analysis.cost(variables), self._settings
        if cost.total > settings.max_cost:
            raise limits.too_large(
                f"This operation could cost {cost.total:,.0f} (nested lists multiply); the limit is "
                f"{settings.max_cost:,.0f}. Request shorter pages with `first`, or less at a time."
            )
        if (
            settings.max_page_size < paging.MAX_SIZE
            and (size := analysis.longest_page(variables)) > settings.max_page_size
        ):
            raise limits.too_large(
                f"The page size must be 0 to {settings.max_page_size}, not {size}. Request several pages instead."
            )
        return cost

    def _parsed(self, query: str) -> Valid | Invalid:
        settings = self._settings
        try:
            node = parse(query, max_tokens=settings.max_tokens)
        except GraphQLError as error:
            too_many = _exceeds_tokens(error, settings.max_tokens)
            return Invalid([limits.too_many_tokens(settings)] if too_many else coded([error], "PARSE_FAILED"))
        except RecursionError:
            return Invalid([limits.too_nested()])
        if refused := limits.refusal(node, settings):
            return Invalid([refused])
        hides = settings.suggestions == "off"
        if errors := validate(schema._schema, node, _RULES, max_errors=MAX_ERRORS, hide_suggestions=hides):
            return Invalid(coded(errors, "VALIDATION_FAILED"))
        return Valid(query, node, hide_suggestions=hides)


class Cache:
    """A least-recently-used cache of documents by their text.

    A parsed document takes about a hundred times the memory of its text, so the capacity is the total length of texts.
    """

    def __init__(self, capacity: int, make: Callable[[str], Valid | Invalid]) -> None:
        self._documents: OrderedDict[str, Valid | Invalid] = OrderedDict()
        self._room = capacity
        self._make = make

    def get(self, query: str) -> Valid | Invalid:
        """The document with this text, made if it is not cached."""
        found = self._documents.get(query)
        if found is None:
            found = self._make(query)
            if len(query) <= _CACHED_LENGTH:
                self._documents[query] = found
                self._room -= len(query)
                while self._room < 0:
                    removed, _ = self._documents.popitem(last=False)
                    self._room += len(removed)
        else:
            self._documents.move_to_end(query)
        return found


def _exceeds_tokens(error: GraphQLError, most: int) -> bool:
    """Whether graphql-core stopped parsing because of the token limit."""
    return error.message == f"Syntax Error: Document contains more than {most} tokens. Parsing aborted."
