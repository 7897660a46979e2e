"""A client that posts JSON to a receiver of alarms: Alertmanager or a webhook."""

from typing import Final

import aiohttp

_PATIENCE: Final = aiohttp.ClientTimeout(total=10.0)
_QUOTED: Final = 200
_YES: Final = range(200, 300)
_NEVER: Final = frozenset({400, 413, 415, 422})
"""Answers that refuse the body itself. After any other answer it may be taken later, when the receiver was repaired."""


class NotTaken(Exception):  # noqa: N818 - says what became of it
    """The receiver did not take a message; the text says why.

    :ivar is_final: True: it will never take this message.
    """

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        super().__init__(why)
        self.is_final = is_final


class AlarmReceiver:
    """The receiver at one address."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}

    async def post(self, session: aiohttp.ClientSession, body: bytes) -> None:
        """Post a body.

        :raises NotTaken: there is no answer, or a refusal.
        """
        try:
            async with session.post(
                self._url, data=body, headers=self._headers, timeout=_PATIENCE, allow_redirects=False
            ) as response:
                if response.status in _YES:
                    return
                text = (await response.content.read(_QUOTED)).decode(errors="replace").strip()
                raise NotTaken(f"{response.status} {text}".strip(), is_final=response.status in _NEVER)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise NotTaken(str(error) or "no answer within 10 s") from error
