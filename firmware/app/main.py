"""Run at start by MicroPython."""

import station_app

station_app.run()
