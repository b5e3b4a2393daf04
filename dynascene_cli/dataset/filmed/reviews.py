"""What a person decided about a data set's clips, and the manifests that follow from it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from dynascene_cli.dataset.filmed.settings import SPLITS, Decision
from dynascene_cli.dataset.manifest import write_manifest
from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.storage.text_files import read_json

MANIFEST = "manifest.jsonl"
REVIEWS = "reviews.json"


@dataclass
class Reviews:
    """Decisions by the clips' names, and what each replaced, the latest last."""

    folder: Path
    decisions: dict[str, Decision] = field(default_factory=dict)
    history: list[tuple[str, Decision | None]] = field(default_factory=list)

    def decide(self, name: str, decision: Decision) -> None:
        """Accept or reject a clip."""
        self.history.append((name, self.decisions.get(name)))
        self.decisions[name] = decision
        self._keep()

    def undo(self) -> str | None:
        """Take the latest decision back: the clip's name, None where there is none."""
        if not self.history:
            return None
        name, before = self.history.pop()
        if before is None:
            del self.decisions[name]
        else:
            self.decisions[name] = before
        self._keep()
        return name

    def _keep(self) -> None:
        kept = {"decisions": self.decisions, "history": self.history}
        publish_text(self.folder / REVIEWS, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def read_reviews(folder: Path) -> Reviews:
    """The decisions that are kept in a data set's folder; none where it was never reviewed.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / REVIEWS
    if not path.exists():
        return Reviews(folder)
    kept: Any = read_json(path)
    try:
        decisions = {str(name): decision for name, decision in kept["decisions"].items()}
        history = [(str(name), before) for name, before in kept["history"]]
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is damaged", "move it away: its decisions are lost") from error
    if not set(decisions.values()) <= set(get_args(Decision)):
        raise InputError(f"{path} is damaged", "move it away: its decisions are lost")
    return Reviews(folder, decisions, history)


def write_manifests(
    folder: Path, lines: Sequence[Mapping[str, Any]], decisions: Mapping[str, Decision]
) -> None:
    """Write the manifest of all clips with what was decided, and of each split's but rejected."""
    told = []
    for line in lines:
        plain = {key: value for key, value in line.items() if key != "review"}
        decision = decisions.get(line["name"])
        told.append(plain | ({"review": decision} if decision else {}))
    write_manifest(folder / MANIFEST, told)
    for split in SPLITS:
        chosen = [
            line for line in told if line.get("split") == split and line.get("review") != "rejected"
        ]
        write_manifest(folder / f"{split}.jsonl", chosen)
