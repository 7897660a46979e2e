"""An Alertmanager of the test's own."""

import shutil
from dataclasses import replace
from pathlib import Path

from gateway.commands.demo.services import Program, Service, dies_with_parent, free_port, made, over_http


def alertmanager(folder: Path, *, receiver_url: str) -> Service:
    """An Alertmanager that passes every alert on to ``receiver_url`` as it comes, resolved ones too."""
    port, written = free_port(), folder / "alertmanager.yml"
    written.write_text(
        "route: {receiver: all, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
        f"receivers: [{{name: all, webhook_configs: [{{url: '{receiver_url}', send_resolved: true}}]}}]\n"
    )
    arguments = [
        f"--config.file={written}",
        f"--storage.path={made(folder / 'alertmanager-data')}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",  # alone
    ]
    service = over_http("alertmanager", "prometheus-alertmanager", folder, port, arguments, {("GET", "/-/ready"): 200})
    return _with_share(service, "prometheus/alertmanager/default.tmpl")


def _with_share(service: Service, needed: str) -> Service:
    """The service of a package that looks into /usr/share: unpacked, it is shown the folder that it was unpacked with."""
    share = service.program.path.parents[1] / "share"
    unshare = shutil.which("unshare")
    if unshare is None or Path("/usr/share", needed).exists() or not (share / needed).exists():
        return service
    show = ["sh", "-c", 'mount --bind "$1" /usr/share && shift && exec "$@"', "sh", str(share), *dies_with_parent()]
    arguments = ["--map-root-user", "--mount", *show, str(service.program.path), *service.arguments]
    return replace(service, program=Program(Path(unshare)), arguments=arguments)
