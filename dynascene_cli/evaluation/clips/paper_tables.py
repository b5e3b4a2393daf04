"""The paper's tables 2 to 4, with one's own numbers under its own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dynascene_cli.errors import InputError
from dynascene_cli.evaluation.clips.metric_names import NUMBERS
from dynascene_cli.evaluation.clips.tables import latex_table
from dynascene_cli.reports.tables import markdown_table
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.storage.text_files import read_json
from dynascene_cli.video.outputs import check_writable

TableName = Literal["table2", "table3", "table4"]

METRICS = ("l1", "psnr", "ssim", "lpips", "fid", "fvd_i3d", "fvd_3dres")

TITLES: dict[TableName, str] = {
    "table2": "Comparison with other methods (table 2)",
    "table3": "Camera control, background outpainting, scene variation (table 3)",
    "table4": "Training in one stage and in two (table 4)",
}

PUBLISHED: dict[TableName, dict[str, tuple[float, ...]]] = {
    "table2": {
        "MotionCtrl (SVD)": (1.60e-4, 28.13, 0.382, 0.596, 285.16, 200.24, 2780.03),
        "CameraCtrl (SVD)": (9.87e-5, 29.12, 0.464, 0.442, 175.33, 104.11, 1770.60),
        "ActAnywhere, by the authors": (1.42e-4, 28.04, 0.393, 0.531, 214.67, 192.76, 2174.41),
        "DynaScene": (8.12e-5, 29.27, 0.506, 0.354, 96.18, 55.84, 1064.36),
    },
    "table3": {
        "baseline": (8.51e-5, 28.99, 0.495, 0.364, 98.63, 59.32, 1211.89),
        "+ CC": (8.41e-5, 29.10, 0.500, 0.359, 97.84, 58.09, 1124.56),
        "+ CC + BO": (8.34e-5, 29.06, 0.503, 0.360, 96.73, 56.73, 1097.15),
        "+ CC + BO + SV": (8.12e-5, 29.27, 0.506, 0.354, 96.18, 55.84, 1064.36),
    },
    "table4": {
        "single-stage": (8.28e-5, 29.09, 0.501, 0.357, 98.44, 57.54, 1139.98),
        "two-stage": (8.12e-5, 29.27, 0.506, 0.354, 96.18, 55.84, 1064.36),
    },
}
"""As the paper prints them, in the order of METRICS."""


@dataclass(frozen=True)
class Row:
    """A method of a table: its numbers by METRICS, None where there is none, and where from."""

    method: str
    source: str
    numbers: tuple[float | None, ...]


def paper_table(name: TableName, results: Sequence[Path]) -> list[Row]:
    """The published rows of a table, then those of results of ``evaluate clips``.

    Raises:
        InputError: a file holds no results.
    """
    published = [Row(method, "published", values) for method, values in PUBLISHED[name].items()]
    return [*published, *(row for path in results for row in _read_rows(path))]


def write_paper_table(
    name: TableName, results: Sequence[Path], outputs: Sequence[Path]
) -> dict[str, Any]:
    """Lay a table out, write it by the suffixes, and give it as the command prints it.

    Raises:
        InputError: a file holds no results, or one cannot be written to.
    """
    for path in outputs:
        if path.suffix.lower() not in (".md", ".tex", ".json"):
            raise InputError(f"{path}: no such table is written", "use .md, .tex or .json")
        check_writable(path)
    rows = paper_table(name, results)
    header, cells = _cells(rows)
    data: dict[str, Any] = {
        "title": TITLES[name],
        "metrics": list(METRICS),
        "rows": [vars(row) for row in rows],
        "text": f"{TITLES[name]}\n\n{markdown_table(header, cells)}\n{NOTE}",
    }
    texts = {
        ".md": data["text"] + "\n",
        ".tex": latex_table(header, cells),
        ".json": json.dumps({key: data[key] for key in ("title", "metrics", "rows")}) + "\n",
    }
    for path in outputs:
        publish_text(path, texts[path.suffix.lower()])
    return data


NOTE = (
    "Published rows are the paper's, on its own 1,000 test clips, which are not public: no other\n"
    "row can be compared with them, of whichever protocol. MotionCtrl and CameraCtrl are not\n"
    "measured here: an adapter would need their SVD weights, take the scene picture and the\n"
    "camera path, and put the person's latent back at every step (Eq. 4)."
)


def _read_rows(path: Path) -> list[Row]:
    document = read_json(path)
    methods = document.get("methods") if isinstance(document, dict) else None
    if not isinstance(methods, dict):
        raise InputError(f"{path} holds no results", "write some: evaluate clips -o FILE.json")
    assert isinstance(document, dict)
    source = f"{document.get('protocol')}, {document.get('clips')} clips"
    rows = []
    for method, found in methods.items():
        values = []
        for metric in METRICS:
            mean = found.get("metrics", {}).get(metric) or {}
            score = found.get("distances", {}).get(metric) or {}
            values.append(mean.get("mean", score.get("value")))
        rows.append(Row(str(method), source, tuple(values)))
    return rows


def _cells(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    header = ["", "protocol", *(NUMBERS[metric].heading for metric in METRICS)]
    cells = [
        [
            row.method,
            row.source,
            *(NUMBERS[m].format_value(v) for m, v in zip(METRICS, row.numbers, strict=True)),
        ]
        for row in rows
    ]
    return header, cells
