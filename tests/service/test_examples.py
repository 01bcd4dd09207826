"""The files in examples/serve against the service: options, metrics, and CVAT's annotation function."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
import typer
import yaml

from multibox.cli import app
from multibox.detection.detector import Detector
from multibox.images.decode import read_image
from running_service import Running

FOLDER = Path(__file__).parents[2] / "examples" / "serve"


@pytest.mark.parametrize("name", ["multibox.service", "compose.yaml"])
def test_command_lines_have_known_options(name: str):
    """Options of the systemd unit and of the container against those of the command."""
    line = re.search(r"serve lite320-animals (.*)", (FOLDER / name).read_text("utf-8"))
    assert line
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", line[1])) <= known


def test_queries_name_metrics_that_exist(server: Running, photo: bytes):
    """Metrics in Grafana's panels and Prometheus's rules against /metrics."""
    server.client.post("/v1/detect", content=photo)
    text = server.client.get("/metrics").text
    panels = json.loads((FOLDER / "grafana.json").read_text("utf-8"))["panels"]
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]] + [rule["expr"] for rule in rules]
    names = {name for query in queries for name in re.findall(r"multibox_\w+", query)}
    assert len(names) > 10
    assert [name for name in sorted(names) if not re.search(rf"^{name}[ {{]", text, flags=re.MULTILINE)] == []


def test_the_proxy_and_prometheus_know_the_defaults():
    """The port and the size of bodies in nginx.conf and prometheus.yml against the defaults of the options."""
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    defaults = {parameter.name: parameter.default for parameter in command.params}
    nginx = (FOLDER / "nginx.conf").read_text("utf-8")
    assert f"server 127.0.0.1:{defaults['port']};" in nginx
    assert f"client_max_body_size {defaults['max_mb']:g}m;" in nginx
    scrape = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))["scrape_configs"][0]
    assert scrape["static_configs"] == [{"targets": [f"127.0.0.1:{defaults['port']}"]}]


def test_cvat_gets_rectangles(server: Running, weights: Path, photo: bytes, tmp_path: Path, monkeypatch):
    """The annotation function, called as CVAT calls it, against the detector."""
    pytest.importorskip("cvat_sdk", reason="cvat-sdk is not installed")
    import PIL.Image

    monkeypatch.setenv("MULTIBOX", f"http://127.0.0.1:{server.port}")
    spec = importlib.util.spec_from_file_location("cvat_function", FOLDER / "cvat_function.py")
    assert spec
    assert spec.loader
    function = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "cvat_function", function)
    spec.loader.exec_module(function)

    class Context:
        conf_threshold = 0.5

    (tmp_path / "a.jpg").write_bytes(photo)
    shapes = function.detect(Context, PIL.Image.open(tmp_path / "a.jpg"))
    expected = Detector.load(weights)(read_image(photo)).above(0.5)
    assert [shape.label_id for shape in shapes] == expected.labels.tolist()
