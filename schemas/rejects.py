"""The closed lists of why something did not become data."""

from enum import StrEnum


class RejectReason(StrEnum):
    """The reason why a message, an object in it or a point could not become data."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    BAD_JSON = "bad_json"
    BAD_PAYLOAD = "bad_payload"
    NO_QUANTITY = "no_quantity"
    UNKNOWN_TOPIC = "unknown_topic"
    UNKNOWN_DEVICE = "unknown_device"
    DEVICE_MISMATCH = "device_mismatch"
    AMBIGUOUS_PROFILE = "ambiguous_profile"
    PROFILE_ERROR = "profile_error"
    NO_BIRTH = "no_birth"
    TIME_CONFLICT = "time_conflict"
    INFLUXDB_REJECTED = "influxdb_rejected"
    INTERNAL_ERROR = "internal_error"


class DropCause(StrEnum):
    """The cause for which one value of a reading was dropped; the rest of the reading was kept."""

    UNKNOWN_KEY = "unknown_key"
    WRONG_TYPE = "wrong_type"
    NOT_FINITE = "not_finite"
    OUT_OF_BOUNDS = "out_of_bounds"
    SENTINEL = "sentinel"
    NO_INTERVAL = "no_interval"
    BAD_TAG = "bad_tag"


class IgnoreCause(StrEnum):
    """The cause for which a message is ignored: it is neither data nor a fault."""

    STATUS = "status"
    RETAINED = "retained"
    NOT_DATA = "not_data"
    RULE = "rule"
