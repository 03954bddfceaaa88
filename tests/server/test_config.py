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
        "camera_codec": "vp9",
        "data": "/srv/podium",
        "redis": "redis://localhost:7000/1",
        "tls_self_signed": "true",
        "media_tcp": "false",
        "webhook_private": "true",
        "log_level": "debug",
        "log_format": "json",
        "allowed_origins": "https://a.example, https://b.example",
        "embed_origins": "https://www.example.com",
        "worker_limits": "ssrcs=7, packets_per_s=3000",
        "trusted_proxies": "10.0.0.0/8",
        "token_secret": "s" * 32,
        "worker_secret": "w" * 32,
        "worker_listen": "10.0.0.7:7900",
        "worker_address": "10.0.0.7",
        "turn_urls": "turn:turn.example.org:3478?transport=udp, turns:turn.example.org",
        "turn_secret": "t" * 32,
        "turn_ttl_s": "600",
        "bytes_per_second": "100000",
        "file_types": "pdf, .TXT",
        "oidc_issuer": "https://login.example.org",
        "oidc_jwks_url": "https://login.example.org/keys",
        "smtp_host": "mail.example.org",
        "smtp_security": "tls",
        "mail_from": "Podium <podium@example.org>",
    }
    given = {variable_of(name): examples.get(name, "7")}
    if name in ("tls_cert", "tls_key"):
        given = {"PODIUM_TLS_CERT": "7", "PODIUM_TLS_KEY": "7"}
    if name == "oidc_audience":
        given["PODIUM_OIDC_ISSUER"] = examples["oidc_issuer"]
    if name in ("turn_urls", "turn_secret"):
        given = {variable_of(each): examples[each] for each in ("turn_urls", "turn_secret")}
    if name == "oidc_issuer":
        given["PODIUM_OIDC_AUDIENCE"] = "podium"
    if name in ("smtp_host", "mail_from"):
        given = {variable_of(each): examples[each] for each in ("smtp_host", "mail_from")}
    if name in ("smtp_user", "smtp_password"):
        given = {"PODIUM_SMTP_USER": "7", "PODIUM_SMTP_PASSWORD": "7"}
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
        ("public_ip = 'fe80::1%eth0'", "which a link-local one is not"),
        ("worker_address = '10.0.0.300'", "worker_address in .* must be an IP address or a name"),
        ("worker_address = 'worker1:7900'", "must be an IP address or a name"),
        ("worker_address = 'a..b'", "must be an IP address or a name"),
        ("log_level = 'loud'", "must be one of debug, info, warning, error, not 'loud'"),
        ("worker_limits = ['ssrcs=-1']", "worker_limits in .* must be limits as NAME=NUMBER"),
        ("allowed_origins = ['*']", "allowed_origins in .* must be an origin"),
        *(
            (f"public_url = {address!r}", "public_url in .* must be an origin")
            for address in (
                *("https://x y", "https://u:p@meet.example.org", "https://u@x", "https://a;b", "https://x/#a"),
                *("https://x:99999", "https://x:port", "https://:443", "https://x\u202ey", "ftp://x", "https://x/path"),
            )
        ),
        ("file_types = ['html']", "file_types in .* must be ends of names among pdf"),
        ("grace_s = -1", "grace_s in .* must be a number from 0 to 3600"),
        ("oidc_issuer = 'http://a.example'", "oidc_issuer in .* must be an address that begins with https://"),
        ("oidc_issuer = 'https://a.example'", "oidc_audience is missing"),
        ("turn_urls = ['turn.example.org']", "turn_urls in .* must be up to 4 addresses of TURN servers"),
        ("turn_urls = ['turn:a', 'turn:b', 'turn:c', 'turn:d', 'turn:e']", "must be up to 4 addresses"),
        ("turn_urls = ['turn:turn.example.org']", "turn_secret is missing"),
        ("turn_secret = '01234567890123456789012345678901'", "turn_urls is missing"),
        ("turn_secret = 'tooshort'", "turn_secret in .* at least 32 bytes long, not the given value"),
        ("smtp_host = 'mail.example.org'", "mail_from is missing"),
        ("smtp_user = 'podium'", "smtp_password is missing"),
        ("smtp_user = 'a'\nsmtp_password = 'b'\nsmtp_security = 'none'", "smtp_password is not sent without TLS"),
        ("mail_from = 'somebody'", "mail_from in .* must be an e-mail address"),
        ('mail_from = "a@example.org\\nBcc: b@example.org"', "mail_from in .* must be one line"),
        ("mail_reminders = ['soon']", "mail_reminders in .* must be up to 4 numbers of minutes"),
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


@pytest.mark.parametrize(
    "address",
    ["https://meet.example.org", "http://[2001:db8::1]:8080", "https://\u00fcber.example", "http://10.0.0.7:80/"],
)
def test_an_origin_is_a_host_with_a_port_or_without(tmp_path: Path, address: str) -> None:
    settings = load({}, {}, toml(tmp_path, f"public_url = '{address}'"))
    assert settings.public_url == address.removesuffix("/")


@pytest.mark.parametrize(("one", "other"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_certificate_and_key_belong_together(one: str, other: str) -> None:
    with pytest.raises(ConfigError, match=f"{other} is missing"):
        load({one: "file.pem"}, {})


def test_a_certificate_and_a_self_signed_one_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="exclude each other"):
        load({"tls_cert": "a", "tls_key": "b", "tls_self_signed": True}, {})


def test_no_workers_of_its_own_needs_workers_elsewhere() -> None:
    with pytest.raises(ConfigError, match="redis and worker_secret are needed"):
        load({"workers": "0", "redis": "redis://localhost"}, {})
    settings = load({"workers": "0", "redis": "redis://localhost"}, {"PODIUM_WORKER_SECRET": "w" * 32})
    assert settings.worker_count == 0


@pytest.mark.parametrize("wrong", ["", "7900", "10.0.0.7", "10.0.0.7:", "10.0.0.7:70000", ":7900", "a b:1"])
def test_where_workers_take_links_is_an_address_and_a_port(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"such as 10\.0\.0\.7:7900"):
        load({"worker_listen": wrong}, {})
    assert load({"worker_listen": "[::1]:7900"}, {}).worker_links == ("::1", 7900)


def test_variables_of_other_programs_are_left_alone() -> None:
    assert load({}, {"PORT": "x", "PATH": "/bin"}) == Settings()


def test_names_in_the_three_spellings() -> None:
    assert (flag_of("udp_port"), variable_of("udp_port")) == ("--udp-port", "PODIUM_UDP_PORT")


def test_secrets_have_no_flag_because_other_users_could_read_it() -> None:
    assert [option.name for option in OPTIONS if not option.metadata["flag"]] == [
        "worker_secret",
        "token_secret",
        "smtp_password",
        "turn_secret",
        "oidc_client_secret",
    ]


def test_defaults_print_as_one_writes_them() -> None:
    shown = {option.name: default_text(option) for option in OPTIONS}
    assert (shown["port"], shown["tls_self_signed"], shown["grace_s"], shown["tls_cert"]) == ("8080", "false", "30", "")
