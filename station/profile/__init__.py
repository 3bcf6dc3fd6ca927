"""The recipe: what a unit of one product gets and how it is checked (DESIGN §6)."""

from station.profile.model import Profile
from station.profile.prepare import prepare_recipe
from station.profile.reading import load_profile
from station.profile.recipe import Recipe

__all__ = ["Profile", "Recipe", "load_profile", "prepare_recipe"]
