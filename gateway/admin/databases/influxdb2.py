"""Setting up InfluxDB 2: buckets, the mapping by which they answer InfluxQL, and tokens, by its own Python client.

A token's rights cannot be changed, so one that lacks a right is replaced, and the old one ends.
"""

# mypy: disable-error-code="no-untyped-call"
# influxdb-client has few types.

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from influxdb_client import (  # type: ignore[attr-defined]  # its __init__ re-exports without saying so
    Authorization,
    Bucket,
    BucketRetentionRules,
    DBRPCreate,
    DBRPsService,
    InfluxDBClient,
    Permission,
    PermissionResource,
)
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from gateway.admin.databases.steps import (
    DatabaseUser,
    KeptPlace,
    SetupFault,
    SetupStep,
    change_text,
    is_shorter,
    refuse_change,
    refuse_unknown_secret,
    write_secret,
)
from gateway.support.config.model import Influxdb
from gateway.support.plain_http import HttpAnswer

_TIMEOUT_MS: Final = 30_000
_UNAUTHORIZED: Final = 401
_DEFAULT_POLICY: Final = "autogen"


class Influxdb2:
    """InfluxDB 2."""

    api = "v2"

    def __init__(self, config: Influxdb, token: str, version: str) -> None:
        """Find the organisation; SetupFault without one of the configured name, or among several without a name."""
        self.name = f"InfluxDB {version}"
        self._url = config.url
        ca = None if config.tls.ca is None else str(config.tls.ca)
        self._client = InfluxDBClient(config.url, token, timeout=_TIMEOUT_MS, ssl_ca_cert=ca)
        self._org_id, name = self._organisation(config.org)
        self.org = config.org or name

    def users(self, config: Influxdb, gateway: str, secrets: Path) -> Sequence[DatabaseUser]:
        """A token that writes and one that reads for the gateway, and one that reads for Grafana."""
        writing = config.token_file or secrets / "influxdb.token"
        reading = config.read_token_file or secrets / "influxdb-read.token"
        return (
            DatabaseUser(f"{gateway} writes", writing, reads=False, writes=True),
            DatabaseUser(f"{gateway} reads", reading, reads=True, writes=False),
            DatabaseUser(f"{gateway}: Grafana reads", secrets / "grafana.token", reads=True, writes=False),
        )

    def keep(self, place: KeptPlace, *, change: bool) -> Iterator[SetupStep]:
        """Make a bucket and its mapping, or see that they are as wanted."""
        bucket, where = self._bucket(place), f"bucket {place.config.bucket}"
        seconds = 0 if place.keep is None else round(place.keep.total_seconds())
        rules = [BucketRetentionRules(type="expire", every_seconds=seconds)] if seconds else []
        if bucket is None:

            @self._asked()
            def create() -> None:
                self._client.buckets_api().create_bucket(
                    bucket_name=place.config.bucket, retention_rules=rules, org=self._org_id
                )

            yield SetupStep(f"{where}: created, keeps {place.kept()}", create)
        elif (now := _kept(bucket)) == place.keep:
            yield SetupStep(f"{where}: is there and keeps {place.kept()}")
        elif not change:
            raise refuse_change(where, now, place.keep)
        else:

            @self._asked()
            def alter() -> None:
                bucket.retention_rules = rules or [BucketRetentionRules(type="expire", every_seconds=0)]
                self._client.buckets_api().update_bucket(bucket)

            yield SetupStep(change_text(where, now, place.keep), alter, is_shorter(now, place.keep))
        yield self._mapped(place)

    def give(self, user: DatabaseUser, places: Sequence[KeptPlace], *, replace: bool) -> Iterator[SetupStep]:
        """Make a token with rights to the buckets and nothing else."""
        action = "write" if user.writes else "read"
        names = ", ".join(dict.fromkeys(place.config.bucket for place in places))
        what = f"token '{user.name}': may {action} {names}"
        with self._asked():
            known = self._client.authorizations_api().find_authorizations(org_id=self._org_id) or []
        own = [one for one in known if one.description == user.name]
        rights = {(action, bucket.id) for place in places if (bucket := self._bucket(place)) is not None}
        fits = any({(right.action, right.resource.id) for right in one.permissions or ()} == rights for one in own)
        if own and fits and not replace:
            if not user.file.exists():
                raise refuse_unknown_secret(user, "token")
            yield SetupStep(f"{what}: is there; {user.file}")
            return
        if user.file.exists() and not own and not replace:
            raise SetupFault(f"{user.file}: is there, with a token that was not made here; --replace writes a new one into it")
        ended = ", in place of the old one" if own else ""
        yield SetupStep(f"{what}: created{ended}; {user.file}", lambda: self._make_token(user, places, own), bool(own))

    def _make_token(self, user: DatabaseUser, places: Sequence[KeptPlace], old: Sequence[Authorization]) -> None:
        """Make a token, write it down, and only then end the old ones."""
        action, api = "write" if user.writes else "read", self._client.authorizations_api()
        buckets = dict.fromkeys(bucket.id for place in places if (bucket := self._bucket(place)) is not None)
        permissions = [
            Permission(action=action, resource=PermissionResource(type="buckets", id=id_, org_id=self._org_id))
            for id_ in buckets
        ]
        asked = Authorization(org_id=self._org_id, permissions=permissions, description=user.name)
        with self._asked():
            made = api.create_authorization(authorization=asked)
            write_secret(user.file, made.token)
            for one in old:
                api.delete_authorization(one)

    def _mapped(self, place: KeptPlace) -> SetupStep:
        """The mapping from a name of InfluxDB 1 to the bucket; newer versions have one by themselves."""
        database, _, policy = place.config.bucket.partition("/")
        policy = policy or _DEFAULT_POLICY
        bucket, what = self._bucket(place), f"bucket {place.config.bucket}: answers InfluxQL as database {database}"
        service = DBRPsService(self._client.api_client)
        with self._asked():
            known = [] if bucket is None else service.get_dbr_ps(org_id=self._org_id, db=database).content or []
        if bucket is not None and any(one.bucket_id == bucket.id for one in known):
            return SetupStep(f"{what} already")
        if any(one.retention_policy == policy and not one.virtual for one in known):
            raise SetupFault(f"{self._url}: the database {database} of InfluxQL is another bucket; see `influx v1 dbrp list`")

        @self._asked()
        def create() -> None:
            found = self._bucket(place)
            if found is None:
                raise SetupFault(f"{self._url}: the bucket {place.config.bucket} is not there")
            wanted = DBRPCreate(
                org_id=self._org_id, bucket_id=found.id, database=database, retention_policy=policy, default=True
            )
            there = service.get_dbr_ps(org_id=self._org_id, db=database).content or []
            if not any(one.bucket_id == found.id for one in there):
                service.post_dbrp(wanted)

        return SetupStep(what, create)

    def _bucket(self, place: KeptPlace) -> Bucket | None:
        with self._asked():
            found = self._client.buckets_api().find_bucket_by_name(place.config.bucket)
        return found if found is None or found.org_id == self._org_id else None

    def _organisation(self, name: str | None) -> tuple[str, str]:
        """Its id and its name."""
        with self._asked():
            known = self._client.organizations_api().find_organizations() or []
        chosen = [one for one in known if name in {None, one.name, one.id}]
        if len(chosen) == 1:
            return str(chosen[0].id), str(chosen[0].name)
        there = ", ".join(sorted(one.name for one in known)) or "none that this token may see"
        if name is None:
            raise SetupFault(f"{self._url}: influxdb.org is not set; organisations there: {there}")
        raise SetupFault(f"{self._url}: there is no organisation {name}; organisations there: {there}")

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Turn the client's faults into sentences; a step is decorated with it, since it is taken later."""
        try:
            yield
        except ApiException as error:
            answer = HttpAnswer(error.status, (error.body or "").encode())
            if error.status == _UNAUTHORIZED:
                how = "give --admin-token-file FILE, with a token of all rights of the organisation"
                raise SetupFault(f"{self._url} does not let us administer it ({answer.describe()}): {how}") from error
            raise SetupFault(f"{self._url} answers {answer.describe()}") from error
        except (HTTPError, OSError) as error:
            raise SetupFault(f"{self._url} does not answer: {error}") from error


def _kept(bucket: Bucket) -> timedelta | None:
    seconds = next((rule.every_seconds for rule in bucket.retention_rules if rule.type == "expire"), 0)
    return timedelta(seconds=seconds) if seconds else None
