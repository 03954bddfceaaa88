"""All endpoints of the API, gathered."""

from __future__ import annotations

from server.http import (
    accounts,
    attendees,
    conferences,
    events,
    explaining,
    files,
    groups,
    guests,
    people,
    recordings,
    reports,
    sso,
    webhooks,
    workspace,
)
from server.http.endpoint import Endpoint

API: tuple[Endpoint, ...] = (
    *accounts.ENDPOINTS,
    *sso.ENDPOINTS,
    *groups.ENDPOINTS,
    *guests.ENDPOINTS,
    *attendees.ENDPOINTS,
    *conferences.ENDPOINTS,
    *events.ENDPOINTS,
    *recordings.ENDPOINTS,
    *reports.ENDPOINTS,
    *workspace.ENDPOINTS,
    *people.ENDPOINTS,
    *explaining.ENDPOINTS,
    *files.ENDPOINTS,
    *webhooks.ENDPOINTS,
)
