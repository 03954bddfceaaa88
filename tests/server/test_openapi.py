"""What the API's document says is what the server does, whatever is sent that the document allows, and something that
it does not allow."""

from __future__ import annotations

from collections import Counter
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.harness import Server

# The same ones in each run: a run that finds what the one before did not is no verdict on a change.
EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def test_every_answer_to_generated_requests_is_one_that_the_document_names(shared_server: Server) -> None:
    found = schemathesis.openapi.from_url(f"{shared_server.url}/openapi.json")
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    for each in found.get_all_operations():
        assert isinstance(each, Ok), each
        operation = each.ok()
        try:
            # Some of what is asked signs the asker out.
            statuses += answers(operation, shared_server.login().token)
        except FailureGroup as failures:
            wrong += [f"{operation.label}: {failure}" for failure in failures.exceptions]
    assert wrong == []
    assert statuses[200] + statuses[201] + statuses[204] > 100, statuses
    assert statuses[400] > 50, statuses
    shared_server.login()


def answers(operation: schemathesis.APIOperation[Any, Any, Any, Any], token: str) -> Counter[int]:
    """The statuses of the answers to generated requests; raises `FailureGroup` when one is not as documented."""
    statuses: Counter[int] = Counter()

    @EXAMPLES
    @hypothesis.given(case=operation.as_strategy())
    def ask(case: schemathesis.Case[Any]) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {token}"}, timeout=20)
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    ask()
    return statuses
