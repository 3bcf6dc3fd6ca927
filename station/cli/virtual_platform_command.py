"""`station virtual platform`: the IoT platform on 127.0.0.1, for training and for trying things out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.stopping import noted_signals, wait_for_the_end
from station.errors import Code, PortFault, UsageError

if TYPE_CHECKING:
    from station.virtual.platform import VirtualPlatform

_port = click.IntRange(0, 65535)
_file_to_read = click.Path(dir_okay=False, exists=True, path_type=Path)
_file_to_write = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--port", type=_port, required=True, help="TCP port for MQTT on 127.0.0.1; 0 takes a free one.")
@click.option("--tls-port", type=_port, default=0, show_default=True, help="The same for MQTT over TLS.")
@click.option("--openapi-port", type=_port, default=0, show_default=True, help="The same for OpenAPI and files.")
@click.option("--instance-id", default="", metavar="ID", help="Then every call of the OpenAPI must name it.")
@click.option("--ca-out", type=_file_to_write, help="Write the TLS root certificate (PEM) there.")
@click.option(
    "--load", "csv", type=_file_to_read, help="A console CSV whose devices are registered, with their secrets."
)
@click.option("--product", default="", metavar="NAME", help="Make a product of this name.")
@click.option(
    "--product-key", default="", metavar="KEY", help="Its ProductKey (default: one of the platform's choice)."
)
@click.option("--thing-model", type=_file_to_read, help="Its thing model, the platform's TSL JSON.")
@click.option("--gateway", is_flag=True, help="Its devices may have sub-devices.")
@click.option("--devices", type=click.IntRange(0, 10_000), default=0, help="Register so many devices of it.")
@click.option("--csv-out", type=_file_to_write, help="Write its certificates there, as the console's CSV.")
@global_options
@pass_session
def platform(
    session: Session,
    port: int,
    tls_port: int,
    openapi_port: int,
    instance_id: str,
    ca_out: Path | None,
    csv: Path | None,
    product: str,
    product_key: str,
    thing_model: Path | None,
    gateway: bool,
    devices: int,
    csv_out: Path | None,
) -> None:
    """Serve a platform until Ctrl-C: MQTT for devices, the OpenAPI for the official client with its endpoint changed.

    Nothing is kept after its end. A product's certificates are downloaded from the console's address as
    <ProductKey>.csv. With --json one object {event, mqtt, mqtts, openapi, console, access_key_id,
    access_key_secret, instance_id, product_key} says that it is ready.

    Example: station virtual platform --port 1883 --product plug --devices 20 --csv-out batch.csv
    """
    from station.virtual.platform import (  # noqa: PLC0415  `virtual chip` must not pay for aiohttp
        RegistryFault,
        Settings,
        VirtualPlatform,
    )

    if not product and (product_key or thing_model or gateway or devices or csv_out):
        raise UsageError("These options describe a product that is not named", "Name it with --product")
    settings = Settings(port, tls_port, openapi_port, instance_id)
    served = VirtualPlatform(settings)
    try:
        served.start()
    except OSError as error:
        raise PortFault(
            Code.PORT_BUSY,
            f"A TCP port cannot be opened: {error.strerror}",
            "Close the program that has it, or take others with --port, --tls-port, --openapi-port",
            "127.0.0.1",
        ) from error
    try:
        if csv is not None:
            _load(served, csv)
        key = ""
        if product:
            model = None if thing_model is None else _read_model(thing_model)
            key = served.create_product(product, product_key=product_key or None, is_gateway=gateway, thing_model=model)
            served.register(key, [f"device-{number:05d}" for number in range(1, devices + 1)])
        if csv_out is not None:
            _write(csv_out, served.csv(key))
        if ca_out is not None:
            _write(ca_out, served.ca_pem.encode("ascii"))
        _serve(session, served, key)
    except (RegistryFault, ValueError) as fault:
        raise UsageError(f"The platform refuses: {fault}", "See station virtual platform --help") from fault
    finally:
        served.stop()


def _serve(session: Session, served: VirtualPlatform, product_key: str) -> None:
    with noted_signals() as request:
        _tell(session, served, product_key)
        wait_for_the_end(request)


def _tell(session: Session, served: VirtualPlatform, product_key: str) -> None:
    settings = served.settings
    facts = {
        "mqtt": served.mqtt_url,
        "mqtts": f"mqtts://127.0.0.1:{served.tls_port}",
        "openapi": f"http://{served.openapi_endpoint}",
        "console": served.console_url,
        "access_key_id": settings.access_key_id,
        "access_key_secret": settings.access_key_secret,
        "instance_id": settings.instance_id,
        "product_key": product_key,
    }
    if session.json:
        say_json({"event": "ready", **facts})
        return
    for name, value in facts.items():
        if value:
            say(f"{name:<18} {value}")


def _load(served: VirtualPlatform, csv: Path) -> None:
    try:
        served.load_csv(csv.read_bytes())
    except ValueError as error:
        raise UsageError(
            f"The certificates cannot be loaded: {error}", "Name a CSV as the platform's console gives it", str(csv)
        ) from error


def _read_model(path: Path) -> dict[str, Any]:
    try:
        model = json.loads(path.read_bytes())
    except ValueError as error:
        raise UsageError(f"The thing model is no JSON: {error}", "Name the platform's TSL file", str(path)) from error
    if not isinstance(model, dict):
        raise UsageError("The thing model is no JSON object", "Name the platform's TSL file", str(path))
    return model


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"The file cannot be written: {error.strerror}", "Name another file", str(path)) from error
