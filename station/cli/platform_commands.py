"""`station platform`: products, orders and devices on the IoT platform, through its official client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from station.cli.asking import ask, at_terminal
from station.cli.batch_commands import table
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.platform_devices import disable, enable, reconcile, status
from station.cli.platform_register import register
from station.cli.platform_settings import open_platform, platform_options, platform_settings
from station.errors import UsageError

if TYPE_CHECKING:
    from station.platform.records import Product


@click.group()
@global_options
def platform() -> None:
    """Products and devices on the IoT platform."""


for command in (register, status, disable, enable, reconcile):
    platform.add_command(command)


@platform.command("login")
@click.option("--forget", is_flag=True, help="Remove the stored access key instead.")
@platform_options
@global_options
@pass_session
def login(session: Session, forget: bool) -> None:
    """Ask for an access key, try it, and keep it in the system keyring.

    Without one the official client's own chain is used: ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET, its configuration file,
    the role of the machine.

    With --json one object: access_key_id (null when it is forgotten).

    Example: station platform login --region cn-shanghai
    """
    from station.certificate import Secret  # noqa: PLC0415  --help must not pay for it
    from station.platform.access_key import AccessKey, forget_access_key, store_access_key  # noqa: PLC0415  as above
    from station.platform.openapi_client import OpenApiClient  # noqa: PLC0415  as above
    from station.platform.platform_api import PlatformApi  # noqa: PLC0415  as above

    if forget:
        was_there = forget_access_key()
        if session.json:
            say_json({"access_key_id": None})
        else:
            say("The access key is forgotten." if was_there else "No access key was stored.")
        return
    if not at_terminal():
        raise UsageError(
            "An access key is asked for at a terminal, and there is none",
            "Use one, or give the key in ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        )
    key_id = ask("AccessKey ID")
    key = AccessKey(key_id, Secret(str(click.prompt("AccessKey secret", hide_input=True, err=True)).strip()))
    PlatformApi(OpenApiClient(platform_settings(session), key)).products()
    store_access_key(key)
    if session.json:
        say_json({"access_key_id": key_id})
    else:
        say(f"The platform takes access key {key_id}; it is in the system keyring now.")


@platform.command("products")
@click.option("--create", metavar="NAME", help="Make a product of this name first.")
@platform_options
@global_options
@pass_session
def products(session: Session, create: str | None) -> None:
    """List the products of the account, or make one.

    With --json an array of {product_key, name, devices, is_gateway, created}; with --create one such object.

    Example: station platform products --create "smart plug"
    """
    api = open_platform(session)
    if create is not None:
        made = api.create_product(create)
        if session.json:
            say_json(_product_object(made))
        else:
            say(f"Product {made.name} is there: ProductKey {made.product_key}")
        return
    found = api.products()
    if session.json:
        say_json([_product_object(one) for one in found])
    elif not found:
        say("No product yet: station platform products --create NAME")
    else:
        rows = [(one.product_key, str(one.devices), one.name) for one in found]
        say(table(("PRODUCT_KEY", "DEVICES", "NAME"), rows))


def _product_object(product: Product) -> dict[str, Any]:
    return {
        "product_key": product.product_key,
        "name": product.name,
        "devices": product.devices,
        "is_gateway": product.is_gateway,
        "created": product.created.isoformat() if product.created else None,
    }
