"""The container files: valid for a real compose client, and saying what the server's own options say."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.config import OPTIONS, Settings, flag_of, load, variable_of
from tests.harness import ROOT

FILE = ROOT / "docker-compose.yml"
EVERY_BIT = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"


def client() -> list[str]:
    """A compose client of either kind; its absence fails."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    raise AssertionError("no compose client; install one, on Debian with: apt-get install docker-compose")


def config(file: Path, secret: str = "s" * 32) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*client(), "-f", str(file), "--profile", "turn", "config"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PODIUM_WORKER_SECRET": secret},
    )


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Each service as a compose client resolves it."""
    done = config(FILE)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


def test_a_compose_client_accepts_the_file(services: dict[str, Any]) -> None:
    assert {"node1", "node2", "worker1", "worker2", "redis", "caddy", "coturn"} == set(services)


def test_the_client_would_refuse_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(FILE.read_text().replace("healthcheck:", "healthchek:", 1))
    assert config(broken).returncode != 0


def test_it_does_not_start_without_a_secret() -> None:
    done = config(FILE, secret="")
    assert done.returncode != 0 and "openssl rand -hex 32" in done.stderr


def settings_of(service: dict[str, Any]) -> Settings:
    """What the program makes of a service's environment and flags."""
    variables = {name: value for name, value in service["environment"].items() if name.startswith("PODIUM_")}
    assert set(variables) <= {variable_of(option.name) for option in OPTIONS}
    given = service["command"][1:]
    by_flag = {flag_of(option.name): option.name for option in OPTIONS}
    return load({by_flag[flag]: value for flag, value in zip(given[::2], given[1::2], strict=True)}, variables)


def test_nodes_and_workers_are_one_system(services: dict[str, Any]) -> None:
    nodes = [settings_of(services[name]) for name in ("node1", "node2")]
    workers = [settings_of(services[name]) for name in ("worker1", "worker2")]
    assert [node.worker_count for node in nodes] == [0, 0] and [worker.worker_count for worker in workers] == [1, 1]
    assert len({(one.redis, one.worker_secret) for one in (*nodes, *workers)}) == 1
    assert all(node.public_url.startswith("https://") and node.trusted_proxies for node in nodes)
    # The names by which the nodes' network knows them.
    assert [worker.worker_address for worker in workers] == ["worker1", "worker2"]


def test_the_published_ports_are_the_ports_inside(services: dict[str, Any]) -> None:
    for name in ("worker1", "worker2"):
        port = settings_of(services[name]).udp_port
        # Browsers are told the worker's own number, so it must be the same on both sides.
        published = {(one["published"], one["target"], one["protocol"]) for one in services[name]["ports"]}
        assert published == {(port, port, "udp"), (port, port, "tcp")}


def test_the_proxy_passes_on_to_the_nodes_that_are_ready_and_not_what_is_measured() -> None:
    text = (ROOT / "deploy" / "caddy" / "Caddyfile").read_text()
    port = Settings().port
    assert f"reverse_proxy node1:{port} node2:{port}" in text and "health_uri /readyz" in text
    assert re.search(r"path /metrics\n\s+respond @metrics 404", text)


def test_what_others_wait_for_has_a_health_check(services: dict[str, Any]) -> None:
    assert all("healthcheck" in services[name] for name in ("node1", "node2", "redis", "coturn"))
    for name in ("node1", "node2", "worker1", "worker2"):
        assert services[name]["depends_on"] == {"redis": {"condition": "service_healthy"}}


def dockerfile() -> list[str]:
    joined = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def test_the_image_copies_what_there_is_and_installs_wheels_only() -> None:
    for line in dockerfile():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, _ = line.split()[1:]
            assert all((ROOT / source).exists() for source in sources), line
    assert any("--only-binary :all:" in line for line in dockerfile())


def test_the_image_runs_as_nobody_in_particular_and_starts_the_server() -> None:
    lines = dockerfile()
    assert "USER podium" in lines and 'ENTRYPOINT ["podium"]' in lines and 'CMD ["serve"]' in lines
    user = lines.index("USER podium")
    assert not any(line.startswith("RUN") for line in lines[user:])


def test_the_images_health_check_and_ports_fit_the_defaults() -> None:
    lines = dockerfile()
    check: Any = next(line for line in lines if line.startswith("HEALTHCHECK"))
    command = json.loads(check.partition("CMD ")[2])
    assert command[0] == "python" and f"127.0.0.1:{Settings().port}/readyz" in command[2]
    compile(command[2], "health check", "exec")
    assert f"EXPOSE {Settings().port}/tcp 40000-40001/udp 40000-40001/tcp" in lines
    environment = dict(re.findall(r"(PODIUM_\w+)=(\S+)", " ".join(lines)))
    assert load({}, environment).worker_count == 2


def test_the_relay_reaches_no_private_network_and_is_not_started_unasked(services: dict[str, Any]) -> None:
    text = (ROOT / "deploy" / "coturn" / "turnserver.conf").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert {"use-auth-secret", "no-multicast-peers", "no-cli", "no-tcp-relay"} <= set(lines)
    denied = [
        tuple(map(ipaddress.ip_address, line.partition("=")[2].split("-")))
        for line in lines
        if line.startswith("denied-peer-ip=") and not line.endswith(("=0.0.0.0-255.255.255.255", "=::-" + EVERY_BIT))
    ]
    # The cloud's metadata, every private and every local network, one by one, whatever else is changed below them.
    for address in (
        *("10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.7.7", "127.0.0.53", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "198.18.0.1", "224.0.0.251", "255.255.255.255"),
        *("::1", "::", "::ffff:10.0.0.1", "fc00::1", "fd12::1", "fe80::1", "ff02::1", "64:ff9b::a00:1", "2002:a00::1"),
    ):
        found = ipaddress.ip_address(address)
        assert any(low.version == found.version and int(low) <= int(found) <= int(high) for low, high in denied), (
            address
        )
    assert {"denied-peer-ip=0.0.0.0-255.255.255.255", "denied-peer-ip=::-" + EVERY_BIT} <= set(lines)
    assert not any(line.startswith(("allowed-peer-ip", "static-auth-secret")) for line in lines)
    for quota in ("user-quota", "total-quota", "max-bps"):
        assert int(next(line for line in lines if line.startswith(f"{quota}=")).partition("=")[2]) > 0
    coturn = services["coturn"]
    assert coturn["profiles"] == ["turn"] and "deploy/coturn/turnserver.conf" in coturn["volumes"][0]


def test_server_and_relay_are_given_the_same_secret_and_the_workers_address() -> None:
    text = FILE.read_text()
    # Of the relay, and of all nodes; of the relay, and of all workers.
    assert text.count("PODIUM_TURN_SECRET: ${PODIUM_TURN_SECRET:-}") == 2
    assert text.count("PODIUM_PUBLIC_IP: ${PODIUM_PUBLIC_IP:-127.0.0.1}") == 2
