"""The Kubernetes manifests: valid by the cluster's own schemas, and saying what the program's options say."""

from __future__ import annotations

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from server.config import OPTIONS, Settings, flag_of, load, variable_of
from tests.harness import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
# The oldest and the newest that are still maintained.
VERSIONS = ("1.34", "1.37")


def manifests() -> list[dict[str, Any]]:
    """Every object, in the order of kustomization.yaml."""
    names = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in FOLDER.glob("*.yaml")} == {*names, "kustomization.yaml"}
    return [each for name in names for each in yaml.safe_load_all((FOLDER / name).read_text())]


def container(kind: str, name: str) -> dict[str, Any]:
    """The only container of a workload's pods."""
    (found,) = [one for one in manifests() if one["kind"] == kind and one["metadata"]["name"] == name]
    (only,) = found["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def settings_of(container: dict[str, Any]) -> Settings:
    """What the program makes of a container's environment and flags; secrets and addresses are put in."""
    values = {"MACHINE": "192.0.2.7"}
    for one in container["env"]:
        if "valueFrom" in one:
            values.setdefault(one["name"], "s" * 32)
        else:
            values[one["name"]] = re.sub(r"\$\((\w+)\)", lambda found: values[found[1]], one["value"])
    variables = {name: value for name, value in values.items() if name.startswith("PODIUM_")}
    assert set(variables) <= {variable_of(option.name) for option in OPTIONS}
    given = container["args"][1:]
    by_flag = {flag_of(option.name): option.name for option in OPTIONS}
    return load({by_flag[flag]: value for flag, value in zip(given[::2], given[1::2], strict=True)}, variables)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid(version: str) -> None:
    for each in manifests():
        kubernetes_validate.validate(each, version, strict=True)


def test_a_mistake_would_be_refused() -> None:
    (workers,) = [one for one in manifests() if one["kind"] == "DaemonSet"]
    workers["spec"]["template"]["spec"]["hostNetwrok"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(workers, VERSIONS[0], strict=True)


def test_nodes_and_workers_are_one_system() -> None:
    node, worker = settings_of(container("Deployment", "podium")), settings_of(container("DaemonSet", "podium-worker"))
    assert node.worker_count == 0 and node.worker_secret == worker.worker_secret
    assert worker.redis == node.redis
    assert worker.public_ip == worker.worker_address == "192.0.2.7"


def test_ports_are_those_that_the_program_opens() -> None:
    node, worker = container("Deployment", "podium"), container("DaemonSet", "podium-worker")
    assert [port["containerPort"] for port in node["ports"]] == [settings_of(node).port]
    settings = settings_of(worker)
    (_, links), count = settings.worker_links, settings.worker_count
    media = range(settings.udp_port, settings.udp_port + count)
    expected = [*((port, "UDP") for port in media), *((links + n, "TCP") for n in range(count))]
    assert [(port["containerPort"], port["protocol"]) for port in worker["ports"]] == expected
    # What is applied is merged by the number alone.
    assert len({port["containerPort"] for port in worker["ports"]}) == len(expected)
    assert all(port["hostPort"] == port["containerPort"] for port in worker["ports"])


def test_no_service_puts_its_variables_among_the_options() -> None:
    services = {each["metadata"]["name"] for each in manifests() if each["kind"] == "Service"}
    assert "podium" in services, "whose PODIUM_SERVICE_PORT_HTTP is an unknown option"
    for each in manifests():
        if each["kind"] in ("Deployment", "DaemonSet"):
            assert each["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_redis_refuses_before_it_is_killed() -> None:
    redis = container("StatefulSet", "redis")
    (most,) = re.findall(r"maxmemory (\d+)mb", redis["args"][0])
    assert redis["resources"]["limits"]["memory"] == "1Gi" and int(most) <= 0.8 * 1024


def test_a_pod_has_time_to_drain_and_asks_the_right_questions() -> None:
    for each in manifests():
        if each["kind"] in ("Deployment", "DaemonSet"):
            pod = each["spec"]["template"]["spec"]
            assert pod["terminationGracePeriodSeconds"] > settings_of(pod["containers"][0]).drain_s + 20
    node = container("Deployment", "podium")
    assert node["readinessProbe"]["httpGet"]["path"] == "/readyz"
    # A node whose Redis is away still serves those who are there: it must not be killed for it.
    assert node["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_nothing_runs_as_root_or_may_become_it_and_secrets_are_not_in_the_tree() -> None:
    for each in manifests():
        if each["kind"] not in ("Deployment", "DaemonSet", "StatefulSet"):
            assert each["kind"] != "Secret"
            continue
        pod = each["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
        for one in pod["containers"]:
            assert one["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
            keys = {
                key["valueFrom"]["secretKeyRef"]["key"]
                for key in one["env"]
                if "secretKeyRef" in key.get("valueFrom", {})
            }
            text = (ROOT / "docs" / "kubernetes.md").read_text()
            assert keys and all(f"--from-literal={key}=" in text for key in keys)
