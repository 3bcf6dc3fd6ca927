"""The OpenAPI's actions on products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from station.virtual.platform.api_call import ApiCall, ApiFault
from station.virtual.platform.core import Core
from station.virtual.platform.registry import Product

PRODUCTS_A_PAGE_MAX: Final = 200
_GATEWAY: Final = 1


class ProductActions:
    """Makes, lists and shows products."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def actions(self) -> Mapping[str, Callable[[ApiCall], dict[str, Any]]]:
        return {"CreateProduct": self._create, "QueryProductList": self._list, "QueryProduct": self._show}

    def _create(self, call: ApiCall) -> dict[str, Any]:
        if call.text("NodeType") not in {"0", "1"}:
            raise ApiFault("iot.prod.InvalidNodeType", "The node type is 0 or 1.")
        product = self._core.registry.create_product(
            call.text("ProductName"),
            is_gateway=int(call.text("NodeType")) == _GATEWAY,
            description=call.parameters.get("Description", ""),
        )
        return {"ProductKey": product.product_key, "Data": _view(product)}

    def _list(self, call: ApiCall) -> dict[str, Any]:
        page, size = call.number("CurrentPage"), call.number("PageSize", most=PRODUCTS_A_PAGE_MAX)
        products = list(self._core.registry.products.values())
        listed = [_view(product) for product in page_of(products, page, size)]
        data = {"CurrentPage": page, "PageSize": size, "PageCount": pages(len(products), size), "Total": len(products)}
        return {"Data": {**data, "List": {"ProductInfo": listed}}}

    def _show(self, call: ApiCall) -> dict[str, Any]:
        product = self._core.registry.product(call.text("ProductKey"))
        return {"Data": {**_view(product), "ProductSecret": product.secret, "ProductStatus": "DEVELOPMENT_STATUS"}}


def pages(total: int, size: int) -> int:
    """How many pages of this size hold so many."""
    return -(-total // size)


def page_of(items: Sequence[Any], page: int, size: int) -> Sequence[Any]:
    """The items on a page, which count from 1; empty after the last."""
    return items[(page - 1) * size : page * size]


def _view(product: Product) -> dict[str, Any]:
    return {
        "ProductKey": product.product_key,
        "ProductName": product.name,
        "NodeType": int(product.is_gateway),
        "DataFormat": 1,
        "AuthType": "secret",
        "DeviceCount": len(product.devices),
        "Description": product.description,
        "GmtCreate": int(product.created_at * 1000),
    }
