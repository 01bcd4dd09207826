"""The model card that is published with weights: what the file says about itself, and how to use it."""

from typing import Any

from multibox.weights.description import Description
from multibox.weights.hub.name import HubName
from multibox.words import escaped

_FRONT = """---
library_name: multibox
pipeline_tag: object-detection
tags:
- object-detection
- ssd
{license}---
"""

_BODY = """
# {title}

SSD detector, trained or converted with multibox, for {classes}. Network input: {height} x {width} pixels,
{priors:,} default boxes.

| | |
|---|---|
{facts}

## Classes

{names}

## Use

With multibox and its extra `hub` installed:

```
multibox detect photo.jpg --weights {name}
```

```python
import multibox

detector = multibox.Detector.load("{name}")
for box, score, name in detector("photo.jpg").above(0.5):
    print(name, score, box)  # x1, y1, x2, y2 in pixels
```
"""


def model_card(name: HubName, description: Description, *, license: str | None) -> str:
    """The card as Markdown with YAML front matter. Names are shown as code, so that they cannot be markup."""
    config = description.config
    count = len(description.class_names)
    return _FRONT.format(license=f"license: {license}\n" if license else "") + _BODY.format(
        title=name.repository.partition("/")[2],
        classes=f"{count} class" if count == 1 else f"{count} classes",
        height=config.input_size.height,
        width=config.input_size.width,
        priors=config.priors.count,
        facts="\n".join(f"| {key} | {value} |" for key, value in _facts(description)),
        names=", ".join(_code(class_name) for class_name in description.class_names),
        name=str(name),
    )


def _facts(description: Description) -> list[tuple[str, str]]:
    """What is known of model, training and score."""
    info: dict[str, Any] = description.info
    recipe = info.get("recipe")
    recipe_name = recipe.get("name") if isinstance(recipe, dict) else recipe
    score, metric = info.get("score"), info.get("metric")
    shown = f"{100 * score:.1f} % ({metric})" if isinstance(score, int | float) else None
    facts = {
        "model": description.config.name,
        "about": info.get("about"),
        "origin": info.get("origin"),
        "recipe": recipe_name,
        "training data": info.get("data"),
        "images": info.get("images"),
        "average precision on validation data": shown,
        "published score": info.get("published_score"),
    }
    return [(key, _code(str(value))) for key, value in facts.items() if value is not None]


def _code(text: str) -> str:
    plain = escaped(text).replace("`", "'").replace("|", "/")
    return f"`{plain}`"
