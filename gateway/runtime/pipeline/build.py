"""The list of what a gateway is made of, from top to bottom. Each room is built from those above it."""

from dataclasses import dataclass

from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.certificates import CertificateRenewal
from gateway.runtime.pipeline.alarming import Alarming, build_alarming
from gateway.runtime.pipeline.closing import Closing, build_closing
from gateway.runtime.pipeline.delivering import Delivery, build_delivery
from gateway.runtime.pipeline.foundation import Foundation, Lanes, lay_foundation
from gateway.runtime.pipeline.pairing import Pairing, build_pairing
from gateway.runtime.pipeline.processing import Processing, build_processing
from gateway.runtime.pipeline.receiving import Receiving, build_receiving
from gateway.runtime.pipeline.sharing import Sharing, build_sharing
from gateway.runtime.pipeline.waiting import Waiting, build_waiting
from gateway.runtime.pipeline.watching import Watching, build_watching
from gateway.runtime.reload import Credentials, Reload
from gateway.support.clock import WallClock
from gateway.support.config.model import Config


@dataclass(frozen=True, slots=True)
class Parts:
    """The rooms of a gateway, joined.

    :ivar lanes: the coroutines that run side by side while it runs, by name.
    """

    foundation: Foundation
    processing: Processing
    pairing: Pairing
    delivery: Delivery
    waiting: Waiting
    alarming: Alarming
    watching: Watching
    closing: Closing
    receiving: Receiving
    sharing: Sharing
    reload: Reload
    lanes: Lanes


def build(config: Config, file: Database, clock: WallClock) -> Parts:
    """Build a gateway; ``file`` is open, a loop is running.

    :raises ConfigurationFault: the registry, a profile or a certificate cannot be used.
    """
    foundation = lay_foundation(config, file, clock)
    processing = build_processing(foundation)
    pairing = build_pairing(foundation)
    connection = pairing.connection
    delivery = build_delivery(foundation, processing, connection)
    waiting = build_waiting(foundation, processing, delivery, pairing)
    alarming = build_alarming(foundation, processing, delivery, pairing)
    watching = build_watching(foundation, processing, delivery, waiting, alarming, pairing)
    closing = build_closing(foundation, processing, delivery, watching, pairing)
    receiving = build_receiving(foundation, processing, delivery, waiting, watching.self_report, pairing)
    sharing = build_sharing(foundation, processing, delivery, waiting, alarming, watching, receiving)
    snapshots, moves = processing.device_snapshots, sharing.moves
    clients, watch = delivery.destination.clients, watching.certificate_watch
    renewal = CertificateRenewal(config, foundation.tls, pairing.connections, clients, watch)
    credentials = Credentials(foundation.access, renewal)
    reload = Reload(file, waiting.codecs, snapshots, moves, waiting.released, watching.status, credentials)
    rooms = (delivery, receiving, waiting, processing, alarming, watching, closing, sharing, pairing)
    lanes = pairing.gated({name: lane for room in rooms for name, lane in room.lanes.items()})
    parts = foundation, processing, pairing, delivery, waiting, alarming, watching, closing, receiving, sharing
    return Parts(*parts, reload, lanes)
