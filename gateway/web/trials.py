"""Payloads tried over HTTP."""

import asyncio
import json
from typing import Final

from aiohttp import web
from pydantic import ValidationError

from gateway.access.accounts import AccountRole
from gateway.config.files import ConfigurationFault
from gateway.config.model import Config
from gateway.trials.recordings import faults_of
from gateway.trials.request import TrialRequest, try_message
from gateway.web.handlers import ChangeRoute
from gateway.web.language import language_of

_BODY: Final = "body"


class TrialPages:
    """The route ``/api/decode``."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._one_at_a_time = asyncio.Lock()

    def changing(self) -> dict[str, ChangeRoute]:
        """Path → request; it changes nothing, and is not for everybody: a trial costs more than a page."""
        return {"/api/decode": ChangeRoute(AccountRole.TECHNICIAN, "payload tried", self._decode, is_recorded=False)}

    async def _decode(self, request: web.Request) -> web.Response:
        """Answer with each step of one payload and the points, as ``gateway decode`` would. Nothing is written."""
        language = language_of(request, self._config.language)
        try:
            asked = TrialRequest.model_validate(json.loads(await request.text()))
            async with self._one_at_a_time:
                document = await asyncio.to_thread(try_message, self._config, asked, language)
        except ValidationError as error:
            return _refused(faults_of(error, _BODY))
        except ConfigurationFault as fault:
            return _refused(fault.lines)
        except (ValueError, RecursionError) as error:
            return _refused([f"{_BODY}: {error}"])
        return web.json_response(document)


def _refused(lines: list[str]) -> web.Response:
    return web.json_response({"error": "\n".join(lines)}, status=400)
