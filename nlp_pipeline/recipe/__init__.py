"""The recipe: what to do, as a YAML file with defaults, and nothing that it does not know.

A field's default is what a recipe that does not name it gets. How the file is read, and how a mistake in it is told, is
in `recipe.file`.
"""

from nlp_pipeline.recipe.section import Encoder, Training
from nlp_pipeline.recipe.tagging import TaggingRecipe
from nlp_pipeline.recipe.translation import TranslationRecipe

Recipe = TaggingRecipe | TranslationRecipe
TASKS: dict[str, type[TaggingRecipe] | type[TranslationRecipe]] = {
    "tagging": TaggingRecipe,
    "translation": TranslationRecipe,
}

__all__ = ["TASKS", "Encoder", "Recipe", "TaggingRecipe", "Training", "TranslationRecipe"]
