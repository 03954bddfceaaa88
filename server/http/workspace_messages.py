"""The bodies of the workspace's requests, and the responses that are not a thing of the workspace itself."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from protocol.names import DisplayName, TokenText
from server.http.messages import Body, Login, Password
from server.http.paging import Page
from server.identity.accounts import ServerRole
from server.workspace.attributes import MAX_ATTRIBUTES, MAX_VALUE, Attribute, Kind
from server.workspace.invitations import Invitation
from server.workspace.past import Entry
from server.workspace.people import Person
from server.workspace.policy import Ruling
from server.workspace.templates import Template

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Subject = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(min_length=1, max_length=10_000)]
# RFC 5321, section 4.5.3.1.3: a path has 256 octets with its brackets. Whether an address is one shows when mail goes.
Email = Annotated[str, Meta(max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?\Z")]


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """One's role on the server, of every action whether it allows it and the row that decides, and the roles on the
    server that one may give to others and invite them with."""

    server_role: ServerRole
    actions: list[Ruling]
    gives: list[ServerRole]


class NewProfile(Body, frozen=True, kw_only=True):
    """The workspace's name, description and time zone, as in `Europe/Vienna`."""

    name: Name
    description: Annotated[str, Meta(max_length=1000)]
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)]


class CompanySwitch(Body, frozen=True, kw_only=True):
    """Whether the company is switched on; while it is off, only those come in who may switch it on."""

    enabled: bool


class WorkspaceEnd(Body, frozen=True, kw_only=True):
    """The workspace's name, typed, and one's password; who has none needs a token of the last five minutes."""

    confirm: Annotated[str, Meta(max_length=200)]
    password: Password | None = None


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """It is done."""


class PeopleAsked(Page, frozen=True, kw_only=True):
    """Which page of whom; `search`: words that occur in the name or the login."""

    search: Annotated[str, Meta(max_length=100)] = ""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """People by name; `total`: how many there are on all pages."""

    people: list[Person]
    total: int
    next: str | None


class PersonChange(Body, frozen=True, kw_only=True):
    """What is to change; what is not there stays. A value of null, or an empty one, goes."""

    name: DisplayName | None = None
    login: Login | None = None
    server_role: ServerRole | None = None
    values: Annotated[dict[Id, Annotated[str, Meta(max_length=MAX_VALUE)] | None], Meta(max_length=MAX_ATTRIBUTES)] = {}


class Leaving(Body, frozen=True, kw_only=True):
    """One's password; who has none needs a token of the last five minutes. The owner names a `successor`."""

    password: Password | None = None
    successor: Id | None = None


class NewPerson(Body, frozen=True, kw_only=True):
    """The role that the invited person will have, for how many days the link is good, and whom it is for: an empty
    address makes an open invitation."""

    server_role: ServerRole
    email: Email = ""
    days: Annotated[int, Meta(ge=1, le=30)] = 7


class PersonInvited(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is the link without the server's address. It is told this once and works once."""

    invitation: Invitation
    path: str


class InvitationList(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    invitations: list[Invitation]
    next: str | None


class OpenInvitation(Body, frozen=True, kw_only=True):
    """The secret of an invitation's link."""

    invitation: TokenText


class Acceptance(Body, frozen=True, kw_only=True):
    """The secret of an invitation's link, and the account to be."""

    invitation: TokenText
    login: Login
    name: DisplayName
    password: Password


class AttributeList(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest first."""

    attributes: list[Attribute]


Choices = Annotated[list[Name], Meta(max_length=50)]


class NewAttribute(Body, frozen=True, kw_only=True):
    """A field of people. Its kind stays."""

    name: Name
    kind: Kind
    choices: Choices = []


class AttributeChange(Body, frozen=True, kw_only=True):
    """Another name and other choices."""

    name: Name
    choices: Choices = []


class TemplateList(msgspec.Struct, frozen=True, kw_only=True):
    """E-mail templates by name, and the placeholders they may hold, each with an example."""

    templates: list[Template]
    placeholders: dict[str, str]


class NewTemplate(Body, frozen=True, kw_only=True):
    """An e-mail template."""

    name: Name
    subject: Subject
    body: Text


class TemplateDraft(Body, frozen=True, kw_only=True):
    """A template that is being written."""

    subject: Annotated[str, Meta(max_length=200)]
    body: Annotated[str, Meta(max_length=10_000)]


class RecordShown(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    entries: list[Entry]
    next: str | None
