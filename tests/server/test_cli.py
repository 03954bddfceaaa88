"""The `podium` command, run as people run it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from server.cli.main import app
from server.config import OPTIONS, flag_of
from tests.harness import ROOT, Server, podium

# --- help ----------------------------------------------------------------------------------


def commands() -> list[list[str]]:
    root = get_command(app)
    found: list[list[str]] = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        found += [[name, each] for each in below] if below else [[name]]
    return found


def test_all_commands_are_there() -> None:
    names = {" ".join(path) for path in commands()}
    assert {"serve", "worker", "doctor", "account add", "account list", "account link", "account password"} <= names
    assert {"account remove", "conference list", "conference create", "conference link", "conference end"} <= names
    assert {"token issue", "token show", "conference audit", "explain", "loadtest"} <= names
    assert {"directory show", "directory leave"} <= names
    assert {
        "conference links",
        "conference revoke",
        "group add",
        "group list",
        "group remove",
        "group operator",
    } <= names
    assert {"key add", "key list", "key remove", "peer add", "peer list", "peer remove", "sso list"} <= names


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_each_help_explains_and_shows_an_example(path: list[str]) -> None:
    done = CliRunner().invoke(app, [*path, "--help"])
    assert done.exit_code == 0
    assert re.search(r"example: ", done.stdout, re.IGNORECASE)


def test_serve_has_a_flag_for_every_option() -> None:
    text = podium("serve", "--help", environment={"COLUMNS": "200"}).stdout
    for option in OPTIONS:
        assert (flag_of(option.name) in text) is option.metadata["flag"], option.name
    assert "--config" in text


def test_the_version_is_printed() -> None:
    assert podium("--version").stdout.startswith("podium ")


# --- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "environment", "sentence", "status"),
    [
        (["--port", "x"], {}, "--port on the command line must be a whole number", 2),
        (["--prot", "1"], {}, "No such option: --prot", 2),
        ([], {"PODIUM_PROT": "1"}, "unknown option PODIUM_PROT in the environment; did you mean PODIUM_PORT?", 2),
        ([], {"PODIUM_WORKERS": "many"}, "PODIUM_WORKERS in the environment must be a whole number", 2),
        (["--config", "nothing.toml"], {}, "nothing.toml cannot be read", 2),
        (["--tls-cert", "nothing.pem", "--tls-key", "nothing.pem"], {}, "nothing.pem cannot be read", 1),
        (["--tls-cert", "README.md", "--tls-key", "README.md"], {}, "README.md is not a certificate", 1),
        (["--host", "198.51.100.1"], {}, "--host: 198.51.100.1 is no address of this machine", 1),
        (["--udp-port", "65535", "--workers", "2"], {}, "--udp-port", 1),
    ],
)
def test_serve_says_what_is_wrong_and_ends(
    tmp_path: Path, flags: list[str], environment: dict[str, str], sentence: str, status: int
) -> None:
    done = podium("serve", "--data", str(tmp_path / "data"), *flags, environment=environment)
    assert sentence in done.stderr
    assert done.returncode == status
    assert "Traceback" not in done.stderr and done.stdout == ""


def test_an_unknown_key_in_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "podium.toml"
    file.write_text("upd_port = 1\n")
    done = podium("serve", "--config", str(file))
    assert f"unknown option upd_port in {file}; did you mean udp_port?" in done.stderr and done.returncode == 2


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        if kind is socket.SOCK_STREAM:
            taken.listen()
        flags = (
            ["--port", port, "--udp-port", "0"] if kind is socket.SOCK_STREAM else ["--port", "0", "--udp-port", port]
        )
        done = podium("serve", "--host", "127.0.0.1", "--data", str(tmp_path / "d"), "--workers", "1", *flags)
    assert f"port {port} is taken by another program" in done.stderr
    assert done.returncode == 1 and "Traceback" not in done.stderr


def test_a_data_folder_is_used_by_one_server_at_a_time(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    done = podium("serve", "--host", "127.0.0.1", "--port", "0", "--udp-port", "0", "--data", str(server.data))
    assert "Another Podium server uses the data folder" in done.stderr and done.returncode == 1
    server.kill9()
    server.start()


def test_a_data_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = podium("serve", "--port", "0", "--udp-port", "0", "--data", str(tmp_path / "file" / "data"))
    assert "--data: " in done.stderr and done.returncode == 1 and "Traceback" not in done.stderr


# --- starting and stopping -----------------------------------------------------------------


def test_serve_takes_options_from_flags_file_and_environment_at_once(tmp_path: Path) -> None:
    file = tmp_path / "podium.toml"
    file.write_text('host = "127.0.0.1"\nworkers = 5\nlog_level = "error"\n')
    server = Server(tmp_path / "data", "--config", str(file), "--workers", "2", environment={"PODIUM_GUEST_DAYS": "1"})
    server.start()
    try:
        assert len(server.udp_ports) == 2
        expires = server.api("POST", "/guests", {"invite": server.invite(), "name": "Ben"})["expires"]
        assert abs(expires - time.time() - 86_400) < 60
        assert server.log == ""
    finally:
        server.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_its_workers(podium_server: Callable[..., Server], number: signal.Signals) -> None:
    import psutil

    server = podium_server()
    workers = psutil.Process(server.pid).children(recursive=True)
    assert workers
    os.kill(server.pid, number)
    assert server.process is not None and server.process.wait(15) == 0
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive
    assert '"level": "error"' not in server.log and "Traceback" not in server.log


def test_control_c_in_a_terminal_stops_everything_in_order(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        place = ["--host", "127.0.0.1", "--port", "0", "--udp-port", "0", "--workers", "1", "--data", str(tmp_path)]
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "server", "serve", *place])
    said = b""
    pressed = False
    with contextlib.suppress(OSError):  # what a terminal says when its program is gone
        while chunk := os.read(terminal, 65536):
            said += chunk
            if b"Stop with Ctrl+C" in said and not pressed:
                pressed = True
                os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    text = said.decode()
    assert pressed and os.waitstatus_to_exitcode(status) == 0, text
    assert "Traceback" not in text and "KeyboardInterrupt" not in text
    # The links can be copied: each on a line of its own, unbroken.
    assert re.search(r"^http://127\.0\.0\.1:\d+/c/[a-z-]+#invite=[\w.-]{200,}\r$", text, re.MULTILINE)


def test_two_signals_end_it_without_waiting(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--drain-s", "60")
    # A request that never ends would hold a draining server.
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        time.sleep(0.3)
        began = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        time.sleep(0.3)
        os.kill(server.pid, signal.SIGTERM)
        assert server.process is not None and server.process.wait(8) == 0
        assert time.monotonic() - began < 8


def test_https_with_a_self_signed_certificate_for_this_machine(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--tls-self-signed")
    assert server.printed["Owner"].startswith("https://")
    context = ssl.create_default_context(cafile=str(server.data / "self-signed.crt"))
    for host in ("127.0.0.1", "localhost"):
        with urllib.request.urlopen(f"https://{host}:{server.port}/healthz", context=context, timeout=5) as response:
            assert json.load(response)["status"] == "ok"
            assert "Strict-Transport-Security" not in response.headers
    assert (server.data / "self-signed.key").stat().st_mode & 0o077 == 0
    before = (server.data / "self-signed.crt").read_bytes()
    server.restart()
    assert (server.data / "self-signed.crt").read_bytes() == before
    conference = server.conference
    assert server.podium("conference", "end", conference).returncode == 0


def test_printed_links_lead_into_the_conference(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--public-url", "https://meet.example.org")
    assert server.printed["Owner"].startswith("https://meet.example.org/#code=")
    assert server.printed["Guests"].startswith(f"https://meet.example.org/c/{server.conference}#invite=ey")
    assert server.printed["Owner"].endswith(f"&next=/c/{server.conference}")


# --- accounts, conferences, tokens ---------------------------------------------------------


def test_an_account_is_added_listed_entered_and_removed(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    added = server.podium("account", "add", "anna", "--name", "Anna K.", "--role", "admin")
    # The link is the running server's, whatever port it took.
    link = re.fullmatch(rf"{re.escape(server.url)}/#code=(\S+)\n", added.stdout)
    assert link, (added.stdout, added.stderr)
    account = server.api("POST", "/login", {"code": link[1]})["account"]
    assert (account["login"], account["name"], account["server_role"]) == ("anna", "Anna K.", "admin")

    listed = json.loads(server.podium("account", "list", "--json").stdout)
    assert [(each["login"], each["server_role"]) for each in listed] == [("owner", "owner"), ("anna", "admin")]

    again = server.podium("account", "link", "anna").stdout.strip().partition("#code=")[2]
    assert server.api("POST", "/login", {"code": again})["account"]["login"] == "anna"

    assert server.podium("account", "password", "anna", input="correct horse\n").returncode == 0
    assert server.api("POST", "/login", {"name": "anna", "password": "correct horse"})["account"]["login"] == "anna"

    assert server.podium("account", "remove", "anna").returncode == 1
    assert server.podium("account", "remove", "anna", "--yes").returncode == 0
    assert server.request("POST", "/api/v1/login", {"name": "anna", "password": "correct horse"}).status == 401


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["account", "link", "nobody"], "There is no account 'nobody'"),
        (["account", "add", "Ä"], "A login has"),
        (["account", "add", "owner"], "There is an account 'owner' already"),
        (["account", "add", "second", "--role", "owner"], "exactly one owner"),
        (["account", "remove", "owner", "--yes"], "The owner's account cannot be removed"),
        (["account", "password", "owner"], "A password has 8 to 256 characters"),
        (["conference", "link", "abc"], "There is no conference 'abc'"),
        (["conference", "create", " "], "A title has 1 to 120 characters"),
        (["conference", "end", "abc"], "There is no conference 'abc'"),
        (["token", "show"], "The token is not valid"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    done = podium(*arguments, "--data", str(tmp_path / "data"), input="short\n")
    assert sentence in done.stderr and done.returncode in (1, 2)
    assert "Traceback" not in done.stderr and done.stdout == ""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path, unbuffered: str) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "server", "account", "list", "--data", str(tmp_path)]
        surroundings = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(command, cwd=ROOT, env=surroundings, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"Error: The output cannot be written: No space left on device.\n")


async def test_a_conference_is_created_linked_and_ended(podium_server: Callable[..., Server], clients) -> None:  # type: ignore[no-untyped-def]
    server = podium_server()
    made = server.podium("conference", "create", "Weekly").stdout.strip()
    assert made.startswith(f"{server.url}/c/")
    conference = made.rpartition("/")[2]
    assert f"{conference}\tWeekly\towner\t" in server.podium("conference", "list").stdout
    link = server.podium("conference", "link", conference, "--role", "speaker", "--days", "1").stdout.strip()
    entered = server.api("POST", "/guests", {"invite": link.partition("#invite=")[2], "name": "Ben"})
    assert entered["conference"] == conference
    guest = server.guest("Eva", "viewer", conference)
    client = await clients(server, guest, conference)
    ended = server.podium("conference", "end", conference)
    assert ended.returncode == 0, ended.stderr
    await client.signal("closing", code="conference_ended")


def test_ending_a_conference_needs_a_server(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]
    conference = podium("conference", "create", "Weekly", *data).stdout.strip().rpartition("/")[2]
    done = podium("conference", "end", conference, *data)
    assert "No server runs" in done.stderr and done.returncode == 1


def test_a_token_is_issued_and_explained(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]
    token = podium("token", "issue", "owner", *data).stdout
    shown = json.loads(podium("token", "show", *data, input=token).stdout)
    assert (shown["kind"], shown["login"], shown["server_role"]) == ("user", "owner", "owner")
    assert "is not valid" in podium("token", "show", *data, input=token[:-5] + "AAAA\n").stderr


# --- doctor --------------------------------------------------------------------------------


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def doctor(tmp_path: Path, *flags: str) -> tuple[int, dict[str, dict[str, str]]]:
    place = ["--host", "127.0.0.1", "--workers", "1", "--data", str(tmp_path / "data")]
    if "--port" not in flags:
        place += ["--port", str(free_port(socket.SOCK_STREAM))]
    if "--udp-port" not in flags:
        place += ["--udp-port", str(free_port(socket.SOCK_DGRAM))]
    done = podium("doctor", "--json", *place, *flags)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, {finding["check"]: finding for finding in json.loads(done.stdout)}


def test_a_healthy_place_has_nothing_wrong(tmp_path: Path) -> None:
    status, found = doctor(tmp_path)
    assert status == 0
    assert {"tcp port", "secure context", "public address", "clock", "disk", "store", "file descriptors"} <= set(found)
    assert found["tcp port"]["grade"] == found["store"]["grade"] == found["secure context"]["grade"] == "ok"


def test_the_doctor_finds_taken_ports_and_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(("127.0.0.1", 0))
        ports = str(tcp.getsockname()[1]), str(udp.getsockname()[1])
        status, found = doctor(tmp_path, "--port", ports[0], "--udp-port", ports[1])
    assert status == 1
    for check in ("tcp port", f"udp port {ports[1]}"):
        assert found[check]["grade"] == "wrong" and "taken" in found[check]["text"] and found[check]["fix"]


def test_the_doctor_says_when_the_media_port_is_taken_for_tcp_alone(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        _, found = doctor(tmp_path, "--udp-port", port)
        _, without = doctor(tmp_path, "--udp-port", port, "--no-media-tcp")
    finding = found[f"media tcp port {port}"]
    assert finding["grade"] == "warning" and "Networks without UDP" in finding["text"]
    assert f"media tcp port {port}" not in without


def test_the_doctor_knows_a_running_server(podium_server: Callable[..., Server], tmp_path: Path) -> None:
    server = podium_server()
    status, found = doctor(tmp_path, "--port", str(server.port), "--udp-port", str(server.udp_ports[0]))
    assert status == 0
    assert "Podium is running" in found["tcp port"]["text"]


def test_the_doctor_finds_a_damaged_store(tmp_path: Path) -> None:
    podium("account", "list", "--data", str(tmp_path / "data"))
    database = tmp_path / "data" / "podium.db"
    content = bytearray(database.read_bytes())
    content[4096 * 2 : 4096 * 4] = b"\xaa" * 8192
    database.write_bytes(content)
    status, found = doctor(tmp_path)
    assert status == 1 and found["store"]["grade"] == "wrong" and "damaged" in found["store"]["text"]


def test_the_doctor_explains_secure_contexts_and_addresses(tmp_path: Path) -> None:
    status, found = doctor(tmp_path, "--public-url", "http://meet.example.org", "--public-ip", "203.0.113.7")
    assert status == 1
    assert found["secure context"]["grade"] == "wrong" and "HTTPS" in found["secure context"]["fix"]
    assert (
        found["public address"]["grade"] == "warning" and "forward UDP and TCP ports" in found["public address"]["fix"]
    )


def test_the_doctor_looks_at_the_certificates_dates(tmp_path: Path) -> None:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "meet.example.org")])
    now = datetime.datetime.now(datetime.UTC)

    def certificate(days: float) -> tuple[int, dict[str, str]]:
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=99))
            .not_valid_after(now + datetime.timedelta(days=days))
            .sign(key, hashes.SHA256())
        )
        cert, private = tmp_path / "cert.pem", tmp_path / "key.pem"
        cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        status, found = doctor(tmp_path, "--tls-cert", str(cert), "--tls-key", str(private))
        return status, found["tls"]

    assert certificate(-1)[1]["grade"] == "wrong"
    assert certificate(3)[1]["grade"] == "warning"
    assert certificate(90)[1]["grade"] == "ok"


def test_the_doctor_in_words(tmp_path: Path) -> None:
    done = podium("doctor", "--host", "127.0.0.1", "--port", "0", "--data", str(tmp_path / "data"))
    assert re.search(r"^ok: store: ", done.stdout, re.MULTILINE)
