"""Who is who: the token endpoint of Microsoft Entra ID, and the managed identity of a node."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import jwt
from starlette.responses import Response

from azure_emulator.answers import Json, RefusalError, answer
from azure_emulator.names import CLIENT, CLIENT_SECRET, LOGIN_HOST, MSI_SECRET, TENANT
from azure_emulator.routing import Call, Route

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

LIFETIME_S = 3600
_SIGNING_KEY = "the emulator signs its tokens with this, and nobody checks"


def token(audience: str) -> str:
    """A real JSON Web Token: the SDK looks at its audience."""
    moment = int(time.time())
    issuer = f"https://sts.windows.net/{TENANT}/"
    claims = {"aud": audience, "iss": issuer, "tid": TENANT, "oid": CLIENT, "appid": CLIENT, "ver": "1.0"}
    claims |= {"iat": moment - 60, "nbf": moment - 60, "exp": moment + LIFETIME_S}
    return jwt.encode(claims, _SIGNING_KEY)


def audience(bearer: str) -> str | None:
    """Whom one of our tokens is for; None for anything else."""
    try:
        return str(jwt.decode(bearer, _SIGNING_KEY, algorithms=["HS256"], options={"verify_aud": False})["aud"])
    except (jwt.PyJWTError, KeyError):
        return None


def openid(cloud: Cloud, call: Call) -> Response:
    base = f"https://{LOGIN_HOST}/{call.values['tenant']}"
    return answer(
        {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "issuer": f"{base}/v2.0",
        }
    )


def instances(cloud: Cloud, call: Call) -> Response:
    aliases = [LOGIN_HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net"]
    metadata = {"preferred_network": LOGIN_HOST, "preferred_cache": "login.windows.net", "aliases": aliases}
    endpoint = f"https://{LOGIN_HOST}/{TENANT}/v2.0/.well-known/openid-configuration"
    return answer({"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [metadata]})


def issue(cloud: Cloud, call: Call) -> Response:
    form = {name: values[0] for name, values in parse_qs(call.raw.decode()).items()}
    if call.values["tenant"] != TENANT:
        return _denied(400, "invalid_request", f"AADSTS90002: Tenant '{call.values['tenant']}' not found.")
    if form.get("client_id") != CLIENT:
        text = f"AADSTS700016: Application with identifier '{form.get('client_id')}' was not found in the directory."
        return _denied(400, "unauthorized_client", text)
    if form.get("client_secret") != CLIENT_SECRET:
        return _denied(401, "invalid_client", f"AADSTS7000215: Invalid client secret provided for app '{CLIENT}'.")
    audience = form["scope"].split(" ")[0].removesuffix("/.default")
    body = {"token_type": "Bearer", "expires_in": LIFETIME_S, "ext_expires_in": LIFETIME_S}
    return answer(body | {"access_token": token(audience)})


def _denied(status: int, error: str, text: str) -> Response:
    body: Json = {"error": error, "error_description": text, "error_codes": [int(text[6:].split(":", maxsplit=1)[0])]}
    return answer(body, status)


def managed(cloud: Cloud, call: Call) -> Response:
    if call.headers.get("secret") != MSI_SECRET:
        raise RefusalError(401, "Unauthorized", "The secret of the managed identity is wrong.")
    audience = call.query["resource"]
    body = {"access_token": token(audience), "resource": audience, "token_type": "Bearer", "client_id": CLIENT}
    return answer(body | {"expires_on": str(int(time.time()) + LIFETIME_S)})


ROUTES = [
    Route("GET", "/common/discovery/instance", instances),
    Route("GET", "/{tenant}/discovery/instance", instances),
    Route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", openid),
    Route("POST", "/{tenant}/oauth2/v2.0/token", issue),
    Route("GET", "/msi/token", managed),
]
