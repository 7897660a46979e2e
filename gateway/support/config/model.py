"""The configuration as a model: every setting, its default, its bounds. :mod:`gateway.support.config.files` reads it."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ByteSize, ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from gateway.support.config.setting_types import (
    AddressOrNetwork,
    ClientName,
    DevicePageLink,
    Filter,
    HostName,
    KeepAlive,
    LinkBytes,
    PositiveDuration,
    SizeBytes,
    ZoneName,
    check_address,
    instead_of_group,
    is_loopback,
    split_url,
)
from schemas.durations import Duration
from schemas.registry import READING_DAY_MAX


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _OwnCertificate(_Section):
    """A client certificate and its key, which belong together."""

    cert: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key belong together; give both or neither")
        return self


class MqttTls(_OwnCertificate):
    """Certificates towards the broker."""

    ca: Path | None = None


BrokerUrl = Annotated[str, check_address("mqtt", "mqtts", secrets="mqtt.username and mqtt.password_file")]


class StandbySection(_Section):
    """The pair that this machine is one of, with one session in turn.

    :ivar machine: its name in the pair; None: it stands alone.
    :ivar keep_alive: after twice this time without a word a machine is taken to be gone.
    """

    machine: ClientName | None = None
    keep_alive: KeepAlive = timedelta(seconds=10)


class Mqtt(_Section):
    """The broker and the session with it.

    :ivar other_urls: further nodes of the same broker: a session is one in all of them.
    :ivar client_id_file: holds the secret end of the id that the gateway connects under; all else knows it by ``client_id``.
    """

    url: BrokerUrl = "mqtt://127.0.0.1:1883"
    other_urls: list[BrokerUrl] = []
    username: str | None = None
    password: str | None = Field(None, repr=False)
    password_file: Path | None = None
    tls: MqttTls = MqttTls()
    client_id: ClientName = "gateway-1"
    client_id_file: Path | None = None
    subscriptions: list[Filter] = ["iot/v1/+/+/+/readings", "iot/v1/+/+/+/status"]
    shares: Path | None = None
    share_leader: ClientName | None = None
    receive_maximum: int = Field(2000, strict=True, ge=1, le=65535)
    session_expiry: Duration = timedelta(days=7)
    standby: StandbySection = StandbySection()

    @property
    def machine_id(self) -> str:
        """The client id, with the machine behind it where two stand under it."""
        machine = self.standby.machine
        return self.client_id if machine is None else f"{self.client_id}-{machine}"

    @model_validator(mode="before")
    @classmethod
    def _no_group(cls, given: object) -> object:
        if isinstance(given, dict) and "share_group" in given:
            if given["share_group"] is not None:
                raise ValueError(instead_of_group(given))
            return {key: value for key, value in given.items() if key != "share_group"}  # null, as deploy/gateway.yaml had it
        return given

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.shares is not None and self.standby.machine is not None:
            raise ValueError("shares and standby.machine exclude each other: keep one of them (docs/several-gateways.md)")
        if self.shares is not None and self.client_id_file is not None:
            raise ValueError("shares and client_id_file exclude each other: on RabbitMQ the client id itself cannot be guessed")
        return self

    @model_validator(mode="after")
    def _alike(self) -> Self:
        urls = [self.url, *self.other_urls]
        if len({split_url(url).scheme for url in urls}) > 1:
            raise ValueError("url and other_urls must all begin with mqtt: or all with mqtts:")
        if len(set(urls)) < len(urls):
            raise ValueError("url and other_urls name an address twice")
        return self

    def addresses(self) -> dict[str, str]:
        """The addresses of all nodes in the order in which they are tried, each behind its key."""
        return {"mqtt.url": self.url} | {f"mqtt.other_urls.{at}": url for at, url in enumerate(self.other_urls)}


class EnrolmentSection(_Section):
    """The way by which devices come to the broker, and the account that makes theirs."""

    url: Annotated[str, check_address("mqtts", "mqtt", secrets="enrolment.username and enrolment.password_file")] | None = None
    ca: Path | None = None
    management: (
        Annotated[str, check_address("http", "https", secrets="enrolment.username and enrolment.password_file")] | None
    ) = None
    username: str = "administration"
    password_file: Path | None = None


class InfluxdbTls(_Section):
    """Certificates towards InfluxDB."""

    ca: Path | None = None


_INFLUXDB_SECRETS = "influxdb.token_file, or for v1 influxdb.username and influxdb.password_file"
DatabaseUrl = Annotated[str, check_address("http", "https", secrets=_INFLUXDB_SECRETS)]


class RollupsPlace(_Section):
    """The second place of roll-ups, completeness and balances, which keeps them longer than readings are kept."""

    url: DatabaseUrl | None = None
    read_url: DatabaseUrl | None = None
    bucket: str | None = Field(None, min_length=1)


class Influxdb(_Section):
    """The database for points."""

    url: DatabaseUrl = "http://127.0.0.1:8086"
    read_url: DatabaseUrl | None = None
    api: Literal["v1", "v2"] = "v2"
    org: str | None = None
    bucket: str = Field("iot", min_length=1)
    token: str | None = Field(None, repr=False)
    token_file: Path | None = None
    read_token_file: Path | None = None
    username: str | None = None
    password: str | None = Field(None, repr=False)
    password_file: Path | None = None
    timeout: Duration = timedelta(seconds=5)
    max_bytes_per_s: LinkBytes | None = None
    tls: InfluxdbTls = InfluxdbTls()
    rollups: RollupsPlace = RollupsPlace()

    @model_validator(mode="after")
    def _alike(self) -> Self:
        for key, url in self.addresses().items():
            if split_url(url).scheme != split_url(self.url).scheme:
                raise ValueError(f"url and {key.partition('.')[2]} must both begin with http: or both with https:")
        return self

    def addresses(self) -> dict[str, str]:
        """The addresses of the servers, by the keys that name them."""
        second = self.rollups
        given = {"url": self.url, "read_url": self.read_url, "rollups.url": second.url, "rollups.read_url": second.read_url}
        return {f"influxdb.{key}": url for key, url in given.items() if url is not None}

    @property
    def asked_url(self) -> str:
        """The address that questions go to."""
        return self.read_url or self.url

    def of_rollups(self) -> Self | None:
        """The second place of roll-ups; None: they stand beside the readings only."""
        second = self.rollups
        if second.url is None and second.bucket is None:
            return None
        return self.model_copy(
            update={
                "url": second.url or self.url,
                "read_url": second.read_url or (self.read_url if second.url is None else None),
                "bucket": second.bucket or self.bucket,
                "rollups": RollupsPlace(),
            }
        )


class BatchSection(_Section):
    """Limits of a batch."""

    max_delay: Duration = timedelta(milliseconds=10)
    max_readings: int = Field(5000, strict=True, ge=1, le=100_000)
    stall: Duration = timedelta(milliseconds=1500)


class JournalSection(_Section):
    """The store-and-forward log."""

    path: Path = Path("data/journal.db")
    max_bytes: SizeBytes = ByteSize(2**30)
    min_free_bytes: SizeBytes = ByteSize(200 * 2**20)
    when_full: Literal["drop_oldest", "stop_acking"] = "drop_oldest"


class RejectsSection(_Section):
    """Storage of rejects."""

    max_bytes: SizeBytes = ByteSize(64 * 2**20)


class DevicesSection(_Section):
    """The registry, and the rule for devices that are not in it."""

    registry: Path = Path("devices.yaml")
    unknown: Literal["accept", "quarantine", "reject"] = "accept"
    quarantine_max_bytes: SizeBytes = ByteSize(256 * 2**20)
    silent_after: dict[Literal["water", "power", "traffic", "urban"], PositiveDuration] = {}
    moving: bool = False


class ProfilesSection(_Section):
    """Profiles of makes of devices."""

    path: Path = Path("profiles")
    enable: list[str] = []


class CodecsSection(_Section):
    """Makers' codecs. ``unconfined``: whether they run where the kernel keeps machine code in them from nothing."""

    unconfined: Literal["refuse", "accept"] = "refuse"


class TimeSection(_Section):
    """Limits within which device times are believed, the zone of days, and the day on which months of billing begin."""

    max_past: Duration = timedelta(days=40)
    max_future: Duration = timedelta(minutes=5)
    late_after: Duration = timedelta(hours=1)
    zone: ZoneName = "Asia/Ho_Chi_Minh"
    reading_day: int = Field(1, strict=True, ge=1, le=READING_DAY_MAX)


class LimitsSection(_Section):
    """Bounds."""

    payload_bytes: SizeBytes = ByteSize(262144)
    memory_bytes: SizeBytes = ByteSize(32 * 2**20)
    devices: int = Field(20_000, strict=True, ge=1)
    simulated: Literal["accept", "reject"] = "accept"


class HttpTls(_OwnCertificate):
    """The certificate that the pages are served with; without it they are served as plain HTTP."""


class HttpSection(_Section):
    """The pages and the API."""

    token_file: Path | None = None
    tokens_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = Field(8080, strict=True, ge=0, le=65535)
    hosts: list[HostName] = []
    tls: HttpTls = HttpTls()
    trusted_proxies: list[AddressOrNetwork] = []
    grafana: DevicePageLink | None = None
    others: dict[str, Annotated[str, check_address("http", "https", secrets="none: each gateway asks for a name itself")]] = {}

    @field_validator("host")
    @classmethod
    def _no_open_door(cls, host: str, info: ValidationInfo) -> str:
        if not is_loopback(host) and info.data.get("token_file") is None and info.data.get("tokens_file") is None:
            what = "give http.tokens_file or http.token_file, or stay on 127.0.0.1"
            raise ValueError(f"{host} is open to the network: {what}")
        return host


_WEBHOOK_SECRETS = "alarms.webhook_token_file"


class AlarmsSection(_Section):
    """The rules that raise alarms, and who is told of an alarm."""

    rules: Path = Path("alarms.yaml")
    alertmanager: Annotated[str, check_address("http", "https", secrets="none: put a proxy on this machine")] | None = None
    webhook: Annotated[str, check_address("http", "https", secrets=_WEBHOOK_SECRETS)] | None = None
    webhook_token_file: Path | None = None
    mqtt: bool = False


class AuditSection(_Section):
    """The proof of the audit log that other machines keep."""

    mqtt: bool = False


class OpenDataSection(_Section):
    """The open data: figures of areas, for everybody.

    :ivar nightly: they are written each night.
    :ivar keep: the days of which files are kept.
    :ivar publisher: the name of the utility, for the catalogue; ``license``: the address of the licence.
    """

    nightly: bool = False
    keep: Duration = timedelta(days=400)
    publisher: str | None = None
    license: str | None = None


class LogSection(_Section):
    """Level and form of the log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(_Section):
    """All settings."""

    mqtt: Mqtt = Mqtt()
    enrolment: EnrolmentSection = EnrolmentSection()
    influxdb: Influxdb = Influxdb()
    batch: BatchSection = BatchSection()
    journal: JournalSection = JournalSection()
    rejects: RejectsSection = RejectsSection()
    devices: DevicesSection = DevicesSection()
    profiles: ProfilesSection = ProfilesSection()
    codecs: CodecsSection = CodecsSection()
    time: TimeSection = TimeSection()
    limits: LimitsSection = LimitsSection()
    http: HttpSection = HttpSection()
    alarms: AlarmsSection = AlarmsSection()
    audit: AuditSection = AuditSection()
    open_data: OpenDataSection = OpenDataSection()
    log: LogSection = LogSection()
    language: Literal["vi", "en"] = "vi"
    _file: Path | None = PrivateAttr(default=None)

    @property
    def runs_unconfined_codecs(self) -> bool:
        """Codecs run where nothing confines them."""
        return self.codecs.unconfined == "accept"

    @property
    def file(self) -> Path | None:
        """The file that it was read from; None: there is none."""
        return self._file

    def read_from(self, file: Path) -> None:
        """Note the file that it was read from."""
        self._file = file
