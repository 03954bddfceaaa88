"""One table of options, four sources, and errors that name what is wrong and where it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.config import OPTIONS, ConfigError, Settings, default_text, flag_of, load, variable_of


def toml(folder: Path, text: str) -> Path:
    path = folder / "podium.toml"
    path.write_text(text)
    return path


def test_a_flag_beats_the_environment_beats_the_file_beats_the_default(tmp_path: Path) -> None:
    file = toml(tmp_path, "port = 1001\nudp_port = 2001\nworkers = 3\n")
    settings = load({"port": "1003"}, {"PODIUM_PORT": "1002", "PODIUM_UDP_PORT": "2002"}, file)
    assert (settings.port, settings.udp_port, settings.workers) == (1003, 2002, 3)
    assert settings.host == Settings().host


def test_without_any_source_everything_has_its_default() -> None:
    assert load({}, {}) == Settings()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_default_passes_its_own_check(option: object) -> None:
    assert option.metadata["check"](option.default) == option.default  # type: ignore[attr-defined]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_read_from_the_environment(option: object) -> None:
    name = option.name  # type: ignore[attr-defined]
    examples = {
        "host": "127.0.0.1",
        "udp_host": "127.0.0.1",
        "public_ip": "203.0.113.7",
        "public_url": "https://meet.example.org",
        "data": "/srv/podium",
        "tls_self_signed": "true",
        "log_level": "debug",
        "log_format": "json",
        "allowed_origins": "https://a.example, https://b.example",
        "trusted_proxies": "10.0.0.0/8",
        "token_secret": "s" * 32,
        "bytes_per_second": "100000",
    }
    given = {variable_of(name): examples.get(name, "7")}
    if name in ("tls_cert", "tls_key"):
        given = {"PODIUM_TLS_CERT": "7", "PODIUM_TLS_KEY": "7"}
    settings = load({}, given)
    assert getattr(settings, name) != option.default  # type: ignore[attr-defined]


def test_the_file_may_be_named_in_the_environment(tmp_path: Path) -> None:
    file = toml(tmp_path, "port = 1001\n")
    assert load({}, {"PODIUM_CONFIG": str(file)}).port == 1001


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("prot = 1", "unknown option prot in .*podium.toml; did you mean port?"),
        ("[server]\nport = 1", "unknown option server in"),
        ("port = '1x'", "port in .*podium.toml must be a whole number from 0 to 65535, not '1x'"),
        ("port = 70000", "must be a whole number from 0 to 65535, not 70000"),
        ("port = true", "must be a whole number"),
        ("tls_self_signed = 'perhaps'", "tls_self_signed in .* must be true or false"),
        ("public_ip = 'example.org'", "public_ip in .* must be an IP address"),
        ("log_level = 'loud'", "must be one of debug, info, warning, error, not 'loud'"),
        ("allowed_origins = ['*']", "allowed_origins in .* must be an origin"),
        ("grace_s = -1", "grace_s in .* must be a number from 0 to 3600"),
        ("host = ''", "host in .* must be an address"),
        ("port = ", "is not TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load({}, {}, toml(tmp_path, text))


def test_an_unknown_variable_is_named_with_what_was_probably_meant() -> None:
    with pytest.raises(
        ConfigError, match="unknown option PODIUM_UPD_PORT in the environment; did you mean PODIUM_UDP_PORT"
    ):
        load({}, {"PODIUM_UPD_PORT": "1"})


def test_a_bad_flag_is_named_as_it_was_typed() -> None:
    with pytest.raises(ConfigError, match="--udp-port on the command line must be a whole number"):
        load({"udp_port": "x"}, {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml cannot be read: No such file"):
        load({}, {}, tmp_path / "nothing.toml")


def test_a_short_secret_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="PODIUM_TOKEN_SECRET in the environment must be at least 32 bytes") as caught:
        load({}, {"PODIUM_TOKEN_SECRET": "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("one", "other"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_certificate_and_key_belong_together(one: str, other: str) -> None:
    with pytest.raises(ConfigError, match=f"{other} is missing"):
        load({one: "file.pem"}, {})


def test_a_certificate_and_a_self_signed_one_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="exclude each other"):
        load({"tls_cert": "a", "tls_key": "b", "tls_self_signed": True}, {})


def test_variables_of_other_programs_are_left_alone() -> None:
    assert load({}, {"PORT": "x", "PATH": "/bin"}) == Settings()


def test_names_in_the_three_spellings() -> None:
    assert (flag_of("udp_port"), variable_of("udp_port")) == ("--udp-port", "PODIUM_UDP_PORT")


def test_the_secret_has_no_flag_because_other_users_could_read_it() -> None:
    assert [option.name for option in OPTIONS if not option.metadata["flag"]] == ["token_secret"]


def test_defaults_print_as_one_writes_them() -> None:
    shown = {option.name: default_text(option) for option in OPTIONS}
    assert (shown["port"], shown["tls_self_signed"], shown["grace_s"], shown["tls_cert"]) == ("8080", "false", "30", "")
